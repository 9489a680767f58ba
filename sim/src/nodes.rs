//! The hosts of the nodes, and the cluster that they are.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use redpoll::embedded::{Cluster, Execution, Node};
use redpoll::net::Net;
use redpoll::proto::cluster::Address;
use tokio::time::Instant;

use crate::net::{EPOCH, HostId, Network, SimNet};
use crate::recorder::Recorder;
use crate::tuning::PASSWORD;
use crate::world::Setup;

/// The port of every node, or, if they share a host, of the first.
const NODE_PORT: u16 = 7_000;

/// The host that nodes share.
const SHARED: &str = "nodes";

/// The nodes of a world.
pub(crate) struct Nodes {
    pub(crate) cluster: Cluster,
    pub(crate) servers: Vec<Node>,
    /// The host of each.
    pub(crate) hosts: Vec<HostId>,
    /// Where each listens.
    pub(crate) places: BTreeMap<SocketAddr, usize>,
}

/// The name of a node's own host.
pub(crate) fn name_of(node: usize) -> String {
    format!("node-{node}")
}

/// Builds them as the setup says: the primaries first, then the replicas of each in turn.
pub(crate) fn add(network: &mut Network, setup: &Setup, recorder: &Recorder) -> Nodes {
    let place = |node: usize| {
        let host = if setup.shared_host { SHARED.to_owned() } else { name_of(node) };
        let port = if setup.shared_host { NODE_PORT + node as u16 } else { NODE_PORT };
        (host, port)
    };
    let ip = |node: usize| network.ip_of(&place(node).0);
    let address = |node: usize| {
        let (host, port) = place(node);
        let host = if setup.hostnames { host } else { ip(node).to_string() };
        Address::new(&host, port).expect("a host and a port")
    };
    let primaries: Vec<_> = (0..setup.primaries).map(address).collect();
    let replicas = (setup.primaries..setup.nodes())
        .map(|node| (address(node), (node - setup.primaries) / setup.replicas));
    let cluster = Cluster::new(&primaries, &replicas.collect::<Vec<_>>());
    if setup.shared_host {
        cluster.hide_hosts();
    }
    let places =
        (0..setup.nodes()).map(|node| (SocketAddr::new(ip(node), place(node).1), node)).collect();
    let servers: Vec<Node> = (0..setup.nodes())
        .map(|node| if setup.standalone { Node::standalone() } else { cluster.node(node) })
        .collect();
    let mut served = Vec::new();
    for (number, node) in servers.iter().enumerate() {
        node.set_password(setup.tuning.password.then_some(PASSWORD));
        let recorder = recorder.clone();
        node.observe(Box::new(move |seen: &Execution<'_>| recorder.executed(number, seen)));
        served.push((node.clone(), place(number).1));
    }
    let hosts = if setup.shared_host {
        let host = add_host(network, SHARED, served);
        vec![host; setup.nodes()]
    } else {
        let each = served.into_iter().enumerate();
        each.map(|(number, node)| add_host(network, &name_of(number), vec![node])).collect()
    };
    Nodes { cluster, servers, hosts, places }
}

/// A host that serves these nodes, each at its port.
fn add_host(network: &mut Network, name: &str, nodes: Vec<(Node, u16)>) -> HostId {
    let (host, _) = network.add_host(name, move |net| {
        let nodes = nodes.clone();
        async move {
            for (node, port) in nodes {
                // Each start is on a runtime of its own, whose clock begins anywhere.
                node.set_clock(Instant::now(), EPOCH + net.now());
                let listener = net.bind(SocketAddr::new(net.ip(), port)).await?;
                net.spawn(node.serve::<SimNet>(net.clone(), listener));
            }
            std::future::pending::<()>().await;
            Ok(())
        }
    });
    host
}
