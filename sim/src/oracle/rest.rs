//! When all clients have left and all is mended, nothing is left of them: no request waits for a
//! reply, no buffer holds a byte; and no connection to a node is open, if idle ones are closed.

use super::{Index, Verdict, Violation};
use crate::history::History;

pub(super) const PROMISE: &str = "rest";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    // Nothing is left of one that was killed, whatever it had counted.
    if history.own().died.is_some() {
        return Ok(());
    }
    // What is broken may hold back what was sent to it.
    if history.rules.mended_from.is_none_or(|from| history.took < from) {
        return Ok(());
    }
    let counted = &history.own().counted;
    let open = if history.rules.closes_idle { counted.open } else { 0 };
    for (what, left) in [
        ("requests are in flight", counted.in_flight),
        ("bytes are in buffers", counted.buffered),
        ("bytes wait to be written to nodes", counted.unwritten),
        ("connections are open", open),
    ] {
        if left > 0 {
            let what = format!("{left} {what} after all clients have left");
            return Err(Violation { promise: PROMISE, at: history.took, what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn what_is_left_over_is_seen_once_all_is_mended() {
        let mut story = Story::right();
        story.history.took = Duration::from_secs(2);
        story.history.rules.mended_from = Some(Duration::from_secs(1));
        story.passes();
        let mut left = story.clone();
        left.history.processes[0].counted.in_flight = 1;
        assert!(caught(&left, PROMISE).contains("1 requests are in flight"));
        left.history.rules.mended_from = None;
        left.passes();
        let mut left = story.clone();
        left.history.processes[0].counted.buffered = 7;
        assert!(caught(&left, PROMISE).contains("7 bytes are in buffers"));
        let mut open = story.clone();
        open.history.processes[0].counted.open = 1;
        open.passes();
        open.history.rules.closes_idle = true;
        assert!(caught(&open, PROMISE).contains("1 connections are open"));
        story.history.processes[0].counted.unwritten = 8;
        assert!(caught(&story, PROMISE).contains("8 bytes wait"));
    }
}
