//! What is to be done with a command: refuse it, answer it, or send it to one slot or to several.

use std::time::Duration;

use bytes::Bytes;

use super::CLUSTERDOWN;
use super::explain;
use super::replicas::Count;
use super::transaction::Batch;
use super::turn::Turn;
use crate::proto::cluster::{Address, Primary, Router, Slot};
use crate::proto::command::{
    After, Command, Facts, Merge, Refusal, Row, Rules, Split, Spread, Walk,
};
use crate::proto::pubsub::{Audience, Kind, Topic};
use crate::proto::resp::{Protocol, Writer};

/// What is to be done with a command.
pub(super) enum Plan {
    /// It is answered; the reply is in the output already if `None`.
    Answered(Option<Vec<u8>>, After),
    Refuse(Refusal),
    One(Slot, &'static Row),
    Transaction(Batch, &'static Row),
    /// `WATCH` of keys of one slot.
    Watch(Slot, &'static Row),
    /// It may wait for so long at its node.
    Wait(Slot, &'static Row, Duration),
    /// It asks for replicas of what the client has written.
    Count(Count, &'static Row),
    Split(Split, &'static Row),
    /// It subscribes to what it names, or unsubscribes.
    Subscription(&'static Row, Vec<Bytes>),
}

/// What a local command may need to know; most need little.
pub(super) fn facts(command: &Command<'_>, turn: &Turn<'_>, home: Slot) -> Facts {
    match command.row.name {
        "info" | "time" | "proxy|upstreams" => return (turn.facts)(command.row),
        "proxy|route" => {
            let lines = explain::route(command, turn.router, &turn.policy.rules, home);
            return Facts { lines, ..Facts::default() };
        }
        "proxy|topology" => {
            let mut facts = (turn.facts)(command.row);
            facts.lines.extend(explain::topology(turn.router));
            return facts;
        }
        _ => {}
    }
    let (cluster, database) = (turn.router.is_cluster(), turn.policy.database);
    Facts { cluster, database, ..Facts::default() }
}

/// `home` is the slot whose owner runs what has no keys.
pub(super) fn plan(command: &Command<'_>, router: &Router, rules: &Rules, home: Slot) -> Plan {
    let row = command.row;
    match row.spread {
        Spread::Refused(why) => return Plan::Refuse(Refusal::Refused { row, why }),
        // Also a single server's count is to be put together with one of Redpoll's own.
        Spread::EveryPrimary if row.merge == Merge::Counted => return everywhere(command, router),
        Spread::EveryPrimary | Spread::Scan if router.is_cluster() => {
            return everywhere(command, router);
        }
        Spread::Report => return report(command, router),
        Spread::Replicas => return Plan::Count(Count::new(command), row),
        Spread::NamedSlot => {
            // Where there is no such slot, any node says so.
            let slot = command.named_slot().unwrap_or_else(|| Slot::of(b""));
            return Plan::One(slot, row);
        }
        Spread::Subscription => {
            let names = command.args().skip(1).map(Bytes::copy_from_slice).collect();
            return Plan::Subscription(row, names);
        }
        Spread::OneSlot
        | Spread::BySlot
        | Spread::Local
        | Spread::AnyPrimary
        | Spread::EveryPrimary
        | Spread::Scan
        | Spread::Transaction => {}
    }
    let Some(first) = command.first_key().map(|arg| command.arg(arg)) else {
        // No keys, or a malformed number of them: any node runs it, or says so in the words of that
        // command.
        return one(command, home);
    };
    let slot = Slot::of(first);
    if router.is_cluster() {
        let mut others = command.keys().skip(1).map(|arg| command.arg(arg));
        if let Some(other) = others.find(|key| Slot::of(key) != slot) {
            let is_whole = rules.atomic_mset && row.name == "mset";
            return if row.spread == Spread::BySlot && !is_whole {
                Plan::Split(Split::new(command), row)
            } else {
                Plan::Refuse(Refusal::cross_slot(first, other))
            };
        }
    }
    one(command, slot)
}

/// What goes to one node.
fn one(command: &Command<'_>, slot: Slot) -> Plan {
    let row = command.row;
    command.waits().map_or(Plan::One(slot, row), |time| Plan::Wait(slot, row, time))
}

/// Whether a command runs when all before it are answered, and before all after it: what it does
/// to every primary has no order with what goes to one.
pub(super) fn everywhere_alone(command: &Command<'_>, router: &Router) -> bool {
    match command.row.spread {
        Spread::EveryPrimary | Spread::Scan => router.is_cluster(),
        Spread::Report | Spread::Replicas => true,
        Spread::Local
        | Spread::OneSlot
        | Spread::BySlot
        | Spread::NamedSlot
        | Spread::AnyPrimary
        | Spread::Transaction
        | Spread::Subscription
        | Spread::Refused(_) => false,
    }
}

fn report(command: &Command<'_>, router: &Router) -> Plan {
    if !command.arg(2).eq_ignore_ascii_case(b"upstream") {
        return Plan::Answered(Some(b"-ERR syntax error\r\n".to_vec()), After::Continue);
    }
    let Some(primaries) = router.primaries().filter(|primaries| !primaries.found.is_empty()) else {
        return Plan::Answered(Some(CLUSTERDOWN.to_vec()), After::Continue);
    };
    let head = |primary: &Primary| router.address(primary.node).map(Address::to_string);
    let heads = primaries.found.iter().map(|primary| head(primary).unwrap_or_default());
    let split = Split::report(command, &primaries.found, heads.collect());
    Plan::Split(split, command.row)
}

/// What servers say of subscribers is put together with those that they do not see.
pub(super) fn count_hearers(plan: Plan, command: &Command<'_>, audience: &dyn Audience) -> Plan {
    let kind = match command.row.name {
        "pubsub|numsub" => Kind::Channel,
        "pubsub|shardnumsub" => Kind::Shard,
        _ => return plan,
    };
    let Plan::Split(split, row) = plan else { return plan };
    let mut frame = Vec::new();
    let mut writer = Writer::new(&mut frame, Protocol::Resp2);
    writer.array(2 * (command.len() - 2));
    for name in command.args().skip(2) {
        let unseen = audience.unseen(&Topic { kind, name: Bytes::copy_from_slice(name) });
        writer.bulk(name);
        writer.integer(unseen);
    }
    Plan::Split(split.beside(Bytes::from(frame)), row)
}

fn everywhere(command: &Command<'_>, router: &Router) -> Plan {
    let Some(primaries) = router.primaries().filter(|primaries| !primaries.found.is_empty()) else {
        return Plan::Answered(Some(CLUSTERDOWN.to_vec()), After::Continue);
    };
    if command.row.spread == Spread::EveryPrimary {
        return Plan::Split(Split::over(command, &primaries.found), command.row);
    }
    match Walk::step(command, &primaries) {
        Ok(split) => Plan::Split(split, command.row),
        Err(words) => Plan::Answered(Some(format!("-{words}\r\n").into_bytes()), After::Continue),
    }
}
