//! One direction between two hosts: what is in the way of those who connect, write and read there.

use std::cell::Cell;

use super::Obstacle;

/// For how long a budget is saved up at most, in ms.
const SAVED_MS_MAX: u64 = 10;

/// The way from one host to another.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Why no connection can be made.
    pub(super) obstacle: Cell<Option<Obstacle>>,
    /// Streams take no more than a few bytes.
    pub(super) is_clogged: Cell<bool>,
    /// What is sent is lost.
    pub(super) is_cut: Cell<bool>,
    /// What can be written.
    pub(super) wire: Budget,
    /// What the far host reads of it.
    pub(super) reader: Budget,
}

/// So many bytes in a time, shared by all streams of a link.
#[derive(Debug, Default)]
pub(super) struct Budget {
    bytes_per_ms: Cell<Option<u64>>,
    left: Cell<u64>,
}

impl Link {
    /// Whether one of its budgets is limited.
    pub(super) fn is_limited(&self) -> bool {
        self.wire.is_limited() || self.reader.is_limited()
    }

    /// So much time has passed.
    pub(super) fn refill(&self, ms: u64) {
        self.wire.refill(ms);
        self.reader.refill(ms);
    }
}

impl Budget {
    /// Limits it, or not.
    pub(super) fn limit(&self, bytes_per_ms: Option<u64>) {
        self.bytes_per_ms.set(bytes_per_ms);
        self.left.set(0);
    }

    /// Whether it is limited.
    fn is_limited(&self) -> bool {
        self.bytes_per_ms.get().is_some()
    }

    /// How many bytes are allowed now.
    pub(super) fn left(&self) -> usize {
        let left = || usize::try_from(self.left.get()).unwrap_or(usize::MAX);
        self.bytes_per_ms.get().map_or(usize::MAX, |_| left())
    }

    /// So many were used.
    pub(super) fn spend(&self, len: usize) {
        self.left.set(self.left.get().saturating_sub(len as u64));
    }

    /// So much time has passed.
    fn refill(&self, ms: u64) {
        if let Some(rate) = self.bytes_per_ms.get() {
            let most = rate * ms.max(SAVED_MS_MAX);
            self.left.set((self.left.get() + rate * ms).min(most));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_grows_with_time_and_is_not_saved_up_for_long() {
        let budget = Budget::default();
        assert_eq!((budget.left(), budget.is_limited()), (usize::MAX, false));
        budget.limit(Some(3));
        assert_eq!(budget.left(), 0);
        budget.refill(2);
        budget.spend(4);
        assert_eq!(budget.left(), 2);
        (0..100).for_each(|_| budget.refill(1));
        assert_eq!(budget.left(), 30);
        budget.limit(None);
        assert_eq!(budget.left(), usize::MAX);
    }
}
