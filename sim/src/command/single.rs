//! One plan, run and looked at as closely as is wanted.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use redpoll_sim::biography;
use redpoll_sim::mutants::Mutant;
use redpoll_sim::picture::Picture;
use redpoll_sim::run::{Outcome, run};
use redpoll_sim::shrink::shrink;

use super::exit_code;
use super::failure::{as_json, describe, describe_plan};
use super::mutants::{parse_mutant, plant};
use super::plan::Origin;
use super::revision::revision;
use super::shrink::RUNS_MAX;
use super::terminal::{say, say_all};

/// What is shown of the run of one plan.
#[derive(Debug, Args)]
pub(crate) struct Look {
    /// Print the whole timeline: commands, faults, connections.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Print all that happened to this key.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Draw the run into this file, a page for a browser: a lane for each client, each proxy and
    /// each node, with commands and replies as arrows.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Plant this bug before, in a build that has them.
    #[arg(long, value_parser = parse_mutant)]
    pub(crate) mutant: Option<&'static Mutant>,
    /// Print the result as JSON.
    #[arg(long, conflicts_with_all = ["trace", "key"])]
    pub(crate) json: bool,
}

/// Runs a plan, shows what is wanted of it, and makes it small if it fails.
pub(crate) fn inspect(origin: &Origin, look: &Look) -> anyhow::Result<ExitCode> {
    plant(look.mutant)?;
    let plan = origin.plan()?;
    let outcome = run(&plan, true);
    let has_failed = !outcome.failures.is_empty();
    if let Some(file) = &look.html {
        let page = Picture::of(&origin.name(), revision(), &plan, &outcome).page();
        fs::write(file, page).with_context(|| file.display().to_string())?;
    }
    if look.json {
        let failed = has_failed.then(|| as_json(origin, &outcome));
        let json = serde_json::json!({ "failed": failed, "tally": outcome.tally });
        say(json)?;
        return Ok(exit_code(!has_failed));
    }
    show(&outcome, look)?;
    say_all(describe(origin, &outcome))?;
    if !has_failed {
        let (events, took) = (outcome.events, outcome.took.as_secs_f64());
        say(format_args!("all is well: {events} events in {took:.3} virtual seconds"))?;
    } else if let Some(small) = shrink(&plan, RUNS_MAX) {
        say(format_args!("  shrunk in {} runs, it takes:", small.runs))?;
        say_all(describe_plan(&small.plan).iter().map(|line| format!("    {line}")))?;
    }
    Ok(exit_code(!has_failed))
}

fn show(outcome: &Outcome, look: &Look) -> anyhow::Result<()> {
    if look.trace {
        say_all(biography::of_run(outcome))?;
    }
    if let Some(key) = &look.key {
        say_all(biography::of_key(&outcome.history, key.as_bytes()))?;
    }
    Ok(())
}
