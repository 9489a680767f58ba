//! What a client needs a connection of its own for: it watches keys, or waits at a node.
//!
//! ```text
//! WATCH    --alone, on a new lease--> +OK: Watching::Keys
//!             '- on the same one, if something is watched; if that is gone: Watching::Lost
//! any      --> the shared connection, as ever: what the client itself writes has changed, too
//! EXEC     --alone, on the same lease--> its reply; nil if that is gone, or the slot has moved
//! UNWATCH, DISCARD, RESET, an EXEC that is not sent --> nothing is watched
//! BLPOP, … --alone, on a new lease--> the reply, whenever it comes
//! WAIT     --alone, on a new lease--> see `replicas`
//! ```
//!
//! Alone: when all before it are answered, and before all after it are sent. So a client's commands
//! keep their order, on two connections. A lease is one connection for all its life, so what is
//! watched on it is watched or the lease is gone; a transaction of which that is not known is not
//! executed, as if a key had changed, and its client begins again. Whoever needs no lease any more
//! gives it back, and the next `WATCH` on it begins with `UNWATCH`.

use std::time::Instant;

use bytes::Bytes;

use super::Session;
use super::alone::Alone;
use super::busy::Busy;
use super::part::{Lane, Own, Part, State};
use super::plan::everywhere_alone;
use super::ring::{Ticket, Work};
use super::turn::{Transmit, Turn};
use super::verdict::aborted;
use super::wake::Blocking;
use crate::mutant::planted;
use crate::proto::cluster::{Redirect, Route, Router, Slot};
use crate::proto::command::{Command, Outcome, Row, Spread};
use crate::proto::pipeline::Request;
use crate::proto::reply::{Cause, Failure, Progress, Reply};
use crate::proto::resp::Protocol;

/// What a client watches.
#[derive(Debug, Default)]
pub(super) enum Watching {
    /// Nothing.
    #[default]
    Nothing,
    /// It has asked for these, the first, and is not answered.
    Asked(Slot, Box<[u8]>),
    /// Keys of this slot, the first of them this one, on this connection.
    Keys(Slot, Box<[u8]>, Lane),
    /// Nobody knows whether what it watches has changed.
    Lost,
}

impl Watching {
    /// What was watched is watched no more, and nobody knows what becomes of it.
    pub(super) fn lose(&mut self) {
        if matches!(self, Watching::Keys(..)) {
            *self = Watching::Lost;
        }
    }

    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        match self {
            Watching::Asked(_, key) | Watching::Keys(_, key, _) => key.len(),
            Watching::Nothing | Watching::Lost => 0,
        }
    }

    /// The slot of what is watched, and the first key.
    pub(super) fn slot(&self) -> Option<(Slot, Box<[u8]>)> {
        match self {
            Watching::Keys(slot, key, _) => Some((*slot, key.clone())),
            Watching::Nothing | Watching::Asked(..) | Watching::Lost => None,
        }
    }
}

/// The null that stands for a transaction that was not executed.
pub(super) fn nil(protocol: Protocol) -> Bytes {
    match protocol {
        Protocol::Resp2 => Bytes::from_static(b"*-1\r\n"),
        Protocol::Resp3 => Bytes::from_static(b"_\r\n"),
    }
}

impl Session {
    /// Whether the client needs the connection that it has on loan, or one that it has asked for.
    #[must_use]
    pub fn needs_lease(&self) -> bool {
        self.is_leased || self.is_watching()
    }

    /// Whether a command of its is on such a connection, or waits for it.
    #[must_use]
    pub fn is_on_lease(&self) -> bool {
        self.is_leased
    }

