//! `CLUSTER`: what a node tells of the cluster.

use std::fmt::Write;

use super::args::count;
use super::command::{Args, Row};
use super::error::{Error, Outcome};
use super::node::ServerCall;
use super::redirect::Membership;
use super::view::Member;
use crate::limits::SLOTS;
use crate::proto::cluster::Slot;
use crate::proto::resp::{Protocol, Writer, parse_integer};

pub(super) const ROWS: &[Row] = &[Row::family("cluster", CLUSTER)];

const CLUSTER: &[Row] = &[
    Row::server("cluster|countkeysinslot", 3, count_keys_in_slot),
    Row::server("cluster|getkeysinslot", 4, get_keys_in_slot),
    Row::server("cluster|info", 2, info),
    Row::server("cluster|keyslot", 3, key_slot),
    Row::server("cluster|myid", 2, my_id),
    Row::server("cluster|nodes", 2, nodes),
    Row::server("cluster|shards", 2, shards),
    Row::server("cluster|slots", 2, slots),
];

const INVALID_SLOT: Error = Error::new("ERR Invalid or out of range slot");

fn membership<'a>(call: &'a ServerCall<'_>) -> Result<&'a Membership, Error> {
    let disabled = Error::new("ERR This instance has cluster support disabled");
    call.state.membership.as_ref().ok_or(disabled)
}

fn my_id(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    membership(call)?;
    let id = call.state.id.clone();
    call.out().bulk(id.as_bytes());
    Ok(())
}

fn key_slot(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    membership(call)?;
    call.out().integer(i64::from(Slot::of(args[2]).number()));
    Ok(())
}

fn slot(arg: &[u8]) -> Result<Option<Slot>, Error> {
    let number = parse_integer(arg).ok_or(INVALID_SLOT)?;
    Ok(u16::try_from(number).ok().and_then(Slot::new))
}

fn count_keys_in_slot(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    membership(call)?;
    let slot = slot(args[2])?.ok_or(Error::new("ERR Invalid slot"))?;
    let len = call.state.store.keys_in(slot).count();
    call.out().integer(i64::try_from(len).unwrap_or(i64::MAX));
    Ok(())
}

fn get_keys_in_slot(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    membership(call)?;
    let slot = slot(args[2])?;
    let invalid = Error::new("ERR Invalid slot or number of keys");
    let max = parse_integer(args[3]).ok_or(Error::NOT_INTEGER)?;
    let (Some(slot), true) = (slot, max >= 0) else { return Err(invalid) };
    let keys = call.state.store.keys_in(slot).take(count(args[3])?);
    let keys: Vec<Vec<u8>> = keys.map(<[u8]>::to_vec).collect();
    call.out().array(keys.len());
    for key in keys {
        call.out().bulk(&key);
    }
    Ok(())
}

fn info(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    let own = membership(call)?;
    let view = &own.view;
    let assigned = view.assigned();
    let failed: usize = view
        .primaries()
        .filter(|index| view.members[*index].failed)
        .flat_map(|index| view.ranges(index))
        .map(|(first, last)| usize::from(last - first) + 1)
        .sum();
    let size = view.primaries().filter(|index| !view.ranges(*index).is_empty()).count();
    let lines = [
        ("cluster_slots_assigned", assigned as u64),
        ("cluster_slots_ok", (assigned - failed) as u64),
        ("cluster_slots_pfail", 0),
        ("cluster_slots_fail", failed as u64),
        ("cluster_known_nodes", view.members.len() as u64),
        ("cluster_size", size as u64),
        ("cluster_current_epoch", view.epoch),
        ("cluster_my_epoch", view.members[view.primary_of(own.me)].epoch),
        ("cluster_stats_messages_sent", 0),
        ("cluster_stats_messages_received", 0),
        ("total_cluster_links_buffer_limit_exceeded", 0),
    ];
    let mut text = "cluster_state:ok\r\n".to_owned();
    for (name, value) in lines {
        text.push_str(&format!("{name}:{value}\r\n"));
    }
    call.out().verbatim(&text);
    Ok(())
}

fn nodes(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    let own = membership(call)?;
    let text: String =
        (0..own.view.members.len()).map(|index| node_line(own, index, call.now)).collect();
    call.out().verbatim(&text);
    Ok(())
}

