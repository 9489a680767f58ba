//! Seeds are run with a bug planted until one of them fails that does not fail without it; then the
//! plans of failures that were once real. A run that never ends has failed, too.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::table::Mutant;
use crate::plan::Plan;
use crate::run::{Failure, Outcome, run};

/// Whether bugs can be planted in this build.
pub const CAN_PLANT: bool = cfg!(redpoll_mutant);

/// The promise of determinism: two runs are compared.
const DETERMINISM: u8 = 9;

/// Real time after which a run with a bug in it is stuck: it takes a fraction of a second.
const RUN_TIME_MAX: Duration = Duration::from_secs(60);

/// What gives a bug away with which a run never ends.
const STUCK: &str = "stuck";

/// How the hunt for a mutant went.
#[derive(Debug)]
pub struct Hunt {
    /// What was hunted.
    pub mutant: &'static Mutant,
    /// What gave it away, if anything did.
    pub trace: Option<Trace>,
    /// Seeds run.
    pub seeds: u64,
}

/// What gave a mutant away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The run.
    pub run: String,
    /// The kinds of failures that it showed, that of the failure below first: checkers that saw
    /// it, `panic`, `error`, `stuck`, or `determinism`.
    pub by: Vec<String>,
    /// The first failure.
    pub what: String,
}

impl fmt::Display for Hunt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.mutant.name;
        match &self.trace {
            Some(Trace { run, by, what }) => {
                write!(f, "{name}: {run}: {what}")?;
                if by.len() > 1 {
                    write!(f, "; seen by {}, too", by[1..].join(", "))
                } else {
                    Ok(())
                }
            }
            None => write!(f, "{name}: not found by {} seeds", self.seeds),
        }
    }
}

/// Plants a bug in whatever this thread runs from now on; none if there is no name.
///
/// # Panics
/// The build has no bugs: see [`CAN_PLANT`].
pub fn plant(name: &'static str) {
    #[cfg(redpoll_mutant)]
    redpoll::mutant::plant(name);
    #[cfg(not(redpoll_mutant))]
    assert!(name.is_empty(), "{name} cannot be planted: build with --cfg redpoll_mutant");
}

/// How bugs are hunted.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Seeds that each may take.
    pub seeds: u64,
    /// Bugs at a time.
    pub jobs: usize,
    /// The kind of failure that counts, if not every one does.
    pub by: Option<&'static str>,
}

