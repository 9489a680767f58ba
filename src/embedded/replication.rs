//! From a primary to its replicas.

use std::collections::VecDeque;
use std::fmt;

use super::command::{Args, Call};
use super::error::Outcome;
use super::node::Node;
use super::rng::Rng;
use super::store::{Db, Entry, Store};
use crate::proto::resp::{Protocol, Writer};

/// A change of a primary's data.
#[derive(Clone)]
pub(super) enum Change {
    /// A command to be executed again, at the same time of day and with the same dice.
    Command { run: RunData, args: Vec<Vec<u8>>, now: i64, rng: Rng },
    /// A key to be put in place: it was moved here from another node.
    Put(Vec<u8>, Entry),
    /// A key to be removed: it expired, or was moved away.
    Remove(Vec<u8>),
    /// Everything to be replaced: a full synchronisation.
    Copy(Store),
}

type RunData = fn(&mut Call<'_>, Args<'_>) -> Outcome;

impl Change {
    /// A command that succeeded.
    pub(super) fn command(run: RunData, args: Args<'_>, now: i64, rng: Rng) -> Change {
        Change::Command { run, args: args.iter().map(|arg| arg.to_vec()).collect(), now, rng }
    }

    fn apply(self, store: &mut Store) {
        match self {
            Change::Command { run, args, now, mut rng } => {
                let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
                let mut unread = Vec::new();
                let out = Writer::new(&mut unread, Protocol::Resp2);
                let outcome = run(&mut Call { db: Db { store, now }, rng: &mut rng, out }, &args);
                debug_assert!(outcome.is_ok(), "it succeeded on the primary: {outcome:?}");
            }
            Change::Put(key, entry) => store.put(&key, entry),
            Change::Remove(key) => drop(store.remove(&key)),
            Change::Copy(all) => *store = all,
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Command { args, .. } => f.debug_tuple("Command").field(args).finish(),
            Change::Put(key, _) => f.debug_tuple("Put").field(key).finish(),
            Change::Remove(key) => f.debug_tuple("Remove").field(key).finish(),
            Change::Copy(all) => f.debug_tuple("Copy").field(&all.len()).finish(),
        }
    }
}

/// What a primary feeds one replica through.
pub(super) struct Link {
    replica: Node,
    /// Changes that the replica has not seen yet, if it is being held back.
    held: Option<VecDeque<Change>>,
    /// How far the replica is, in changes of the primary.
    seen: u64,
}

impl Link {
    /// A link to a replica, which becomes a copy of `store`, of a primary that is at `offset`.
    pub(super) fn new(replica: Node, store: &Store, offset: u64) -> Link {
        let mut link = Link { replica, held: None, seen: 0 };
        link.synchronise(store, offset);
        link
    }

    /// How far the replica is, in changes of the primary.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether this node is the replica.
    pub(super) fn feeds(&self, node: &Node) -> bool {
        self.replica.is(node)
    }

    /// Passes changes on, after which the primary is at `offset`: at once unless the replica is
    /// being held back.
    pub(super) fn push(&mut self, changes: &[Change], offset: u64) {
        match &mut self.held {
            Some(held) => held.extend(changes.iter().cloned()),
            None => {
                self.apply(changes);
                self.seen = offset;
            }
        }
    }

    /// Makes the replica a copy of `store`, as soon as it may catch up.
    pub(super) fn synchronise(&mut self, store: &Store, offset: u64) {
        if let Some(held) = &mut self.held {
            held.clear();
        }
        self.push(&[Change::Copy(store.clone())], offset);
    }

    /// Lets the replica fall behind from now on.
    pub(super) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Lets the replica catch up with its primary, which is at `offset`.
    pub(super) fn release(&mut self, offset: u64) {
        let held: Vec<Change> = self.held.take().unwrap_or_default().into();
        self.apply(&held);
        self.seen = offset;
    }

    fn apply(&self, changes: &[Change]) {
        let mut replica = self.replica.0.borrow_mut();
        for change in changes {
            change.clone().apply(&mut replica.store);
        }
        drop(replica);
        // Whoever has not heard that its primary was demoted is fed by it all the same.
        self.replica.replicate(changes);
    }
}
