//! Draws what goes wrong: faults node by node, one after the other, so that the end of one is not
//! the end of another; then what is done to slots, and the rest.

use std::collections::BTreeMap;

use redpoll::proto::cluster::Slot;

use super::families::Family;
use super::links::{self, LinkFamily};
use crate::dice::Dice;
use crate::fault::{Ailment, Fault, NodeFault, SlotChange, Timed};
use crate::workload::{self, Size};
use crate::world::Setup;

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    /// Whatever is drawn.
    Anything,
    /// Slots that move under slow commands, and nodes that refuse them for a while.
    Order,
    /// Replies that are held up, and lost.
    Loss,
    /// Clients that do not read.
    Room,
    /// Nodes that have lost their place and do not know.
    News,
    /// Nodes that leave while commands for them wait to be written.
    Leaving,
}

/// Draws what goes wrong.
pub(super) struct Faults {
    dice: Dice,
    /// What it is drawn from which proxies are struck, if not always all are.
    sides: Option<Dice>,
    focus: Focus,
    families: Vec<Family>,
    setup: Setup,
    clients: u64,
    /// Nothing begins later, in ms.
    span: u64,
    /// How long a slot that has moved stays where it is at least, in ms: one that is always on the
    /// move can be chased for ever.
    slot_rest: u64,
    drawn: Vec<(Family, Timed)>,
}

impl Faults {
    pub(super) fn new(mut dice: Dice, size: Size, setup: &Setup, focus: Focus) -> Self {
        let quiet = dice.chance(0.1);
        let here = Family::ALL.into_iter().filter(|family| !family.is_drawn_apart());
        let mut families: Vec<_> = here.filter(|_| !quiet && dice.chance(0.5)).collect();
        match focus {
            Focus::Anything => {}
            Focus::Order => {
                families = vec![Family::Slow, Family::Migration];
                if dice.chance(0.5) {
                    families.push(Family::Ailment);
                }
            }
            Focus::Loss => families = vec![Family::Clog, Family::Reset],
            Focus::Room => families.push(Family::Deaf),
            Focus::Leaving => families = vec![Family::Retire],
            Focus::News => families = vec![Family::Failover, Family::Reset],
        }
        Faults {
            dice,
            sides: None,
            focus,
            families,
            setup: *setup,
            clients: size.clients,
            span: size.time_ms,
            slot_rest: setup.op_timeout_ms / 2,
            drawn: Vec::new(),
        }
    }

    /// Now and then the network is struck for one of several proxies only.
    pub(super) fn with_sides(mut self, mut dice: Dice) -> Self {
        self.sides = dice.chance(0.5).then_some(dice);
        self
    }

    pub(super) fn draw(mut self) -> Vec<(Family, Timed)> {
        self.at_the_start();
        let bereft = self.bereft();
        for node in 0..self.setup.nodes() {
            if node < self.setup.primaries || self.dice.chance(0.3) {
                self.of_node(node, bereft);
            }
        }
        self.of_slots();
        if self.has(Family::Leave) {
            for _ in 0..self.dice.within(1..=4) {
                let client = self.dice.index(usize::try_from(self.clients).expect("few clients"));
                let at = self.dice.within(10..=self.span);
                self.add(Family::Leave, at, Fault::Leave(client));
            }
        }
        if self.has(Family::Deaf) && (self.focus == Focus::Room || self.dice.chance(0.2)) {
            self.deaf();
        }
        if self.has(Family::Clients) && self.dice.chance(0.5) {
            let drawn = links::of_clients(&mut self.dice, self.span);
            self.drawn.extend(drawn.into_iter().map(|timed| (Family::Clients, timed)));
        }
        if self.has(Family::Link(LinkFamily::Sticky)) && self.dice.chance(0.5) {
            let drawn = links::sticky(&mut self.dice, &self.setup, self.span);
            let family = Family::Link(LinkFamily::Sticky);
            self.drawn.extend(drawn.into_iter().map(|timed| (family, timed)));
        }
        if self.has(Family::Drain) && self.dice.chance(0.5) {
            self.drain();
        }
        self.drawn.sort_by_key(|(_, timed)| timed.at_ms);
        self.drawn
    }

    fn has(&self, family: Family) -> bool {
        self.families.contains(&family)
    }

    fn add(&mut self, family: Family, at_ms: u64, fault: Fault) {
        self.drawn.push((family, Timed { at_ms, fault }));
    }

    /// Now and then no node can be reached when the proxy begins.
    fn at_the_start(&mut self) {
        if !self.has(Family::Hang) || !self.dice.chance(0.1) {
            return;
        }
        let end = self.setup.op_timeout_ms + self.dice.within(1..=300);
        for node in 0..self.setup.nodes() {
            self.add(Family::Hang, 0, Fault::Node(node, NodeFault::HangConnects));
            self.add(Family::Hang, end, Fault::Node(node, NodeFault::AllowConnects));
        }
    }

