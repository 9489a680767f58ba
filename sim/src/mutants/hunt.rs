//! Seeds are run with a bug planted until one of them fails that does not fail without it; then the
//! plans of failures that were once real. A run that never ends has failed, too.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::table::Mutant;
use crate::plan::Plan;
use crate::run::{Outcome, run};

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
    /// The kind of failure: the checker that saw it, `panic`, `error`, `stuck`, or
    /// `determinism`.
    pub by: String,
    /// The failure.
    pub what: String,
}

impl fmt::Display for Hunt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.mutant.name;
        match &self.trace {
            Some(trace) => write!(f, "{name}: {}: {}", trace.run, trace.what),
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
        if let Some((by, what)) = gives_away(&Plan::draw(seed), mutant, terms.by) {
            let trace = Trace { run: format!("seed {seed}"), by, what };
            return Hunt { mutant, trace: Some(trace), seeds: seed + 1 };
        }
    }
    let mut trace = None;
    for (name, plan) in plans {
        if trace.is_none() {
            trace = gives_away(plan, mutant, terms.by).map(|(by, what)| Trace {
                run: format!("plan {name}"),
                by,
                what,
            });
        }
    }
    Hunt { mutant, trace, seeds: terms.seeds }
}

/// The failure that a plan shows with the mutant, and not without it: its kind, and its words.
fn gives_away(
    plan: &Plan,
    mutant: &'static Mutant,
    by: Option<&'static str>,
) -> Option<(String, String)> {
    let counts = |kind: &str| by.is_none_or(|by| by == kind);
    let Some(outcome) = run_with(plan, mutant.name) else {
        let is_its_own = counts(STUCK) && run_with(plan, "").is_some();
        let what = format!("{STUCK}: it did not end within {} s", RUN_TIME_MAX.as_secs());
        return is_its_own.then(|| (STUCK.to_owned(), what));
    };
    if let Some(failure) = outcome.failures.iter().find(|failure| counts(failure.kind())) {
        let is_its_own = run_with(plan, "").is_some_and(|without| without.failures.is_empty());
        return is_its_own.then(|| (failure.kind().to_owned(), failure.to_string()));
    }
    let differs = || run_with(plan, mutant.name).is_none_or(|again| again.hash != outcome.hash);
    if mutant.promise == DETERMINISM && counts("determinism") && differs() {
        let what = "two runs of the same plan have different traces".to_owned();
        return Some(("determinism".to_owned(), what));
    }
    None
}

/// A run in a thread of its own, with a bug planted; `None` if it does not end.
fn run_with(plan: &Plan, name: &'static str) -> Option<Outcome> {
    let plan = plan.clone();
    within(RUN_TIME_MAX, move || {
        plant(name);
        run(&plan, false)
    })
}

/// What a job in a thread of its own comes to; `None` if that takes longer. Then the thread is left
/// to itself: nothing ends one that goes round in a circle, but the end of the process.
fn within<T: Send + 'static>(
    limit: Duration,
    job: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || drop(done.send(job())));
    match outcome.recv_timeout(limit) {
        Ok(outcome) => Some(outcome),
        Err(RecvTimeoutError::Timeout) => None,
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

    #[test]
    fn a_job_that_does_not_end_is_not_waited_for() {
        let (stop, stopped) = mpsc::channel::<()>();
        let endless = move || stopped.recv().is_err();
        assert_eq!(within(Duration::from_millis(20), endless), None);
        assert!(stop.send(()).is_ok(), "it goes on all the same");
        assert_eq!(within(RUN_TIME_MAX, || 7), Some(7));
    }
}