fn node_line(own: &Membership, index: usize, now: i64) -> String {
    let view = &own.view;
    let member = &view.members[index];
    let (host, port) = (member.address.host(), member.address.port());
    let myself = if index == own.me { "myself," } else { "" };
    let role = if member.primary.is_some() { "slave" } else { "master" };
    let failed = if member.failed { ",fail" } else { "" };
    let primary = member.primary.map_or("-", |primary| view.members[primary].id.as_str());
    let heard = if index == own.me { 0 } else { now };
    let epoch = view.members[view.primary_of(index)].epoch;
    let link = if member.failed && index != own.me { "disconnected" } else { "connected" };
    let bus = u32::from(port) + 10_000;
    let mut line = format!(
        "{} {host}:{port}@{bus} {myself}{role}{failed} {primary} 0 {heard} {epoch} {link}",
        member.id
    );
    for (first, last) in view.ranges(index) {
        let end = if first == last { String::new() } else { format!("-{last}") };
        write!(line, " {first}{end}").expect("writing to a string cannot fail");
    }
    if index == own.me {
        line.push_str(&moving_slots(own));
    }
    line.push('\n');
    line
}

fn moving_slots(own: &Membership) -> String {
    let id = |peer: usize| &own.view.members[peer].id;
    (0..SLOTS)
        .filter_map(|number| Slot::new(u16::try_from(number).ok()?))
        .filter_map(|slot| {
            let number = slot.number();
            let migrating = own.migrating.get(&slot).map(|to| format!(" [{number}->-{}]", id(*to)));
            let importing = || own.importing.get(&slot);
            migrating.or_else(|| Some(format!(" [{number}-<-{}]", id(*importing()?))))
        })
        .collect()
}

fn slots(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    let own = membership(call)?.clone();
    let view = &own.view;
    let mut ranges: Vec<(u16, u16, usize)> = view
        .primaries()
        .flat_map(|index| view.ranges(index).into_iter().map(move |(a, b)| (a, b, index)))
        .collect();
    ranges.sort_unstable();
    call.out().array(ranges.len());
    for (first, last, primary) in ranges {
        let replicas = view.replicas(primary).filter(|index| !view.members[*index].failed);
        let group: Vec<usize> = std::iter::once(primary).chain(replicas).collect();
        call.out().array(2 + group.len());
        call.out().integer(i64::from(first));
        call.out().integer(i64::from(last));
        for index in group {
            slots_node(&mut call.out(), &view.members[index]);
        }
    }
    Ok(())
}

fn slots_node(out: &mut Writer<'_>, member: &Member) {
    out.array(4);
    out.bulk(member.address.host().as_bytes());
    out.integer(i64::from(member.address.port()));
    out.bulk(member.id.as_bytes());
    match out.protocol() {
        Protocol::Resp2 => out.array(0),
        Protocol::Resp3 => out.map(0),
    }
}

fn shards(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    let own = membership(call)?.clone();
    let view = &own.view;
    call.out().array(view.primaries().count());
    for primary in view.primaries() {
        let ranges = view.ranges(primary);
        call.out().map(2);
        call.out().bulk(b"slots");
        call.out().array(ranges.len() * 2);
        for (first, last) in ranges {
            call.out().integer(i64::from(first));
            call.out().integer(i64::from(last));
        }
        let group: Vec<usize> = std::iter::once(primary).chain(view.replicas(primary)).collect();
        call.out().bulk(b"nodes");
        call.out().array(group.len());
        for index in group {
            shards_node(&mut call.out(), &view.members[index]);
        }
    }
    Ok(())
}

fn shards_node(out: &mut Writer<'_>, member: &Member) {
    let host = member.address.host();
    out.map(7);
    out.bulk(b"id");
    out.bulk(member.id.as_bytes());
    out.bulk(b"port");
    out.integer(i64::from(member.address.port()));
    for (key, value) in [
        ("ip", host),
        ("endpoint", host),
        ("role", if member.primary.is_some() { "replica" } else { "master" }),
    ] {
        out.bulk(key.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"replication-offset");
    out.integer(0);
    out.bulk(b"health");
    out.bulk(if member.failed { b"fail" } else { b"online" });
}
