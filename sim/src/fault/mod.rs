//! What can go wrong, as data. A plan is a list of these and when they come.

use redpoll::proto::cluster::Slot;
use serde::{Deserialize, Serialize};

use crate::net::{LinkSpeed, Obstacle};
use crate::world::{World, ms};

/// A slower network than that, in ms, counts as broken.
pub const NORMAL_LATENCY_MAX_MS: u64 = 8;

/// A fault and when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// Virtual ms since the start.
    pub at_ms: u64,
    /// What comes.
    pub fault: Fault,
}

/// Something that is done to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// To a node of this number, or to the network between it and the proxy.
    Node(usize, NodeFault),
    /// To a slot.
    Slot(u16, SlotChange),
    /// A client of this number disconnects, whatever it waits for, and connects again.
    Leave(usize),
    /// The proxy is told to stop.
    Drain,
}

/// What is done to a node, or to the network between it and the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeFault {
    /// Nothing travels, nothing is lost.
    Stall,
    /// What was held back arrives.
    Heal,
    /// What travels is lost, and streams are dead without a word.
    Cut,
    /// New connections can be made again.
    Repair,
    /// New connections hang.
    HangConnects,
    /// New connections are refused.
    RefuseConnects,
    /// New connections can be made.
    AllowConnects,
    /// What the proxy sends stays in its buffers after a few bytes.
    Clog,
    /// That ends.
    Unclog,
    /// What the node replies stays in its buffers after a few bytes.
    ClogReplies,
    /// That ends.
    UnclogReplies,
    /// Every stream is reset.
    Reset,
    /// Segments travel for so long, in ms: at least, and at most.
    SetSpeed(u64, u64),
    /// The node's process is killed.
    Kill,
    /// The node's host loses power.
    PowerOff,
    /// The node starts again, with its data.
    Restart,
    /// The node starts again, without its data.
    RestartEmpty,
}

/// What is done to a slot.
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
}

impl Fault {
    /// Whether no client may notice.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        match self {
            Fault::Leave(_) | Fault::Drain => true,
            Fault::Node(..) => false,
            Fault::Slot(_, change) => !matches!(change, SlotChange::Take | SlotChange::Give(_)),
        }
    }

    /// What it breaks (true) or mends: two faults of which one mends what the other breaks have the
    /// same number.
    #[must_use]
    pub fn breaks_or_mends(&self) -> ((usize, usize), bool) {
        match self {
            Fault::Node(node, fault) => {
                let (what, breaks) = fault.breaks_or_mends();
                ((*node, what), breaks)
            }
            Fault::Slot(slot, change) => {
                ((usize::MAX, usize::from(*slot)), *change == SlotChange::Take)
            }
            Fault::Leave(_) | Fault::Drain => ((usize::MAX, usize::MAX), false),
        }
    }

    /// Does it. What makes no sense any more, because a plan was cut down, is left.
    pub fn apply(self, world: &mut World) {
        match self {
            Fault::Node(node, fault) => fault.apply(node, world),
            Fault::Slot(slot, change) => {
                world.network.overlay().note(&format!("slot {slot}: {change:?}"));
                change.apply(Slot::new(slot).expect("plans hold slots that exist"), world);
            }
            Fault::Leave(client) => world.tell_to_leave(client),
            Fault::Drain => world.drain(),
        }
    }
}

impl NodeFault {
    fn breaks_or_mends(self) -> (usize, bool) {
        match self {
            NodeFault::Stall => (0, true),
            NodeFault::Heal => (0, false),
            NodeFault::Cut => (1, true),
            NodeFault::Repair => (1, false),
            NodeFault::HangConnects | NodeFault::RefuseConnects => (2, true),
            NodeFault::AllowConnects => (2, false),
            NodeFault::Clog => (3, true),
            NodeFault::Unclog => (3, false),
            NodeFault::ClogReplies => (7, true),
            NodeFault::UnclogReplies => (7, false),
            NodeFault::SetSpeed(_, max) => (4, max > NORMAL_LATENCY_MAX_MS),
            NodeFault::Kill | NodeFault::PowerOff => (5, true),
            NodeFault::Restart | NodeFault::RestartEmpty => (5, false),
            // A reset is over when it has happened.
            NodeFault::Reset => (6, false),
        }
    }

    fn apply(self, node: usize, world: &mut World) {
        let (proxy, host) = (world.proxy, world.nodes[node]);
        let network = &mut world.network;
        match self {
            NodeFault::Stall => network.stall(proxy, host),
            NodeFault::Heal => network.heal(proxy, host),
            NodeFault::Cut => network.cut(proxy, host),
            NodeFault::Repair => network.repair(proxy, host),
            NodeFault::HangConnects => network.obstruct(proxy, host, Obstacle::Hanging),
            NodeFault::RefuseConnects => network.obstruct(proxy, host, Obstacle::Refused),
            NodeFault::AllowConnects => network.clear(proxy, host),
            NodeFault::Clog => network.clog(proxy, host),
            NodeFault::Unclog => network.unclog(proxy, host),
            NodeFault::ClogReplies => network.clog(host, proxy),
            NodeFault::UnclogReplies => network.unclog(host, proxy),
            NodeFault::Reset => drop(network.reset(proxy, host)),
            NodeFault::SetSpeed(min, max) => {
                network.set_speed(proxy, host, LinkSpeed { min: ms(min), max: ms(max) });
            }
            NodeFault::Kill => network.kill(host),
            NodeFault::PowerOff => network.power_off(host),
            NodeFault::Restart => network.restart(host),
            NodeFault::RestartEmpty => {
                world.cluster.node(node).clear();
                network.restart(host);
            }
        }
    }
}

impl SlotChange {
    fn apply(self, slot: Slot, world: &mut World) {
        let owner = world.cluster.owner(slot);
        match self {
            SlotChange::BeginMigration(to) => {
                if let Some(from) = owner.filter(|from| *from != to)
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
            SlotChange::Take => {
                world.moving.remove(&slot);
                world.cluster.assign(slot, None);
            }
            SlotChange::Give(to) => {
                if owner.is_none() {
                    world.cluster.assign(slot, Some(to));
                }
            }
        }
    }
}
