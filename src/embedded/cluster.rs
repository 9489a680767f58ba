//! The cluster as its administrator sees it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::clock::Clock;
use super::node::{Node, State};
use super::pubsub::Exchange;
use super::redirect::Membership;
use super::replication::{Change, Link};
use super::view::View;
use crate::proto::cluster::{Address, Slot};

/// A cluster: its nodes, and the truth about it. Clones are handles of the same.
///
/// Whatever changes is told to every node at once, except to those that are isolated: they act on
/// the view that they had until they [`rejoin`](Cluster::rejoin). Nodes are numbered: the primaries
/// in the order given, then the replicas.
///
/// # Panics
/// Its methods panic for a number that no node has, and where a change makes no sense, like
/// migrating a slot from a node that does not serve it.
#[derive(Clone, Debug)]
pub struct Cluster(Rc<RefCell<Inner>>);

#[derive(Debug)]
struct Inner {
    nodes: Vec<Node>,
    /// What takes what is published to all of them.
    exchange: Rc<Exchange>,
    clock: Clock,
    /// What a node that hears everything knows.
    truth: View,
    /// Nodes that hear nothing.
    isolated: BTreeSet<usize>,
    /// Where slots are on their way to.
    migrations: BTreeMap<Slot, usize>,
}

impl Cluster {
    /// A cluster of primaries, which serve all slots evenly, and replicas, each with the number of
    /// its primary.
    #[must_use]
    pub fn new(primaries: &[Address], replicas: &[(Address, usize)]) -> Cluster {
        assert!(!primaries.is_empty(), "a cluster has a primary");
        let clock = Clock::default();
        let all = primaries.iter().map(|address| (address, None));
        let all = all.chain(replicas.iter().map(|(address, primary)| (address, Some(*primary))));
        let (mut nodes, mut members) = (Vec::new(), Vec::new());
        for ((address, primary), number) in all.zip(1..) {
            assert!(primary.is_none_or(|index| index < primaries.len()), "no such primary");
            let node = Node::with(Some(address.clone()), clock.clone(), number);
            members.push(View::member(&node, address, primary, number));
            nodes.push(node);
        }
        let truth = View::new(members, primaries.len());
        let view = Rc::new(truth.clone());
        let exchange = Rc::<Exchange>::default();
        for (me, node) in nodes.iter().enumerate() {
            let mut state = node.0.borrow_mut();
            state.membership = Some(Membership::new(me, Rc::clone(&view)));
            state.exchange = Rc::clone(&exchange);
        }
        let (isolated, migrations) = (BTreeSet::new(), BTreeMap::new());
        let inner = Inner { nodes, exchange, clock, truth, isolated, migrations };
        inner.connect_replicas();
        Cluster(Rc::new(RefCell::new(inner)))
    }

