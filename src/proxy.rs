//! The proxy as a whole: control (listeners, discovery, the drain) and its workers.
//!
//! ```text
//!            listeners --accept--> the worker with the fewest clients
//! control -+                                    ^
//!            discovery --Topology--> workers ---+--Nudge--> discovery
//!            reload: a new view of each upstream that changed, to the workers
//!            shutdown: drop the workers' queues, wait for the workers to end
//! ```
//!
//! [`run`] gives each worker a thread; [`serve`] runs everything on the current one, for
//! simulations.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use crate::common::Common;
use crate::config::{Config, Reload, Target};
use crate::discovery::{self, Discovery, Pace, Watch};
use crate::limits::{ACCEPT_PAUSE_MS, LINGER_MS, STOP_MS, TURNED_AWAY_MAX};
use crate::mutant::planted;
use crate::net::{Net, TokioNet};
use crate::purge;
use crate::refresh::{Nudges, nudges};
use crate::registry::Registry;
use crate::reply_to::{Origin, ToWorker};
use crate::stats::Stats;
use crate::worker::{self, Setup};

/// Why the proxy cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener cannot be opened.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The listener's address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The operating system refuses threads, signals or an event loop.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
}

/// Where control sends a worker's clients and topologies.
struct Handle<N: Net> {
    queue: mpsc::UnboundedSender<ToWorker<N::Accepted>>,
    /// Each client of the worker has a clone until it is gone.
    chairs: Arc<()>,
}

/// What control waits for.
enum Event<A> {
    /// The proxy is to stop.
    Shutdown,
    /// There is another configuration.
    Reload(Box<Config>),
    /// A client, or why there is none, at the listener of this number.
    Accepted(usize, io::Result<(A, SocketAddr)>),
}

/// What control is made of.
struct Control<N: Net> {
    net: N,
    stats: Stats,
    listeners: Vec<N::Listener>,
    workers: Vec<Handle<N>>,
    /// Clients accepted since the start.
    clients: u64,
    /// Most clients at a time.
    clients_max: usize,
    /// Held by whoever is being turned away, so that they can be counted.
    turned_away: Rc<()>,
    /// Whether the log says that there are as many.
    is_full: bool,
    renewal: Renewal<N>,
}

/// What a new configuration needs.
struct Renewal<N: Net> {
    lookout: Lookout<N>,
    /// The configuration in force.
    config: Arc<Config>,
    /// How often it was read anew.
    reloads: u64,
    rng: StdRng,
}

/// Who begins to look out for topologies, and where they go.
struct Lookout<N: Net> {
    net: N,
    stats: Stats,
    /// Weak, because the queues' end is what ends the workers.
    queues: Vec<mpsc::WeakUnboundedSender<ToWorker<N::Accepted>>>,
}

/// Runs everything as tasks of the current thread until `shutdown`, and then the drain to its end.
/// What `reload` brings takes the place of `config`, as far as [`Config::reload`] says it can.
/// Needs a `LocalSet`, or whatever `net` spawns on.
///
/// # Errors
/// A listener cannot be opened.
pub async fn serve<N: Net>(
    net: N,
    config: Config,
    stats: Stats,
    seed: u64,
    (shutdown, reload): (impl Future<Output = ()>, mpsc::Receiver<Config>),
) -> Result<(), Error> {
    let spawner = net.clone();
    let start = move |setup: Setup<N>, ended: mpsc::Sender<()>| {
        spawner.spawn(async move {
            worker::run(setup).await;
            drop(ended);
        });
        Ok(())
    };
    let ends = (shutdown, std::future::pending(), reload);
    control(net, Arc::new(config), stats, seed, (start, |_: &[_]| (), ends)).await
}

