//! The world: a cluster of nodes, proxies before it, and a host for all clients.
//!
//! ```text
//! clients --- proxy-0 --- node-0, its replicas
//!        '--- proxy-1 '-- node-1, its replicas
//!        '--- ...     '-- ...
//! ```

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use redpoll::config::{Config, Listener, Target, Upstream};
use redpoll::embedded::{Cluster, Node};
use redpoll::limits::{CONNECT_BACKOFF_MS_MAX, TOPOLOGY_RETRY_MS, TOPOLOGY_TIMEOUT_MS};
use redpoll::net::Net;
use redpoll::proto::cluster::{Address, Slot};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use crate::history::Rules;
use crate::kinship::Kinship;
use crate::net::{Grain, HostId, KEEPALIVE, LinkSpeed, Medium, Network, Overlay, SimNet};
use crate::net::{Tap, WINDOW_BYTES};
use crate::nodes::{self, Nodes};
use crate::proxies::{self, Proxy};
use crate::recorder::{Outgoing, Recorder};
use crate::tuning::Tuning;
use crate::wire::{Wires, Wiretap};

/// What one connection to a node may hold however little memory there is: a buffer with the largest
/// reply of the workload half read, and a few replies more that came with it.
const MEMORY_SLACK_BYTES: usize = 160 * 1024;

/// Connections to lend that are more than all clients need.
const LEASES_MANY: usize = 20;

/// Nodes outside the topology that are more than there are nodes.
const UNKNOWN_MANY: usize = 20;

/// The port of every proxy.
pub(crate) const PROXY_PORT: u16 = 6_380;

/// What is drawn, or chosen, for a world.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// Primaries of the cluster.
    pub primaries: usize,
    /// Replicas of each.
    pub replicas: usize,
    /// Nodes are known by the names of their hosts, not by their addresses.
    pub hostnames: bool,
    /// All nodes are on one host, and say only at which port the others are.
    pub shared_host: bool,
    /// The only node is a server of its own, of no cluster.
    pub standalone: bool,
    /// What carries the network.
    pub medium: Medium,
    /// How far time goes in a step, on turmoil.
    pub tick_ms: u64,
    /// How long a segment travels at least.
    pub latency_min_ms: u64,
    /// How long a segment travels at most.
    pub latency_max_ms: u64,
    /// How rough the network is.
    pub grain: Grain,
    /// What a stream takes in one direction before it is read.
    pub window_bytes: usize,
    /// Proxies, all configured alike.
    pub proxies: usize,
    /// Workers of each, each a task.
    pub workers: usize,
    /// The proxy's own.
    pub op_timeout_ms: u64,
    /// The proxy's own.
    pub connect_timeout_ms: u64,
    /// The proxy's own.
    pub drain_timeout_ms: u64,
    /// The rest of the proxy's configuration.
    pub tuning: Tuning,
}

/// What runs on the clients' host.
type Job = Pin<Box<dyn Future<Output = ()>>>;

/// The world, and what can be done to it.
pub struct World {
    /// Hosts, time, faults.
    pub network: Network,
    /// The cluster, as its administrator sees it.
    pub cluster: Cluster,
    /// Its nodes; or the one server that is of no cluster, of which the cluster knows nothing.
    pub servers: Vec<Node>,
    /// The hosts of its nodes.
    pub nodes: Vec<HostId>,
    /// The proxies.
    pub proxies: Vec<Proxy>,
    /// The clients' host.
    pub clients: HostId,
    /// Who writes the history.
    pub recorder: Recorder,
    /// What proxies read and wrote, if all is kept.
    pub wires: Wires,
    /// Slots on the move.
    pub(crate) moving: BTreeSet<Slot>,
    /// Slots whose owner holds another node for the owner, and that node.
    pub(crate) entangled: BTreeMap<Slot, usize>,
    pub(crate) kinship: Kinship,
    jobs: mpsc::UnboundedSender<Job>,
    client_net: SimNet,
    leaves: BTreeMap<usize, Rc<Notify>>,
    /// What the proxies run on.
    config: Config,
}

