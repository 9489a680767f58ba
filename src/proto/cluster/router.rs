//! A worker's own table of slots and nodes: the last view adopted, and every MOVED since.

use std::collections::BTreeMap;

use super::{Address, Slot, Topology};
use crate::limits::{NODES_MAX, SLOTS};

/// A node that a [`Router`] knows. Stands for the same address as long as the router lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(u16);

impl Node {
    /// A small number that no other node of the router has.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// No node.
const NOBODY: Node = Node(u16::MAX);

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

/// A worker's table of one upstream.
#[derive(Debug)]
pub struct Router {
    table: Table,
    /// Every address ever heard of; at most `NODES_MAX`, so that redirects cannot fill the memory.
    nodes: Vec<Address>,
    by_address: BTreeMap<Address, Node>,
    /// Grows whenever some slot changes hands.
    version: u64,
}

impl Router {
    /// A router of a cluster of which nothing is known yet.
    #[must_use]
    pub fn cluster() -> Router {
        Router { table: Table::Unknown, nodes: Vec::new(), by_address: BTreeMap::new(), version: 0 }
    }

    /// A router of one server.
    #[must_use]
    pub fn single(address: Address) -> Router {
        let mut router = Router::cluster();
        if let Some(node) = router.node(address) {
            router.table = Table::Single(node);
        }
        router
    }

    /// Whether keys must share a slot to be used together.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        !matches!(self.table, Table::Single(_))
    }

    /// Grows whenever some slot changes hands.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
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

    /// Where a node is.
    #[must_use]
    pub fn address(&self, node: Node) -> &Address {
        &self.nodes[node.index()]
    }

    /// The node at an address, which may be new; `None` if there are `NODES_MAX` already.
    pub fn node(&mut self, address: Address) -> Option<Node> {
        if let Some(node) = self.by_address.get(&address) {
            return Some(*node);
        }
        if self.nodes.len() >= NODES_MAX {
            return None;
        }
        let node = Node(u16::try_from(self.nodes.len()).ok()?);
        self.nodes.push(address.clone());
        self.by_address.insert(address, node);
        Some(node)
    }

    /// Takes over a view of the cluster; returns the nodes it does not list.
    pub fn adopt(&mut self, topology: &Topology) -> Vec<Node> {
        let listed: Vec<Option<Node>> =
            topology.nodes().iter().map(|address| self.node(address.clone())).collect();
        let mut owners = Box::new([NOBODY; SLOTS]);
        for (owner, index) in owners.iter_mut().zip(topology.owners()) {
            *owner = index.and_then(|index| listed[index]).unwrap_or(NOBODY);
        }
        let changed = !matches!(&self.table, Table::Slots(current) if *current == owners);
        if changed {
            self.version += 1;
            self.table = Table::Slots(owners);
        }
        self.by_address.values().filter(|node| !listed.contains(&Some(**node))).copied().collect()
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::resp::Value;

    fn address(port: u16) -> Address {
        Address::new("h", port).unwrap()
    }

    /// A view in which `h:port` serves the slots from `first` to `last`, for each of `ranges`.
    fn view(ranges: &[(i64, i64, i64)]) -> Topology {
        let node = |port| Value::Array(vec![Value::Bulk(b"h".to_vec()), Value::Integer(port)]);
        let range = |(first, last, port): &(i64, i64, i64)| {
            Value::Array(vec![Value::Integer(*first), Value::Integer(*last), node(*port)])
        };
        let reply = Value::Array(ranges.iter().map(range).collect());
        Topology::from_slots(&reply, 1, &address(1)).unwrap()
    }

    fn port(router: &Router, slot: u16) -> Option<u16> {
        match router.route(Slot::new(slot).unwrap()) {
            Route::To(node) => Some(router.address(node).port()),
            Route::Uncovered | Route::Unknown => None,
        }
    }

    #[test]
    fn a_moved_slot_is_patched_at_once_and_the_next_view_rules() {
        let mut router = Router::cluster();
        assert_eq!(router.route(Slot::of(b"k")), Route::Unknown);
        assert!(router.adopt(&view(&[(0, 99, 1), (100, 199, 2)])).is_empty());
        let seen = router.version();
        assert_eq!(
            (port(&router, 99), port(&router, 100), port(&router, 200)),
            (Some(1), Some(2), None)
        );

        let node = router.node(address(3)).unwrap();
        router.moved(Slot::new(99).unwrap(), node);
        assert_eq!(port(&router, 99), Some(3));
        assert!(router.version() > seen);

        assert_eq!(router.adopt(&view(&[(0, 99, 1), (100, 199, 2)])), [node]);
        assert_eq!(port(&router, 99), Some(1));
    }

    #[test]
    fn a_view_that_changes_nothing_changes_no_version() {
        let mut router = Router::cluster();
        router.adopt(&view(&[(0, 99, 1)]));
        let seen = router.version();
        router.adopt(&view(&[(0, 99, 1)]));
        assert_eq!(router.version(), seen);
    }

    #[test]
    fn redirects_cannot_fill_the_memory() {
        let mut router = Router::single(address(1));
        for port in 2..=u16::MAX {
            let known = router.node(address(port)).is_some();
            assert_eq!(known, usize::from(port) <= NODES_MAX);
        }
        assert_eq!(router.nodes.len(), NODES_MAX);
    }
}
