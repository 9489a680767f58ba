//! Seeds are run with a bug planted until one of them fails that does not fail without it; then the
//! plans of failures that were once real.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::table::Mutant;
use crate::plan::Plan;
use crate::run::{Outcome, run};

/// Whether bugs can be planted in this build.
pub const CAN_PLANT: bool = cfg!(redpoll_mutant);

/// The promise of determinism: two runs are compared.
const DETERMINISM: u8 = 9;

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
    /// The kind of failure: the checker that saw it, `panic`, `error`, or `determinism`.
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

/// Hunts all of these with so many threads; `progress` is told of each hunt as it ends. Then come
/// all hunts, in the order of the mutants.
///
/// # Panics
/// The build has no bugs: see [`CAN_PLANT`].
pub fn hunt_all(
    mutants: &[&'static Mutant],
    seeds: u64,
    jobs: usize,
    mut progress: impl FnMut(&Hunt),
) -> Vec<Hunt> {
    let plans = regressions();
    let next = AtomicUsize::new(0);
    let (done, hunts) = mpsc::channel();
    let mut ended = Vec::new();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (next, plans, done) = (&next, &plans, done.clone());
            scope.spawn(move || {
                while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if done.send(hunt(mutant, seeds, plans)).is_err() {
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

fn hunt(mutant: &'static Mutant, seeds: u64, plans: &[(String, Plan)]) -> Hunt {
    for seed in 0..seeds {
        if let Some((by, what)) = gives_away(&Plan::draw(seed), mutant) {
            let trace = Trace { run: format!("seed {seed}"), by, what };
            return Hunt { mutant, trace: Some(trace), seeds: seed + 1 };
        }
    }
    let mut trace = None;
    for (name, plan) in plans {
        if trace.is_none() {
            trace = gives_away(plan, mutant).map(|(by, what)| Trace {
                run: format!("plan {name}"),
                by,
                what,
            });
        }
    }
    Hunt { mutant, trace, seeds }
}

/// The failure that a plan shows with the mutant, and not without it.
fn gives_away(plan: &Plan, mutant: &'static Mutant) -> Option<(String, String)> {
    let outcome = run_with(plan, mutant.name);
    if let Some(failure) = outcome.failures.first() {
        let is_its_own = run_with(plan, "").failures.is_empty();
        return is_its_own.then(|| (failure.kind().to_owned(), failure.to_string()));
    }
    if mutant.promise == DETERMINISM && run_with(plan, mutant.name).hash != outcome.hash {
        let what = "two runs of the same plan have different traces".to_owned();
        return Some(("determinism".to_owned(), what));
    }
    None
}

/// A run in a thread of its own, with a bug planted.
fn run_with(plan: &Plan, name: &'static str) -> Outcome {
    let planted = || {
        plant(name);
        run(plan, false)
    };
    thread::scope(|scope| scope.spawn(planted).join().expect("a run traps its panics"))
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
