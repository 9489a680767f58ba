//! What makes a look at the topology wanted, on its way from the workers to discovery.
//!
//! ```text
//! worker --\
//! worker --- Nudge: redirects, failures --> counts of the upstream --> Nudges: enough of them?
//! worker --/
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::config::Refresh;
use crate::mutant::planted;

/// Why the topology is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Nothing is known yet.
    First,
    /// It is time.
    Periodic,
    /// The last look settled nothing.
    Again,
    /// Nodes sent commands elsewhere.
    Redirects,
    /// Commands failed.
    Failures,
}

/// What happened since the last look began, on all workers. Atomic additions, because there are
/// several writers; they are rare.
#[derive(Debug, Default)]
struct Counts {
    redirects: AtomicU64,
    failures: AtomicU64,
}

/// A worker's end: says what happened.
#[derive(Clone, Debug)]
pub(crate) struct Nudge {
    counts: Arc<Counts>,
    /// Wakes the other end; once is enough.
    wake: mpsc::Sender<()>,
}

/// Discovery's end: knows when enough has happened.
#[derive(Debug)]
pub(crate) struct Nudges {
    counts: Arc<Counts>,
    /// Ends with the last worker.
    woken: mpsc::Receiver<()>,
    redirects_min: u64,
    failures_min: u64,
}

/// The two ends for one upstream.
pub(crate) fn nudges(refresh: &Refresh) -> (Nudge, Nudges) {
    let counts = Arc::<Counts>::default();
    let (wake, woken) = mpsc::channel(1);
    let nudges = Nudges {
        counts: Arc::clone(&counts),
        woken,
        redirects_min: refresh.redirect_threshold.into(),
        failures_min: refresh.failure_threshold.into(),
    };
    (Nudge { counts, wake }, nudges)
}

impl Nudge {
    /// Notes redirects and failures that hint at a topology that has changed.
    pub(crate) fn count(&self, redirects: u64, failures: u64) {
        self.counts.redirects.fetch_add(redirects, Ordering::Relaxed);
        self.counts.failures.fetch_add(failures, Ordering::Relaxed);
        // If it is full, the other end is about to look anyway.
        if !planted("failures-make-no-look") {
            let _: Result<(), _> = self.wake.try_send(());
        }
    }
}

impl Nudges {
    /// Waits until enough has happened for a look, and says what; `None` if nobody is left whom
    /// something could happen to.
    pub(crate) async fn enough(&mut self) -> Option<Reason> {
        loop {
            let is_reached =
                |count: &AtomicU64, min| min > 0 && count.load(Ordering::Relaxed) >= min;
            if is_reached(&self.counts.redirects, self.redirects_min) {
                return Some(Reason::Redirects);
            }
            if is_reached(&self.counts.failures, self.failures_min) {
                return Some(Reason::Failures);
            }
            self.woken.recv().await?;
        }
    }

    /// Whether nobody is left whom something could happen to.
    pub(crate) fn is_over(&self) -> bool {
        self.woken.is_closed()
    }

    /// Begins to count anew: what has happened is served by the look that begins.
    pub(crate) fn forget(&mut self) {
        // In this order: what happens in between is counted as served, and wakes for nothing.
        while self.woken.try_recv().is_ok() {}
        self.counts.redirects.store(0, Ordering::Relaxed);
        self.counts.failures.store(0, Ordering::Relaxed);
    }
}
