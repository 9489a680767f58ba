//! One worker: a thread's worth of clients, and connections to nodes that only they use.
//!
//! ```text
//! control --ToWorker--> worker --spawns--> client task, client task, …
//!                          |                   |  ^
//!                          '- Topology, Drain -'  '--- pool, router: this worker's own
//! ```
//!
//! The end of the queue from control is the beginning of the drain.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::client;
use crate::config::{Config, Target};
use crate::limits::STOP_MS;
use crate::net::Net;
use crate::pool::Pool;
use crate::proto::cluster::{Router, Topology};
use crate::proto::command::Identity;
use crate::queue::{Sender, queue};
use crate::reply_to::{ToClient, ToWorker};
use crate::stats::{Stats, WorkerStats};
use crate::upstream::now;

/// What a worker counts with.
#[derive(Debug)]
pub(crate) struct Count {
    stats: Stats,
    worker: usize,
}

impl Count {
    /// The worker's own counters.
    pub(crate) fn stats(&self) -> &WorkerStats {
        &self.stats.workers[self.worker]
    }

    /// Everybody's.
    pub(crate) fn all(&self) -> &Stats {
        &self.stats
    }
}

/// What a worker is made from; can be sent to its thread.
#[derive(Debug)]
pub(crate) struct Setup<N: Net> {
    pub(crate) net: N,
    pub(crate) config: Arc<Config>,
    pub(crate) stats: Stats,
    /// Which of the workers it is.
    pub(crate) worker: usize,
    /// The port of each listener.
    pub(crate) ports: Vec<u16>,
    /// To ask for a look at the topology; one an upstream, in the order of names.
    pub(crate) refresh: Vec<mpsc::Sender<()>>,
    pub(crate) inbox: mpsc::UnboundedReceiver<ToWorker<N::Accepted>>,
}

/// A worker's view of one upstream.
pub(crate) struct Upstream<N> {
    pub(crate) router: RefCell<Router>,
    pub(crate) pool: RefCell<Pool<N>>,
    pub(crate) op_timeout: Duration,
    pub(crate) is_cluster: bool,
    refresh: mpsc::Sender<()>,
}

impl<N> Upstream<N> {
    /// Asks for a look at the topology. One request at a time is enough.
    pub(crate) fn wants_refresh(&self) {
        let _: Result<(), _> = self.refresh.try_send(());
    }
}

/// What a client connected to.
pub(crate) struct Listening<N> {
    pub(crate) upstream: Rc<Upstream<N>>,
    pub(crate) port: u16,
}

impl<N> Clone for Listening<N> {
    fn clone(&self) -> Self {
        Listening { upstream: Rc::clone(&self.upstream), port: self.port }
    }
}

/// What all clients of a worker share.
pub(crate) struct Worker<N> {
    pub(crate) count: Rc<Count>,
    pub(crate) started: Instant,
    /// What clients are read into, so that an idle one needs no buffer.
    pub(crate) buffer: RefCell<BytesMut>,
    net: N,
    upstreams: Vec<Rc<Upstream<N>>>,
    listeners: Vec<Listening<N>>,
    clients: RefCell<BTreeMap<u64, Sender<ToClient>>>,
    /// The last client has left.
    empty: Notify,
}

/// Runs a worker until its drain is over.
pub(crate) async fn run<N: Net>(setup: Setup<N>) {
    let drain_timeout = setup.config.drain_timeout;
    let (worker, mut inbox) = build(setup);
    while let Some(message) = inbox.recv().await {
        match message {
            ToWorker::Client { accepted, peer, listener, id } => {
                worker.welcome(accepted, &peer.to_string(), listener, id);
            }
            ToWorker::Topology(upstream, topology) => worker.adopt(upstream, &topology),
        }
    }
    worker.tell_all(|| ToClient::Drain);
    if timeout(drain_timeout, worker.wait_until_empty()).await.is_err() {
        worker.tell_all(|| ToClient::Stop);
        // Those that do not read what they are told are left behind.
        let _: Result<(), _> =
            timeout(Duration::from_millis(STOP_MS), worker.wait_until_empty()).await;
    }
}

/// A worker, and where it hears from control.
type Built<N> = (Rc<Worker<N>>, mpsc::UnboundedReceiver<ToWorker<<N as Net>::Accepted>>);

fn build<N: Net>(setup: Setup<N>) -> Built<N> {
    let Setup { net, config, stats, worker, ports, refresh, inbox } = setup;
    let count = Rc::new(Count { stats, worker });
    let upstreams: Vec<_> = config
        .upstreams
        .values()
        .zip(refresh)
        .map(|(upstream, refresh)| {
            let (router, is_cluster) = match &upstream.target {
                Target::Cluster(_) => (Router::cluster(), true),
                Target::Server(address) => (Router::single(address.clone()), false),
            };
            let pool = Pool::new(net.clone(), upstream.connect_timeout, Rc::clone(&count));
            Rc::new(Upstream {
                router: RefCell::new(router),
                pool: RefCell::new(pool),
                op_timeout: upstream.op_timeout,
                is_cluster,
                refresh,
            })
        })
        .collect();
    let by_name: BTreeMap<&str, _> =
        config.upstreams.keys().map(String::as_str).zip(&upstreams).collect();
    let listeners = config.listeners.iter().zip(ports).filter_map(|(listener, port)| {
        let upstream = Rc::clone(by_name.get(listener.upstream.as_str())?);
        Some(Listening { upstream, port })
    });
    let worker = Rc::new(Worker {
        count,
        started: now(),
        buffer: RefCell::new(BytesMut::new()),
        net,
        listeners: listeners.collect(),
        upstreams,
        clients: RefCell::new(BTreeMap::new()),
        empty: Notify::new(),
    });
    (worker, inbox)
}

impl<N: Net> Worker<N> {
    fn welcome(self: &Rc<Self>, accepted: N::Accepted, peer: &str, listener: usize, id: u64) {
        let stats = self.count.stats();
        stats.clients_total.add(1);
        let Some(listening) = self.listeners.get(listener).cloned() else { return };
        let stream = match self.net.adopt(accepted) {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(peer, %error, "client lost before it was served"),
        };
        stats.clients.add(1);
        let (sender, inbox) = queue();
        self.clients.borrow_mut().insert(id, sender.clone());
        let identity = Identity::new(id, peer.to_owned());
        let worker = Rc::clone(self);
        self.net.spawn(async move {
            client::serve(Rc::clone(&worker), listening, stream, identity, (sender, inbox)).await;
            worker.farewell(id);
        });
    }

    fn farewell(&self, id: u64) {
        self.count.stats().clients.sub(1);
        let mut clients = self.clients.borrow_mut();
        clients.remove(&id);
        if clients.is_empty() {
            self.empty.notify_one();
        }
    }

    fn adopt(&self, upstream: usize, topology: &Topology) {
        let Some(upstream) = self.upstreams.get(upstream) else { return };
        let unlisted = upstream.router.borrow_mut().adopt(topology);
        upstream.pool.borrow_mut().retire(&unlisted);
        self.tell_all(|| ToClient::Topology);
    }

    fn tell_all(&self, message: impl Fn() -> ToClient) {
        self.clients.borrow().values().for_each(|client| client.send(message()));
    }

    async fn wait_until_empty(&self) {
        while !self.clients.borrow().is_empty() {
            self.empty.notified().await;
        }
    }
}
