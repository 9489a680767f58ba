//! What people run against Redis, run through the production binary: the jobs of `jobs.toml` that
//! are marked `quick`, direct and through Redpoll, over a real server and a real cluster.
//!
//! `run.py` installs, starts and compares; `make clients` has it run all the jobs and write the
//! README's table. `make test-tools` installs what is needed here. `REDPOLL_BIN` names another
//! binary to test.

use std::path::PathBuf;
use std::process::{Command, Stdio};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// A Python program of the suite.
fn python(arguments: &[&str]) -> Command {
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_redpoll"));
    let mut command = Command::new("python3");
    command.args(arguments).current_dir(FOLDER).stdin(Stdio::null());
    command.env("REDPOLL_BIN", std::env::var_os("REDPOLL_BIN").map_or_else(built, PathBuf::from));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs a program that has to succeed.
fn succeed(mut command: Command) {
    let output = command.output().expect("python3 is installed; `make test-tools` needs it, too");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&said));
}

#[test]
fn clients_work_as_the_list_of_jobs_says() {
    succeed(python(&["run.py", "--quick", "--installed"]));
}

#[test]
fn the_readme_has_the_table_of_the_list_of_jobs() {
    succeed(python(&["run.py", "table"]));
}

#[test]
fn what_is_not_as_listed_is_reported() {
    succeed(python(&["-m", "unittest", "-q", "suite.test_trial"]));
}
