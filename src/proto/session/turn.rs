//! What goes into a session's turn, and what comes out of it besides bytes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::budget::Budget;
use super::busy::Busy;
use super::part::Lane;
use super::ring::Ticket;
use super::window::CommonReply;
use crate::mutant::planted;
use crate::proto::cluster::Router;
use crate::proto::command::{Access, Directory, Facts, Row, Rules};
use crate::proto::pipeline::Request;
use crate::proto::pubsub::Audience;
use crate::proto::scripts::Library;

/// What a session works with for one turn, lent by its worker.
pub struct Turn<'a> {
    /// The time, read once.
    pub now: Instant,
    /// Who serves what; MOVED patches it.
    pub router: &'a mut Router,
    /// What holds for every command of the upstream.
    pub policy: &'a Policy,
    /// What may be sent again.
    pub budget: &'a mut Budget,
    /// How long replies are.
    pub common_reply: &'a mut CommonReply,
    /// What the command of this row tells, if the proxy answers it; asked only when it is needed.
    pub facts: &'a dyn Fn(&Row) -> Facts,
    /// All clients of the process.
    pub directory: &'a dyn Directory,
    /// The scripts that clients were seen to give to servers.
    pub scripts: &'a dyn Library,
    /// How many clients of the upstream hear of what.
    pub audience: &'a dyn Audience,
    /// What happened, for the counters.
    pub tally: Tally,
    /// The commands that were answered, each with the time since it was read; `None`: nobody wants
    /// to know.
    pub timings: Option<Vec<(&'static Row, Duration)>>,
}

/// What holds for every command of an upstream.
#[derive(Clone, Debug)]
pub struct Policy {
    /// From reading a command to answering it, at the latest.
    pub op_timeout: Duration,
    /// The same for some commands, by their names in lower case.
    pub command_timeouts: BTreeMap<&'static str, Duration>,
    /// Times one command is sent again after its connection failed.
    pub retries_max: u8,
    /// Whether redirects are followed; else clients get them.
    pub follow_redirects: bool,
    /// Redirects followed for one command.
    pub redirects_max: u8,
    /// The database of clients that choose none.
    pub database: u32,
    /// What is declared, and what is refused.
    pub rules: Rules,
}

impl Policy {
    /// The time that a command has.
    pub(super) fn timeout(&self, row: &Row) -> Duration {
        if planted("deadline-twice-as-long") {
            return 2 * self.op_timeout;
        }
        if self.command_timeouts.is_empty() {
            return self.op_timeout;
        }
        let name = row.name.split('|').next().unwrap_or_default();
        self.command_timeouts.get(name).copied().unwrap_or(self.op_timeout)
    }
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
    /// Redirects not followed: there had been too many.
    pub redirects_exceeded: u64,
    /// Redirects not followed: too many nodes are unknown, or it names none.
    pub redirects_unknown: u64,
    /// Requests put out again after their connection failed.
    pub retries: u64,
    /// Requests not put out again because the budget was spent.
    pub retries_denied: u64,
    /// Requests put out again after a pause, by what the node said: see [`Busy`].
    pub busy: [u64; Busy::COUNT],
    /// Requests put out again because their node lacked the script.
    pub repaired: u64,
    /// Commands cut up because their keys had parted.
    pub divided: u64,
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
    /// What it does to its keys.
    pub access: Access,
    /// What; whoever sends it turns the ticket into a duty to answer.
    pub request: Request<Ticket>,
}
