//! One seed is one run: in any process, however often.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the simulator has failed")]

use std::process::Command;

/// Seeds that are compared: calm ones, and such with faults of every family.
const SEEDS: u64 = 12;

fn hash(seed: u64) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_redpoll-sim"))
        .args(["hash", "--seed", &seed.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every event of a run, a line each.
fn events(seed: u64) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_redpoll-sim"))
        .args(["run", "--trace", "--seed", &seed.to_string()])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Where two runs of one seed part, for whoever has to find out why.
fn first_difference(seed: u64) -> String {
    let (one, other) = (events(seed), events(seed));
    let differs = |(_, (a, b)): &(usize, (&String, &String))| a != b;
    match one.iter().zip(&other).enumerate().find(differs) {
        Some((number, (a, b))) => format!("event {number} is\n  {a}\nor\n  {b}"),
        None => "none this time".to_owned(),
    }
}

#[test]
fn a_seed_has_the_same_trace_in_two_processes_and_another_seed_another() {
    let hashes: Vec<_> = (0..SEEDS).map(hash).collect();
    for (seed, first) in (0..SEEDS).zip(&hashes) {
        assert_eq!(*first, hash(seed), "seed {seed}: {}", first_difference(seed));
    }
    for (number, first) in hashes.iter().enumerate() {
        assert!(!hashes[number + 1..].contains(first), "two seeds have the trace {first}");
    }
}

#[test]
fn a_trace_shown_in_full_is_the_same_twice() {
    assert!(events(1).len() > 1_000);
    assert_eq!(events(1), events(1), "{}", first_difference(1));
}
