//! Proxies that are killed, and started again or not, or cut off from a node when others are not:
//! plans with nothing else in them.

use redpoll_sim::fault::{Fault, NodeFault, Timed};
use redpoll_sim::history::{End, History, Verdict};
use redpoll_sim::net::Medium;
use redpoll_sim::plan::Plan;
use redpoll_sim::run::{Outcome, run};
use redpoll_sim::world::{Setup, ms};

/// A run of clients who have much to ask, in which this is done to so many proxies.
fn outcome(medium: Medium, proxies: usize, faults: &[(u64, Fault)]) -> Outcome {
    let mut plan = Plan::draw(3);
    plan.setup = Setup { medium, proxies, ..Setup::default() };
    let timed = faults.iter().map(|(at_ms, fault)| Timed { at_ms: *at_ms, fault: *fault });
    plan.faults = timed.collect();
    let outcome = run(&plan, false);
    assert_eq!(outcome.failures, []);
    outcome
}

/// How many commands were done by the process at this place.
fn done(history: &History, process: usize) -> u64 {
    let talks = history.conversations.iter().filter(|talk| talk.process == process);
    let calls = talks.flat_map(|talk| &talk.calls);
    calls.filter(|call| call.verdict() == Verdict::Done).count() as u64
}

#[test]
fn another_process_takes_over_from_one_that_was_killed_and_counts_from_nothing() {
    for medium in [Medium::Memory, Medium::Turmoil] {
        let history = outcome(medium, 1, &[(60, Fault::Crash(0)), (100, Fault::Start(0))]).history;
        let [first, second] = &history.processes[..] else { panic!("{:?}", history.processes) };
        assert!(first.died.is_some_and(|died| (ms(60)..ms(70)).contains(&died)), "{first:?}");
        assert!((ms(100)..ms(110)).contains(&second.began) && second.died.is_none(), "{second:?}");
        assert_eq!((first.life, second.life), (0, 1));
        assert!(done(&history, 0) > 0 && done(&history, 1) > 0);
        let asked = |process: usize| {
            let talks = history.conversations.iter().filter(|talk| talk.process == process);
            talks.map(|talk| talk.calls.len() + usize::from(talk.resp3)).sum::<usize>() as u64
        };
        assert_eq!(second.counted.commands, asked(1), "all that it was asked, and nothing else");
        assert!(first.counted.commands <= asked(0) && first.counted.commands > 0);
        let looks = |process| history.looks.iter().filter(move |look| look.process == process);
        assert!(looks(1).count() > 0 && looks(1).all(|look| look.at >= second.began));
        let cut_off = history.conversations.iter().filter_map(|talk| talk.end);
        let cut_off = cut_off.filter(|(_, end)| *end == End::Closed);
        assert!(cut_off.into_iter().all(|(at, _)| at >= first.died.unwrap()));
    }
}

#[test]
fn a_client_whose_proxy_is_killed_goes_to_another_one() {
    let history = outcome(Medium::Memory, 2, &[(60, Fault::Crash(0))]).history;
    let talks = history.conversations.iter();
    let moved = talks.filter(|talk| talk.process == 1).filter_map(|talk| talk.calls.first());
    assert!(moved.into_iter().any(|call| call.id.client % 2 == 0), "its first one was proxy-0");
}

#[test]
fn clients_give_up_when_no_proxy_is_started_again() {
    let faults = [(60, Fault::Crash(1)), (61, Fault::Crash(0)), (61, Fault::Start(7))];
    let outcome = outcome(Medium::Memory, 2, &faults);
    let asked: usize = outcome.history.conversations.iter().map(|talk| talk.calls.len()).sum();
    assert!(asked > 0 && asked < Plan::draw(3).commands().count());
}

#[test]
fn a_node_that_one_proxy_cannot_reach_serves_the_other() {
    let stall = Fault::Between(1, 0, NodeFault::Stall);
    let heal = Fault::Between(1, 0, NodeFault::Heal);
    let outcome = outcome(Medium::Memory, 2, &[(40, stall), (1_500, heal)]);
    let history = &outcome.history;
    let has_failed = |process: usize| {
        let talks = history.conversations.iter().filter(|talk| talk.process == process);
        let mut calls = talks.flat_map(|talk| &talk.calls);
        calls.any(|call| matches!(call.verdict(), Verdict::NotDone | Verdict::Unsure))
    };
    assert!(has_failed(1) && !has_failed(0));
    let served = |process: usize| {
        let at_node = history.executions.iter().filter(|seen| seen.node == 0);
        let own = at_node.filter(|seen| seen.process == process);
        own.filter(|seen| (ms(50)..ms(1_500)).contains(&seen.at)).count()
    };
    assert!(served(0) > 0 && served(1) == 0, "{} and {}", served(0), served(1));
    assert_eq!(outcome.tally.count("out_of_reach_for_one_proxy_only"), 1);
}
