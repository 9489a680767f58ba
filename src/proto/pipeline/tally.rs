//! What happened on a connection, for the counters.

use std::time::Duration;

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits for a connection.
    Connect,
    /// It waits for the two sides to agree on how to speak.
    Handshake,
    /// It waits to be written.
    Queue,
    /// It waits for the reply.
    Reply,
}

/// Why buffered requests were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The turn was over.
    Turn,
    /// There were enough bytes.
    Size,
    /// They had waited long enough.
    Timer,
}

/// How long one request was in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The stage that is over: [`Stage::Queue`] or [`Stage::Reply`].
    pub stage: Stage,
    /// How long it took.
    pub took: Duration,
}

/// What happened on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests answered by the node.
    pub answered: u64,
    /// Replies that came after their request had expired.
    pub late: u64,
    /// Requests not sent because their client had gone.
    pub skipped: u64,
    /// Requests that expired, by the stage they were in.
    pub expired: [u64; 4],
    /// Writes begun, by what made them.
    pub flushes: [u64; 3],
}

impl Tally {
    pub(super) fn expired(&mut self, stage: Stage) {
        self.expired[stage as usize] += 1;
    }

    pub(super) fn flushed(&mut self, trigger: Trigger) {
        self.flushes[trigger as usize] += 1;
    }
}
