//! Retries are no more than their share of the requests, beside the reserve that every worker has.

use std::time::Duration;

use redpoll::limits::RETRY_RESERVE;

use super::{Index, Verdict, Violation};
use crate::history::History;

pub(super) const PROMISE: &str = "retries";

/// The reserve comes in again in this time.
const RESERVE_S: u64 = 10;

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    // What is taken back from a node that leaves costs nothing.
    if history.faults.iter().any(|(_, fault)| fault.makes_nodes_leave()) {
        return Ok(());
    }
    let (counted, rules) = (&history.own().counted, &history.rules);
    let reserve = u64::from(RETRY_RESERVE) * rules.workers;
    let income = reserve * (1 + history.lifetime().as_secs()) / RESERVE_S;
    let share = counted.requests * rules.retry_percent / 100;
    let most = if rules.retry_percent == 0 { 0 } else { reserve + income + share };
    if counted.retries <= most {
        return Ok(());
    }
    let what = format!("{} retries, where {most} are allowed", counted.retries);
    Err(Violation { promise: PROMISE, at: Duration::ZERO, what })
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{Fault, NodeFault};

    #[test]
    fn retries_beyond_the_budget_are_seen() {
        let mut story = Story::right();
        story.history.rules.workers = 1;
        story.history.rules.retry_percent = 20;
        story.history.processes[0].counted.requests = 1_000;
        story.history.processes[0].counted.retries = 310;
        story.passes();
        story.history.processes[0].counted.retries = 311;
        assert!(caught(&story, PROMISE).contains("311 retries"));
        story.history.faults.push((Duration::ZERO, Fault::Node(0, NodeFault::Retire(1))));
        story.passes();
        story.history.faults.clear();
        story.history.rules.retry_percent = 0;
        story.history.processes[0].counted.retries = 1;
        assert!(caught(&story, PROMISE).contains("where 0 are allowed"));
    }
}
