//! The whole of a run, drawn from its seed before it begins: the world, what the clients ask, and
//! what goes wrong when. The run itself draws only jitter.
//!
//! Each seed leaves out about half of the families of faults: what only shows when some things go
//! wrong and others do not is found sooner (swarm testing). Some seeds do nothing but move slots
//! under the feet of slow commands: that is where order is lost.

use std::collections::{BTreeMap, BTreeSet};

use redpoll::limits::{CONNECT_BACKOFF_MS_MAX, TOPOLOGY_RETRY_MS, TOPOLOGY_TIMEOUT_MS};
use redpoll::proto::cluster::Slot;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::fault::{Fault, NodeFault, SlotChange, Timed};
use crate::net::Grain;
use crate::workload::{self, Script, Size};
use crate::world::{NODES, Setup};

/// What the proxy has, beyond its timeouts, to be well again once all is mended, in ms: the longest
/// pause between two attempts to connect, and two more looks at the topology, each after a pause
/// that is drawn a quarter longer at most.
const RECOVERY_MS: u64 =
    CONNECT_BACKOFF_MS_MAX + 2 * (TOPOLOGY_TIMEOUT_MS + TOPOLOGY_RETRY_MS * 125 / 100);

/// How likely a key is in the slot that all clients like best, where they like it most.
const FOCUS_MAX: f64 = 0.9;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What jitter is drawn from.
    pub seed: u64,
    /// The world.
    pub setup: Setup,
    /// What goes wrong, in the order of time.
    pub faults: Vec<Timed>,
    /// What the clients ask.
    pub scripts: Vec<Script>,
}

/// Faults that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Stall,
    Cut,
    Hang,
    Refuse,
    Clog,
    Reset,
    Kill,
    PowerOff,
    Slow,
    Migration,
    Uncovered,
    Leave,
    Drain,
}

const FAMILIES: [Family; 13] = [
    Family::Stall,
    Family::Cut,
    Family::Hang,
    Family::Refuse,
    Family::Clog,
    Family::Reset,
    Family::Kill,
    Family::PowerOff,
    Family::Slow,
    Family::Migration,
    Family::Uncovered,
    Family::Leave,
    Family::Drain,
];

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Plan {
        let setup = setup(&mut Dice::fork(seed, "setup", 0));
        let mut dice = Dice::fork(seed, "size", 0);
        let mut size = Size {
            clients: dice.within(2..=8),
            commands: dice.within(50..=400),
            time_ms: dice.within(500..=4_000),
            late: dice.within(10..=30),
            focus: *dice.pick(&[0.0, 0.2, 0.6, FOCUS_MAX]),
            large_values: dice.chance(0.3),
        };
        let mut faults = Faults::new(Dice::fork(seed, "faults", 0), size, &setup);
        if dice.chance(0.15) {
            faults.families = vec![Family::Slow, Family::Migration];
            size.focus = FOCUS_MAX;
        }
        let faults = faults.draw();
        let scripts = workload::draw(&mut Dice::fork(seed, "workload", 0), size);
        Plan { seed, setup, faults, scripts }
    }

    /// From when on nothing may fail, in ms: from the start if nothing is ever broken, else some
    /// time after the last repair; `None` if something stays broken.
    #[must_use]
    pub fn quiet_from_ms(&self) -> Option<u64> {
        let harmful = || self.faults.iter().filter(|timed| !timed.fault.is_harmless());
        let mut broken = BTreeSet::new();
        for timed in harmful() {
            match timed.fault.breaks_or_mends() {
                (what, true) => drop(broken.insert(what)),
                (what, false) => drop(broken.remove(&what)),
            }
        }
        let last = harmful().next_back().map(|timed| timed.at_ms);
        let recovery = self.setup.op_timeout_ms + self.setup.connect_timeout_ms + RECOVERY_MS;
        broken.is_empty().then(|| last.map_or(0, |last| last + recovery))
    }
}

