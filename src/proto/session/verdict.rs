//! What a reply means: pass it on, ask elsewhere, ask again, or give up. All of it is decided here.

use bytes::{Bytes, BytesMut};

use super::busy::Busy;
use super::part::{Lane, Own, Part, Refused, State};
use super::repair::is_missing;
use super::ring::Ticket;
use super::turn::Turn;
use super::{CLUSTERDOWN, Mode, Session};
use crate::mutant::planted;
use crate::proto::cluster::{Address, Redirect, RedirectKind, Router, Slot};
use crate::proto::command::{Access, Outcome, Split, Spread, parse};
use crate::proto::reply::{Cause, Failure, Progress, Reply};
use crate::proto::resp::RequestDecoder;

impl Session {
    /// Takes the answer to a request that was put out.
    pub fn answer(&mut self, ticket: Ticket, reply: Reply, turn: &mut Turn<'_>) {
        let Some((part, _)) = self.ring.part(ticket) else {
            // Who was stopped may have been told more than it may leave unread.
            debug_assert!(matches!(self.mode, Mode::Stopped | Mode::Overflown), "answered twice");
            return;
        };
        let State::InFlight(lane) = part.state else {
            debug_assert!(false, "answered without having been sent");
            return;
        };
        let (is_own, may_write) = (part.own != Own::No, part.access == Access::Write);
        self.stirred = true;
        let bytes = content_bytes(&reply);
        self.window.receive(part.access, part.frame.len(), bytes);
        if let Some(bytes) = bytes.filter(|_| part.access == Access::Read) {
            turn.common_reply.learn(bytes);
        }
        if may_write {
            self.note_written(lane.node, &reply);
        }
        let reply = if is_own { self.answer_own(ticket, lane, reply, turn) } else { Some(reply) };
        let Some(reply) = reply else { return };
        match reply {
            Reply::Failure(failure) => self.receive_failure(ticket, lane, failure, turn),
            Reply::Frame(frame) if frame[0] == b'-' => self.error(ticket, lane, frame, turn),
            Reply::Frame(frame) => self.finish(ticket, Outcome::Frame(frame), turn),
        }
    }

    /// What the client is told instead of a failure of its command, if a node said something before
    /// that.
    pub(super) fn refusal(&mut self, ticket: Ticket) -> Option<Bytes> {
        let (part, _) = self.ring.part(ticket)?;
        part.refused.take().map(|refused| refused.words)
    }

    fn error(&mut self, ticket: Ticket, lane: Lane, frame: Bytes, turn: &mut Turn<'_>) {
        let part = self.ring.part(ticket).map(|(part, _)| part);
        let is_transaction = part.as_ref().is_some_and(|part| part.queued.is_some());
        let is_watch = part.is_some_and(|part| part.own == Own::Watch);
        let redirect = Redirect::parse(&frame);
        // Who asks with ASKING asks for one command.
        if (is_transaction || is_watch)
            && redirect.as_ref().is_some_and(|it| it.kind == RedirectKind::Ask)
        {
            let words = if is_watch { frame } else { aborted(&frame) };
            if !self.ask_again(ticket, Busy::TryAgain, &words, turn) {
                self.finish(ticket, Outcome::Frame(words), turn);
            }
            return;
        }
        if let Some(redirect) = redirect {
            let is_followed = redirect.kind == RedirectKind::Moved || !planted("ask-passed-on");
            if turn.policy.follow_redirects && is_followed {
                return self.redirect(ticket, lane, &redirect, turn);
            }
            turn.tally.refresh_redirects += 1;
        }
        if is_missing(&frame) && self.receive_missing(ticket, &frame, turn) {
            return;
        }
        let busy = Busy::parse(&frame);
        let frame = if is_transaction { aborted(&frame) } else { frame };
        if let Some(busy) = busy
            && self.ask_again(ticket, busy, &frame, turn)
        {
            return;
        }
        self.finish(ticket, Outcome::Frame(frame), turn);
    }

    /// Notes that no node serves the slot of a part; true if that is news.
    pub(super) fn note_uncovered(part: &mut Part) -> bool {
        let is_news = part.refused.is_none();
        if is_news {
            part.refused = Some(Box::new(Refused { words: CLUSTERDOWN, until: None, times: 0 }));
        }
        is_news
    }

