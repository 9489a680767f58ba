//! A transaction that a client has begun: what it asks waits here until `EXEC`, and goes to the
//! node all at once, on the connection that all clients share. A node runs what comes in one piece
//! without anything in between, so nobody needs a connection of his own, and nothing of a
//! transaction is ever left there. Who watches keys has one all the same: see `lease`.
//!
//! ```text
//! MULTI -> Transaction --a command--> +QUEUED, here
//!               |      '-one that is refused--> the refusal; EXEC will say EXECABORT
//!               |-- DISCARD, RESET --> gone
//!               '-- EXEC --> MULTI, the commands, EXEC in one request, whose reply is that of EXEC
//! ```

use super::lease::{Watching, nil};
use super::plan::Plan;
use crate::limits::{TRANSACTION_BYTES_MAX, TRANSACTION_COMMANDS_MAX};
use crate::mutant::planted;
use crate::proto::cluster::{Router, Slot};
use crate::proto::command::{Access, After, Command, Identity, Refusal, Spread};
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
    /// The slot whose owner runs it if it has no keys.
    home: Slot,
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
    /// One for which keys of this slot are watched.
    fn begin(watched: Option<(Slot, Box<[u8]>)>, home: Slot) -> Transaction {
        Transaction {
            bytes: MULTI.to_vec(),
            queued: 0,
            slot: watched,
            home,
            access: Access::Read,
            is_spoilt: false,
        }
    }

    /// Commands in it.
    pub(super) fn queued(&self) -> u32 {
        self.queued
    }

    /// Whether something in it may write.
    pub(super) fn may_write(&self) -> bool {
        self.access != Access::Read
    }

    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        let key = self.slot.as_ref().map_or(0, |(_, key)| key.len());
        self.bytes.capacity() + key
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
            Spread::Report => return refused("in a transaction it has no place"),
            Spread::EveryPrimary | Spread::Scan | Spread::NamedSlot | Spread::Replicas
                if router.is_cluster() =>
            {
                return refused("in a transaction it would run on one node only");
            }
            Spread::Subscription => {
                return refused("in a transaction it has no place: redpoll subscribes for clients");
            }
            Spread::Local
            | Spread::OneSlot
            | Spread::BySlot
            | Spread::NamedSlot
            | Spread::AnyPrimary
            | Spread::EveryPrimary
            | Spread::Scan
            | Spread::Replicas
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
        let slot = self.slot.map_or(self.home, |(slot, _)| slot);
        Batch { bytes: self.bytes, queued: self.queued, slot, access: self.access }
    }
}

/// What a command means for the transaction that is open, or begins with it; `None`: nothing.
pub(super) fn of_transaction(
    (open, watching): (&mut Option<Transaction>, &mut Watching),
    command: &Command<'_>,
    router: &Router,
    identity: &Identity,
) -> Option<Plan> {
    let name = command.row.name;
    let is_control = command.row.spread == Spread::Transaction;
    if command.row.spread == Spread::Local && matches!(name, "quit" | "reset") {
        *open = None;
        *watching = Watching::Nothing;
        return None;
    }
    let Some(transaction) = open else {
        return is_control.then(|| outside((open, watching), command, router, identity.home()));
    };
    if is_control && name != "unwatch" {
        return Some(inside((open, watching), command, identity.protocol));
    }
    Some(transaction.queue(command, router))
}

/// Takes note that a command was refused before it was looked at.
pub(super) fn spoil(
    (open, watching): (&mut Option<Transaction>, &mut Watching),
    refusal: &Refusal,
) {
    let is_exec = matches!(refusal, Refusal::WrongArity(row) if row.name == "exec");
    if is_exec && open.take().is_some() {
        *watching = Watching::Nothing;
    }
    open.iter_mut().for_each(|transaction| transaction.is_spoilt = true);
}

fn outside(
    (open, watching): (&mut Option<Transaction>, &mut Watching),
    command: &Command<'_>,
    router: &Router,
    home: Slot,
) -> Plan {
    match command.row.name {
        "multi" => {
            *open = Some(Transaction::begin(watching.slot(), home));
            say("+OK\r\n")
        }
        "watch" => watch(watching, command, router),
        "exec" => say("-ERR EXEC without MULTI\r\n"),
        "discard" => say("-ERR DISCARD without MULTI\r\n"),
        _ => {
            *watching = Watching::Nothing;
            say("+OK\r\n")
        }
    }
}

/// `WATCH`, outside of a transaction.
fn watch(watching: &mut Watching, command: &Command<'_>, router: &Router) -> Plan {
    if matches!(watching, Watching::Lost) {
        return say("+OK\r\n");
    }
    let mut watched = watching.slot();
    for key in command.keys().map(|at| command.arg(at)) {
        let slot = Slot::of(key);
        let (own, first) = watched.get_or_insert_with(|| (slot, key.into()));
        if *own != slot && router.is_cluster() {
            return Plan::Refuse(Refusal::cross_slot(first, key));
        }
    }
    // The arity makes sure that there is a key.
    let Some((slot, key)) = watched else { return say("+OK\r\n") };
    if !matches!(watching, Watching::Keys(..)) {
        *watching = Watching::Asked(slot, key);
    }
    Plan::Watch(slot, command.row)
}

fn inside(
    (open, watching): (&mut Option<Transaction>, &mut Watching),
    command: &Command<'_>,
    protocol: Protocol,
) -> Plan {
    match command.row.name {
        "multi" => return say("-ERR MULTI calls can not be nested\r\n"),
        "watch" => return say("-ERR WATCH inside MULTI is not allowed\r\n"),
        _ => {}
    }
    let sent = open.take().filter(|_| command.row.name == "exec");
    // What is watched stays so until the transaction has run.
    let is_watching = matches!(watching, Watching::Keys(..));
    match sent {
        Some(transaction) if transaction.is_spoilt && !planted("spoilt-transaction-sent") => {
            *watching = Watching::Nothing;
            say("-EXECABORT Transaction discarded because of previous errors.\r\n")
        }
        Some(_) if matches!(watching, Watching::Lost) => {
            *watching = Watching::Nothing;
            Plan::Answered(Some(nil(protocol).to_vec()), After::Continue)
        }
        Some(transaction) if transaction.queued > 0 || is_watching => {
            Plan::Transaction(transaction.batch(), command.row)
        }
        Some(_) => say("*0\r\n"),
        None => {
            *watching = Watching::Nothing;
            say("+OK\r\n")
        }
    }
}

fn say(reply: &'static str) -> Plan {
    Plan::Answered(Some(reply.as_bytes().to_vec()), After::Continue)
}