    /// The group whose first primary is killed in the end and stays away, if there is one.
    fn bereft(&mut self) -> Option<usize> {
        let may_be = self.has(Family::Failover)
            && self.setup.replicas > 0
            && !self.setup.shared_host
            && self.dice.chance(0.3);
        may_be.then(|| self.dice.index(self.setup.primaries))
    }

    /// Clients do not read for a while; time and again where that is what the run is about.
    fn deaf(&mut self) {
        let mut at = self.dice.within(10..=self.span);
        loop {
            let end = at + *self.dice.pick(&[20, 300, 1_500]);
            self.add(Family::Deaf, at, Fault::Deaf(true));
            self.add(Family::Deaf, end, Fault::Deaf(false));
            at = end + self.dice.within(1..=300);
            if self.focus != Focus::Room || at > self.span {
                return;
            }
        }
    }

    /// The group that a node belongs to at the start.
    fn group(&self, node: usize) -> usize {
        node.checked_sub(self.setup.primaries).map_or(node, |replica| replica / self.setup.replicas)
    }

    /// Proxies are told to stop; half of the time while commands for a node wait in vain.
    fn drain(&mut self) {
        let at = self.dice.within(50..=self.span);
        if self.dice.chance(0.5) {
            let node = self.dice.index(self.setup.primaries);
            let before = self.dice.within(1..=50);
            self.add(Family::Drain, at - before, Fault::Node(node, NodeFault::Stall));
            self.add(Family::Drain, at + 3_000, Fault::Node(node, NodeFault::Heal));
        }
        let proxies = self.setup.proxies;
        if proxies == 1 || self.dice.chance(0.3) {
            self.add(Family::Drain, at, Fault::Drain);
            return;
        }
        // One is left, for whoever has to go.
        let stays = self.dice.index(proxies);
        for stops in (0..proxies).filter(|proxy| *proxy != stays) {
            let at = at + self.dice.within(0..=500);
            self.add(Family::Drain, at, Fault::Stop(stops));
        }
    }

    /// Whether a node can be struck by faults of this family.
    fn strikes(&self, family: Family, node: usize) -> bool {
        match family {
            Family::Ailment | Family::Retire => true,
            // What is old news is known as long as there is none that is newer.
            Family::Failover if self.focus == Focus::News => self.group(node) == 0,
            Family::Failover => self.setup.replicas > 0,
            Family::Names => self.setup.hostnames && !self.setup.shared_host,
            Family::Password => self.setup.tuning.password,
            // Only a stall timeout shows that a connection is dead.
            Family::Cut | Family::PowerOff if self.setup.tuning.stall_timeout_ms == 0 => false,
            // What strikes one of those on a host strikes all.
            Family::Stall
            | Family::Cut
            | Family::Hang
            | Family::Refuse
            | Family::Clog
            | Family::Reset
            | Family::Kill
            | Family::PowerOff
            | Family::Slow => node == 0 || !self.setup.shared_host,
            Family::Migration
            | Family::Uncovered
            | Family::Entangle
            | Family::Leave
            | Family::Drain
            | Family::Clients
            | Family::Reload
            | Family::Crash
            | Family::OneProxy
            | Family::Deaf => false,
            Family::Link(family) => family.strikes(node, &self.setup),
        }
    }

    fn of_node(&mut self, node: usize, bereft: Option<usize>) {
        let is_bereft = bereft == Some(self.group(node));
        if is_bereft && node >= self.setup.primaries {
            // These must be there when their primary is not.
            return;
        }
        let families = self.families.iter().copied();
        let families: Vec<_> = families.filter(|family| self.strikes(*family, node)).collect();
        if families.is_empty() {
            return;
        }
        let pause = *self.dice.pick(&[200, 1_000]);
        let mut at = self.dice.within(5..=pause);
        while at < self.span {
            let end = at + *self.dice.pick(&[1, 20, 150, 700]);
            let family = *self.dice.pick(&families);
            let mut over = end;
            let episode = self.episode(family, node, (at, end));
            let one = self.one_proxy(&episode);
            for (at, fault) in episode {
                match one {
                    Some(proxy) => {
                        self.add(Family::OneProxy, at, Fault::Between(proxy, node, fault));
                    }
                    None => self.add(family, at, Fault::Node(node, fault)),
                }
                over = over.max(at);
            }
            at = over + self.dice.within(1..=pause);
        }
        if is_bereft {
            let is_silent = self.setup.tuning.stall_timeout_ms > 0 && self.dice.chance(0.5);
            let fault = if is_silent { NodeFault::PowerOff } else { NodeFault::Kill };
            self.add(Family::Failover, at, Fault::Node(node, fault));
            let at = at + self.dice.within(1..=700);
            self.add(Family::Failover, at, Fault::Node(node, NodeFault::FailOver));
        }
    }

