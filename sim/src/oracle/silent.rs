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

/// When nothing came from a node, whatever it was sent: because of itself, or of the way to its
/// host, which all nodes there share.
fn silences(history: &History, node: usize) -> Vec<Spell> {
    let is_its_own = |ill: usize| ill == node || !history.rules.are_apart;
    let mut found = phases(history, |ill, fault| silences_it(fault).filter(|_| ill == node));
    found.extend(phases(history, |ill, fault| stalls(fault).filter(|_| is_its_own(ill))));
    found.extend(phases(history, |ill, fault| cuts(fault).filter(|_| is_its_own(ill))));
    found.retain(|spell| spell.from < spell.until);
    found
}

/// From each fault that `begins` something, true, to the first one that ends it, false.
fn phases(history: &History, begins: impl Fn(usize, NodeFault) -> Option<bool>) -> Vec<Spell> {
    let (mut found, mut since) = (Vec::new(), None);
    for (at, fault) in &history.faults {
        let Fault::Node(node, fault) = fault else { continue };
        match begins(*node, *fault) {
            Some(true) => since = since.or(Some(*at)),
            Some(false) => found.extend(since.take().map(|from| Spell { from, until: *at })),
            None => {}
        }
    }
    found.extend(since.map(|from| Spell { from, until: Duration::MAX }));
    found
}

/// Whether a node says nothing from now on, or something again: it is well, or ails otherwise.
fn silences_it(fault: NodeFault) -> Option<bool> {
    matches!(fault, NodeFault::Sicken(_) | NodeFault::Recover)
        .then_some(fault == NodeFault::Sicken(Ailment::Silent))
}

fn stalls(fault: NodeFault) -> Option<bool> {
    matches!(fault, NodeFault::Stall | NodeFault::Heal).then_some(fault == NodeFault::Stall)
}

fn cuts(fault: NodeFault) -> Option<bool> {
    matches!(fault, NodeFault::Cut | NodeFault::Repair).then_some(fault == NodeFault::Cut)
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
        story.history.faults.push((ms(1_100), Fault::Node(0, NodeFault::Heal)));
        story.passes();
    }

    #[test]
    fn what_is_on_one_host_is_silent_and_heard_together() {
        let ms = Duration::from_millis;
        let fault = |at, node, fault| (ms(at), Fault::Node(node, fault));
        let ways = [(NodeFault::Stall, NodeFault::Heal), (NodeFault::Cut, NodeFault::Repair)];
        for (breaks, mends) in ways {
            let faults = vec![fault(5, 1, breaks), fault(6, 0, breaks), fault(8, 1, mends)];
            let mut history = History { faults, ..History::default() };
            let spell = |from, until| Spell { from: ms(from), until };
            assert_eq!(silences(&history, 0), [spell(5, ms(8))]);
            assert_eq!(silences(&history, 2), [spell(5, ms(8))]);
            history.rules.are_apart = true;
            assert_eq!(silences(&history, 0), [spell(6, Duration::MAX)]);
            assert_eq!(silences(&history, 1), [spell(5, ms(8))]);
            assert!(silences(&history, 2).is_empty());
        }
    }

    #[test]
    fn a_connection_to_a_host_that_is_silent_for_another_node_s_fault_is_given_up_too() {
        let ms = Duration::from_millis;
        for (are_apart, healed, is_seen) in
            [(false, 1_500, true), (false, 1_100, false), (true, 1_500, false)]
        {
            let mut story = Story::right();
            story.history.rules.stall_timeout = Some(ms(50));
            story.history.rules.are_apart = are_apart;
            let faults = [(1_000, NodeFault::Stall), (healed, NodeFault::Heal)];
            story.history.faults = faults.map(|(at, it)| (ms(at), Fault::Node(1, it))).into();
            story.send(1_020, "GETRANGE s:0:0 0 1", true);
            story.send(1_131, "GETRANGE s:0:0 0 2", true);
            let judged = check(&story.history, &Index::default());
            assert_eq!(judged.is_err(), is_seen, "{judged:?}");
        }
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
