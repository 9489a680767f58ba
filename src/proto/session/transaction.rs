//! A transaction that a client has begun: what it asks waits here until `EXEC`, and goes to the
//! node all at once, on the connection that all clients share. A node runs what comes in one piece
//! without anything in between, so nobody needs a connection of his own, and nothing of a
//! transaction is ever left there.
//!
//! ```text
//! MULTI -> Transaction --a command--> +QUEUED, here
//!               |      '-one that is refused--> the refusal; EXEC will say EXECABORT
//!               |-- DISCARD, RESET --> gone
//!               '-- EXEC --> MULTI, the commands, EXEC in one request, whose reply is that of EXEC
//! ```

use super::plan::Plan;
use crate::limits::{TRANSACTION_BYTES_MAX, TRANSACTION_COMMANDS_MAX};
use crate::mutant::planted;
use crate::proto::cluster::{Router, Slot};
use crate::proto::command::{Access, After, Command, Refusal, Spread};
use crate::proto::resp::{Protocol, Writer};

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// A transaction that has begun.
#[derive(Debug)]
pub(super) struct Transaction {
    /// `MULTI`, and what is queued.
    bytes: Vec<u8>,
    queued: u32,
    /// The slot of all its keys, and the first of them.
    slot: Option<(Slot, Box<[u8]>)>,
    access: Access,
    /// A command of it was refused.
    is_spoilt: bool,
}

/// A transaction to be sent.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    /// Commands in it.
    pub(super) queued: u32,
    pub(super) slot: Slot,
    pub(super) access: Access,
}

impl Transaction {
    fn begin() -> Transaction {
        Transaction {
            bytes: MULTI.to_vec(),
            queued: 0,
            slot: None,
            access: Access::Read,
            is_spoilt: false,
        }
    }

    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        self.bytes.capacity()
    }

    /// Queues a command, or refuses it.
    pub(super) fn queue(&mut self, command: &Command<'_>, router: &Router) -> Plan {
        if let Err(refusal) = self.admit(command, router) {
            self.is_spoilt = true;
            return Plan::Refuse(refusal);
        }
        // What will not be sent need not be kept.
        if !self.is_spoilt {
            let mut writer = Writer::new(&mut self.bytes, Protocol::Resp2);
            writer.array(command.len());
            command.args().for_each(|arg| writer.bulk(arg));
        }
        if self.queued == 1 && planted("transaction-cut-in-two") {
            self.bytes.extend([EXEC, MULTI].concat());
        }
        self.queued += 1;
        if command.row.access != Access::Read {
            self.access = Access::Write;
        }
        say("+QUEUED\r\n")
    }

    fn admit(&mut self, command: &Command<'_>, router: &Router) -> Result<(), Refusal> {
        let row = command.row;
        let refused = |why| Err(Refusal::Refused { row, why });
        if self.bytes.len() > TRANSACTION_BYTES_MAX || self.queued >= TRANSACTION_COMMANDS_MAX {
            return refused("the transaction is too large");
        }
        match row.spread {
            Spread::Refused(why) => return refused(why),
            Spread::Local if !matches!(row.name, "ping" | "echo") => {
                return refused("in a transaction it has no place: redpoll answers it itself");
            }
            Spread::EveryPrimary | Spread::Scan | Spread::NamedSlot if router.is_cluster() => {
                return refused("in a transaction it would run on one node only");
            }
            Spread::Local
            | Spread::OneSlot
            | Spread::BySlot
            | Spread::NamedSlot
            | Spread::AnyPrimary
            | Spread::EveryPrimary
            | Spread::Scan
            | Spread::Transaction => {}
        }
        for key in command.keys().map(|at| command.arg(at)) {
            let slot = Slot::of(key);
            let (own, first) = self.slot.get_or_insert_with(|| (slot, key.into()));
            if *own != slot && router.is_cluster() {
                return Err(Refusal::cross_slot(first, key));
            }
        }
        Ok(())
    }

    fn batch(mut self) -> Batch {
        self.bytes.extend_from_slice(EXEC);
        let slot = self.slot.map_or_else(|| Slot::of(b""), |(slot, _)| slot);
        Batch { bytes: self.bytes, queued: self.queued, slot, access: self.access }
    }
}

/// What a command means for the transaction that is open, or begins with it; `None`: nothing.
pub(super) fn of_transaction(
    open: &mut Option<Transaction>,
    command: &Command<'_>,
    router: &Router,
) -> Option<Plan> {
    let name = command.row.name;
    let is_control = command.row.spread == Spread::Transaction;
    let Some(transaction) = open else { return is_control.then(|| outside(open, name)) };
    if is_control && name != "unwatch" {
        return Some(inside(open, command));
    }
    if matches!(name, "quit" | "reset") {
        *open = None;
        return None;
    }
    Some(transaction.queue(command, router))
}

/// Takes note that a command was refused before it was looked at.
pub(super) fn spoil(open: &mut Option<Transaction>, refusal: &Refusal) {
    if matches!(refusal, Refusal::WrongArity(row) if row.name == "exec") {
        *open = None;
    }
    open.iter_mut().for_each(|transaction| transaction.is_spoilt = true);
}

fn outside(open: &mut Option<Transaction>, name: &str) -> Plan {
    match name {
        "multi" => {
            *open = Some(Transaction::begin());
            say("+OK\r\n")
        }
        "exec" => say("-ERR EXEC without MULTI\r\n"),
        "discard" => say("-ERR DISCARD without MULTI\r\n"),
        // Nothing is watched.
        _ => say("+OK\r\n"),
    }
}

fn inside(open: &mut Option<Transaction>, command: &Command<'_>) -> Plan {
    if command.row.name == "multi" {
        return say("-ERR MULTI calls can not be nested\r\n");
    }
    match open.take().filter(|_| command.row.name == "exec") {
        None => say("+OK\r\n"),
        Some(transaction) if transaction.is_spoilt && !planted("spoilt-transaction-sent") => {
            say("-EXECABORT Transaction discarded because of previous errors.\r\n")
        }
        Some(transaction) if transaction.queued == 0 => say("*0\r\n"),
        Some(transaction) => Plan::Transaction(transaction.batch(), command.row),
    }
}

fn say(reply: &'static str) -> Plan {
    Plan::Answered(Some(reply.as_bytes().to_vec()), After::Continue)
}