    /// The only one of several proxies whose way to the node is struck, if not those of all are.
    fn one_proxy(&mut self, episode: &[(u64, NodeFault)]) -> Option<usize> {
        let sides = self.sides.as_mut().filter(|_| self.setup.proxies > 1)?;
        let is_one = episode.iter().all(|(_, fault)| fault.is_between()) && sides.chance(0.5);
        is_one.then(|| sides.index(self.setup.proxies))
    }

    /// A fault of a node from one time to another: what comes when.
    fn episode(
        &mut self,
        family: Family,
        node: usize,
        (at, end): (u64, u64),
    ) -> Vec<(u64, NodeFault)> {
        let restart =
            if self.dice.chance(0.3) { NodeFault::RestartEmpty } else { NodeFault::Restart };
        let slow = self.dice.within(10..=400);
        let pair = |fault, cure| vec![(at, fault), (end, cure)];
        match family {
            Family::Stall => pair(NodeFault::Stall, NodeFault::Heal),
            Family::Cut => pair(NodeFault::Cut, NodeFault::Repair),
            Family::Hang => {
                // Now and then for longer than anybody waits.
                let end = end + *self.dice.pick(&[0, 0, 1_500]);
                vec![(at, NodeFault::HangConnects), (end, NodeFault::AllowConnects)]
            }
            Family::Refuse => pair(NodeFault::RefuseConnects, NodeFault::AllowConnects),
            Family::Clog => self.clog((at, end)),
            Family::Reset => vec![(at, NodeFault::Reset)],
            Family::Kill => pair(NodeFault::Kill, restart),
            Family::PowerOff => pair(NodeFault::PowerOff, restart),
            Family::Slow => pair(NodeFault::SetSpeed(slow / 2, slow), NodeFault::SetSpeed(1, 5)),
            Family::Ailment => {
                let mut ailment = *self.dice.pick(&Ailment::ALL);
                if ailment == Ailment::Silent && self.setup.tuning.stall_timeout_ms == 0 {
                    ailment = Ailment::Closing;
                }
                // Half of the time for longer than anybody waits.
                let is_silent = ailment == Ailment::Silent;
                let end = end + if is_silent { *self.dice.pick(&[0, 1_500]) } else { 0 };
                vec![(at, NodeFault::Sicken(ailment)), (end, NodeFault::Recover)]
            }
            Family::Failover => self.failover((at, end), restart),
            Family::Names => {
                let names = [NodeFault::ForgetName, NodeFault::DoubleName];
                // What is known of a name matters only to new connections.
                let mut events = pair(*self.dice.pick(&names), NodeFault::RestoreName);
                events.insert(1, (at, NodeFault::Reset));
                events
            }
            Family::Password => vec![
                (at, NodeFault::ChangePassword),
                (at, NodeFault::Reset),
                (end, NodeFault::RestorePassword),
            ],
            Family::Retire => {
                let heir = self.dice.index(self.setup.primaries);
                self.retire(node, heir, (at, end))
            }
            Family::Migration
            | Family::Uncovered
            | Family::Entangle
            | Family::Leave
            | Family::Drain
            | Family::Clients
            | Family::Reload
            | Family::Crash
            | Family::OneProxy
            | Family::Deaf => unreachable!("no fault of a node"),
            Family::Link(family) => family.episode(&mut self.dice, (at, end)),
        }
    }

    /// A node leaves; half of the time while commands for it wait to be written.
    fn retire(&mut self, node: usize, heir: usize, (at, end): (u64, u64)) -> Vec<(u64, NodeFault)> {
        let retire = (at, NodeFault::Retire(heir));
        if heir == node {
            vec![]
        } else if self.setup.shared_host || self.focus != Focus::Leaving && self.dice.chance(0.5) {
            vec![retire]
        } else {
            let before = at.saturating_sub(self.dice.within(1..=50));
            vec![(before, NodeFault::Clog), retire, (end, NodeFault::Unclog)]
        }
    }

    /// One direction is clogged; half of the time what is half written is lost in the end.
    fn clog(&mut self, (at, end): (u64, u64)) -> Vec<(u64, NodeFault)> {
        let (clog, unclog) = if self.dice.chance(0.5) {
            (NodeFault::Clog, NodeFault::Unclog)
        } else {
            (NodeFault::ClogReplies, NodeFault::UnclogReplies)
        };
        let is_lost = self.dice.chance(0.5);
        if is_lost {
            vec![(at, clog), (end, NodeFault::Reset), (end, unclog)]
        } else {
            vec![(at, clog), (end, unclog)]
        }
    }

