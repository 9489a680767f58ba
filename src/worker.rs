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
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::backend::{Backend, Current};
use crate::client::{self, Listening, Shared};
use crate::common::Common;
use crate::config::Config;
use crate::limits::STOP_MS;
use crate::memory::Memory;
use crate::mutant::planted;
use crate::net::Net;
use crate::pool::Pool;
use crate::proto::cluster::Topology;
use crate::proto::command::Identity;
use crate::queue::{Sender, queue};
use crate::refresh::Nudge;
use crate::registry::{Order, Registry};
use crate::reply_to::{Origin, ToClient, ToWorker};
use crate::stats::{Own, Stats};

/// What a worker is made from; can be sent to its thread.
#[derive(Debug)]
pub(crate) struct Setup<N: Net> {
    pub(crate) net: N,
    pub(crate) config: Arc<Config>,
    pub(crate) stats: Stats,
    /// Which of the workers it is.
    pub(crate) worker: usize,
    /// What its chance is drawn from.
    pub(crate) seed: u64,
    /// The port of each listener.
    pub(crate) ports: Vec<u16>,
    /// What all workers share: the clients, and what is known of each upstream in the order of
    /// names.
    pub(crate) common: (Registry, Vec<Common>),
    /// To make for a look at the topology; one an upstream, in the order of names.
    pub(crate) nudges: Vec<Nudge>,
    pub(crate) inbox: mpsc::UnboundedReceiver<ToWorker<N::Accepted>>,
    /// Ends the drain before its time.
    pub(crate) stop: Arc<Notify>,
}

/// A worker.
struct Worker<N> {
    net: N,
    shared: Rc<Shared>,
    make: Make<N>,
    /// In the order of their names.
    upstreams: Vec<Rc<Current<N>>>,
    /// What each listener serves, and its port.
    listeners: Vec<(Rc<Current<N>>, u16)>,
    clients: RefCell<BTreeMap<u64, Sender<ToClient>>>,
    /// The last client has left.
    empty: Notify,
}

/// What views of upstreams are made from.
struct Make<N> {
    net: N,
    count: Rc<Own>,
    memory: Rc<Memory>,
    of_upstreams: Vec<Common>,
    rng: RefCell<StdRng>,
}

impl<N: Net> Make<N> {
    fn backend(&self, config: &Config, origin: Origin, nudge: Nudge) -> Option<Backend<N>> {
        let upstream = config.upstreams.values().nth(origin.upstream)?;
        let count = self.count.upstream(origin.upstream)?;
        let ours = (count.clone(), Rc::clone(&self.memory));
        let seed = self.rng.borrow_mut().random();
        let pool = Pool::new(self.net.clone(), upstream, config.drain_timeout, seed, ours);
        let common = self.of_upstreams.get(origin.upstream)?.clone();
        let made = (origin.configuration, common);
        let backend = Backend::new(upstream, pool, nudge, count, made);
        backend.preconnect();
        Some(backend)
    }
}

/// Runs a worker until its drain is over.
pub(crate) async fn run<N: Net>(setup: Setup<N>) {
    let drain_timeout = setup.config.drain_timeout;
    let stop = Arc::clone(&setup.stop);
    let Some((worker, inbox)) = build(setup) else { return };
    let memory = Rc::clone(&worker.shared.memory);
    let mut watch = pin!(memory.watch());
    let mut obey = pin!(worker.obey());
    let mut work = pin!(work(&worker, inbox, drain_timeout, &stop));
    poll_fn(|cx| {
        let _: Poll<()> = watch.as_mut().poll(cx);
        let _: Poll<()> = obey.as_mut().poll(cx);
        work.as_mut().poll(cx)
    })
    .await;
}

async fn work<N: Net>(
    worker: &Rc<Worker<N>>,
    mut inbox: mpsc::UnboundedReceiver<ToWorker<N::Accepted>>,
    drain_timeout: Duration,
    stop: &Notify,
) {
    while let Some(message) = inbox.recv().await {
        match message {
            ToWorker::Client { accepted, peer, listener, id, chair } => {
                worker.welcome(accepted, &peer.to_string(), listener, (id, chair));
            }
            ToWorker::Topology(origin, topology) => worker.adopt(origin, &topology),
            ToWorker::Upstream(origin, config, nudge) => worker.renew(origin, &config, nudge),
        }
    }
    worker.tell_all(|| ToClient::Drain);
    let patience = if planted("drain-has-no-time") { Duration::ZERO } else { drain_timeout };
    if !worker.is_drained_within(patience, stop).await {
        let clients = worker.clients.borrow().len();
        tracing::warn!(clients, "the drain is over before they were done; they are told so");
        worker.tell_all(|| ToClient::Stop);
        // Those that do not read what they are told are left behind.
        let _: Result<(), _> =
            timeout(Duration::from_millis(STOP_MS), worker.wait_until_empty()).await;
    }
}

/// A worker, and where it hears from control.
type Built<N> = (Rc<Worker<N>>, mpsc::UnboundedReceiver<ToWorker<<N as Net>::Accepted>>);

