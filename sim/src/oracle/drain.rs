//! Draining loses nothing: the proxy closes a client's connection only when it was told to stop, or
//! where it has little patience or memory, or the network ends it; and when it was told to stop, no
//! command that it leaves unanswered was executed. Of those that take nothing it may leave some
//! behind.

use super::index::handles;
use super::spells::{was_cut_off, was_left_behind};
use super::{Index, Verdict, Violation, broken};
use crate::history::{End, History};

pub(super) const PROMISE: &str = "drain";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    for conversation in &history.conversations {
        let Some((at, End::Closed)) = conversation.end else { continue };
        if history.rules.may_close || was_cut_off(history, at) {
            continue;
        }
        if history.own().drained.is_none_or(|drained| at < drained) {
            let what = "the proxy closed a client's connection without need".to_owned();
            return Err(Violation { promise: PROMISE, at, what });
        }
        if was_left_behind(history, conversation, at) {
            continue;
        }
        for call in conversation.calls.iter().filter(|call| call.reply.is_none() && call.writes()) {
            let with_id = handles(&call.args).into_iter().filter(|handle| handle.has_id());
            if with_id.flat_map(|handle| index.done(handle)).next().is_some() {
                return Err(broken(PROMISE, call, "executed, and its client was never told"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::story::{Story, caught};
    use super::*;

    fn closed(drained: Option<u64>) -> Story {
        let mut story = Story::right();
        story.call(0, 5, "SET s:0:0 {id}");
        story.history.processes[0].drained = drained.map(Duration::from_millis);
        story.history.conversations[0].end = Some((Duration::from_millis(50), End::Closed));
        story
    }

    #[test]
    fn a_connection_closed_without_need_is_seen() {
        for drained in [None, Some(60)] {
            assert!(caught(&closed(drained), PROMISE).contains("without need"));
        }
        closed(Some(40)).passes();
    }

    #[test]
    fn a_command_executed_and_never_answered_is_seen() {
        let mut story = closed(Some(40));
        story.execute(45, "SET s:0:0 1000000003", "+OK\r\n");
        assert!(caught(&story, PROMISE).contains("never told"));
    }
}