/// Runs the proxy on the operating system's network, a thread a worker, until SIGINT or SIGTERM,
/// and then the drain to its end; a second signal ends that at once. `ready` is told where the
/// listeners are, once they are open. At each SIGHUP `load` is asked for another configuration;
/// `None` leaves everything as it is.
///
/// # Errors
/// A listener cannot be opened, or the operating system refuses threads, signals or an event loop.
pub fn run(
    config: Config,
    stats: Stats,
    ready: impl FnOnce(&[SocketAddr]),
    load: impl Fn() -> Option<Config> + 'static,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let seed = rand::random();
    runtime.block_on(local.run_until(async move {
        let shutdown = termination()?;
        // Looks out only once it is polled, which is after the first signal.
        let hurry = async {
            if let Ok(again) = termination() {
                again.await;
            } else {
                std::future::pending().await
            }
        };
        let ends = (shutdown, hurry, reloads(load)?);
        control(TokioNet, Arc::new(config), stats, seed, (start_thread, ready, ends)).await
    }))
}

/// Starts a worker on a thread of its own; the sender is dropped when it has ended.
fn start_thread(setup: Setup<TokioNet>, ended: mpsc::Sender<()>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name(format!("worker-{}", setup.worker));
    let (tell, told) = std::sync::mpsc::channel();
    // The event loop is made on its own thread: dropped on this one, it would panic.
    thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return drop(tell.send(Err(error))),
        };
        drop(tell.send(Ok(())));
        let local = tokio::task::LocalSet::new();
        runtime.block_on(local.run_until(async move {
            TokioNet.spawn(purge::watch(setup.stats.clone()));
            worker::run(setup).await;
        }));
        drop(ended);
    })?;
    told.recv().map_err(io::Error::other)?
}

/// Completes at the first SIGINT or SIGTERM.
fn termination() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        std::future::poll_fn(|cx| {
            if interrupt.poll_recv(cx).is_ready() || terminate.poll_recv(cx).is_ready() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    })
}

