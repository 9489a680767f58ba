//! A script that a node has lost: `EVALSHA` is sent again as `EVAL`, with the script, if a client
//! was seen to give it to a server.
//!
//! ```text
//! EVALSHA --NOSCRIPT--> missing --nothing later of its slot is in flight--> EVAL, or EVALSHA
//!                          |                                                behind such an EVAL
//!                          '-- something later of its slot has run --> NOSCRIPT, to the client
//! ```
//!
//! What a client sent after it for the same slot was on its way with it, and may have run: then it
//! is too late to run this one. If that has lost its script as well, all are sent again in order.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};

use super::Session;
use super::part::{Part, Refused, State};
use super::ring::Ticket;
use super::turn::Turn;
use crate::limits::CLIENT_PIPELINE_BYTES_MAX;
use crate::proto::cluster::{Node, Route, Slot};
use crate::proto::command::{Command, Outcome, parse};
use crate::proto::resp::{Protocol, RequestDecoder, Writer};
use crate::proto::scripts::{Digest, Library};

/// What was tried for a script that its node did not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Repair {
    /// Nothing: it did not lack, so far.
    #[default]
    None,
    /// It lacks; what is done about it depends on what is in flight.
    Missing {
        /// It was sent behind an `EVAL` of the same script, and lacks all the same.
        again: bool,
    },
    /// It was sent again behind an `EVAL` of the same script.
    Behind,
    /// It was sent again as `EVAL`.
    Whole,
}

/// Takes note of what a command tells of scripts.
pub(super) fn learn(command: &Command<'_>, library: &dyn Library) {
    if command.row.group != "scripting" {
        return;
    }
    match command.row.name {
        "eval" | "eval_ro" => library.learn(command.arg(1)),
        "script|load" => library.learn(command.arg(2)),
        "script|flush" => library.clear(),
        _ => {}
    }
}

/// Whether a reply says that the node does not have the script, in the words of Redis and Valkey.
pub(super) fn is_missing(frame: &[u8]) -> bool {
    frame.starts_with(b"-NOSCRIPT No matching script")
}

impl Session {
    /// Takes note that a part found no script at its node; false if that is what the client is to
    /// be told.
    pub(super) fn receive_missing(
        &mut self,
        ticket: Ticket,
        words: &Bytes,
        turn: &Turn<'_>,
    ) -> bool {
        let Some((part, _)) = self.ring.part(ticket) else { return false };
        let again = match part.repair {
            Repair::None => false,
            Repair::Behind => true,
            Repair::Whole | Repair::Missing { .. } => return false,
        };
        let known = digest(&part.frame).and_then(|digest| turn.scripts.find(digest));
        if known.is_none() || part.queued.is_some() {
            return false;
        }
        part.repair = Repair::Missing { again };
        let words = Bytes::copy_from_slice(words);
        part.refused = Some(Box::new(Refused { words, until: None, times: 0 }));
        part.send_again();
        self.missing += 1;
        self.park(1);
        true
    }

    /// Takes note that a part is about to be answered. If it was executed, those before it in the
    /// order of its slot that lack their script can be repaired no more.
    pub(super) fn settle_missing(&mut self, ticket: Ticket, turn: &mut Turn<'_>) {
        let Some((part, _)) = self.ring.part(ticket) else { return };
        let (slot, state) = (turn.router.order_of(part.slot), part.state);
        if part.is_missing() {
            part.repair = Repair::Whole;
            self.missing -= 1;
        }
        if !matches!(state, State::InFlight(_)) {
            return;
        }
        let mut late = Vec::new();
        for (earlier, _, part) in self.ring.parts_mut() {
            let is_earlier = earlier < ticket && turn.router.order_of(part.slot) == slot;
            if is_earlier && part.is_missing() {
                part.repair = Repair::Whole;
                late.push(earlier);
            }
        }
        self.missing -= late.len();
        self.parked -= late.len();
        for ticket in late {
            self.pass_missing_on(ticket, turn);
        }
    }

