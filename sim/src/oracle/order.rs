//! What one client connection asks of one key is executed in the order asked, over redirects and
//! reconnects: no write overtakes an earlier one, no read misses an earlier write or sees a later
//! one.
//!
//! Two things nobody can help. A write that its client knows to be unsure may come late: its bytes
//! can lie in a dead connection for ever so long. And a node that turns a command away and then
//! gets the slot, or is well again, executes what was on its way behind that command.

use std::collections::BTreeMap;
use std::time::Duration;

use super::index::{Handle, handles, is_turned_away, may_be_split};
use super::spells::delays_of;
use super::{Index, Verdict, broken};
use crate::history::{Call, Conversation, Execution, History, Verdict as Outcome};
use crate::resp::shown_command;

pub(super) const PROMISE: &str = "order";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    history.conversations.iter().try_for_each(|conversation| {
        keys_of(conversation).values().try_for_each(|calls| of_key(history, calls, index))
    })
}

/// A command of which it is known when it was executed, as places in the order of all executions.
struct Done<'a> {
    call: &'a Call,
    /// Where it was first executed; a read: where its reply can be from.
    first: usize,
    /// Where it was last executed.
    last: usize,
    /// All that nodes did about it.
    executions: &'a [(usize, &'a Execution)],
}

impl Done<'_> {
    /// Since when it was to be executed: since it was asked, or since it was turned away for the
    /// last time before that.
    fn was_meant_to_go(&self, executed: usize) -> Duration {
        let before = self.executions.iter().take_while(|(place, _)| *place < executed);
        let away = before.filter(|(_, seen)| is_turned_away(seen)).last();
        away.map_or(self.call.sent, |(_, seen)| seen.at)
    }

    /// Whether it is a write that nobody knows the end of.
    fn may_be_late(&self) -> bool {
        matches!(self.call.verdict(), Outcome::Unsure | Outcome::Silence)
    }
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

fn of_key<'a>(history: &History, calls: &[(&'a Call, Handle<'a>)], index: &Index<'a>) -> Verdict {
    let done: Vec<_> = calls.iter().filter_map(|(call, part)| done(call, *part, index)).collect();
    for (number, later) in done.iter().enumerate() {
        for earlier in &done[..number] {
            let is_reversed = match (earlier.call.writes(), later.call.writes()) {
                (true, _) => !earlier.may_be_late() && later.last < earlier.last,
                (false, true) => earlier.first > later.first,
                (false, false) => false,
            };
            if is_reversed && !may_be_reversed(history, earlier, later) {
                let earlier =
                    format!("{} ({})", shown_command(&earlier.call.args), earlier.call.id);
                let what = format!("executed before {earlier}, which was sent earlier");
                return Err(broken(PROMISE, later.call, &what));
            }
        }
    }
    Ok(())
}

/// Whether a node turned the earlier command away and then executed the later one, which was on its
/// way by then.
fn may_be_reversed(history: &History, earlier: &Done<'_>, later: &Done<'_>) -> bool {
    let slack = history.rules.slack;
    let mut away = earlier.executions.iter().filter(|(_, seen)| is_turned_away(seen));
    away.any(|(place, refused)| {
        let known = refused.at + slack;
        let mut ill = delays_of(history, refused.node).into_iter();
        let is_known_late = ill.any(|spell| spell.touches(refused.at, known));
        let mut executed = later.executions.iter().filter(|(_, later)| later.is_done());
        executed.any(|(later_place, seen)| {
            let is_on_its_way = is_known_late || later.was_meant_to_go(*later_place) <= known;
            later_place > place && seen.node == refused.node && is_on_its_way
        })
    })
}

/// When a command was executed; `None` if it was not, or if that says nothing about order.
fn done<'i, 'a>(call: &'a Call, part: Handle<'a>, index: &'i Index<'a>) -> Option<Done<'i>> {
    if !call.writes() && may_be_split(call) {
        return None;
    }
    let executions = index.executions(part);
    let is_its_reply = |seen: &Execution| call.frame().is_some_and(|frame| seen.reply == frame);
    let counts = |seen: &Execution| seen.is_done() && (call.writes() || is_its_reply(seen));
    let mut places = executions.iter().filter(|(_, seen)| counts(seen)).map(|(place, _)| *place);
    let first = places.next()?;
    let last = places.next_back().unwrap_or(first);
    Some(Done { call, first, last, executions })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{Fault, NodeFault};
    use crate::world::ms;

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
        assert!(caught(&story, PROMISE).contains("executed before SET"));
    }

    #[test]
    fn a_write_that_is_known_to_be_unsure_may_come_late() {
        reversed("SET s:0:0 {id}", "?+OK\r\n", "SET s:0:0 {id}", "+OK\r\n").passes();
    }

    #[test]
    fn a_read_that_sees_a_later_write_is_seen_though_that_write_is_unsure() {
        let mut story = Story::right();
        story.call(0, 5, "GETRANGE s:0:0 0 {id}");
        story.call(0, 5, "SET s:0:0 {id}");
        story.execute(6, "SET s:0:0 1000000004", "+OK\r\n");
        story.execute(7, "GETRANGE s:0:0 0 1000000003", "$10\r\n1000000004\r\n");
        story.answer(0, 9, "$10\r\n1000000004\r\n");
        story.answer(0, 9, "-UNSURE it\r\n");
        assert!(caught(&story, PROMISE).contains("executed before GETRANGE"));
    }

    #[test]
    fn a_node_that_gets_a_slot_may_execute_what_was_behind_a_command_that_it_turned_away() {
        let mut story = reversed("SET s:0:0 {id}", "+OK\r\n", "SET s:0:0 {id}", "+OK\r\n");
        let redirect = Execution {
            at: Duration::from_millis(6),
            node: 0,
            process: 0,
            args: story.history.executions.last().unwrap().args.clone(),
            reply: Bytes::from_static(b"-MOVED 1 10.0.0.1:1\r\n"),
            progress: (0, Vec::new()),
            exec: None,
        };
        let before = story.history.executions.len() - 2;
        story.history.executions.insert(before, Execution { node: 1, ..redirect.clone() });
        assert!(caught(&story, PROMISE).contains("executed before SET"), "another node's");
        story.history.executions[before] = redirect;
        story.passes();
        // It is known within 10 ms.
        let mut history = story.history;
        history.rules.are_apart = true;
        let verdict = |history: &History| check(history, &Index::new(history));
        history.conversations[0].calls[4].sent = ms(16);
        assert_eq!(verdict(&history), Ok(()));
        history.conversations[0].calls[4].sent = ms(17);
        assert!(verdict(&history).is_err(), "it was not behind");
        history.faults.push((ms(6), Fault::Node(0, NodeFault::Stall)));
        assert_eq!(verdict(&history), Ok(()), "the refusal was not known");
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
        assert!(caught(&story, PROMISE).contains("executed before GETRANGE"));
    }
}
