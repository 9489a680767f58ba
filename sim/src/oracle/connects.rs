//! No node is connected to more often than `connection_rate_limit` allows, beside the questions for
//! the topology: each worker makes so many attempts a second, and as many at once. And no attempt
//! takes longer than `connect_timeout`, or than such a question may.

use std::collections::BTreeMap;
use std::time::Duration;

use redpoll::limits::TOPOLOGY_TIMEOUT_MS;

use super::{Index, Verdict, Violation};
use crate::history::{Attempt, Connect, History};

pub(super) const PROMISE: &str = "connects";

/// A bucket that every attempt fills by one and that leaks as fast as attempts may be made.
struct Bucket {
    level: f64,
    at: Duration,
}

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    are_given_up(history)?;
    are_seldom(history)
}

fn are_given_up(history: &History) -> Verdict {
    let question = Duration::from_millis(TOPOLOGY_TIMEOUT_MS);
    let limit = history.rules.connect_timeout.max(question) + history.rules.slack;
    let Some(late) = history.attempts.iter().find(|attempt| attempt.took > limit) else {
        return Ok(());
    };
    let Attempt { since, took, node, .. } = late;
    let what = format!("an attempt to connect to node-{node} took {took:?}: {limit:?} are allowed");
    Err(Violation { promise: PROMISE, at: *since, what })
}

fn are_seldom(history: &History) -> Verdict {
    let rules = &history.rules;
    let renews_nodes = history.faults.iter().any(|(_, fault)| fault.makes_nodes_leave());
    if rules.connects_per_s == 0 || renews_nodes {
        return Ok(());
    }
    let at_once = (rules.connects_per_s * rules.workers) as f64;
    // Looks may come a quarter sooner than configured; one more may be under way.
    let looks_per_s = 1.0 / (rules.refresh_min * 3 / 4).as_secs_f64();
    let looks_at_once = 2.0;
    let mut buckets: BTreeMap<usize, Bucket> = BTreeMap::new();
    for Connect { at, node, .. } in &history.connects {
        let bucket = buckets.entry(*node).or_insert(Bucket { level: 0.0, at: *at });
        let leaked = (*at - bucket.at).as_secs_f64() * (at_once + looks_per_s);
        *bucket = Bucket { level: (bucket.level - leaked).max(0.0) + 1.0, at: *at };
        if bucket.level > at_once + looks_at_once {
            let limit = rules.connects_per_s;
            let what = format!(
                "node-{node} was connected to too often: {limit} a second and worker are allowed"
            );
            return Err(Violation { promise: PROMISE, at: *at, what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{Fault, NodeFault};
    use crate::world::ms;

    fn attempt(since: u64, took: u64) -> Attempt {
        Attempt { process: 0, since: ms(since), took: ms(took), node: 2 }
    }

    fn connect(at: u64, node: usize) -> Connect {
        Connect { process: 0, at: ms(at), node }
    }

    #[test]
    fn an_attempt_that_is_not_given_up_is_seen() {
        let mut story = Story::right();
        story.history.rules.connect_timeout = ms(300);
        story.history.attempts.push(attempt(5, 1_010));
        story.passes();
        story.history.attempts.push(attempt(6, 1_011));
        assert!(caught(&story, PROMISE).contains("to node-2 took 1.011s"));
    }

    #[test]
    fn attempts_that_come_too_often_are_seen() {
        let mut story = Story::right();
        story.history.rules.workers = 2;
        story.history.rules.connects_per_s = 5;
        story.history.rules.refresh_min = ms(1_000);
        story.history.connects = vec![connect(1, 0); 12];
        story.history.connects.extend(vec![connect(1, 1); 12]);
        story.history.connects.extend(vec![connect(1_001, 0); 11]);
        story.passes();
        let mut more = story.clone();
        more.history.connects.push(connect(1_001, 0));
        assert!(caught(&more, PROMISE).contains("node-0"));
        more.history.faults.push((ms(3), Fault::Node(0, NodeFault::FailOver)));
        more.passes();
        story.history.connects = vec![connect(1, 0); 13];
        assert!(caught(&story, PROMISE).contains("5 a second"));
    }
}
