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

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::output::Output;
use super::reply::{Cause, Failure, Reply};
use super::resp::{Protocol, ReplyDecoder};
use crate::limits::{UPSTREAM_BATCH_BYTES_MAX, UPSTREAM_PIPELINE_REQUESTS_MAX};

/// The right and the duty to answer one request; answering consumes it.
pub trait Duty {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
}

/// A command for one node.
#[derive(Debug)]
pub struct Request<D> {
    /// One whole command, as it is to be sent.
    pub frame: Bytes,
    /// Whether `ASKING` goes directly before it.
    pub asking: bool,
    /// When it must be answered at the latest.
    pub deadline: Instant,
    /// Whom to answer.
    pub reply_to: D,
}

/// A request that was sent, or is in the output buffer.
#[derive(Debug)]
struct Owed<D> {
    frame: Bytes,
    asking: bool,
    /// Replies to come before its own: that of `ASKING`.
    skip: u8,
    deadline: Instant,
    /// Where it starts, as `Output` counts.
    start: u64,
    /// `None` once it is answered: its reply is still to come, and nobody's.
    reply_to: Option<D>,
}

/// Whether commands may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is no connection.
    Down,
    /// The reply to `HELLO` is awaited, until then.
    Handshake(Instant),
    /// Commands flow.
    Up,
}

/// The requests of one node connection, over all the sockets it has in its life.
#[derive(Debug)]
pub struct Pipeline<D> {
    protocol: Protocol,
    phase: Phase,
    unsent: VecDeque<Request<D>>,
    sent: VecDeque<Owed<D>>,
    output: Output,
    decoder: ReplyDecoder,
    /// Requests that failed and are not answered yet.
    failed: VecDeque<(D, Failure)>,
    /// No deadline is earlier; there may be none as early.
    next_deadline: Option<Instant>,
}

const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";
const HELLO_3: &[u8] = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n";

