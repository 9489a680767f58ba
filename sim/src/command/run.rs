//! `redpoll-sim run`: one seed, looked at closely, or many.

use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::Args;
use redpoll_sim::plan::Plan;
use redpoll_sim::run::run;
use serde_json::json;

use super::batch::{Batch, Done};
use super::exit_code;
use super::failure::{as_json, describe};
use super::plan::Origin;
use super::revision::{first_seed, revision};
use super::seeds::parse_seeds;
use super::single::{Look, inspect};
use super::terminal::{note, say, say_all};

/// So many runs must see everything that is seen now and then.
pub(super) const RUNS_THAT_SEE_ALL: u64 = 2_000;

/// Seeds that are run where only the commit is given.
const SEEDS_OF_COMMIT: u64 = 1_000;

/// Failed runs of a batch that are shown with what happened in them.
const SHOWN_MAX: usize = 3;

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    what: What,
    /// Runs at a time [default: one a core].
    #[arg(long)]
    jobs: Option<usize>,
    /// Stop at the first run that fails.
    #[arg(long, conflicts_with = "seed")]
    first: bool,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct What {
    /// Run this seed.
    #[arg(long, conflicts_with_all = ["seeds", "from_commit", "minutes"])]
    seed: Option<u64>,
    /// Run so many seeds from 0, those of a range A..B, B excluded, or all from A.. on.
    #[arg(long, value_name = "N|A..B", value_parser = parse_seeds, conflicts_with = "from_commit")]
    seeds: Option<Range<u64>>,
    /// Run seeds that follow from the commit, so that every commit has others; from the version if
    /// git does not know the commit [1000 of them unless --minutes says when to stop].
    #[arg(long)]
    from_commit: bool,
    /// Begin no run after so many minutes [from seed 0 on unless told otherwise].
    #[arg(long, value_name = "M", value_parser = parse_minutes)]
    minutes: Option<Duration>,
}

impl Run {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        if let Some(seed) = self.what.seed {
            return inspect(&Origin::Seed(seed), &self.look);
        }
        let Look { trace, key, html, mutant, .. } = &self.look;
        if *trace || key.is_some() || html.is_some() || mutant.is_some() {
            bail!("one run can be looked at, not many: use --seed or replay");
        }
        let seeds = self.what.seeds()?;
        let batch = Batch {
            seeds: seeds.clone(),
            jobs: self.jobs,
            limit: self.what.minutes,
            until_failure: self.first,
        };
        let done = batch.run(|_, _| {})?;
        if self.look.json {
            say(done.as_json(&seeds))?
        } else {
            done.tell()?
        }
        Ok(exit_code(done.is_well()))
    }
}

impl What {
    fn seeds(&self) -> anyhow::Result<Range<u64>> {
        let first = || if self.from_commit { first_seed() } else { 0 };
        let seeds = match (&self.seeds, self.minutes) {
            (Some(seeds), _) => seeds.clone(),
            (None, Some(_)) => first()..u64::MAX,
            (None, None) => {
                let first = first();
                first..first + SEEDS_OF_COMMIT
            }
        };
        ensure!(seeds.end < u64::MAX || self.minutes.is_some(), "seeds without end need --minutes");
        Ok(seeds)
    }
}

impl Done {
    /// What many runs should have seen and did not.
    fn missed(&self) -> Vec<&'static str> {
        let enough = self.report.tally.runs() >= RUNS_THAT_SEE_ALL;
        if enough { self.report.tally.unseen() } else { Vec::new() }
    }

    fn is_well(&self) -> bool {
        self.report.failed.is_empty() && self.missed().is_empty()
    }

    fn tell(&self) -> anyhow::Result<()> {
        let failed = &self.report.failed;
        for (seed, _) in failed.iter().take(SHOWN_MAX) {
            // Only the last events of a run in a batch are kept.
            let outcome = run(&Plan::draw(*seed), true);
            say_all(describe(&Origin::Seed(*seed), &outcome))?;
        }
        for (seed, outcome) in failed.iter().skip(SHOWN_MAX) {
            say(format_args!("seed {seed} failed: {}", outcome.failures[0]))?;
        }
        let missed = self.missed();
        if !missed.is_empty() {
            note(format_args!(
                "these runs prove little, for they never saw: {}",
                missed.join(", ")
            ));
        }
        if self.was_interrupted {
            note("interrupted");
        }
        Ok(say(self.counts.describe(self.elapsed))?)
    }

    fn as_json(&self, seeds: &Range<u64>) -> serde_json::Value {
        let failed = self.report.failed.iter();
        let failed = failed.map(|(seed, outcome)| as_json(&Origin::Seed(*seed), outcome));
        json!({
            "commit": revision(),
            "first_seed": seeds.start,
            "runs": self.counts.done,
            "interrupted": self.was_interrupted,
            "real_ms": self.elapsed.as_millis() as u64,
            "virtual_ms": self.counts.virtual_time.as_millis() as u64,
            "failed": failed.collect::<Vec<_>>(),
            "never_seen": self.report.tally.unseen(),
            "tally": self.report.tally,
        })
    }
}

fn parse_minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| format!("'{text}' is no number"))?;
    let duration =
        Duration::try_from_secs_f64(minutes * 60.0).map_err(|error| error.to_string())?;
    if duration.is_zero() { Err("that is no time at all".to_owned()) } else { Ok(duration) }
}
