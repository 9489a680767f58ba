//! Who follows whom in the cluster, who is up, and what a change of that loses: what the
//! administrator of the cluster knows and the nodes do not.
//!
//! Replication is asynchronous in Redis, and so a failover may lose writes that were acknowledged:
//! those that the replica had not got, and those that the old primary took when it was none any
//! more. Each such loss is written down, so that nothing else may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redpoll::embedded::Cluster;
use redpoll::proto::cluster::Slot;
use tokio::time::Instant;

use crate::history::{Execution, Loss, Lost};
use crate::net::HostId;
use crate::nodes;
use crate::resp::{content, elements};
use crate::world::World;

/// Slots of a cluster.
const SLOTS: u16 = 16_384;

/// What only the administrator knows.
#[derive(Debug, Default)]
pub(crate) struct Kinship {
    /// Nodes that were killed or switched off.
    down: BTreeSet<usize>,
    /// Replicas that get nothing new, and since when.
    held: BTreeMap<usize, Duration>,
    /// Nodes that have lost their slots and have not heard of it, and since when.
    unaware: BTreeMap<usize, Duration>,
}

impl Kinship {
    /// Whether a replica of this primary gets nothing new.
    pub(crate) fn is_held_up(&self, cluster: &Cluster, primary: usize) -> bool {
        self.held.keys().any(|replica| cluster.primary(*replica) == Some(primary))
    }
}

impl World {
    /// The primary of a node's group: the node itself if it is one.
    pub(crate) fn primary_of(&self, node: usize) -> usize {
        self.cluster.primary(node).unwrap_or(node)
    }

    /// Kills a node's process.
    pub(crate) fn kill(&mut self, node: usize) {
        self.went_down(node);
        self.network.kill(self.nodes[node]);
    }

    /// Cuts the power of a node's host.
    pub(crate) fn power_off(&mut self, node: usize) {
        self.went_down(node);
        self.network.power_off(self.nodes[node]);
    }

    /// Starts a node again, with its data or without.
    pub(crate) fn restart(&mut self, node: usize, keeps_data: bool) {
        if !keeps_data {
            self.lose(self.slots_at(node), Duration::ZERO);
            self.servers[node].clear();
            if let Some(since) = self.kinship.held.get_mut(&node) {
                // It has nothing now, and gets nothing.
                *since = Duration::ZERO;
            }
        }
        for node in self.on_the_host_of(node) {
            if self.kinship.down.remove(&node) {
                self.cluster.set_failed(node, false);
            }
        }
        self.network.restart(self.nodes[node]);
    }

    /// Takes away what is wrong with a node itself.
    pub(crate) fn recover(&mut self, node: usize) {
        self.servers[node].set_fault(None);
        // Connections on which it was silent stay so until it closes them.
        let host = self.nodes[node];
        self.at_each_proxy(|network, proxy| network.reset_later(proxy, host));
    }

    /// Gives a slot to a node, or to none, without its keys.
    pub(crate) fn assign(&mut self, slot: Slot, to: Option<usize>) {
        self.moving.remove(&slot);
        // What is written later can be lost as well: by whoever has not heard of it.
        let (from, until) = (Duration::ZERO, Duration::MAX);
        let (what, at) = (Lost::Slots([slot.number()].into()), self.network.now());
        self.recorder.lost(Loss { what, from, until, at });
        self.cluster.assign(slot, to);
    }

    /// Has a replica take a primary's place, if it has one that is up and that the others hear.
    pub(crate) fn fail_over(&mut self, primary: usize) {
        let is_fit = |node: &usize| {
            self.cluster.primary(*node) == Some(primary)
                && !self.kinship.down.contains(node)
                && !self.cluster.is_isolated(*node)
        };
        let Some(replica) = (0..self.cluster.size()).find(is_fit) else { return };
        let now = self.network.now();
        self.network.overlay().note(&format!("node-{replica} takes the place of node-{primary}"));
        match self.kinship.held.remove(&replica) {
            None => {}
            // It never had anything, whichever node executed it.
            Some(Duration::ZERO) => self.lose(self.slots_at(primary), Duration::ZERO),
            Some(since) => self.lose(Lost::Node(primary), since),
        }
        self.cluster.promote(replica);
        self.recorder.failed_over(primary, replica);
        if self.kinship.down.contains(&primary) {
            self.cluster.set_failed(primary, true);
        }
        if self.cluster.is_isolated(primary) {
            self.kinship.unaware.entry(primary).or_insert(now);
        }
        // The others follow the new primary, from the beginning.
        let cluster = &self.cluster;
        self.kinship.held.retain(|node, _| cluster.primary(*node) != Some(replica));
    }

    /// Lets the replicas of a primary fall behind, unless slots of it are on the move.
    pub(crate) fn hold_replication(&mut self, primary: usize) {
        let touches = |slot: &Slot| {
            self.cluster.owner(*slot) == Some(primary)
                || self.cluster.migrating_to(*slot) == Some(primary)
        };
        if self.moving.iter().any(touches) {
            return;
        }
        for replica in self.replicas_of(primary) {
            self.cluster.hold_replication(replica);
            self.kinship.held.entry(replica).or_insert(self.network.now());
        }
    }