    /// Parks a part that its node cannot serve yet; false if there is no time for that.
    fn ask_again(
        &mut self,
        ticket: Ticket,
        busy: Busy,
        words: &Bytes,
        turn: &mut Turn<'_>,
    ) -> bool {
        turn.tally.refresh_failures += u64::from(busy.hints_at_new_topology());
        if busy == Busy::TryAgain && self.divide(ticket, turn) {
            return true;
        }
        let Some((part, deadline)) = self.ring.part(ticket) else { return false };
        let times = part.refused.as_ref().map_or(0, |refused| refused.times);
        let until = turn.now + Busy::pause(times);
        if until >= deadline {
            return false;
        }
        let words = Bytes::copy_from_slice(words);
        part.refused = Some(Box::new(Refused { words, until: Some(until), times: times + 1 }));
        // It begins anew, with as many redirects as any other.
        part.redirects = 0;
        part.send_again();
        turn.tally.busy[busy as usize] += 1;
        self.park(1);
        true
    }

    /// Cuts up a part of several keys, some of which have moved and some have not, so that each
    /// finds its own way; false if it cannot be cut.
    fn divide(&mut self, ticket: Ticket, turn: &mut Turn<'_>) -> bool {
        let Some((part, _)) = self.ring.part(ticket) else { return false };
        let mut decoder = RequestDecoder::default();
        let Ok(Some(frame)) = decoder.decode(&mut BytesMut::from(&part.frame[..])) else {
            return false;
        };
        let Ok(command) = parse(&frame, decoder.spans()) else { return false };
        if command.row.spread != Spread::BySlot || command.keys().nth(1).is_none() {
            return false;
        }
        let parts = self.ring.divide(ticket, Split::by_key(&command));
        turn.tally.divided += 1;
        self.park(parts);
        true
    }

    fn redirect(&mut self, ticket: Ticket, lane: Lane, redirect: &Redirect, turn: &mut Turn<'_>) {
        let named = match turn.router.address(lane.node) {
            Some(asked) => redirect.target(asked),
            None => None,
        };
        let target = named.and_then(|address| turn.router.learn(address, turn.now));
        let is_endless = planted("redirected-for-ever");
        let redirects_max = if is_endless { u8::MAX } else { turn.policy.redirects_max };
        let Some((part, _)) = self.ring.part(ticket) else { return };
        part.redirects = part.redirects.saturating_add(1);
        let Some(node) = target.filter(|_| part.redirects <= redirects_max) else {
            let asked = shown(turn.router, lane);
            return self.give_up((ticket, target.is_some()), &asked, redirect, turn);
        };
        let asking = redirect.kind == RedirectKind::Ask || planted("asking-after-moved");
        part.state = State::Parked { target: Some(node), asking };
        let (slot, waits) = (part.slot, matches!(part.own, Own::Wait(_)));
        if waits {
            // It may have waited for long before that.
            self.ring.extend(ticket, turn.now + turn.policy.op_timeout);
        }
        if asking {
            turn.tally.asked += 1;
            if planted("ask-taken-for-good") {
                turn.router.moved(slot, node);
            }
        } else {
            turn.tally.moved += 1;
            turn.tally.refresh_redirects += 1;
            if !planted("moved-not-noted") {
                turn.router.moved(slot, node);
            }
        }
        self.park(1);
    }

    /// Tells the client that a redirect is not followed, and why.
    fn give_up(
        &mut self,
        (ticket, is_known): (Ticket, bool),
        asked: &str,
        redirect: &Redirect,
        turn: &mut Turn<'_>,
    ) {
        let why = if is_known {
            turn.tally.redirects_exceeded += 1;
            "gave up after redirects_max redirects, the last one"
        } else {
            turn.tally.redirects_unknown += 1;
            "cannot follow a redirect: it names no node, or one more than max_unknown_upstreams,"
        };
        let (host, port) = (redirect.host.as_deref().unwrap_or(""), redirect.port);
        let reason = format!("{why} from {asked} to {host}:{port}");
        turn.tally.refresh_redirects += 1;
        self.tell(ticket, Progress::Unsent, &reason, turn);
    }

    fn receive_failure(
        &mut self,
        ticket: Ticket,
        lane: Lane,
        failure: Failure,
        turn: &mut Turn<'_>,
    ) {
        // A node that has left is no news.
        let is_news = !matches!(
            failure.cause,
            Cause::Retired | Cause::NoTransaction | Cause::NoLease | Cause::LeaseLost
        );
        turn.tally.refresh_failures += u64::from(is_news);
        if self.may_retry(ticket, failure, turn)
            && let Some((part, _)) = self.ring.part(ticket)
        {
            part.retries = part.retries.saturating_add(1);
            part.send_again();
            turn.tally.retries += 1;
            return self.park(1);
        }
        if failure.progress == Progress::Unsent
            && let Some(words) = self.refusal(ticket)
        {
            return self.finish(ticket, Outcome::Frame(words), turn);
        }
        let reason = format!("{}: {}", shown(turn.router, lane), failure.cause.describe());
        if failure.cause == Cause::Timeout && planted("expired-told-twice") {
            self.write(Outcome::Failed { progress: failure.progress, reason: reason.clone() });
        }
        self.tell(ticket, failure.progress, &reason, turn);
    }

