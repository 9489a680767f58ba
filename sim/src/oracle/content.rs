//! What a reply says is what a node replied to that very command while it was under way, merged in
//! position if the command was split, or one of the proxy's own errors.

use std::collections::BTreeMap;
use std::time::Duration;

use redpoll::embedded;

use super::index::{Handle, handles, is_marker, may_be_split};
use super::{Index, Verdict, broken};
use crate::client::NO_MEMORY;
use crate::history::{Call, Execution, History};
use crate::resp::{elements, error_code, integer};
use crate::workload::{Effect, Id, Kind, Shape};

pub(super) const PROMISE: &str = "content";

/// The errors that the proxy may give of its own.
const OWN_ERRORS: [&str; 3] = ["UNSENT", "UNSURE", "CLUSTERDOWN"];

/// What is said of a transaction of which something was refused.
const ABORTED: &str = "EXECABORT";

/// What must never reach a client.
const REDIRECTS: [&str; 2] = ["MOVED", "ASK"];

/// What a node says that does not know the proxy: nothing may be asked of it then.
const STRANGER: &str = "NOAUTH";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let calls = history.calls();
    for call in calls.filter(|call| call.kind().effect != Effect::Local) {
        let Some((at, frame)) = &call.reply else { continue };
        let code = error_code(frame);
        if frame == embedded::REFUSED_EARLY {
            continue;
        }
        let found_no_room = history.rules.is_tight && frame.starts_with(NO_MEMORY);
        let is_aborted = code == ABORTED && call.queued.is_some();
        if OWN_ERRORS.contains(&code) || found_no_room || is_aborted {
            continue;
        }
        if REDIRECTS.contains(&code) && history.rules.follows {
            return Err(broken(PROMISE, call, "a redirect reached the client"));
        }
        if code == STRANGER {
            return Err(broken(PROMISE, call, "a node was asked that had refused the handshake"));
        }
        let witnesses = Witnesses { index, call, until: *at };
        witnesses.confirm(frame).map_err(|what| broken(PROMISE, call, &what))?;
    }
    Ok(())
}

/// The executions that can be what a reply is from: of this command, while it was under way.
struct Witnesses<'i, 'a> {
    index: &'i Index<'a>,
    call: &'a Call,
    until: Duration,
}

impl<'a> Witnesses<'_, 'a> {
    fn of(&self, handle: Handle<'a>) -> impl Iterator<Item = &'a Execution> {
        let window = self.call.sent..=self.until;
        let executions = self.index.executions(handle).iter();
        executions.map(|(_, execution)| *execution).filter(move |seen| window.contains(&seen.at))
    }

    fn all(&self) -> impl Iterator<Item = &'a Execution> {
        let with_id = handles(&self.call.args).into_iter().flat_map(|handle| self.of(handle));
        with_id.chain(self.call.keys().flat_map(|key| self.lone(key)))
    }

    /// What nodes said of one of its keys alone: with its id if that is the key, else without.
    fn lone(&self, key: &'a [u8]) -> impl Iterator<Item = &'a Execution> {
        let window = self.call.sent..=self.until;
        let marked = Id::of_command(&[b"", key]).filter(|_| is_marker(key));
        let marked = marked.into_iter().flat_map(move |id| self.of(Handle::Part(id, key)));
        let bare = self.index.lone(self.call, key).filter(move |seen| window.contains(&seen.at));
        bare.chain(marked)
    }

    fn confirm(&self, frame: &[u8]) -> Result<(), String> {
        let whole = |seen: &Execution| seen.args == self.call.args && seen.reply == frame;
        if self.all().any(whole) {
            return Ok(());
        }
        if !may_be_split(self.call) {
            return Err(format!("no node said so; they said: {}", self.said()));
        }
        if self.all().any(|seen| !seen.is_done() && seen.reply == frame) {
            return Ok(());
        }
        match self.call.kind().shape {
            Shape::Single | Shape::Pairs if frame == b"+OK\r\n" => self.all_ok(),
            Shape::Positions => self.positions(frame),
            Shape::Sum => self.sum(frame),
            Shape::Single | Shape::Pairs => Err("this is no reply to it".to_owned()),
        }
    }

    fn all_ok(&self) -> Result<(), String> {
        for handle in handles(&self.call.args) {
            if !self.of(handle).any(|seen| seen.reply == b"+OK\r\n"[..]) {
                return Err(format!("no node said so for {handle:?}"));
            }
        }
        Ok(())
    }

    fn positions(&self, frame: &[u8]) -> Result<(), String> {
        let keys: Vec<&[u8]> = self.call.keys().collect();
        let found = elements(frame).filter(|found| found.len() == keys.len());
        let found = found.ok_or("this is no array of an element a key")?;
        let by_key: BTreeMap<&[u8], Handle<'a>> = handles(&self.call.args)
            .into_iter()
            .filter_map(|handle| match handle {
                Handle::Part(_, key) => Some((key, handle)),
                Handle::Whole(_) => None,
            })
            .collect();
        for (key, element) in keys.iter().zip(found) {
            let confirmed = if is_marker(key) {
                [&b"$-1\r\n"[..], b"_\r\n"].contains(&element)
            } else {
                let mut witnesses = self.of(by_key[key]).chain(self.lone(key));
                witnesses.any(|seen| element_of(seen, key) == Some(element))
            };
            if !confirmed {
                return Err(format!("no node said so of {}", key.escape_ascii()));
            }
        }
        Ok(())
    }

    /// The sum is that of the parts. A part that was sent again may have two answers.
    fn sum(&self, frame: &[u8]) -> Result<(), String> {
        let total = integer(frame).ok_or("this is no integer")?;
        let mut parts: BTreeMap<&[Vec<u8>], (i64, i64)> = BTreeMap::new();
        let with_id = handles(&self.call.args).into_iter().flat_map(|handle| self.of(handle));
        for seen in with_id {
            let Some(count) = integer(&seen.reply) else { continue };
            let (min, max) = parts.entry(&seen.args).or_insert((count, count));
            (*min, *max) = ((*min).min(count), (*max).max(count));
        }
        // Whose a key alone was is not known, and a key may be named several times.
        let lone = self.call.keys().filter_map(|key| {
            self.lone(key).filter_map(|seen| integer(&seen.reply)).max().map(|most| (0, most))
        });
        let ranges = parts.into_values().chain(lone);
        let (min, max) = ranges.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        if (min..=max).contains(&total) {
            return Ok(());
        }
        Err(format!("the nodes' counts add up to {min} to {max}"))
    }

    fn said(&self) -> String {
        let said: Vec<_> = self.all().map(|seen| crate::resp::shown(&seen.reply)).collect();
        if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
    }
}

