//! What is done to nodes, and to the network before them.

use redpoll::embedded;
use serde::{Deserialize, Serialize};

use super::{LinkFault, NORMAL_LATENCY_MAX_MS};
use crate::net::{HostId, LinkSpeed, Network, Obstacle};
use crate::proxies::name_of;
use crate::tuning::PASSWORD;
use crate::world::{World, ms};

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
    /// Something is wrong with the node itself.
    Sicken(Ailment),
    /// Nothing is any more.
    Recover,
    /// The cluster's news do not reach it.
    Isolate,
    /// They do again.
    Rejoin,
    /// One of its replicas takes its place.
    FailOver,
    /// Its replicas get nothing new from it.
    HoldReplication,
    /// They catch up.
    ReleaseReplication,
    /// It hands its slots over to the primary of this node's group, and leaves the topology.
    Retire(usize),
    /// Its name cannot be resolved.
    ForgetName,
    /// Its name has two addresses, and nobody is at the first.
    DoubleName,
    /// Its name is resolved as it was.
    RestoreName,
    /// It wants another password from connections that are made from now on.
    ChangePassword,
    /// It wants the right one.
    RestorePassword,
    /// To the network before it, more than the above.
    Link(LinkFault),
}

/// What can be wrong with a node itself: [`embedded::Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "embedded::Fault says what they are")]
pub enum Ailment {
    Loading,
    TryAgain,
    ClusterDown,
    MasterDown,
    Busy,
    ReadOnly,
    Astray,
    Silent,
    Garbage,
    Pushes,
    Deep,
    Huge,
    Truncated,
    Impatient,
    Closing,
}

impl Ailment {
    /// All of them.
    pub const ALL: [Ailment; 15] = [
        Ailment::Loading,
        Ailment::TryAgain,
        Ailment::ClusterDown,
        Ailment::MasterDown,
        Ailment::Busy,
        Ailment::ReadOnly,
        Ailment::Astray,
        Ailment::Silent,
        Ailment::Garbage,
        Ailment::Pushes,
        Ailment::Deep,
        Ailment::Huge,
        Ailment::Truncated,
        Ailment::Impatient,
        Ailment::Closing,
    ];
}

impl From<Ailment> for embedded::Fault {
    fn from(ailment: Ailment) -> Self {
        match ailment {
            Ailment::Loading => embedded::Fault::Loading,
            Ailment::TryAgain => embedded::Fault::TryAgain,
            Ailment::ClusterDown => embedded::Fault::ClusterDown,
            Ailment::MasterDown => embedded::Fault::MasterDown,
            Ailment::Busy => embedded::Fault::Busy,
            Ailment::ReadOnly => embedded::Fault::ReadOnly,
            Ailment::Astray => embedded::Fault::Astray,
            Ailment::Silent => embedded::Fault::Silent,
            Ailment::Garbage => embedded::Fault::Garbage,
            Ailment::Pushes => embedded::Fault::Pushes,
            Ailment::Deep => embedded::Fault::Deep,
            Ailment::Huge => embedded::Fault::Huge,
            Ailment::Truncated => embedded::Fault::Truncated,
            Ailment::Impatient => embedded::Fault::Impatient,
            Ailment::Closing => embedded::Fault::Closing,
        }
    }
}

impl NodeFault {
    pub(super) fn is_harmless(self) -> bool {
        matches!(self, NodeFault::HoldReplication | NodeFault::ReleaseReplication)
    }

