//! Many runs, side by side: each in a thread of its own, so that a seed alone and the same seed in
//! a batch are the same run.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::history::History;
use crate::plan::Plan;
use crate::run::{Outcome, run};
use crate::tally::Tally;

/// How a batch went.
#[derive(Debug, Default)]
pub struct Report {
    /// What was seen in all runs together.
    pub tally: Tally,
    /// The runs that failed, by seed, without their history.
    pub failed: Vec<(u64, Outcome)>,
}

/// Runs all seeds with so many at a time; `progress` is told each seed as it is done, and may say
/// that it was the last.
///
/// # Panics
/// A run panicked outside its trap.
pub fn run_all(
    seeds: Range<u64>,
    jobs: usize,
    mut progress: impl FnMut(u64, &Outcome) -> ControlFlow<()>,
) -> Report {
    let next = AtomicU64::new(seeds.start);
    let (done, outcomes) = mpsc::channel();
    let mut report = Report::default();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (next, done, end) = (&next, done.clone(), seeds.end);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || done.send((seed, run_alone(seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for (seed, mut outcome) in outcomes {
            let flow = progress(seed, &outcome);
            report.tally.add(&outcome.tally);
            if !outcome.failures.is_empty() {
                // A thousand of these do not fit into memory.
                outcome.history = History::default();
                report.failed.push((seed, outcome));
            }
            if flow.is_break() {
                break;
            }
        }
    });
    report.failed.sort_by_key(|(seed, _)| *seed);
    report
}

/// A run in a thread that has run nothing before.
fn run_alone(seed: u64) -> Outcome {
    thread::spawn(move || run(&Plan::draw(seed), false)).join().expect("a run traps its panics")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_begins_after_the_one_that_is_the_last() {
        let report = run_all(0..1_000, 1, |_, _| ControlFlow::Break(()));
        assert_eq!(report.tally.runs(), 1);
    }

    #[test]
    fn a_seed_in_a_batch_is_the_same_run_as_alone() {
        let mut hashes = Vec::new();
        let report = run_all(0..4, 2, |seed, outcome| {
            hashes.push((seed, outcome.hash));
            ControlFlow::Continue(())
        });
        assert_eq!(report.tally.runs(), 4);
        hashes.sort_unstable();
        for (seed, hash) in hashes {
            assert_eq!(run(&Plan::draw(seed), false).hash, hash, "seed {seed}");
        }
    }
}
