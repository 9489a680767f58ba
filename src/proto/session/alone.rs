//! A command that runs alone: when all before it are answered, and before all after it.
//!
//! ```text
//!   No --such a command--> Waits --all before it are answered--> Runs --answered--> No
//!    '------- the same, and none before it is unanswered ---------^
//! ```
//!
//! Until it is answered no other command is taken.

use std::time::Instant;

use bytes::Bytes;

use super::Session;
use super::ring::Work;
use super::turn::Turn;
use crate::mutant::planted;
use crate::proto::command::{Command, Outcome};
use crate::proto::reply::{Cause, Progress};

/// Whether a command runs alone.
#[derive(Debug, Default)]
pub(super) enum Alone {
    /// None does.
    #[default]
    No,
    /// One will. Where its arguments are, the decoder knows, which has read nothing since.
    Waits(Waiting),
    /// One does.
    Runs,
}

/// A command that waits until it can run.
#[derive(Debug)]
pub(super) struct Waiting {
    frame: Bytes,
    /// When it was read.
    since: Instant,
    deadline: Instant,
}

impl Alone {
    /// What becomes of a command that was read at `since`: it waits, or it runs now.
    pub(super) fn from(
        command: &Command<'_>,
        since: Instant,
        is_first: bool,
        turn: &Turn<'_>,
    ) -> Alone {
        if is_first && turn.router.is_known() {
            return Alone::Runs;
        }
        let deadline = since + turn.policy.timeout(command.row);
        Alone::Waits(Waiting { frame: command.frame.clone(), since, deadline })
    }

    pub(super) fn waits(&self) -> bool {
        matches!(self, Alone::Waits(_))
    }
}

impl Session {
    /// Runs the command that waits, if it can; true if it does.
    pub(super) fn release_alone(&mut self, turn: &mut Turn<'_>) -> bool {
        if !self.alone.waits() || !self.ring.is_empty() || !turn.router.is_known() {
            return false;
        }
        let Alone::Waits(waiting) = std::mem::take(&mut self.alone) else { return false };
        self.command(waiting.frame, waiting.since, turn);
        true
    }

    /// When the command that waits is due.
    pub(super) fn alone_deadline(&self) -> Option<Instant> {
        self.waiting_alone().map(|waiting| waiting.deadline)
    }

    /// Bytes of the command that waits.
    pub(super) fn alone_bytes(&self) -> usize {
        self.waiting_alone().map_or(0, |waiting| waiting.frame.len())
    }

    /// Answers the command that waits, if it is due.
    pub(super) fn expire_alone(&mut self, turn: &mut Turn<'_>) {
        if self.alone_deadline().is_some_and(|deadline| deadline <= turn.now) {
            let reason = "earlier commands were not answered, or no node of the cluster has told \
                          its topology, within op_timeout";
            self.fail_alone(reason, turn);
        }
    }

    /// Answers the command that waits: the proxy stops.
    pub(super) fn stop_alone(&mut self, turn: &mut Turn<'_>) {
        if self.waiting_alone().is_some() {
            self.fail_alone(Cause::Stopping.describe(), turn);
        }
    }

    fn fail_alone(&mut self, reason: &str, turn: &mut Turn<'_>) {
        self.alone = Alone::No;
        if !planted("failed-exec-leaves-its-transaction") {
            self.end_transaction();
        }
        turn.tally.unsent += 1;
        let outcome = Outcome::Failed { progress: Progress::Unsent, reason: reason.to_owned() };
        self.push_outcome(outcome, turn.now);
    }

    /// Answers the command that was read last, if its reply is wanted.
    pub(super) fn push_outcome(&mut self, outcome: Outcome, now: Instant) {
        if self.identity.modes.is_muted() {
            return;
        }
        if self.ring.is_empty() {
            self.write(outcome);
        } else {
            self.ring.push(Work::Ready(outcome), 0, now);
        }
    }

    fn waiting_alone(&self) -> Option<&Waiting> {
        match &self.alone {
            Alone::Waits(waiting) => Some(waiting),
            Alone::No | Alone::Runs => None,
        }
    }
}
