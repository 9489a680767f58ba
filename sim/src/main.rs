//! `redpoll-sim`: runs the proxy in the simulator, seed after seed, and says what went wrong.
//!
//! Results go to standard output, progress to standard error. The exit code is 0 if all is well, 1
//! if a run failed or very many runs missed something that is seen now and then, 2 if what the
//! command line asks for cannot be done.

mod command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use command::compare::Compare;
use command::coverage::Coverage;
use command::events::Events;
use command::faults::Faults;
use command::hash::Hash;
use command::mutants::Mutants;
use command::plan::PrintPlan;
use command::replay::Replay;
use command::run::Run;
use command::scale::ScaleArgs;
use command::shrink::Shrink;
use command::terminal::note;

/// The exit code where what was asked for cannot be done, as with a wrong command line.
const CANNOT: u8 = 2;

/// Runs the proxy on a simulated network that breaks from a seed.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run seeds and check every promise.
    Run(Run),
    /// Run a plan again that was written down.
    Replay(Replay),
    /// Make a failing plan small and print it as JSON.
    Shrink(Shrink),
    /// Print the plan of a seed as JSON: the world, the faults, the commands.
    Plan(PrintPlan),
    /// Print the hash of all events of a seed: it is the same in every process.
    Hash(Hash),
    /// Print every event of a seed, down to the bytes: what its hash is made of.
    Events(Events),
    /// Run a seed in two processes and name the first event that differs.
    Compare(Compare),
    /// List the families of faults, and how often they are drawn.
    Faults(Faults),
    /// List what is seen only now and then, and how often many seeds see it.
    Coverage(Coverage),
    /// Run a large cluster and many proxies, and count what nodes are asked for the topology.
    Scale(ScaleArgs),
    /// Plant bugs in the proxy, one after the other, and demand that each is found.
    Mutants(Mutants),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(command) => command.execute(),
        Command::Replay(command) => command.execute(),
        Command::Shrink(command) => command.execute(),
        Command::Plan(command) => command.execute(),
        Command::Hash(command) => command.execute(),
        Command::Events(command) => command.execute(),
        Command::Compare(command) => command.execute(),
        Command::Faults(command) => command.execute(),
        Command::Coverage(command) => command.execute(),
        Command::Scale(command) => command.execute(),
        Command::Mutants(command) => command.execute(),
    };
    outcome.unwrap_or_else(|error| {
        note(format_args!("error: {error:#}"));
        ExitCode::from(CANNOT)
    })
}
