//! Every command is answered by its deadline, and so no client is ever stuck.

use std::time::Duration;

use super::index::handles;
use super::spells::{delays_clients, renewals, slow_spell, spells};
use super::{Index, Verdict, broken};
use crate::history::{Call, End, History};
use crate::workload::patience;

pub(super) const PROMISE: &str = "deadline";

pub(super) fn check(history: &History, index: &Index<'_>) -> Verdict {
    let mut deaf = spells(history, delays_clients);
    deaf.extend(renewals(history));
    for conversation in &history.conversations {
        let deaf: Vec<_> = deaf.iter().copied().chain(slow_spell(conversation)).collect();
        let gone = matches!(conversation.end, Some((_, End::Left | End::Closed | End::Garbled)));
        // A reply waits for those before it, which may have more time.
        let mut latest = Duration::ZERO;
        // What runs alone is answered before what comes behind it is read, whose time begins then.
        let (mut read, mut is_watching) = (Duration::ZERO, false);
        let arriving = conversation.arriving(&history.rules);
        for ((call, leaving), arriving) in conversation.leaving(&history.rules).zip(arriving) {
            let limit = time_of(call, history, index) + history.rules.slack;
            latest = latest.max(call.sent.max(read).saturating_add(leaving + limit));
            let until = call.reply.as_ref().map_or(Duration::MAX, |(at, _)| *at);
            // Its time begins when the client has made room for it, and so does that of the next.
            for spell in deaf.iter().filter(|spell| spell.touches(call.sent, until)) {
                latest = latest.max(spell.until.saturating_add(2 * limit));
            }
            latest = latest.saturating_add(arriving);
            if history.rules.is_tight {
                latest = Duration::MAX;
            }
            on_time(call, latest, gone)?;
            let name = call.kind().name;
            is_watching |= name == "WATCH";
            if is_watching && matches!(name, "WATCH" | "EXEC") || matches!(name, "BLPOP" | "WAIT") {
                read = read.max(until);
            }
        }
    }
    Ok(())
}

/// How long a command may take. One that waits may wait to run alone first, has its own time
/// beside, and begins anew where a node sends it on.
fn time_of(call: &Call, history: &History, index: &Index<'_>) -> Duration {
    let timeout = history.rules.timeout_of(call);
    let patience = patience(&call.args);
    if patience.is_zero() {
        return timeout;
    }
    let turned_away: usize =
        handles(&call.args).into_iter().map(|part| index.turned_away(part)).sum();
    let times = u32::try_from(turned_away).unwrap_or(u32::MAX);
    (timeout + history.rules.op_timeout + patience).saturating_mul(times.saturating_add(1))
}

fn on_time(call: &Call, latest: Duration, gone: bool) -> Verdict {
    match &call.reply {
        None if gone => Ok(()),
        None => Err(broken(PROMISE, call, "never answered")),
        Some((at, _)) if *at <= latest => Ok(()),
        Some((at, _)) => {
            let (took, limit) = (*at - call.sent, latest - call.sent);
            Err(broken(PROMISE, call, &format!("took {took:?}, where {limit:?} is the limit")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn a_reply_after_the_deadline_is_seen() {
        for (at, is_late) in [(115, false), (116, true)] {
            let mut story = Story::right();
            story.call(0, 5, "ECHO {id}");
            story.answer(0, at, "$10\r\n1000000003\r\n");
            if is_late {
                assert!(caught(&story, PROMISE).contains("took 111ms"));
            } else {
                story.passes();
            }
        }
    }

    #[test]
    fn a_reply_that_a_connection_does_not_take_at_once_has_the_time_for_each_part() {
        let mut story = Story::right();
        story.history.rules.window = 200;
        story.history.rules.round_trip = Duration::from_millis(20);
        story.call(0, 5, "ECHO {id}");
        story.call(0, 5, "GETRANGE s:0:0 0 {id}");
        story.execute(6, "GETRANGE s:0:0 0 1000000004", &format!("$150\r\n{:150}\r\n", ""));
        let mut late = story.clone();
        for (story, at) in [(&mut story, 135), (&mut late, 136)] {
            story.answer(0, 115, "$10\r\n1000000003\r\n");
            story.answer(0, at, &format!("$150\r\n{:150}\r\n", ""));
        }
        story.passes();
        assert!(caught(&late, PROMISE).contains("took 131ms"));
    }

    #[test]
    fn a_command_with_a_timeout_of_its_own_holds_up_those_behind_it_and_no_others() {
        let mut story = Story::right();
        story.history.rules.command_timeouts.insert("getrange", Duration::from_millis(200));
        story.call(0, 5, "GETRANGE s:0:0 0 {id}");
        story.call(0, 5, "ECHO {id}");
        story.execute(6, "GETRANGE s:0:0 0 1000000003", "$0\r\n\r\n");
        let mut late = story.clone();
        story.answer(0, 215, "$0\r\n\r\n");
        story.answer(0, 215, "$10\r\n1000000004\r\n");
        story.passes();
        late.answer(0, 216, "$0\r\n\r\n");
        assert!(caught(&late, PROMISE).contains("took 211ms"));
    }

    #[test]
    fn the_time_of_what_comes_behind_a_watch_begins_when_that_is_answered() {
        let mut story = Story::right();
        story.call(0, 5, "WATCH s:0:0 s:0:0#{id}");
        story.call(0, 5, "ECHO {id}");
        story.answer(0, 105, "+OK\r\n");
        let mut late = story.clone();
        story.answer(0, 215, "$10\r\n1000000004\r\n");
        story.passes();
        late.answer(0, 216, "$10\r\n1000000004\r\n");
        assert!(caught(&late, PROMISE).contains("took 211ms"));
    }

    #[test]
    fn a_command_that_waits_has_that_time_beside_and_what_comes_behind_it_begins_then() {
        let mut story = Story::right();
        story.call(0, 5, "BLPOP l:0:0 {l:0:0}#{id} 0.050");
        story.call(0, 5, "ECHO {id}");
        story.execute(260, "BLPOP l:0:0 {l:0:0}#1000000003 0.050", "*-1\r\n");
        let mut late = story.clone();
        story.answer(0, 265, "*-1\r\n");
        let mut behind = story.clone();
        story.answer(0, 375, "$10\r\n1000000004\r\n");
        story.passes();
        behind.answer(0, 376, "$10\r\n1000000004\r\n");
        assert!(caught(&behind, PROMISE).contains("took 371ms"));
        late.answer(0, 266, "*-1\r\n");
        late.answer(0, 266, "$10\r\n1000000004\r\n");
        assert!(caught(&late, PROMISE).contains("took 261ms"));
    }

    #[test]
    fn a_command_without_reply_is_seen_unless_its_client_is_gone() {
        let mut story = Story::right();
        story.call(0, 5, "ECHO {id}");
        story.history.conversations[0].end = None;
        assert!(caught(&story, PROMISE).contains("never answered"));
        story.leave(0, 9);
        story.passes();
    }
}
