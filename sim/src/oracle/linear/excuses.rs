//! What only the cluster is to blame for: writes that it lost although they were acknowledged, and
//! what a node that has lost its place and does not know goes on telling, and what it did for an
//! `ASK` that was out of date. Each is an excuse for the keys that it touches, and from the time on
//! when it came.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redpoll::proto::cluster::Slot;

use super::answer::Answer;
use super::model::Action;
use super::ops::Op;
use crate::fault::{Fault, NodeFault, SlotChange};
use crate::history::{Execution, History, Loss, Lost};
use crate::oracle::Index;
use crate::oracle::forks::forks;
use crate::oracle::spells::{Spell, spells};
use crate::workload::Kind;

/// All of them in a run.
pub(super) struct Excuses<'a> {
    /// Slots that were given away without their keys, by whoever knew of it, and since when.
    given_away: BTreeMap<u16, Duration>,
    /// Slots whose keys were gone when their node started again.
    emptied: Vec<(Duration, &'a BTreeSet<u16>)>,
    /// Keys of which writes were lost with the place of a node, or were done where the key was not,
    /// and since when.
    forked: BTreeMap<&'a [u8], Duration>,
    /// When nodes may turn commands away that they execute a moment later.
    unsettled: Vec<Spell>,
    /// The same, of single slots.
    moving: BTreeMap<u16, Vec<Spell>>,
}

impl<'a> Excuses<'a> {
    pub(super) fn of(history: &'a History, index: &Index<'a>) -> Excuses<'a> {
        let mut excuses = Excuses {
            given_away: BTreeMap::new(),
            emptied: Vec::new(),
            forked: BTreeMap::new(),
            unsettled: spells(history, unsettles),
            moving: moving(history),
        };
        for loss in &history.losses {
            match &loss.what {
                Lost::Slots(slots) if loss.until == Duration::MAX => {
                    slots.iter().for_each(|slot| begin(&mut excuses.given_away, *slot, loss.at));
                }
                Lost::Slots(slots) => excuses.emptied.push((loss.at, slots)),
                Lost::Node(node) => {
                    let keys = keys_at(*node, loss, &history.executions);
                    keys.for_each(|key| begin(&mut excuses.forked, key, loss.from));
                }
            }
        }
        for seen in forks(history, index) {
            begin(&mut excuses.forked, &seen.args[1], seen.at);
        }
        excuses
    }

    /// Leaves of what was done with a key what nothing excuses, in the order of asking. `None` if
    /// nothing is left.
    pub(super) fn apply(&self, key: &[u8], mut ops: Vec<Op<'a>>) -> Option<Vec<Op<'a>>> {
        let slot = Slot::of(key).number();
        let since = self.forked.get(key).into_iter().chain(self.given_away.get(&slot)).min();
        if let Some(since) = since {
            cut_off(&mut ops, *since);
        }
        let moving = self.moving.get(&slot).map_or(&[][..], Vec::as_slice);
        let unsettled = || self.unsettled.iter().chain(moving);
        for op in ops.iter_mut().filter(|op| op.holds) {
            op.holds = !unsettled().any(|spell| spell.touches(op.from, op.until));
        }
        let emptied = self.emptied.iter().filter(|(_, slots)| slots.contains(&slot));
        ops.extend(emptied.map(|(at, _)| vanish(*at)));
        ops.sort_by_key(|op| op.from);
        (!ops.is_empty()).then_some(ops)
    }
}

/// What is excused since then, if it was not before.
fn begin<K: Ord>(excused: &mut BTreeMap<K, Duration>, what: K, since: Duration) {
    let known = excused.entry(what).or_insert(since);
    *known = since.min(*known);
}

/// Leaves what was done with a key before. What was not answered by then may have come too late.
fn cut_off(ops: &mut Vec<Op<'_>>, since: Duration) {
    ops.retain(|op| op.from < since && (op.until < since || op.writes));
    for op in ops.iter_mut().filter(|op| op.until >= since) {
        (op.is_sure, op.holds, op.until) = (false, false, Duration::MAX);
        op.answer = Answer::Anything;
    }
}

/// A key may be gone then.
fn vanish<'a>(at: Duration) -> Op<'a> {
    Op {
        call: None,
        session: usize::MAX,
        action: Action::Vanish,
        answer: Answer::Anything,
        from: at,
        until: at,
        is_sure: false,
        writes: true,
        holds: false,
    }
}

/// The keys that a node was asked for while its writes were to be lost.
fn keys_at<'a>(
    node: usize,
    loss: &Loss,
    executions: &'a [Execution],
) -> impl Iterator<Item = &'a [u8]> {
    let first = executions.partition_point(|seen| seen.at < loss.from);
    let end = executions.partition_point(|seen| seen.at <= loss.until);
    let there = executions[first..end].iter().filter(move |seen| seen.node == node);
    there.flat_map(|seen| {
        let kind = Kind::of(&seen.args);
        kind.into_iter().flat_map(|kind| kind.keys(&seen.args))
    })
}

/// Whether nodes may answer, for its sake or when it is over, that others are to be asked, or that
/// they are to be asked later.
fn unsettles(fault: &Fault) -> bool {
    let Fault::Node(_, fault) = fault else { return false };
    matches!(
        fault,
        NodeFault::Sicken(_)
            | NodeFault::Recover
            | NodeFault::Rejoin
            | NodeFault::FailOver
            | NodeFault::Retire(_)
    )
}

/// When slots were on the move.
fn moving(history: &History) -> BTreeMap<u16, Vec<Spell>> {
    let mut found: BTreeMap<u16, Vec<Spell>> = BTreeMap::new();
    for (at, fault) in &history.faults {
        let Fault::Slot(slot, change) = fault else { continue };
        let spells = found.entry(*slot).or_default();
        let open = spells.last_mut().filter(|spell| spell.until == Duration::MAX);
        match (change, open) {
            (SlotChange::BeginMigration(_), None) => {
                spells.push(Spell { from: *at, until: Duration::MAX });
            }
            (SlotChange::FinishMigration, Some(open)) => open.until = *at,
            (_, _) => {}
        }
    }
    found
}
