//! A node that has left the topology gets no new command as soon as the proxy knows.

use std::collections::BTreeMap;
use std::time::Duration;

use redpoll::proto::cluster::Slot;

use super::spells::{
    delays_of, may_be_unheard, reaches_all_clients, spells_of, wait_for_better_views,
};
use super::{Index, Verdict, Violation};
use crate::fault::{Fault, NodeFault, SlotChange};
use crate::history::{History, Look, Sending};
use crate::resp::{error_code, shown_command};
use crate::workload::Id;

pub(super) const PROMISE: &str = "retired";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    if history.faults.iter().any(|(_, fault)| hides_news(fault)) {
        return Ok(());
    }
    let asked: BTreeMap<Id, Duration> = history.calls().map(|call| (call.id, call.sent)).collect();
    let wait = wait_for_better_views(history);
    for (left, node) in &history.retirements {
        let mut looks = history.looks.iter().filter(|look| look.at > *left);
        let is_known = |look: &&Look| {
            is_told(history, look)
                && reaches_all_clients(history, look.at)
                && !may_be_unheard(history, look.at, *left)
        };
        let Some(look) = looks.find(is_known) else { continue };
        let known = look.at + history.rules.slack + history.rules.patience + wait;
        let is_its_end = |(at, fault): &(Duration, Fault)| {
            at == left && matches!(fault, Fault::Node(ill, NodeFault::Retire(_)) if ill == node)
        };
        let gone = history.faults.iter().position(is_its_end).map_or(0, |its_end| its_end + 1);
        let mut after = history.faults[gone..].iter().filter(|(at, _)| at >= left);
        let back = after.find(|(_, fault)| may_bring_back(fault));
        let back = back.map_or(Duration::MAX, |(at, _)| *at);
        let mut late = history.sendings.iter().filter(|sending| sending.node == *node);
        let is_late = |sending: &&Sending| {
            let asked = Id::of_command(&sending.args).and_then(|id| asked.get(&id));
            // What was asked before, and kept waiting by what ran alone, is not looked at.
            let is_old = asked.is_some_and(|asked| *asked <= known);
            let is_there = is_old
                || was_sent_there(history, sending)
                || may_be_told_wrong(history, (*left, *node), sending);
            sending.began > known && sending.at < back && !is_there
        };
        if let Some(sending) = late.find(is_late) {
            let what = format!(
                "node-{node} had left at {left:?}, which was known at {known:?}, and got {}",
                shown_command(&sending.args)
            );
            return Err(Violation { promise: PROMISE, at: sending.at, what });
        }
    }
    Ok(())
}

/// Whether the proxy got the answer of a node to a look soon: nothing was wrong with the node.
fn is_told(history: &History, look: &Look) -> bool {
    let mut ill = spells_of(history, look.node).into_iter();
    !ill.any(|spell| spell.touches(look.at, look.at + history.rules.slack))
}

/// Whether a node has said that this command is to go elsewhere: there, perhaps, before all knew.
fn was_sent_there(history: &History, sending: &Sending) -> bool {
    history.executions.iter().any(|seen| {
        seen.at < sending.at
            && seen.args == sending.args
            && matches!(error_code(&seen.reply), "MOVED" | "ASK")
    })
}

/// Whether another node may have been heard, after it left, to say that the slot is elsewhere: what
/// it says of a transaction is what it knew at the first of its commands, and what it says can be
/// held up.
fn may_be_told_wrong(
    history: &History,
    (left, node): (Duration, usize),
    sending: &Sending,
) -> bool {
    let slot = |args: &[Vec<u8>]| args.get(1).map(|key| Slot::of(key));
    let before = history.executions.iter().take_while(|seen| seen.at < sending.began);
    let mut told = before.filter(|seen| {
        seen.node != node
            && error_code(&seen.reply) == "MOVED"
            && slot(&seen.args) == slot(&sending.args)
    });
    told.any(|seen| {
        let mut delays = delays_of(history, seen.node).into_iter();
        seen.at > left || delays.any(|spell| spell.touches(seen.at, seen.at) && spell.until > left)
    })
}

