//! An acknowledged write was executed exactly once, any other at most once, one that the proxy
//! calls `UNSENT` never; and nothing was executed that nobody asked for.

use std::collections::BTreeMap;

use super::index::{Handle, handles, may_be_split, times_named};
use super::{Index, Verdict, Violation, broken};
use crate::history::{Call, Execution, History, Verdict as Outcome};
use crate::resp::shown_command;
use crate::workload::Id;

pub(super) const PROMISE: &str = "once";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let calls = || history.calls();
    let mut without_id: BTreeMap<&[Vec<u8>], Vec<&Call>> = BTreeMap::new();
    for call in calls().filter(|call| call.writes()) {
        match handles(&call.args)[..] {
            [Handle::Whole(args)] => without_id.entry(args).or_default().push(call),
            ref parts => parts.iter().try_for_each(|part| count(call, *part, index))?,
        }
    }
    for (args, calls) in without_id {
        count_alike(args, &calls, index)?;
    }
    let asked: BTreeMap<Id, &Call> = calls().map(|call| (call.id, call)).collect();
    history.executions.iter().try_for_each(|execution| was_asked_for(execution, &asked))
}

/// How often a command, or a part of it, was executed.
fn count<'a>(call: &Call, part: Handle<'a>, index: &Index<'a>) -> Verdict {
    let times = index.done(part).count();
    let most = match part {
        Handle::Part(_, key) => times_named(call, key).max(1),
        Handle::Whole(_) => 1,
    };
    if times == 0 && call.verdict() == Outcome::Done && was_done_alone(call, part, index) {
        return Ok(());
    }
    let allowed = match call.verdict() {
        Outcome::Done => 1..=most,
        Outcome::NotDone => 0..=0,
        Outcome::Refused if !may_be_split(call) => 0..=0,
        Outcome::Refused | Outcome::Unsure | Outcome::Silence => 0..=most,
    };
    if allowed.contains(&times) {
        return Ok(());
    }
    Err(broken(PROMISE, call, &format!("executed {times} times")))
}

/// Whether the part was split key by key, and this key executed while the command was under way.
fn was_done_alone<'a>(call: &Call, part: Handle<'a>, index: &Index<'a>) -> bool {
    let (Handle::Part(_, key), Some((until, _))) = (part, &call.reply) else { return false };
    let window = call.sent..=*until;
    index.lone(call, key).any(|seen| seen.is_done() && window.contains(&seen.at))
}

/// How often commands that cannot be told apart were executed.
fn count_alike<'a>(args: &'a [Vec<u8>], calls: &[&Call], index: &Index<'a>) -> Verdict {
    let times = index.done(Handle::Whole(args)).count();
    let with = |outcome| calls.iter().filter(|call| call.verdict() == outcome).count();
    let least = with(Outcome::Done);
    let most = least + with(Outcome::Unsure) + with(Outcome::Silence);
    if (least..=most).contains(&times) {
        return Ok(());
    }
    let what =
        format!("of {} such, {least} to {most} were to be executed, {times} were", calls.len());
    Err(broken(PROMISE, calls[0], &what))
}

fn was_asked_for(execution: &Execution, asked: &BTreeMap<Id, &Call>) -> Verdict {
    let Some(id) = Id::of_command(&execution.args) else { return Ok(()) };
    if asked.get(&id).is_some_and(|call| call.sent <= execution.at) {
        return Ok(());
    }
    let what = format!("{} was executed, and nobody asked", shown_command(&execution.args));
    Err(Violation { promise: PROMISE, at: execution.at, what })
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    fn increment(reply: Option<&str>, executions: usize) -> Story {
        let mut story = Story::right();
        story.call(0, 5, "INCRBY c:0:0 {id}");
        for at in 0..executions {
            story.execute(6 + at as u64, "INCRBY c:0:0 1000000003", ":1000000003\r\n");
        }
        match reply {
            Some(reply) => story.answer(0, 9, reply),
            None => story.leave(0, 9),
        }
        story
    }

    #[test]
    fn a_write_that_was_executed_twice_is_seen_whatever_the_client_was_told() {
        for reply in [Some(":1000000003\r\n"), Some("-UNSURE it\r\n"), None] {
            increment(reply, 1).passes();
            assert!(caught(&increment(reply, 2), PROMISE).contains("executed 2 times"));
        }
    }

    #[test]
    fn an_acknowledged_write_that_was_not_executed_is_seen() {
        let story = increment(Some(":1000000003\r\n"), 0);
        assert!(caught(&story, PROMISE).contains("executed 0 times"));
    }

    #[test]
    fn a_write_that_is_called_unsent_and_was_executed_is_seen() {
        increment(Some("-UNSENT it\r\n"), 0).passes();
        let story = increment(Some("-UNSENT it\r\n"), 1);
        assert!(caught(&story, PROMISE).contains("executed 1 times"));
    }

    #[test]
    fn one_increment_too_many_is_seen_among_those_without_id() {
        let mut story = Story::right();
        for (at, count) in [(5, ":1\r\n"), (6, ":2\r\n")] {
            story.call(0, at, "INCR c:0:0");
            story.execute(at, "INCR c:0:0", count);
            story.answer(0, 9, count);
        }
        story.passes();
        story.execute(7, "INCR c:0:0", ":3\r\n");
        assert!(caught(&story, PROMISE).contains("3 were"));
    }

    #[test]
    fn what_nobody_asked_for_is_seen() {
        let mut story = Story::right();
        story.execute(7, "GETRANGE s:0:0 0 1000000009", "$0\r\n\r\n");
        assert!(caught(&story, PROMISE).contains("nobody asked"));
    }
}
