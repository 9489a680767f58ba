//! Where nothing is broken, nothing fails: without a fault, slots on the move included, no client
//! sees an error of the proxy's own; and some time after the last fault was mended that holds
//! again. But for what the old connections had no time for when the configuration changed, and for
//! what waited at its node when a drain was over, and what was behind that; with both
//! [`words`](super::words) deals.

use super::words::{is_replaced, is_stopped};
use super::{Index, Verdict, broken};
use crate::history::{Call, History, Verdict as Outcome};
use crate::resp::error_code;
use crate::workload::patience;

pub(super) const PROMISE: &str = "quiet";

/// What nodes say that cannot serve a command now.
pub(super) const REFUSALS: [&str; 5] =
    ["CLUSTERDOWN", "LOADING", "TRYAGAIN", "MASTERDOWN", "READONLY"];

/// What is told of a command that found no connection to borrow.
const NONE: &[u8] = b"all leases_max connections of its worker were lent";

/// What is told of a command whose time is over.
const LATE: &[u8] = b"no reply within op_timeout";

/// What is told to who asks for replicas of what a node took that is no primary any more.
pub(super) const GONE: &[u8] = b"took writes of this connection";

/// What is told of a redirect to a node for which there is no room.
const ONE_MORE: &[u8] = b"or one more than max_unknown_upstreams";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    let Some(quiet_from) = history.rules.quiet_from else { return Ok(()) };
    for (call, is_cut_off) in calls(history).filter(|(call, _)| call.sent >= quiet_from) {
        let is_refused = call.frame().is_some_and(|frame| REFUSALS.contains(&error_code(frame)));
        let has_failed = matches!(call.verdict(), Outcome::NotDone | Outcome::Unsure);
        let says = |words: &[u8]| {
            call.frame().is_some_and(|f| f.windows(words.len()).any(|at| at == words))
        };
        // Where few connections are lent, who comes late may have to wait for too long.
        let has_none = history.rules.has_few_leases && says(NONE);
        let has_none = has_none || may_lack_time(history, call);
        // Whoever is told first of a node that is one too many cannot go there.
        let is_first = history.rules.has_few_unknown && says(ONE_MORE);
        // It goes to several nodes, one after the other, in the time of one.
        let has_no_time = call.kind().name == "WAIT" && (says(GONE) || says(LATE));
        let is_excused = is_replaced(call) || is_cut_off && is_stopped(call) || has_no_time;
        if is_refused || has_failed && !is_excused && !has_none && !is_first {
            return Err(broken(PROMISE, call, "failed, and nothing was broken any more"));
        }
    }
    Ok(())
}

/// All commands, and whether the end of a drain found one waiting on the same connection.
fn calls(history: &History) -> impl Iterator<Item = (&Call, bool)> {
    history.conversations.iter().flat_map(|conversation| {
        let waits = |call: &&Call| !patience(&call.args).is_zero();
        let is_cut_off = conversation.calls.iter().filter(waits).any(is_stopped);
        conversation.calls.iter().map(move |call| (call, is_cut_off))
    })
}

/// Whether a command may have waited for a connection of its own until the time that was left was
/// too short: to connect, or to hear of the end of its own wait.
pub(super) fn may_lack_time(history: &History, call: &Call) -> bool {
    let borrows = call.kind().name == "WATCH" || !patience(&call.args).is_zero();
    let is_late = |frame: &[u8]| frame.windows(LATE.len()).any(|at| at == LATE);
    history.rules.has_few_leases && borrows && call.frame().is_some_and(is_late)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{ConfigChange, Fault};

    /// A command that is cut off at the end of a drain, and one behind it.
    fn cut_off(first: &str) -> Story {
        let mut story = Story::right();
        story.call(0, 5, first);
        story.answer(0, 9, "-UNSURE the proxy is stopping; it\r\n");
        story.call(0, 6, "SET s:0:0 {id}");
        story.answer(0, 9, "-UNSENT the proxy is stopping; it\r\n");
        story.history.rules.quiet_from = Some(Duration::ZERO);
        story
    }

    #[test]
    fn what_waits_when_a_drain_is_over_is_told_so_and_what_is_behind_it() {
        let story = cut_off("BLPOP l:0:0 {l:0:0}#{id} 0.400");
        assert_eq!(check(&story.history, &Index::new(&story.history)), Ok(()));
        assert!(caught(&cut_off("LPOP l:0:0"), PROMISE).contains("nothing was broken"));
    }

    #[test]
    fn a_failure_without_a_fault_is_seen() {
        for error in ["-UNSENT it\r\n", "-UNSURE it\r\n", "-CLUSTERDOWN it\r\n"] {
            let mut story = Story::right();
            story.call(0, 5, "SET s:0:0 {id}");
            story.answer(0, 9, error);
            story.passes();
            story.history.rules.quiet_from = Some(Duration::ZERO);
            assert!(caught(&story, PROMISE).contains("nothing was broken"));
        }
    }

    #[test]
    fn what_a_new_configuration_leaves_no_time_for_is_forgiven() {
        let mut story = Story::right();
        story.history.rules.quiet_from = Some(Duration::ZERO);
        let change = Fault::Reload(ConfigChange::CommandStats(true));
        story.history.faults.push((Duration::from_millis(5), change));
        story.call(0, 5, "SET s:0:0 {id}");
        story.answer(0, 9, "-UNSURE a:1: the configuration changed, and drain_timeout is over\r\n");
        story.passes();
    }

    #[test]
    fn what_a_narrow_bound_makes_fail_is_forgiven() {
        const UNFOLLOWED: &str = "-UNSENT cannot follow a redirect: it names no node, or one more \
                                  than max_unknown_upstreams, from a:1\r\n";
        const TOO_LATE: &str = "-UNSENT a:1: no reply within op_timeout\r\n";
        for (ask, told) in [
            ("SET s:0:0 {id}", UNFOLLOWED),
            ("WATCH s:0:0 s:0:0#{id}", TOO_LATE),
            ("BLPOP l:0:0 l:0:0#{id} 0.1", TOO_LATE),
        ] {
            let mut story = Story::right();
            story.history.rules.quiet_from = Some(Duration::ZERO);
            story.call(0, 5, ask);
            story.answer(0, 9, told);
            assert!(caught(&story, PROMISE).contains("nothing was broken"));
            story.history.rules.has_few_unknown = told == UNFOLLOWED;
            story.history.rules.has_few_leases = told == TOO_LATE;
            assert_eq!(check(&story.history, &Index::default()), Ok(()), "{told}");
        }
        let mut story = Story::right();
        let rules = &mut story.history.rules;
        (rules.has_few_unknown, rules.has_few_leases) = (true, true);
        rules.quiet_from = Some(Duration::ZERO);
        story.call(0, 5, "SET s:0:0 {id}");
        story.answer(0, 9, TOO_LATE);
        assert!(caught(&story, PROMISE).contains("nothing was broken"), "it borrows nothing");
    }

    #[test]
    fn failures_from_before_all_was_mended_are_forgiven() {
        let mut story = Story::right();
        story.call(0, 5, "SET s:0:0 {id}");
        story.answer(0, 9, "-UNSURE it\r\n");
        story.history.rules.quiet_from = Some(Duration::from_millis(6));
        story.passes();
    }
}
