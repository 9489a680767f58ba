//! Requests that wait until there is room for the replies to them.
//!
//! They are routed, and in flight as far as the order is concerned; they only have not left. Their
//! time runs, unless it is the client itself that makes no room: then it has not begun.

use std::time::Instant;

use super::Session;
use super::part::State;
use super::ring::Ticket;
use super::turn::{Transmit, Turn};
use crate::mutant::planted;
use crate::proto::pipeline::{Form, Request};
use crate::proto::reply::Progress;

impl Session {
    /// The client takes no more bytes for now.
    pub fn receive_pushback(&mut self, now: Instant) {
        // Else it is not the client that makes no room, but nodes that have not answered.
        if self.wants_room() && self.window.is_open(0) {
            self.pushed_back = Some(now);
        }
    }

    /// Whether there is room for more replies, so that commands may be taken and sent.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.window.is_open(self.waiting())
    }

    /// Whether something waits for that.
    #[must_use]
    pub fn wants_room(&self) -> bool {
        !self.transmits.is_empty()
    }

    /// Bytes of replies that wait: for the client to read them, or for an earlier reply.
    pub(super) fn waiting(&self) -> usize {
        self.output.len() + self.ring.kept()
    }

    /// The next request that may leave.
    pub(super) fn poll_held(&mut self, turn: &Turn<'_>) -> Option<Transmit> {
        if self.transmits.is_empty() || !self.has_room() {
            return None;
        }
        let mut transmit = self.transmits.pop_front()?;
        if let Some(at) = self.pushed_back {
            let request = &mut transmit.request;
            extend(request, at);
            self.ring.extend(request.reply_to, request.deadline);
        }
        transmit.request.since = turn.now;
        self.window.send(transmit.access, transmit.request.frame.len());
        Some(transmit)
    }

    /// When the first of those that are held is due at the latest.
    pub(super) fn held_deadline(&self) -> Option<Instant> {
        self.transmits.iter().map(|transmit| transmit.request.deadline).min()
    }

    /// Answers those that are due.
    pub(super) fn expire_held(&mut self, turn: &mut Turn<'_>) {
        let pushed_back = self.pushed_back;
        let mut due = Vec::new();
        self.transmits.retain_mut(|Transmit { request, .. }| {
            if request.deadline <= turn.now
                && let Some(at) = pushed_back
            {
                extend(request, at);
                self.ring.extend(request.reply_to, request.deadline);
            }
            if request.deadline <= turn.now {
                due.push(request.reply_to);
            }
            request.deadline > turn.now
        });
        for ticket in due {
            let reason = "earlier commands, whose replies may be long, were not answered within \
                          op_timeout";
            self.tell(ticket, Progress::Unsent, reason, turn);
        }
    }

    /// Parks what is held; returns how many parts that are.
    pub(super) fn park_held(&mut self) -> usize {
        if planted("held-overtake-sent-again") {
            return 0;
        }
        let held = self.transmits.len();
        for Transmit { lane, request, .. } in self.transmits.drain(..) {
            if let Some((part, _)) = self.ring.part(request.reply_to) {
                let asking = request.form == Form::Asking;
                part.state = State::Parked { target: asking.then_some(lane.node), asking };
            }
        }
        held
    }

    /// Takes back what is held.
    pub(super) fn recall_held(&mut self) -> Vec<Ticket> {
        self.transmits.drain(..).map(|transmit| transmit.request.reply_to).collect()
    }
}

/// Gives a request the time that it has anew, from when the client last made no room for its reply.
fn extend(request: &mut Request<Ticket>, pushed_back: Instant) {
    let deadline = pushed_back + (request.deadline - request.since);
    if deadline > request.deadline {
        request.deadline = deadline;
        request.since = pushed_back;
    }
}
