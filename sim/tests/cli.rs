//! The command line of `redpoll-sim`: what it prints, and its exit codes.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the simulator has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use redpoll_sim::plan::{Family, Plan};
use serde_json::Value;

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_redpoll-sim")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file with a plan that breaks a promise: a command carries the number of another one, so that
/// nobody seems to have asked for it.
fn failing_plan(name: &str) -> PathBuf {
    let mut plan = Plan::draw(3);
    plan.scripts[1].commands[3] = ["SADD", "t:1:0", "1001000900"].map(str::to_owned).into();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, serde_json::to_string(&plan).unwrap()).unwrap();
    file
}

#[test]
fn a_wrong_command_line_is_told_from_a_failed_run() {
    for wrong in [
        &["run"][..],
        &["run", "--seed", "1", "--seeds", "2"],
        &["run", "--seeds", "3..3"],
        &["run", "--seeds", "3.."],
        &["run", "--minutes", "0"],
        &["run", "--seeds", "2", "--trace"],
        &["replay", "no-such-file.json"],
        &["replay", "Cargo.toml"],
        &["shrink"],
        &["shrink", "--seed", "1"],
        &["minimise", "--seed", "1"],
        &["mutants", "--by", "nobody"],
    ] {
        let output = sim(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{wrong:?}: {output:?}");
    }
}

#[test]
fn a_batch_says_how_many_runs_there_were_and_how_fast() {
    let output = sim(&["run", "--seeds", "5..8", "--jobs", "2"]);
    assert!(output.status.success(), "{output:?}");
    let summary = text(&output.stdout);
    assert!(summary.starts_with("3/3 runs, ") && summary.contains(" virtual h, 0 failed"));
    let progress = text(&output.stderr);
    let (begun, rest) = progress.split_once('\n').unwrap();
    assert!(begun.ends_with(": seeds from 5 on, 2 at a time"), "{begun}");
    assert_eq!(rest, "", "nobody watches");
}

#[test]
fn a_result_as_json_has_the_commit_the_counts_and_what_was_seen() {
    let output = sim(&["run", "--seeds", "3", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&result["runs"], &result["first_seed"]), (&3.into(), &0.into()));
    assert_eq!(result["tally"]["runs"], 3);
    assert_eq!(result["failed"], Value::Array(vec![]));
    assert!(result["virtual_ms"].as_u64().unwrap() > 1_000 && result["commit"].is_string());
}

#[test]
fn time_and_the_commit_can_say_which_seeds_to_run() {
    let output = sim(&["run", "--from-commit", "--minutes", "0.01", "--json"]);
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let commit = result["commit"].as_str().unwrap();
    let hash = u64::from_str_radix(&commit[..8], 16).unwrap();
    assert_eq!(result["first_seed"], hash * 1_000_000);
    assert!(result["runs"].as_u64().unwrap() > 0, "{result}");
    assert!(output.status.success(), "{result}");
}

#[test]
fn where_git_knows_no_commit_the_version_says_which_seeds_to_run() {
    let output = Command::new(env!("CARGO_BIN_EXE_redpoll-sim"))
        .args(["run", "--from-commit", "--minutes", "0.01", "--json"])
        .env("GIT_DIR", "/nowhere")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = text(&output.stderr);
    let version = env!("CARGO_PKG_VERSION");
    assert!(said.contains(&format!("the seeds of version {version}\ncommit unknown: ")), "{said}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(result["first_seed"].as_u64().unwrap() >= 1_000_000, "{result}");
    assert!(result["runs"].as_u64().unwrap() > 0, "{result}");
}

#[test]
fn a_failure_says_all_there_is_to_know_and_is_made_small() {
    let file = failing_plan("told.json");
    let output = sim(&["replay", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = text(&output.stdout);
    for part in [
        "told.json failed: once (invariant 3)",
        "  commit ",
        ">> ",
        "BROKEN    once",
        "proxy     sends ",
        "repeat it: cargo run -p redpoll-sim -- replay ",
        "shrink it: cargo run -p redpoll-sim -- shrink ",
        "it takes:\n    client-1  SADD t:1:0 1001000900\n    primaries 1, ",
        "    primaries 1, replicas of each 0; not plain: nothing\n",
    ] {
        assert!(told.contains(part), "no '{part}' in:\n{told}");
    }
    let output = sim(&["replay", "--json", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failure = &result["failed"]["failures"][0];
    assert_eq!((&failure["kind"], &failure["invariants"]), (&"once".into(), &vec![3].into()));
}

#[test]
fn a_plan_that_was_made_small_fails_as_before() {
    let (file, small) = (failing_plan("large.json"), failing_plan("small.json"));
    let (file, small) = (file.to_str().unwrap(), small.to_str().unwrap());
    let output = sim(&["shrink", file, "--out", small]);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let plan: Plan = serde_json::from_str(&fs::read_to_string(small).unwrap()).unwrap();
    assert_eq!((plan.faults.len(), plan.commands().count()), (0, 1));
    let output = sim(&["replay", small]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).contains("failed: once"), "{output:?}");
}

#[test]
fn a_timeline_is_printed_for_people_and_a_key_s_life_alone() {
    let told = text(&sim(&["run", "--seed", "3", "--trace"]).stdout);
    assert!(told.contains(" asks ") && told.contains(" hears of ") && told.contains("proxy "));
    assert!(!told.contains(" bytes ("), "that is for `events`");
    let events = text(&sim(&["events", "--seed", "3"]).stdout);
    assert!(events.contains(" bytes (") && events.lines().count() > 1_000);
    let life = text(&sim(&["run", "--seed", "3", "--key", "s:all:0"]).stdout);
    let lines: Vec<_> = life.lines().collect();
    let (summary, life) = lines.split_last().unwrap();
    assert!(summary.starts_with("all is well: "), "{summary}");
    assert!(life.iter().filter(|line| line.contains("s:all:0")).count() > 3, "{life:?}");
}

#[test]
fn who_has_read_enough_does_no_harm() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_redpoll-sim"))
        .args(["events", "--seed", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaints), (Some(0), String::new()));
}

#[test]
fn a_batch_that_is_interrupted_ends_with_its_summary() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_redpoll-sim"))
        .args(["run", "--seeds", "100000", "--jobs", "1", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // When it says that it begins, it listens.
    let mut progress = BufReader::new(child.stderr.take().unwrap());
    progress.read_line(&mut String::new()).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["interrupted"], true);
    assert!(result["runs"].as_u64().unwrap() < 10_000, "{result}");
}

#[test]
fn every_family_of_faults_is_listed_with_what_it_does() {
    let output = sim(&["faults", "--seeds", "200"]);
    assert!(output.status.success(), "{output:?}");
    let listed = text(&output.stdout);
    for family in Family::ALL {
        let name = format!("{} ", family.name());
        let line = listed.lines().find(|line| line.starts_with(&name)).unwrap();
        assert!(line.ends_with(family.description()), "{line}");
    }
}

#[test]
fn what_few_runs_have_not_seen_is_marked_and_no_failure() {
    let output = sim(&["coverage", "--seeds", "2"]);
    assert!(output.status.success(), "{output:?}");
    let listed = text(&output.stdout);
    assert!(listed.contains("         2  runs\n") && listed.contains("  <- never\n"), "{listed}");
    assert!(listed.lines().last().unwrap().contains(" never seen in 2/2 runs"), "{listed}");
}
