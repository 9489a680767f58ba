//! A large cluster and many proxies: how often the topology is looked at, and what that costs.
//!
//! Real proxies and real nodes, on one virtual clock and a network without faults of its own: what
//! the plans of [`plan`](crate::plan) are too small for.

mod memory;

use std::cell::RefCell;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use redpoll::config::{Clients, Config, Listener, MEMORY_BYTES_MAX, Target, Upstream};
use redpoll::embedded::{Cluster, Execution};
use redpoll::net::Net;
use redpoll::proto::cluster::{Address, Slot};
use redpoll::proxy;
use redpoll::stats::Stats;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, LocalSet};
use tokio::time::sleep;

use crate::resp::command;
use memory::MemoryNet;

/// Nodes that each proxy's client asks for keys of, the one that dies among them.
const NODES_IN_USE: usize = 8;

/// A client asks for a key of each of them so often.
const PAUSE: Duration = Duration::from_millis(20);

/// Nodes that a proxy knows from its configuration.
const SEEDS: usize = 5;

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Primaries, each with one replica.
    pub primaries: usize,
    /// Proxies, each with one worker and one client.
    pub proxies: usize,
    /// How long each phase lasts, in virtual time.
    pub phase: Duration,
}

/// What nodes were asked in one phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// What was going on.
    pub name: &'static str,
    /// How long, in virtual time.
    pub time: Duration,
    /// Nodes that there were.
    pub nodes: usize,
    /// Proxies that there were.
    pub proxies: usize,
    /// Questions for the topology that were answered.
    pub looks: u64,
    /// Of one node, at most.
    pub looks_of_one_max: u64,
    /// Bytes of the answers.
    pub bytes: u64,
}

/// What each node was asked since the last phase began.
#[derive(Debug, Default)]
struct Asked {
    /// Times and bytes, by node.
    by_node: Vec<(u64, u64)>,
}

/// Runs it: the start, a calm phase, one with a dead primary, and one after its failover.
///
/// # Panics
/// The world cannot be built.
#[must_use]
pub fn run(scale: &Scale) -> Vec<Phase> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime without threads or sockets");
    LocalSet::new().block_on(&runtime, live(*scale))
}

async fn live(scale: Scale) -> Vec<Phase> {
    let net = MemoryNet::default();
    let asked = Rc::new(RefCell::new(Asked::default()));
    let (cluster, nodes) = add_nodes(&net, &scale, &asked).await;
    add_proxies(&net, &scale, &cluster);
    let mut phases = Vec::new();
    let mut pass = async |name, time: Duration| {
        sleep(time).await;
        phases.push(Phase::of(name, time, &scale, &asked));
    };
    pass("the start", Duration::from_secs(1)).await;
    pass("all is well", scale.phase).await;
    nodes[0].abort();
    net.close(address_of(0));
    pass("a primary is dead", scale.phase).await;
    cluster.promote(scale.primaries);
    cluster.set_failed(0, true);
    pass("its replica has its place", scale.phase).await;
    phases
}

fn address_of(node: usize) -> SocketAddr {
    let number = u16::try_from(node).expect("fewer nodes than ports");
    let [high, low] = number.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, 0, high, low), 7_000))
}

async fn add_nodes(
    net: &MemoryNet,
    scale: &Scale,
    asked: &Rc<RefCell<Asked>>,
) -> (Cluster, Vec<AbortHandle>) {
    let address = |node: usize| {
        let at = address_of(node);
        Address::new(&at.ip().to_string(), at.port()).expect("an address and a port")
    };
    let primaries: Vec<_> = (0..scale.primaries).map(address).collect();
    let replicas: Vec<_> =
        (0..scale.primaries).map(|node| (address(scale.primaries + node), node)).collect();
    let cluster = Cluster::new(&primaries, &replicas);
    asked.borrow_mut().by_node = vec![(0, 0); cluster.size()];
    let mut tasks = Vec::new();
    for number in 0..cluster.size() {
        let (node, asked) = (cluster.node(number), Rc::clone(asked));
        node.observe(Box::new(move |seen: &Execution<'_>| {
            if let [b"CLUSTER", ..] = seen.args {
                let (looks, bytes) = &mut asked.borrow_mut().by_node[number];
                *looks += u64::from(seen.args[1] == b"SLOTS");
                *bytes += seen.reply.len() as u64;
            }
        }));
        let listener = net.bind(address_of(number)).await.expect("an address of its own");
        #[expect(clippy::disallowed_methods, reason = "a node that can be killed")]
        let task = tokio::task::spawn_local(node.serve(net.clone(), listener));
        tasks.push(task.abort_handle());
    }
    (cluster, tasks)
}