fn build<N: Net>(setup: Setup<N>) -> Option<Built<N>> {
    let Setup { net, config, stats, worker: number, seed, ports, common, nudges, inbox, .. } =
        setup;
    let (registry, of_upstreams) = common;
    let count = Rc::new(Own::new(stats, number)?);
    let memory = Memory::new(Rc::clone(&count), config.memory_bytes_max);
    let make = Make {
        net: net.clone(),
        count: Rc::clone(&count),
        memory: Rc::clone(&memory),
        of_upstreams,
        rng: RefCell::new(StdRng::seed_from_u64(seed)),
    };
    let mut upstreams = Vec::new();
    for (upstream, nudge) in nudges.into_iter().enumerate() {
        let origin = Origin { upstream, configuration: 0 };
        upstreams.push(Rc::new(Current::new(make.backend(&config, origin, nudge)?)));
    }
    let by_name: BTreeMap<&str, _> =
        config.upstreams.keys().map(String::as_str).zip(&upstreams).collect();
    let listeners = config.listeners.iter().zip(ports).filter_map(|(listener, port)| {
        Some((Rc::clone(by_name.get(listener.upstream.as_str())?), port))
    });
    let worker = Rc::new(Worker {
        net,
        shared: Rc::new(Shared::new(Rc::clone(&count), config.clients, memory, (registry, number))),
        listeners: listeners.collect(),
        make,
        upstreams,
        clients: RefCell::new(BTreeMap::new()),
        empty: Notify::new(),
    });
    Some((worker, inbox))
}

impl<N: Net> Worker<N> {
    fn welcome(
        self: &Rc<Self>,
        accepted: N::Accepted,
        peer: &str,
        listener: usize,
        (id, chair): (u64, Arc<()>),
    ) {
        let stats = self.shared.count.worker();
        stats.clients_total.add(1);
        let Some((current, port)) = self.listeners.get(listener) else { return };
        let listening = Listening::new(current, *port);
        let stream = match self.net.adopt(accepted) {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(peer, %error, "client lost before it was served"),
        };
        stats.clients.add(1);
        let (sender, inbox) = queue();
        self.clients.borrow_mut().insert(id, sender.clone());
        let host = self.net.own_ip(&stream);
        let identity = Identity { host, port: *port, ..Identity::new(id, peer.to_owned()) };
        let worker = Rc::clone(self);
        self.net.spawn(async move {
            let shared = Rc::clone(&worker.shared);
            let ends = (sender, inbox);
            let remains = client::serve(shared, listening, stream, identity, ends).await;
            worker.farewell(id);
            drop((chair, worker));
            if let Some(remains) = remains {
                remains.rot().await;
            }
        });
    }

    /// Passes on what clients of any worker want done to those of this one.
    async fn obey(&self) {
        let (registry, number) = &self.shared.registry;
        loop {
            for order in registry.orders(*number).await {
                match order {
                    Order::Close(id) => {
                        if let Some(client) = self.clients.borrow().get(&id) {
                            client.send(ToClient::Close);
                        }
                    }
                    Order::Wake(id, wake) => {
                        if let Some(client) = self.clients.borrow().get(&id) {
                            client.send(ToClient::Wake(wake));
                        }
                    }
                    Order::Look => self.tell_all(|| ToClient::Room),
                }
            }
        }
    }

    fn farewell(&self, id: u64) {
        self.shared.count.worker().clients.sub(1);
        let mut clients = self.clients.borrow_mut();
        clients.remove(&id);
        if clients.is_empty() {
            self.empty.notify_one();
        }
    }

    fn adopt(&self, origin: Origin, topology: &Arc<Topology>) {
        let Some(current) = self.upstreams.get(origin.upstream) else { return };
        // What is told of servers that are configured no more, nobody may need any more.
        let Some(backend) = current.of(origin.configuration) else { return };
        // While something fails, views come often, and most of them are the same again.
        if backend.adopt(topology) {
            self.tell_all(|| ToClient::Topology);
        }
    }

    /// Puts a new configuration of an upstream in force.
    fn renew(&self, origin: Origin, config: &Config, nudge: Nudge) {
        let Some(current) = self.upstreams.get(origin.upstream) else { return };
        let Some(backend) = self.make.backend(config, origin, nudge) else { return };
        backend.inherit(&current.get());
        current.replace(backend, config.drain_timeout);
        self.tell_all(|| ToClient::Configuration);
    }

    fn tell_all(&self, message: impl Fn() -> ToClient) {
        self.clients.borrow().values().for_each(|client| client.send(message()));
    }

    /// Waits until no client is left; false if `limit` is over or `stop` comes before that.
    async fn is_drained_within(&self, limit: Duration, stop: &Notify) -> bool {
        let mut drained = pin!(timeout(limit, self.wait_until_empty()));
        let mut stopped = pin!(stop.notified());
        poll_fn(|cx| {
            if let Poll::Ready(result) = drained.as_mut().poll(cx) {
                return Poll::Ready(result.is_ok());
            }
            stopped.as_mut().poll(cx).map(|()| false)
        })
        .await
    }

    async fn wait_until_empty(&self) {
        while !self.clients.borrow().is_empty() {
            self.empty.notified().await;
        }
    }
}
