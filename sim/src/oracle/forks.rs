//! What a node did for an `ASK` that was out of date: the slot had moved on meanwhile, and was on
//! its way to that node again. It then serves keys that it does not have yet, and what it did to
//! them is overwritten when they come. Redis does the same, and no client of it can know.

use redpoll::proto::cluster::Slot;

use super::Index;
use super::index::handles;
use super::spells::spells;
use crate::fault::{Fault, NodeFault, SlotChange};
use crate::history::{Execution, History};
use crate::resp::error_code;

/// All that was done so, in the order of asking.
pub(super) fn forks<'a>(history: &'a History, index: &Index<'a>) -> Vec<&'a Execution> {
    let mut found = Vec::new();
    for sending in history.sendings.iter().filter(|sending| sending.asking) {
        for handle in handles(&sending.args) {
            let seen = || index.executions(handle).iter().map(|(_, seen)| *seen);
            let mut told = seen().filter(|seen| error_code(&seen.reply) == "ASK");
            let Some(told) = told.rfind(|told| told.at <= sending.began) else { continue };
            let mut done = seen().filter(|seen| seen.is_done() && seen.at >= sending.at);
            let Some(done) = done.find(|done| done.node == sending.node) else { continue };
            let slot = Slot::of(&done.args[1]).number();
            // Who is isolated says what was so before.
            let isolated = spells(history, |fault| is_isolated(fault, told.node));
            let since = isolated.iter().find(|spell| spell.touches(told.at, told.at));
            let since = since.map_or(told.at, |spell| spell.from.min(told.at));
            let begins_anew = history
                .faults
                .iter()
                .any(|(at, fault)| begins(fault, slot) && *at > since && *at <= done.at);
            if begins_anew {
                found.push(done);
            }
        }
    }
    found
}

fn is_isolated(fault: &Fault, node: usize) -> bool {
    matches!(fault, Fault::Node(ill, NodeFault::Isolate) if *ill == node)
}

fn begins(fault: &Fault, slot: u16) -> bool {
    matches!(fault, Fault::Slot(it, SlotChange::BeginMigration(_)) if *it == slot)
}
