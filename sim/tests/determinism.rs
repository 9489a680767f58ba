//! One seed is one run: in any process, however often, and however many run beside it.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the simulator has failed")]

use std::process::Command;

use redpoll_sim::plan::Plan;
use redpoll_sim::run::run;
use redpoll_sim::trace::CHECKPOINT_EVENTS;

/// Seeds that are compared: calm ones, and such with faults of every family.
const SEEDS: u64 = 50;

fn sim(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_redpoll-sim")).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Of each seed a line: the seed, how many events, the hash of all, and that after each thousand.
fn hashes(jobs: &str) -> Vec<String> {
    let seeds = SEEDS.to_string();
    sim(&["hash", "--seeds", &seeds, "--jobs", jobs]).lines().map(str::to_owned).collect()
}

/// Where two runs part whose lines these are, and what is there when they are run again.
fn parting(one: &str, other: &str) -> String {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (words(one), words(other));
    let checkpoints = one[3..].iter().zip(&other[3..]);
    let equal = checkpoints.take_while(|(a, b)| a == b).count() as u64;
    let (from, to) = (equal * CHECKPOINT_EVENTS, (equal + 1) * CHECKPOINT_EVENTS);
    let again = sim(&["compare", "--processes", "5", "--seed", &one[0]]);
    format!("seed {} differs between event {from} and {to}; run again, {again}", one[0])
}

#[test]
fn a_seed_has_the_same_trace_in_two_processes_and_whatever_runs_beside_it() {
    let (alone, beside) = (hashes("1"), hashes("2"));
    assert_eq!((alone.len() as u64, beside.len() as u64), (SEEDS, SEEDS));
    for (one, other) in alone.iter().zip(&beside) {
        assert!(one == other, "{}", parting(one, other));
    }
    let mut all: Vec<_> = alone.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len() as u64, SEEDS, "another seed has another trace");
}

#[test]
fn a_run_here_is_the_run_in_another_process_event_by_event() {
    let told = sim(&["compare", "--seed", "1"]);
    assert!(told.ends_with(" events are the same in 2 processes\n"), "{told}");
    let events: Vec<_> = run(&Plan::draw(1), true).trace.iter().map(ToString::to_string).collect();
    assert_eq!(sim(&["events", "--seed", "1"]).lines().collect::<Vec<_>>(), events);
}

#[test]
fn tasks_wait_a_turn_where_the_plan_says_so_and_nowhere_else() {
    let waits = |late_tasks: f64| {
        let mut plan = Plan::draw(3);
        plan.setup.grain.late_tasks = late_tasks;
        let outcome = run(&plan, true);
        assert_eq!(outcome.failures, []);
        let waits = outcome.trace.iter().filter(|line| line.text.ends_with(" waits a turn"));
        (waits.count(), outcome.hash)
    };
    let (never, now_and_then, often) = (waits(0.0), waits(0.05), waits(0.3));
    assert_eq!(never.0, 0);
    assert!(now_and_then.0 > 100 && often.0 > 3 * now_and_then.0, "{now_and_then:?}, {often:?}");
    assert!(never.1 != now_and_then.1 && now_and_then.1 != often.1);
    let drawn = |late_tasks| {
        (0..60).filter(|seed| Plan::draw(*seed).setup.grain.late_tasks == late_tasks).count()
    };
    for late_tasks in [0.0, 0.05, 0.3] {
        assert!(drawn(late_tasks) > 5, "{late_tasks} is hardly ever drawn");
    }
}
