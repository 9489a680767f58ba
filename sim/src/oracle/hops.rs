//! No command is sent on more often than `redirects_max`, unless a node has said in between that it
//! cannot serve it yet: then it begins anew.

use super::index::{handles, is_turned_away};
use super::{Index, Verdict, broken};
use crate::history::{Execution, History};
use crate::resp::error_code;
use crate::workload::Shape;

pub(super) const PROMISE: &str = "hops";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let rules = &history.rules;
    // The last is not followed. What a retry was told before is not known to the proxy, nor what
    // was under way to a node that left.
    let changes = history.failovers.len() + history.retirements.len();
    let most = usize::from(rules.redirects_max) + 1 + usize::from(rules.retries_max) + changes;
    let calls = history.calls();
    for call in calls.filter(|call| call.kind().shape == Shape::Single) {
        for handle in handles(&call.args).into_iter().filter(|handle| handle.has_id()) {
            let hops = longest_chain(index.executions(handle).iter().map(|(_, seen)| *seen));
            if hops > most {
                let what = format!("redirected {hops} times in a row, where {most} are allowed");
                return Err(broken(PROMISE, call, &what));
            }
        }
    }
    Ok(())
}

fn longest_chain<'a>(executions: impl Iterator<Item = &'a Execution>) -> usize {
    let (mut longest, mut hops) = (0, 0);
    for seen in executions {
        if matches!(error_code(&seen.reply), "MOVED" | "ASK") {
            hops += 1;
        } else if is_turned_away(seen) {
            hops = 0;
        }
        longest = longest.max(hops);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn a_command_that_is_sent_on_for_ever_is_seen() {
        let mut story = Story::right();
        story.history.rules.redirects_max = 2;
        story.call(0, 5, "SET s:0:0 {id}");
        for _ in 0..3 {
            story.execute(6, "SET s:0:0 1000000003", "-MOVED 1 10.0.0.1:1\r\n");
        }
        let mut again = story.clone();
        again.execute(7, "SET s:0:0 1000000003", "-TRYAGAIN later\r\n");
        again.execute(7, "SET s:0:0 1000000003", "-ASK 1 10.0.0.1:1\r\n");
        for (mut story, is_too_much) in [(again, false), (story, true)] {
            if is_too_much {
                story.execute(7, "SET s:0:0 1000000003", "-ASK 1 10.0.0.1:1\r\n");
            }
            story.answer(0, 9, "-UNSENT gave up\r\n");
            if is_too_much {
                assert!(caught(&story, PROMISE).contains("4 times in a row, where 3"));
            } else {
                story.passes();
            }
        }
    }
}
