//! What happened to the processes of proxies.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Tally, count};
use crate::fault::{Fault, LinkFault, NodeFault};
use crate::history::{Call, Conversation, History, Verdict};
use crate::workload::Id;

pub(super) fn see(history: &History, tally: &mut Tally) {
    let killed = || {
        let processes = history.processes.iter().enumerate();
        processes.filter_map(|(place, process)| Some((place, process.died?)))
    };
    tally.see("proxies_killed", killed().count() as u64);
    let in_flight: Vec<_> = killed().map(|(place, _)| in_flight(history, place)).collect();
    let is_busy = |lost: &&BTreeSet<Id>| !lost.is_empty();
    tally.see("proxies_killed_with_commands_in_flight", count(&in_flight, is_busy));
    let is_executed = |(lost, died): &(&BTreeSet<Id>, Duration)| {
        history.executions.iter().any(|seen| {
            let is_lost = Id::of_command(&seen.args).is_some_and(|id| lost.contains(&id));
            is_lost && seen.at > *died && seen.is_done()
        })
    };
    let deaths = killed().map(|(_, died)| died);
    tally.see("executed_after_its_proxy_died", count(in_flight.iter().zip(deaths), is_executed));
    tally.see("out_of_reach_for_one_proxy_only", out_of_reach_for_one(history));
    let is_served_anew = |talk: &&Conversation| {
        let is_done = |call: &Call| call.verdict() == Verdict::Done;
        history.processes[talk.process].life > 0 && talk.calls.iter().any(is_done)
    };
    tally.see("clients_served_by_another_life", count(&history.conversations, is_served_anew));
}

/// How often a node did nothing for a proxy that wanted something of it, while its network to that
/// one was broken, and served another.
fn out_of_reach_for_one(history: &History) -> u64 {
    let mut since: BTreeMap<(usize, usize), Duration> = BTreeMap::new();
    let mut found = 0;
    for (at, fault) in &history.faults {
        let Fault::Between(proxy, node, fault) = fault else { continue };
        let place = (*proxy, *node);
        let cuts_off = matches!(
            fault,
            NodeFault::Stall | NodeFault::Cut | NodeFault::Link(LinkFault::CutRequests)
        );
        if cuts_off {
            since.entry(place).or_insert(*at);
        } else if matches!(fault, NodeFault::Heal | NodeFault::Repair)
            && let Some(from) = since.remove(&place)
        {
            found += u64::from(is_out_of_reach(history, place, (from, *at)));
        }
    }
    found
}

fn is_out_of_reach(
    history: &History,
    (proxy, node): (usize, usize),
    (from, until): (Duration, Duration),
) -> bool {
    let is_its_own = |process: usize| history.processes[process].proxy == proxy;
    let within = |at: Duration| from + history.rules.slack < at && at < until;
    let sendings = history.sendings.iter().filter(|it| it.node == node && within(it.at));
    let connects = history.connects.iter().filter(|it| it.node == node && within(it.at));
    let mut wanted = sendings.map(|it| it.process).chain(connects.map(|it| it.process));
    let executions = || history.executions.iter().filter(|it| it.node == node && within(it.at));
    wanted.any(is_its_own)
        && executions().all(|seen| !is_its_own(seen.process))
        && executions().next().is_some()
}

/// What a process had sent to nodes and had not answered when it was killed.
fn in_flight(history: &History, place: usize) -> BTreeSet<Id> {
    let sendings = history.sendings.iter().filter(|sending| sending.process == place);
    let sent: BTreeSet<_> = sendings.filter_map(|sending| Id::of_command(&sending.args)).collect();
    let talks = history.conversations.iter().filter(|talk| talk.process == place);
    let unanswered = talks.flat_map(|talk| &talk.calls).filter(|call| call.reply.is_none());
    unanswered.map(|call| call.id).filter(|id| sent.contains(id)).collect()
}
