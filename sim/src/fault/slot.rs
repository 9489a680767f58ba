//! What is done to slots.

use redpoll::proto::cluster::Slot;
use serde::{Deserialize, Serialize};

use crate::world::World;

/// What is done to a slot. A node that is meant to get it stands for the primary of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlotChange {
    /// It begins to move to this node.
    BeginMigration(usize),
    /// So many keys of it go over, if it is on the move.
    MoveKeys(usize),
    /// It has moved, if it was on the move.
    FinishMigration,
    /// No node serves it any more.
    Take,
    /// This node serves it, if none did.
    Give(usize),
    /// Its owner holds this node for the owner, which does not know.
    Entangle(usize),
    /// That node hears of it.
    Disentangle,
}

impl SlotChange {
    pub(super) fn is_harmless(self) -> bool {
        match self {
            SlotChange::BeginMigration(_)
            | SlotChange::MoveKeys(_)
            | SlotChange::FinishMigration => true,
            SlotChange::Take
            | SlotChange::Give(_)
            | SlotChange::Entangle(_)
            | SlotChange::Disentangle => false,
        }
    }

    pub(super) fn breaks_or_mends(self) -> (usize, bool) {
        match self {
            SlotChange::Entangle(_) => (1, true),
            SlotChange::Disentangle => (1, false),
            SlotChange::Take => (0, true),
            SlotChange::BeginMigration(_)
            | SlotChange::MoveKeys(_)
            | SlotChange::FinishMigration
            | SlotChange::Give(_) => (0, false),
        }
    }

    pub(super) fn apply(self, slot: Slot, world: &mut World) {
        let owner = world.cluster.owner(slot);
        match self {
            SlotChange::BeginMigration(to) => {
                let to = world.primary_of(to);
                if let Some(from) = owner.filter(|from| *from != to)
                    && !world.kinship.is_held_up(&world.cluster, from)
                    && !world.kinship.is_held_up(&world.cluster, to)
                    && world.moving.insert(slot)
                {
                    world.cluster.begin_migration(slot, from, to);
                }
            }
            SlotChange::MoveKeys(count) if world.moving.contains(&slot) => {
                world.cluster.move_keys(slot, count);
            }
            SlotChange::FinishMigration if world.moving.remove(&slot) => {
                world.cluster.finish_migration(slot);
            }
            SlotChange::MoveKeys(_) | SlotChange::FinishMigration => {}
            SlotChange::Take => world.assign(slot, None),
            SlotChange::Give(to) if owner.is_none() => {
                let to = world.primary_of(to);
                // Who gets a slot knows.
                world.rejoin(to);
                world.assign(slot, Some(to));
            }
            SlotChange::Give(_) => {}
            SlotChange::Entangle(to) => {
                let to = world.primary_of(to);
                if owner.is_some_and(|owner| owner != to) {
                    world.cluster.isolate(to);
                    world.assign(slot, Some(to));
                    world.entangled.insert(slot, to);
                }
            }
            SlotChange::Disentangle => {
                if let Some(node) = world.entangled.remove(&slot) {
                    world.rejoin(node);
                }
            }
        }
    }
}
