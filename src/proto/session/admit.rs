//! What becomes of a command that was read: it is answered, refused, sent, or parked.

use std::time::Instant;

use bytes::Bytes;

use super::alone::Alone;
use super::lease::Watching;
use super::part::{Own, Part, State};
use super::plan::{Plan, count_hearers, facts, plan};
use super::repair::learn;
use super::ring::{Many, Ticket, Work};
use super::transaction::{Batch, of_transaction, spoil};
use super::turn::{Transmit, Turn};
use super::{Mode, Session};
use crate::proto::cluster::Route;
use crate::proto::command::{self, Access, After, Outcome, Refusal, Row, Split, Spread};
use crate::proto::pipeline::Request;
use crate::proto::resp::ProtocolError;

impl Session {
    /// Does with a command that was read at `since` what is to be done.
    pub(super) fn command(&mut self, frame: Bytes, since: Instant, turn: &mut Turn<'_>) {
        let home = self.identity.home();
        let plan = match turn.policy.rules.parse(&frame, self.decoder.spans()) {
            Err(refusal) => {
                let refusal = self.refusal_of_place(refusal);
                spoil((&mut self.transaction, &mut self.watching), &refusal);
                Plan::Refuse(refusal)
            }
            Ok(command) if self.is_out_of_place(command.row) => {
                Plan::Refuse(Refusal::Subscribed(command.row))
            }
            Ok(command) => {
                if self.runs_alone(&command, turn.router) {
                    self.alone = Alone::from(&command, since, self.ring.is_empty(), turn);
                    if self.alone.waits() {
                        return;
                    }
                }
                self.last = Some(command.row);
                // What is queued may never reach a server.
                if self.transaction.is_none() {
                    learn(&command, turn.scripts);
                }
                match of_transaction(
                    (&mut self.transaction, &mut self.watching),
                    &command,
                    turn.router,
                    &self.identity,
                ) {
                    Some(plan) => plan,
                    None if command.row.spread == Spread::Local => {
                        let before = self.identity.choice();
                        let is_first = self.ring.is_empty() && !self.identity.modes.is_muted();
                        let out = if is_first { self.output.tail() } else { &mut Vec::new() };
                        let facts = facts(&command, turn, home);
                        let known = (&facts, turn.directory);
                        let after = command::answer(&command, &mut self.identity, known, out);
                        self.has_changed |= command.row.group == "connection"
                            && !matches!(command.row.name, "ping" | "echo");
                        // Commands from here on take another connection.
                        if self.identity.choice() != before {
                            self.displaced = true;
                            self.watching.lose();
                        }
                        let reply = (!is_first).then(|| std::mem::take(out));
                        Plan::Answered(reply, after)
                    }
                    None => {
                        let plan = plan(&command, turn.router, &turn.policy.rules, home);
                        count_hearers(plan, &command, turn.audience)
                    }
                }
            }
        };
        self.carry_out(plan, frame, since, turn);
        self.end_alone();
    }

    fn carry_out(&mut self, plan: Plan, frame: Bytes, since: Instant, turn: &mut Turn<'_>) {
        match plan {
            Plan::Answered(reply, after) => {
                if let Some(reply) = reply {
                    self.push_ready(Bytes::from(reply), turn.now);
                }
                match after {
                    After::Continue => {}
                    After::Reset => self.unsubscribe_all(),
                    After::Close => self.mode = Mode::Ending,
                }
            }
            Plan::Refuse(refusal) => {
                let mut reply = Vec::new();
                refusal.write(&mut reply);
                self.push_ready(Bytes::from(reply), turn.now);
            }
            Plan::One(slot, row) => {
                let part = Part::new(frame, slot, row.access, self.identity.choice());
                self.admit_one(part, row, turn);
            }
            Plan::Transaction(batch, row) => {
                let Batch { bytes, queued, slot, access } = batch;
                let part = Part::new(bytes.into(), slot, access, self.identity.choice());
                let part = Part { queued: Some(queued), ..part };
                if self.is_watching() {
                    self.admit_own(Part { own: Own::Exec, ..part }, row, since, turn);
                } else {
                    self.admit_one(part, row, turn);
                }
            }
            Plan::Watch(slot, row) => {
                let is_first = matches!(self.watching, Watching::Asked(..));
                let own = if is_first { Own::Watch } else { Own::WatchMore };
                // It changes nothing, so it may be sent again.
                let part = Part::new(frame, slot, Access::Read, self.identity.choice());
                self.admit_own(Part { own, ..part }, row, since, turn);
            }
            Plan::Wait(slot, row, time) => {
                let part = Part::new(frame, slot, row.access, self.identity.choice());
                self.admit_own(Part { own: Own::Wait(time), ..part }, row, since, turn);
            }
            Plan::Count(count, row) => self.admit_count((frame, count), row, since, turn),
            Plan::Subscription(row, names) => self.subscription((row, names), since, turn),
            Plan::Split(split, row) => self.admit_many(split, row, (frame.len(), since), turn),
        }
    }

