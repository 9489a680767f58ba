//! What wakes a client's task no later than it has to be woken; there may be nothing to do then.

use std::pin::Pin;
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// A time, and a sleep until then.
pub(super) struct Timer {
    /// The time.
    pub(super) at: Instant,
    /// The sleep.
    pub(super) sleep: Pin<Box<Sleep>>,
}

impl Timer {
    pub(super) fn new(at: Instant) -> Timer {
        Timer { at, sleep: Box::pin(sleep_until(at.into())) }
    }

    pub(super) fn reset(&mut self, at: Instant) {
        self.at = at;
        self.sleep.as_mut().reset(at.into());
    }
}
