//! `CLUSTER`: what a node tells of the cluster.

use std::collections::BTreeSet;
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
    let number = parse_integer(arg).ok_or(Error::NOT_INTEGER)?;
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
    let (mut assigned, mut failed, mut serving) = (0, 0, BTreeSet::new());
    for (first, last, primary) in view.runs() {
        let slots = usize::from(last - first) + 1;
        assigned += slots;
        failed += if view.members[primary].failed { slots } else { 0 };
        serving.insert(primary);
    }
    let lines = [
        ("cluster_slots_assigned", assigned as u64),
        ("cluster_slots_ok", (assigned - failed) as u64),
        ("cluster_slots_pfail", 0),
        ("cluster_slots_fail", failed as u64),
        ("cluster_known_nodes", view.members.len() as u64),
        ("cluster_size", serving.len() as u64),
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
    let ranges: Vec<_> = view.runs().collect();
    call.out().array(ranges.len());
    for (first, last, primary) in ranges {
        let replicas = view.replicas(primary).filter(|index| !view.members[*index].failed);
        let group: Vec<usize> = std::iter::once(primary).chain(replicas).collect();
        call.out().array(2 + group.len());
        call.out().integer(i64::from(first));
        call.out().integer(i64::from(last));
        for index in group {
            slots_node(&mut call.out(), &view.members[index], view.hosts_hidden);
        }
    }
    Ok(())
}

fn slots_node(out: &mut Writer<'_>, member: &Member, host_hidden: bool) {
    out.array(4);
    if host_hidden {
        out.null();
    } else {
        out.bulk(member.address.host().as_bytes());
    }
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
        let ranges: Vec<_> = view.ranges(primary).collect();
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

#[cfg(test)]
mod tests {
    use super::super::cluster::Cluster;
    use super::super::rig::Rig;
    use crate::proto::cluster::{Address, Slot};

    /// Two primaries, and a replica of the second.
    fn cluster() -> Cluster {
        let address = |host: &str| Address::new(host, 6379).unwrap();
        Cluster::new(&[address("node-0"), address("node-1")], &[(address("node-2"), 1)])
    }

    #[test]
    fn slots_and_shards_are_told_in_both_protocols() {
        let cluster = cluster();
        let id = |index: usize| cluster.node(index).id();
        let mut rig = Rig::of(cluster.node(0));
        let node = |index: usize, extra: &str| {
            format!("*4 $6 node-{index} :6379 $40 {} {extra}", id(index))
        };
        let slots = |extra: &str| {
            let nodes: Vec<String> = (0..3).map(|index| node(index, extra)).collect();
            format!("*2 *3 :0 :8191 {} *4 :8192 :16383 {} {}", nodes[0], nodes[1], nodes[2])
        };
        assert_eq!(rig.run("CLUSTER SLOTS"), slots("*0"));
        assert!(
            rig.run("CLUSTER SHARDS").starts_with("*2 *4 $5 slots *2 :0 :8191 $5 nodes *1 *14")
        );
        rig.run("HELLO 3");
        assert_eq!(rig.run("CLUSTER SLOTS"), slots("%0"));
        let shard = |index: usize, role: &str| {
            format!(
                "%7 $2 id $40 {} $4 port :6379 $2 ip $6 node-{index} \
                 $8 endpoint $6 node-{index} $4 role {role} \
                 $18 replication-offset :0 $6 health $6 online",
                id(index)
            )
        };
        let (first, second, third) =
            (shard(0, "$6 master"), shard(1, "$6 master"), shard(2, "$7 replica"));
        assert_eq!(
            rig.run("CLUSTER SHARDS"),
            format!(
                "*2 %2 $5 slots *2 :0 :8191 $5 nodes *1 {first} \
                 %2 $5 slots *2 :8192 :16383 $5 nodes *2 {second} {third}"
            )
        );
    }

    #[test]
    fn nodes_tell_of_slots_on_the_move() {
        let cluster = cluster();
        cluster.begin_migration(Slot::new(7).unwrap(), 0, 1);
        let (id, peer, replica) =
            (cluster.node(0).id(), cluster.node(1).id(), cluster.node(2).id());
        let mut rig = Rig::of(cluster.node(0));
        let text = rig.run("CLUSTER NODES");
        let mut lines = text.lines();
        assert_eq!(
            lines.next().unwrap().split_once(' ').unwrap().1,
            format!("{id} node-0:6379@16379 myself,master - 0 0 1 connected 0-8191 [7->-{peer}]")
        );
        assert_eq!(
            lines.next().unwrap(),
            format!("{peer} node-1:6379@16379 master - 0 1700000000000 2 connected 8192-16383")
        );
        assert_eq!(
            lines.next().unwrap(),
            format!("{replica} node-2:6379@16379 slave {peer} 0 1700000000000 2 connected")
        );
        let importing = Rig::of(cluster.node(1)).run("CLUSTER NODES");
        assert!(importing.contains(&format!("8192-16383 [7-<-{id}]")), "{importing}");
        cluster.finish_migration(Slot::new(7).unwrap());
        let text = rig.run("CLUSTER NODES");
        assert!(text.contains("connected 0-6 8-8191\n"), "{text}");
        assert!(text.contains(" 3 connected 7 8192-16383\n"), "{text}");
    }

    #[test]
    fn a_failed_node_is_marked_and_left_out() {
        let cluster = cluster();
        cluster.set_failed(2, true);
        let mut rig = Rig::of(cluster.node(0));
        let nodes = rig.run("CLUSTER NODES");
        assert!(nodes.contains("slave,fail") && nodes.contains("disconnected"), "{nodes}");
        assert!(!rig.run("CLUSTER SLOTS").contains("node-2"));
        assert!(rig.run("CLUSTER SHARDS").contains("$6 health $4 fail"));
    }

    #[test]
    fn keys_are_found_by_slot() {
        let cluster = cluster();
        Rig::of(cluster.node(0)).story(&[
            ("MSET b 1 {b}1 2 {b}2 3", "+OK"),
            ("CLUSTER KEYSLOT b", ":3300"),
            ("CLUSTER COUNTKEYSINSLOT 3300", ":3"),
            ("CLUSTER GETKEYSINSLOT 3300 2", "*2 $1 b $4 {b}1"),
            ("CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot"),
            ("CLUSTER GETKEYSINSLOT 0 -1", "-ERR Invalid slot or number of keys"),
            ("CLUSTER COUNTKEYSINSLOT x", "-ERR value is not an integer or out of range"),
            ("CLUSTER FORGET x", "-ERR unknown subcommand 'FORGET'. Try CLUSTER HELP."),
        ]);
        Rig::new().story(&[("CLUSTER INFO", "-ERR This instance has cluster support disabled")]);
    }

    #[test]
    fn info_counts_slots_and_epochs() {
        let cluster = cluster();
        cluster.assign(Slot::new(0).unwrap(), None);
        let info = Rig::of(cluster.node(2)).run("CLUSTER INFO");
        for line in [
            "cluster_state:ok",
            "cluster_slots_assigned:16383",
            "cluster_known_nodes:3",
            "cluster_size:2",
            "cluster_current_epoch:3",
            "cluster_my_epoch:2",
        ] {
            assert!(info.contains(line), "{line} in {info}");
        }
    }
}
