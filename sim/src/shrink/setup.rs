//! Worlds that are simpler than the one of a plan: with fewer nodes, and with less that is unlike
//! the plainest.

use serde_json::{Map, Value};

use crate::fault::{Fault, NodeFault, SlotChange, Timed};
use crate::net::Medium;
use crate::plan::Plan;
use crate::world::Setup;

/// The plan without a primary and its replicas, and without what is done to these; `None` if there
/// is no other.
pub(super) fn without_primary(plan: &Plan, primary: usize) -> Option<Plan> {
    let Setup { primaries, replicas, .. } = plan.setup;
    let left = primaries.checked_sub(1).filter(|left| *left > 0)?;
    let group = |node: usize| if node < primaries { node } else { (node - primaries) / replicas };
    Some(renumbered(plan, Setup { primaries: left, ..plan.setup }, |node| {
        let before = usize::from(group(node) > primary);
        let gone = if node < primaries { before } else { 1 + before * replicas };
        (group(node) != primary).then(|| node - gone)
    }))
}

/// The plan with a replica less for each primary, and without what is done to these; `None` if
/// there are none.
pub(super) fn without_replicas(plan: &Plan) -> Option<Plan> {
    let Setup { primaries, replicas, .. } = plan.setup;
    let left = replicas.checked_sub(1)?;
    Some(renumbered(plan, Setup { replicas: left, ..plan.setup }, |node| {
        let Some(place) = node.checked_sub(primaries) else { return Some(node) };
        let (group, place) = (place / replicas, place % replicas);
        (place < left).then_some(primaries + group * left + place)
    }))
}

/// The plan with one of its proxies, and without what is done to the others.
pub(super) fn with_one_proxy(plan: &Plan, kept: usize) -> Plan {
    let faults = plan.faults.iter().filter_map(|timed| {
        let (proxy, fault) = match timed.fault {
            Fault::Between(proxy, node, fault) => (proxy, Fault::Node(node, fault)),
            Fault::Stop(proxy) => (proxy, Fault::Stop(0)),
            Fault::Crash(proxy) => (proxy, Fault::Crash(0)),
            Fault::Start(proxy) => (proxy, Fault::Start(0)),
            Fault::Node(..)
            | Fault::Slot(..)
            | Fault::Leave(_)
            | Fault::Drain
            | Fault::Reload(_)
            | Fault::Deaf(_)
            | Fault::Clients(_) => (kept, timed.fault),
        };
        (proxy == kept).then_some(Timed { fault, ..*timed })
    });
    let faults = faults.collect();
    Plan { faults, setup: Setup { proxies: 1, ..plan.setup }, ..plan.clone() }
}

/// A plan whose nodes have other numbers, or none.
fn renumbered(plan: &Plan, setup: Setup, number: impl Fn(usize) -> Option<usize>) -> Plan {
    let faults = plan.faults.iter().filter_map(|timed| {
        let fault = match timed.fault {
            Fault::Node(node, NodeFault::Retire(heir)) => {
                Fault::Node(number(node)?, NodeFault::Retire(number(heir)?))
            }
            Fault::Node(node, fault) => Fault::Node(number(node)?, fault),
            Fault::Between(proxy, node, fault) => Fault::Between(proxy, number(node)?, fault),
            Fault::Slot(slot, change) => Fault::Slot(slot, renumbered_change(change, &number)?),
            Fault::Leave(_)
            | Fault::Drain
            | Fault::Stop(_)
            | Fault::Crash(_)
            | Fault::Start(_)
            | Fault::Reload(_)
            | Fault::Deaf(_)
            | Fault::Clients(_) => timed.fault,
        };
        Some(Timed { fault, ..*timed })
    });
    let faults = faults.collect();
    Plan { setup, faults, ..plan.clone() }
}

fn renumbered_change(
    change: SlotChange,
    number: impl Fn(usize) -> Option<usize>,
) -> Option<SlotChange> {
    Some(match change {
        SlotChange::BeginMigration(to) => SlotChange::BeginMigration(number(to)?),
        SlotChange::Give(to) => SlotChange::Give(number(to)?),
        SlotChange::Entangle(to) => SlotChange::Entangle(number(to)?),
        SlotChange::MoveKeys(_)
        | SlotChange::FinishMigration
        | SlotChange::Take
        | SlotChange::Disentangle => change,
    })
}

/// What is not as in the plainest world: settings, those of parts as `part.setting`, in the order
/// of their names.
#[must_use]
pub fn peculiarities(setup: &Setup) -> Vec<String> {
    let (own, plain) = (settings(setup), settings(&plainest(setup)));
    own.into_iter().zip(plain).filter(|(own, plain)| own != plain).map(|(own, _)| own.0).collect()
}

/// The plainest world with as many nodes, but for these peculiarities.
pub(super) fn with_only(setup: &Setup, kept: &[String]) -> Setup {
    let (mut plain, own) = (as_map(&plainest(setup)), as_map(setup));
    for path in kept {
        match path.split_once('.') {
            None => plain[path] = own[path].clone(),
            Some((part, name)) => plain[part][name] = own[part][name].clone(),
        }
    }
    let setup: Setup = serde_json::from_value(Value::Object(plain)).expect("it is made of setups");
    Setup { tuning: setup.tuning.sane(), ..setup }
}