/// What `load` gives at each SIGHUP.
fn reloads(load: impl Fn() -> Option<Config> + 'static) -> io::Result<mpsc::Receiver<Config>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    let (sender, receiver) = mpsc::channel(1);
    TokioNet.spawn(async move {
        while hangup.recv().await.is_some() {
            let Some(config) = load() else { continue };
            if sender.send(config).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

async fn control<N: Net>(
    net: N,
    config: Arc<Config>,
    stats: Stats,
    seed: u64,
    (start, ready, (shutdown, hurry, mut reload)): (
        impl Fn(Setup<N>, mpsc::Sender<()>) -> io::Result<()>,
        impl FnOnce(&[SocketAddr]),
        (impl Future<Output = ()>, impl Future<Output = ()>, mpsc::Receiver<Config>),
    ),
) -> Result<(), Error> {
    let (listeners, addresses) = bind(&net, &config).await?;
    ready(&addresses);
    let ports: Vec<_> = addresses.iter().map(SocketAddr::port).collect();
    let (nudge, wanted): (Vec<_>, Vec<_>) =
        config.upstreams.values().map(|upstream| nudges(&upstream.refresh)).unzip();
    let of_upstreams: Vec<_> = nudge.iter().map(|_| Common::default()).collect();
    let common = (Registry::new(config.workers.get()), of_upstreams);
    let (ended, all_ended) = mpsc::channel(1);
    let mut workers = Vec::new();
    let mut stops = Vec::new();
    // Another seed than those of discovery, which are near this one.
    let chance = if planted("chance-from-outside") { rand::random() } else { !seed };
    let mut dice = StdRng::seed_from_u64(chance);
    for worker in 0..config.workers.get() {
        let (queue, inbox) = mpsc::unbounded_channel();
        let stop = Arc::new(Notify::new());
        stops.push(Arc::clone(&stop));
        let (config, stats) = (Arc::clone(&config), stats.clone());
        let (net, ports, nudges) = (net.clone(), ports.clone(), nudge.clone());
        let seed = dice.random();
        let common = common.clone();
        let setup = Setup { net, config, stats, worker, seed, ports, common, nudges, inbox, stop };
        start(setup, ended.clone())?;
        workers.push(Handle { queue, chairs: Arc::default() });
    }
    drop((ended, nudge));
    let queues = workers.iter().map(|worker: &Handle<N>| worker.queue.downgrade()).collect();
    let lookout = Lookout { net: net.clone(), stats: stats.clone(), queues };
    for (upstream, wanted) in wanted.into_iter().enumerate() {
        let rng = StdRng::seed_from_u64(seed ^ upstream as u64);
        lookout.begin(Origin { upstream, configuration: 0 }, &config, wanted, rng);
    }

    let drain_timeout = config.drain_timeout;
    let draining = Arc::clone(&stats.draining);
    let (clients, clients_max, turned_away, is_full) = (0, config.clients.max, Rc::new(()), false);
    let (reloads, rng) = (0, dice);
    let renewal = Renewal { lookout, config, reloads, rng };
    let mut control = Control {
        net,
        stats,
        listeners,
        workers,
        clients,
        clients_max,
        turned_away,
        is_full,
        renewal,
    };
    control.accept_until(shutdown, &mut reload).await;
    tracing::info!(?drain_timeout, "draining");
    draining.store(true, Ordering::Relaxed);
    // Without listeners nobody connects; without queues the workers finish and end.
    drop(control);
    await_workers(drain_timeout, all_ended, &stops, hurry).await;
    tracing::info!("stopped");
    Ok(())
}

/// Waits until all workers have ended, or have had the time for it; `hurry` cuts that short.
async fn await_workers(
    drain_timeout: Duration,
    mut all_ended: mpsc::Receiver<()>,
    stops: &[Arc<Notify>],
    hurry: impl Future<Output = ()>,
) {
    // A worker gives up by itself; one that cannot even do that is left behind.
    let limit = drain_timeout + Duration::from_millis(2 * STOP_MS + LINGER_MS);
    let hurry = async {
        hurry.await;
        tracing::warn!("told twice to stop; not waiting for clients any longer");
        stops.iter().for_each(|stop| stop.notify_one());
        std::future::pending::<()>().await;
    };
    let mut hurry = std::pin::pin!(hurry);
    let mut workers_end = std::pin::pin!(timeout(limit, all_ended.recv()));
    let ended = std::future::poll_fn(|cx| {
        let _: Poll<()> = hurry.as_mut().poll(cx);
        workers_end.as_mut().poll(cx)
    });
    if ended.await.is_err() {
        tracing::error!("a worker did not end; its clients are cut off");
    }
}

async fn bind<N: Net>(
    net: &N,
    config: &Config,
) -> Result<(Vec<N::Listener>, Vec<SocketAddr>), Error> {
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for wanted in &config.listeners {
        let failed = |source| Error::Bind { address: wanted.address, source };
        let listener = net.bind(wanted.address).await.map_err(failed)?;
        let address = net.local_addr(&listener).map_err(failed)?;
        tracing::info!(%address, upstream = wanted.upstream, "listening");
        addresses.push(address);
        listeners.push(listener);
    }
    Ok((listeners, addresses))
}

impl<N: Net> Lookout<N> {
    /// Looks out for the topology of an upstream until nobody is left who nudges.
    fn begin(&self, origin: Origin, config: &Config, wanted: Nudges, rng: StdRng) {
        let Some((name, upstream)) = config.upstreams.iter().nth(origin.upstream) else { return };
        let (net, all) = (self.net.clone(), Arc::clone(&self.stats.upstreams));
        let greeting = discovery::greeting(&upstream.connections);
        let pace = Pace::new(upstream.refresh, wanted, rng);
        match &upstream.target {
            Target::Server(address) => {
                let watch = Watch::new(net, address.clone(), greeting, pace);
                self.net.spawn(async move { watch.run(&all[origin.upstream]).await });
            }
            Target::Cluster(seeds) => {
                let queues = self.queues.clone();
                let discovery = Discovery::new(net, name.clone(), seeds.clone(), greeting, pace);
                self.net.spawn(async move {
                    let publish = |view: &Arc<_>| {
                        for queue in queues.iter().filter_map(mpsc::WeakUnboundedSender::upgrade) {
                            // A worker that has ended needs no topology.
                            drop(queue.send(ToWorker::Topology(origin, Arc::clone(view))));
                        }
                    };
                    discovery.run(&all[origin.upstream], publish).await;
                });
            }
        }
    }
}

impl<N: Net> Control<N> {
    /// Accepts clients, and what `reload` brings, until `shutdown`.
    async fn accept_until(
        &mut self,
        shutdown: impl Future<Output = ()>,
        reload: &mut mpsc::Receiver<Config>,
    ) {
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = {
                let mut accepts: Vec<_> = self
                    .listeners
                    .iter()
                    .map(|listener| Box::pin(self.net.accept(listener)))
                    .collect();
                std::future::poll_fn(|cx| {
                    if shutdown.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(Event::Shutdown);
                    }
                    if let Poll::Ready(Some(config)) = reload.poll_recv(cx) {
                        return Poll::Ready(Event::Reload(Box::new(config)));
                    }
                    for (listener, accept) in accepts.iter_mut().enumerate() {
                        if let Poll::Ready(result) = accept.as_mut().poll(cx) {
                            return Poll::Ready(Event::Accepted(listener, result));
                        }
                    }
                    Poll::Pending
                })
                .await
            };
            match accepted {
                Event::Shutdown => return,
                Event::Reload(config) => self.renew(*config),
                Event::Accepted(listener, Ok((accepted, peer))) => {
                    self.dispatch(accepted, peer, listener);
                }
                Event::Accepted(_, Err(error)) => {
                    tracing::warn!(%error, "cannot accept a client; trying again");
                    sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
    }

    /// Puts a new configuration in force, as far as that can be done.
    fn renew(&mut self, config: Config) {
        let Renewal { lookout, config: current, reloads, rng } = &mut self.renewal;
        let Reload { config, upstreams, needs_restart } = current.reload(config);
        if !needs_restart.is_empty() {
            tracing::warn!(
                "these keep their old values until a restart: {}",
                needs_restart.join(", ")
            );
        }
        *reloads += 1;
        for upstream in &upstreams {
            let origin = Origin { upstream: *upstream, configuration: *reloads };
            let Some((name, new)) = config.upstreams.iter().nth(*upstream) else { continue };
            tracing::info!(upstream = name, "a new configuration is in force");
            let (nudge, wanted) = nudges(&new.refresh);
            for worker in &self.workers {
                let message = ToWorker::Upstream(origin, Arc::clone(&config), nudge.clone());
                // A worker that has ended needs no configuration.
                drop(worker.queue.send(message));
            }
            let rng = StdRng::seed_from_u64(rng.random());
            lookout.begin(origin, &config, wanted, rng);
        }
        if upstreams.is_empty() {
            tracing::info!("the configuration was read again; no upstream has changed");
        }
        *current = config;
    }

    /// Hands a client to the worker with the fewest.
    fn dispatch(&mut self, accepted: N::Accepted, peer: SocketAddr, listener: usize) {
        let load = |worker: &Handle<N>| Arc::strong_count(&worker.chairs) - 1;
        if self.workers.iter().map(load).sum::<usize>() >= self.clients_max {
            return self.turn_away(accepted, peer);
        }
        self.is_full = false;
        let Some(worker) = self.workers.iter().min_by_key(|worker| load(worker)) else { return };
        self.clients += 1;
        let (id, chair) = (self.clients, Arc::clone(&worker.chairs));
        let message = ToWorker::Client { accepted, peer, listener, id, chair };
        if worker.queue.send(message).is_err() {
            tracing::error!(%peer, "a worker has ended; the client is cut off");
        }
    }

    /// Tells a client that there are too many, in Redis' words.
    fn turn_away(&mut self, accepted: N::Accepted, peer: SocketAddr) {
        tracing::debug!(%peer, "turned away");
        if !std::mem::replace(&mut self.is_full, true) {
            tracing::warn!(
                clients_max = self.clients_max,
                "too many clients; more are turned away"
            );
        }
        self.stats.clients_refused_total.add(1);
        let Ok(mut stream) = self.net.adopt(accepted) else { return };
        let turned_away = Rc::clone(&self.turned_away);
        self.net.spawn(async move {
            let may_linger = Rc::strong_count(&turned_away) <= TURNED_AWAY_MAX;
            let told = async {
                stream.write_all(b"-ERR max number of clients reached\r\n").await?;
                stream.shutdown().await?;
                // Closed with bytes unread, it would lose what it was told.
                while may_linger && stream.read(&mut [0; 512]).await? > 0 {}
                io::Result::Ok(())
            };
            // The client is gone, or does not read: either way it is closed.
            drop(timeout(Duration::from_millis(LINGER_MS), told).await);
            drop(turned_away);
        });
    }
}
