//! A worker's own table of slots and nodes: the last view adopted, and every MOVED since.
//!
//! ```text
//! Topology --adopt--> listed nodes, owners of slots
//! MOVED, ASK --learn--> unlisted nodes --listed, or not heard of for a while--> (forgotten)
//! ```

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Address, Slot, Topology};
use crate::limits::{NODES_MAX, SLOTS, UNLISTED_NODE_MS};

/// A node that a [`Router`] knows. Stands for one address; once the router has forgotten it, for
/// none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    index: u16,
    /// How many nodes had the index before.
    generation: u16,
}

impl Node {
    /// A small number that no other node known to the router has.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.index)
    }
}

/// No node.
const NOBODY: Node = Node { index: u16::MAX, generation: 0 };

/// Where commands for a slot go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To this node.
    To(Node),
    /// Nowhere: no node serves the slot.
    Uncovered,
    /// Nowhere yet: no view of the cluster has come in.
    Unknown,
}

/// Who serves what.
#[derive(Debug)]
enum Table {
    /// A cluster of which nothing is known yet.
    Unknown,
    /// A cluster.
    Slots(Box<[Node; SLOTS]>),
    /// One server that serves everything.
    Single(Node),
}

/// The place of a node.
#[derive(Debug)]
struct Place {
    /// `None`: the node that was here is forgotten.
    address: Option<Address>,
    generation: u16,
    /// `None`: the topology lists it. Else, when it was heard of last.
    unlisted_since: Option<Instant>,
}

/// A worker's table of one upstream.
#[derive(Debug)]
pub struct Router {
    table: Table,
    /// By the node's index; at most `NODES_MAX`.
    places: Vec<Place>,
    by_address: BTreeMap<Address, Node>,
    /// Unlisted nodes, at most.
    unlisted_max: usize,
    /// Grows whenever some slot changes hands.
    version: u64,
    /// Nodes forgotten.
    forgotten: u64,
}

/// What a view changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Nodes that it does not list.
    pub unlisted: Vec<Node>,
    /// Nodes that own slots.
    pub owners: Vec<Node>,
}

impl Router {
    /// A router of a cluster of which nothing is known yet, which learns at most `unlisted_max`
    /// nodes from redirects alone.
    #[must_use]
    pub fn cluster(unlisted_max: usize) -> Router {
        Router {
            table: Table::Unknown,
            places: Vec::new(),
            by_address: BTreeMap::new(),
            unlisted_max,
            version: 0,
            forgotten: 0,
        }
    }

    /// A router of one server.
    #[must_use]
    pub fn single(address: Address, unlisted_max: usize) -> Router {
        let mut router = Router::cluster(unlisted_max);
        if let Some(node) = router.list(address) {
            router.table = Table::Single(node);
        }
        router
    }

