//! `redpoll-sim mutants`: whether bugs planted in the proxy are found.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;

use anyhow::{Context, ensure};
use clap::Args;
use redpoll_sim::mutants::{self, CAN_PLANT, MUTANTS, Mutant, Terms, hunt_all, unproven};
use redpoll_sim::oracle::CHECKERS;

use super::exit_code;
use super::terminal::{note, say, say_all};

/// What is said where bugs are to be planted and cannot be.
const NO_BUGS: &str = "this build has no bugs to plant: `make mutants` makes one that has";

#[derive(Debug, Args)]
pub(crate) struct Mutants {
    /// The bugs [default: all].
    #[arg(value_parser = parse_mutant)]
    names: Vec<&'static Mutant>,
    /// Seeds that each may take.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// Bugs at a time [default: one a core].
    #[arg(long)]
    jobs: Option<usize>,
    /// Only what this checker finds counts, as if there was no other.
    #[arg(long, value_name = "CHECKER", value_parser = parse_checker)]
    by: Option<&'static str>,
    /// Write the table of what found them into this document.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "by"])]
    document: Option<PathBuf>,
}

impl Mutants {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        ensure!(CAN_PLANT, NO_BUGS);
        let all = self.names.is_empty();
        let mutants = if all { MUTANTS.iter().collect() } else { self.names.clone() };
        let jobs = self.jobs.or_else(|| Some(available_parallelism().ok()?.get())).unwrap_or(1);
        let terms = Terms { seeds: self.seeds, jobs, by: self.by };
        let hunts = hunt_all(&mutants, terms, |hunt| note(hunt));
        let missed: Vec<_> = hunts.iter().filter(|hunt| hunt.trace.is_none()).collect();
        say(format_args!("{} of {} found", hunts.len() - missed.len(), hunts.len()))?;
        say_all(&missed)?;
        if let Some(file) = &self.document {
            let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let text = mutants::written(&text, &hunts).context("the document has no such table")?;
            fs::write(file, text).with_context(|| file.display().to_string())?;
        }
        // Some of the bugs, or what one checker sees of them, prove nothing about all checkers.
        let unproven = if all && self.by.is_none() { unproven(&hunts) } else { Vec::new() };
        if !unproven.is_empty() {
            say(format_args!("no bug was seen by {}", unproven.join(", ")))?;
        }
        Ok(exit_code(missed.is_empty() && unproven.is_empty()))
    }
}

/// Plants a bug, if one is given, in what this thread runs.
pub(super) fn plant(mutant: Option<&'static Mutant>) -> anyhow::Result<()> {
    if let Some(mutant) = mutant {
        ensure!(CAN_PLANT, NO_BUGS);
        mutants::plant(mutant.name);
    }
    Ok(())
}

pub(super) fn parse_mutant(text: &str) -> Result<&'static Mutant, String> {
    mutants::find(text).ok_or_else(|| format!("there is no bug '{text}'"))
}

fn parse_checker(text: &str) -> Result<&'static str, String> {
    let checker = CHECKERS.iter().find(|checker| checker.promise == text);
    checker.map(|checker| checker.promise).ok_or_else(|| format!("there is no checker '{text}'"))
}
