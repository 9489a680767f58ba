//! A connection on which a node owes a reply and is silent for `stall_timeout`, and for as long as
//! the first command has, is given up: nothing is written to it any more.

use std::collections::BTreeMap;
use std::time::Duration;

use super::spells::{Spell, spells};
use super::{Index, Verdict, Violation};
use crate::fault::{Ailment, Fault, NodeFault};
use crate::history::{History, Sending};
use crate::net::KEEPALIVE;
use crate::resp::shown_command;

pub(super) const PROMISE: &str = "silent";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    let Some(stall_timeout) = history.rules.stall_timeout else { return Ok(()) };
    let patience = stall_timeout.max(history.rules.longest_timeout()) + history.rules.slack;
    let mut by_node: BTreeMap<usize, Vec<&Sending>> = BTreeMap::new();
    for sending in &history.sendings {
        by_node.entry(sending.node).or_default().push(sending);
    }
    for (node, sendings) in by_node {
        // What was under way slowly when the silence began is heard in it.
        let is_slow = |fault: &Fault| {
            let Fault::Node(slow, fault) = fault else { return false };
            *slow == node && matches!(fault, NodeFault::SetSpeed(..) | NodeFault::Link(_))
        };
        let slow = spells(history, is_slow);
        for spell in silences(history, node) {
            let before = spell.from.saturating_sub(KEEPALIVE + history.rules.slack);
            if slow.iter().any(|slow| slow.touches(before, spell.until)) {
                continue;
            }
            let from = spell.from + history.rules.slack;
            let within = sendings.iter().filter(|s| s.at > from && s.at < spell.until);
            none_is_late(within.copied(), patience)?;
        }
    }
    Ok(())
}

/// Nothing is written to a stream so long after something else was, all while nothing is heard.
fn none_is_late<'a>(sendings: impl Iterator<Item = &'a Sending>, patience: Duration) -> Verdict {
    let mut first: BTreeMap<u64, Duration> = BTreeMap::new();
    for sending in sendings {
        let since = *first.entry(sending.stream).or_insert(sending.at);
        if sending.at > since + patience {
            let (node, command) = (sending.node, shown_command(&sending.args));
            let what = format!("node-{node} had said nothing since {since:?}, and got {command}");
            return Err(Violation { promise: PROMISE, at: sending.at, what });
        }
    }
    Ok(())
}

/// When nothing came from a node, whatever it was sent. What is wrong with the way to a host is
/// mended for all nodes there when it is for one.
fn silences(history: &History, node: usize) -> Vec<Spell> {
    let mut found = Vec::new();
    let of_the_way: [fn(&NodeFault) -> bool; 2] = [is_stall, is_cut];
    let of_the_way = of_the_way.into_iter().filter(|_| history.rules.are_apart);
    for is_such in of_the_way.chain([is_silence as fn(&NodeFault) -> bool]) {
        let concerns =
            |fault: &Fault| matches!(fault, Fault::Node(n, f) if *n == node && is_such(f));
        found
            .extend(spells(history, concerns).into_iter().filter(|spell| spell.from < spell.until));
    }
    found
}

fn is_stall(fault: &NodeFault) -> bool {
    matches!(fault, NodeFault::Stall | NodeFault::Heal)
}

fn is_cut(fault: &NodeFault) -> bool {
    matches!(fault, NodeFault::Cut | NodeFault::Repair)
}

fn is_silence(fault: &NodeFault) -> bool {
    matches!(fault, NodeFault::Sicken(Ailment::Silent) | NodeFault::Recover)
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn a_silent_connection_that_goes_on_being_used_is_seen() {
        let ms = Duration::from_millis;
        let mut story = Story::right();
        story.history.rules.stall_timeout = Some(ms(50));
        story.history.rules.are_apart = true;
        story.history.faults.push((ms(1_000), Fault::Node(0, NodeFault::Stall)));
        for at in [1_020, 1_130] {
            story.call(0, at - 1, "GETRANGE s:0:0 0 {id}");
            story.send(at, &format!("GETRANGE s:0:0 0 {}", if at < 1_100 { 1 } else { 2 }), true);
            story.answer(0, at + 90, "-UNSURE it\r\n");
        }
        story.passes();
        story.history.sendings.last_mut().expect("one was sent").at = ms(1_131);
        assert!(caught(&story, PROMISE).contains("nothing since 1.02s"));
        story.history.rules.are_apart = false;
        story.passes();
        story.history.rules.are_apart = true;
        story.history.faults.push((ms(1_100), Fault::Node(0, NodeFault::Heal)));
        story.passes();
    }
}