    /// Whether a command of its waits at its node until there is something for it.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocking.is_some()
    }

    /// When a command that waits for a connection to borrow has to have one.
    #[must_use]
    pub fn lease_deadline(&self) -> Option<Instant> {
        self.ring.last_deadline()
    }

    /// Whether something went wrong on such a connection since the last call, so that it is of no
    /// more use.
    pub fn take_lease_failure(&mut self) -> bool {
        std::mem::take(&mut self.lease_failed)
    }

    /// What the client watches is lost, if it watches something: it is served elsewhere from now
    /// on, by others than those that `router` knows.
    pub fn receive_move(&mut self, router: &Router) {
        self.watching.lose();
        self.written.receive_move(router);
    }

    /// What the client watches is lost, if it watches something: the connection is not kept.
    pub fn lose_watch(&mut self) {
        self.watching.lose();
    }

    /// Whether keys are watched, on a connection that was there when that was last known.
    pub(super) fn is_watching(&self) -> bool {
        matches!(self.watching, Watching::Keys(..))
    }

    /// Whether a command runs when all before it are answered, and before all after it.
    pub(super) fn runs_alone(&self, command: &Command<'_>, router: &Router) -> bool {
        match (&self.transaction, command.row.spread) {
            (None, Spread::EveryPrimary | Spread::Scan | Spread::Report | Spread::Replicas) => {
                everywhere_alone(command, router)
            }
            (None, Spread::Transaction) => command.row.name == "watch",
            (Some(_), Spread::Transaction) => command.row.name == "exec" && self.is_watching(),
            (None, Spread::Subscription) => true,
            (None, _) => command.waits().is_some() || self.is_turning_point(command),
            (Some(_), _) => false,
        }
    }

    /// Takes in a command, read at `since`, for a connection of the client's own.
    pub(super) fn admit_own(
        &mut self,
        part: Part,
        row: &'static Row,
        since: Instant,
        turn: &mut Turn<'_>,
    ) {
        if matches!(part.own, Own::WatchMore | Own::Exec) && self.has_moved(part.slot, turn.router)
        {
            return self.give_up_watch(&part, turn.now);
        }
        self.is_leased = true;
        // What waits at its node has time for that from now on, however long it waited for others.
        let may_wait = part.own.waits();
        let since = if may_wait { turn.now } else { since };
        let deadline = since + turn.policy.timeout(row);
        let bytes = part.frame.len();
        let lane = match (&self.watching, part.own) {
            (Watching::Keys(.., lane), Own::WatchMore | Own::Exec) => Some(*lane),
            _ => None,
        };
        let ticket = self.ring.push(Work::One(part), bytes, deadline);
        self.note(ticket, row, turn);
        self.blocking = may_wait.then(|| Blocking::new(ticket, row));
        let Some(lane) = lane else { return self.park(1) };
        let Some((part, _)) = self.ring.part(ticket) else { return };
        let lane = part.lane(lane.node);
        part.state = State::InFlight(lane);
        let (frame, form, access) = (part.frame.clone(), part.form(false), part.access);
        let request = Request { frame, form, since: turn.now, deadline, reply_to: ticket };
        self.transmits.push_back(Transmit { lane, access, request });
    }

    /// Whether what is watched is served elsewhere than where it is watched, as far as is known.
    fn has_moved(&self, slot: Slot, router: &Router) -> bool {
        let Watching::Keys(.., lane) = &self.watching else { return true };
        router.route(slot) != Route::To(lane.node)
    }

    /// Answers what would go on with a watch that is void.
    fn give_up_watch(&mut self, part: &Part, now: Instant) {
        if part.own == Own::Exec {
            self.watching = Watching::Nothing;
            return self.push_ready(nil(part.choice.protocol), now);
        }
        self.watching = Watching::Lost;
        self.push_ready(Bytes::from_static(b"+OK\r\n"), now);
    }

    /// Takes the answer to a command on a lease; gives it back if it means what it always does.
    pub(super) fn answer_own(
        &mut self,
        ticket: Ticket,
        lane: Lane,
        reply: Reply,
        turn: &mut Turn<'_>,
    ) -> Option<Reply> {
        let (part, _) = self.ring.part(ticket)?;
        let access = part.access;
        if self.took_nothing(access, &reply, turn) {
            self.lease_failed = true;
            return None;
        }
        let (part, _) = self.ring.part(ticket)?;
        let (own, protocol) = (part.own, part.choice.protocol);
        let is_failure = matches!(reply, Reply::Failure(_));
        self.lease_failed |= is_failure;
        let is_lost = match &reply {
            Reply::Frame(frame) => says_elsewhere(frame),
            Reply::Failure(failure) => failure.progress == Progress::Unsent,
        };
        if own == Own::Exec && is_lost && planted("lost-watch-forgotten") {
            part.own = Own::No;
            return Some(reply);
        }
        if let Reply::Frame(frame) = &reply
            && Redirect::parse(frame).is_some()
            && matches!(own, Own::Exec | Own::WatchMore)
        {
            turn.tally.refresh_redirects += 1;
        }
        match own {
            Own::No | Own::Wait(_) => return Some(reply),
            Own::Count { .. } => return self.answer_count(ticket, lane.node, reply, turn),
            Own::Watch => {
                if let Reply::Frame(frame) = &reply
                    && frame[0] == b'+'
                    && let Watching::Asked(slot, key) = std::mem::take(&mut self.watching)
                {
                    self.watching = Watching::Keys(slot, key, lane);
                }
                return Some(reply);
            }
            Own::WatchMore if is_lost || is_failure => {
                self.watching = Watching::Lost;
                self.finish(ticket, Outcome::Frame(Bytes::from_static(b"+OK\r\n")), turn);
            }
            Own::WatchMore => return Some(reply),
            Own::Exec => {
                self.watching = Watching::Nothing;
                match reply {
                    _ if is_lost => self.finish(ticket, Outcome::Frame(nil(protocol)), turn),
                    Reply::Frame(frame) if frame[0] == b'-' => {
                        self.finish(ticket, Outcome::Frame(aborted(&frame)), turn);
                    }
                    Reply::Frame(frame) => self.finish(ticket, Outcome::Frame(frame), turn),
                    Reply::Failure(_) => return Some(reply),
                }
            }
        }
        None
    }

    /// Forgets the transaction that is open, if there is one, and what is watched for it: of what
    /// is asked in a transaction only its end waits to run alone, and that has failed.
    pub(super) fn end_transaction(&mut self) {
        if self.transaction.take().is_some() {
            self.watching = Watching::Nothing;
        }
    }

    /// Takes note that the command that ran alone is answered.
    pub(super) fn end_alone(&mut self) {
        if matches!(self.alone, Alone::Runs) && self.ring.is_empty() {
            self.alone = Alone::No;
            (self.is_leased, self.blocking) = (false, None);
            self.written.end_count();
            if matches!(self.watching, Watching::Asked(..)) {
                self.watching = Watching::Nothing;
            }
        }
    }
}

/// Whether an error means that another node is to be asked, or this one later: nothing of a
/// transaction was executed.
fn says_elsewhere(frame: &Bytes) -> bool {
    frame[0] == b'-' && (Redirect::parse(frame).is_some() || Busy::parse(frame).is_some())
}

/// What a client's command comes to that found no connection to borrow.
#[must_use]
pub fn no_lease(cause: Cause) -> Reply {
    Reply::Failure(Failure::unsent(cause))
}
