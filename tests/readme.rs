//! The README keeps its word: every command in it is a make target or is run here, with the output
//! that it promises.

#![expect(clippy::unwrap_used, reason = "a README that cannot be followed has failed")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest a process may take to listen.
const START_MAX: Duration = Duration::from_secs(20);

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The blocks of code in `text` that are marked `language`.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let after_fences = text.split(fence.as_str()).skip(1);
    after_fences.map(|after| after.split("```").next().unwrap()).collect()
}

/// The commands of the README, each with the output that it promises after a `#`.
fn commands(text: &str) -> Vec<(String, Option<String>)> {
    let lines = blocks(text, "sh").into_iter().flat_map(str::lines);
    let commands = lines.map(|line| match line.split_once(" # ") {
        Some((command, output)) => (command.trim().to_owned(), Some(output.trim().to_owned())),
        None => (line.trim().to_owned(), None),
    });
    commands.filter(|(command, _)| !command.is_empty()).collect()
}

/// The commands that begin with `program`, without it.
fn commands_of(program: &str) -> Vec<(String, Option<String>)> {
    let all = commands(&read("README.md")).into_iter();
    all.filter_map(|(command, output)| {
        Some((command.strip_prefix(program)?.trim().to_owned(), output))
    })
    .collect()
}

fn redpoll() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_redpoll"));
    std::env::var_os("REDPOLL_BIN").map_or_else(built, PathBuf::from)
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Runs Redpoll until the result is dropped; comes back when it listens on `port`.
#[expect(clippy::disallowed_methods, reason = "a process outside has no clock but the real one")]
fn start(arguments: &[&str], port: u16) -> Process {
    let mut command = Command::new(redpoll());
    let child = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut process = Process(child.unwrap());
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert_eq!(process.0.try_wait().unwrap(), None, "redpoll {arguments:?} ended");
        assert!(began.elapsed() < START_MAX, "redpoll {arguments:?} does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What `redis-cli` prints, on one line.
fn redis_cli(port: u16, arguments: &str) -> String {
    let port = port.to_string();
    let run = Command::new("redis-cli").args(["-p", &port]).args(arguments.split(' ')).output();
    let output = run.expect("redis-cli is installed; `make test` does that");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The configuration in the README, in a file, with `listen` and a free port for its addresses.
fn example(folder: &Path, listen: u16) -> PathBuf {
    let readme = read("README.md");
    let text = blocks(&readme, "yaml")[0]
        .replace("6380", &listen.to_string())
        .replace("9901", &free_port().to_string())
        .replace("10.0.0.", "127.0.0.");
    let file = folder.join("redpoll.yaml");
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn every_command_is_a_make_target_or_is_run_here() {
    let makefile = read("Makefile");
    for file in ["README.md", "CONTRIBUTING.md"] {
        let commands = commands(&read(file));
        assert!(!commands.is_empty(), "{file} has no commands");
        for (command, _) in commands {
            let known = match command.split_once(' ').unwrap() {
                ("make", target) => makefile.contains(&format!("\n{target}: ")),
                ("redis-cli", arguments) => arguments.starts_with("-p 6380 "),
                ("redpoll", arguments) => {
                    ["run ", "check "].iter().any(|c| arguments.starts_with(c))
                }
                // `make sim` runs it with many seeds.
                ("cargo", arguments) => arguments.starts_with("run -p redpoll-sim -- run --seed "),
                _ => false,
            };
            assert!(known, "{file}: nothing runs `{command}`");
        }
    }
}

#[test]
fn the_commands_listed_are_those_of_the_table() {
    let readme = read("README.md");
    let after = readme.split_once("<!-- commands -->\n").unwrap().1;
    let listed = after.split_once("<!-- /commands -->").unwrap().0;
    let table = redpoll::proto::command::table::markdown();
    assert_eq!(listed, table, "between the marks in README.md belongs:\n{table}");
}

#[test]
fn the_keys_documented_are_those_of_the_table() {
    let text = read("docs/configuration.md");
    let after = text.split_once("<!-- keys -->\n").unwrap().1;
    let listed = after.split_once("<!-- /keys -->").unwrap().0;
    let table = redpoll::config::keys::markdown();
    assert_eq!(listed, table, "between the marks in docs/configuration.md belongs:\n{table}");
}

#[test]
fn the_metrics_documented_are_those_of_the_table() {
    let text = read("docs/metrics.md");
    let after = text.split_once("<!-- metrics -->\n").unwrap().1;
    let listed = after.split_once("<!-- /metrics -->").unwrap().0;
    let table = redpoll::admin::metrics::markdown();
    assert_eq!(listed, table, "between the marks in docs/metrics.md belongs:\n{table}");
}

#[test]
fn the_demo_answers_as_shown() {
    let port = free_port();
    let _demo = start(&["demo", "--listen", &format!("127.0.0.1:{port}")], port);
    let shown = commands_of("redis-cli -p 6380");
    assert!(shown.len() >= 4, "too few commands to try");
    for (arguments, output) in shown {
        assert_eq!(redis_cli(port, &arguments), output.unwrap(), "redis-cli {arguments}");
    }
}

#[test]
fn the_configuration_shown_is_right_and_a_wrong_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = example(folder.path(), 6380);
    let check = |file: &Path| Command::new(redpoll()).arg("check").arg(file).status().unwrap();
    assert_eq!(check(&file).code(), Some(0));
    let misspelt = fs::read_to_string(&file).unwrap().replace("op_timeout", "op_timeuot");
    fs::write(&file, misspelt).unwrap();
    assert_eq!(check(&file).code(), Some(78));
}

#[test]
fn every_way_to_run_that_is_shown_opens_its_listener() {
    let shown = commands_of("redpoll run");
    assert!(shown.len() >= 4, "too few commands to try");
    for (arguments, _) in shown {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let file = example(folder.path(), port);
        let arguments = arguments
            .replace("6380", &port.to_string())
            .replace("10.0.0.", "127.0.0.")
            .replace("redpoll.yaml", file.to_str().unwrap());
        // The admin server's port is the same in all of them, and they may run side by side.
        let without_admin = ["--set", "admin=null"];
        let arguments = ["run"].into_iter().chain(arguments.split(' ')).chain(without_admin);
        drop(start(&arguments.collect::<Vec<_>>(), port));
    }
}
