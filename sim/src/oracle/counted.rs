//! `WAIT` counts replicas that have what its client wrote, and no others: for each node that had
//! executed writes of the client, as many replicas were as far, when the node was asked last, as
//! the client is told at the least.

use std::time::Duration;

use super::index::handles;
use super::quiet::GONE;
use super::{Index, Verdict, broken};
use crate::history::{Call, Execution, History, Lost, Verdict as Outcome};
use crate::resp::is_error;
use crate::workload::Effect;

pub(super) const PROMISE: &str = "counted";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    for conversation in &history.conversations {
        for (place, call) in conversation.calls.iter().enumerate() {
            let Some(frame) = call.frame().filter(|_| call.kind().name == "WAIT") else { continue };
            if is_error(frame) {
                continue;
            }
            let Some(count) = number(frame) else {
                return Err(broken(PROMISE, call, "this is no number of replicas"));
            };
            // Its time is another one at each node.
            let is_it = |one: &&Execution| one.args.get(..2) == call.args.get(..2);
            let asked: Vec<_> = history.executions.iter().filter(is_it).collect();
            is_said(call, count, &asked)?;
            // What was told of a node that took writes is told once.
            let before = &conversation.calls[..place];
            let is_news = before.iter().rposition(is_told_of_a_loss).map_or(0, |told| told + 1);
            let wrote = |call: &&Call| call.kind().effect == Effect::Write;
            for wrote in before[is_news..].iter().filter(wrote) {
                is_held(history, index, wrote, (call, count), &asked)?;
            }
        }
    }
    Ok(())
}

/// Whether the least of what nodes said is what the client was told.
fn is_said(call: &Call, count: u64, asked: &[&Execution]) -> Verdict {
    let least = asked.iter().filter_map(|one| number(&one.reply)).min();
    if least == Some(count) {
        return Ok(());
    }
    Err(broken(PROMISE, call, &format!("nodes said {least:?} at the least")))
}

/// Whether so many replicas have what a command wrote.
fn is_held<'a>(
    history: &'a History,
    index: &Index<'a>,
    wrote: &'a Call,
    (call, count): (&Call, u64),
    asked: &[&Execution],
) -> Verdict {
    let (Some((told, _)), Some((at, _))) = (&wrote.reply, &call.reply) else { return Ok(()) };
    if wrote.verdict() != Outcome::Done {
        return Ok(());
    }
    let (told, at) = (*told, *at);
    // Without an id it may be another one's.
    let parts = handles(&wrote.args).into_iter().filter(|part| part.has_id());
    let done = parts.flat_map(|part| index.done(part));
    for (_, execution) in done.filter(|(_, execution)| execution.at <= told) {
        if is_excused(history, execution, at) {
            continue;
        }
        let Some(last) = asked.iter().rfind(|one| one.node == execution.node) else {
            let what = format!("node-{} took {} and was not asked", execution.node, wrote.id);
            return Err(broken(PROMISE, call, &what));
        };
        let (written, replicas) = (execution.progress.0, &last.progress.1);
        let held = replicas.iter().filter(|seen| **seen >= written).count() as u64;
        if held < count {
            let what = format!("of node-{}, {held} have {}", execution.node, wrote.id);
            return Err(broken(PROMISE, call, &what));
        }
        index.note("writes_counted");
        index.note_times("writes_found_behind", (held < replicas.len() as u64).into());
    }
    Ok(())
}

/// Whether what a node executed may be gone by then without anybody's having heard of it.
fn is_excused(history: &History, execution: &Execution, at: Duration) -> bool {
    let node = execution.node;
    let is_lost = history.losses.iter().any(|loss| loss.what == Lost::Node(node) && loss.at <= at);
    let is_between = |then: Duration| execution.at <= then && then <= at;
    let was_replaced =
        history.failovers.iter().any(|(then, from, _)| *from == node && is_between(*then));
    is_lost || was_replaced
}

/// Whether a `WAIT` was answered that a node which took writes is no primary any more.
fn is_told_of_a_loss(call: &Call) -> bool {
    let is_it = |frame: &[u8]| frame.windows(GONE.len()).any(|at| at == GONE);
    call.frame().is_some_and(is_it)
}

/// The number that a reply is.
fn number(frame: &[u8]) -> Option<u64> {
    let digits = frame.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    /// A client writes, and asks for replicas; its node was at `written` then, and its two replicas
    /// at these places when it was asked.
    fn story(written: u64, replicas: [u64; 2], count: &str) -> Story {
        let mut story = Story::right();
        story.call(0, 5, "SET s:0:0 {id}");
        story.execute(6, "SET s:0:0 1000000003", "+OK\r\n");
        story.history.executions.last_mut().unwrap().progress.0 = written;
        story.answer(0, 7, "+OK\r\n");
        story.call(0, 8, "WAIT {id} 50");
        story.execute(60, "WAIT 1000000004 50", count);
        story.history.executions.last_mut().unwrap().progress = (written + 1, replicas.to_vec());
        story.answer(0, 61, count);
        story
    }

    #[test]
    fn replicas_that_are_counted_have_to_have_what_was_written() {
        assert!(caught(&story(7, [7, 6], ":2\r\n"), PROMISE).contains("1 have 1000000003"));
        let index = |story: &Story| check(&story.history, &Index::new(&story.history));
        for (replicas, count) in [([7, 9], ":2\r\n"), ([7, 6], ":1\r\n"), ([0, 0], ":0\r\n")] {
            assert_eq!(index(&story(7, replicas, count)), Ok(()));
        }
    }

    #[test]
    fn a_node_that_took_writes_has_to_be_asked_and_its_word_passed_on() {
        let mut other = story(7, [7, 7], ":2\r\n");
        let place = other.history.executions.len() - 2;
        other.history.executions[place].node = 1;
        assert!(caught(&other, PROMISE).contains("node-1 took 1000000003 and was not asked"));
        other.history.failovers.push((Duration::from_millis(30), 1, 2));
        assert_eq!(check(&other.history, &Index::new(&other.history)), Ok(()));
        let mut told = story(7, [7, 7], ":2\r\n");
        told.history.executions.last_mut().unwrap().reply = ":1\r\n".into();
        assert!(caught(&told, PROMISE).contains("nodes said Some(1) at the least"));
        assert!(caught(&story(7, [7, 7], "+OK\r\n"), PROMISE).contains("no number"));
    }
}
