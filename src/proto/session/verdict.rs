//! What a reply means: pass it on, ask elsewhere, ask again, or give up. All of it is decided here.

use std::time::Instant;

use super::part::{Lane, Part, State};
use super::ring::Ticket;
use super::turn::Turn;
use super::{Mode, Session};
use crate::limits::{REDIRECTS_MAX, RETRIES_MAX};
use crate::proto::cluster::{Redirect, RedirectKind, Slot};
use crate::proto::command::{Access, Outcome};
use crate::proto::reply::{Cause, Failure, Progress, Reply};

impl Session {
    /// Takes the answer to a request that was put out.
    pub fn answer(&mut self, ticket: Ticket, reply: Reply, turn: &mut Turn<'_>) {
        let Some((part, _)) = self.ring.part(ticket) else {
            debug_assert!(self.mode == Mode::Stopped, "answered twice");
            return;
        };
        let State::InFlight(lane) = part.state else {
            debug_assert!(false, "answered without having been sent");
            return;
        };
        self.stirred = true;
        match reply {
            Reply::Failure(failure) => self.receive_failure(ticket, lane, failure, turn),
            Reply::Frame(frame) if frame[0] == b'-' => match Redirect::parse(&frame) {
                Some(redirect) => self.redirect(ticket, lane, &redirect, turn),
                None => {
                    let is_down = frame.starts_with(b"-CLUSTERDOWN ");
                    turn.tally.refresh_failures += u64::from(is_down);
                    self.finish(ticket, Outcome::Frame(frame));
                }
            },
            Reply::Frame(frame) => self.finish(ticket, Outcome::Frame(frame)),
        }
    }

    fn redirect(&mut self, ticket: Ticket, lane: Lane, redirect: &Redirect, turn: &mut Turn<'_>) {
        let target = redirect
            .target(turn.router.address(lane.node))
            .and_then(|address| turn.router.node(address));
        let Some((part, _)) = self.ring.part(ticket) else { return };
        part.redirects += 1;
        let Some(node) = target.filter(|_| part.redirects <= REDIRECTS_MAX) else {
            let why = match target {
                Some(_) => "gave up after too many redirects, the last one",
                None => "cannot follow a redirect",
            };
            let asked = turn.router.address(lane.node);
            let (host, port) = (redirect.host.as_deref().unwrap_or(""), redirect.port);
            let reason = format!("{why} from {asked} to {host}:{port}");
            turn.tally.refresh_redirects += 1;
            return self.tell(ticket, Progress::Unsent, &reason, turn);
        };
        let asking = redirect.kind == RedirectKind::Ask;
        part.state = State::Parked { target: Some(node), asking };
        let slot = part.slot;
        if asking {
            turn.tally.asked += 1;
        } else {
            turn.tally.moved += 1;
            turn.tally.refresh_redirects += 1;
            turn.router.moved(slot, node);
        }
        self.park(1);
    }

    fn receive_failure(
        &mut self,
        ticket: Ticket,
        lane: Lane,
        failure: Failure,
        turn: &mut Turn<'_>,
    ) {
        turn.tally.refresh_failures += 1;
        if self.may_retry(ticket, failure, turn.now)
            && let Some((part, _)) = self.ring.part(ticket)
        {
            part.retries += 1;
            part.state = State::Parked { target: None, asking: false };
            turn.tally.retries += 1;
            return self.park(1);
        }
        let reason = format!("{}: {}", turn.router.address(lane.node), failure.cause.describe());
        self.tell(ticket, failure.progress, &reason, turn);
    }

    /// Whether a failed part may be sent again: it was certainly not executed, or it only reads and
    /// would not see what the same client wrote after it. Nothing is sent again where the node is
    /// not there or the time is up.
    fn may_retry(&mut self, ticket: Ticket, failure: Failure, now: Instant) -> bool {
        let Some((part, deadline)) = self.ring.part(ticket) else { return false };
        let (slot, access) = (part.slot, part.access);
        if part.retries >= RETRIES_MAX
            || deadline <= now
            || !matches!(failure.cause, Cause::Closed | Cause::Garbled)
        {
            return false;
        }
        failure.progress == Progress::Unsent
            || (access == Access::Read && self.last_write(slot) <= Some(ticket))
    }

    /// The last write in flight for a slot, as it was at the first failure of this turn: all
    /// failures of a connection come in one turn, and a write that failed with it may have run.
    fn last_write(&mut self, slot: Slot) -> Option<Ticket> {
        let writes = self.writes.get_or_insert_with(|| {
            let is_write = |part: &Part| {
                part.access == Access::Write && matches!(part.state, State::InFlight(_))
            };
            let parts = self.ring.parts_mut().filter(|(.., part)| is_write(part));
            parts.map(|(ticket, _, part)| (part.slot, ticket)).collect()
        });
        writes.get(&slot).copied()
    }

    /// Answers a part with what is known of it.
    pub(super) fn tell(
        &mut self,
        ticket: Ticket,
        progress: Progress,
        reason: &str,
        turn: &mut Turn<'_>,
    ) {
        match progress {
            Progress::Unsent => turn.tally.unsent += 1,
            Progress::Sent => turn.tally.unsure += 1,
        }
        self.finish(ticket, Outcome::Failed { progress, reason: reason.to_owned() });
    }
}
