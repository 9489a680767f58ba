//! The connection that a client has on loan, for what it watches or waits for.
//!
//! ```text
//! Transmit --way--> the lease there is, one that the pool lends, or pending until there is one
//! end of turn --> given back if the session needs it no more, closed if something went wrong on it
//! ```

use std::rc::Rc;
use std::time::Instant;

use super::Client;
use crate::lease::Wait;
use crate::mutant::planted;
use crate::net::Net;
use crate::pool::Pool;
use crate::proto::reply::Cause;
use crate::proto::session::{Transmit, Turn, Way, no_lease};

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
            self.lease = None;
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
