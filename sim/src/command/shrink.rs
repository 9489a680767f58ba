//! `redpoll-sim shrink`: what is left of a failing plan when all is left out that it fails without.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use redpoll_sim::mutants::Mutant;
use redpoll_sim::shrink::shrink;

use super::failure::describe_plan;
use super::mutants::{parse_mutant, plant};
use super::plan::Origin;
use super::terminal::{note, say};

/// Runs to find the smallest plan in, unless told otherwise: some seconds.
pub(super) const RUNS_MAX: usize = 300;

#[derive(Debug, Args)]
pub(crate) struct Shrink {
    #[command(flatten)]
    what: What,
    /// Write the plan to this file, not to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Runs at most.
    #[arg(long, value_name = "N", default_value_t = RUNS_MAX)]
    runs: usize,
    /// Plant this bug before, in a build that has them.
    #[arg(long, value_parser = parse_mutant)]
    mutant: Option<&'static Mutant>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Shrink the plan of this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Shrink the plan in this file.
    plan: Option<PathBuf>,
}

impl Shrink {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        plant(self.mutant)?;
        let origin = match (&self.what.plan, self.what.seed) {
            (Some(file), _) => Origin::File(file.clone()),
            (None, seed) => Origin::Seed(seed.context("neither a seed nor a plan")?),
        };
        let found = shrink(&origin.plan()?, self.runs).context("this plan does not fail")?;
        note(format_args!("{}", found.failure));
        note(format_args!("after {} runs there is left:", found.runs));
        describe_plan(&found.plan).iter().for_each(|line| note(format_args!("  {line}")));
        let text = serde_json::to_string(&found.plan)?;
        match &self.out {
            None => say(text)?,
            Some(file) => {
                fs::write(file, text + "\n").with_context(|| file.display().to_string())?;
                let again = Origin::File(file.clone()).command_to_repeat();
                note(format_args!("repeat it: {again}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
