//! `redpoll-sim replay`: a plan that was written down.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::plan::Origin;
use super::single::{Look, inspect};

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The file with the plan, as `shrink` and `plan` write it.
    plan: PathBuf,
    #[command(flatten)]
    look: Look,
}

impl Replay {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        inspect(&Origin::File(self.plan.clone()), &self.look)
    }
}