/// Whether a fault keeps nodes from knowing the topology, or from telling the truth about it.
fn hides_news(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Node(_, NodeFault::Isolate | NodeFault::Sicken(_))
            | Fault::Slot(_, SlotChange::Entangle(_))
    )
}

/// Whether a node that has left may be in use again after this.
fn may_bring_back(fault: &Fault) -> bool {
    matches!(fault, Fault::Node(_, NodeFault::Retire(_) | NodeFault::FailOver) | Fault::Slot(..))
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::history::Execution;
    use crate::world::ms;

    #[test]
    fn a_command_for_a_node_that_is_known_to_have_left_is_seen() {
        let mut story = Story::right();
        story.history.rules.are_apart = true;
        story.history.retirements.push((ms(2), 0));
        story.look(5, 1);
        story.call(0, 20, "SET s:0:8 {id}");
        story.send(15, "SET s:0:8 1000000003", true);
        story.execute(22, "SET s:0:8 1000000003", "+OK\r\n");
        story.answer(0, 30, "+OK\r\n");
        story.passes();
        story.history.sendings.last_mut().expect("one was sent").at = ms(17);
        story.passes();
        story.history.sendings.last_mut().expect("one was sent").began = ms(16);
        assert!(caught(&story, PROMISE).contains("SET s:0:8"));
        story.history.faults.push((ms(3), Fault::Slot(1, SlotChange::Give(0))));
        story.passes();
        story.history.faults = vec![(ms(4), Fault::Node(1, NodeFault::ClogReplies))];
        story.passes();
        story.history.faults = vec![(ms(4), Fault::Node(0, NodeFault::ClogReplies))];
        story.history.rules.are_apart = false;
        story.passes();
        story.history.rules.are_apart = true;
        story.history.faults = vec![(ms(4), Fault::Slot(1, SlotChange::Take))];
        story.passes();
        story.history.faults = vec![(ms(4), Fault::Node(0, NodeFault::ClogReplies))];
        assert!(caught(&story, PROMISE).contains("SET s:0:8"));
        let (gone, back) = (NodeFault::Retire(1), NodeFault::Retire(0));
        story.history.faults = vec![(ms(2), Fault::Node(0, gone))];
        assert!(caught(&story, PROMISE).contains("SET s:0:8"));
        story.history.faults.push((ms(2), Fault::Node(1, back)));
        story.passes();
        story.history.faults.pop();
        story.execute(12, "SET s:0:8 1000000003", "-MOVED 1 10.0.0.1:1\r\n");
        assert_eq!(check(&story.history, &Index::new(&story.history)), Ok(()), "it was sent there");
    }

    #[test]
    fn where_another_node_was_heard_late_to_say_so_it_may_be_believed() {
        let mut story = Story::right();
        story.history.rules.are_apart = true;
        story.history.retirements.push((ms(2), 0));
        story.look(5, 1);
        story.call(0, 20, "SET s:0:8 {id}");
        story.send(17, "SET s:0:8 1000000003", true);
        assert!(caught(&story, PROMISE).contains("SET s:0:8"));
        let is_excused = |story: &Story, at: u64, node, key: &str| {
            let mut story = story.clone();
            story.execute(at, &format!("GET {key}"), "-MOVED 1 10.0.0.1:1\r\n");
            let told = story.history.executions.pop().expect("it was executed");
            story.history.executions.insert(0, Execution { node, ..told });
            check(&story.history, &Index::new(&story.history)).is_ok()
        };
        assert!(is_excused(&story, 3, 1, "s:0:8"), "said after it had left");
        for (at, node, key) in [(2, 1, "s:0:8"), (3, 0, "s:0:8"), (3, 1, "s:0:7")] {
            assert!(!is_excused(&story, at, node, key), "{at} {node} {key}");
        }
        story.history.faults = vec![
            (ms(1), Fault::Node(1, NodeFault::ClogReplies)),
            (ms(3), Fault::Node(1, NodeFault::Unclog)),
        ];
        assert!(is_excused(&story, 2, 1, "s:0:8"), "said before, and heard after it had left");
    }
}
