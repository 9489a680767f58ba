//! What the proxy counts is what happened.

use std::time::Duration;

use super::{Index, Verdict, Violation};
use crate::history::{Call, End, Execution, History, Said, Verdict as Outcome};
use crate::resp::error_code;
use crate::workload::Shape;

pub(super) const PROMISE: &str = "counters";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    let counted = &history.own().counted;
    let calls = || history.calls();
    let hellos = history.conversations.iter().filter(|talk| talk.resp3).count();
    let asked = (calls().count() + hellos) as u64;
    let is_over = |end: &Option<(Duration, End)>| matches!(end, Some((_, End::Finished)));
    let all_heard = history.conversations.iter().all(|talk| is_over(&talk.end));
    let by_listeners = history.listenings.iter().flat_map(|listening| &listening.log);
    let by_listeners = by_listeners.filter(|(_, said)| matches!(said, Said::Asked(_))).count();
    at_most("commands read", counted.commands, asked + by_listeners as u64)?;
    if all_heard {
        at_most("commands asked", asked, counted.commands)?;
    }
    let said = |code: &str| {
        let is_it = |seen: &&Execution| error_code(&seen.reply) == code;
        history.executions.iter().filter(is_it).count() as u64
    };
    at_most("MOVED followed", counted.moved, said("MOVED"))?;
    at_most("ASK followed", counted.asked, said("ASK"))?;
    // A transaction is one request.
    let sent = history.sendings.iter().filter(|sending| !sending.is_further).count() as u64;
    at_most("requests seen to leave", sent, counted.sent)?;
    // Where a connection ends, one may have left of which too little was seen.
    at_most("requests written", counted.sent, sent + counted.connections)?;
    at_most("requests replied to", counted.answered, counted.sent)?;
    let told = |outcome| {
        let is_it = |call: &&Call| {
            let is_single = call.kind().shape == Shape::Single && call.queued.is_none();
            call.verdict() == outcome && is_single
        };
        calls().filter(is_it).count() as u64
    };
    at_most("UNSENT heard", told(Outcome::NotDone), counted.unsent)?;
    at_most("UNSURE heard", told(Outcome::Unsure), counted.unsure)
}

fn at_most(what: &str, number: u64, most: u64) -> Verdict {
    if number <= most {
        return Ok(());
    }
    let what = format!("{what}: {number}, which cannot be more than {most}");
    Err(Violation { promise: PROMISE, at: Duration::ZERO, what })
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};

    use super::PROMISE;

    #[test]
    fn a_counter_that_is_off_is_seen() {
        Story::right().passes();
        for (change, what) in [
            ([1, 0, 0, 0, 0], "commands read: 4"),
            ([0, 1, 0, 0, 0], "MOVED followed: 1"),
            ([0, 0, 1, 0, 0], "ASK followed: 1"),
            ([0, 0, 0, 1, 0], "requests written: 2"),
            ([0, 0, 0, 0, 2], "requests replied to: 2"),
        ] {
            let mut story = Story::right();
            story.history.processes[0].counted.commands += change[0];
            story.history.processes[0].counted.moved += change[1];
            story.history.processes[0].counted.asked += change[2];
            story.history.processes[0].counted.sent += change[3];
            story.history.processes[0].counted.answered += change[4];
            assert!(caught(&story, PROMISE).contains(what), "{what}");
        }
        let mut story = Story::right();
        story.history.processes[0].counted.commands -= 1;
        assert!(caught(&story, PROMISE).contains("commands asked: 3"));
        let mut story = Story::right();
        story.history.processes[0].counted.sent = 0;
        assert!(caught(&story, PROMISE).contains("requests seen to leave: 1"));
        let mut story = Story::right();
        story.call(0, 5, "SET s:0:0 {id}");
        story.answer(0, 9, "-UNSENT it\r\n");
        story.passes();
        story.history.processes[0].counted.unsent = 0;
        assert!(caught(&story, PROMISE).contains("UNSENT heard: 1"));
    }
}
