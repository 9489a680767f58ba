//! The connection that a client has on loan, for what it watches or waits for.
//!
//! ```text
//! Transmit --way--> the lease there is, one that the pool lends, or pending until there is one
//! end of turn --> given back if the session needs it no more, closed if something went wrong on it
//! ```

use super::Client;
use crate::net::Net;
use crate::pool::Pool;
use crate::proto::reply::Cause;
use crate::proto::session::{Transmit, Turn, Way, no_lease};

impl<N: Net> Client<N> {
    /// Sends what goes to a connection of the client's own, or has it wait for one.
    pub(super) fn send_on_lease(
        &mut self,
        transmit: Transmit,
        pool: &mut Pool<N>,
        turn: &mut Turn<'_>,
    ) {
        let lane = transmit.lane;
        self.settle_lease();
        if lane.way == Way::Lease && !self.lease.as_ref().is_some_and(|own| own.is_at(lane.into()))
        {
            self.lease = None;
            match pool.lend(lane, &self.myself, turn.router) {
                Ok(lease) => self.lease = lease,
                Err(cause) => {
                    return self.session.answer(transmit.request.reply_to, no_lease(cause), turn);
                }
            }
        }
        match &self.lease {
            Some(lease) if lease.is_alive() => lease.send(self.due(transmit)),
            Some(_) | None if lane.way == Way::SameLease => {
                let lost = no_lease(Cause::LeaseLost);
                self.session.answer(transmit.request.reply_to, lost, turn);
            }
            Some(_) | None => {
                let until = turn.now + turn.policy.op_timeout;
                self.pending = Some((transmit, until));
            }
        }
    }

    /// A connection was given back: perhaps it is this client's turn.
    pub(super) fn retry_lease(&mut self, turn: &mut Turn<'_>) {
        let backend = std::rc::Rc::clone(&self.listening.backend);
        let mut pool = backend.pool.borrow_mut();
        match self.pending.take() {
            None => pool.leases().borrow_mut().call_next(),
            Some((transmit, until)) => {
                self.send_on_lease(transmit, &mut pool, turn);
                if let Some((_, renewed)) = &mut self.pending {
                    *renewed = until;
                }
            }
        }
    }

    /// Answers what has waited for a connection for too long.
    pub(super) fn refuse_pending(&mut self, turn: &mut Turn<'_>) {
        if let Some((transmit, _)) = self.pending.take() {
            self.session.answer(transmit.request.reply_to, no_lease(Cause::NoLease), turn);
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

    /// Leaves what is waited for.
    pub(super) fn leave_lease(&mut self) {
        self.pending = None;
        if self.session.is_on_lease()
            && let Some(lease) = self.lease.take()
        {
            lease.close();
        }
        self.lease = None;
    }
}