fn setup(dice: &mut Dice) -> Setup {
    let mut probability = |choices: &[f64]| *dice.pick(choices);
    let grain = Grain {
        short_reads: probability(&[0.0, 0.1, 0.5, 0.9]),
        short_writes: probability(&[0.0, 0.1, 0.5, 0.9]),
        full_buffers: probability(&[0.0, 0.05, 0.3]),
        late_tasks: probability(&[0.0, 0.05, 0.3]),
    };
    Setup {
        tick_ms: *dice.pick(&[1, 2]),
        latency_min_ms: dice.within(0..=1),
        latency_max_ms: dice.within(1..=8),
        grain,
        workers: 2,
        op_timeout_ms: *dice.pick(&[150, 400, 1_000]),
        connect_timeout_ms: *dice.pick(&[40, 120, 300]),
        drain_timeout_ms: *dice.pick(&[40, 300, 1_500]),
    }
}

/// Draws what goes wrong.
struct Faults {
    dice: Dice,
    families: Vec<Family>,
    clients: u64,
    /// Nothing begins later, in ms.
    span: u64,
    /// How long a slot that has moved stays where it is at least, in ms: one that is always on the
    /// move can be chased for ever.
    slot_rest: u64,
    drawn: Vec<Timed>,
}

impl Faults {
    fn new(mut dice: Dice, size: Size, setup: &Setup) -> Self {
        let quiet = dice.chance(0.1);
        let families = FAMILIES.into_iter().filter(|_| !quiet && dice.chance(0.5)).collect();
        Faults {
            dice,
            families,
            clients: size.clients,
            span: size.time_ms,
            slot_rest: setup.op_timeout_ms / 2,
            drawn: Vec::new(),
        }
    }

    fn draw(mut self) -> Vec<Timed> {
        (0..NODES).for_each(|node| self.of_node(node));
        self.of_slots();
        if self.families.contains(&Family::Leave) {
            for _ in 0..self.dice.within(1..=4) {
                let client = self.dice.index(usize::try_from(self.clients).expect("few clients"));
                let at = self.dice.within(10..=self.span);
                self.add(at, Fault::Leave(client));
            }
        }
        if self.families.contains(&Family::Drain) && self.dice.chance(0.5) {
            self.drain();
        }
        self.drawn.sort_by_key(|timed| timed.at_ms);
        self.drawn
    }

    fn add(&mut self, at_ms: u64, fault: Fault) {
        self.drawn.push(Timed { at_ms, fault });
    }

    /// The proxy is told to stop; half of the time while commands for a node wait in vain.
    fn drain(&mut self) {
        let at = self.dice.within(50..=self.span);
        if self.dice.chance(0.5) {
            let node = self.dice.index(NODES);
            let before = self.dice.within(1..=50);
            self.add(at - before, Fault::Node(node, NodeFault::Stall));
            self.add(at + 3_000, Fault::Node(node, NodeFault::Heal));
        }
        self.add(at, Fault::Drain);
    }

    /// One after the other, so that the end of one is not the end of another.
    fn of_node(&mut self, node: usize) {
        let is_of_node = |family: &Family| {
            !matches!(family, Family::Migration | Family::Uncovered | Family::Leave | Family::Drain)
        };
        let families: Vec<_> = self.families.iter().copied().filter(is_of_node).collect();
        if families.is_empty() {
            return;
        }
        let pause = *self.dice.pick(&[200, 1_000]);
        let mut at = self.dice.within(5..=pause);
        while at < self.span {
            let end = at + *self.dice.pick(&[1, 20, 150, 700]);
            let family = *self.dice.pick(&families);
            let (fault, cure) = self.episode(family);
            self.add(at, Fault::Node(node, fault));
            cure.into_iter().for_each(|cure| self.add(end, Fault::Node(node, cure)));
            at = end + self.dice.within(1..=pause);
        }
    }

    /// A fault of a node, and what ends it.
    fn episode(&mut self, family: Family) -> (NodeFault, Vec<NodeFault>) {
        let restart =
            if self.dice.chance(0.3) { NodeFault::RestartEmpty } else { NodeFault::Restart };
        let slow = self.dice.within(10..=400);
        match family {
            Family::Stall => (NodeFault::Stall, vec![NodeFault::Heal]),
            Family::Cut => (NodeFault::Cut, vec![NodeFault::Repair]),
            Family::Hang => (NodeFault::HangConnects, vec![NodeFault::AllowConnects]),
            Family::Refuse => (NodeFault::RefuseConnects, vec![NodeFault::AllowConnects]),
            Family::Clog => self.clog(),
            Family::Reset => (NodeFault::Reset, vec![]),
            Family::Kill => (NodeFault::Kill, vec![restart]),
            Family::PowerOff => (NodeFault::PowerOff, vec![restart]),
            Family::Slow => (NodeFault::SetSpeed(slow / 2, slow), vec![NodeFault::SetSpeed(1, 5)]),
            Family::Migration | Family::Uncovered | Family::Leave | Family::Drain => {
                unreachable!("no fault of a node")
            }
        }
    }

