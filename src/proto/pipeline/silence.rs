//! How long a node has said nothing although it owes something.

use std::time::{Duration, Instant};

use crate::mutant::planted;

/// Watches one connection. It is told often and asked rarely, so telling is cheap.
#[derive(Debug)]
pub(super) struct Silence {
    limit: Option<Duration>,
    /// When the silence began.
    since: Option<Instant>,
    /// When to look; there may be nothing to see then.
    look_at: Option<Instant>,
}

impl Silence {
    /// A watch that finds a silence too long after `limit`.
    pub(super) fn new(limit: Option<Duration>) -> Silence {
        let limit = limit.filter(|_| !planted("stall-never-noticed"));
        Silence { limit, since: None, look_at: None }
    }

    /// The node owes something again.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since = Some(now);
        if self.look_at.is_none() {
            self.look_at = self.limit.map(|limit| now + limit);
        }
    }

    /// The node said something.
    pub(super) fn broken(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// There is no connection any more.
    pub(super) fn end(&mut self) {
        self.since = None;
        self.look_at = None;
    }

    /// When to ask [`is_too_long`](Self::is_too_long).
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.look_at
    }

    /// Whether the silence is longer than it may be. The first request that is owed has until
    /// `patience`, its own deadline, however long that is; `None`: nothing is owed.
    pub(super) fn is_too_long(&mut self, patience: Option<Instant>, now: Instant) -> bool {
        if self.look_at.is_none_or(|at| now < at) {
            return false;
        }
        let (Some(limit), Some(since), Some(patience)) = (self.limit, self.since, patience) else {
            self.look_at = None;
            return false;
        };
        let due = patience.max(since + limit);
        self.look_at = Some(due);
        due <= now
    }
}
