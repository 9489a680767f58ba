//! No command is sent on more often than `redirects_max`, unless a node has said in between that it
//! cannot serve it yet: then it begins anew. And none is given up for its redirects where they lead
//! somewhere: in a cluster that is sane, and whose slots move no faster than commands follow.

use std::time::Duration;

use redpoll::proto::cluster::Slot;

use super::index::{handles, is_turned_away};
use super::spells::spells;
use super::{Index, Verdict, broken};
use crate::fault::{Ailment, Fault, NodeFault, SlotChange};
use crate::history::{Call, Execution, History};
use crate::resp::error_code;
use crate::workload::Shape;

pub(super) const PROMISE: &str = "hops";

/// What the proxy says of redirects that lead nowhere.
const GIVEN_UP: &[u8] = b"-UNSENT gave up after ";

/// Redirects that a command can meet whose slot moves at its ease.
const SANE_REDIRECTS_MAX: u8 = 5;

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    are_followed(history)?;
    are_bounded(history, index)
}

fn are_followed(history: &History) -> Verdict {
    if history.rules.redirects_max < SANE_REDIRECTS_MAX {
        return Ok(());
    }
    let misled = spells(history, misleads);
    for call in history.calls() {
        let Some((at, frame)) = &call.reply else { continue };
        let is_misled = || misled.iter().any(|spell| spell.touches(call.sent, *at));
        if frame.starts_with(GIVEN_UP) && !is_misled() && !is_outrun(history, call, *at) {
            return Err(broken(PROMISE, call, "the redirects of a sane cluster were given up"));
        }
    }
    Ok(())
}

/// Whether a command met as many changes of its slots as it may be sent on.
fn is_outrun(history: &History, call: &Call, until: Duration) -> bool {
    let slots: Vec<_> = call.keys().map(|key| Slot::of(key).number()).collect();
    let is_change = |fault: &Fault| {
        let Fault::Slot(slot, change) = fault else { return false };
        slots.contains(slot)
            && matches!(change, SlotChange::BeginMigration(_) | SlotChange::FinishMigration)
    };
    let life = call.sent..=until;
    let met = history.faults.iter().filter(|(at, _)| life.contains(at));
    let changes = met.filter(|(_, fault)| is_change(fault)).count();
    // What waits at a node may see its slot go from one to the next.
    let handed_over = history.retirements.iter().filter(|(at, _)| life.contains(at)).count();
    let replaced = history.failovers.iter().filter(|(at, ..)| life.contains(at)).count();
    changes + handed_over + replaced >= usize::from(history.rules.redirects_max)
}

/// Whether a fault leads redirects nowhere: two nodes hold each other for the owner of a slot, or
/// one does not hear the news, or sends everybody astray.
fn misleads(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Slot(_, SlotChange::Entangle(_) | SlotChange::Disentangle)
            | Fault::Node(
                _,
                NodeFault::Sicken(Ailment::Astray)
                    | NodeFault::Recover
                    | NodeFault::Isolate
                    | NodeFault::Rejoin
            )
    )
}

fn are_bounded<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let rules = &history.rules;
    // The last is not followed. What a retry was told before is not known to the proxy, nor what
    // was under way to a node that left.
    let changes = history.failovers.len() + history.retirements.len();
    let most = usize::from(rules.redirects_max) + 1 + usize::from(rules.retries_max) + changes;
    let calls = history.conversations.iter().flat_map(|all| all.calls.iter().enumerate());
    for (place, call) in calls {
        // Of a transaction the first refusal counts: what its other commands were told does not.
        let counts = call.queued.as_ref().is_none_or(|queued| queued.multi + 1 == place);
        if call.kind().shape != Shape::Single || !counts {
            continue;
        }
        for handle in handles(&call.args).into_iter().filter(|handle| handle.has_id()) {
            let seen = index.executions(handle).iter().map(|(_, seen)| *seen);
            let hops = longest_chain(seen, call.queued.is_some());
            if hops > most {
                let what = format!("redirected {hops} times in a row, where {most} are allowed");
                return Err(broken(PROMISE, call, &what));
            }
        }
    }
    Ok(())
}

