//! `redpoll-sim coverage`: what is seen only now and then. Runs that never see it prove nothing
//! about it.

use std::ops::Range;
use std::process::ExitCode;

use clap::Args;

use super::batch::{Batch, Done};
use super::exit_code;
use super::run::RUNS_THAT_SEE_ALL;
use super::seeds::parse_seeds;
use super::terminal::{say, say_all};

#[derive(Clone, Debug, Args)]
pub(crate) struct Coverage {
    /// Run these seeds.
    #[arg(long, value_name = "N|A..B", value_parser = parse_seeds, default_value = "2000")]
    seeds: Range<u64>,
    /// Runs at a time [default: one a core].
    #[arg(long)]
    jobs: Option<usize>,
}

impl Coverage {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        let Coverage { seeds, jobs } = self.clone();
        let Done { report, counts, elapsed, .. } =
            Batch { seeds, jobs, limit: None, until_failure: false }.run(|_, _| {})?;
        say_all(report.tally.iter().map(|(name, seen)| row(name, seen)))?;
        let unseen = report.tally.unseen().len();
        say(format_args!("{unseen} never seen in {}", counts.describe(elapsed)))?;
        let may_miss = report.tally.runs() < RUNS_THAT_SEE_ALL || unseen == 0;
        Ok(exit_code(report.failed.is_empty() && may_miss))
    }
}

fn row(name: &str, seen: u64) -> String {
    let mark = if seen == 0 { "  <- never" } else { "" };
    format!("{seen:>10}  {name}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_seen_is_marked() {
        assert_eq!(row("moved", 12), "        12  moved");
        assert_eq!(row("asked", 0), "         0  asked  <- never");
    }
}