/// What an execution says of one of its keys, if it is of a command that says so.
fn element_of<'a>(seen: &'a Execution, key: &[u8]) -> Option<&'a [u8]> {
    let place = Kind::of(&seen.args)?.keys(&seen.args).position(|other| other == key)?;
    elements(&seen.reply)?.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn the_reply_to_another_command_is_seen() {
        let mut story = Story::right();
        story.call(0, 5, "SET s:0:0 {id}");
        story.execute(6, "SET s:0:0 1000000003", "+OK\r\n");
        story.call(0, 5, "GETRANGE s:0:0 0 {id}");
        story.execute(6, "GETRANGE s:0:0 0 1000000004", "$10\r\n1000000003\r\n");
        story.answer(0, 9, "$10\r\n1000000003\r\n");
        story.answer(0, 9, "+OK\r\n");
        assert!(caught(&story, PROMISE).starts_with("SET s:0:0"));
    }

    #[test]
    fn a_reply_from_before_the_question_is_seen() {
        let mut story = Story::right();
        story.execute(4, "GET s:0:0", "$1\r\na\r\n");
        story.call(0, 5, "GET s:0:0");
        story.answer(0, 9, "$1\r\na\r\n");
        assert!(caught(&story, PROMISE).contains("no node said so"));
    }

    #[test]
    fn elements_in_the_wrong_places_are_seen() {
        let mut story = Story::right();
        story.call(0, 5, "MGET s:0:0 {s:0:0}#{id} s:0:1 {s:0:1}#{id}");
        story.execute(6, "MGET s:0:0 {s:0:0}#1000000003", "*2\r\n$1\r\na\r\n$-1\r\n");
        story.execute(6, "MGET s:0:1 {s:0:1}#1000000003", "*2\r\n$1\r\nb\r\n$-1\r\n");
        let mut right = story.clone();
        right.answer(0, 9, "*4\r\n$1\r\na\r\n$-1\r\n$1\r\nb\r\n$-1\r\n");
        right.passes();
        story.answer(0, 9, "*4\r\n$1\r\nb\r\n$-1\r\n$1\r\na\r\n$-1\r\n");
        assert!(caught(&story, PROMISE).contains("no node said so of s:0:0"));
    }

    #[test]
    fn a_sum_that_leaves_a_part_out_is_seen() {
        let mut story = Story::right();
        story.call(0, 5, "DEL s:0:0 {s:0:0}#{id} s:0:1 {s:0:1}#{id}");
        story.execute(6, "DEL s:0:0 {s:0:0}#1000000003", ":1\r\n");
        story.execute(6, "DEL s:0:1 {s:0:1}#1000000003", ":1\r\n");
        let mut right = story.clone();
        right.answer(0, 9, ":2\r\n");
        right.passes();
        story.answer(0, 9, ":1\r\n");
        assert!(caught(&story, PROMISE).contains("add up to 2 to 2"));
    }

    #[test]
    fn ok_without_every_part_is_seen() {
        let mut story = Story::right();
        story.call(0, 5, "MSET s:0:0 {id} s:0:1 {id}");
        story.execute(6, "MSET s:0:0 1000000003", "+OK\r\n");
        story.answer(0, 9, "+OK\r\n");
        assert!(caught(&story, PROMISE).contains("no node said so for"));
    }

    #[test]
    fn an_answer_from_a_node_that_refused_the_handshake_is_seen() {
        let mut story = Story::right();
        story.call(0, 5, "SET s:0:0 {id}");
        story.execute(6, "SET s:0:0 1000000003", "-NOAUTH Authentication required.\r\n");
        story.answer(0, 9, "-NOAUTH Authentication required.\r\n");
        assert!(caught(&story, PROMISE).contains("refused the handshake"));
    }

    #[test]
    fn a_redirect_that_reaches_the_client_is_seen() {
        let mut story = Story::right();
        story.call(0, 5, "GET s:0:0");
        story.execute(6, "GET s:0:0", "-MOVED 1 10.0.0.1:1\r\n");
        story.answer(0, 9, "-MOVED 1 10.0.0.1:1\r\n");
        assert!(caught(&story, PROMISE).contains("a redirect"));
    }
}
