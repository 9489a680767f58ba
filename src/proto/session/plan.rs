//! What is to be done with a command: refuse it, answer it, or send it to one slot or to several.

use std::time::Duration;

use bytes::Bytes;

use super::CLUSTERDOWN;
use super::transaction::Batch;
use super::turn::Turn;
use crate::proto::cluster::{Router, Slot};
use crate::proto::command::{After, Command, Facts, Refusal, Row, Rules, Split, Spread, Walk};

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
    Split(Split, &'static Row),
    /// It subscribes to what it names, or unsubscribes.
    Subscription(&'static Row, Vec<Bytes>),
}

/// What a local command may need to know; most need little.
pub(super) fn facts(command: &Command<'_>, turn: &Turn<'_>) -> Facts {
    if matches!(command.row.name, "info" | "time") {
        return (turn.facts)(command.row);
    }
    let (cluster, database) = (turn.router.is_cluster(), turn.policy.database);
    Facts { cluster, database, ..Facts::default() }
}

pub(super) fn plan(command: &Command<'_>, router: &Router, rules: &Rules) -> Plan {
    let row = command.row;
    match row.spread {
        Spread::Refused(why) => return Plan::Refuse(Refusal::Refused { row, why }),
        Spread::EveryPrimary | Spread::Scan if router.is_cluster() => {
            return everywhere(command, router);
        }
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
        return one(command, Slot::of(b""));
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
    matches!(command.row.spread, Spread::EveryPrimary | Spread::Scan) && router.is_cluster()
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
