//! `redpoll-sim`: runs the proxy in the simulator, seed after seed, and says what went wrong.
//!
//! Results go to standard output, progress to standard error. The exit code is 0 if all is well, 1
//! if a run failed or very many runs missed something that is seen now and then, 2 if the command
//! line is wrong.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

use std::fs;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use redpoll_sim::batch::{Report, run_all};
use redpoll_sim::biography;
use redpoll_sim::minimise::minimise;
use redpoll_sim::plan::Plan;
use redpoll_sim::run::{Outcome, run};
use redpoll_sim::scale::{self, Scale};
use serde_json::json;

/// Events shown with a failure.
const EVENTS_SHOWN: usize = 40;

/// So many runs must see everything that is counted.
const RUNS_THAT_SEE_ALL: u64 = 1_000;

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
    /// Print the hash of a seed's trace: it is the same in every process.
    Hash(OneSeed),
    /// Print the plan of a seed as JSON: the world, the faults, the commands.
    Plan(OneSeed),
    /// Make a failing seed's plan small and print it as JSON.
    Minimise(OneSeed),
    /// Run a large cluster and many proxies, and count what nodes are asked for the topology.
    Scale(ScaleArgs),
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    what: What,
    /// Runs at a time [default: one a core].
    #[arg(long)]
    jobs: Option<usize>,
    /// Stop at the first run that fails.
    #[arg(long, conflicts_with_all = ["seed", "plan"])]
    first: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Print every event, not only the last ones of a failed run.
    #[arg(long, conflicts_with = "seeds")]
    trace: bool,
    /// Print all that happened to this key.
    #[arg(long, conflicts_with = "seeds")]
    key: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Run this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Run so many seeds from 0, or those of a range A..B, B excluded.
    #[arg(long, value_name = "N|A..B", value_parser = parse_seeds)]
    seeds: Option<Range<u64>>,
    /// Run the plan in this JSON file.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct OneSeed {
    /// The seed.
    #[arg(long)]
    seed: u64,
}

#[derive(Debug, Args)]
struct ScaleArgs {
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

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Run(args) => run_command(&args),
        Command::Hash(OneSeed { seed }) => {
            let outcome = run(&Plan::draw(seed), false);
            println!("{:016x}", outcome.hash);
            Ok(ExitCode::SUCCESS)
        }
        Command::Plan(OneSeed { seed }) => {
            println!("{}", serde_json::to_string(&Plan::draw(seed))?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Scale(ScaleArgs { primaries, proxies, seconds }) => {
            let phase = Duration::from_secs(seconds);
            let phases = scale::run(&Scale { primaries, proxies, phase });
            phases.iter().for_each(|phase| println!("{phase}"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Minimise(OneSeed { seed }) => {
            let (plan, runs) = minimise(&Plan::draw(seed)).context("the seed does not fail")?;
            eprintln!("{} faults are left after {runs} runs:", plan.faults.len());
            plan.faults.iter().for_each(|timed| eprintln!("  {timed:?}"));
            println!("{}", serde_json::to_string(&plan)?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run_command(args: &Run) -> anyhow::Result<ExitCode> {
    let report = match (&args.what.seeds, args.what.seed, &args.what.plan) {
        (Some(seeds), ..) => run_seeds(seeds.clone(), args),
        (None, Some(seed), _) => run_one(&Plan::draw(seed), args),
        (None, None, file) => {
            let file = file.as_ref().context("no seed and no plan")?;
            let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let plan = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
            run_one(&plan, args)
        }
    };
    if args.json {
        println!("{}", as_json(&report));
    } else {
        report.failed.iter().for_each(|(seed, outcome)| print!("{}", describe(*seed, outcome)));
        println!("{}", serde_json::to_string(&report.tally)?);
        println!("{} of {} runs failed", report.failed.len(), report.tally.runs());
    }
    let unseen = report.tally.unseen();
    let proves_little = report.tally.runs() >= RUNS_THAT_SEE_ALL && !unseen.is_empty();
    if proves_little {
        eprintln!("these runs prove little, for they never saw: {}", unseen.join(", "));
    }
    let is_well = report.failed.is_empty() && !proves_little;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_seeds(seeds: Range<u64>, args: &Run) -> Report {
    let jobs = args.jobs.or_else(|| Some(available_parallelism().ok()?.get())).unwrap_or(1);
    let total = seeds.end.saturating_sub(seeds.start);
    let (mut done, mut failed) = (0, 0);
    run_all(seeds, jobs, |seed, outcome| {
        done += 1;
        if !outcome.failures.is_empty() {
            failed += 1;
            eprintln!("seed {seed}: {}", outcome.failures[0]);
        }
        if done % 100 == 0 || done == total {
            eprintln!("{done} of {total} done, {failed} failed");
        }
        if args.first && failed > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

fn run_one(plan: &Plan, args: &Run) -> Report {
    let outcome = run(plan, args.trace);
    if args.trace {
        outcome.trace.iter().for_each(|line| println!("{line}"));
    }
    if let Some(key) = &args.key {
        let life = biography::of_key(&outcome.history, key.as_bytes());
        life.iter().for_each(|line| println!("{line}"));
    }
    let mut report = Report { tally: outcome.tally.clone(), ..Report::default() };
    if !outcome.failures.is_empty() {
        report.failed.push((plan.seed, outcome));
    }
    report
}

/// What is to be known about a failed run.
fn describe(seed: u64, outcome: &Outcome) -> String {
    let mut text = format!("seed {seed} failed after {:?} of virtual time\n", outcome.took);
    for failure in &outcome.failures {
        text += &format!("  {failure}\n");
    }
    text += "  the last events:\n";
    let skipped = outcome.trace.len().saturating_sub(EVENTS_SHOWN);
    for line in &outcome.trace[skipped..] {
        text += &format!("    {line}\n");
    }
    text + &format!("  to repeat it: {}\n", command_to_repeat(seed))
}

fn command_to_repeat(seed: u64) -> String {
    format!("cargo run -p redpoll-sim -- run --seed {seed}")
}

fn as_json(report: &Report) -> serde_json::Value {
    let failed: Vec<_> = report
        .failed
        .iter()
        .map(|(seed, outcome)| {
            let failures: Vec<_> = outcome.failures.iter().map(ToString::to_string).collect();
            json!({
                "seed": seed,
                "virtual_ms": outcome.took.as_millis() as u64,
                "trace_hash": format!("{:016x}", outcome.hash),
                "failures": failures,
                "repeat": command_to_repeat(*seed),
            })
        })
        .collect();
    json!({ "tally": report.tally, "failed": failed })
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("'{text}' is no number"));
    match text.split_once("..") {
        Some((start, end)) => Ok(number(start)?..number(end)?),
        None => Ok(0..number(text)?),
    }
}
