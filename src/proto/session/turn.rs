//! What goes into a session's turn, and what comes out of it besides bytes.

use std::time::{Duration, Instant};

use super::part::Lane;
use super::ring::Ticket;
use crate::proto::cluster::Router;
use crate::proto::command::Facts;
use crate::proto::pipeline::Request;

/// What a session works with for one turn, lent by its worker.
pub struct Turn<'a> {
    /// The time, read once.
    pub now: Instant,
    /// Who serves what; MOVED patches it.
    pub router: &'a mut Router,
    /// From reading a command to answering it, at the latest.
    pub op_timeout: Duration,
    /// What INFO tells; asked only when it is needed.
    pub facts: &'a dyn Fn() -> Facts,
    /// What happened, for the counters.
    pub tally: Tally,
}

/// What happened in one turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Commands read.
    pub commands: u64,
    /// Requests put out.
    pub requests: u64,
    /// MOVED followed.
    pub moved: u64,
    /// ASK followed.
    pub asked: u64,
    /// Requests put out again after a failure.
    pub retries: u64,
    /// Failures told as `UNSENT`.
    pub unsent: u64,
    /// Failures told as `UNSURE`.
    pub unsure: u64,
    /// Protocol errors of the client.
    pub protocol_errors: u64,
    /// Redirects that hint at a topology that has changed: MOVED, and those not followed.
    pub refresh_redirects: u64,
    /// Failures that hint at it: of connections, and slots that nobody serves.
    pub refresh_failures: u64,
}

/// A request to be sent on a lane.
#[derive(Debug)]
pub struct Transmit {
    /// Where to.
    pub lane: Lane,
    /// What; whoever sends it turns the ticket into a duty to answer.
    pub request: Request<Ticket>,
}
