//! Many seeds, with a progress bar, until they are done, time is over, or somebody presses Ctrl-C.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use redpoll_sim::batch::{Report, run_all};
use redpoll_sim::run::Outcome;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::progress::{Counts, Progress};
use super::revision::revision;
use super::terminal::note;

/// What ends a process that was told twice to stop: 128 and the number of the signal.
const INTERRUPTED: i32 = 128 + SIGINT;

/// What to run.
pub(crate) struct Batch {
    pub(crate) seeds: Range<u64>,
    /// Runs at a time; one a core if nobody says.
    pub(crate) jobs: Option<usize>,
    /// No run begins when so much time has passed.
    pub(crate) limit: Option<Duration>,
    /// No run begins after one has failed.
    pub(crate) until_failure: bool,
}

/// How it went.
pub(crate) struct Done {
    pub(crate) report: Report,
    pub(crate) counts: Counts,
    /// How long it took, in real time.
    pub(crate) elapsed: Duration,
    /// Somebody did not want to wait for the rest.
    pub(crate) was_interrupted: bool,
}

impl Batch {
    /// Runs it; `each` is told of every run.
    ///
    /// # Errors
    /// Signals cannot be heard.
    pub(crate) fn run(self, mut each: impl FnMut(u64, &Outcome)) -> anyhow::Result<Done> {
        let jobs = self.jobs.or_else(|| Some(available_parallelism().ok()?.get())).unwrap_or(1);
        let is_open = self.seeds.end == u64::MAX;
        let total = (!is_open).then(|| self.seeds.end - self.seeds.start);
        let interrupted = hear_signals().context("cannot hear signals")?;
        let first = self.seeds.start;
        note(format_args!("commit {}: seeds from {first} on, {jobs} at a time", revision()));
        let mut progress = Progress::new(total, self.limit);
        let report = run_all(self.seeds, jobs, |seed, outcome| {
            if let Some(failure) = outcome.failures.first() {
                progress.interject(format_args!("seed {seed}: {failure}"));
            }
            each(seed, outcome);
            progress.add(outcome.took, !outcome.failures.is_empty());
            let is_last = interrupted.load(Ordering::Relaxed)
                || progress.is_over()
                || (self.until_failure && !outcome.failures.is_empty());
            if is_last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let (counts, elapsed) = progress.finish();
        let was_interrupted = interrupted.load(Ordering::Relaxed);
        Ok(Done { report, counts, elapsed, was_interrupted })
    }
}

/// Set by the first Ctrl-C, or SIGTERM. The second ends the process at once.
fn hear_signals() -> std::io::Result<Arc<AtomicBool>> {
    let told = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&told))?;
        flag::register(signal, Arc::clone(&told))?;
    }
    Ok(told)
}
