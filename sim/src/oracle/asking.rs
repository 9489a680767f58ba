//! `ASKING` goes directly before its command on the same connection, and only where a node has said
//! `ASK` to that command.

use super::index::handles;
use super::{Index, Verdict, Violation};
use crate::history::{History, Sending};
use crate::resp::{error_code, shown_command};

pub(super) const PROMISE: &str = "asking";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let asked = history.sendings.iter().filter(|sending| sending.asking && sending.is_whole);
    for sending in asked {
        let mut handles = handles(&sending.args).into_iter().peekable();
        let is_of_a_client = handles.peek().is_some();
        let mut replies = handles.flat_map(|handle| index.executions(handle));
        let was_told = replies.any(|(_, seen)| is_its_cause(sending, seen));
        if !is_of_a_client || !was_told {
            let what = format!("ASKING came before {}", shown_command(&sending.args));
            return Err(Violation { promise: PROMISE, at: sending.at, what });
        }
    }
    Ok(())
}

fn is_its_cause(sending: &Sending, seen: &crate::history::Execution) -> bool {
    error_code(&seen.reply) == "ASK" && seen.at <= sending.at && seen.node != sending.node
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    fn asked(reply: &str) -> Story {
        let mut story = Story::right();
        story.call(0, 5, "GET s:0:0");
        story.execute(6, "GET s:0:0", reply);
        story.send(7, "GET s:0:0", true);
        let sending = story.history.sendings.last_mut().expect("one was sent");
        (sending.asking, sending.node) = (true, 1);
        story.execute(8, "GET s:0:0", "$-1\r\n");
        story.answer(0, 9, "$-1\r\n");
        story
    }

    #[test]
    fn asking_that_nobody_wanted_is_seen() {
        asked("-ASK 1 10.0.0.1:1\r\n").passes();
        let story = asked("-MOVED 1 10.0.0.1:1\r\n");
        assert!(caught(&story, PROMISE).contains("before GET s:0:0"));
    }

    #[test]
    fn asking_before_what_is_no_client_s_is_seen() {
        let mut story = asked("-ASK 1 10.0.0.1:1\r\n");
        story.history.sendings.last_mut().expect("one was sent").args = vec![b"ASKING".to_vec()];
        assert!(caught(&story, PROMISE).contains("before ASKING"));
    }
}
