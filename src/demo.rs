//! `redpoll demo`: a Redis Cluster in memory and a proxy before it, in one process.
//!
//! ```text
//! redis-cli -> proxy (its own threads) -> three nodes (one thread, free loopback ports)
//! ```

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::config::{Clients, Config, Listener, MEMORY_BYTES_MAX, Target, Upstream};
use crate::embedded::Cluster;
use crate::net::{Net, TokioNet, time_of_day};
use crate::proto::cluster::Address;
use crate::proxy::{self, Error};
use crate::stats::Stats;

/// Primaries of the demonstration's cluster.
const NODES: usize = 3;

/// Serves clients at `listen` from a cluster in memory, until SIGINT or SIGTERM.
///
/// # Errors
/// `listen` cannot be bound, or the operating system refuses a thread, an event loop or a port.
pub fn run(listen: SocketAddr) -> Result<(), Error> {
    let nodes = start_nodes()?;
    let config = config(listen, nodes.clone());
    let mut stats = Stats::new(config.workers.get(), config.upstreams.keys().map(String::as_str));
    stats.time_of_day = Some(time_of_day);
    let ready = |bound: &[SocketAddr]| bound.iter().for_each(|at| introduce(*at, &nodes));
    proxy::run(config, stats, ready, || None)
}

/// Starts the cluster on a thread of its own, which lives as long as the process.
fn start_nodes() -> io::Result<Vec<Address>> {
    let (tell, told) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("nodes".into()).spawn(move || {
        let local = tokio::task::LocalSet::new();
        runtime.block_on(local.run_until(serve_nodes(tell)));
    })?;
    told.recv().map_err(io::Error::other)?
}

async fn serve_nodes(tell: mpsc::Sender<io::Result<Vec<Address>>>) {
    let (listeners, addresses) = match bind_nodes().await {
        Ok(bound) => bound,
        Err(error) => return drop(tell.send(Err(error))),
    };
    let cluster = Cluster::new(&addresses, &[]);
    cluster.set_clock(tokio::time::Instant::now(), time_of_day());
    for (number, listener) in listeners.into_iter().enumerate() {
        TokioNet.spawn(cluster.node(number).serve(TokioNet, listener));
    }
    drop(tell.send(Ok(addresses)));
    std::future::pending().await
}

async fn bind_nodes() -> io::Result<(Vec<TcpListener>, Vec<Address>)> {
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for _ in 0..NODES {
        let listener = TokioNet.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let bound = listener.local_addr()?;
        let address = Address::new(&bound.ip().to_string(), bound.port());
        addresses.push(address.ok_or(io::ErrorKind::AddrNotAvailable)?);
        listeners.push(listener);
    }
    Ok((listeners, addresses))
}

fn config(listen: SocketAddr, nodes: Vec<Address>) -> Config {
    let upstream = Upstream::new(Target::Cluster(nodes));
    Config {
        listeners: vec![Listener { address: listen, upstream: "demo".into() }],
        upstreams: [("demo".to_owned(), upstream)].into(),
        admin: None,
        workers: NonZeroUsize::MIN,
        drain_timeout: Duration::from_secs(1),
        memory_bytes_max: MEMORY_BYTES_MAX,
        clients: Clients::default(),
    }
}

fn introduce(listen: SocketAddr, nodes: &[Address]) {
    let nodes: Vec<_> = nodes.iter().map(Address::to_string).collect();
    let (host, port) = (listen.ip(), listen.port());
    let host = if host.is_loopback() { String::new() } else { format!("-h {host} ") };
    let text = format!(
        "A Redis Cluster in memory: {}\n\
         Redpoll serves it as one Redis on {listen}. In another terminal:\n\n    \
         redis-cli {host}-p {port} SET greeting hello\n    \
         redis-cli {host}-p {port} MSET a 1 b 2 c 3        # three keys, three nodes\n    \
         redis-cli {host}-p {port} MGET a b c greeting\n    \
         redis-cli {host}-p {port} INFO server\n\n\
         Ctrl-C ends it; what was stored is gone then.",
        nodes.join(", ")
    );
    // The demonstration goes on even if nobody can read what it says.
    drop(writeln!(io::stdout(), "{text}"));
}