    /// Nodes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.borrow().nodes.len()
    }

    /// One of its nodes.
    #[must_use]
    pub fn node(&self, index: usize) -> Node {
        self.0.borrow().nodes[index].clone()
    }

    /// Where a node is.
    #[must_use]
    pub fn address(&self, index: usize) -> Address {
        self.0.borrow().truth.members[index].address.clone()
    }

    /// The number of the primary that really serves a slot.
    #[must_use]
    pub fn owner(&self, slot: Slot) -> Option<usize> {
        self.0.borrow().truth.owner(slot)
    }

    /// The number of the primary that a node really follows; `None` if it is a primary.
    #[must_use]
    pub fn primary(&self, index: usize) -> Option<usize> {
        self.0.borrow().truth.members[index].primary
    }

    /// The number of the primary that a slot is on its way to.
    #[must_use]
    pub fn migrating_to(&self, slot: Slot) -> Option<usize> {
        self.0.borrow().migrations.get(&slot).copied()
    }

    /// Sets the time of day of all nodes, see [`Node::set_clock`].
    pub fn set_clock(&self, at: Instant, since_epoch: Duration) {
        let inner = self.0.borrow();
        inner.clock.set(at, since_epoch);
        for node in &inner.nodes {
            node.0.borrow_mut().clock = inner.clock.clone();
        }
    }

    /// Sets the password of all nodes, see [`Node::set_password`].
    pub fn set_password(&self, password: Option<&str>) {
        for node in &self.0.borrow().nodes {
            node.set_password(password);
        }
    }

    /// From now on nodes do not say on which host the others are, only at which port: redirects
    /// are to `:port`, and `CLUSTER SLOTS` has nulls for hosts.
    pub fn hide_hosts(&self) {
        let mut inner = self.0.borrow_mut();
        inner.truth.hosts_hidden = true;
        inner.tell_all(None);
    }

    /// Begins to move a slot: it is MIGRATING at `from`, IMPORTING at `to`.
    pub fn begin_migration(&self, slot: Slot, from: usize, to: usize) {
        let mut inner = self.0.borrow_mut();
        assert!(!inner.migrations.contains_key(&slot), "the slot is on its way already");
        assert_eq!(inner.truth.owner(slot), Some(from), "only its owner can give a slot away");
        assert!(inner.truth.members[to].primary.is_none() && to != from, "only to a primary");
        inner.migrations.insert(slot, to);
        inner.with_membership(from, |own| {
            own.migrating.insert(slot, to);
        });
        inner.with_membership(to, |own| {
            own.importing.insert(slot, from);
        });
    }

    /// Moves up to `count` keys of a slot that is migrating; returns how many it moved.
    pub fn move_keys(&self, slot: Slot, count: usize) -> usize {
        self.0.borrow().move_keys(slot, count)
    }

    /// Ends the move of a slot, the keys that are left included: it is served by the node that it
    /// went to, at a new epoch. That node knows even if it is isolated, and forgets that it once
    /// gave the slot away, if nobody has told it that it did.
    pub fn finish_migration(&self, slot: Slot) {
        let mut inner = self.0.borrow_mut();
        inner.move_keys(slot, usize::MAX);
        let to = inner.migrations.remove(&slot).expect("the slot is migrating");
        inner.truth.epoch += 1;
        inner.truth.members[to].epoch = inner.truth.epoch;
        inner.truth.assign(slot, Some(to));
        inner.with_membership(to, |own| {
            own.migrating.remove(&slot);
        });
        inner.tell_all(Some(to));
    }

    /// Moves all slots of a primary to another one, with their keys: it and its replicas leave the
    /// topology. None of its slots may be on the move.
    pub fn retire(&self, from: usize, to: usize) {
        let mut inner = self.0.borrow_mut();
        assert!(inner.truth.members[to].primary.is_none() && to != from, "only to a primary");
        let is_its_own = |slot: &Slot| inner.truth.owner(*slot) == Some(from);
        assert!(!inner.migrations.keys().any(is_its_own), "a slot is on its way elsewhere");
        let keys: Vec<Vec<u8>> = {
            let source = inner.nodes[from].0.borrow();
            let slots = source.store.slots().filter(is_its_own);
            slots.flat_map(|slot| source.store.keys_in(slot).map(<[u8]>::to_vec)).collect()
        };
        inner.carry(&keys, from, to);
        inner.with_membership(to, |own| own.migrating.retain(|slot, _| !is_its_own(slot)));
        inner.truth.hand_over(from, to);
        inner.tell_all(Some(to));
    }

    /// Takes a slot from whoever serves it, or gives it to a primary, without its keys: a node that
    /// learns that another one serves a slot forgets its keys. Ends a move of the slot.
    pub fn assign(&self, slot: Slot, owner: Option<usize>) {
        let mut inner = self.0.borrow_mut();
        inner.migrations.remove(&slot);
        inner.truth.epoch += 1;
        if let Some(owner) = owner {
            inner.truth.members[owner].epoch = inner.truth.epoch;
        }
        inner.truth.assign(slot, owner);
        for index in 0..inner.nodes.len() {
            inner.with_membership(index, |own| {
                own.migrating.remove(&slot);
                own.importing.remove(&slot);
            });
        }
        inner.tell_all(None);
    }

    /// Fails over to a replica: it serves its primary's slots, with the data it has, at a new
    /// epoch. The old primary is its replica as soon as it hears of it. The promoted node knows
    /// even if it is isolated. Slots on the move stay so, as Valkey does it since 8.0.
    pub fn promote(&self, replica: usize) {
        let mut inner = self.0.borrow_mut();
        let old = inner.truth.members[replica].primary.expect("only a replica can be promoted");
        inner.truth.promote(replica);
        let moves = inner.nodes[old].0.borrow().membership.clone();
        inner.with_membership(replica, |own| {
            own.migrating = moves.as_ref().map(|old| old.migrating.clone()).unwrap_or_default();
            own.importing = moves.map(|old| old.importing).unwrap_or_default();
        });
        for target in inner.migrations.values_mut().filter(|target| **target == old) {
            *target = replica;
        }
        inner.tell_all(Some(replica));
    }

    /// Marks a node as down, or up again, in the eyes of the others.
    pub fn set_failed(&self, index: usize, failed: bool) {
        let mut inner = self.0.borrow_mut();
        inner.truth.members[index].failed = failed;
        inner.tell_all(None);
    }

    /// Cuts a node off from the cluster's news: it keeps the view that it has.
    pub fn isolate(&self, index: usize) {
        let mut inner = self.0.borrow_mut();
        inner.isolated.insert(index);
        inner.exchange.isolate(index, true);
    }

    /// Whether a node is cut off from the cluster's news.
    #[must_use]
    pub fn is_isolated(&self, index: usize) -> bool {
        self.0.borrow().isolated.contains(&index)
    }

    /// Lets an isolated node hear the news again, at once what it missed.
    pub fn rejoin(&self, index: usize) {
        let mut inner = self.0.borrow_mut();
        if inner.isolated.remove(&index) {
            inner.exchange.isolate(index, false);
            inner.tell(&[index]);
        }
    }

    /// Lets a replica fall behind its primary from now on.
    pub fn hold_replication(&self, replica: usize) {
        self.0.borrow().with_link(replica, |link, _| link.hold());
    }

    /// Lets a replica catch up with its primary.
    pub fn release_replication(&self, replica: usize) {
        self.0.borrow().with_link(replica, Link::release);
    }
}

