//! `redpoll-sim hash`: what two runs of one seed must have in common.

use std::fmt;
use std::ops::Range;
use std::process::ExitCode;

use clap::Args;
use redpoll_sim::plan::Plan;
use redpoll_sim::run::{Outcome, run};

use super::batch::Batch;
use super::exit_code;
use super::seeds::parse_seeds;
use super::terminal::{say, say_all};

#[derive(Debug, Args)]
pub(crate) struct Hash {
    #[command(flatten)]
    what: What,
    /// Runs at a time [default: one a core].
    #[arg(long)]
    jobs: Option<usize>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Print the hash of this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Print of each of these seeds the seed, the number of events, the hash of all, and the hash
    /// after each 1000.
    #[arg(long, value_name = "N|A..B", value_parser = parse_seeds)]
    seeds: Option<Range<u64>>,
}

impl Hash {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        let seeds = match (self.what.seed, &self.what.seeds) {
            (None, Some(seeds)) => seeds.clone(),
            (seed, _) => {
                let seed = seed.unwrap_or_default();
                say(format_args!("{:016x}", run(&Plan::draw(seed), false).hash))?;
                return Ok(ExitCode::SUCCESS);
            }
        };
        let batch = Batch { seeds, jobs: self.jobs, limit: None, until_failure: false };
        let mut hashes = Vec::new();
        let done = batch.run(|seed, outcome| hashes.push((seed, Fingerprint::of(outcome))))?;
        hashes.sort_by_key(|(seed, _)| *seed);
        say_all(hashes.iter().map(|(seed, hash)| format!("{seed} {hash}")))?;
        Ok(exit_code(!done.was_interrupted))
    }
}

/// What there is to compare of two runs that cannot be laid side by side.
struct Fingerprint {
    events: u64,
    hash: u64,
    checkpoints: Vec<u64>,
}

impl Fingerprint {
    fn of(outcome: &Outcome) -> Fingerprint {
        let Outcome { events, hash, checkpoints, .. } = outcome;
        Fingerprint { events: *events, hash: *hash, checkpoints: checkpoints.clone() }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:016x}", self.events, self.hash)?;
        self.checkpoints.iter().try_for_each(|checkpoint| write!(f, " {checkpoint:016x}"))
    }
}