/// Starts the proxies and their clients.
fn add_proxies(net: &MemoryNet, scale: &Scale, cluster: &Cluster) {
    let keys: Vec<Vec<u8>> = (0..NODES_IN_USE.min(scale.primaries))
        .map(|node| {
            let is_on = |key: &String| cluster.owner(Slot::of(key.as_bytes())) == Some(node);
            let key = (0..).map(|number| format!("key-{number}")).find(is_on);
            command(&["GET", &key.expect("every node has keys")])
        })
        .collect();
    let asking = keys.concat();
    for proxy in 0..scale.proxies {
        let number = u16::try_from(proxy).expect("fewer proxies than ports");
        let address = SocketAddr::from((Ipv4Addr::new(10, 1, 0, 1), 10_000 + number));
        let first = proxy * cluster.size() / scale.proxies;
        let seeds = (0..SEEDS).map(|seed| cluster.address((first + seed) % cluster.size()));
        let config = Config {
            listeners: vec![Listener { address, upstream: "main".to_owned() }],
            upstreams: [("main".to_owned(), Upstream::new(Target::Cluster(seeds.collect())))]
                .into(),
            admin: None,
            workers: NonZeroUsize::MIN,
            drain_timeout: Duration::from_secs(1),
            memory_bytes_max: MEMORY_BYTES_MAX,
            clients: Clients::default(),
        };
        let stats = Stats::new(1, ["main"]);
        let its_net = net.clone();
        net.spawn(async move {
            let ends = (std::future::pending(), mpsc::channel(1).1);
            let end = proxy::serve(its_net, config, stats, u64::from(number), ends).await;
            end.expect("an address of its own");
        });
        net.spawn(ask(net.clone(), address, asking.clone()));
    }
}

/// A client that asks again and again, and does not care for the answers.
async fn ask(net: MemoryNet, proxy: SocketAddr, asking: Vec<u8>) {
    // The proxy listens once it has had its turn.
    sleep(Duration::from_millis(1)).await;
    let stream = net.connect(proxy).await.expect("the proxy listens");
    let (mut read, mut write) = split(stream);
    net.spawn(async move {
        let mut replies = [0; 4_096];
        while matches!(read.read(&mut replies).await, Ok(1..)) {}
    });
    while write.write_all(&asking).await.is_ok() {
        sleep(PAUSE).await;
    }
}

impl Phase {
    fn of(name: &'static str, time: Duration, scale: &Scale, asked: &RefCell<Asked>) -> Phase {
        let mut asked = asked.borrow_mut();
        let nodes = asked.by_node.len();
        let by_node = std::mem::replace(&mut asked.by_node, vec![(0, 0); nodes]);
        Phase {
            name,
            time,
            nodes,
            proxies: scale.proxies,
            looks: by_node.iter().map(|(looks, _)| looks).sum(),
            looks_of_one_max: by_node.iter().map(|(looks, _)| *looks).max().unwrap_or(0),
            bytes: by_node.iter().map(|(_, bytes)| bytes).sum(),
        }
    }

    /// Looks a second, of each node on average.
    #[must_use]
    pub fn looks_per_node_and_s(&self) -> f64 {
        self.looks as f64 / self.nodes as f64 / self.time.as_secs_f64()
    }

    /// Bytes a second, from each node on average.
    #[must_use]
    pub fn bytes_per_node_and_s(&self) -> f64 {
        self.bytes as f64 / self.nodes as f64 / self.time.as_secs_f64()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.as_secs_f64();
        write!(
            f,
            "{:<26} {:>8.1} looks/s, {:>7.4} per node and s ({:.2} at most), {:>9.0} bytes per \
             node and s, {:>9.0} per proxy and s",
            self.name,
            self.looks as f64 / time,
            self.looks_per_node_and_s(),
            self.looks_of_one_max as f64 / time,
            self.bytes_per_node_and_s(),
            self.bytes as f64 / self.proxies as f64 / time,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topology_is_looked_at_at_the_regular_interval_and_not_much_more_when_a_node_dies() {
        let scale = Scale { primaries: 10, proxies: 5, phase: Duration::from_secs(20) };
        let phases = run(&scale);
        let per_proxy_and_s = |phase: &Phase| phase.looks as f64 / 5.0 / phase.time.as_secs_f64();
        assert!(phases[0].looks >= 5, "every proxy looks at the start");
        let calm = per_proxy_and_s(&phases[1]);
        // Each looks once or twice, or, at three quarters of the interval, three times.
        assert!((0.05..=0.15).contains(&calm), "every 10 s, more or less: {calm}");
        let dead = per_proxy_and_s(&phases[2]);
        assert!(dead > calm && dead <= 2.0 / 0.075, "{dead}");
        assert!(per_proxy_and_s(&phases[3]) < 1.0, "{:?}", phases[3]);
    }

    #[test]
    fn the_same_scale_gives_the_same_numbers() {
        let scale = Scale { primaries: 4, proxies: 2, phase: Duration::from_secs(5) };
        assert_eq!(run(&scale), run(&scale));
    }
}
