//! A node that is broken neither fails nor delays commands for another one: what is for a node that
//! was well all along reaches it soon, and succeeds.
//!
//! Looked at are runs in which no node takes another's place, and commands whose slots nothing is
//! done to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redpoll::limits::REPLIES_UNKNOWN_MAX;
use redpoll::proto::cluster::Slot;

use super::index::handles;
use super::quiet::{REFUSALS, may_lack_time};
use super::spells::{
    Spell, delays_clients, renewals, slow_spell, spells, spells_of, wait_for_better_views,
};
use super::{Index, Verdict, broken};
use crate::fault::Fault;
use crate::history::{Call, Conversation, History, Look, Verdict as Outcome};
use crate::resp::error_code;
use crate::workload::patience;

pub(super) const PROMISE: &str = "neighbours";

/// What a node's first connection costs, times over the network.
const JOURNEYS: u32 = 4;

/// What is told of a command that waited to run alone in vain.
const BEHIND_OTHERS: &[u8] = b"-UNSENT earlier commands were not answered";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let rules = &history.rules;
    let is_heard = |look: &&Look| {
        let ill = spells_of(history, look.node);
        !ill.iter().any(|ill| ill.touches(look.at, look.at + rules.slack))
    };
    let wait = rules.slack + wait_for_better_views(history);
    let known = history.looks.iter().find(is_heard).map(|look| look.at + wait);
    let is_settled = history.failovers.is_empty() && history.retirements.is_empty();
    let Some(known) = known.filter(|_| rules.are_apart && is_settled && !rules.is_narrow) else {
        return Ok(());
    };
    let end = history.own().drained.unwrap_or(Duration::MAX);
    let homes = Homes::of(history);
    let mut delayed = spells(history, delays_clients);
    delayed.extend(renewals(history));
    let calls = history.conversations.iter().flat_map(|conversation| {
        conversation.leaving(rules).map(move |(call, leaving)| (conversation, call, leaving))
    });
    for (conversation, call, leaving) in calls {
        let Some((until, _)) = call.reply else { continue };
        let mut delays = delayed.iter().copied().chain(slow_spell(conversation));
        let is_slow = delays.any(|spell| spell.touches(call.sent, until));
        if call.sent < known || until >= end || is_slow || !homes.are_well(call, until) {
            continue;
        }
        let is_refused = call.frame().is_some_and(|frame| REFUSALS.contains(&error_code(frame)));
        // What runs alone may find no time for that behind what is for another node.
        let had_no_time = call.frame().is_some_and(|frame| frame.starts_with(BEHIND_OTHERS));
        if (is_refused || matches!(call.verdict(), Outcome::NotDone | Outcome::Unsure))
            && !had_no_time
            && !may_lack_time(history, call)
            && !may_wait_for_replies(conversation, call)
        {
            return Err(broken(PROMISE, call, "failed, and its node was well"));
        }
        let limit =
            leaving + rules.slack * JOURNEYS + rules.patience + waits(history, conversation, call);
        let executed = handles(&call.args).into_iter().filter(|handle| handle.has_id());
        let mut executed = executed.flat_map(|handle| index.done(handle));
        if let Some((_, seen)) = executed.find(|(_, seen)| seen.at > call.sent + limit)
            && !may_wait_for_replies(conversation, call)
        {
            let took = seen.at - call.sent;
            return Err(broken(
                PROMISE,
                call,
                &format!("took {took:?} to get to a node that was well"),
            ));
        }
    }
    Ok(())
}

/// How long a command and those before it on its connection may wait: for a connection of their
/// own, and at their nodes.
fn waits(history: &History, conversation: &Conversation, call: &Call) -> Duration {
    let before = conversation.calls.iter().take_while(|before| !std::ptr::eq(*before, call));
    let is_ahead = |before: &&Call| before.reply.as_ref().is_none_or(|(at, _)| *at > call.sent);
    let watches = conversation.calls.iter().any(|call| call.kind().name == "WATCH");
    let runs_alone = |call: &Call| watches && matches!(call.kind().name, "WATCH" | "EXEC");
    let own = |call: &Call| match patience(&call.args) {
        Duration::ZERO if !runs_alone(call) => Duration::ZERO,
        // It waits for all before it, which may have more time.
        patience => patience + history.rules.longest_timeout(),
    };
    before.filter(is_ahead).map(own).sum::<Duration>() + own(call)
}

/// Whether so many reads before it were unanswered that there may have been no room for its reply.
fn may_wait_for_replies(conversation: &Conversation, call: &Call) -> bool {
    let before = conversation.calls.iter().take_while(|before| !std::ptr::eq(*before, call));
    let is_unanswered =
        |before: &&Call| before.reply.as_ref().is_none_or(|(at, _)| *at > call.sent);
    let reads = before.filter(|before| !before.writes()).filter(is_unanswered);
    reads.map(|read| read.keys().count()).sum::<usize>() >= REPLIES_UNKNOWN_MAX
}

/// Which node served a slot, and when which node was not well.
struct Homes {
    by_slot: BTreeMap<u16, BTreeSet<usize>>,
    troubled: BTreeSet<u16>,
    spells: BTreeMap<usize, Vec<Spell>>,
}

