//! A `MOVED` is news: the worker that got it sends what comes next for the slot to where it points,
//! and the topology is looked at soon. What has to wait, because earlier commands of its client for
//! the slot are still on their way to where it was, goes to where it points when they are answered.
//!
//! That a worker got it is known when it sends the command on. Looked at are runs in which all
//! nodes know the topology, and tell the truth about it; and, as to looks, in which they tell it
//! soon.

use std::collections::BTreeMap;
use std::time::Duration;

use redpoll::limits::{TOPOLOGY_HEDGE_MS, TOPOLOGY_TIMEOUT_MS};
use redpoll::proto::cluster::Slot;

use super::spells::reaches_all_clients;
use super::{Index, Verdict, Violation};
use crate::fault::{Fault, NodeFault, SlotChange};
use crate::history::{Execution, History, Sending};
use crate::resp::{error_code, shown_command};
use crate::workload::Id;
use crate::world::ms;

pub(super) const PROMISE: &str = "news";

/// How long a view may be on its way before it is in force.
const ROUND: Duration = ms(TOPOLOGY_TIMEOUT_MS + 3 * TOPOLOGY_HEDGE_MS);

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    let has = |is_such: fn(&Fault) -> bool| history.faults.iter().any(|(_, f)| is_such(f));
    if !history.rules.follows || has(confuses) {
        return Ok(());
    }
    let slowest = history.faults.iter().filter_map(|(_, fault)| latency(fault)).max();
    let swift = 2 * history.rules.slack + slowest.unwrap_or_default();
    let on_its_way = if has(delays) { ROUND } else { swift };
    let asked = history.calls().map(|call| (call.id, call.sent)).collect();
    for moved in history.executions.iter().filter(|seen| is_moved(seen)) {
        let Some(news) = News::of(moved, history) else { continue };
        news.are_heeded(history, on_its_way, &asked)?;
        if !has(delays) {
            news.make_for_a_look(history)?;
        }
    }
    Ok(())
}

/// Whether nodes may not know the topology, or not be themselves.
fn confuses(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Node(
            _,
            NodeFault::Isolate
                | NodeFault::Sicken(_)
                | NodeFault::FailOver
                | NodeFault::Retire(_)
                | NodeFault::DoubleName
        ) | Fault::Slot(_, SlotChange::Entangle(_) | SlotChange::Disentangle)
    )
}

/// Whether nodes may not answer.
fn delays(fault: &Fault) -> bool {
    matches!(fault, Fault::Node(..)) && !fault.is_harmless() && latency(fault).is_none()
}

/// How long an answer may travel from now on.
fn latency(fault: &Fault) -> Option<Duration> {
    let Fault::Node(_, NodeFault::SetSpeed(_, max_ms)) = fault else { return None };
    Some(ms(*max_ms))
}

fn is_moved(seen: &Execution) -> bool {
    error_code(&seen.reply) == "MOVED" && seen.args.len() > 1
}

/// When clients asked what, by its number.
type Asked = BTreeMap<Id, Duration>;

/// A `MOVED` that a worker got.
struct News<'a> {
    moved: &'a Execution,
    slot: u16,
    /// The stream that it came on.
    stream: u64,
    /// When the worker is known to have got it.
    known: Duration,
}

