//! `redpoll-sim compare`: whether a seed is one run, and if not, where it becomes two.

use std::env::current_exe;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use clap::Args;
use redpoll_sim::plan::Plan;
use redpoll_sim::run::run;
use redpoll_sim::trace::first_difference;

use super::exit_code;
use super::terminal::say;

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The seed.
    #[arg(long)]
    seed: u64,
    /// Other processes to run it in, one after the other, until one differs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    processes: usize,
}

impl Compare {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        let outcome = run(&Plan::draw(self.seed), true);
        let here: Vec<_> = outcome.trace.into_iter().map(|line| line.text).collect();
        for _ in 0..self.processes {
            let there = self.events_of_another_process()?;
            if let Some((number, a, b)) = first_difference(&here, &there) {
                let shown = |event: Option<&String>| event.map_or("nothing", |e| e).to_owned();
                say(format_args!("event {number} is here\n{}\nand there\n{}", shown(a), shown(b)))?;
                return Ok(exit_code(false));
            }
        }
        let (events, processes) = (here.len(), self.processes + 1);
        say(format_args!("{events} events are the same in {processes} processes"))?;
        Ok(exit_code(true))
    }

    fn events_of_another_process(&self) -> anyhow::Result<Vec<String>> {
        let seed = self.seed.to_string();
        let output = Command::new(current_exe()?)
            .args(["events", "--seed", &seed])
            .output()
            .context("cannot run another process")?;
        ensure!(output.status.success(), "another process failed: {output:?}");
        Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
    }
}
