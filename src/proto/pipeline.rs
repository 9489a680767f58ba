//! The requests in flight on one node connection: first in, first out.
//!
//! ```text
//! push -> unsent --poll_transmit--> Output -> (socket)
//!            ^          |
//!         recall        '-> sent <--poll_answer-- ReplyDecoder <- (socket)
//! ```
//!
//! A request that expires is answered at once and alone. If it was sent, its place stays, so that
//! its late reply is recognised and discarded; if not, it is removed.

mod owed;
mod request;
mod silence;
mod tally;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use self::owed::{Owed, reply};
pub use self::request::{Duty, Flush, Form, Options, Request};
use self::silence::Silence;
pub use self::tally::{Sample, Stage, Tally, Trigger};
use super::handshake::{Handshake, Progress as Heard};
use super::output::Output;
use super::reply::{Cause, Failure, Reply};
use super::resp::ReplyDecoder;
use crate::limits::{PIPELINE_ENTRIES_KEPT, UPSTREAM_BATCH_BYTES_MAX};
use crate::mutant::planted;

/// Whether commands may be sent.
#[derive(Debug)]
enum Phase {
    /// There is no connection.
    Down,
    /// The two sides agree on how to speak, until then.
    Handshake(Handshake, Instant),
    /// Commands flow.
    Up,
}

/// Whether what is in the output may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// It waits for more, until then.
    Waits(Instant),
    /// It leaves until nothing is left.
    Leaves,
}

/// The requests of one node connection, over all the sockets it has in its life.
#[derive(Debug)]
pub struct Pipeline<D> {
    options: Options,
    phase: Phase,
    unsent: VecDeque<Request<D>>,
    sent: VecDeque<Owed<D>>,
    /// How many of `sent`, from the front, have left or begun to leave.
    begun: usize,
    output: Output,
    /// `None`: there is nothing in the output, or nothing yet that may wait.
    flow: Option<Flow>,
    decoder: ReplyDecoder,
    /// Requests that failed and are not answered yet.
    failed: VecDeque<(D, Failure)>,
    /// No deadline is earlier; there may be none as early.
    next_deadline: Option<Instant>,
    silence: Silence,
    /// When bytes were last received.
    received_at: Option<Instant>,
    /// The number that the node has for the connection, if it was asked.
    number: Option<u64>,
    /// What the node said when it refused the handshake.
    refusal: Option<String>,
    tally: Tally,
    samples: Vec<Sample>,
}