impl<D: Duty> Pipeline<D> {
    /// A pipeline without a connection, which will speak `protocol`.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        Pipeline {
            protocol,
            phase: Phase::Down,
            unsent: VecDeque::new(),
            sent: VecDeque::new(),
            output: Output::default(),
            decoder: ReplyDecoder::default(),
            failed: VecDeque::new(),
            next_deadline: None,
        }
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
        debug_assert!(self.phase == Phase::Down && self.sent.is_empty());
        self.phase = match self.protocol {
            Protocol::Resp2 => Phase::Up,
            Protocol::Resp3 => {
                self.output.copy(HELLO_3);
                Phase::Handshake(deadline)
            }
        };
    }

    /// The connection ended, or none could be made: every request fails with `cause`.
    pub fn receive_end(&mut self, cause: Cause) {
        self.recall();
        for owed in self.sent.drain(..) {
            if let Some(reply_to) = owed.reply_to {
                self.failed.push_back((reply_to, Failure::sent(cause)));
            }
        }
        for request in self.unsent.drain(..) {
            self.failed.push_back((request.reply_to, Failure::unsent(cause)));
        }
        self.phase = Phase::Down;
        self.output.clear();
        self.decoder = ReplyDecoder::default();
        self.next_deadline = None;
        self.check();
    }

    /// What is to be written now; `None` if nothing is.
    pub fn poll_transmit(&mut self) -> Option<&mut Output> {
        while self.phase == Phase::Up
            && self.output.len() < UPSTREAM_BATCH_BYTES_MAX
            && self.sent.len() < UPSTREAM_PIPELINE_REQUESTS_MAX
        {
            let Some(request) = self.unsent.pop_front() else { break };
            if !request.reply_to.is_abandoned() {
                self.send(request);
            }
        }
        (!self.output.is_empty()).then_some(&mut self.output)
    }

    /// The next answer there is, given the bytes received; call until it gives `None`.
    ///
    /// # Errors
    /// What was received makes the connection useless: end it, and report that with the cause
    /// given.
    pub fn poll_answer(&mut self, buffer: &mut BytesMut) -> Result<Option<(D, Reply)>, Cause> {
        if let Some((reply_to, failure)) = self.failed.pop_front() {
            return Ok(Some((reply_to, Reply::Failure(failure))));
        }
        loop {
            let Some(frame) = self.decoder.decode(buffer).map_err(|_| Cause::Garbled)? else {
                return Ok(None);
            };
            if frame[0] == b'>' {
                // Out-of-band: nobody subscribed on a shared connection, so it concerns nobody.
                continue;
            }
            if matches!(self.phase, Phase::Handshake(_)) {
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
        let handshake = self.handshake_deadline();
        self.next_deadline.into_iter().chain(handshake).min()
    }

    /// Fails every request whose deadline has come, and no other.
    ///
    /// # Errors
    /// The handshake took too long: end the connection, and report that with the cause given.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Cause> {
        self.expire(now);
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

    /// Whether a connection is needed.
    #[must_use]
    pub fn wants_connection(&self) -> bool {
        self.phase == Phase::Down && !self.unsent.is_empty()
    }

    fn expire(&mut self, now: Instant) {
        if self.next_deadline.is_none_or(|next| now < next) {
            return;
        }
        self.recall();
        for owed in &mut self.sent {
            if owed.deadline <= now
                && let Some(reply_to) = owed.reply_to.take()
            {
                owed.frame = Bytes::new();
                self.failed.push_back((reply_to, Failure::sent(Cause::Timeout)));
            }
        }
        for request in std::mem::take(&mut self.unsent) {
            if request.deadline <= now {
                self.failed.push_back((request.reply_to, Failure::unsent(Cause::Timeout)));
            } else {
                self.unsent.push_back(request);
            }
        }
        let sent = self.sent.iter().filter(|owed| owed.reply_to.is_some()).map(|o| o.deadline);
        self.next_deadline = sent.chain(self.unsent.iter().map(|r| r.deadline)).min();
        self.check();
    }

    fn handshake_deadline(&self) -> Option<Instant> {
        if let Phase::Handshake(deadline) = self.phase { Some(deadline) } else { None }
    }

    fn send(&mut self, request: Request<D>) {
        let Request { frame, asking, deadline, reply_to } = request;
        let start = self.output.end();
        if asking {
            self.output.copy(ASKING);
        }
        self.output.push(&frame);
        let skip = u8::from(asking);
        let reply_to = Some(reply_to);
        self.sent.push_back(Owed { frame, asking, skip, deadline, start, reply_to });
    }

    /// Takes back the requests of which not a byte has left.
    fn recall(&mut self) {
        let written = self.output.written();
        while let Some(owed) = self.sent.pop_back_if(|owed| owed.start >= written) {
            self.output.truncate(owed.start);
            let Owed { frame, asking, deadline, reply_to, .. } = owed;
            if let Some(reply_to) = reply_to {
                self.unsent.push_front(Request { frame, asking, deadline, reply_to });
            }
        }
    }

    fn receive_handshake(&mut self, frame: &Bytes) -> Result<(), Cause> {
        // A server that does not know HELLO speaks RESP2, which is legal RESP3.
        let refused = frame[0] == b'-' && !frame.starts_with(b"-ERR unknown command");
        if refused {
            return Err(Cause::HandshakeRefused);
        }
        self.phase = Phase::Up;
        Ok(())
    }

    fn match_reply(&mut self, frame: Bytes) -> Result<Option<(D, Reply)>, Cause> {
        let written = self.output.written();
        let Some(owed) = self.sent.front_mut().filter(|owed| owed.start < written) else {
            return Err(Cause::Garbled);
        };
        if owed.skip > 0 {
            owed.skip -= 1;
            return Ok(None);
        }
        let reply_to = self.sent.pop_front().and_then(|owed| owed.reply_to);
        Ok(reply_to.map(|reply_to| (reply_to, Reply::Frame(frame))))
    }

    /// Asserts what must always hold; called after rare changes in builds with assertions.
    fn check(&self) {
        debug_assert!(self.sent.iter().is_sorted_by_key(|owed| owed.start));
        debug_assert!(self.phase != Phase::Down || self.sent.is_empty());
        debug_assert!(self.next_deadline.is_some() || self.unsent.is_empty());
    }
}

#[cfg(test)]
mod tests;