    /// Whether keys must share a slot to be used together.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        !matches!(self.table, Table::Single(_))
    }

    /// Whether it is known who serves what.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self.table, Table::Unknown)
    }

    /// Stands for all slots whose commands keep one order with those of `slot`: for the slot alone,
    /// but before one server, which takes commands with keys of several, for every slot.
    #[must_use]
    pub fn order_of(&self, slot: Slot) -> Slot {
        if self.is_cluster() { slot } else { Slot::of(b"") }
    }

    /// Grows whenever some slot changes hands.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Nodes known from redirects alone, or that left the topology a while ago.
    #[must_use]
    pub fn unlisted(&self) -> usize {
        self.places.iter().filter(|place| place.is_unlisted()).count()
    }

    /// Nodes forgotten since the beginning.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Where commands for `slot` go.
    #[must_use]
    pub fn route(&self, slot: Slot) -> Route {
        match &self.table {
            Table::Unknown => Route::Unknown,
            Table::Single(node) => Route::To(*node),
            Table::Slots(owners) => match owners[slot.index()] {
                NOBODY => Route::Uncovered,
                node => Route::To(node),
            },
        }
    }

    /// Where a node is; `None` if it is forgotten.
    #[must_use]
    pub fn address(&self, node: Node) -> Option<&Address> {
        let place = self.places.get(node.index())?;
        place.address.as_ref().filter(|_| place.generation == node.generation)
    }

    /// The node at an address that a redirect named. `None`: it is new, and there are as many
    /// unlisted nodes as there may be, all heard of a moment ago.
    pub fn learn(&mut self, address: Address, now: Instant) -> Option<Node> {
        if let Some(node) = self.by_address.get(&address) {
            let place = &mut self.places[node.index()];
            if place.is_unlisted() {
                place.unlisted_since = Some(now);
            }
            return Some(*node);
        }
        if self.unlisted() >= self.unlisted_max {
            self.forget_unused(now);
        }
        if self.unlisted() >= self.unlisted_max {
            return None;
        }
        self.add(address, Some(now))
    }

    /// Takes over a view of the cluster.
    pub fn adopt(&mut self, topology: &Topology, now: Instant) -> Adopted {
        let listed: Vec<Option<Node>> =
            topology.nodes().iter().map(|address| self.list(address.clone())).collect();
        let mut owners = Box::new([NOBODY; SLOTS]);
        let mut serving = Vec::new();
        let mut rest = &mut owners[..];
        for (slots, index) in topology.runs() {
            let owner = index.and_then(|index| listed[index]);
            let (run, after) = rest.split_at_mut(slots);
            run.fill(owner.unwrap_or(NOBODY));
            rest = after;
            serving.extend(owner);
        }
        let changed = !matches!(&self.table, Table::Slots(current) if *current == owners);
        serving.sort_unstable();
        serving.dedup();
        if changed {
            self.version += 1;
            self.table = Table::Slots(owners);
        }
        let mut is_listed = vec![false; self.places.len()];
        listed.iter().flatten().for_each(|node| is_listed[node.index()] = true);
        let unlisted: Vec<Node> =
            self.by_address.values().filter(|node| !is_listed[node.index()]).copied().collect();
        for node in &unlisted {
            self.places[node.index()].unlisted_since.get_or_insert(now);
        }
        self.forget_unused(now);
        Adopted { unlisted, owners: serving }
    }

    /// Notes that a slot has moved to `node`.
    pub fn moved(&mut self, slot: Slot, node: Node) {
        if let Table::Slots(owners) = &mut self.table
            && owners[slot.index()] != node
        {
            owners[slot.index()] = node;
            self.version += 1;
        }
    }

    /// The node at an address that the topology lists; `None` if there are `NODES_MAX` already.
    fn list(&mut self, address: Address) -> Option<Node> {
        if let Some(node) = self.by_address.get(&address) {
            self.places[node.index()].unlisted_since = None;
            return Some(*node);
        }
        self.add(address, None)
    }

    fn add(&mut self, address: Address, unlisted_since: Option<Instant>) -> Option<Node> {
        let free = self.places.iter().position(|place| place.address.is_none());
        let index = match free {
            Some(index) => index,
            None if self.places.len() < NODES_MAX => {
                self.places.push(Place { address: None, generation: 0, unlisted_since });
                self.places.len() - 1
            }
            None => return None,
        };
        let place = &mut self.places[index];
        place.address = Some(address.clone());
        place.unlisted_since = unlisted_since;
        let node = Node { index: u16::try_from(index).ok()?, generation: place.generation };
        self.by_address.insert(address, node);
        Some(node)
    }

    /// Forgets the unlisted nodes that have not been heard of for a while, unless they serve slots.
    fn forget_unused(&mut self, now: Instant) {
        let unused_for = Duration::from_millis(UNLISTED_NODE_MS);
        let is_unused =
            |place: &Place| place.unlisted_since.is_some_and(|since| now >= since + unused_for);
        let candidates: Vec<Node> = self
            .by_address
            .values()
            .filter(|n| is_unused(&self.places[n.index()]))
            .copied()
            .collect();
        for node in candidates {
            if matches!(&self.table, Table::Slots(owners) if owners.contains(&node)) {
                continue;
            }
            let place = &mut self.places[node.index()];
            if let Some(address) = place.address.take() {
                self.by_address.remove(&address);
            }
            place.unlisted_since = None;
            // A stale node is told from the next of its place, unless that happens 65,536 times
            // while a command is under way.
            place.generation = place.generation.wrapping_add(1);
            self.forgotten += 1;
        }
    }
}

