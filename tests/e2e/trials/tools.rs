//! The tools and clients that people already have.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{Story, stories};
use crate::harness::{Proxy, Stage, run_tool};

pub(super) const STORIES: &[Story] = stories![
    redis_cli_works_on_a_terminal,
    redis_cli_works_in_a_script,
    redis_cli_loads_in_bulk,
    redis_benchmark_runs_to_its_end,
    redis_py_works_with_its_defaults,
];

/// What redis-py is asked to do.
const REDIS_PY_STORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/trials/redis_py.py");

fn redis_cli(proxy: &Proxy) -> Command {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &proxy.port.to_string()]);
    command
}

/// On a terminal it asks for `COMMAND DOCS` first, to help with typing.
fn redis_cli_works_on_a_terminal(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    for proxy in [&shared.proxy, &shared.server_proxy] {
        let mut terminal = Command::new("script");
        terminal.env("TERM", "dumb").env("REDISCLI_HISTFILE", "/dev/null");
        terminal.args(["-qec", &format!("redis-cli -p {}", proxy.port), "/dev/null"]);
        let typed = "SET tty:a \"from a terminal\"\nGET tty:a\nMGET tty:a tty:b\nexit\n";
        let screen = run_tool(&mut terminal, typed)?;
        ensure!(screen.matches("\"from a terminal\"").count() >= 3, "the screen shows\n{screen}");
        ensure!(screen.contains("2) (nil)"), "the screen shows\n{screen}");
        ensure!(!screen.contains("(error)"), "the screen shows\n{screen}");
    }
    Ok(())
}

fn redis_cli_works_in_a_script(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let script = "SET cli:a 1\nINCR cli:a\nMSET cli:b b cli:c c\nMGET cli:a cli:b cli:c\n\
                  HSET cli:h f v\nHGETALL cli:h\nDEL cli:a cli:b cli:c cli:h\nNOSUCH\nPING\n";
    for proxy in [&shared.proxy, &shared.server_proxy] {
        // It prints the map of RESP3 in another way than the array of RESP2.
        for (protocol, hash) in [("-2", "f\nv"), ("-3", "f v")] {
            let output = run_tool(redis_cli(proxy).arg(protocol), script)?;
            let expected = format!(
                "OK\n2\nOK\n2\nb\nc\n1\n{hash}\n4\n\
                 ERR unknown command 'NOSUCH', with args beginning with:\nPONG\n"
            );
            let (output, expected) = (squeeze(&output), squeeze(&expected));
            ensure!(output == expected, "redis-cli {protocol} printed {output:?}");
        }
        let info = run_tool(redis_cli(proxy).arg("INFO"), "")?;
        ensure!(info.contains("redis_version:"), "INFO gave\n{info}");
        ensure!(run_tool(redis_cli(proxy).args(["COMMAND", "DOCS", "GET"]), "").is_ok());
        let count = run_tool(redis_cli(proxy).args(["COMMAND", "COUNT"]), "")?;
        ensure!(count.trim().parse::<u32>()? > 50, "COMMAND COUNT gave {count}");
    }
    Ok(())
}

fn squeeze(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn redis_cli_loads_in_bulk(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let commands: String =
        (0..20_000).map(|index| format!("SET bulk:{index} value{index}\r\n")).collect();
    let output = run_tool(redis_cli(&shared.proxy).arg("--pipe"), &commands)?;
    ensure!(output.contains("errors: 0, replies: 20000"), "{output}");
    let value: String =
        redis::cmd("GET").arg("bulk:19999").query(&mut shared.proxy.connection()?)?;
    ensure!(value == "value19999");
    Ok(())
}

fn redis_benchmark_runs_to_its_end(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    for proxy in [&shared.proxy, &shared.server_proxy] {
        let mut benchmark = Command::new("redis-benchmark");
        benchmark.args(["-p", &proxy.port.to_string(), "-t", "set,get,mset", "-P", "16"]);
        benchmark.args(["-n", "30000", "-c", "50", "-r", "10000", "-q"]);
        // It exits with an error as soon as one command is answered with one.
        let output = run_tool(&mut benchmark, "")?;
        for name in ["SET: ", "GET: ", "MSET (10 keys): "] {
            let last = output.split(['\r', '\n']).rfind(|line| line.starts_with(name));
            let done = last.is_some_and(|line| line.contains("requests per second"));
            ensure!(done, "no result for {name:?} in\n{output}");
        }
    }
    Ok(())
}

fn redis_py_works_with_its_defaults(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let python = python();
    ensure!(
        python.exists(),
        "{} not found: `make test` prepares it; REDPOLL_PYTHON names another that has redis-py",
        python.display()
    );
    for proxy in [&shared.proxy, &shared.server_proxy] {
        let mut story = Command::new(&python);
        story.arg(REDIS_PY_STORY).arg(proxy.port.to_string());
        let output = run_tool(&mut story, "")?;
        ensure!(output.trim_end().ends_with("done"), "redis-py printed\n{output}");
    }
    Ok(())
}

/// The interpreter that has redis-py.
fn python() -> PathBuf {
    let prepared = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin/python");
    std::env::var_os("REDPOLL_PYTHON").map_or_else(|| PathBuf::from(prepared), PathBuf::from)
}
