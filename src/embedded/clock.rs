//! The time of day, from the one clock.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// What the time of day is taken to be when a clock that nobody set is first looked at, in Unix
/// milliseconds: 2023-11-14 22:13:20 UTC.
const UNSET_UNIX_MS: i64 = 1_700_000_000_000;

/// Says what time of day a moment is. Clones are one clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(Rc<Cell<Option<(Instant, i64)>>>);

impl Clock {
    /// Sets it: at the moment `at`, the time since the Unix epoch is `since_epoch`.
    pub(super) fn set(&self, at: Instant, since_epoch: Duration) {
        let unix_ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        self.0.set(Some((at, unix_ms)));
    }

    /// The time of day at `now`, in Unix milliseconds.
    pub(super) fn unix_ms(&self, now: Instant) -> i64 {
        let (at, unix_ms) = self.0.get().unwrap_or((now, UNSET_UNIX_MS));
        self.0.set(Some((at, unix_ms)));
        let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let ahead = millis(now.saturating_duration_since(at));
        let behind = millis(at.saturating_duration_since(now));
        unix_ms.saturating_add(ahead).saturating_sub(behind)
    }
}
