//! One reply a command, in order, and nothing else: framing byte-exact, the proxy's own answers
//! exact.
//!
//! Clients take the k-th reply for that of their k-th command; that it is, is seen here for `PING`
//! and `ECHO`, which stand between all others, by [`whole`](super::whole) for `MULTI` and `EXEC`,
//! and by [`content`](super::content) for these.

use super::spells::{was_cut_off, was_left_behind};
use super::{Index, Verdict, Violation, broken};
use crate::client::NO_MEMORY;
use crate::history::{Call, Conversation, End, History};
use crate::resp::{bulk_string, frame_len, shown};
use crate::workload::Effect;

pub(super) const PROMISE: &str = "answers";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    history.conversations.iter().try_for_each(|conversation| {
        framing(history, conversation)?;
        echoes(history, conversation)
    })
}

fn framing(history: &History, conversation: &Conversation) -> Verdict {
    let at = conversation.end.map_or_else(Default::default, |(at, _)| at);
    let violation = |what: &str| {
        let what = format!("{what}: {}", shown(&conversation.surplus));
        Err(Violation { promise: PROMISE, at, what })
    };
    // Who is closed for want of patience or memory, or is left behind, gets no more of a reply.
    let is_cut_off = (history.rules.may_close
        || was_left_behind(history, conversation, at)
        || was_cut_off(history, at))
        && matches!(conversation.end, Some((_, End::Closed)))
        && (conversation.resp3 || conversation.calls.iter().any(is_owed))
        && frame_len(&conversation.surplus) == Ok(None);
    match conversation.end {
        _ if is_cut_off => Ok(()),
        _ if !conversation.surplus.is_empty() => violation("a client got what answers nothing"),
        Some((_, End::Garbled)) => violation("a client got what is not RESP"),
        Some((_, End::Finished | End::Left | End::Closed | End::Unended)) | None => Ok(()),
    }
}

/// Whether a client got no reply to a call, or none when it came, if it waited for an `EXEC`.
fn is_owed(call: &Call) -> bool {
    call.reply.is_none() || call.queued.as_ref().is_some_and(|queued| queued.told.is_none())
}

fn echoes(history: &History, conversation: &Conversation) -> Verdict {
    for call in &conversation.calls {
        let (Effect::Local, Some(frame)) = (call.kind().effect, call.frame()) else { continue };
        if matches!(call.kind().name, "MULTI" | "EXEC" | "WAIT" | "WATCH") {
            continue;
        }
        let found_no_room = history.rules.is_tight && frame.starts_with(NO_MEMORY);
        if !found_no_room && call.args.last().is_some_and(|text| frame != bulk_string(text)) {
            return Err(broken(PROMISE, call, "this is no echo of it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn a_reply_too_many_is_seen() {
        let mut story = Story::right();
        story.history.conversations[0].surplus = b"+OK\r\n".to_vec();
        assert!(caught(&story, PROMISE).contains("answers nothing"));
    }

    #[test]
    fn bytes_that_are_no_resp_are_seen() {
        let mut story = Story::right();
        let end = Some((Duration::from_secs(1), End::Garbled));
        story.history.conversations[0].end = end;
        assert!(caught(&story, PROMISE).contains("not RESP"));
    }

    #[test]
    fn an_echo_of_something_else_is_seen() {
        let mut story = Story::right();
        story.call(0, 5, "ECHO {id}");
        story.call(0, 5, "PING {id}");
        story.answer(0, 9, "$10\r\n1000000003\r\n");
        story.answer(0, 9, "$10\r\n1000000003\r\n");
        assert!(caught(&story, PROMISE).starts_with("PING 1000000004"));
    }

    #[test]
    fn that_there_is_no_room_is_said_only_where_memory_is_scarce() {
        let mut story = Story::right();
        story.call(0, 5, "ECHO {id}");
        story.answer(0, 9, "-ERR no memory for the command (memory_max)\r\n");
        assert!(caught(&story, PROMISE).starts_with("ECHO 1000000003"));
        story.history.rules.is_tight = true;
        story.passes();
    }
}