impl<D: Duty> Pipeline<D> {
    /// A pipeline without a connection.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Pipeline {
            silence: Silence::new(options.stall_timeout),
            options,
            phase: Phase::Down,
            unsent: VecDeque::new(),
            sent: VecDeque::new(),
            begun: 0,
            output: Output::default(),
            flow: None,
            decoder: ReplyDecoder::default(),
            failed: VecDeque::new(),
            next_deadline: None,
            received_at: None,
            number: None,
            refusal: None,
            tally: Tally::default(),
            samples: Vec::new(),
        }
    }

    /// Gives back what only a storm needed; to be called at the end of a turn.
    pub fn shrink(&mut self) {
        shrink(&mut self.unsent);
        shrink(&mut self.sent);
        shrink(&mut self.failed);
        if self.samples.is_empty() && self.samples.capacity() > PIPELINE_ENTRIES_KEPT {
            self.samples.shrink_to(PIPELINE_ENTRIES_KEPT);
        }
    }

    /// The length of the reply that has begun to arrive, once its end is known.
    #[must_use]
    pub fn frame_bytes(&self) -> Option<usize> {
        self.decoder.frame_bytes()
    }

    /// Bytes that were copied to be written.
    #[must_use]
    pub fn copied_bytes(&self) -> usize {
        self.output.copied_bytes()
    }

    /// Takes a request on.
    pub fn push(&mut self, request: Request<D>) {
        if self.next_deadline.is_none_or(|next| request.deadline < next) {
            self.next_deadline = Some(request.deadline);
        }
        self.unsent.push_back(request);
    }

    /// There is a connection now; what must come before the first command has until `deadline`.
    pub fn receive_connection(&mut self, deadline: Instant) {
        debug_assert!(matches!(self.phase, Phase::Down) && self.sent.is_empty());
        let handshake = Handshake::begin(&self.options.greeting, self.output.tail());
        self.phase =
            if handshake.is_done() { Phase::Up } else { Phase::Handshake(handshake, deadline) };
    }

    /// The connection ended, or none could be made: every request fails with `cause`.
    pub fn receive_end(&mut self, cause: Cause) {
        self.recall();
        if planted("half-written-called-unsent") && !self.output.is_empty() {
            let half = self.sent.pop_back().and_then(|owed| owed.reply_to);
            self.failed.extend(half.map(|reply_to| (reply_to, Failure::unsent(cause))));
        }
        let owed_to = self.sent.drain(..).filter_map(|owed| owed.reply_to);
        self.failed.extend(owed_to.map(|reply_to| (reply_to, Failure::sent(cause))));
        self.begun = 0;
        self.phase = Phase::Down;
        self.output.clear();
        self.flow = None;
        if !planted("half-a-reply-survives") {
            self.decoder = ReplyDecoder::default();
        }
        self.silence.end();
        self.refuse_unsent(cause);
        self.check();
    }

    /// Fails with `cause` every request of which not a byte has left.
    pub fn receive_unwanted(&mut self, cause: Cause) {
        self.recall();
        self.refuse_unsent(cause);
    }

    /// Bytes were received: they are in the buffer that the next `poll_answer` is given.
    pub fn receive_bytes(&mut self, now: Instant) {
        self.silence.broken(now);
        if planted("any-reply-renews-deadlines") {
            self.sent.iter_mut().for_each(|owed| owed.deadline += now - owed.since);
        }
        self.received_at = Some(now);
    }

    /// Some of what [`poll_transmit`](Self::poll_transmit) gave is written.
    pub fn receive_written(&mut self, now: Instant) {
        let written = self.output.written();
        while let Some(owed) = self.sent.get_mut(self.begun).filter(|owed| owed.start < written) {
            self.samples.push(Sample { stage: Stage::Queue, took: now - owed.since });
            owed.since = now;
            self.begun += 1;
        }
        if self.output.is_empty() {
            self.flow = None;
        }
    }

    /// What is to be written now; `None` if nothing is.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&mut Output> {
        let is_up = matches!(self.phase, Phase::Up);
        let batch_bytes = self.options.flush.map_or(0, |flush| flush.bytes);
        let batch_bytes = batch_bytes.max(UPSTREAM_BATCH_BYTES_MAX);
        while is_up
            && self.output.len() < batch_bytes
            && self.sent.len() < self.options.requests_max
        {
            let Some(request) = self.unsent.pop_front() else { break };
            if request.reply_to.is_abandoned() {
                self.tally.skipped += 1;
            } else {
                self.send(request, now);
            }
        }
        if self.output.is_empty() || !self.may_leave(is_up, now) {
            return None;
        }
        Some(&mut self.output)
    }

    /// The next answer, given what the node sent; call until it gives `None`.
    ///
    /// # Errors
    /// The node broke the protocol or refused the handshake: end the connection, and report that
    /// with the cause given.
    pub fn poll_answer(&mut self, buffer: &mut BytesMut) -> Result<Option<(D, Reply)>, Cause> {
        loop {
            if let Some((reply_to, failure)) = self.failed.pop_front() {
                return Ok(Some((reply_to, Reply::Failure(failure))));
            }
            let Some(frame) = self.decoder.decode(buffer).map_err(|_| Cause::Garbled)? else {
                return Ok(None);
            };
            // Pushes are nobody's replies.
            if frame[0] == b'>' {
                continue;
            }
            if matches!(self.phase, Phase::Handshake(..)) {
                self.receive_handshake(&frame)?;
                continue;
            }
            if let Some(answer) = self.match_reply(frame)? {
                return Ok(Some(answer));
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let flush = match self.flow {
            Some(Flow::Waits(at)) => Some(at),
            Some(Flow::Leaves) | None => None,
        };
        let others = [self.handshake_deadline(), flush, self.silence.poll_timeout()];
        self.next_deadline.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// Fails every request whose deadline has come, and no other. What waited to be written may
    /// leave then.
    ///
    /// # Errors
    /// The handshake took too long, or the node is silent for too long: end the connection, and
    /// report that with the cause given.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Cause> {
        self.expire(now);
        let patience = self.sent.front().map(|owed| owed.deadline);
        if self.silence.is_too_long(patience, now) {
            return Err(Cause::Stalled);
        }
        match self.handshake_deadline() {
            Some(deadline) if deadline <= now => Err(Cause::ConnectTimeout),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether nothing waits to be sent, to be replied to, or to be answered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unsent.is_empty()
            && self.failed.is_empty()
            && self.sent.iter().all(|owed| owed.reply_to.is_none())
    }

    /// Whether commands may be sent.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up)
    }

    /// Whether a connection is needed.
    #[must_use]
    pub fn wants_connection(&self) -> bool {
        matches!(self.phase, Phase::Down) && !self.unsent.is_empty()
    }

    /// The number that the node has for the connection, if it was asked and has said so.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// Requests sent whose replies are to come.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.sent.len()
    }

    /// When the oldest request in flight was sent.
    #[must_use]
    pub fn oldest(&self) -> Option<Instant> {
        self.sent.front().map(|owed| owed.since)
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.output.len()
    }

    /// What happened since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// How long requests took since the last call.
    pub fn take_samples(&mut self) -> impl Iterator<Item = Sample> {
        self.samples.drain(..)
    }

    /// What the node said when it refused the handshake, once.
    pub fn take_refusal(&mut self) -> Option<String> {
        self.refusal.take()
    }

    fn may_leave(&mut self, is_up: bool, now: Instant) -> bool {
        let Some(flush) = self.options.flush.filter(|_| is_up) else {
            if self.flow.replace(Flow::Leaves).is_none() {
                self.tally.flushed(Trigger::Turn);
            }
            return true;
        };
        let trigger = match self.flow {
            Some(Flow::Leaves) => return true,
            Some(Flow::Waits(until)) if until <= now => Trigger::Timer,
            Some(Flow::Waits(_)) | None if self.output.len() >= flush.bytes => Trigger::Size,
            Some(Flow::Waits(_)) => return false,
            None => {
                self.flow = Some(Flow::Waits(now + flush.timeout));
                return false;
            }
        };
        self.flow = Some(Flow::Leaves);
        self.tally.flushed(trigger);
        true
    }

    fn expire(&mut self, now: Instant) {
        if self.next_deadline.is_none_or(|next| now < next) {
            return;
        }
        self.recall();
        for owed in &mut self.sent {
            if (owed.deadline <= now || planted("all-expire-with-one"))
                && let Some(reply_to) = owed.reply_to.take()
            {
                owed.frame = Bytes::new();
                self.tally.expired(Stage::Reply);
                self.failed.push_back((reply_to, Failure::sent(Cause::Timeout)));
            }
        }
        let stage = match self.phase {
            Phase::Down => Stage::Connect,
            Phase::Handshake(..) => Stage::Handshake,
            Phase::Up => Stage::Queue,
        };
        for request in std::mem::take(&mut self.unsent) {
            if request.deadline <= now {
                self.tally.expired(stage);
                self.failed.push_back((request.reply_to, Failure::unsent(Cause::Timeout)));
            } else {
                self.unsent.push_back(request);
            }
        }
        self.find_next_deadline();
        self.check();
    }

    fn find_next_deadline(&mut self) {
        let sent = self.sent.iter().filter(|owed| owed.reply_to.is_some()).map(|o| o.deadline);
        self.next_deadline = sent.chain(self.unsent.iter().map(|r| r.deadline)).min();
    }

    fn handshake_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Handshake(_, deadline) if !planted("no-connect-timeout") => Some(deadline),
            Phase::Handshake(..) | Phase::Down | Phase::Up => None,
        }
    }

    fn send(&mut self, request: Request<D>, now: Instant) {
        let Request { frame, form, since, deadline, reply_to } = request;
        if self.sent.is_empty() {
            self.silence.begin(now);
        }
        let start = self.output.end();
        if form != Form::Asking || !planted("asking-forgotten") {
            self.output.copy(form.prelude());
        }
        self.output.push(&frame);
        let skip = form.replies_before();
        let (refusal, reply_to) = (None, Some(reply_to));
        self.sent.push_back(Owed { frame, form, skip, refusal, since, deadline, start, reply_to });
    }

    /// Takes back the requests of which not a byte has left.
    fn recall(&mut self) {
        let written = self.output.written();
        let begun = if planted("half-written-recalled") { 8 } else { 0 };
        while let Some(owed) = self.sent.pop_back_if(|owed| owed.start + begun >= written) {
            if !planted("recalled-bytes-stay") {
                self.output.truncate(owed.start);
            }
            let Owed { frame, form, since, deadline, reply_to, .. } = owed;
            if let Some(reply_to) = reply_to {
                self.unsent.push_front(Request { frame, form, since, deadline, reply_to });
            }
        }
        self.begun = self.begun.min(self.sent.len());
        if self.output.is_empty() {
            self.flow = None;
        }
    }

    fn refuse_unsent(&mut self, cause: Cause) {
        let refused = self.unsent.drain(..).map(|request| request.reply_to);
        self.failed.extend(refused.map(|reply_to| (reply_to, Failure::unsent(cause))));
        self.find_next_deadline();
    }

    fn receive_handshake(&mut self, frame: &Bytes) -> Result<(), Cause> {
        let Phase::Handshake(handshake, _) = &mut self.phase else { return Ok(()) };
        match handshake.receive(frame, self.output.tail()) {
            Heard::Waiting => Ok(()),
            Heard::Done => {
                self.number = handshake.number();
                self.phase = Phase::Up;
                Ok(())
            }
            Heard::Refused(reason) => {
                self.refusal = Some(reason);
                Err(Cause::HandshakeRefused)
            }
        }
    }

    fn match_reply(&mut self, frame: Bytes) -> Result<Option<(D, Reply)>, Cause> {
        if planted("late-reply-to-next") {
            self.sent.retain(|owed| owed.reply_to.is_some());
        }
        if planted("place-of-one-who-left") {
            self.sent.retain(|owed| !owed.reply_to.as_ref().is_some_and(D::is_abandoned));
        }
        let written = self.output.written();
        let Some(owed) = self.sent.front_mut().filter(|owed| owed.start < written) else {
            return Err(Cause::Garbled);
        };
        if owed.skip > 0 {
            owed.skip -= 1;
            owed.note_refusal(frame);
            return Ok(None);
        }
        self.begun = self.begun.saturating_sub(1);
        let Some(owed) = self.sent.pop_front() else { return Ok(None) };
        let Some(reply_to) = owed.reply_to else {
            self.tally.late += 1;
            return Ok(None);
        };
        self.tally.answered += 1;
        let took =
            self.received_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(owed.since));
        self.samples.push(Sample { stage: Stage::Reply, took });
        let reply = reply(frame, owed.refusal);
        Ok(Some((reply_to, reply)))
    }

    /// Asserts what must always hold; called after rare changes in builds with assertions.
    fn check(&self) {
        debug_assert!(self.sent.iter().is_sorted_by_key(|owed| owed.start));
        debug_assert!(!matches!(self.phase, Phase::Down) || self.sent.is_empty());
        debug_assert!(self.next_deadline.is_some() || self.unsent.is_empty());
        debug_assert!(self.begun <= self.sent.len());
    }
}

fn shrink<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() > PIPELINE_ENTRIES_KEPT && queue.len() <= PIPELINE_ENTRIES_KEPT / 2 {
        queue.shrink_to(PIPELINE_ENTRIES_KEPT);
    }
}

#[cfg(test)]
mod tests;
