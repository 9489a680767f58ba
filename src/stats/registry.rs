//! A worker's node connections: who counts what, and what was counted by those that are over.
//!
//! ```text
//! connection (counts) --dropped--> its node --unlisted, no connection--> its upstream's remainder
//! ```
//!
//! So the sum over an upstream never goes backwards, and nodes that are gone, or were only known
//! from redirects, take no room. The lock is taken when a connection's task begins, when the
//! topology is looked at, and for as long as a reader needs to copy the list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::NodeStats;
use crate::proto::cluster::Address;

/// What counts for one node, or for all the nodes of an upstream that are gone.
type Blocks = Vec<Arc<NodeStats>>;

/// A worker's node connections.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<BTreeMap<usize, Nodes>>);

/// Those of one upstream.
#[derive(Debug, Default)]
struct Nodes {
    by_address: BTreeMap<Address, Node>,
    /// The nodes that stay without a connection; `None`: that is not known yet, and all do.
    listed: Option<BTreeSet<Address>>,
    /// What was counted for nodes that are gone.
    remainder: Arc<NodeStats>,
}

/// Those of one node.
#[derive(Debug, Default)]
struct Node {
    /// What was counted by connections that are over.
    past: Arc<NodeStats>,
    /// Of connections; shared with the connection until that is over.
    blocks: Blocks,
}

impl Registry {
    /// What a new connection to a node of an upstream counts in.
    pub(super) fn connection(
        &self,
        upstream: usize,
        address: &Address,
        began: Instant,
    ) -> Arc<NodeStats> {
        let mut upstreams = self.lock();
        let nodes = upstreams.entry(upstream).or_default();
        let node = nodes.by_address.entry(address.clone()).or_default();
        node.tidy();
        let block = Arc::new(NodeStats::new(began));
        node.blocks.push(Arc::clone(&block));
        block
    }

    /// Any other node than these is gone as soon as no connection counts for it.
    pub(super) fn keep(&self, upstream: usize, listed: &BTreeSet<&Address>) {
        let mut upstreams = self.lock();
        let nodes = upstreams.entry(upstream).or_default();
        let known = nodes.listed.iter().flatten();
        if nodes.listed.is_none() || !known.eq(listed.iter().copied()) {
            nodes.listed = Some(listed.iter().copied().cloned().collect());
        }
        nodes.tidy();
    }

    /// Adds what counts to `all`, in which an upstream has its place by its number.
    pub(super) fn collect(&self, all: &mut [NodesView]) {
        for (upstream, nodes) in self.lock().iter_mut() {
            let Some(view) = all.get_mut(*upstream) else { continue };
            nodes.tidy();
            view.gone.push(Arc::clone(&nodes.remainder));
            for (address, node) in &nodes.by_address {
                let blocks = view.by_address.entry(address.clone()).or_default();
                blocks.push(Arc::clone(&node.past));
                blocks.extend(node.blocks.iter().map(Arc::clone));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Nodes>> {
        // Whoever panicked under the lock left nothing half done that matters to a sum.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nodes {
    /// Adds up what is over.
    fn tidy(&mut self) {
        self.by_address.values_mut().for_each(Node::tidy);
        let (remainder, listed) = (&self.remainder, &self.listed);
        self.by_address.retain(|address, node| {
            let is_unlisted = listed.as_ref().is_some_and(|listed| !listed.contains(address));
            let gone = is_unlisted && node.blocks.is_empty();
            let past = if gone { Arc::get_mut(&mut node.past) } else { None };
            past.map(|past| remainder.absorb(past)).is_none()
        });
    }
}

impl Node {
    /// Adds up what is over. What a reader still holds waits for the next time: it would be counted
    /// twice in what is being read.
    fn tidy(&mut self) {
        let past = &self.past;
        self.blocks.retain_mut(|block| Arc::get_mut(block).map(|over| past.absorb(over)).is_none());
    }
}

/// What counts for one upstream, over all workers.
#[derive(Clone, Debug, Default)]
pub struct NodesView {
    by_address: BTreeMap<Address, Blocks>,
    gone: Blocks,
}

impl NodesView {
    /// The nodes and what counts for each, in the order of their addresses.
    pub fn nodes(&self) -> impl Iterator<Item = (&Address, &[Arc<NodeStats>])> + Clone {
        self.by_address.iter().map(|(address, blocks)| (address, &blocks[..]))
    }

    /// All that counts for the upstream, nodes that are gone included.
    pub fn all(&self) -> impl Iterator<Item = &NodeStats> + Clone {
        self.gone.iter().chain(self.by_address.values().flatten()).map(Arc::as_ref)
    }
}
