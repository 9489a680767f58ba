//! What the proxy's own errors say is so: nothing expires before its time, nothing is cut off for a
//! drain before the drain is over.

use std::time::Duration;

use super::{Index, Verdict, broken};
use crate::fault::Fault;
use crate::history::{Call, History, Verdict as Outcome};

pub(super) const PROMISE: &str = "words";

/// Of what waited in vain.
const EXPIRED: &str = "within op_timeout";

/// Of what was left when the proxy stopped.
const STOPPING: &str = "the proxy is stopping";

/// Of what was left when another configuration had taken over.
const REPLACED: &str = "the configuration changed";

/// Of what was left at a node that had left.
const LEFT: &str = "it has left the topology";

/// Whether it is said that old connections had no more time after a new configuration.
pub(super) fn is_replaced(call: &Call) -> bool {
    call.frame().is_some_and(|frame| String::from_utf8_lossy(frame).contains(REPLACED))
}

/// Whether it is said that the proxy had no more time to finish.
pub(super) fn is_stopped(call: &Call) -> bool {
    call.frame().is_some_and(|frame| String::from_utf8_lossy(frame).contains(STOPPING))
}

/// When the time that old connections have after a new configuration was over for a command: it was
/// asked before that.
fn replaced_at(call: &Call, history: &History) -> Option<Duration> {
    let rules = &history.rules;
    let reloads = history.faults.iter().filter(|(_, fault)| matches!(fault, Fault::Reload(_)));
    let ends = reloads.map(|(at, _)| *at + rules.drain_timeout);
    ends.into_iter().find(|end| call.sent <= *end + rules.slack)
}

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    let calls = history.calls();
    for call in calls {
        let Some((at, frame)) = &call.reply else { continue };
        if !matches!(call.verdict(), Outcome::NotDone | Outcome::Unsure) {
            continue;
        }
        let text = String::from_utf8_lossy(frame);
        let earliest = earliest(call, &text, history);
        if *at < earliest {
            let what = format!("said at {at:?}, and true from {earliest:?} on at the earliest");
            return Err(broken(PROMISE, call, &what));
        }
    }
    Ok(())
}

/// When it can be said at the earliest.
fn earliest(call: &Call, text: &str, history: &History) -> Duration {
    let rules = &history.rules;
    if text.contains(EXPIRED) {
        call.sent + rules.timeout_of(call)
    } else if text.contains(STOPPING) {
        history.own().drained.map_or(Duration::MAX, |drained| drained + rules.drain_timeout)
    } else if text.contains(REPLACED) {
        replaced_at(call, history).unwrap_or(Duration::MAX)
    } else if text.contains(LEFT) && call.verdict() == Outcome::Unsure {
        // It was under way when the proxy heard that the node had left.
        call.sent + rules.drain_timeout
    } else {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::ConfigChange;

    fn told(at: u64, words: &str) -> Story {
        let mut story = Story::right();
        story.history.rules.drain_timeout = Duration::from_millis(50);
        story.call(0, 5, "SET s:0:0 {id}");
        story.answer(0, at, &format!("-UNSURE 10.0.0.1:1: {words}; it may have run\r\n"));
        story
    }

    #[test]
    fn what_expires_before_its_time_is_seen() {
        told(105, "no reply within op_timeout").passes();
        let story = told(104, "no reply within op_timeout");
        assert!(caught(&story, PROMISE).contains("true from 105ms on"));
    }

    #[test]
    fn a_drain_that_is_cut_short_is_seen() {
        let story = |at| {
            let mut story = told(at, STOPPING);
            story.history.processes[0].drained = Some(Duration::from_millis(10));
            story
        };
        story(60).passes();
        assert!(caught(&story(59), PROMISE).contains("60ms"));
        assert!(caught(&told(60, STOPPING), PROMISE).contains("stopping"), "nobody stopped it");
    }

    #[test]
    fn connections_of_the_old_configuration_that_are_cut_off_are_seen() {
        let story = |at| {
            let mut story = told(at, REPLACED);
            let reload = Fault::Reload(ConfigChange::CommandStats(true));
            story.history.faults.push((Duration::from_millis(10), reload));
            story
        };
        story(60).passes();
        assert!(caught(&story(59), PROMISE).contains("60ms"));
        assert!(caught(&told(60, REPLACED), PROMISE).contains("changed"), "nothing changed it");
        let mut long_ago = story(200);
        long_ago.history.conversations[0].calls[3].sent = Duration::from_millis(70);
        assert!(check(&long_ago.history, &Index::default()).is_ok(), "it may have been on its way");
        long_ago.history.conversations[0].calls[3].sent = Duration::from_millis(71);
        assert!(check(&long_ago.history, &Index::default()).is_err(), "the old ones were gone");
    }

    #[test]
    fn a_node_that_is_cut_off_when_it_leaves_is_seen() {
        told(55, LEFT).passes();
        assert!(caught(&told(54, LEFT), PROMISE).contains("left the topology"));
    }
}