/// A duration in ms.
#[must_use]
pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Default for Setup {
    /// A smooth, fast network and a patient proxy, for stories.
    fn default() -> Self {
        Setup {
            primaries: 3,
            replicas: 0,
            hostnames: false,
            shared_host: false,
            standalone: false,
            medium: Medium::Turmoil,
            tick_ms: 1,
            latency_min_ms: 1,
            latency_max_ms: 2,
            grain: Grain::default(),
            window_bytes: WINDOW_BYTES,
            proxies: 1,
            workers: 2,
            op_timeout_ms: 500,
            connect_timeout_ms: 200,
            drain_timeout_ms: 1_000,
            tuning: Tuning::default(),
        }
    }
}

impl Setup {
    /// Nodes of the cluster.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.primaries * (1 + self.replicas)
    }

    /// What the checkers must know: nothing is broken yet.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let slack = ms(2 * self.latency_max_ms + 4 * self.tick_ms + 2);
        Rules {
            op_timeout: ms(self.op_timeout_ms),
            command_timeouts: self.tuning.command_timeouts(),
            follows: self.tuning.follows,
            redirects_max: self.tuning.redirects_max,
            retries_max: self.tuning.retries_max,
            connect_timeout: ms(self.connect_timeout_ms),
            drain_timeout: ms(self.drain_timeout_ms),
            stall_timeout: self.tuning.stall_timeout(),
            closes_idle: self.tuning.closes_idle(),
            heeds_each_redirect: self.tuning.redirect_threshold == 1 && !self.standalone,
            output_bytes: self.tuning.client_output_bytes,
            memory_max: self.tuning.memory_bytes,
            is_narrow: self.tuning.is_narrow(),
            may_close: self.tuning.may_close(),
            is_tight: self.tuning.is_tight(),
            has_few_leases: self.tuning.leases_max < LEASES_MANY,
            has_few_unknown: self.tuning.unknown_max < UNKNOWN_MANY,
            memory_bytes: (self.tuning.memory_bytes
                + self.memory_slack_bytes(self.tuning.connections_per_node))
                as u64,
            workers: self.workers as u64,
            connects_per_s: self.tuning.connections_per_s.into(),
            retry_percent: self.tuning.retry_budget.into(),
            are_apart: !self.shared_host,
            patience: ms(2 * self.tuning.flush_timeout_ms),
            refresh: ms(self.tuning.refresh_ms),
            refresh_min: ms(self.tuning.refresh_ms_min),
            recovery: ms(self.recovery_ms()),
            slack,
            window: self.window_bytes,
            round_trip: ms(2 * (self.latency_max_ms + self.tick_ms)),
            quiet_from: None,
            mended_from: None,
            heard_from: None,
        }
    }

    /// What the proxy's buffers may hold beyond `memory_max` with so many connections to a node and
    /// for a protocol: what each of them reads into, for that is read whatever there is, and what
    /// is read at once.
    pub(crate) fn memory_slack_bytes(&self, per_node: usize) -> usize {
        let lent = if self.tuning.is_tight() { self.tuning.leases_max } else { 0 };
        self.workers * (self.nodes() * 2 * per_node + lent) * MEMORY_SLACK_BYTES
    }

    /// The longest that a command may take.
    #[must_use]
    pub fn longest_timeout(&self) -> Duration {
        let tuning = &self.tuning;
        let commands = [tuning.mget_timeout_ms, tuning.getrange_timeout_ms, self.op_timeout_ms];
        ms(commands.into_iter().max().unwrap_or(0))
    }

    /// What the proxy has to be well again once all is mended, in ms: a command that has just begun
    /// may wait for its deadline, or for a connection; the longest pause between two attempts to
    /// connect; a connection that is dead to be found so; and two more looks at the topology, each
    /// after a pause that is drawn a quarter longer at most.
    #[must_use]
    pub fn recovery_ms(&self) -> u64 {
        let tuning = &self.tuning;
        let longest = self.longest_timeout().as_millis() as u64;
        let looks = 2 * (TOPOLOGY_TIMEOUT_MS + TOPOLOGY_RETRY_MS * 125 / 100);
        let regular = if tuning.is_alert() { 0 } else { tuning.regular_look_ms() };
        let stall = if self.tuning.stall_timeout_ms > 2_000 { 0 } else { tuning.stall_timeout_ms };
        let dead = stall + KEEPALIVE.as_millis() as u64;
        longest + self.connect_timeout_ms + dead + CONNECT_BACKOFF_MS_MAX + looks + regular
    }

    fn config(&self, seeds: Vec<Address>) -> Config {
        let unspecified = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PROXY_PORT));
        let target = match (self.standalone, seeds.first()) {
            (true, Some(server)) => Target::Server(server.clone()),
            _ => Target::Cluster(seeds),
        };
        let mut upstream = Upstream::new(target);
        upstream.timeouts.op = ms(self.op_timeout_ms);
        upstream.timeouts.connect = ms(self.connect_timeout_ms);
        self.tuning.apply(&mut upstream);
        Config {
            listeners: vec![Listener { address: unspecified, upstream: "main".to_owned() }],
            upstreams: [("main".to_owned(), upstream)].into(),
            admin: None,
            workers: NonZeroUsize::new(self.workers).expect("a proxy has workers"),
            drain_timeout: ms(self.drain_timeout_ms),
            memory_bytes_max: self.tuning.memory_bytes,
            clients: self.tuning.clients(),
        }
    }
}