    pub(super) fn protocol_error(&mut self, error: ProtocolError, turn: &Turn<'_>) {
        self.push_ready(Bytes::from(format!("-ERR {error}\r\n")), turn.now);
        self.mode = Mode::Ending;
    }

    /// Appends a reply that is known already, if the client wants it.
    pub(super) fn push_ready(&mut self, reply: Bytes, now: Instant) {
        if self.identity.modes.is_muted() {
            return;
        }
        if self.ring.is_empty() {
            self.output.push(&reply);
        } else {
            let bytes = reply.len();
            self.ring.push(Work::Ready(Outcome::Frame(reply)), bytes, now);
        }
    }

    fn admit_one(&mut self, mut part: Part, row: &'static Row, turn: &mut Turn<'_>) {
        let settled = self.is_settled(turn.router);
        let deadline = turn.now + turn.policy.timeout(row);
        let bytes = part.frame.len();
        match turn.router.route(part.slot) {
            Route::To(node) if settled => {
                let lane = part.lane(node);
                let (frame, form, access) = (part.frame.clone(), part.form(false), part.access);
                part.state = State::InFlight(lane);
                let reply_to = self.ring.push(Work::One(part), bytes, deadline);
                self.note(reply_to, row, turn);
                let since = turn.now;
                let request = Request { frame, form, since, deadline, reply_to };
                self.transmits.push_back(Transmit { lane, access, request });
            }
            Route::To(_) | Route::Uncovered | Route::Unknown => {
                let ticket = self.ring.push(Work::One(part), bytes, deadline);
                self.note(ticket, row, turn);
                self.park(1);
            }
        }
    }

    fn admit_many(
        &mut self,
        split: Split,
        row: &'static Row,
        (bytes, since): (usize, Instant),
        turn: &Turn<'_>,
    ) {
        let choice = self.identity.choice();
        let parts: Vec<_> =
            split.shares.iter().map(|share| Part::of(share, row.access, choice)).collect();
        let count = parts.len();
        let settled = self.is_settled(turn.router);
        let deadline = since + turn.policy.timeout(row);
        let ticket = self.ring.push(Work::Many(Box::new(Many::new(split, parts))), bytes, deadline);
        self.note(ticket, row, turn);
        if !settled {
            self.park(count);
            return;
        }
        for number in 0..count {
            // Once a part is parked, so is what is held, which comes first.
            if self.displaced {
                self.park(1);
            } else {
                self.send_if_routed(ticket.with_part(number), turn);
            }
        }
    }

    /// Sends a part of a settled session if the table says where to; else parks it.
    fn send_if_routed(&mut self, ticket: Ticket, turn: &Turn<'_>) {
        let Some((part, deadline)) = self.ring.part(ticket) else { return };
        let Route::To(node) = part.route(turn.router) else {
            self.park(1);
            return;
        };
        let lane = part.lane(node);
        part.state = State::InFlight(lane);
        let (frame, form) = (part.frame.clone(), part.form(false));
        let (access, since) = (part.access, turn.now);
        let request = Request { frame, form, since, deadline, reply_to: ticket };
        self.transmits.push_back(Transmit { lane, access, request });
    }

    /// Notes whether the client wants no reply to a command, and when it was read, if somebody
    /// wants to know how long commands take.
    pub(super) fn note(&mut self, ticket: Ticket, row: &'static Row, turn: &Turn<'_>) {
        if self.identity.modes.is_muted() {
            self.ring.mute(ticket);
        }
        if turn.timings.is_some() {
            self.ring.time(ticket, row, turn.now);
        }
    }
}
