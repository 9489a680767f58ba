//! When the next look is due.
//!
//! ```text
//! look |---- redirect_interval ----|-------------- … --------------| interval
//!       nothing, whatever happens   as soon as enough has happened  anyway; sooner, but ever
//!                                                                   later, after a look in vain
//! ```

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::config::Refresh;
use crate::limits::TOPOLOGY_RETRY_MS;
use crate::mutant::planted;
use crate::refresh::{Nudges, Reason};
use crate::stats::UpstreamStats;

/// The pace of the looks at one upstream.
#[derive(Debug)]
pub(crate) struct Pace {
    refresh: Refresh,
    nudges: Nudges,
    /// Where jitter and the order of nodes come from.
    pub(super) rng: StdRng,
    /// Looks in vain since the last that was not.
    vain: u32,
}

impl Pace {
    /// The pace of `refresh`, quickened by `nudges`.
    pub(crate) fn new(refresh: Refresh, nudges: Nudges, rng: StdRng) -> Pace {
        Pace { refresh, nudges, rng, vain: 0 }
    }

    /// A look begins.
    pub(super) fn begin(&mut self, reason: Reason, stats: &UpstreamStats) {
        self.nudges.forget();
        let looks = match reason {
            Reason::First => &stats.looks_first_total,
            Reason::Periodic => &stats.looks_periodic_total,
            Reason::Again => &stats.looks_again_total,
            Reason::Redirects => &stats.looks_redirects_total,
            Reason::Failures => &stats.looks_failures_total,
        };
        looks.add(1);
    }

    /// Waits, from the end of one look, until the next is due; `None` if nobody needs one any more.
    /// `settled`: there is nothing that is about to change, as far as can be seen.
    pub(super) async fn next(&mut self, settled: bool) -> Option<Reason> {
        let ended = Instant::now();
        // All proxies of a fleet see the same things happen at the same time.
        let spread = self.rng.random_range(75..=125_u32);
        let after = |pause: Duration| ended + pause * spread / 100;
        let (latest, reason) = if settled {
            self.vain = 0;
            (after(self.refresh.interval), Reason::Periodic)
        } else {
            (after(self.pause()), Reason::Again)
        };
        let reason = match timeout_at(latest, self.nudges.enough()).await {
            Ok(enough) => enough?,
            Err(_) => reason,
        };
        if !planted("refresh-storm") {
            sleep_until(after(self.refresh.redirect_interval)).await;
        }
        (!self.nudges.is_over()).then_some(reason)
    }

    /// The pause after a look in vain: longer each time, while nothing happens.
    fn pause(&mut self) -> Duration {
        let max = Duration::from_millis(TOPOLOGY_RETRY_MS).max(self.refresh.redirect_interval);
        let pause = self.refresh.redirect_interval.saturating_mul(1 << self.vain.min(16));
        self.vain += 1;
        pause.min(max).min(self.refresh.interval.max(self.refresh.redirect_interval))
    }
}
