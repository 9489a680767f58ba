//! A transaction for which a key is watched runs only if nobody has changed that key since: neither
//! its own client nor another.

use std::collections::BTreeMap;

use super::index::handles;
use super::{Index, Verdict, broken};
use crate::history::{Call, Conversation, Execution, History};
use crate::resp::shown_command;
use crate::transactions::UNDONE;
use crate::workload::{Effect, Id, Kind};

pub(super) const PROMISE: &str = "watched";

/// Commands that have changed their key whenever they are done.
const CHANGES: [&str; 11] = [
    "APPEND", "DECR", "GETSET", "HINCRBY", "HSET", "INCR", "INCRBY", "LPUSH", "MSET", "RPUSH",
    "SET",
];

/// Where a key was watched last for each command that watches one, and where keys were changed, as
/// places in the order of all executions.
struct Places<'a> {
    watched: BTreeMap<Id, usize>,
    changed: BTreeMap<&'a [u8], Vec<(usize, &'a Execution)>>,
}

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let places = places(history);
    for conversation in &history.conversations {
        for (watch, inner) in pairs(conversation) {
            is_right(watch, &inner, &places, index)?;
        }
    }
    Ok(())
}

fn places(history: &History) -> Places<'_> {
    let (mut watched, mut changed) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
    for (place, seen) in history.executions.iter().enumerate() {
        let Some(kind) = Kind::of(&seen.args).filter(|_| seen.is_done()) else { continue };
        if kind.name == "WATCH" {
            watched.extend(Id::of_command(&seen.args).map(|id| (id, place)));
        } else if CHANGES.contains(&kind.name) {
            debug_assert_eq!(kind.effect, Effect::Write);
            kind.keys(&seen.args)
                .for_each(|key| changed.entry(key).or_default().push((place, seen)));
        }
    }
    Places { watched, changed }
}

/// Each `WATCH` of a client that was told `OK`, with the transaction that it is for: the next one,
/// if no other watched anything before that.
fn pairs(conversation: &Conversation) -> Vec<(&Call, Vec<&Call>)> {
    let mut open: Option<&Call> = None;
    let mut found: Vec<(&Call, Vec<&Call>)> = Vec::new();
    for call in &conversation.calls {
        match call.kind().name {
            _ if call.queued.is_some() => {
                if let Some((_, inner)) = found.last_mut().filter(|_| open.is_some()) {
                    inner.push(call);
                }
            }
            "WATCH" => open = Some(call).filter(|call| call.frame() == Some(b"+OK\r\n")),
            "MULTI" => found.extend(open.map(|watch| (watch, Vec::new()))),
            "EXEC" => open = None,
            _ => {}
        }
    }
    found
}

fn is_right<'a>(
    watch: &'a Call,
    inner: &[&'a Call],
    places: &Places<'a>,
    index: &Index<'a>,
) -> Verdict {
    let runs = inner.iter().flat_map(|call| handles(&call.args)).filter(|handle| handle.has_id());
    let ran = runs.flat_map(|handle| index.done(handle)).min_by_key(|(place, _)| *place);
    let Some(since) = places.watched.get(&watch.id) else { return Ok(()) };
    let Some((ran, run)) = ran else {
        let told = inner.first().and_then(|call| call.frame());
        index.note_times("watched_and_undone", u64::from(told == Some(UNDONE)));
        return Ok(());
    };
    index.note("watched_and_done");
    let key = &watch.args[1][..];
    let changes = places.changed.get(key).map_or(&[][..], Vec::as_slice);
    // What another node knows that has taken this one's place, this one does not know.
    let is_missed = |(place, change): &&(usize, &Execution)| {
        (*since + 1..ran).contains(place) && change.node == run.node
    };
    let changed = changes.iter().find(is_missed);
    if let Some((_, change)) = changed {
        let what = format!(
            "its transaction ran although {} had changed the key since",
            shown_command(&change.args)
        );
        return Err(broken(PROMISE, watch, &what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;

    /// A key is watched, and a transaction ran or did not, after that command of another client.
    fn told(between: Option<&str>, runs: bool) -> Story {
        let mut story = Story::right();
        story.call(0, 4, "WATCH c:0:0 {c:0:0}#{id}");
        story.execute(5, "WATCH c:0:0 {c:0:0}#1000000003", "+OK\r\n");
        story.answer(0, 6, "+OK\r\n");
        if let Some(command) = between {
            story.execute(7, command, ":1\r\n");
        }
        story.call(0, 7, "MULTI");
        story.call(0, 7, "INCRBY c:0:0 {id}");
        story.call(0, 7, "EXEC");
        if runs {
            story.execute(8, "INCRBY c:0:0 1000000005", ":1000000005\r\n");
            story.history.executions.last_mut().expect("one was executed").exec = Some(1);
        }
        let exec = if runs { "*1\r\n:1000000005\r\n" } else { "*-1\r\n" };
        for reply in ["+OK\r\n", "+QUEUED\r\n", exec] {
            story.answer(0, 9, reply);
        }
        story.history.conversations.iter_mut().for_each(Conversation::resolve_transactions);
        story
    }

    #[test]
    fn a_transaction_that_runs_although_its_key_was_changed_is_seen() {
        for (between, runs) in [
            (None, true),
            (None, false),
            (Some("INCR c:0:0"), false),
            (Some("INCR c:0:1"), true),
            (Some("GET c:0:0"), true),
        ] {
            let story = told(between, runs);
            assert_eq!(check(&story.history, &Index::new(&story.history)), Ok(()), "{between:?}");
        }
        let story = told(Some("INCR c:0:0"), true);
        let found = check(&story.history, &Index::new(&story.history)).expect_err("it is wrong");
        assert!(found.what.contains("although INCR c:0:0 had changed"), "{}", found.what);
    }
}