impl Homes {
    fn of(history: &History) -> Homes {
        let mut by_slot: BTreeMap<u16, BTreeSet<usize>> = BTreeMap::new();
        for seen in &history.executions {
            if !matches!(error_code(&seen.reply), "MOVED" | "ASK") {
                let slot = Slot::of(&seen.args[1]).number();
                by_slot.entry(slot).or_default().insert(seen.node);
            }
        }
        let troubled = history.faults.iter().filter_map(|(_, fault)| {
            let Fault::Slot(slot, _) = fault else { return None };
            Some(*slot)
        });
        let mut nodes: BTreeMap<usize, Vec<Spell>> = BTreeMap::new();
        for (_, fault) in &history.faults {
            if let Fault::Node(node, _) = fault {
                nodes.entry(*node).or_insert_with(|| {
                    let mut spells =
                        spells(history, |f| matches!(f, Fault::Node(n, _) if n == node));
                    for spell in &mut spells {
                        spell.until = spell.until.saturating_add(history.rules.recovery);
                    }
                    spells
                });
            }
        }
        Homes { by_slot, troubled: troubled.collect(), spells: nodes }
    }

    /// Whether all nodes that a command is for were well from its beginning until then.
    fn are_well(&self, call: &Call, until: Duration) -> bool {
        // An `EXEC` has none of its own: what it ran is looked at.
        let has_keys = call.keys().next().is_some();
        has_keys
            && call.keys().all(|key| {
                let slot = Slot::of(key).number();
                let Some(nodes) = self.by_slot.get(&slot) else { return false };
                let is_well = |node: &usize| {
                    let mut spells = self.spells.get(node).into_iter().flatten();
                    !spells.any(|spell| spell.touches(call.sent, until))
                };
                !self.troubled.contains(&slot) && nodes.len() == 1 && nodes.iter().all(is_well)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{NodeFault, SlotChange};

    fn failed(executed: u64, reply: &str) -> Story {
        let ms = Duration::from_millis;
        let mut story = Story::right();
        story.history.rules.are_apart = true;
        story.look(1, 0);
        story.history.faults.push((ms(2), Fault::Node(1, NodeFault::Kill)));
        story.call(0, 20, "SET s:0:9 {id}");
        story.execute(executed, "SET s:0:9 1000000003", "+OK\r\n");
        story.answer(0, 90, reply);
        story
    }

    #[test]
    fn a_failure_where_the_node_was_well_is_seen() {
        failed(60, "+OK\r\n").passes();
        let story = failed(60, "-UNSURE it\r\n");
        assert!(caught(&story, PROMISE).contains("its node was well"));
    }

    #[test]
    fn what_waited_for_a_connection_of_its_own_may_have_no_time_left() {
        let mut story = failed(60, "-UNSURE a:1: no reply within op_timeout\r\n");
        story.history.rules.has_few_leases = true;
        assert!(caught(&story, PROMISE).contains("its node was well"), "a SET borrows nothing");
        let call = story.history.conversations[0].calls.last_mut().expect("one was asked");
        call.args = ["BLPOP", "l:0:9", "l:0:9#1000000003", "0.050"].map(Vec::from).into();
        let seen = story.history.executions.last_mut().expect("one was executed");
        (seen.args, seen.reply) = (call.args.clone(), "*-1\r\n".into());
        assert_eq!(check(&story.history, &Index::new(&story.history)), Ok(()));
        story.history.rules.has_few_leases = false;
        assert!(caught(&story, PROMISE).contains("its node was well"));
    }

    #[test]
    fn a_delay_where_the_node_was_well_is_seen() {
        let mut story = failed(61, "+OK\r\n");
        assert!(caught(&story, PROMISE).contains("took 41ms"));
        let taken = Fault::Slot(1, SlotChange::Take);
        story.history.faults.push((Duration::ZERO, taken));
        story.passes();
    }

    #[test]
    fn what_waits_for_an_element_waits_for_all_before_it_and_so_does_what_comes_behind_it() {
        for (took, is_late) in [(390, false), (391, true)] {
            let mut story = failed(20 + took, "+OK\r\n");
            let calls = &mut story.history.conversations[0].calls;
            let at = calls.len() - 1;
            let mut before = calls[at].clone();
            before.args = ["BLPOP", "l:0:0", "l:0:0#1000000002", "0.050"].map(Vec::from).into();
            calls.insert(at, before);
            let timeout = Duration::from_millis(300);
            story.history.rules.command_timeouts.insert("getrange", timeout);
            let judged = check(&story.history, &Index::new(&story.history));
            assert_eq!(judged.is_err(), is_late, "{took}: {judged:?}");
        }
    }

    #[test]
    fn behind_reads_that_are_not_answered_there_may_be_no_room_for_another_reply() {
        for (reads, is_excused) in [(REPLIES_UNKNOWN_MAX - 1, false), (REPLIES_UNKNOWN_MAX, true)] {
            let mut story = failed(61, "+OK\r\n");
            let calls = &mut story.history.conversations[0].calls;
            let mut read = calls[0].clone();
            (read.args, read.reply) = (vec![b"GET".to_vec(), b"s:0:0".to_vec()], None);
            let at = calls.len() - 1;
            (0..reads).for_each(|_| calls.insert(at, read.clone()));
            let judged = check(&story.history, &Index::new(&story.history));
            assert_eq!(judged.is_ok(), is_excused, "{judged:?}");
        }
    }

    #[test]
    fn where_the_node_was_ill_nothing_is_held_against_the_proxy() {
        let mut story = failed(61, "-UNSURE it\r\n");
        story.history.faults[0].1 = Fault::Node(0, NodeFault::Kill);
        story.passes();
    }
}
