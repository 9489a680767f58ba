//! What is done to the network before a node, or before the clients, when it is neither whole nor
//! gone.

use serde::{Deserialize, Serialize};

use crate::net::{HostId, Network, Obstacle};
use crate::world::World;

/// What is done to the network between the proxy and a node, or to the node's own side of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkFault {
    /// What the proxy sends is lost, and connects hang; [`NodeFault::Repair`](super::NodeFault)
    /// ends it.
    CutRequests,
    /// What the node replies is lost, and connects hang; the same ends it.
    CutReplies,
    /// The streams there are are known to nobody on the way any more.
    Forget,
    /// So many bytes an ms get through, in each direction.
    Narrow(u64),
    /// As many as are sent do.
    Widen,
    /// The node reads so many bytes an ms.
    ReadSlowly(u64),
    /// It reads all there is.
    ReadFast,
    /// The node's process is stopped: its system makes connections, and takes bytes.
    Freeze,
    /// It goes on.
    Thaw,
    /// The node accepts nothing; so many connections are made and wait, further ones hang.
    StopAccepting(usize),
    /// It accepts again.
    AcceptAgain,
    /// Its name has two addresses, and connects to the first hang.
    HangName,
    /// Its name has its own address only.
    UnhangName,
}

impl LinkFault {
    pub(super) fn breaks_or_mends(self) -> (usize, bool) {
        match self {
            LinkFault::CutRequests | LinkFault::CutReplies => (1, true),
            // It is over when it has happened.
            LinkFault::Forget => (6, false),
            LinkFault::HangName => (10, true),
            LinkFault::UnhangName => (10, false),
            LinkFault::Narrow(_) => (20, true),
            LinkFault::Widen => (20, false),
            LinkFault::ReadSlowly(_) => (21, true),
            LinkFault::ReadFast => (21, false),
            LinkFault::Freeze => (22, true),
            LinkFault::Thaw => (22, false),
            LinkFault::StopAccepting(_) => (23, true),
            LinkFault::AcceptAgain => (23, false),
        }
    }

    pub(super) fn apply(self, node: usize, world: &mut World) {
        let (clients, host) = (world.clients, world.nodes[node]);
        match self {
            LinkFault::Freeze => world.network.freeze(host),
            LinkFault::Thaw => world.network.thaw(host),
            LinkFault::StopAccepting(backlog) => world.network.stop_accepting(host, backlog),
            LinkFault::AcceptAgain => world.network.accept_again(host),
            LinkFault::HangName => {
                world.at_each_proxy(|network, proxy| {
                    network.obstruct(proxy, clients, Obstacle::Hanging);
                });
                world.set_name(node, &[clients, host]);
            }
            LinkFault::UnhangName => {
                world.at_each_proxy(|network, proxy| network.clear(proxy, clients));
                world.set_name(node, &[host]);
            }
            LinkFault::CutRequests
            | LinkFault::CutReplies
            | LinkFault::Forget
            | LinkFault::Narrow(_)
            | LinkFault::Widen
            | LinkFault::ReadSlowly(_)
            | LinkFault::ReadFast => {}
        }
    }

    /// What it does to the network between a proxy and the node.
    pub(super) fn strike(self, network: &mut Network, proxy: HostId, host: HostId) {
        match self {
            LinkFault::CutRequests => network.cut_one_way(proxy, host),
            LinkFault::CutReplies => network.cut_one_way(host, proxy),
            LinkFault::Forget => network.forget(proxy, host),
            LinkFault::Narrow(rate) => network.narrow(proxy, host, Some(rate)),
            LinkFault::Widen => network.narrow(proxy, host, None),
            LinkFault::ReadSlowly(rate) => network.set_reading(host, proxy, Some(rate)),
            LinkFault::ReadFast => network.set_reading(host, proxy, None),
            LinkFault::HangName
            | LinkFault::UnhangName
            | LinkFault::Freeze
            | LinkFault::Thaw
            | LinkFault::StopAccepting(_)
            | LinkFault::AcceptAgain => {}
        }
    }
}

/// What is done to the network between the clients and the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientFault {
    /// Clients read so many bytes an ms, all together.
    ReadSlowly(u64),
    /// They read all there is.
    ReadFast,
    /// So many bytes an ms get through, in each direction.
    Narrow(u64),
    /// As many as are sent do.
    Widen,
    /// Every connection is reset.
    Reset,
    /// The connections there are are known to nobody on the way any more.
    Forget,
}

impl ClientFault {
    pub(super) fn breaks_or_mends(self) -> (usize, bool) {
        match self {
            ClientFault::ReadSlowly(_) => (2, true),
            ClientFault::ReadFast => (2, false),
            ClientFault::Narrow(_) => (3, true),
            ClientFault::Widen => (3, false),
            // These are over when they have happened.
            ClientFault::Reset | ClientFault::Forget => (4, false),
        }
    }

    /// Whether replies are on their way for as long as it lasts, whatever the proxy does.
    pub(crate) fn delays(self) -> bool {
        match self {
            ClientFault::ReadSlowly(_)
            | ClientFault::ReadFast
            | ClientFault::Narrow(_)
            | ClientFault::Widen => true,
            ClientFault::Reset | ClientFault::Forget => false,
        }
    }

    pub(super) fn apply(self, world: &mut World) {
        let clients = world.clients;
        world.at_each_proxy(|network, proxy| match self {
            ClientFault::ReadSlowly(rate) => network.set_reading(clients, proxy, Some(rate)),
            ClientFault::ReadFast => network.set_reading(clients, proxy, None),
            ClientFault::Narrow(rate) => network.narrow(clients, proxy, Some(rate)),
            ClientFault::Widen => network.narrow(clients, proxy, None),
            ClientFault::Reset => drop(network.reset(clients, proxy)),
            ClientFault::Forget => network.forget(clients, proxy),
        });
    }
}
