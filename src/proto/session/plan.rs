//! What is to be done with a command: refuse it, answer it, or send it to one slot or to several.

use super::turn::Turn;
use crate::proto::cluster::{Router, Slot};
use crate::proto::command::{After, Command, Facts, Refusal, Row, Split, Spread};

/// What is to be done with a command.
pub(super) enum Plan {
    /// It is answered; the reply is in the output already if `None`.
    Answered(Option<Vec<u8>>, After),
    Refuse(Refusal),
    One(Slot, &'static Row),
    Split(Split, &'static Row),
}

/// What a local command may need to know; the full account is for INFO alone.
pub(super) fn facts(command: &Command<'_>, turn: &Turn<'_>) -> Facts {
    if command.row.name == "info" {
        return (turn.facts)();
    }
    Facts { cluster: turn.router.is_cluster(), ..Facts::default() }
}

pub(super) fn plan(command: &Command<'_>, router: &Router) -> Plan {
    let row = command.row;
    let Some(first) = command.first_key().map(|arg| command.arg(arg)) else {
        // A malformed number of keys: any node says so, in the words of that command.
        return Plan::One(Slot::of(b""), row);
    };
    let slot = Slot::of(first);
    if router.is_cluster() {
        let mut others = command.keys().skip(1).map(|arg| command.arg(arg));
        if let Some(other) = others.find(|key| Slot::of(key) != slot) {
            return match row.spread {
                Spread::BySlot => Plan::Split(Split::new(command), row),
                Spread::OneSlot | Spread::Local => Plan::Refuse(Refusal::cross_slot(first, other)),
            };
        }
    }
    Plan::One(slot, row)
}