/// The most redirects in a row. Nobody is asked with `ASKING` for a transaction: it waits until its
/// slot has come to rest.
fn longest_chain<'a>(
    executions: impl Iterator<Item = &'a Execution>,
    is_transaction: bool,
) -> usize {
    let (mut longest, mut hops) = (0, 0);
    for seen in executions {
        if is_transaction && error_code(&seen.reply) == "ASK" {
            hops = 0;
        } else if matches!(error_code(&seen.reply), "MOVED" | "ASK") {
            hops += 1;
        } else if is_turned_away(seen) {
            hops = 0;
        }
        longest = longest.max(hops);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn a_transaction_waits_where_another_command_is_sent_on() {
        let mut story = Story::right();
        story.call(0, 5, "SET s:0:0 {id}");
        (0..9).for_each(|_| story.execute(6, "SET s:0:0 1000000003", "-ASK 1 10.0.0.1:1\r\n"));
        let chain = |waits| longest_chain(story.history.executions.iter(), waits);
        assert_eq!((chain(false), chain(true)), (9, 0));
    }

    #[test]
    fn a_command_that_is_sent_on_for_ever_is_seen() {
        let mut story = Story::right();
        story.history.rules.redirects_max = 2;
        story.call(0, 5, "SET s:0:0 {id}");
        for _ in 0..3 {
            story.execute(6, "SET s:0:0 1000000003", "-MOVED 1 10.0.0.1:1\r\n");
        }
        let mut again = story.clone();
        again.execute(7, "SET s:0:0 1000000003", "-TRYAGAIN later\r\n");
        again.execute(7, "SET s:0:0 1000000003", "-ASK 1 10.0.0.1:1\r\n");
        for (mut story, is_too_much) in [(again, false), (story, true)] {
            if is_too_much {
                story.execute(7, "SET s:0:0 1000000003", "-ASK 1 10.0.0.1:1\r\n");
            }
            story.answer(0, 9, "-UNSENT gave up\r\n");
            if is_too_much {
                assert!(caught(&story, PROMISE).contains("4 times in a row, where 3"));
            } else {
                story.passes();
            }
        }
    }

    #[test]
    fn redirects_of_a_sane_cluster_that_are_given_up_are_seen() {
        let ms = Duration::from_millis;
        let mut story = Story::right();
        story.call(0, 5, "GET s:0:0");
        story.answer(
            0,
            90,
            "-UNSENT gave up after redirects_max redirects, the last one from a:1 to b:2\r\n",
        );
        let seen = |story: &Story| {
            let found = caught(story, PROMISE);
            assert!(found.contains("given up"), "{found}");
        };
        seen(&story);
        let slot = Slot::of(b"s:0:0").number();
        let faults = |count: u64, change: fn(u64) -> SlotChange| {
            (0..count).map(move |at| (ms(10 + at), Fault::Slot(slot, change(at)))).collect()
        };
        let moves = |at: u64| match at % 2 {
            0 => SlotChange::BeginMigration(1),
            _ => SlotChange::FinishMigration,
        };
        story.history.faults = faults(4, moves);
        seen(&story);
        story.history.faults = faults(5, |_| SlotChange::MoveKeys(1));
        seen(&story);
        story.history.faults = faults(5, moves);
        story.passes();
        story.history.faults.clear();
        story.history.retirements = (0..4).map(|at| (ms(10 + at), 0)).collect();
        seen(&story);
        story.history.retirements.push((ms(20), 1));
        story.passes();
        story.history.retirements.clear();
        story.history.faults = vec![(ms(9), Fault::Node(1, NodeFault::Isolate))];
        story.passes();
    }
}
