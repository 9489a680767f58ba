//! What the trials stand on: child processes that never outlive the run, real Redis servers, the
//! production binary before them, and a byte-exact client.
//!
//! ```text
//! Stage -> Server, Cluster (redis-server) <- Proxy (redpoll run) <- Wire, redis::Connection, tools
//!          '--------------- Process, watched by the guardian ---------------'
//! ```

mod cluster;
mod fake;
mod guardian;
mod process;
mod proxy;
mod server;
mod stage;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::Instant;

pub(crate) use cluster::Cluster;
pub(crate) use fake::{EARLY, Fake};
pub(crate) use guardian::start as start_guardian;
pub(crate) use process::{Ended, Process, run_to_end, run_tool};
pub(crate) use proxy::{Options, Proxy, config_file};
pub(crate) use server::{Server, Settings, connection};
pub(crate) use stage::Stage;
pub(crate) use wire::{Wire, command};

/// How long starting, stopping and healing of local processes may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Time between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Ports are drawn below the kernel's range for outgoing connections, so that no client of a busy
/// test takes the port of a server that is about to be started again.
const PORTS: std::ops::Range<u32> = 12_000..32_000;

/// Looks again and again until `probe` finds something; an error of `probe` ends the wait at once.
///
/// # Errors
/// `probe` failed, or found nothing `within` that time.
pub(crate) fn wait_until<T>(
    what: &str,
    within: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = probe().with_context(|| format!("while waiting until {what}"))? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("waited {within:?} in vain until {what}");
        }
        pause(POLL_INTERVAL);
    }
}

/// Lets the other processes run between two looks at a condition, or between two steps of a load.
#[expect(clippy::disallowed_methods, reason = "paces a poll; nothing is concluded from its length")]
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}

/// A loopback address at `port`.
pub(crate) fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Ports of 127.0.0.1 that nobody listens on now. Another process may still be faster: whoever
/// starts a server on one tries again with others if it cannot bind.
///
/// # Errors
/// None is free.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut ports = [0; N];
    for port in &mut ports {
        // Runs side by side begin in different places.
        let start = std::process::id().wrapping_mul(997);
        let candidates = (0..PORTS.end - PORTS.start).map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            PORTS.start + start.wrapping_add(step) % (PORTS.end - PORTS.start)
        });
        *port = candidates
            .filter_map(|candidate| u16::try_from(candidate).ok())
            .find(|&candidate| TcpListener::bind(local(candidate)).is_ok())
            .context("no free port on 127.0.0.1")?;
    }
    Ok(ports)
}
