//! Whether a member of a cluster serves a command itself, after the Redis cluster specification and
//! `getNodeByQuery` of Redis 7.0.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::error::Error;
use super::store::Db;
use super::view::{Member, View};
use crate::proto::cluster::Slot;

/// A node's place in its cluster, as it knows it.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    /// Its index among the members.
    pub(super) me: usize,
    /// What it was told last.
    pub(super) view: Rc<View>,
    /// Slots of its own that are on their way to another node.
    pub(super) migrating: BTreeMap<Slot, usize>,
    /// Slots of another node that are on their way here.
    pub(super) importing: BTreeMap<Slot, usize>,
}

/// What decides who serves a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) keys: &'a [&'a [u8]],
    /// Whether the keys are those of data: channels do not move one by one.
    pub(super) has_data: bool,
    pub(super) writes: bool,
    /// `ASKING` came directly before.
    pub(super) asking: bool,
    /// The connection is in `READONLY` mode.
    pub(super) readonly: bool,
}

/// The keys of a request in a slot that is on the move: which of them are here.
#[derive(Clone, Copy, Debug, Default)]
struct Census {
    present: usize,
    missing: usize,
    /// There is more than one key.
    several: bool,
}

impl Membership {
    /// Member `me` of this cluster.
    pub(super) fn new(me: usize, view: Rc<View>) -> Membership {
        Membership { me, view, migrating: BTreeMap::new(), importing: BTreeMap::new() }
    }

    /// This node as the others know it.
    pub(super) fn myself(&self) -> &Member {
        &self.view.members[self.me]
    }

    /// Whether this node follows a primary.
    pub(super) fn is_replica(&self) -> bool {
        self.myself().primary.is_some()
    }

    /// Whether another primary serves a slot that is not on its way here.
    pub(super) fn has_lost(&self, slot: Slot) -> bool {
        let elsewhere = self.view.owner(slot).is_some_and(|owner| owner != self.me);
        elsewhere && !self.importing.contains_key(&slot)
    }

    /// What a client is told that waits for this key here, and no longer can.
    pub(super) fn dismissal(&self, key: &[u8]) -> Option<Error> {
        let slot = Slot::of(key);
        let Some(owner) = self.view.owner(slot) else { return Some(NOT_SERVED) };
        self.has_lost(slot).then(|| self.redirect("MOVED", slot, owner))
    }

    /// Takes in a newer view. Slots stop migrating once they are not this node's own, and stop
    /// being imported once they are.
    pub(super) fn adopt(&mut self, view: Rc<View>) {
        self.view = view;
        let (view, me) = (&self.view, self.me);
        self.migrating.retain(|slot, _| view.owner(*slot) == Some(me));
        self.importing.retain(|slot, _| view.owner(*slot) != Some(me));
        if self.is_replica() {
            self.migrating.clear();
            self.importing.clear();
        }
        let view = &self.view;
        for peer in self.migrating.values_mut().chain(self.importing.values_mut()) {
            *peer = view.primary_of(*peer);
        }
    }

    /// Whether this node serves the request; the redirect or refusal if not.
    ///
    /// # Errors
    /// `CROSSSLOT`, `CLUSTERDOWN`, `MOVED`, `ASK` or `TRYAGAIN`.
    pub(super) fn check(&self, request: &Request<'_>, db: &Db<'_>) -> Result<(), Error> {
        let Some(first) = request.keys.first() else { return Ok(()) };
        let slot = Slot::of(first);
        let owner = self.view.owner(slot);
        let owner = owner.ok_or(NOT_SERVED)?;
        if request.keys.iter().any(|key| Slot::of(key) != slot) {
            return Err(Error::new("CROSSSLOT Keys in request don't hash to the same slot"));
        }
        let is_split = request.has_data && owner == self.me;
        if let Some(target) = self.migrating.get(&slot).filter(|_| is_split) {
            return self.check_migrating(slot, *target, census(request.keys, db));
        }
        if self.importing.contains_key(&slot) && request.asking {
            let census = census(request.keys, db);
            return if census.several && census.missing > 0 { Err(TRY_AGAIN) } else { Ok(()) };
        }
        let reads_here =
            request.readonly && !request.writes && self.myself().primary == Some(owner);
        if owner == self.me || reads_here {
            Ok(())
        } else {
            Err(self.redirect("MOVED", slot, owner))
        }
    }

    fn check_migrating(&self, slot: Slot, target: usize, census: Census) -> Result<(), Error> {
        match census {
            Census { missing: 0, .. } => Ok(()),
            Census { present: 0, .. } => Err(self.redirect("ASK", slot, target)),
            Census { .. } => Err(TRY_AGAIN),
        }
    }

    fn redirect(&self, code: &str, slot: Slot, to: usize) -> Error {
        let address = &self.view.members[to].address;
        let host = if self.view.hosts_hidden { "" } else { address.host() };
        Error::from(format!("{code} {} {host}:{}", slot.number(), address.port()))
    }
}

const NOT_SERVED: Error = Error::new("CLUSTERDOWN Hash slot not served");

const TRY_AGAIN: Error = Error::new("TRYAGAIN Multiple keys request during rehashing of slot");

fn census(keys: &[&[u8]], db: &Db<'_>) -> Census {
    let present = keys.iter().filter(|key| db.has(key)).count();
    Census {
        present,
        missing: keys.len() - present,
        several: keys.iter().any(|key| *key != keys[0]),
    }
}
