//! The connection that a client has on loan, for what it watches or waits for.
//!
//! ```text
//! Transmit --way--> the lease there is, one that the pool lends, or pending until there is one
//! end of turn --> given back if the session needs it no more, closed if something went wrong on it
//! ```

use std::rc::Rc;
use std::time::Instant;

use super::Client;
use crate::lease::{Key, Lease, Wait};
use crate::mutant::planted;
use crate::net::Net;
use crate::pool::Pool;
use crate::proto::command::Wake;
use crate::proto::pipeline::{Form, Request};
use crate::proto::reply::{Cause, Reply};
use crate::proto::resp::{Protocol, Writer};
use crate::proto::session::{Lane, Ticket, Transmit, Turn, Way, no_lease};
use crate::reply_to::ReplyTo;

/// How often a node is told at most that a client waits no longer: the word may be there before
/// the command is.
const WAKES_MAX: u8 = 100;

/// What waits for a connection to borrow.
pub(super) struct Pending {
    transmit: Transmit,
    /// When it is given up.
    pub(super) until: Instant,
    /// Its place among all that wait.
    wait: Wait,
}

impl<N: Net> Client<N> {
    /// Sends what goes to a connection of the client's own, or has it wait for one.
    pub(super) fn send_on_lease(
        &mut self,
        transmit: Transmit,
        wait: Option<Wait>,
        pool: &mut Pool<N>,
        turn: &mut Turn<'_>,
    ) {
        let lane = transmit.lane;
        self.settle_lease();
        if lane.way == Way::Lease && !self.lease.as_ref().is_some_and(|own| own.is_at(lane.into()))
        {
            if self.lease.take().is_some() {
                self.session.lose_watch();
            }
            match pool.lend(lane, (wait, &self.myself), turn.router) {
                Ok(Ok(lease)) => self.lease = Some(lease),
                Ok(Err(wait)) => {
                    let until = self.session.lease_deadline().unwrap_or(turn.now);
                    self.pending = Some(Pending { transmit, until, wait });
                    return;
                }
                Err(cause) => {
                    return self.session.answer(transmit.request.reply_to, no_lease(cause), turn);
                }
            }
        }
        match &self.lease {
            Some(lease) if lease.is_alive() => lease.send(self.due(transmit)),
            Some(_) | None => {
                let lost = no_lease(Cause::LeaseLost);
                self.session.answer(transmit.request.reply_to, lost, turn);
            }
        }
    }

    /// A connection was given back, and it is this client's turn, if it waits still.
    pub(super) fn retry_lease(&mut self, turn: &mut Turn<'_>) {
        let Some(Pending { transmit, wait, .. }) = self.pending.take() else { return };
        let backend = Rc::clone(&self.listening.backend);
        self.send_on_lease(transmit, Some(wait), &mut backend.pool.borrow_mut(), turn);
    }

    /// Answers what has waited for a connection for too long, or in vain.
    pub(super) fn refuse_pending(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        if let Some(pending) = self.pending.take() {
            self.session.answer(pending.transmit.request.reply_to, no_lease(cause), turn);
        }
    }

    /// Gives back what the session needs no more.
    pub(super) fn settle_lease(&mut self) {
        if self.session.take_lease_failure()
            && let Some(lease) = self.lease.take()
        {
            lease.close();
        }
        if !self.session.needs_lease() {
            self.lease = None;
        }
    }

    /// Has what waits wait no longer.
    pub(super) fn wake(&mut self, wake: Wake, turn: &mut Turn<'_>) {
        if let Some(ticket) = self.session.receive_wake(wake, turn) {
            self.wakes_left = WAKES_MAX;
            self.tell_node(ticket, turn);
        }
    }

    /// Takes what the node says to that: it may have heard of it before it heard of the command.
    pub(super) fn wake_again(&mut self, ticket: Ticket, reply: &Reply, turn: &mut Turn<'_>) {
        let is_done = matches!(reply, Reply::Frame(frame) if frame == ":1\r\n");
        if !is_done && self.session.waking(ticket).is_some() {
            self.tell_node(ticket, turn);
        }
    }

    /// Tells the node of the command that waits that it waits no longer, as long as there is hope
    /// that it listens; else leaves.
    fn tell_node(&mut self, ticket: Ticket, turn: &mut Turn<'_>) {
        let Some(wake) = self.session.waking(ticket) else { return };
        if self.pending.take().is_some() {
            return self.session.end_wait(turn);
        }
        let Some(lease) = &self.lease else { return };
        let Some(number) = lease.number().filter(|_| self.wakes_left > 0) else {
            // What it has not been sent is answered so; else nobody knows.
            return self.lease.take().into_iter().for_each(Lease::close);
        };
        self.wakes_left -= 1;
        let Key { node, choice } = lease.key();
        let lane = Lane { node, choice, way: Way::Shared };
        let mut frame = Vec::new();
        let mut writer = Writer::new(&mut frame, Protocol::Resp2);
        writer.array(4);
        let number = number.to_string();
        for word in ["CLIENT", "UNBLOCK", &number, wake.word()] {
            writer.bulk(word.as_bytes());
        }
        let request = Request {
            frame: frame.into(),
            form: Form::Plain,
            since: turn.now,
            deadline: turn.now + turn.policy.op_timeout,
            reply_to: ReplyTo::waking(self.myself.clone(), ticket),
        };
        let backend = Rc::clone(&self.listening.backend);
        backend.pool.borrow_mut().send(lane, self.number, turn.router, request);
    }

    /// Leaves what is waited for.
    pub(super) fn leave_lease(&mut self) {
        self.pending = None;
        if self.session.is_on_lease()
            && !planted("waiting-lease-lent-on")
            && let Some(lease) = self.lease.take()
        {
            lease.close();
        }
        self.lease = None;
    }
}
