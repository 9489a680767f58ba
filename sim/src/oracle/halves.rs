//! Of a command that a client left in the middle of, nothing ever leaves the proxy, and no node
//! executes it, however much of it had come.

use std::collections::BTreeMap;

use super::{Index, Verdict, Violation};
use crate::history::{Half, History};
use crate::resp::shown_command;
use crate::workload::Id;

pub(super) const PROMISE: &str = "halves";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    let halves = history.conversations.iter().filter_map(|talk| talk.half.as_ref());
    let halves: BTreeMap<Id, &Half> = halves.map(|half| (half.id, half)).collect();
    if halves.is_empty() {
        return Ok(());
    }
    let sent = history.sendings.iter().map(|sending| (sending.at, "sent on", &sending.args));
    let executed = history.executions.iter().map(|seen| (seen.at, "executed", &seen.args));
    for (at, how, args) in sent.chain(executed) {
        let Some(half) = Id::of_command(args).and_then(|id| halves.get(&id)) else { continue };
        let what = format!(
            "{} was {how}, though its client left after {} bytes of {}",
            shown_command(args),
            half.bytes,
            shown_command(&half.args),
        );
        return Err(Violation { promise: PROMISE, at, what });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn what_was_never_said_to_the_end_and_is_sent_on_or_executed_is_seen() {
        let mut story = Story::right();
        story.leave(0, 9);
        let id = Id { client: 0, seq: 3 };
        let args = [&b"SET"[..], b"s:0:1", b"1000000003"].map(<[u8]>::to_vec).into();
        story.history.conversations[0].half = Some(Half { id, args, bytes: 40 });
        story.passes();
        let mut executed = story.clone();
        story.send(10, "SET s:0:1 1000000003", true);
        assert!(caught(&story, PROMISE).contains("was sent on, though its client left after 40"));
        executed.execute(11, "SET s:0:1 1000000003", "+OK\r\n");
        assert!(caught(&executed, PROMISE).contains("was executed"));
    }
}
