//! Every command is answered by its deadline, and so no client is ever stuck.

use super::{Index, Verdict, broken};
use crate::history::{Call, End, History};

pub(super) const PROMISE: &str = "deadline";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    for conversation in &history.conversations {
        let gone = matches!(conversation.end, Some((_, End::Left | End::Closed | End::Garbled)));
        for call in &conversation.calls {
            on_time(history, call, gone)?;
        }
    }
    Ok(())
}

fn on_time(history: &History, call: &Call, gone: bool) -> Verdict {
    let limit = history.rules.op_timeout + history.rules.slack;
    match &call.reply {
        None if gone => Ok(()),
        None => Err(broken(PROMISE, call, "never answered")),
        Some((at, _)) if *at <= call.sent + limit => Ok(()),
        Some((at, _)) => {
            let took = *at - call.sent;
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
    fn a_command_without_reply_is_seen_unless_its_client_is_gone() {
        let mut story = Story::right();
        story.call(0, 5, "ECHO {id}");
        story.history.conversations[0].end = None;
        assert!(caught(&story, PROMISE).contains("never answered"));
        story.leave(0, 9);
        story.passes();
    }
}