    /// Lets them catch up.
    pub(crate) fn release_replication(&mut self, primary: usize) {
        for replica in self.replicas_of(primary) {
            self.cluster.release_replication(replica);
            self.kinship.held.remove(&replica);
        }
    }

    /// Lets a node hear the news again.
    pub(crate) fn rejoin(&mut self, node: usize) {
        if let Some(since) = self.kinship.unaware.remove(&node) {
            self.lose(Lost::Node(node), since);
        }
        self.cluster.rejoin(node);
        // One that has heard nothing of a failover, nor of the next one that undid it, has been
        // held up by the same primary all the time.
        if self.cluster.primary(node).is_some() && !self.kinship.held.contains_key(&node) {
            self.cluster.release_replication(node);
        }
    }

    /// Has a primary hand all its slots over to that of another group, if nothing is in the way.
    pub(crate) fn retire(&mut self, node: usize, heir: usize) {
        let heir = self.primary_of(heir);
        let is_busy = |group: usize| {
            self.kinship.is_held_up(&self.cluster, group)
                || self.moving.iter().any(|slot| {
                    self.cluster.owner(*slot) == Some(group)
                        || self.cluster.migrating_to(*slot) == Some(group)
                })
        };
        if self.cluster.primary(node).is_some() || heir == node || is_busy(node) || is_busy(heir) {
            return;
        }
        self.cluster.retire(node, heir);
        self.recorder.retired(node);
        if self.cluster.is_isolated(node) {
            self.kinship.unaware.entry(node).or_insert(self.network.now());
        }
    }

    /// Makes a node's name resolve to these hosts; to an error if there are none.
    pub(crate) fn set_name(&mut self, node: usize, hosts: &[HostId]) {
        let name = nodes::name_of(node);
        self.network.set_name(&name, hosts);
    }

    /// Writes down, when all is over, what is left in the sets, and what is lost with nodes that
    /// never heard that they have no slots any more.
    pub(crate) fn take_stock(&mut self) {
        for (node, since) in std::mem::take(&mut self.kinship.unaware) {
            self.lose(Lost::Node(node), since);
        }
        let is_add = |seen: &&Execution| seen.args[0].eq_ignore_ascii_case(b"SADD");
        let keys: BTreeSet<Vec<u8>> = self.recorder.with(|history| {
            history.executions.iter().filter(is_add).map(|seen| seen.args[1].clone()).collect()
        });
        for key in keys {
            let slot = Slot::of(&key);
            let Some(owner) = self.cluster.owner(slot) else { continue };
            if self.moving.contains(&slot) {
                // A plan that was cut down may leave it on its way: the key is here or there.
                continue;
            }
            let node = &self.servers[owner];
            node.set_fault(None);
            node.set_password(None);
            let mut reply = Vec::new();
            let mut connection = node.connect("administrator".to_owned(), Instant::now());
            node.execute(&mut connection, &[b"SMEMBERS", &key], Instant::now(), &mut reply);
            let members = elements(&reply).expect("nothing is in the way of the owner");
            let members = members.into_iter().filter_map(content).map(<[u8]>::to_vec);
            self.recorder.left(key, members.collect());
        }
    }

    fn went_down(&mut self, node: usize) {
        let down = self.on_the_host_of(node);
        self.kinship.down.extend(down);
    }

    /// The nodes that share a node's host, itself included.
    fn on_the_host_of(&self, node: usize) -> Vec<usize> {
        let host = self.nodes[node];
        (0..self.nodes.len()).filter(|other| self.nodes[*other] == host).collect()
    }

    fn replicas_of(&self, primary: usize) -> Vec<usize> {
        let is_its = |node: &usize| self.cluster.primary(*node) == Some(primary);
        (0..self.cluster.size()).filter(is_its).collect()
    }

    /// All that a primary has.
    fn slots_at(&self, node: usize) -> Lost {
        let is_here = |slot: &Slot| {
            self.cluster.owner(*slot) == Some(node)
                || self.cluster.migrating_to(*slot) == Some(node)
        };
        let slots = (0..SLOTS).filter_map(Slot::new).filter(is_here);
        Lost::Slots(slots.map(Slot::number).collect())
    }

    /// What was written there from then until now is lost.
    fn lose(&self, what: Lost, from: Duration) {
        let now = self.network.now();
        self.recorder.lost(Loss { what, from, until: now, at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::Rig;
    use crate::world::{Setup, ms};

    #[test]
    fn a_slot_that_is_given_away_takes_with_it_what_is_written_ever_but_from_then_on_only() {
        let mut rig = Rig::new(&Setup::default());
        rig.wait(30);
        let (slot, given) = (Slot::of(b"key"), rig.now());
        rig.world.assign(slot, Some(0));
        rig.wait(30);
        let losses = rig.world.recorder.with(|history| history.losses.clone());
        let what = Lost::Slots([slot.number()].into());
        assert_eq!(losses, [Loss { what, from: ms(0), until: Duration::MAX, at: given }]);
        assert!(given >= ms(30));
    }
}