impl<'a> News<'a> {
    /// `None` if that is not known for sure: of commands without an id there may be several.
    fn of(moved: &'a Execution, history: &'a History) -> Option<News<'a>> {
        Id::of_command(&moved.args)?;
        let after = history.sendings.partition_point(|sending| sending.at <= moved.at);
        let is_it = |sending: &&Sending| sending.args == moved.args;
        let asked = history.sendings[..after].iter().rev().find(is_it)?;
        let followed = history.sendings[after..].iter().find(is_it)?;
        let is_followed = asked.node == moved.node && followed.node != moved.node;
        is_followed.then(|| News {
            moved,
            slot: Slot::of(&moved.args[1]).number(),
            stream: asked.stream,
            known: followed.at,
        })
    }

    /// Nothing that is asked from now on goes where it went before, until the slot moves again.
    fn are_heeded(&self, history: &History, on_its_way: Duration, asked: &Asked) -> Verdict {
        let changes = || history.faults.iter().filter(|(_, fault)| self.concerns(fault));
        let moved_at = changes().rev().map(|(at, _)| *at).find(|at| *at <= self.moved.at);
        let from = self.moved.at.saturating_sub(on_its_way);
        let is_old = |at: &Duration| (from..=moved_at.unwrap_or_default()).contains(at);
        // What another node had said before may come later, and nothing tells that it is older.
        let is_overtaken =
            |seen: &Execution| is_old(&seen.at) && is_moved(seen) && self.is_in_slot(&seen.args);
        if history.looks.iter().any(|look| is_old(&look.at))
            || history.executions.iter().any(is_overtaken)
        {
            return Ok(());
        }
        let until = changes().map(|(at, _)| *at).find(|at| *at > self.moved.at);
        let until = until.unwrap_or(Duration::MAX);
        let first = history.sendings.partition_point(|sending| sending.at <= self.known);
        let later = history.sendings[first..].iter().take_while(|sending| sending.at < until);
        for sending in later.filter(|sending| sending.stream == self.stream) {
            let is_new =
                Id::of_command(&sending.args).is_some_and(|id| asked.get(&id) > Some(&self.known));
            // Whom ASK sends there is another matter: the slot is on its way there.
            let is_plain = sending.is_whole && !sending.asking;
            if is_new && is_plain && self.is_in_slot(&sending.args) {
                let what = format!(
                    "{} went to node-{}, of which {:?} the slot had moved away was known",
                    shown_command(&sending.args),
                    sending.node,
                    self.known,
                );
                return Err(Violation { promise: PROMISE, at: sending.at, what });
            }
        }
        Ok(())
    }

    fn make_for_a_look(&self, history: &History) -> Verdict {
        let rules = &history.rules;
        let until = self.known + rules.refresh_min * 5 / 4 + ROUND;
        let end = history.own().drained.unwrap_or(history.took).min(history.end());
        let is_due = rules.heeds_each_redirect && until < end;
        let is_seen = history.looks.iter().any(|look| (self.moved.at..=until).contains(&look.at));
        // What is told to one who is left to an old configuration is no news to the new one.
        if !is_due || is_seen || !reaches_all_clients(history, self.known) {
            return Ok(());
        }
        let what = format!("nobody was asked for the topology until {until:?}, after a MOVED");
        Err(Violation { promise: PROMISE, at: self.known, what })
    }

    fn is_in_slot(&self, args: &[Vec<u8>]) -> bool {
        args.get(1).is_some_and(|key| Slot::of(key).number() == self.slot)
    }

    fn concerns(&self, fault: &Fault) -> bool {
        matches!(fault, Fault::Slot(slot, _) if *slot == self.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::ConfigChange;

    /// A write is told at 20 that its slot has moved, which it has at 10, and is sent on at 22.
    fn moved() -> Story {
        let mut story = Story::right();
        story.history.rules.refresh_min = ms(100);
        story.history.took = ms(9_000);
        let slot = Slot::of(b"s:0:0").number();
        story.history.faults.push((ms(10), Fault::Slot(slot, SlotChange::FinishMigration)));
        story.call(0, 18, "SET s:0:0 {id}");
        story.send(19, "SET s:0:0 1000000003", true);
        story.execute(20, "SET s:0:0 1000000003", "-MOVED 1 10.0.0.2:1\r\n");
        story.send(22, "SET s:0:0 1000000003", true);
        let sending = story.history.sendings.last_mut().expect("one was sent");
        (sending.node, sending.stream) = (1, 2);
        story.execute(23, "SET s:0:0 1000000003", "+OK\r\n");
        story.answer(0, 25, "+OK\r\n");
        story.history.processes[0].counted.moved = 1;
        story
    }

    #[test]
    fn a_worker_that_forgets_where_a_slot_has_moved_is_seen() {
        for (stream, is_heeded) in [(2, true), (1, false)] {
            let mut story = moved();
            story.call(0, 30, "SET s:0:0 {id}");
            story.send(31, "SET s:0:0 1000000004", true);
            story.history.sendings.last_mut().expect("one was sent").stream = stream;
            story.execute(32, "SET s:0:0 1000000004", "+OK\r\n");
            story.answer(0, 34, "+OK\r\n");
            if is_heeded {
                story.passes();
                continue;
            }
            assert!(caught(&story, PROMISE).contains("SET s:0:0 1000000004 went to node-0"));
            let mut asking = story.clone();
            asking.history.sendings.last_mut().expect("one was sent").asking = true;
            assert_eq!(check(&asking.history, &Index::new(&asking.history)), Ok(()));
            let mut behind = story.clone();
            behind.history.conversations[0].calls[3].reply = None;
            assert!(caught(&behind, PROMISE).contains("SET s:0:0 1000000004 went to node-0"));
            let mut earlier = story.clone();
            earlier.history.conversations[0].calls[4].sent = ms(22);
            assert_eq!(check(&earlier.history, &Index::new(&earlier.history)), Ok(()));
            let mut back = story.clone();
            let slot = Slot::of(b"s:0:0").number();
            back.history.faults.push((ms(29), Fault::Slot(slot, SlotChange::BeginMigration(0))));
            back.passes();
            let mut overtaken = story.clone();
            overtaken.execute(9, "GET s:0:0", "-MOVED 1 10.0.0.1:1\r\n");
            overtaken.history.processes[0].counted.moved += 1;
            overtaken.passes();
            story.look(9, 0);
            story.passes();
        }
    }

    #[test]
    fn who_got_the_moved_of_a_command_without_an_id_is_unknown() {
        let mut story = moved();
        for seen in &mut story.history.executions {
            seen.args.truncate(2);
        }
        for sending in &mut story.history.sendings {
            sending.args.truncate(2);
        }
        assert!(story.history.executions.iter().filter(|seen| is_moved(seen)).count() > 0);
        let is_known = |seen| News::of(seen, &story.history).is_some();
        assert!(!story.history.executions.iter().any(is_known));
        assert!(
            moved()
                .history
                .executions
                .iter()
                .any(|seen| News::of(seen, &moved().history).is_some())
        );
    }

    #[test]
    fn a_moved_that_makes_for_no_look_is_seen() {
        let mut story = moved();
        story.history.rules.heeds_each_redirect = true;
        story.look(5_000, 0);
        assert!(caught(&story, PROMISE).contains("nobody was asked"));
        let change = Fault::Reload(ConfigChange::CommandStats(true));
        let mut renewed = story.clone();
        renewed.history.faults.push((ms(20), change));
        assert_eq!(check(&renewed.history, &Index::new(&renewed.history)), Ok(()));
        story.look(1_000, 0);
        story.passes();
    }
}