impl Inner {
    fn with_membership(&self, index: usize, change: impl FnOnce(&mut Membership)) {
        change(self.nodes[index].0.borrow_mut().membership.as_mut().expect("set by Cluster::new"));
    }

    fn with_link(&self, replica: usize, change: impl Fn(&mut Link, u64)) {
        for node in &self.nodes {
            let State { links, offset, waiters, .. } = &mut *node.0.borrow_mut();
            for link in links.iter_mut().filter(|link| link.feeds(&self.nodes[replica])) {
                change(link, *offset);
                waiters.wake();
            }
        }
    }

    fn move_keys(&self, slot: Slot, count: usize) -> usize {
        let to = *self.migrations.get(&slot).expect("the slot is migrating");
        let from = self.truth.owner(slot).expect("a slot that migrates is served");
        let keys: Vec<Vec<u8>> = {
            let source = self.nodes[from].0.borrow();
            source.store.keys_in(slot).take(count).map(<[u8]>::to_vec).collect()
        };
        self.carry(&keys, from, to);
        keys.len()
    }

    /// Moves keys from one primary to another, and from its replicas to the other's.
    fn carry(&self, keys: &[Vec<u8>], from: usize, to: usize) {
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        for key in keys {
            let Some(entry) = from.0.borrow_mut().store.remove(key) else { continue };
            from.replicate(&[Change::Remove(key.clone())]);
            to.0.borrow_mut().store.put(key, entry.clone());
            to.replicate(&[Change::Put(key.clone(), entry)]);
        }
        to.0.borrow().waiters.wake();
    }

    /// Tells everybody who listens, and one that knows in any case.
    fn tell_all(&self, knowing: Option<usize>) {
        let listens = |index: &usize| !self.isolated.contains(index) || Some(*index) == knowing;
        let listeners: Vec<usize> = (0..self.nodes.len()).filter(listens).collect();
        self.tell(&listeners);
    }

    fn tell(&self, listeners: &[usize]) {
        let view = Rc::new(self.truth.clone());
        for index in listeners {
            self.with_membership(*index, |own| own.adopt(Rc::clone(&view)));
            self.forget_lost(*index);
            let state = self.nodes[*index].0.borrow();
            let own = state.membership.as_ref();
            let owns = |slot| own.is_some_and(|own| own.view.owner(slot) == Some(own.me));
            self.exchange.end_lost(*index, owns);
            state.waiters.wake();
        }
        self.connect_replicas();
    }

    /// Has a primary remove the keys of slots that it knows another one to serve.
    fn forget_lost(&self, index: usize) {
        let node = &self.nodes[index];
        let lost: Vec<Vec<u8>> = {
            let state = node.0.borrow();
            let Some(own) = state.membership.as_ref().filter(|own| !own.is_replica()) else {
                return;
            };
            let slots = state.store.slots().filter(|slot| own.has_lost(*slot));
            slots.flat_map(|slot| state.store.keys_in(slot).map(<[u8]>::to_vec)).collect()
        };
        for key in lost {
            node.0.borrow_mut().store.remove(&key);
            node.replicate(&[Change::Remove(key)]);
        }
    }

    /// Has every node that holds itself to be a replica fed by its primary, and by nobody else. No
    /// link is made before the old ones are gone, so that nobody feeds itself through others.
    fn connect_replicas(&self) {
        let feeders: Vec<Option<&Node>> =
            self.nodes.iter().map(|node| Some(&self.nodes[node.primary()?])).collect();
        for node in &self.nodes {
            let is_right = |link: &Link| {
                let mut replicas = self.nodes.iter().zip(&feeders);
                replicas.any(|(replica, feeder)| {
                    link.feeds(replica) && feeder.is_some_and(|feeder| feeder.is(node))
                })
            };
            node.0.borrow_mut().links.retain(is_right);
        }
        for (node, feeder) in self.nodes.iter().zip(feeders) {
            node.0.borrow_mut().feeder = feeder.map(|f| Rc::downgrade(&f.0)).unwrap_or_default();
            let Some(feeder) = feeder else { continue };
            let mut feeder = feeder.0.borrow_mut();
            if !feeder.links.iter().any(|link| link.feeds(node)) {
                let link = Link::new(node.clone(), &feeder.store, feeder.offset);
                feeder.links.push(link);
            }
        }
    }
}
