//! Where nothing is broken, nothing fails: without a fault, slots on the move included, no client
//! sees an error of the proxy's own.

use super::{Index, Verdict, broken};
use crate::history::{History, Verdict as Outcome};
use crate::resp::error_code;

pub(super) const PROMISE: &str = "quiet";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    if !history.rules.is_calm {
        return Ok(());
    }
    for call in history.conversations.iter().flat_map(|conversation| &conversation.calls) {
        let is_down = call.frame().is_some_and(|frame| error_code(frame) == "CLUSTERDOWN");
        if is_down || matches!(call.verdict(), Outcome::NotDone | Outcome::Unsure) {
            return Err(broken(PROMISE, call, "failed, and nothing was broken"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn a_failure_without_a_fault_is_seen() {
        for error in ["-UNSENT it\r\n", "-UNSURE it\r\n", "-CLUSTERDOWN it\r\n"] {
            let mut story = Story::right();
            story.call(0, 5, "SET s:0:0 {id}");
            story.answer(0, 9, error);
            story.passes();
            story.history.rules.is_calm = true;
            assert!(caught(&story, PROMISE).contains("nothing was broken"));
        }
    }
}
