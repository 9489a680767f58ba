//! `redpoll-sim plan`: the plan of a seed, and plans in files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use redpoll_sim::plan::Plan;

use super::terminal::say;

#[derive(Debug, Args)]
pub(crate) struct PrintPlan {
    /// The seed.
    #[arg(long)]
    seed: u64,
}

impl PrintPlan {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        say(serde_json::to_string(&Plan::draw(self.seed))?)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Where a plan comes from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// It is drawn from this seed.
    Seed(u64),
    /// It is written in this file.
    File(PathBuf),
}

impl Origin {
    /// The plan.
    ///
    /// # Errors
    /// The file cannot be read, or holds no plan.
    pub(crate) fn plan(&self) -> anyhow::Result<Plan> {
        match self {
            Origin::Seed(seed) => Ok(Plan::draw(*seed)),
            Origin::File(file) => read(file).with_context(|| file.display().to_string()),
        }
    }

    /// What to call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Origin::Seed(seed) => format!("seed {seed}"),
            Origin::File(file) => file.display().to_string(),
        }
    }

    /// The command that runs it again.
    pub(crate) fn command_to_repeat(&self) -> String {
        match self {
            Origin::Seed(seed) => command(&format!("run --seed {seed}")),
            Origin::File(file) => command(&format!("replay {}", file.display())),
        }
    }

    /// The command that makes it small.
    pub(crate) fn command_to_shrink(&self) -> String {
        match self {
            Origin::Seed(seed) => command(&format!("shrink --seed {seed} --out plan.json")),
            Origin::File(file) => command(&format!("shrink {} --out small.json", file.display())),
        }
    }
}

/// The command as it is typed in a checkout.
fn command(arguments: &str) -> String {
    format!("cargo run -p redpoll-sim -- {arguments}")
}

fn read(file: &Path) -> anyhow::Result<Plan> {
    Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
}