/// Hunts all of these; `progress` is told of each hunt as it ends. Then come all hunts, in the
/// order of the mutants.
///
/// # Panics
/// The build has no bugs: see [`CAN_PLANT`].
pub fn hunt_all(
    mutants: &[&'static Mutant],
    terms: Terms,
    mut progress: impl FnMut(&Hunt),
) -> Vec<Hunt> {
    let plans = regressions();
    let next = AtomicUsize::new(0);
    let (done, hunts) = mpsc::channel();
    let mut ended = Vec::new();
    thread::scope(|scope| {
        for _ in 0..terms.jobs.max(1) {
            let (next, plans, done) = (&next, &plans, done.clone());
            scope.spawn(move || {
                while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if done.send(hunt(mutant, terms, plans)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for hunt in hunts {
            progress(&hunt);
            ended.push(hunt);
        }
    });
    let place = |hunt: &Hunt| mutants.iter().position(|mutant| *mutant == hunt.mutant);
    ended.sort_by_key(place);
    ended
}

fn hunt(mutant: &'static Mutant, terms: Terms, plans: &[(String, Plan)]) -> Hunt {
    for seed in 0..terms.seeds {
        let name = || format!("seed {seed}");
        if let Some(trace) = gives_away((name, &Plan::draw(seed)), mutant, terms.by) {
            return Hunt { mutant, trace: Some(trace), seeds: seed + 1 };
        }
    }
    let mut plans = plans.iter();
    let trace = plans
        .find_map(|(name, plan)| gives_away((|| format!("plan {name}"), plan), mutant, terms.by));
    Hunt { mutant, trace, seeds: terms.seeds }
}

/// What a plan shows with the mutant, and not without it.
fn gives_away(
    (run_name, plan): (impl Fn() -> String, &Plan),
    mutant: &'static Mutant,
    by: Option<&'static str>,
) -> Option<Trace> {
    let by = by.or(mutant.planted_for);
    let counts = |kind: &str| by.is_none_or(|by| by == kind);
    let trace = |by, what| Some(Trace { run: run_name(), by, what });
    let Some(outcome) = run_with(plan, mutant.name) else {
        let is_its_own = counts(STUCK) && run_with(plan, "").is_some();
        let what = format!("{STUCK}: it did not end within {} s", RUN_TIME_MAX.as_secs());
        return if is_its_own { trace(vec![STUCK.to_owned()], what) } else { None };
    };
    if let Some(failure) = outcome.failures.iter().find(|failure| counts(failure.kind())) {
        let is_its_own = run_with(plan, "").is_some_and(|without| without.failures.is_empty());
        let by = kinds(failure, &outcome.failures);
        return if is_its_own { trace(by, failure.to_string()) } else { None };
    }
    let differs = || run_with(plan, mutant.name).is_none_or(|again| again.hash != outcome.hash);
    if mutant.promise == DETERMINISM && counts("determinism") && differs() {
        let what = "two runs of the same plan have different traces".to_owned();
        return trace(vec!["determinism".to_owned()], what);
    }
    None
}

/// The kinds of all these failures, that of the first one first.
fn kinds(first: &Failure, failures: &[Failure]) -> Vec<String> {
    let mut kinds = vec![first.kind().to_owned()];
    for failure in failures {
        if !kinds.iter().any(|kind| kind == failure.kind()) {
            kinds.push(failure.kind().to_owned());
        }
    }
    kinds
}

/// A run in a thread of its own, with a bug planted; `None` if it does not end.
fn run_with(plan: &Plan, name: &'static str) -> Option<Outcome> {
    let plan = plan.clone();
    within(RUN_TIME_MAX, move |is_given_up| {
        plant(name);
        end_when(is_given_up);
        run(&plan, false)
    })
}

/// Ends this thread at the next place for a bug that it comes past once it is given up.
fn end_when(is_given_up: Arc<AtomicBool>) {
    #[cfg(redpoll_mutant)]
    redpoll::mutant::end_when(is_given_up);
    #[cfg(not(redpoll_mutant))]
    drop(is_given_up);
}

/// What a job in a thread of its own comes to; `None` if that takes longer. Then it is given up,
/// and told so: nothing else ends a thread that goes round in a circle.
fn within<T: Send + 'static>(
    limit: Duration,
    job: impl FnOnce(Arc<AtomicBool>) -> T + Send + 'static,
) -> Option<T> {
    let (done, outcome) = mpsc::channel();
    let is_given_up = Arc::new(AtomicBool::new(false));
    let its_own = Arc::clone(&is_given_up);
    thread::spawn(move || drop(done.send(job(its_own))));
    match outcome.recv_timeout(limit) {
        Ok(outcome) => Some(outcome),
        Err(RecvTimeoutError::Timeout) => {
            is_given_up.store(true, Ordering::Relaxed);
            None
        }
        Err(RecvTimeoutError::Disconnected) => panic!("a run traps its panics"),
    }
}

/// The plans that once failed, by their names.
fn regressions() -> Vec<(String, Plan)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let plan = |path: PathBuf| {
        let plan = serde_json::from_str(&std::fs::read_to_string(&path).ok()?).ok()?;
        Some((path.file_stem()?.to_string_lossy().into_owned(), plan))
    };
    let mut plans: Vec<_> = files.filter_map(|file| plan(file.path())).collect();
    plans.sort_by(|(one, _), (other, _)| one.cmp(other));
    plans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Violation;

    #[test]
    fn all_who_saw_a_bug_are_told_and_the_one_who_counts_first() {
        let at = Duration::ZERO;
        let seen = |promise| Failure::Violation(Violation { promise, at, what: String::new() });
        let panic = Failure::Panic { at, what: String::new() };
        let failures = [panic.clone(), seen("order"), panic, seen("linear"), seen("order")];
        assert_eq!(kinds(&failures[3], &failures), ["linear", "panic", "order"]);
    }

    #[test]
    fn a_job_that_does_not_end_is_given_up_and_hears_of_it() {
        let (ended, end) = mpsc::channel();
        let circle = move |is_given_up: Arc<AtomicBool>| {
            while !is_given_up.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            ended.send(()).expect("somebody waits for it");
        };
        assert_eq!(within(Duration::from_millis(20), circle), None);
        assert_eq!(end.recv_timeout(RUN_TIME_MAX), Ok(()));
        assert_eq!(within(RUN_TIME_MAX, |_| 7), Some(7));
    }
}
