//! A transaction is run as a whole or not at all: in one `EXEC` of one node, its commands in order
//! and nobody else's between them; and its client is told so, a reply a command. One of which a
//! command was refused, or that was never executed, is not run.

use std::collections::{BTreeMap, BTreeSet};

use super::index::handles;
use super::{Index, Verdict, broken};
use crate::client::NO_MEMORY;
use crate::history::{Call, Conversation, History};
use crate::resp::{elements, is_error};
use crate::transactions::is_nil;
use crate::workload::Id;

pub(super) const PROMISE: &str = "whole";

const WITHOUT: &[u8] = b"-ERR EXEC without MULTI\r\n";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let runs = runs(history);
    for conversation in &history.conversations {
        are_in_place(conversation, history)?;
        for inner in transactions(conversation).values() {
            is_told_rightly(conversation, inner)?;
            is_whole(inner, index, &runs)?;
        }
    }
    Ok(())
}

/// The commands of each transaction of a client.
fn transactions(conversation: &Conversation) -> BTreeMap<usize, Vec<&Call>> {
    let mut found: BTreeMap<usize, Vec<&Call>> = BTreeMap::new();
    for call in &conversation.calls {
        if let Some(queued) = &call.queued {
            found.entry(queued.multi).or_default().push(call);
        }
    }
    found
}

/// What each `EXEC` ran.
fn runs(history: &History) -> BTreeMap<u64, Vec<Option<Id>>> {
    let mut runs: BTreeMap<u64, Vec<Option<Id>>> = BTreeMap::new();
    for seen in &history.executions {
        if let Some(exec) = seen.exec {
            runs.entry(exec).or_default().push(Id::of_command(&seen.args));
        }
    }
    runs
}