    /// One direction is clogged; half of the time what is half written is lost in the end.
    fn clog(&mut self) -> (NodeFault, Vec<NodeFault>) {
        let (clog, unclog) = if self.dice.chance(0.5) {
            (NodeFault::Clog, NodeFault::Unclog)
        } else {
            (NodeFault::ClogReplies, NodeFault::UnclogReplies)
        };
        let is_lost = self.dice.chance(0.5);
        (clog, if is_lost { vec![NodeFault::Reset, unclog] } else { vec![unclog] })
    }

    /// Slots move, or are taken and given; all of them are in use. That which all like best only
    /// moves.
    fn of_slots(&mut self) {
        let moves = self.families.contains(&Family::Migration);
        let takes = self.families.contains(&Family::Uncovered);
        if !moves && !takes {
            return;
        }
        let keys: Vec<_> = workload::shared_keys().collect();
        let longest = *self.dice.pick(&[30, 200]);
        let mut rests_until = BTreeMap::new();
        let mut at = self.dice.within(5..=500);
        while at < self.span {
            let is_move = moves && (!takes || self.dice.chance(0.8));
            let is_hot = is_move && self.dice.chance(0.5);
            let key = if is_hot { workload::hot_key() } else { self.dice.pick(&keys) };
            let slot = Slot::of(key.as_bytes()).number();
            let to = self.dice.index(NODES);
            let end = at + self.dice.within(1..=longest);
            if rests_until.get(&slot).is_some_and(|until| at < *until) {
                at = end;
                continue;
            }
            rests_until.insert(slot, end + self.slot_rest);
            if is_move {
                self.add(at, Fault::Slot(slot, SlotChange::BeginMigration(to)));
                let middle = self.dice.within(at..=end);
                self.add(middle, Fault::Slot(slot, SlotChange::MoveKeys(1)));
                self.add(end, Fault::Slot(slot, SlotChange::FinishMigration));
            } else {
                self.add(at, Fault::Slot(slot, SlotChange::Take));
                self.add(end, Fault::Slot(slot, SlotChange::Give(to)));
            }
            at = self.dice.within(at + 1..=end + longest / 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_its_seed_s_alone_and_survives_being_written_down() {
        for seed in 0..20 {
            let plan = Plan::draw(seed);
            assert_eq!(plan, Plan::draw(seed));
            assert_ne!(plan.scripts, Plan::draw(seed + 1).scripts);
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }

    #[test]
    fn faults_come_in_order_and_every_family_comes() {
        let plans: Vec<_> = (0..200).map(Plan::draw).collect();
        for plan in &plans {
            assert!(plan.faults.is_sorted_by_key(|timed| timed.at_ms));
        }
        let faults = || plans.iter().flat_map(|plan| &plan.faults).map(|timed| timed.fault);
        for fault in [
            NodeFault::Stall,
            NodeFault::Cut,
            NodeFault::HangConnects,
            NodeFault::RefuseConnects,
            NodeFault::Clog,
            NodeFault::Unclog,
            NodeFault::ClogReplies,
            NodeFault::UnclogReplies,
            NodeFault::Reset,
            NodeFault::SetSpeed(1, 5),
            NodeFault::Kill,
            NodeFault::PowerOff,
            NodeFault::Restart,
            NodeFault::RestartEmpty,
        ] {
            assert!((0..NODES).all(|node| faults().any(|f| f == Fault::Node(node, fault))));
        }
        assert!(faults().any(|f| matches!(f, Fault::Slot(_, SlotChange::BeginMigration(_)))));
        assert!(faults().any(|f| matches!(f, Fault::Slot(_, SlotChange::Take))));
        assert!(faults().any(|f| f == Fault::Leave(0)) && faults().any(|f| f == Fault::Drain));
        assert!(plans.iter().all(|plan| plan.quiet_from_ms().is_some()));
        assert!(plans.iter().any(|plan| plan.quiet_from_ms() == Some(0)));
    }
}
