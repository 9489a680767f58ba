//! `redpoll-sim scale`: a large cluster and many proxies.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use redpoll_sim::scale::{self, Scale};

use super::terminal::say_all;

#[derive(Debug, Args)]
pub(crate) struct ScaleArgs {
    /// Primaries, each with one replica.
    #[arg(long, default_value_t = 500)]
    primaries: usize,
    /// Proxies, each with one worker.
    #[arg(long, default_value_t = 100)]
    proxies: usize,
    /// Virtual seconds that each phase lasts.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

impl ScaleArgs {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        let ScaleArgs { primaries, proxies, seconds } = *self;
        let phase = Duration::from_secs(seconds);
        say_all(scale::run(&Scale { primaries, proxies, phase }))?;
        Ok(ExitCode::SUCCESS)
    }
}
