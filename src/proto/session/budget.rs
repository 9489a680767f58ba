//! How much may be sent again: retries must not multiply the load of a cluster that is ill.

use std::time::Instant;

use crate::limits::RETRY_RESERVE;
use crate::mutant::planted;

/// What one retry costs.
const COST: u64 = 100;

/// Most that can be saved.
const SAVINGS_MAX: u64 = RETRY_RESERVE as u64 * COST;

/// What comes in by itself in a millisecond, so that a quiet worker may retry, too: the reserve in
/// ten seconds.
const INCOME_PER_MS: u64 = SAVINGS_MAX / 10_000;

/// The retries that a worker may make: a share of its requests, and a reserve.
#[derive(Debug)]
pub struct Budget {
    percent: u64,
    saved: u64,
    /// When the income was counted last.
    counted: Option<Instant>,
}

impl Budget {
    /// A full budget, filled by `percent` of the requests. With 0 nothing is ever sent again.
    #[must_use]
    pub fn new(percent: u8) -> Budget {
        Budget { percent: percent.into(), saved: SAVINGS_MAX, counted: None }
    }

    /// Notes a request.
    pub(super) fn earn(&mut self) {
        self.saved = (self.saved + self.percent).min(SAVINGS_MAX);
    }

    /// Pays for one retry; false if there is not enough.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        if planted("retry-budget-ignored") {
            return true;
        }
        if self.percent == 0 {
            return false;
        }
        let since = self.counted.replace(now).unwrap_or(now);
        let ms = u64::try_from(now.saturating_duration_since(since).as_millis());
        let income = ms.unwrap_or(u64::MAX).saturating_mul(INCOME_PER_MS);
        self.saved = self.saved.saturating_add(income).min(SAVINGS_MAX);
        let enough = self.saved >= COST;
        if enough {
            self.saved -= COST;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of a story")]
    fn spent() -> (Budget, Instant) {
        let (mut budget, now) = (Budget::new(20), Instant::now());
        assert!((0..RETRY_RESERVE).all(|_| budget.spend(now)));
        assert!(!budget.spend(now));
        (budget, now)
    }

    #[test]
    fn five_requests_pay_for_one_retry() {
        let (mut budget, now) = spent();
        (0..4).for_each(|_| budget.earn());
        assert!(!budget.spend(now));
        budget.earn();
        assert!(budget.spend(now) && !budget.spend(now));
    }

    #[test]
    fn a_quiet_worker_may_retry_after_a_while() {
        let (mut budget, now) = spent();
        let later = now + Duration::from_secs(1);
        assert!((0..RETRY_RESERVE / 10).all(|_| budget.spend(later)));
        assert!(!budget.spend(later));
    }

    #[test]
    fn without_a_share_nothing_is_sent_again() {
        let (_, now) = spent();
        assert!(!Budget::new(0).spend(now));
    }
}
