//! What can go wrong, as data. A plan is a list of these and when they come.
//!
//! - [`NodeFault`]: to a node, to the network before it, or to its place in the cluster
//! - [`LinkFault`]: to that network, more of it; [`ClientFault`]: to the network before the clients
//! - [`SlotChange`]: to a slot
//! - [`ConfigChange`]: to the configuration of the proxies
//!
//! What is done to the processes of proxies has a variant each in [`Fault`].

mod config;
mod link;
mod node;
mod slot;

use redpoll::proto::cluster::Slot;
use serde::{Deserialize, Serialize};

use crate::net::Network;
use crate::world::World;

pub use config::{CONNECTIONS_PER_NODE_MAX, ConfigChange};
pub use link::{ClientFault, LinkFault};
pub use node::{Ailment, NodeFault};
pub use slot::SlotChange;

/// A slower network than that, in ms, counts as broken.
pub const NORMAL_LATENCY_MAX_MS: u64 = 8;

/// What can be broken of a node has a lower number than that.
const OF_ONE_PROXY: usize = 1_000;

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
    /// To the network between this proxy and a node, and to no other's.
    Between(usize, usize, NodeFault),
    /// To a slot.
    Slot(u16, SlotChange),
    /// A client of this number disconnects, whatever it waits for, and connects again.
    Leave(usize),
    /// All proxies are told to stop.
    Drain,
    /// This one is.
    Stop(usize),
    /// The process of this proxy is killed.
    Crash(usize),
    /// The proxy is started again, if it was killed and not told to stop.
    Start(usize),
    /// All proxies are given another configuration.
    Reload(ConfigChange),
    /// Clients take nothing of what the proxy sends (true), or do again.
    Deaf(bool),
    /// To the network between the clients and the proxy.
    Clients(ClientFault),
}

impl Fault {
    /// What it does, whatever it does it to: `Kill`, `Sicken Loading`, `BeginMigration`.
    #[must_use]
    pub fn kind(&self) -> String {
        let text = match self {
            Fault::Between(_, node, fault) => {
                return format!("one proxy: {}", Fault::Node(*node, *fault).kind());
            }
            Fault::Node(_, NodeFault::Sicken(ailment)) => format!("Sicken {ailment:?}"),
            Fault::Node(_, NodeFault::Link(fault)) => format!("{fault:?}"),
            Fault::Node(_, fault) => format!("{fault:?}"),
            Fault::Clients(fault) => format!("clients: {fault:?}"),
            Fault::Reload(change) => format!("Reload {change:?}"),
            Fault::Slot(_, change) => format!("{change:?}"),
            Fault::Leave(_)
            | Fault::Drain
            | Fault::Stop(_)
            | Fault::Crash(_)
            | Fault::Start(_)
            | Fault::Deaf(_) => format!("{self:?}"),
        };
        text.split('(').next().unwrap_or_default().to_owned()
    }

    /// Whether nothing that a client asks may fail for its sake, though its connection may end.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        match self {
            Fault::Leave(_)
            | Fault::Drain
            | Fault::Stop(_)
            | Fault::Crash(_)
            | Fault::Start(_)
            | Fault::Reload(_) => true,
            Fault::Deaf(_) | Fault::Clients(_) => false,
            Fault::Node(_, fault) | Fault::Between(_, _, fault) => fault.is_harmless(),
            Fault::Slot(_, change) => change.is_harmless(),
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
            Fault::Between(proxy, node, fault) => {
                let (what, breaks) = fault.breaks_or_mends();
                ((*node, (proxy + 1) * OF_ONE_PROXY + what), breaks)
            }
            Fault::Slot(slot, change) => {
                let (what, breaks) = change.breaks_or_mends();
                ((usize::MAX - what, usize::from(*slot)), breaks)
            }
            Fault::Leave(_) | Fault::Drain | Fault::Stop(_) | Fault::Reload(_) => {
                ((usize::MAX, usize::MAX), false)
            }
            Fault::Deaf(is_deaf) => ((usize::MAX, usize::MAX - 1), *is_deaf),
            Fault::Crash(proxy) => ((usize::MAX, usize::MAX - 100 - proxy), true),
            Fault::Start(proxy) => ((usize::MAX, usize::MAX - 100 - proxy), false),
            Fault::Clients(fault) => {
                let (what, breaks) = fault.breaks_or_mends();
                ((usize::MAX, usize::MAX - what), breaks)
            }
        }
    }

    /// Whether some node may be listed no more after it, or be found at another's name, and be
    /// counted anew when it is back; or all are counted anew, because the configuration is another.
    pub(crate) fn makes_nodes_leave(&self) -> bool {
        matches!(
            self,
            Fault::Node(
                _,
                NodeFault::Retire(_)
                    | NodeFault::FailOver
                    | NodeFault::Isolate
                    | NodeFault::Sicken(_)
                    | NodeFault::ForgetName
                    | NodeFault::DoubleName
                    | NodeFault::Link(LinkFault::HangName)
            ) | Fault::Reload(_)
        )
    }

    /// Does it. What makes no sense any more, because a plan was cut down, is left.
    pub fn apply(self, world: &mut World) {
        world.recorder.faulted(self);
        match self {
            Fault::Node(node, fault) => fault.apply(node, world),
            Fault::Between(proxy, node, fault) if proxy < world.proxies.len() => {
                fault.apply_between(proxy, node, world);
            }
            Fault::Between(..) => {}
            Fault::Slot(slot, change) => {
                world.network.overlay().note(&format!("slot {slot}: {change:?}"));
                change.apply(Slot::new(slot).expect("plans hold slots that exist"), world);
            }
            Fault::Leave(client) => world.tell_to_leave(client),
            Fault::Drain => world.drain(),
            Fault::Stop(proxy) if proxy < world.proxies.len() => world.drain_one(proxy),
            Fault::Crash(proxy) if proxy < world.proxies.len() => world.crash(proxy),
            Fault::Start(proxy) if proxy < world.proxies.len() => world.start(proxy),
            Fault::Stop(_) | Fault::Crash(_) | Fault::Start(_) => {}
            Fault::Reload(change) => world.reload(|config| {
                config.upstreams.values_mut().for_each(|upstream| change.apply(upstream));
            }),
            Fault::Deaf(is_deaf) => {
                let clients = world.clients;
                let change = if is_deaf { Network::clog } else { Network::unclog };
                world.at_each_proxy(|network, proxy| change(network, proxy, clients));
            }
            Fault::Clients(fault) => {
                world.network.overlay().note(&format!("clients: {fault:?}"));
                fault.apply(world);
            }
        }
    }
}
