//! What an operator or a supervisor sees when the proxy cannot run.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{Ended, Options, Proxy, Stage, config_file, free_ports, run_to_end};

pub(super) const STORIES: &[Story] = stories![
    a_taken_port_ends_it_with_69,
    a_bad_file_ends_it_with_78,
    a_bad_command_line_ends_it_with_64,
    a_good_file_passes_the_check,
];

/// Runs the binary to an end that comes by itself.
fn run(arguments: &[&str]) -> Result<Ended> {
    run_to_end(Command::new(Proxy::binary()).args(arguments), "")
}

fn expect(ended: &Ended, code: i32, words: &[&str]) -> Result<()> {
    let Ended { status, errors, .. } = ended;
    ensure!(status.code() == Some(code), "{status}, not {code}:\n{errors}");
    for word in words {
        ensure!(errors.contains(word), "{word:?} is not in:\n{errors}");
    }
    ensure!(!errors.contains("panicked") && !errors.contains("RUST_BACKTRACE"), "{errors}");
    Ok(())
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a temporary folder with a plain name")
}

fn written(stage: &Stage, port: u16, admin_port: u16) -> Result<PathBuf> {
    let folder = stage.folder("config");
    std::fs::create_dir_all(&folder)?;
    config_file(&folder, &Options::nowhere(), port, admin_port)
}

fn a_taken_port_ends_it_with_69(stage: &Stage) -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let [free] = free_ports()?;
    let file = written(stage, port, free)?;
    expect(&run(&["run", "--config", path(&file)?])?, 69, &[&format!("127.0.0.1:{port}")])?;
    let file = written(stage, free, port)?;
    expect(&run(&["run", "--config", path(&file)?])?, 69, &[&format!("127.0.0.1:{port}")])
}

fn a_bad_file_ends_it_with_78(stage: &Stage) -> Result<()> {
    let file = written(stage, 6380, 9901)?;
    let good = std::fs::read_to_string(&file)?;
    for (old, new, words) in [
        ("op_timeout:", "op_timeuot:", &["op_timeuot", "op_timeout"][..]),
        ("workers: 2", "workers: lots", &["workers", "lots"]),
        ("listeners:", "listeners: [", &[]),
        ("upstream: main", "upstream: mian", &["mian", "main"]),
    ] {
        let bad = good.replace(old, new);
        let wrong = bad.lines().position(|line| line.contains(new)).context(old)?;
        std::fs::write(&file, &bad)?;
        for command in [&["run", "--config"][..], &["check"]] {
            let ended = run(&[command, &[path(&file)?]].concat())?;
            expect(&ended, 78, words).with_context(|| format!("{command:?} with {new}"))?;
            // Where the syntax is wrong, the place is where the reader noticed.
            if !words.is_empty() {
                expect(&ended, 78, &[&format!("redpoll.yaml:{}:", wrong + 1)])?;
            }
        }
    }
    expect(&run(&["check", "/no/such/file.yaml"])?, 78, &["/no/such/file.yaml"])
}

fn a_bad_command_line_ends_it_with_64(_stage: &Stage) -> Result<()> {
    expect(&run(&["run", "--no-such-flag"])?, 64, &["--no-such-flag"])?;
    expect(&run(&["nosuchcommand"])?, 64, &["nosuchcommand"])?;
    let version = run(&["--version"])?;
    expect(&version, 0, &[])?;
    ensure!(version.output.contains(env!("CARGO_PKG_VERSION")));
    Ok(())
}

fn a_good_file_passes_the_check(stage: &Stage) -> Result<()> {
    let file = written(stage, 6380, 9901)?;
    expect(&run(&["check", path(&file)?])?, 0, &[])
}
