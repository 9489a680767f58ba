//! Once some node has told that another has lost its place, nothing is asked there any more, also
//! if the deposed one goes on telling what was true before: an older view is never taken over.
//!
//! Left out is what a redirect may have sent there, and whatever comes after the next change.

use std::collections::BTreeMap;
use std::time::Duration;

use redpoll::proto::cluster::Slot;

use super::spells::{
    may_be_unheard, reaches_all_clients, spells, spells_of, wait_for_better_views,
};
use super::{Index, Verdict, Violation};
use crate::fault::{Fault, NodeFault, SlotChange};
use crate::history::{Execution, History, Look, Sending};
use crate::resp::{error_code, shown_command};
use crate::workload::Id;
use crate::world::ms;

pub(super) const PROMISE: &str = "deposed";

/// How long an answer may have been on its way, so that it counted before another one.
const ROUND: Duration = ms(500);

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    let calls = history.calls();
    let asked: BTreeMap<Id, Duration> = calls.map(|call| (call.id, call.sent)).collect();
    for (at, from, _) in &history.failovers {
        let Some(known) = known(history, *at) else { continue };
        let until = next_change(history, *at).unwrap_or(Duration::MAX);
        let is_new = |sending: &&Sending| {
            let asked = Id::of_command(&sending.args).and_then(|id| asked.get(&id));
            asked.is_some_and(|asked| *asked > known) && !may_be_sent_on(sending, history, *at)
        };
        let within = |sending: &&Sending| sending.at > known && sending.at < until;
        let sent = history.sendings.iter().filter(|sending| sending.node == *from);
        if let Some(sending) = sent.filter(within).find(is_new) {
            let what = format!(
                "node-{from} had lost its place at {at:?}, known at {known:?}, and got {}",
                shown_command(&sending.args)
            );
            return Err(Violation { promise: PROMISE, at: sending.at, what });
        }
    }
    Ok(())
}

/// When the proxy knows of a failover: some time after a node has told it that is well, and none at
/// the same time that may not know.
fn known(history: &History, at: Duration) -> Option<Duration> {
    let travel = 2 * history.rules.slack;
    let is_well = |Look { at: seen, node, .. }: &Look| {
        let is_ill =
            spells_of(history, *node).into_iter().any(|spell| spell.touches(*seen, *seen + travel));
        let may_be_slow = |f: &Fault| matches!(f, Fault::Node(slow, _) if slow == node) && slows(f);
        !is_ill && !history.faults.iter().any(|(_, fault)| may_be_slow(fault))
    };
    let is_alone = |look: &Look| {
        let around = look.at.saturating_sub(ROUND)..=look.at + travel;
        let mut others = history.looks.iter().filter(|other| around.contains(&other.at));
        is_aware(history, look) && others.all(|other| is_aware(history, other))
    };
    let looks = history.looks.iter().filter(|look| look.at > at);
    let is_known = |look: &&Look| {
        reaches_all_clients(history, look.at) && !may_be_unheard(history, look.at, at)
    };
    let told = looks.filter(is_known).find(|look| is_well(look) && is_alone(look))?;
    Some(told.at + travel + wait_for_better_views(history))
}

/// When the topology changes again, or may be told to have.
fn next_change(history: &History, after: Duration) -> Option<Duration> {
    // A new configuration begins with no view that another one could be older than.
    let changes = |fault: &Fault| {
        matches!(
            fault,
            Fault::Node(_, NodeFault::FailOver | NodeFault::Retire(_) | NodeFault::Rejoin)
                | Fault::Reload(_)
        )
    };
    let later = history.faults.iter().filter(|(at, _)| *at > after);
    later.filter(|(_, fault)| changes(fault)).map(|(at, _)| *at).next()
}

/// Whether a node that was asked heard the cluster's news at that time.
fn is_aware(history: &History, look: &Look) -> bool {
    let isolates = |fault: &Fault| {
        matches!(fault, Fault::Slot(_, SlotChange::Entangle(_)))
            || matches!(fault, Fault::Node(isolated, NodeFault::Isolate | NodeFault::Rejoin)
                if *isolated == look.node)
    };
    !spells(history, isolates).into_iter().any(|spell| spell.touches(look.at, look.at))
}

/// Whether answers may take long.
fn slows(fault: &Fault) -> bool {
    matches!(fault, Fault::Node(_, NodeFault::SetSpeed(..) | NodeFault::Link(_)))
}

/// Whether a node has said since then where commands of the slot are to go.
fn may_be_sent_on(sending: &Sending, history: &History, since: Duration) -> bool {
    let slot = |args: &[Vec<u8>]| args.get(1).map(|key| Slot::of(key));
    let is_redirect = |seen: &&Execution| matches!(error_code(&seen.reply), "MOVED" | "ASK");
    let mut said = history.executions.iter().filter(is_redirect);
    said.any(|seen| {
        (since..=sending.at).contains(&seen.at) && slot(&seen.args) == slot(&sending.args)
    })
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn a_command_for_one_who_is_known_to_have_lost_its_place_is_seen() {
        let mut story = Story::right();
        story.history.failovers.push((ms(100), 0, 1));
        story.look(200, 1);
        story.call(0, 502, "SET s:0:0 {id}");
        story.send(503, "SET s:0:0 1000000003", true);
        story.execute(504, "SET s:0:0 1000000003", "+OK\r\n");
        story.answer(0, 505, "+OK\r\n");
        assert!(caught(&story, PROMISE).contains("node-0 had lost its place"));

        let mut unknown = story.clone();
        unknown.history.looks[0].at = ms(495);
        unknown.passes();
        let mut waits = story.clone();
        waits.history.looks[0].at = ms(290);
        assert!(caught(&waits, PROMISE).contains("node-0 had lost its place"));
        waits.history.faults.push((ms(1), Fault::Slot(1, SlotChange::Take)));
        waits.passes();
        let mut doubtful = story.clone();
        doubtful.history.faults.push((ms(90), Fault::Node(2, NodeFault::Isolate)));
        doubtful.look(195, 2);
        doubtful.passes();
        let mut ill = story.clone();
        ill.history.faults.push((ms(210), Fault::Node(1, NodeFault::Stall)));
        ill.passes();
        let mut back = story.clone();
        back.history.faults.push((ms(490), Fault::Node(0, NodeFault::Rejoin)));
        back.passes();
        story.execute(400, "GET s:0:0", "-MOVED 1 10.0.0.1:1\r\n");
        story.passes();
    }
}
