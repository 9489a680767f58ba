//! The proxies of a world: each a process on a host of its own, all configured alike. One that was
//! killed may be started again: as another process, which knows nothing of what was before.

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
    /// Its processes; the last one is what there is of it now.
    lives: Vec<Life>,
    /// What its host runs when it is started the next time.
    next: Rc<Cell<Option<Process>>>,
}

/// A process of a proxy, from the outside.
pub struct Life {
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
    /// Whether it has ended, and that was seen.
    is_over: bool,
    is_killed: bool,
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
    let (life, process) = begin(config, network.overlay().dice("proxy", number as u64).seed());
    let next = Rc::new(Cell::new(Some(process)));
    let starting = Rc::clone(&next);
    let (host, net) = network.add_host(&name_of(number, proxies), move |net| {
        let process = starting.take();
        async move {
            let process = process.ok_or_else(|| anyhow::anyhow!("each start has a process"))?;
            process.run(net).await
        }
    });
    let address = SocketAddr::new(net.ip(), PROXY_PORT);
    Proxy { host, address, lives: vec![life], next }
}

/// A process that is about to begin, from the outside and from the inside.
fn begin(config: &Config, seed: u64) -> (Life, Process) {
    let stats = Stats::new(config.workers.get(), ["main"]);
    let (shutdown, ended) = (Rc::new(Notify::new()), Rc::default());
    let (reload, reloads) = mpsc::channel(1);
    let process = Process {
        config: config.clone(),
        stats: stats.clone(),
        seed,
        shutdown: Rc::clone(&shutdown),
        reloads,
        ended: Rc::clone(&ended),
    };
    let life = Life {
        stats,
        buffered_most: 0,
        shutdown,
        is_stopping: Cell::new(false),
        reload,
        ended,
        is_over: false,
        is_killed: false,
    };
    (life, process)
}

impl Proxy {
    /// Its processes so far, in the order in which they began.
    #[must_use]
    pub fn lives(&self) -> &[Life] {
        &self.lives
    }

    /// The last of them.
    #[must_use]
    pub fn life(&self) -> &Life {
        self.lives.last().expect("a proxy begins with a life")
    }

    /// What that counts.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.life().stats
    }

    /// Has another process ready for when its host is started.
    pub(crate) fn begin_again(&mut self, config: &Config, seed: u64) {
        let (life, process) = begin(config, seed);
        self.lives.push(life);
        self.next.set(Some(process));
    }

    /// Its process was killed.
    pub(crate) fn was_killed(&mut self) {
        self.life_mut().is_killed = true;
    }

    /// Looks at it after a step; whether it has just ended.
    pub(crate) fn observe(&mut self) -> bool {
        let life = self.life_mut();
        life.buffered_most = life.buffered_most.max(life.buffered());
        life.end().is_some() && !std::mem::replace(&mut life.is_over, true)
    }

    fn life_mut(&mut self) -> &mut Life {
        self.lives.last_mut().expect("a proxy begins with a life")
    }
}

impl Life {
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

    /// Whether it was killed.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.is_killed
    }

    /// Whether there is no such process any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_killed || self.end().is_some()
    }

    /// Tells it to stop.
    pub(crate) fn drain(&self) {
        self.is_stopping.set(true);
        self.shutdown.notify_one();
    }

    /// Gives it another configuration.
    pub(crate) fn reload(&self, config: Config) {
        // One that stops takes none any more.
        if !self.is_stopping.get() && !self.is_gone() {
            self.reload.try_send(config).expect("one reload at a time");
        }
    }
}

/// What the host of a proxy runs.
struct Process {
    config: Config,
    stats: Stats,
    seed: u64,
    shutdown: Rc<Notify>,
    reloads: mpsc::Receiver<Config>,
    ended: Rc<RefCell<Option<Result<(), String>>>>,
}

impl Process {
    async fn run(self, net: SimNet) -> anyhow::Result<()> {
        let Process { config, stats, seed, shutdown, reloads, ended } = self;
        let shutdown = async move { shutdown.notified().await };
        let end = proxy::serve(net, config, stats, seed, (shutdown, reloads)).await;
        *ended.borrow_mut() = Some(end.map_err(|error| error.to_string()));
        // Only of a host that runs are the tasks dropped when it is killed, which it will be.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use crate::net::Medium;
    use crate::rig::Rig;
    use crate::world::Setup;

    #[test]
    fn a_proxy_that_is_killed_and_started_again_serves_and_counts_from_nothing() {
        for medium in [Medium::Turmoil, Medium::Memory] {
            let mut rig = Rig::new(&Setup { medium, ..Setup::default() });
            let before = rig.client();
            assert_eq!(rig.ask(&before, "SET a 1"), "OK");
            rig.world.crash(0);
            rig.until("closed", || before.is_closed());
            let refused = rig.client_later();
            rig.until("refused", || refused.is_closed());
            rig.world.start(0);
            rig.wait(20);
            let after = rig.client();
            assert_eq!(rig.ask(&after, "GET a"), "1");
            let lives = rig.proxy().lives().iter();
            assert_eq!(lives.map(|life| life.counted().commands).collect::<Vec<_>>(), [1, 1]);
        }
    }

    #[test]
    fn a_proxy_that_was_told_to_stop_is_not_started_again() {
        let mut rig = Rig::new(&Setup::default());
        rig.world.start(0);
        assert_eq!(rig.proxy().lives().len(), 1, "it was not down");
        rig.world.crash(0);
        rig.world.drain_one(0);
        rig.world.start(0);
        assert!(rig.proxy().life().is_gone() && rig.proxy().lives().len() == 1);
    }
}
