//! However much clients send and however little they take, buffers stay within `memory_max`, and
//! what connections to nodes need on top.

use std::time::Duration;

use super::{Index, Verdict, Violation};
use crate::history::History;

pub(super) const PROMISE: &str = "memory";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    let (most, limit) = (history.own().counted.buffered_most, history.rules.memory_bytes);
    if most <= limit {
        return Ok(());
    }
    let what = format!("buffers held {most} bytes, where {limit} are allowed");
    Err(Violation { promise: PROMISE, at: Duration::ZERO, what })
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn buffers_that_hold_too_much_are_seen() {
        let mut story = Story::right();
        story.history.rules.memory_bytes = 1_000;
        story.history.processes[0].counted.buffered_most = 1_000;
        story.passes();
        story.history.processes[0].counted.buffered_most = 1_001;
        assert!(caught(&story, PROMISE).contains("1001 bytes"));
    }
}