/// One node alone need not be a cluster.
fn plainest(setup: &Setup) -> Setup {
    let Setup { primaries, replicas, .. } = *setup;
    let standalone = setup.nodes() == 1;
    let medium = Medium::Memory;
    Setup { primaries, replicas, standalone, medium, workers: 1, ..Setup::default() }
}

/// All settings, by name.
fn settings(setup: &Setup) -> Vec<(String, Value)> {
    let all = as_map(setup).into_iter().flat_map(|(name, value)| match value {
        Value::Object(part) => {
            part.into_iter().map(|(own, value)| (format!("{name}.{own}"), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            vec![(name, value)]
        }
    });
    all.collect()
}

fn as_map(setup: &Setup) -> Map<String, Value> {
    match serde_json::to_value(setup) {
        Ok(Value::Object(map)) => map,
        Ok(_) | Err(_) => unreachable!("a setup is a struct of plain values"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuning::Tuning;

    /// Three primaries, 0 to 2, and the replicas of each: 3 and 4, 5 and 6, 7 and 8.
    fn plan(faults: &[Fault]) -> Plan {
        let faults = faults.iter().map(|fault| Timed { at_ms: 1, fault: *fault });
        let setup = Setup { primaries: 3, replicas: 2, ..Setup::default() };
        let (scripts, listeners) = (Vec::new(), Vec::new());
        Plan { seed: 1, setup, faults: faults.collect(), scripts, listeners }
    }

    fn faults(plan: &Plan) -> Vec<Fault> {
        plan.faults.iter().map(|timed| timed.fault).collect()
    }

    #[test]
    fn what_is_done_to_the_nodes_that_stay_is_done_to_them_under_their_new_numbers() {
        let kill = |node| Fault::Node(node, NodeFault::Kill);
        let all: Vec<_> = (0..9).map(kill).collect();
        let fewer = without_primary(&plan(&all), 1).unwrap();
        assert_eq!(faults(&fewer), [0, 1, 2, 3, 4, 5].map(kill));
        assert_eq!((fewer.setup.primaries, fewer.setup.replicas), (2, 2));
        let fewer = without_replicas(&plan(&all)).unwrap();
        assert_eq!(faults(&fewer), [0, 1, 2, 3, 4, 5].map(kill));
        let fewest = without_replicas(&fewer).unwrap();
        assert_eq!(faults(&fewest), [0, 1, 2].map(kill));
        assert!(without_replicas(&fewest).is_none());
        let alone = without_primary(&without_primary(&fewest, 0).unwrap(), 0).unwrap();
        assert!(without_primary(&alone, 0).is_none() && faults(&alone) == [kill(0)]);
    }

    #[test]
    fn what_is_done_to_a_proxy_is_done_to_the_one_that_is_left_and_to_no_other() {
        let stall = NodeFault::Stall;
        let all = [
            Fault::Crash(0),
            Fault::Crash(1),
            Fault::Between(0, 2, NodeFault::Reset),
            Fault::Between(1, 2, stall),
            Fault::Start(1),
            Fault::Stop(0),
            Fault::Drain,
        ];
        let one = with_one_proxy(&plan(&all), 1);
        let left = [Fault::Crash(0), Fault::Node(2, stall), Fault::Start(0), Fault::Drain];
        assert_eq!((faults(&one), one.setup.proxies), (left.into(), 1));
        let fewer = without_primary(&plan(&all), 0).unwrap();
        assert_eq!(faults(&fewer)[3], Fault::Between(1, 1, stall));
    }

    #[test]
    fn what_needs_a_node_that_is_gone_is_left_out() {
        let retire = |node, heir| Fault::Node(node, NodeFault::Retire(heir));
        let begin = |to| Fault::Slot(7, SlotChange::BeginMigration(to));
        let all = [retire(0, 2), retire(0, 1), begin(2), begin(1), Fault::Drain];
        let fewer = without_primary(&plan(&all), 1).unwrap();
        assert_eq!(faults(&fewer), [retire(0, 1), begin(1), Fault::Drain]);
    }

    #[test]
    fn what_is_peculiar_of_a_world_can_be_left_out_and_kept_one_by_one() {
        let tuning =
            Tuning { follows: false, redirect_threshold: 5, refresh_ms: 500, ..Tuning::default() };
        let mut setup = Setup { tuning, workers: 1, tick_ms: 2, ..Setup::default() };
        setup.medium = Medium::Memory;
        setup.grain.short_reads = 0.1;
        let all = peculiarities(&setup);
        let names = [
            "grain.short_reads",
            "tick_ms",
            "tuning.follows",
            "tuning.redirect_threshold",
            "tuning.refresh_ms",
        ];
        assert_eq!(all, names);
        assert_eq!(with_only(&setup, &all), setup);
        let plain = with_only(&setup, &[]);
        assert_eq!((plain.tuning, plain.tick_ms), (Tuning::default(), 1));
        // Who does not heed each redirect must look more often.
        let one = with_only(&setup, &[names[3].to_owned()]);
        assert_eq!((one.tuning.redirect_threshold, one.tuning.refresh_ms), (5, 1_000));
        assert!(with_only(&Setup { primaries: 1, ..setup }, &[]).standalone);
    }
}
