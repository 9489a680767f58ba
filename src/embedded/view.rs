//! What a node holds the cluster to be.

use super::node::Node;
use crate::limits::SLOTS;
use crate::proto::cluster::{Address, Slot};

/// The cluster at one time: its members and who serves which slot. Never changed once told; a newer
/// one takes its place.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// The highest configuration epoch there has been: Redis' `currentEpoch`.
    pub(super) epoch: u64,
    pub(super) members: Vec<Member>,
    /// Nodes do not say on which host the others are, only at which port: Redis'
    /// `cluster-preferred-endpoint-type unknown-endpoint`.
    pub(super) hosts_hidden: bool,
    /// The primary that serves each slot.
    owners: Vec<Option<u16>>,
}

/// A node as the others know it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) address: Address,
    /// Whose replica it is; `None` for a primary.
    pub(super) primary: Option<usize>,
    /// When it got its slots: Redis' `configEpoch`.
    pub(super) epoch: u64,
    /// Whether the cluster agrees that it is down.
    pub(super) failed: bool,
}

impl View {
    /// A cluster of `primaries` that serve all slots, spread as `redis-cli --cluster create` does.
    pub(super) fn new(members: Vec<Member>, primaries: usize) -> View {
        let end = |index: usize| ((index + 1) * SLOTS * 2 + primaries) / (primaries * 2);
        let mut owners = Vec::with_capacity(SLOTS);
        for primary in 0..primaries {
            owners.resize(end(primary).min(SLOTS), narrow(primary));
        }
        View { epoch: primaries as u64, members, hosts_hidden: false, owners }
    }

    /// A member as a newcomer is known.
    pub(super) fn member(
        node: &Node,
        address: &Address,
        primary: Option<usize>,
        epoch: u64,
    ) -> Member {
        Member { id: node.id(), address: address.clone(), primary, epoch, failed: false }
    }

    /// Who serves a slot.
    pub(super) fn owner(&self, slot: Slot) -> Option<usize> {
        self.owners.get(slot.index()).copied().flatten().map(usize::from)
    }

    /// Gives a slot to a primary, or to nobody.
    pub(super) fn assign(&mut self, slot: Slot, owner: Option<usize>) {
        if let Some(place) = self.owners.get_mut(slot.index()) {
            *place = owner.and_then(narrow);
        }
    }

    /// Makes a replica the primary of its group, at a new epoch.
    pub(super) fn promote(&mut self, replica: usize) {
        let Some(old) = self.members[replica].primary else { return };
        self.epoch += 1;
        for member in &mut self.members {
            if member.primary == Some(old) {
                member.primary = Some(replica);
            }
        }
        self.members[old].primary = Some(replica);
        self.members[replica].primary = None;
        self.members[replica].epoch = self.epoch;
        for owner in &mut self.owners {
            if *owner == narrow(old) {
                *owner = narrow(replica);
            }
        }
    }

    /// The primary of a member's group: its own if it is one.
    pub(super) fn primary_of(&self, member: usize) -> usize {
        self.members[member].primary.unwrap_or(member)
    }

    /// The primaries, in order.
    pub(super) fn primaries(&self) -> impl Iterator<Item = usize> {
        (0..self.members.len()).filter(|index| self.members[*index].primary.is_none())
    }

    /// The replicas of a primary, in order.
    pub(super) fn replicas(&self, primary: usize) -> impl Iterator<Item = usize> {
        (0..self.members.len()).filter(move |index| self.members[*index].primary == Some(primary))
    }

    /// Gives all slots of a primary to another one, at a new epoch.
    pub(super) fn hand_over(&mut self, from: usize, to: usize) {
        self.epoch += 1;
        self.members[to].epoch = self.epoch;
        for owner in self.owners.iter_mut().filter(|owner| **owner == narrow(from)) {
            *owner = narrow(to);
        }
    }

    /// All slots that are served as runs: first, last, and their primary.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u16, u16, usize)> {
        let mut next = 0;
        self.owners.chunk_by(PartialEq::eq).filter_map(move |run| {
            let first = next;
            next += u16::try_from(run.len()).expect("a cluster has 16,384 slots");
            run[0].map(|owner| (first, next - 1, usize::from(owner)))
        })
    }

    /// The slots that a primary serves as runs, first and last of each.
    pub(super) fn ranges(&self, primary: usize) -> impl Iterator<Item = (u16, u16)> {
        let its_own = self.runs().filter(move |(.., owner)| *owner == primary);
        its_own.map(|(first, last, _)| (first, last))
    }
}

/// A member's index as slots keep it; a cluster has fewer members than slots.
fn narrow(member: usize) -> Option<u16> {
    u16::try_from(member).ok()
}
