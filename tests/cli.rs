//! Stories of the command line: what is said, where, and with which exit code.
#![expect(clippy::unwrap_used, reason = "a test may fail with a panic")]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const CONFIG: &str = "\
listeners: [{address: \"127.0.0.1:0\", upstream: main}]
upstreams: {main: {server: \"127.0.0.1:1\"}}
admin: {address: \"127.0.0.1:0\"}
workers: 1
drain_timeout: 1s
";

/// What a finished process left.
struct Finished {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn redpoll(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redpoll"));
    command.args(arguments).env_remove("REDPOLL_CONFIG").env_remove("RUST_LOG");
    command
}

fn finish(command: &mut Command) -> Finished {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(!stderr.contains("panicked") && !stderr.contains("backtrace"), "{stderr}");
    Finished { code: output.status.code(), stdout, stderr }
}

/// Writes a file and gives its path.
fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A process that does not outlive its test.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> (Process, BufReader<ChildStderr>) {
        let mut process = Process(command.stderr(Stdio::piped()).spawn().unwrap());
        let log = BufReader::new(process.0.stderr.take().unwrap());
        (process, log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed: io::Result<()> = self.0.kill();
        let _status: io::Result<ExitStatus> = self.0.wait();
    }
}

/// A `redpoll run` that has said where it and its admin server listen: from then on it also knows
/// what to do when it is told to stop.
struct Running {
    process: Process,
    log: BufReader<ChildStderr>,
    admin: SocketAddr,
    /// Where clients connect.
    address: SocketAddr,
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let (process, mut log) = Process::start(command);
        let (mut lines, mut admin) = (Vec::new(), None);
        loop {
            let mut line = String::new();
            let length = log.read_line(&mut line).unwrap();
            assert_ne!(length, 0, "it ended early: {lines:?}");
            let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(entry["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
            let address = || entry["address"].as_str().unwrap().parse().unwrap();
            if entry["message"] == "admin server listening" {
                admin = Some(address());
            } else if entry["message"] == "listening" {
                let admin = admin.expect("it listens for its admin first");
                return Running { process, log, admin, address: address() };
            }
            lines.push(line);
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: redpoll\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The next entry of the log with this message.
    fn entry(&mut self, message: &str) -> serde_json::Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "it ended without {message:?}");
            let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
            if entry["message"] == message {
                return entry;
            }
        }
    }

    /// Sends a signal and waits for the end; gives the exit code.
    fn stop(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.process.0), signal).unwrap();
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        self.process.0.wait().unwrap().code()
    }
}

#[test]
fn version_and_help_go_to_standard_output() {
    let version = finish(&mut redpoll(&["--version"]));
    assert_eq!((version.code, version.stderr.as_str()), (Some(0), ""));
    let expected = concat!("redpoll ", env!("CARGO_PKG_VERSION"), " (");
    assert!(version.stdout.starts_with(expected), "{}", version.stdout);
    assert!(version.stdout.ends_with(" allocator)\n"), "{}", version.stdout);
    assert_eq!(version.stdout.lines().count(), 1);
    for arguments in [&["--help"][..], &["run", "--help"], &["demo", "--help"], &["check", "-h"]] {
        let help = finish(&mut redpoll(arguments));
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.contains("Usage: redpoll"), "{}", help.stdout);
    }
}

#[test]
fn wrong_usage_exits_with_64_and_says_what_is_right() {
    for (arguments, expected) in [
        (&[][..], "[subcommands: run, demo, check, help]"),
        (&["runn"], "a similar subcommand exists: 'run'"),
        (&["run"], "give --config FILE or --upstream URL"),
        (&["run", "--banana"], "unexpected argument '--banana'"),
        (&["run", "--listen", "127.0.0.1:1"], "--upstream <URL>"),
        (&["run", "--config", "a", "--upstream", "redis://a"], "cannot be used with"),
        (&["run", "--config", "a", "--set", "b"], "write KEY=VALUE"),
        (&["run", "--upstream", "redis://a", "--listen", ":1"], "write 0.0.0.0:1"),
        (&["run", "--upstream", "http://a"], "--upstream: write redis://host:port"),
        (&["run", "--upstream", "redis://a/x"], "--upstream: after the host comes /N"),
        (&["run", "--upstream", "redis://a?b=c"], "parameters in the URL (?…) are not supported"),
        (&["demo", "--listen", "localhost:1"], "write 127.0.0.1:1"),
        (&["check"], "<FILE>..."),
        (&["check", "a", "--log-format", "xml"], "auto, human, json"),
        (&["check", "a", "--log-level", "no=such=level"], "--log-level: "),
        (&["check", "a", "--log-level", "info,loud"], "'loud' is not a level; allowed: off, error"),
    ] {
        let Finished { code, stdout, stderr } = finish(&mut redpoll(arguments));
        assert_eq!((code, stdout.as_str()), (Some(64), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("redpoll: "), "{stderr}");
    }
}

#[test]
fn a_password_in_a_wrong_place_is_refused_and_not_repeated() {
    let url = "redis://me:hunter2@127.0.0.1:1";
    let set = format!("upstreams.main.server={url}");
    for arguments in [
        &["run", "--upstream", "redis://me:hunter2@127.0.0.1:1?x=1"][..],
        &["run", "--upstream", "redis://hunter2@127.0.0.1:1"],
        &["run", "--upstream", "redis://a", "--set", &set],
        &["run", url],
    ] {
        let Finished { code, stderr, .. } = finish(&mut redpoll(arguments));
        assert!(matches!(code, Some(64 | 78)), "{stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
}

#[test]
fn check_says_ok_or_everything_that_is_wrong() {
    let folder = TempDir::new().unwrap();
    let good = write(&folder, "good.yaml", CONFIG);
    let toml = "listeners = [{upstream = 'm'}]\nupstreams.m.server = 'h:1'\n";
    let toml = write(&folder, "good.toml", toml);
    let bad = write(&folder, "bad.json", "{\"listeners\": [],\n \"workers\": 0}\n");

    let right = finish(&mut redpoll(&["check", &good, &toml]));
    assert_eq!((right.code, right.stderr.as_str()), (Some(0), ""));
    assert_eq!(right.stdout, format!("{good}: ok\n{toml}: ok\n"));

    let wrong = finish(&mut redpoll(&["check", &good, &bad, "/no/such/file"]));
    assert_eq!(wrong.code, Some(78));
    assert_eq!(wrong.stdout, format!("{good}: ok\n"));
    let heads: Vec<&str> =
        wrong.stderr.lines().filter(|line| line.starts_with("redpoll: ")).collect();
    assert_eq!(
        heads,
        [
            format!(
                "redpoll: {bad}:1:1: upstreams: missing; it has to be a section of names \
            (letters, digits, - and _), each with its own keys"
            ),
            format!(
                "redpoll: {bad}:1:15: listeners: the list is empty; allowed: a list of \
            sections"
            ),
            format!(
                "redpoll: {bad}:2:13: workers: 0 is not a number of threads; allowed: auto, \
            or a number from 1 to 1024"
            ),
            "redpoll: /no/such/file: cannot be read: No such file or directory (os error \
            2)"
            .to_owned(),
        ]
    );
    assert!(
        wrong.stderr.contains("\n2 |  \"workers\": 0}\n  |             ^\n"),
        "{}",
        wrong.stderr
    );

    let set = finish(&mut redpoll(&["check", &good, "--set", "workers=0"]));
    assert_eq!(set.code, Some(78));
    assert!(set.stderr.starts_with("redpoll: --set: workers: 0 is not"), "{}", set.stderr);
}

#[test]
fn the_example_file_checks() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/redpoll.example.yaml");
    let Finished { code, stdout, .. } = finish(&mut redpoll(&["check", example]));
    assert_eq!((code, stdout), (Some(0), format!("{example}: ok\n")));
}

#[test]
fn a_wrong_configuration_does_not_run() {
    let folder = TempDir::new().unwrap();
    let file = write(&folder, "r.yaml", &CONFIG.replace("workers", "wrokers"));
    let Finished { code, stderr, .. } = finish(&mut redpoll(&["run", "--config", &file]));
    assert_eq!(code, Some(78));
    let expected = format!("redpoll: {file}:4:1: wrokers: unknown key; did you mean 'workers'?");
    assert!(stderr.starts_with(&expected), "{stderr}");
}

#[test]
fn an_address_in_use_exits_with_69() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = ["run", "--upstream", "redis://127.0.0.1:1", "--listen"];
    let admin = format!("admin.address={address}");
    for rest in [[&address, "--set", "admin=null"], ["127.0.0.1:0", "--set", &admin]] {
        let Finished { code, stderr, .. } = finish(redpoll(&run).args(rest));
        assert_eq!(code, Some(69), "{stderr}");
        let expected = format!("redpoll: cannot listen on {address}: Address already in use");
        assert!(stderr.lines().any(|line| line.starts_with(&expected)), "{stderr}");
    }
}

#[test]
fn a_run_answers_its_admin_and_ends_with_0_when_told_to() {
    let folder = TempDir::new().unwrap();
    let file = write(&folder, "r.yaml", CONFIG);
    for (signal, by_variable) in [(Signal::TERM, false), (Signal::INT, true)] {
        let mut command = redpoll(&["run"]);
        let command = if by_variable {
            command.env("REDPOLL_CONFIG", &file)
        } else {
            command.args(["--config", &file])
        };
        let running = Running::start(command);
        assert!(running.get("/livez").ends_with("\r\n\r\nok\n"));
        assert!(running.get("/metrics").contains("\nredpoll_workers 1\n"));
        assert_eq!(running.stop(signal), Some(0), "{signal:?}");
    }
}

#[test]
fn a_url_is_all_that_a_run_needs() {
    let url = "redis-cluster://127.0.0.1:1,127.0.0.1:2";
    let running =
        Running::start(redpoll(&["run", "--listen", "127.0.0.1:0", "--upstream", url]).args([
            "--set",
            "admin.address=127.0.0.1:0",
            "--set",
            "drain_timeout=1s",
        ]));
    assert!(running.get("/ready").contains("503 Service Unavailable"));
    assert!(running.get("/metrics").contains("redpoll_upstream_usable{upstream=\"main\"} 0\n"));
    assert_eq!(running.stop(Signal::TERM), Some(0));
}

#[test]
fn the_log_is_for_people_if_asked_to_be() {
    let folder = TempDir::new().unwrap();
    let file = write(&folder, "r.yaml", CONFIG);
    let mut line = String::new();
    let arguments = ["--log-format", "human", "run", "--config", &file];
    let (_process, mut log) = Process::start(&mut redpoll(&arguments));
    log.read_line(&mut line).unwrap();
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.contains('T'), "{line}");
    assert!(rest.trim_start().starts_with("INFO starting version="), "{line}");
    assert!(!line.contains('\u{1b}'), "no colours outside a terminal: {line}");
}

#[test]
fn the_limit_of_open_files_is_raised_to_the_hard_one() {
    let folder = TempDir::new().unwrap();
    let file = write(&folder, "r.yaml", CONFIG);
    let script = "ulimit -S -n 64; exec \"$0\" run --config \"$1\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_redpoll"), &file]).env_remove("RUST_LOG");
    let running = Running::start(&mut shell);
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.process.0.id())).unwrap();
    let open_files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut columns = open_files.split_whitespace();
    let (soft, hard) = (columns.next().unwrap(), columns.next().unwrap());
    assert_eq!(soft, hard);
}

#[test]
fn clients_for_whom_there_are_no_descriptors_are_told_so() {
    let folder = TempDir::new().unwrap();
    let file = write(&folder, "r.yaml", CONFIG);
    let script = "ulimit -n 64; exec \"$0\" run --config \"$1\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_redpoll"), &file]).env_remove("RUST_LOG");
    let mut running = Running::start(&mut shell);
    let mut clients = Vec::new();
    let told = loop {
        assert!(clients.len() < 64, "more clients than descriptors");
        let mut client = TcpStream::connect(running.address).unwrap();
        client.write_all(b"PING\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(&client).read_line(&mut line).unwrap();
        if line != "+PONG\r\n" {
            break line;
        }
        clients.push(client);
    };
    assert_eq!(told, "-ERR max number of clients reached\r\n");
    assert_eq!(clients.len(), 64 - 39, "what is left beside nodes, event loops and the rest");
    assert_eq!(running.entry("too many clients; more are turned away")["clients_max"], 25);
    let metric = "\nredpoll_downstream_connections_refused_total 1\n";
    assert!(running.get("/metrics").contains(metric));
    drop(clients);
    assert_eq!(running.stop(Signal::TERM), Some(0));
}