    /// Has those parts that lack their script sent again that can be.
    pub(super) fn repair_missing(&mut self, turn: &mut Turn<'_>) {
        let mut last: BTreeMap<Slot, Ticket> = BTreeMap::new();
        let mut missing = Vec::new();
        for (ticket, _, part) in self.ring.parts_mut() {
            let slot = turn.router.order_of(part.slot);
            if part.is_missing() {
                missing.push((ticket, slot));
            } else if matches!(part.state, State::InFlight(_)) {
                last.insert(slot, ticket);
            }
        }
        let mut given = BTreeSet::new();
        for (ticket, slot) in missing {
            let is_followed = last.get(&slot).is_some_and(|last| *last > ticket);
            if !is_followed && !self.repair(ticket, &mut given, turn) {
                self.missing -= 1;
                self.parked -= 1;
                self.pass_missing_on(ticket, turn);
            }
        }
    }

    /// Has a part sent again, with its script unless the node is given it by a part before; false
    /// if that is not to be.
    fn repair(
        &mut self,
        ticket: Ticket,
        given: &mut BTreeSet<(Digest, Node)>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let held = self.ring.bytes();
        let Some((part, _)) = self.ring.part(ticket) else { return false };
        let (Some(digest), is_again) = (digest(&part.frame), part.is_missing_again()) else {
            return false;
        };
        part.repair = Repair::Whole;
        let node = match part.route(turn.router) {
            Route::To(node) => Some(node),
            Route::Uncovered | Route::Unknown => None,
        };
        let is_given = node.is_some_and(|node| !given.insert((digest, node)));
        if is_given && !is_again {
            part.repair = Repair::Behind;
        } else {
            let Some(body) = turn.scripts.find(digest) else { return false };
            if is_again && held + body.len() > CLIENT_PIPELINE_BYTES_MAX {
                return false;
            }
            let frame = with_script(&part.frame, &body);
            let more = frame.len() - part.frame.len().min(frame.len());
            part.frame = frame;
            self.ring.grow(ticket, more);
        }
        self.missing -= 1;
        turn.tally.repaired += 1;
        true
    }

    /// Answers a part in the words of its node.
    fn pass_missing_on(&mut self, ticket: Ticket, turn: &mut Turn<'_>) {
        if let Some(words) = self.refusal(ticket) {
            self.finish(ticket, Outcome::Frame(words), turn);
        }
    }
}

impl Part {
    /// Whether it lacks its script, and nothing is done about it yet.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.repair, Repair::Missing { .. })
    }

    fn is_missing_again(&self) -> bool {
        self.repair == Repair::Missing { again: true }
    }
}

/// The digest that a command names; `None` if it names none.
fn digest(frame: &Bytes) -> Option<Digest> {
    let mut decoder = RequestDecoder::default();
    let frame = decoder.decode(&mut BytesMut::from(&frame[..])).ok()??;
    let command = parse(&frame, decoder.spans()).ok()?;
    let names_one = matches!(command.row.name, "evalsha" | "evalsha_ro");
    if names_one { Digest::parse(command.arg(1)) } else { None }
}

/// `EVALSHA` and `EVALSHA_RO` as `EVAL` and `EVAL_RO`, with the script in the place of its digest.
fn with_script(frame: &Bytes, body: &[u8]) -> Bytes {
    let mut decoder = RequestDecoder::default();
    let Ok(Some(frame)) = decoder.decode(&mut BytesMut::from(&frame[..])) else {
        return frame.clone();
    };
    let mut bytes = Vec::with_capacity(frame.len() + body.len());
    let mut writer = Writer::new(&mut bytes, Protocol::Resp2);
    writer.array(decoder.spans().len());
    for (at, span) in decoder.spans().iter().enumerate() {
        let arg = &frame[span.range()];
        match at {
            0 if arg.len() > b"EVALSHA".len() => writer.bulk(b"EVAL_RO"),
            0 => writer.bulk(b"EVAL"),
            1 => writer.bulk(body),
            _ => writer.bulk(arg),
        }
    }
    Bytes::from(bytes)
}
