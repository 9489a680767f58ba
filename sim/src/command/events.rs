//! `redpoll-sim events`: every event of a seed, down to the bytes: what its hash is made of.

use std::process::ExitCode;

use clap::Args;
use redpoll_sim::plan::Plan;
use redpoll_sim::run::run;

use super::terminal::say_all;

#[derive(Debug, Args)]
pub(crate) struct Events {
    /// The seed.
    #[arg(long)]
    seed: u64,
}

impl Events {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        say_all(run(&Plan::draw(self.seed), true).trace)?;
        Ok(ExitCode::SUCCESS)
    }
}
