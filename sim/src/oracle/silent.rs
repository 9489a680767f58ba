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
            (*slow == node || !history.rules.are_apart)
                && matches!(fault, NodeFault::SetSpeed(..) | NodeFault::Link(_))
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
    let mut found = ailing(history, node);
    let of_the_way: [fn(&NodeFault) -> bool; 2] = [is_stall, is_cut];
    for is_such in of_the_way.into_iter().filter(|_| history.rules.are_apart) {
        let concerns =
            |fault: &Fault| matches!(fault, Fault::Node(n, f) if *n == node && is_such(f));
        found.extend(spells(history, concerns));
    }
    found.retain(|spell| spell.from < spell.until);
    found
}

fn is_stall(fault: &NodeFault) -> bool {
    matches!(fault, NodeFault::Stall | NodeFault::Heal)
}

fn is_cut(fault: &NodeFault) -> bool {
    matches!(fault, NodeFault::Cut | NodeFault::Repair)
}

/// When the node itself said nothing: until it was well again, or ailed otherwise.
fn ailing(history: &History, node: usize) -> Vec<Spell> {
    let (mut found, mut since) = (Vec::new(), None);
    for (at, fault) in &history.faults {
        let Fault::Node(ill, fault @ (NodeFault::Sicken(_) | NodeFault::Recover)) = fault else {
            continue;
        };
        if *ill != node {
            continue;
        }
        if *fault == NodeFault::Sicken(Ailment::Silent) {
            since = since.or(Some(*at));
        } else if let Some(from) = since.take() {
            found.push(Spell { from, until: *at });
        }
    }
    found.extend(since.map(|from| Spell { from, until: Duration::MAX }));
    found
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

    #[test]
    fn a_node_is_silent_until_it_is_well_or_ails_otherwise() {
        let ms = Duration::from_millis;
        let ailments = [
            (1, 5, NodeFault::Sicken(Ailment::Silent)),
            (0, 6, NodeFault::Recover),
            (1, 7, NodeFault::Sicken(Ailment::Busy)),
            (1, 8, NodeFault::Recover),
            (1, 9, NodeFault::Sicken(Ailment::Silent)),
        ];
        let faults = ailments.map(|(node, at, fault)| (ms(at), Fault::Node(node, fault)));
        let history = History { faults: faults.into(), ..History::default() };
        let forever = Spell { from: ms(9), until: Duration::MAX };
        assert_eq!(silences(&history, 1), [Spell { from: ms(5), until: ms(7) }, forever]);
        assert!(silences(&history, 0).is_empty());
    }
}
