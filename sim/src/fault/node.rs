//! What is done to nodes, and to the network before them.

use redpoll::embedded;
use serde::{Deserialize, Serialize};

use super::{LinkFault, NORMAL_LATENCY_MAX_MS};
use crate::net::{LinkSpeed, Obstacle};
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
        match self {
            NodeFault::Stall => world.at_each_proxy(|net, proxy| net.stall(proxy, host)),
            NodeFault::Heal => world.at_each_proxy(|net, proxy| net.heal(proxy, host)),
            NodeFault::Cut => world.at_each_proxy(|net, proxy| net.cut(proxy, host)),
            NodeFault::Repair => world.at_each_proxy(|net, proxy| net.repair(proxy, host)),
            NodeFault::HangConnects => world.obstruct(host, Obstacle::Hanging),
            NodeFault::RefuseConnects => world.obstruct(host, Obstacle::Refused),
            NodeFault::AllowConnects => world.at_each_proxy(|net, proxy| net.clear(proxy, host)),
            NodeFault::Clog => world.at_each_proxy(|net, proxy| net.clog(proxy, host)),
            NodeFault::Unclog => world.at_each_proxy(|net, proxy| net.unclog(proxy, host)),
            NodeFault::ClogReplies => world.at_each_proxy(|net, proxy| net.clog(host, proxy)),
            NodeFault::UnclogReplies => world.at_each_proxy(|net, proxy| net.unclog(host, proxy)),
            NodeFault::Reset => world.at_each_proxy(|net, proxy| {
                net.reset(proxy, host);
            }),
            NodeFault::SetSpeed(min, max) => {
                let speed = LinkSpeed { min: ms(min), max: ms(max) };
                world.at_each_proxy(|net, proxy| net.set_speed(proxy, host, speed));
            }
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
}