/// Whether each `MULTI` opens a transaction, and `EXEC` says that there is none only where that is
/// so.
fn are_in_place(conversation: &Conversation, history: &History) -> Verdict {
    let queued = conversation.calls.iter().filter_map(|call| call.queued.as_ref());
    let ends: BTreeSet<usize> = queued.filter_map(|queued| queued.exec).collect();
    for (place, call) in conversation.calls.iter().enumerate() {
        let Some(frame) = call.frame() else { continue };
        let found_no_room = history.rules.is_tight && frame.starts_with(NO_MEMORY);
        match call.kind().name {
            "MULTI" if frame != b"+OK\r\n" && !found_no_room => {
                return Err(broken(PROMISE, call, "no transaction began"));
            }
            "EXEC" if frame == WITHOUT && ends.contains(&place) => {
                return Err(broken(PROMISE, call, "its transaction was forgotten"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the client was told `QUEUED` of each command, or why not, and then what came of it.
fn is_told_rightly(conversation: &Conversation, inner: &[&Call]) -> Verdict {
    for call in inner {
        let told = call.queued.as_ref().and_then(|queued| queued.told.as_deref());
        if told.is_some_and(|told| told != b"+QUEUED\r\n" && !is_error(told)) {
            return Err(broken(PROMISE, call, "not put off, though MULTI came before"));
        }
    }
    let exec = inner[0].queued.as_ref().and_then(|queued| queued.exec);
    let Some(exec) = exec.map(|exec| &conversation.calls[exec]) else { return Ok(()) };
    let is_answer = |frame: &&[u8]| !is_error(frame) && !is_nil(frame);
    let Some(frame) = exec.frame().filter(is_answer) else { return Ok(()) };
    if elements(frame).is_none_or(|all| all.len() != inner.len()) {
        return Err(broken(PROMISE, exec, &format!("{} commands were queued", inner.len())));
    }
    if inner.iter().any(|call| is_refused(call)) {
        return Err(broken(PROMISE, exec, "a command of it was refused, and the others ran"));
    }
    Ok(())
}

fn is_refused(call: &Call) -> bool {
    let told = call.queued.as_ref().and_then(|queued| queued.told.as_deref());
    told.is_some_and(is_error)
}

/// Whether all of its commands ran, in one piece, or none did.
fn is_whole<'a>(
    inner: &[&'a Call],
    index: &Index<'a>,
    runs: &BTreeMap<u64, Vec<Option<Id>>>,
) -> Verdict {
    let mut places = BTreeSet::new();
    for call in inner {
        for handle in handles(&call.args).into_iter().filter(|handle| handle.has_id()) {
            places.extend(index.done(handle).map(|(_, seen)| seen.exec));
        }
    }
    let ids: Vec<_> = inner.iter().map(|call| Id::of_command(&call.args)).collect();
    for place in places {
        let Some(exec) = place else {
            return Err(broken(PROMISE, inner[0], "a command of its transaction ran by itself"));
        };
        if runs.get(&exec) != Some(&ids) {
            return Err(broken(PROMISE, inner[0], "its transaction ran in part, or not alone"));
        }
        if inner.iter().any(|call| is_refused(call)) {
            return Err(broken(PROMISE, inner[0], "its transaction ran, and was spoilt"));
        }
        index.note("transactions_done");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    /// A transaction of two commands, of which these ran, each in the `EXEC` of this number.
    fn told(second: &str, reply: &str, ran: &[(&str, Option<u64>)]) -> Story {
        let mut story = Story::right();
        story.call(0, 5, "MULTI");
        story.call(0, 5, "SET s:0:0 {id}");
        story.call(0, 5, "APPEND s:0:0 {id}");
        story.call(0, 6, "EXEC");
        for (command, exec) in ran {
            let reply = if command.starts_with("SET") { "+OK\r\n" } else { ":20\r\n" };
            story.execute(7, command, reply);
            story.history.executions.last_mut().expect("one was executed").exec = *exec;
        }
        for reply in ["+OK\r\n", "+QUEUED\r\n", second, reply] {
            story.answer(0, 9, reply);
        }
        story.history.conversations.iter_mut().for_each(Conversation::resolve_transactions);
        story
    }

    const QUEUED: &str = "+QUEUED\r\n";
    const BOTH: &str = "*2\r\n+OK\r\n:20\r\n";
    const SET: &str = "SET s:0:0 1000000004";
    const APPEND: &str = "APPEND s:0:0 1000000005";
    const ABORTED: &str = "-EXECABORT it\r\n";

    #[test]
    fn a_transaction_that_is_not_run_as_a_whole_is_seen() {
        told(QUEUED, BOTH, &[(SET, Some(1)), (APPEND, Some(1))]).passes();
        for (ran, what) in [
            (&[(SET, Some(1)), (APPEND, Some(2))][..], "ran in part, or not alone"),
            (&[(APPEND, Some(1)), (SET, Some(1))], "ran in part, or not alone"),
            (&[(SET, Some(1)), ("GET s:0:9", Some(1)), (APPEND, Some(1))], "in part, or not alone"),
            (&[(SET, Some(1))], "ran in part, or not alone"),
            (&[(SET, None), (APPEND, None)], "ran by itself"),
        ] {
            assert!(caught(&told(QUEUED, BOTH, ran), PROMISE).contains(what), "{ran:?}");
        }
        told(QUEUED, "-UNSENT it\r\n", &[]).passes();
    }

    #[test]
    fn a_spoilt_transaction_that_is_run_is_seen() {
        let refused = "-CROSSSLOT it\r\n";
        told(refused, ABORTED, &[]).passes();
        let ran = [(SET, Some(1)), (APPEND, Some(1))];
        assert!(caught(&told(refused, ABORTED, &ran), PROMISE).contains("was spoilt"));
        assert!(caught(&told(refused, BOTH, &[]), PROMISE).contains("was refused"));
    }

    #[test]
    fn replies_that_are_not_those_of_a_transaction_are_seen() {
        let of_one = "*1\r\n+OK\r\n";
        assert!(caught(&told(QUEUED, of_one, &[]), PROMISE).contains("2 commands were queued"));
        assert!(caught(&told(":20\r\n", BOTH, &[]), PROMISE).contains("not put off"));
        let forgotten = told(QUEUED, "-ERR EXEC without MULTI\r\n", &[]);
        assert!(caught(&forgotten, PROMISE).contains("forgotten"));
        let mut story = Story::right();
        story.call(0, 5, "EXEC");
        story.answer(0, 9, "-ERR EXEC without MULTI\r\n");
        story.passes();
        story.call(0, 10, "MULTI");
        story.answer(0, 12, "-ERR it\r\n");
        assert!(caught(&story, PROMISE).contains("no transaction began"));
    }
}
