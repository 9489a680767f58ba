//! The proxies of a world: each a process on a host of its own, all configured alike.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use redpoll::config::Config;
use redpoll::proxy;
use redpoll::stats::{BackendStats, ErrorCode, Redirect, RetryReason, Stats};
use tokio::sync::{Notify, mpsc};

use crate::history::Counted;
use crate::net::{HostId, Network, SimNet};
use crate::world::PROXY_PORT;

/// One of them.
pub struct Proxy {
    /// Its host.
    pub host: HostId,
    /// Where clients connect.
    pub address: SocketAddr,
    /// What it counts.
    pub stats: Stats,
    /// The most bytes that its buffers held after a step.
    buffered_most: u64,
    shutdown: Rc<Notify>,
    /// Whether it was told to stop.
    is_stopping: Cell<bool>,
    /// Where it hears of another configuration.
    reload: mpsc::Sender<Config>,
    /// How it ended, once it has.
    ended: Rc<RefCell<Option<Result<(), String>>>>,
    /// Whether its process is gone.
    is_over: bool,
}

/// The name of the host of the proxy of this number among so many.
#[must_use]
pub fn name_of(proxy: usize, proxies: usize) -> String {
    if proxies <= 1 { "proxy".to_owned() } else { format!("proxy-{proxy}") }
}

/// Adds the proxy of this number among so many.
pub(crate) fn add(
    network: &mut Network,
    (number, proxies): (usize, usize),
    config: &Config,
) -> Proxy {
    let stats = Stats::new(config.workers.get(), ["main"]);
    let (shutdown, ended) = (Rc::new(Notify::new()), Rc::default());
    let (reload, reloads) = mpsc::channel(1);
    let process = Rc::new(Process {
        config: config.clone(),
        stats: stats.clone(),
        seed: network.overlay().dice("proxy", number as u64).seed(),
        shutdown: Rc::clone(&shutdown),
        reload: Cell::new(Some(reloads)),
        ended: Rc::clone(&ended),
    });
    let name = name_of(number, proxies);
    let (host, net) = network.add_host(&name, move |net| Rc::clone(&process).run(net));
    let address = SocketAddr::new(net.ip(), PROXY_PORT);
    Proxy {
        host,
        address,
        stats,
        buffered_most: 0,
        shutdown,
        is_stopping: Cell::new(false),
        reload,
        ended,
        is_over: false,
    }
}

impl Proxy {
    /// Bytes that its buffers hold.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.stats.sum(|worker| &worker.buffered_bytes)
    }

    /// What it has counted so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        let sum = |pick: fn(&BackendStats) -> u64| self.stats.sum_upstreams(pick);
        let looks =
            self.stats.upstreams.iter().map(|upstream| {
                upstream.refreshes_total.get() + upstream.refresh_failures_total.get()
            });
        Counted {
            commands: self.stats.sum(|worker| &worker.commands_total),
            moved: sum(|upstream| upstream.redirects.of(Redirect::Moved).get()),
            asked: sum(|upstream| upstream.redirects.of(Redirect::Ask).get()),
            unsent: sum(|upstream| upstream.failed.of(ErrorCode::Unsent).get()),
            unsure: sum(|upstream| upstream.failed.of(ErrorCode::Unsure).get()),
            connections: self.stats.sum_nodes(|node| node.connections_opened.get()),
            sent: self.stats.sum_nodes(|node| node.requests_sent.get()),
            answered: self.stats.sum_nodes(|node| node.requests_answered.get()),
            refreshes: looks.sum(),
            retries: sum(|upstream| upstream.retries.of(RetryReason::Connection).get()),
            requests: sum(|upstream| upstream.requests.get()),
            buffered_most: self.buffered_most,
            buffered: self.buffered(),
            unwritten: self.stats.sum_nodes(|node| node.buffered_bytes.get()),
            in_flight: self.stats.sum_nodes(|node| node.in_flight.get()),
            open: self.stats.sum_nodes(|node| node.connections.get()),
        }
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn end(&self) -> Option<Result<(), String>> {
        self.ended.borrow().clone()
    }

    /// Tells it to stop.
    pub(crate) fn drain(&self) {
        self.is_stopping.set(true);
        self.shutdown.notify_one();
    }

    /// Gives it another configuration.
    pub(crate) fn reload(&self, config: Config) {
        // One that stops, or has ended, takes none any more.
        if !self.is_stopping.get() && self.end().is_none() {
            self.reload.try_send(config).expect("one reload at a time");
        }
    }

    /// Looks at it after a step; whether it has just ended.
    pub(crate) fn observe(&mut self) -> bool {
        self.buffered_most = self.buffered_most.max(self.buffered());
        self.ended.borrow().is_some() && !std::mem::replace(&mut self.is_over, true)
    }
}

/// What the host of a proxy runs.
struct Process {
    config: Config,
    stats: Stats,
    seed: u64,
    shutdown: Rc<Notify>,
    reload: Cell<Option<mpsc::Receiver<Config>>>,
    ended: Rc<RefCell<Option<Result<(), String>>>>,
}

impl Process {
    async fn run(self: Rc<Self>, net: SimNet) -> anyhow::Result<()> {
        let shutdown = self.shutdown.clone();
        let shutdown = async move { shutdown.notified().await };
        let (config, stats) = (self.config.clone(), self.stats.clone());
        let reload = self.reload.take().unwrap_or_else(|| mpsc::channel(1).1);
        let end = proxy::serve(net, config, stats, self.seed, (shutdown, reload)).await;
        *self.ended.borrow_mut() = Some(end.map_err(|error| error.to_string()));
        // Only of a host that runs are the tasks dropped when it is killed, which it will be.
        std::future::pending().await
    }
}
