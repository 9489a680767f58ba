//! The production binary between real clients and real Redis servers.
//!
//! Starts real servers (clusters of three primaries, and standalone ones) on free ports
//! of 127.0.0.1 in a temporary folder, runs `redpoll run` before them, and drives it with the
//! `redis` crate, byte-exact sockets, `redis-cli`, `redis-benchmark` and redis-py. Set-up and
//! teardown are in here, not in a shell script, so that no server outlives a failed run.
//!
//! `cargo test --test e2e -- PART_OF_A_NAME` runs some of the trials. `REDPOLL_BIN` names another
//! binary to test, `REDPOLL_SERVER` another server than Debian's, `REDPOLL_PYTHON` a Python
//! interpreter that has redis-py.

mod harness;
mod load;
mod trials;

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::{Arguments, Trial};

use harness::{Server, Stage};

/// What has to be installed, beside this crate.
const TOOLS: [&str; 2] = ["redis-cli", "redis-benchmark"];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The trials measure time and load all cores; side by side they would measure each other.
    arguments.test_threads.get_or_insert(1);
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if !arguments.list {
        check_tools()?;
        harness::start_guardian()?;
    }
    let stage = Arc::new(Stage::new()?);
    let trials = trials::all()
        .map(|(name, trial)| {
            let stage = Arc::clone(&stage);
            Trial::test(name, move || Ok(trial(&stage).map_err(|error| format!("{error:#}"))?))
        })
        .collect();
    let conclusion = libtest_mimic::run(arguments, trials);
    let mut stage = Arc::into_inner(stage).context("a trial is still running")?;
    let struck = stage.strike();
    if conclusion.has_failed() || struck.is_err() {
        complain(&format!("configurations and logs are kept in {}", stage.keep_folder().display()));
    }
    struck?;
    Ok(conclusion.exit_code())
}

/// Fails unless everything that the trials start is there: a run without it would prove nothing.
fn check_tools() -> Result<()> {
    let server = Server::binary();
    let tools = TOOLS.iter().map(OsStr::new).chain([server.as_os_str()]);
    let missing: Vec<_> = tools
        .filter(|tool| {
            let mut version = Command::new(tool);
            version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null());
            version.stderr(Stdio::null()).status().is_err()
        })
        .map(OsStr::to_string_lossy)
        .collect();
    ensure!(
        missing.is_empty(),
        "{} not found: run `apt-get install redis-server redis-tools`",
        missing.join(", ")
    );
    Ok(())
}

fn complain(message: &str) {
    writeln!(std::io::stderr(), "e2e: {message}").ok();
}