    /// A primary loses its place, for this reason or that, or for none; now and then its replicas
    /// have fallen behind.
    fn failover(&mut self, (at, end): (u64, u64), restart: NodeFault) -> Vec<(u64, NodeFault)> {
        let end = end + 20;
        let middle = self.dice.within(at..=end);
        let mut events = if self.dice.chance(0.3) {
            let since = at.saturating_sub(self.dice.within(1..=200));
            vec![(since, NodeFault::HoldReplication)]
        } else {
            vec![]
        };
        let is_unaware = self.focus == Focus::News;
        let (before, after): (&[_], &[_]) = match self.dice.index(5) {
            _ if self.setup.shared_host || is_unaware => {
                (&[NodeFault::Isolate], &[NodeFault::Rejoin])
            }
            _ if self.setup.tuning.stall_timeout_ms == 0 => (&[NodeFault::Kill], &[restart]),
            0 => (&[NodeFault::Kill], &[restart]),
            1 => (&[NodeFault::PowerOff], &[restart]),
            2 => {
                let after = &[NodeFault::Rejoin, NodeFault::Repair];
                (&[NodeFault::Isolate, NodeFault::Cut], after)
            }
            3 => (&[NodeFault::Isolate], &[NodeFault::Rejoin]),
            _ => (&[], &[]),
        };
        // Who does not know may tell old news for long.
        let end = if before == [NodeFault::Isolate] {
            end + if is_unaware { 2_000 } else { *self.dice.pick(&[0, 800, 2_000]) }
        } else {
            end
        };
        events.extend(before.iter().map(|fault| (at, *fault)));
        events.push((middle, NodeFault::FailOver));
        events.extend(after.iter().map(|fault| (end, *fault)));
        events.push((end, NodeFault::ReleaseReplication));
        events
    }

    /// Slots move, or are taken and given, or two nodes hold each other for the owner; all of them
    /// are in use. That which all like best only moves.
    fn of_slots(&mut self) {
        let families = [Family::Migration, Family::Uncovered, Family::Entangle];
        let families: Vec<_> = families.into_iter().filter(|family| self.has(*family)).collect();
        if families.is_empty() {
            return;
        }
        let moves = self.has(Family::Migration);
        let keys: Vec<_> = workload::shared_keys().collect();
        let longest = *self.dice.pick(&[30, 200]);
        let mut rests_until = BTreeMap::new();
        let mut at = self.dice.within(5..=500);
        while at < self.span {
            let is_move = moves && (families.len() == 1 || self.dice.chance(0.8));
            let is_hot = is_move && self.dice.chance(0.5);
            let family = if is_move { Family::Migration } else { *self.dice.pick(&families) };
            let key = if is_hot { workload::hot_key() } else { self.dice.pick(&keys) };
            let slot = Slot::of(key.as_bytes()).number();
            let end = at + self.dice.within(1..=longest);
            if rests_until.get(&slot).is_some_and(|until| at < *until) {
                at = end;
                continue;
            }
            rests_until.insert(slot, end + self.slot_rest);
            self.of_slot(slot, family, (at, end));
            at = self.dice.within(at + 1..=end + longest / 4);
        }
    }

    fn of_slot(&mut self, slot: u16, family: Family, (at, end): (u64, u64)) {
        let to = self.dice.index(self.setup.primaries);
        let mut add = |at, change| self.add(family, at, Fault::Slot(slot, change));
        match family {
            Family::Uncovered => {
                add(at, SlotChange::Take);
                add(end, SlotChange::Give(to));
            }
            Family::Entangle => {
                add(at, SlotChange::Entangle(to));
                add(end, SlotChange::Disentangle);
            }
            Family::Migration => {
                add(at, SlotChange::BeginMigration(to));
                let middle = self.dice.within(at..=end);
                self.add(family, middle, Fault::Slot(slot, SlotChange::MoveKeys(1)));
                self.add(family, end, Fault::Slot(slot, SlotChange::FinishMigration));
            }
            Family::Stall
            | Family::Cut
            | Family::Hang
            | Family::Refuse
            | Family::Clog
            | Family::Reset
            | Family::Kill
            | Family::PowerOff
            | Family::Slow
            | Family::Ailment
            | Family::Failover
            | Family::Names
            | Family::Password
            | Family::Retire
            | Family::Leave
            | Family::Drain
            | Family::Deaf
            | Family::Clients
            | Family::Reload
            | Family::Crash
            | Family::OneProxy
            | Family::Link(_) => unreachable!("no change of a slot"),
        }
    }
}

#[cfg(test)]
mod tests;