    /// Whether a failed part may be sent again: it was certainly not executed, or it only reads and
    /// would not see what the same client wrote after it. Nothing is sent again where the node is
    /// not there, the time is up, or the budget spent.
    fn may_retry(&mut self, ticket: Ticket, failure: Failure, turn: &mut Turn<'_>) -> bool {
        let Some((part, deadline)) = self.ring.part(ticket) else { return false };
        let (slot, access) = (part.slot, part.access);
        let retries = part.retries;
        if deadline <= turn.now {
            return false;
        }
        let is_safe = failure.progress == Progress::Unsent
            || (access == Access::Read && self.last_write(slot, turn.router) <= Some(ticket))
            || (access == Access::Read && planted("read-past-a-write"))
            || planted("writes-sent-again");
        match failure.cause {
            // It was never on its way: this is no second try.
            Cause::Retired => is_safe,
            Cause::LeaseLost => is_safe && retries < turn.policy.retries_max,
            Cause::Closed | Cause::Garbled | Cause::Stalled
                if is_safe && retries < turn.policy.retries_max =>
            {
                let is_paid = turn.budget.spend(turn.now);
                turn.tally.retries_denied += u64::from(!is_paid);
                is_paid
            }
            Cause::Closed
            | Cause::Garbled
            | Cause::Stalled
            | Cause::Unresolved
            | Cause::Unreachable
            | Cause::ConnectTimeout
            | Cause::Backoff(_)
            | Cause::HandshakeRefused
            | Cause::Replaced
            | Cause::Timeout
            | Cause::NoTransaction
            | Cause::NoLease
            | Cause::Stopping => false,
        }
    }

    /// The last write in the order that a slot keeps that may have run or may yet run: those in
    /// flight, as it was at the first failure of this turn, because all failures of a connection
    /// come in one turn and a write that failed with it may have run; and those of which the client
    /// was told that.
    fn last_write(&mut self, slot: Slot, router: &Router) -> Option<Ticket> {
        let slot = router.order_of(slot);
        let writes = self.writes.get_or_insert_with(|| {
            let is_write = |part: &Part| {
                part.access == Access::Write && matches!(part.state, State::InFlight(_))
            };
            let parts = self.ring.parts_mut().filter(|(.., part)| is_write(part));
            parts.map(|(ticket, _, part)| (router.order_of(part.slot), ticket)).collect()
        });
        writes.get(&slot).copied().max(self.unsure_writes.get(&slot).copied())
    }

    fn note_unsure(&mut self, ticket: Ticket, router: &Router) {
        if let Some((part, _)) = self.ring.part(ticket)
            && part.access == Access::Write
            && !planted("unsure-write-forgotten")
        {
            let last = self.unsure_writes.entry(router.order_of(part.slot)).or_insert(ticket);
            *last = ticket.max(*last);
        }
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
            Progress::Sent => {
                turn.tally.unsure += 1;
                self.note_unsure(ticket, turn.router);
            }
        }
        self.finish(ticket, Outcome::Failed { progress, reason: reason.to_owned() }, turn);
    }
}

/// What a client is told of a transaction in which a command was refused.
pub(super) fn aborted(refusal: &Bytes) -> Bytes {
    if refusal.starts_with(b"-EXECABORT") {
        return refusal.clone();
    }
    let begin: &[u8] = b"-EXECABORT Transaction discarded because of previous errors: ";
    Bytes::from([begin, &refusal[1..]].concat())
}

/// The node of a lane, for people.
fn shown(router: &Router, lane: Lane) -> String {
    router.address(lane.node).map_or_else(|| "a node that has left".to_owned(), Address::to_string)
}

/// The length of a reply that is more than an error.
fn content_bytes(reply: &Reply) -> Option<usize> {
    match reply {
        Reply::Frame(frame) if frame[0] != b'-' => Some(frame.len()),
        Reply::Frame(_) | Reply::Failure(_) => None,
    }
}
