//! Each client is answered in the protocol that it speaks, whoever else is served: RESP3's types
//! reach nobody who has not said `HELLO 3`, and RESP2's forms of nothing nobody who has.

use super::{Index, Verdict, broken};
use crate::history::History;
use crate::resp::{elements, is_error};

pub(super) const PROMISE: &str = "dialect";

/// What only RESP3 has: a map, null, boolean, double, set, attribute, big number, push, verbatim.
const NEW: &[u8] = b"%_#,~|(>=";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    for conversation in &history.conversations {
        for call in &conversation.calls {
            let Some(frame) = call.frame() else { continue };
            let is_map = call.kind().name == "HGETALL" && !is_error(frame);
            let is_right = if conversation.resp3 {
                !has(frame, &|part| matches!(part, b"$-1\r\n" | b"*-1\r\n"))
                    && (!is_map || frame[0] == b'%')
            } else {
                !has(frame, &|part| part.first().is_some_and(|kind| NEW.contains(kind)))
            };
            if !is_right {
                let spoken = if conversation.resp3 { "RESP3" } else { "RESP2" };
                return Err(broken(PROMISE, call, &format!("this client speaks {spoken}")));
            }
        }
    }
    Ok(())
}

/// Whether a reply, or anything in it, is such.
fn has(frame: &[u8], is_such: &dyn Fn(&[u8]) -> bool) -> bool {
    let within = |parts: Vec<&[u8]>| parts.into_iter().any(|part| has(part, is_such));
    is_such(frame) || elements(frame).is_some_and(within)
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    fn answered(resp3: bool, command: &str, reply: &str) -> Story {
        let mut story = Story::right();
        if resp3 {
            story.history.conversations[0].resp3 = true;
            story.history.conversations[0].calls.clear();
            story.history.executions.clear();
            story.history.sendings.clear();
            story.history.processes[0].counted.sent = 0;
            story.history.processes[0].counted.commands = 1;
        }
        story.call(0, 5, command);
        story.execute(7, &command.replace("{id}", "1000000003"), reply);
        story.answer(0, 9, reply);
        story
    }

    #[test]
    fn a_reply_in_the_other_protocol_is_seen() {
        answered(false, "GET s:0:0", "$-1\r\n").passes();
        answered(true, "GET s:0:0", "_\r\n").passes();
        answered(true, "HGETALL h:0:0", "%0\r\n").passes();
        for (resp3, command, reply) in [
            (false, "GET s:0:0", "_\r\n"),
            (false, "HMGET h:0:0 f 1000000003", "*2\r\n$-1\r\n_\r\n"),
            (false, "HGETALL h:0:0", "%0\r\n"),
            (true, "GET s:0:0", "$-1\r\n"),
            (true, "HMGET h:0:0 f 1000000003", "*2\r\n$-1\r\n_\r\n"),
            (true, "HGETALL h:0:0", "*0\r\n"),
        ] {
            let story = answered(resp3, command, reply);
            assert!(caught(&story, PROMISE).contains("this client speaks"), "{command}");
        }
    }
}