impl World {
    /// A world in which nothing has happened yet; `keep_all` of its trace, or the last events only.
    #[must_use]
    pub fn new(seed: u64, setup: &Setup, keep_all: bool) -> Self {
        let overlay = Overlay::new(seed, setup.grain, keep_all);
        overlay.set_window(setup.window_bytes);
        let recorder = Recorder::new(overlay.clone(), setup.rules());
        let speed = LinkSpeed { min: ms(setup.latency_min_ms), max: ms(setup.latency_max_ms) };
        let mut network = Network::new(setup.medium, overlay.clone(), ms(setup.tick_ms), speed);

        let Nodes { cluster, servers, hosts: nodes, places } =
            nodes::add(&mut network, setup, &recorder);
        let seeds = (0..setup.nodes()).map(|node| cluster.address(node)).collect();
        let config = setup.config(seeds);
        let count = setup.proxies.max(1);
        let proxies: Vec<_> =
            (0..count).map(|number| proxies::add(&mut network, (number, count), &config)).collect();
        recorder.know(proxies.len());
        let wires = Wires::default();
        for (number, proxy) in proxies.iter().enumerate() {
            let outgoing = Outgoing::new(recorder.clone(), number, places.clone());
            let tap: Rc<dyn Tap> = if keep_all {
                let (places, overlay) = (places.clone(), overlay.clone());
                Rc::new(Wiretap::new(outgoing, places, overlay, wires.clone()))
            } else {
                Rc::new(outgoing)
            };
            network.tap(proxy.host, tap);
        }
        let (jobs, clients, client_net) = add_clients(&mut network);
        World {
            proxies,
            network,
            cluster,
            servers,
            nodes,
            clients,
            recorder,
            wires,
            moving: BTreeSet::new(),
            entangled: BTreeMap::new(),
            kinship: Kinship::default(),
            jobs,
            client_net,
            leaves: BTreeMap::new(),
            config,
        }
    }

    /// Runs something on the clients' host.
    pub fn spawn<F>(&self, job: impl FnOnce(SimNet) -> F)
    where
        F: Future<Output = ()> + 'static,
    {
        let job = Box::pin(job(self.client_net.clone()));
        self.jobs.send(job).expect("the clients' host never ends");
    }

