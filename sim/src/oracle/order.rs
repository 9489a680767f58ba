//! What one client connection asks of one key is executed in the order asked, over redirects and
//! reconnects: no write overtakes an earlier one, no read misses an earlier write or sees a later
//! one.
//!
//! A write that its client knows to be unsure may come late: its bytes can lie in a dead connection
//! for ever so long, and nothing can call them back.

use std::collections::BTreeMap;

use super::index::{Handle, handles, may_be_split};
use super::{Index, Verdict, broken};
use crate::history::{Call, Conversation, History, Verdict as Outcome};

pub(super) const PROMISE: &str = "order";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    history.conversations.iter().try_for_each(|conversation| {
        keys_of(conversation).values().try_for_each(|calls| of_key(calls, index))
    })
}

/// A command and when it was executed, as places in the order of all executions.
struct Done<'a> {
    call: &'a Call,
    /// A write's executions, or those of a read that its reply can be from.
    places: Vec<usize>,
}

/// The commands of a connection that carry an id, by key.
fn keys_of(conversation: &Conversation) -> BTreeMap<&[u8], Vec<(&Call, Handle<'_>)>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for call in &conversation.calls {
        for handle in handles(&call.args) {
            if let Handle::Part(_, key) = handle {
                found.entry(key).or_default().push((call, handle));
            }
        }
    }
    found
}

fn of_key<'a>(calls: &[(&'a Call, Handle<'a>)], index: &Index<'a>) -> Verdict {
    let done: Vec<_> = calls.iter().filter_map(|(call, part)| done(call, *part, index)).collect();
    // The place that each command must come after, going forwards, and before, going backwards.
    let mut after = None;
    for done in &done {
        let last = done.places.iter().max().copied();
        if after.is_some() && last < after {
            return Err(broken(
                PROMISE,
                done.call,
                "executed before a write that was sent earlier",
            ));
        }
        if done.call.writes() && done.call.verdict() != Outcome::Silence {
            after = after.max(last);
        }
    }
    let mut before = usize::MAX;
    for done in done.iter().rev() {
        let first = done.places.iter().min().copied().unwrap_or(0);
        if first > before && !done.call.writes() {
            return Err(broken(PROMISE, done.call, "executed after a write that was sent later"));
        }
        if done.call.writes() {
            before = before.min(first);
        }
    }
    Ok(())
}

/// When a command was executed; `None` if it was not, or if that says nothing about order.
fn done<'a>(call: &'a Call, part: Handle<'a>, index: &Index<'a>) -> Option<Done<'a>> {
    let places: Vec<_> = if call.writes() {
        index.done(part).map(|(place, _)| place).collect()
    } else {
        let frame = call.frame().filter(|_| !may_be_split(call))?;
        let is_it = |reply: &[u8]| reply == frame;
        index.done(part).filter(|(_, seen)| is_it(&seen.reply)).map(|(place, _)| place).collect()
    };
    let counts = !places.is_empty() && call.verdict() != Outcome::Unsure;
    counts.then_some(Done { call, places })
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    /// Two commands for one key, executed in the reverse order, and the first one's reply.
    fn reversed(first: &str, reply: &str, second: &str, second_reply: &str) -> Story {
        let mut story = Story::right();
        story.call(0, 5, first);
        story.call(0, 5, second);
        story.execute(6, &second.replace("{id}", "1000000004"), second_reply);
        story.execute(7, &first.replace("{id}", "1000000003"), reply.trim_start_matches('?'));
        let first_reply = if reply.starts_with('?') { "-UNSURE it\r\n" } else { reply };
        story.answer(0, 9, first_reply);
        story.answer(0, 9, second_reply);
        story
    }

    #[test]
    fn a_write_that_overtakes_an_earlier_one_is_seen() {
        let story = reversed("SET s:0:0 {id}", "+OK\r\n", "SET s:0:0 {id}", "+OK\r\n");
        assert!(caught(&story, PROMISE).contains("executed before a write"));
    }

    #[test]
    fn a_write_that_is_known_to_be_unsure_may_come_late() {
        reversed("SET s:0:0 {id}", "?+OK\r\n", "SET s:0:0 {id}", "+OK\r\n").passes();
    }

    #[test]
    fn writes_of_two_keys_have_no_order() {
        reversed("SET s:0:0 {id}", "+OK\r\n", "SET s:0:1 {id}", "+OK\r\n").passes();
    }

    #[test]
    fn a_read_that_misses_its_own_write_is_seen() {
        let story = reversed("SET s:0:0 {id}", "+OK\r\n", "GETRANGE s:0:0 0 {id}", "$0\r\n\r\n");
        assert!(caught(&story, PROMISE).starts_with("GETRANGE"));
    }

    #[test]
    fn a_read_that_sees_the_future_is_seen() {
        let read = ("GETRANGE s:0:0 0 {id}", "$10\r\n1000000004\r\n");
        let story = reversed(read.0, read.1, "SET s:0:0 {id}", "+OK\r\n");
        assert!(caught(&story, PROMISE).starts_with("GETRANGE"));
    }
}
