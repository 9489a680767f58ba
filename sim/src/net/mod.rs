//! The simulated network.
//!
//! ```text
//! proxy, nodes, clients -> SimNet -> SimStream -> Carrier: hosts, latency, holds, crashes
//!                             '----------'------> Overlay: short reads and writes, windows, names,
//!                                                 resets, budgets, backlogs, task order, the trace
//! driver of the world -> Network -> both
//! ```
//!
//! What carries is turmoil, or connections in memory, which are faster. Both carry whole writes,
//! each read as it was written, and refuse at once where a real network keeps you waiting.
//! [`Overlay`] adds what is missing; [`Network`] is the two together, as the driver of a world sees
//! them.

mod carrier;
mod effect;
mod end;
mod hosts;
mod link;
mod listener;
mod network;
mod overlay;
mod stream;
mod task;
#[cfg(test)]
mod tests;
mod wires;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use redpoll::net::Net;

pub use carrier::Medium;
pub use effect::Effect;
pub use listener::SimListener;
pub use network::{HostId, KEEPALIVE, LinkSpeed, Network};
pub use overlay::{Grain, Lookup, Obstacle, Overlay, Tap, WINDOW_BYTES};
pub use stream::SimStream;

use crate::trace::What;
use carrier::Socket;
use task::Shuffled;

/// How long it takes to be told that a connection is refused. Not nothing: whoever tries again at
/// once would do so for ever without time passing.
const REFUSAL_TIME: Duration = Duration::from_millis(1);

/// When simulations begin, since the Unix epoch.
pub const EPOCH: Duration = Duration::from_secs(1_700_000_000);

/// The network as one host sees it.
#[derive(Clone, Debug)]
pub struct SimNet {
    overlay: Overlay,
    host: usize,
}

impl SimNet {
    /// The address of this host.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.overlay.ip(self.host)
    }

    /// The virtual time, to the tick, the same on all hosts.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.overlay.now()
    }

    /// Puts words into the trace, in the name of this host.
    pub fn note(&self, text: &str) {
        self.record(What::Note(text.into()));
    }

    fn record(&self, what: What) {
        self.overlay.record(Some(self.host), what);
    }

    fn stream(&self, inner: Socket) -> io::Result<SimStream> {
        let (local, peer) = inner.addresses()?;
        let end = self.overlay.add_end(self.host, local, peer);
        Ok(SimStream::new(inner, self.overlay.clone(), end))
    }

    async fn try_connect(&self, address: SocketAddr) -> io::Result<SimStream> {
        let knock = self.overlay.pass(self.ip(), address).await?;
        let connected = self.overlay.carrier().connect(self.ip(), address, knock).await?;
        self.stream(connected)
    }
}

/// An attempt to connect, for whoever listens in: over when this is dropped.
struct Attempt {
    tap: Option<Rc<dyn Tap>>,
    overlay: Overlay,
    peer: SocketAddr,
    since: Duration,
}

impl Attempt {
    fn begin(net: &SimNet, peer: SocketAddr) -> Attempt {
        let (tap, overlay) = (net.overlay.tap(net.host), net.overlay.clone());
        if let Some(tap) = &tap {
            tap.connecting(peer);
        }
        Attempt { tap, since: overlay.now(), overlay, peer }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(tap) = &self.tap
            && self.overlay.now() > self.since
        {
            tap.attempted(self.peer, self.since);
        }
    }
}

impl Net for SimNet {
    type Stream = SimStream;
    type Listener = SimListener;
    type Accepted = SimStream;

    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + 'static {
        let literal = host.parse().map(|ip: IpAddr| vec![ip]);
        let lookup = literal.or_else(|_| self.overlay.lookup(host));
        self.record(What::Resolve(host.into(), lookup.as_ref().map_or(0, Vec::len)));
        async move { Ok(lookup?.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()) }
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<SimListener> {
        if !address.ip().is_unspecified() && address.ip() != self.ip() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let inner = self.overlay.carrier().bind(self.ip(), address.port()).await?;
        let local = SocketAddr::new(address.ip(), inner.port()?);
        self.record(What::Bind(local));
        Ok(SimListener::new(self, inner, local))
    }

    fn local_addr(&self, listener: &SimListener) -> io::Result<SocketAddr> {
        Ok(listener.port.local)
    }

    async fn accept(&self, listener: &SimListener) -> io::Result<(SimStream, SocketAddr)> {
        let (stream, peer) = listener.accept(self).await;
        self.record(What::Accept(stream.id(), peer));
        Ok((stream, peer))
    }

    fn adopt(&self, accepted: SimStream) -> io::Result<SimStream> {
        Ok(accepted)
    }

    fn connect(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<SimStream>> + 'static {
        let net = self.clone();
        async move {
            net.record(What::Connect(address));
            let attempt = Attempt::begin(&net, address);
            let result = net.try_connect(address).await;
            drop(attempt);
            match &result {
                Ok(stream) => {
                    if let Some(tap) = net.overlay.tap(net.host) {
                        tap.connected(stream.local());
                    }
                    net.record(What::Connected(stream.id(), address));
                }
                Err(error) => {
                    tokio::time::sleep(REFUSAL_TIME).await;
                    net.record(What::ConnectFailed(address, error.kind()));
                }
            }
            result
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let shuffled = Shuffled::new(task, self.overlay.clone(), self.host);
        self.overlay.carrier().spawn(self.ip(), shuffled);
    }
}