    pub(super) fn breaks_or_mends(self) -> (usize, bool) {
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
            // Nobody needs a node whose replica has taken its place.
            NodeFault::Restart | NodeFault::RestartEmpty | NodeFault::FailOver => (5, false),
            // These are over when they have happened.
            NodeFault::Reset
            | NodeFault::Retire(_)
            | NodeFault::HoldReplication
            | NodeFault::ReleaseReplication => (6, false),
            NodeFault::Sicken(_) => (8, true),
            NodeFault::Recover => (8, false),
            NodeFault::Isolate => (9, true),
            NodeFault::Rejoin => (9, false),
            NodeFault::ForgetName | NodeFault::DoubleName => (10, true),
            NodeFault::RestoreName => (10, false),
            NodeFault::ChangePassword => (11, true),
            NodeFault::RestorePassword => (11, false),
            NodeFault::Link(fault) => fault.breaks_or_mends(),
        }
    }

    pub(super) fn apply(self, node: usize, world: &mut World) {
        let host = world.nodes[node];
        world.network.overlay().note(&format!("node-{node}: {self:?}"));
        world.at_each_proxy(|network, proxy| self.strike(network, proxy, host));
        match self {
            NodeFault::Stall
            | NodeFault::Heal
            | NodeFault::Cut
            | NodeFault::Repair
            | NodeFault::HangConnects
            | NodeFault::RefuseConnects
            | NodeFault::AllowConnects
            | NodeFault::Clog
            | NodeFault::Unclog
            | NodeFault::ClogReplies
            | NodeFault::UnclogReplies
            | NodeFault::Reset
            | NodeFault::SetSpeed(..) => {}
            NodeFault::Kill => world.kill(node),
            NodeFault::PowerOff => world.power_off(node),
            NodeFault::Restart => world.restart(node, true),
            NodeFault::RestartEmpty => world.restart(node, false),
            NodeFault::Sicken(ailment) => world.servers[node].set_fault(Some(ailment.into())),
            NodeFault::Recover => world.recover(node),
            NodeFault::Isolate => world.cluster.isolate(node),
            NodeFault::Rejoin => world.rejoin(node),
            NodeFault::FailOver => world.fail_over(node),
            NodeFault::HoldReplication => world.hold_replication(node),
            NodeFault::ReleaseReplication => world.release_replication(node),
            NodeFault::Retire(heir) => world.retire(node, heir),
            NodeFault::ForgetName => world.set_name(node, &[]),
            NodeFault::DoubleName => world.set_name(node, &[world.clients, host]),
            NodeFault::RestoreName => world.set_name(node, &[host]),
            NodeFault::ChangePassword => world.servers[node].set_password(Some("another")),
            NodeFault::RestorePassword => world.servers[node].set_password(Some(PASSWORD)),
            NodeFault::Link(fault) => fault.apply(node, world),
        }
    }

    /// The same between one proxy and the node only; nothing, if it is not done to the network
    /// between them.
    pub(super) fn apply_between(self, proxy: usize, node: usize, world: &mut World) {
        let (its_host, host) = (world.proxies[proxy].host, world.nodes[node]);
        let name = name_of(proxy, world.proxies.len());
        world.network.overlay().note(&format!("node-{node}, for {name}: {self:?}"));
        self.strike(&mut world.network, its_host, host);
    }

    /// What it does to the network between a proxy and the node.
    fn strike(self, network: &mut Network, proxy: HostId, host: HostId) {
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
            NodeFault::Link(fault) => fault.strike(network, proxy, host),
            NodeFault::Kill
            | NodeFault::PowerOff
            | NodeFault::Restart
            | NodeFault::RestartEmpty
            | NodeFault::Sicken(_)
            | NodeFault::Recover
            | NodeFault::Isolate
            | NodeFault::Rejoin
            | NodeFault::FailOver
            | NodeFault::HoldReplication
            | NodeFault::ReleaseReplication
            | NodeFault::Retire(_)
            | NodeFault::ForgetName
            | NodeFault::DoubleName
            | NodeFault::RestoreName
            | NodeFault::ChangePassword
            | NodeFault::RestorePassword => {}
        }
    }

    /// Whether it is done to the network between proxies and the node, and to nothing else.
    pub(crate) fn is_between(self) -> bool {
        matches!(
            self,
            NodeFault::Stall
                | NodeFault::Heal
                | NodeFault::Cut
                | NodeFault::Repair
                | NodeFault::HangConnects
                | NodeFault::RefuseConnects
                | NodeFault::AllowConnects
                | NodeFault::Clog
                | NodeFault::Unclog
                | NodeFault::ClogReplies
                | NodeFault::UnclogReplies
                | NodeFault::Reset
                | NodeFault::SetSpeed(..)
                | NodeFault::Link(
                    LinkFault::CutRequests
                        | LinkFault::CutReplies
                        | LinkFault::Forget
                        | LinkFault::Narrow(_)
                        | LinkFault::Widen
                        | LinkFault::ReadSlowly(_)
                        | LinkFault::ReadFast
                )
        )
    }
}