    /// Lets one step of time pass, no longer than until `limit` where steps may be shorter.
    ///
    /// # Errors
    /// The software of a host failed.
    pub fn step_until(&mut self, limit: Duration) -> anyhow::Result<()> {
        self.network.step_until(limit)?;
        for proxy in &mut self.proxies {
            if proxy.observe() {
                // Whatever it leaves behind is closed, as that of every process is.
                self.network.kill(proxy.host);
            }
        }
        Ok(())
    }

    /// Tells all proxies to stop.
    pub fn drain(&mut self) {
        (0..self.proxies.len()).for_each(|proxy| self.drain_one(proxy));
    }

    /// Tells one proxy to stop.
    pub fn drain_one(&mut self, proxy: usize) {
        let name = proxies::name_of(proxy, self.proxies.len());
        self.network.overlay().note(&format!("drain {name}"));
        self.recorder.drained(proxy);
        self.proxies[proxy].life().drain();
    }

    /// Kills the process of a proxy, if there is one.
    pub fn crash(&mut self, proxy: usize) {
        if self.proxies[proxy].life().is_gone() {
            return;
        }
        let name = proxies::name_of(proxy, self.proxies.len());
        self.network.overlay().note(&format!("crash {name}"));
        self.recorder.died(proxy);
        self.network.kill(self.proxies[proxy].host);
        self.proxies[proxy].was_killed();
    }

    /// Starts a proxy again that was killed, unless it was told to stop.
    pub fn start(&mut self, proxy: usize) {
        if !self.proxies[proxy].life().is_killed() || self.recorder.is_told_to_stop(proxy) {
            return;
        }
        let life = self.proxies[proxy].lives().len();
        let name = proxies::name_of(proxy, self.proxies.len());
        self.network.overlay().note(&format!("start {name}: life {}", life + 1));
        let dice = format!("proxy {proxy} in another life");
        let seed = self.network.overlay().dice(&dice, life as u64).seed();
        self.proxies[proxy].begin_again(&self.config, seed);
        self.recorder.born(proxy);
        self.network.restart(self.proxies[proxy].host);
    }

    /// Does something to the network around each proxy.
    pub(crate) fn at_each_proxy(&mut self, does: impl Fn(&mut Network, HostId)) {
        for proxy in &self.proxies {
            does(&mut self.network, proxy.host);
        }
    }

    /// What the proxies run on.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Gives the proxies another configuration, as SIGHUP does.
    pub fn reload(&mut self, change: impl FnOnce(&mut Config)) {
        self.network.overlay().note("reload");
        change(&mut self.config);
        self.proxies.iter().for_each(|proxy| proxy.life().reload(self.config.clone()));
    }

    /// What a client is told with when it is to leave.
    pub fn leave_signal(&mut self, client: usize) -> Rc<Notify> {
        Rc::clone(self.leaves.entry(client).or_default())
    }

    /// Tells a client to leave.
    pub fn tell_to_leave(&mut self, client: usize) {
        self.network.overlay().note(&format!("client {client} leaves"));
        self.leave_signal(client).notify_waiters();
    }
}

/// The clients' host, which runs what it is sent.
fn add_clients(network: &mut Network) -> (mpsc::UnboundedSender<Job>, HostId, SimNet) {
    let (jobs, inbox) = mpsc::unbounded_channel::<Job>();
    let inbox = Cell::new(Some(inbox));
    let (host, net) = network.add_host("clients", move |net| {
        let inbox = inbox.take();
        async move {
            let mut inbox = inbox.ok_or_else(|| anyhow::anyhow!("clients start only once"))?;
            while let Some(job) = inbox.recv().await {
                net.spawn(job);
            }
            Ok(())
        }
    });
    (jobs, host, net)
}