impl Place {
    fn is_unlisted(&self) -> bool {
        self.address.is_some() && self.unlisted_since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Address {
        Address::new("h", port).unwrap()
    }

    fn view(ranges: &[(u16, u16, u16)]) -> Topology {
        Topology::of(ranges)
    }

    fn port(router: &Router, slot: u16) -> Option<u16> {
        match router.route(Slot::new(slot).unwrap()) {
            Route::To(node) => router.address(node).map(Address::port),
            Route::Uncovered | Route::Unknown => None,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of a story")]
    fn start() -> Instant {
        Instant::now()
    }

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn a_moved_slot_is_patched_at_once_and_the_next_view_rules() {
        let (mut router, now) = (Router::cluster(9), start());
        assert_eq!(router.route(Slot::of(b"k")), Route::Unknown);
        let adopted = router.adopt(&view(&[(0, 99, 1), (100, 199, 2)]), now);
        assert_eq!((adopted.unlisted.len(), adopted.owners.len()), (0, 2));
        let seen = router.version();
        assert_eq!(
            (port(&router, 99), port(&router, 100), port(&router, 200)),
            (Some(1), Some(2), None)
        );
        let node = router.learn(address(3), now).unwrap();
        router.moved(Slot::new(99).unwrap(), node);
        assert_eq!(port(&router, 99), Some(3));
        assert!(router.version() > seen);
        let adopted = router.adopt(&view(&[(0, 99, 1), (100, 199, 2)]), now);
        assert_eq!(adopted.unlisted, [node]);
        assert_eq!(port(&router, 99), Some(1));
    }

    #[test]
    fn a_view_that_changes_nothing_changes_no_version() {
        let (mut router, now) = (Router::cluster(9), start());
        router.adopt(&view(&[(0, 99, 1)]), now);
        let seen = router.version();
        router.adopt(&view(&[(0, 99, 1)]), now);
        assert_eq!(router.version(), seen);
    }

    #[test]
    fn redirects_cannot_fill_the_memory_and_what_is_unused_makes_room() {
        let (mut router, begin) = (Router::single(address(1), 2), start());
        let first = router.learn(address(2), begin).unwrap();
        let second = router.learn(address(3), at(begin, 1_000)).unwrap();
        assert_eq!(router.learn(address(4), at(begin, 1_000)), None);
        assert_eq!(router.learn(address(2), at(begin, 2_000)), Some(first));

        let later = at(begin, 1_000 + UNLISTED_NODE_MS);
        let third = router.learn(address(4), later).unwrap();
        assert_eq!((router.address(second), router.forgotten()), (None, 1));
        assert_eq!(third.index(), second.index());
        assert_eq!(router.address(third), Some(&address(4)));
        assert_eq!(router.address(first), Some(&address(2)), "heard of a second later");
        assert_eq!(router.learn(address(5), later), None);
    }

    #[test]
    fn a_node_that_serves_is_not_forgotten_and_one_that_is_listed_is_not_counted() {
        let (mut router, begin) = (Router::cluster(1), start());
        router.adopt(&view(&[(0, 99, 1)]), begin);
        let serving = router.learn(address(2), begin).unwrap();
        router.moved(Slot::new(5).unwrap(), serving);
        let later = at(begin, 2 * UNLISTED_NODE_MS);
        assert_eq!(router.learn(address(3), later), None, "it serves slot 5");
        router.adopt(&view(&[(0, 99, 1), (100, 199, 2)]), later);
        assert_eq!(router.unlisted(), 0);
        assert!(router.learn(address(3), later).is_some());
    }

    #[test]
    fn a_node_that_left_the_topology_is_forgotten_after_a_while() {
        let (mut router, begin) = (Router::cluster(1), start());
        router.adopt(&view(&[(0, 99, 1), (100, 199, 2)]), begin);
        let Route::To(left) = router.route(Slot::new(100).unwrap()) else { panic!("it is served") };
        assert_eq!(router.adopt(&view(&[(0, 199, 1)]), begin).unlisted, [left]);
        assert!(router.address(left).is_some(), "what is in flight may still name it");
        router.adopt(&view(&[(0, 199, 1)]), at(begin, UNLISTED_NODE_MS));
        assert_eq!(router.address(left), None);
    }
}
