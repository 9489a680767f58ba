//! The network as the drivers see it. [`Net`] is the one seam between Redpoll and the world: the
//! release binary runs on [`TokioNet`], a simulation on its own, statically dispatched.
//!
//! ```text
//! control thread: bind -> accept -> Accepted --(channel)--> worker thread: adopt -> Stream
//!                                           worker thread: resolve, connect -> Stream
//! ```

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, lookup_host};

use crate::limits::ACCEPT_BACKLOG_MAX;

/// Questions without an answer after which a silent stream ends.
const KEEPALIVE_PROBES: u32 = 3;

/// A network: names, listeners, byte streams, and tasks on the current thread.
///
/// No method gives up by itself; whoever waits brings the deadline.
pub trait Net: Clone + 'static {
    /// A connected byte stream.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;
    /// A bound, listening socket.
    type Listener: 'static;
    /// An accepted connection on its way to the worker that will serve it.
    type Accepted: 'static;

    /// The addresses of a host name or literal address, in the order to try them.
    ///
    /// # Errors
    /// The name is unknown, or the resolver did not answer.
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + 'static;

    /// Listens on `address`; port 0 picks a free one.
    ///
    /// # Errors
    /// The address is in use, not local, or not permitted.
    fn bind(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>>;

    /// Where `listener` listens.
    ///
    /// # Errors
    /// As the operating system reports.
    fn local_addr(&self, listener: &Self::Listener) -> io::Result<SocketAddr>;

    /// The next client of `listener`.
    ///
    /// # Errors
    /// That one connection failed, or the process is out of descriptors; the listener lives on.
    fn accept(
        &self,
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Accepted, SocketAddr)>>;

    /// Makes an accepted connection a stream of the calling thread's runtime, without delay
    /// (`TCP_NODELAY`).
    ///
    /// # Errors
    /// As the operating system reports.
    fn adopt(&self, accepted: Self::Accepted) -> io::Result<Self::Stream>;

    /// Connects to `address`, without delay (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Refused, unreachable, reset.
    fn connect(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::Stream>> + 'static;

    /// After a silence of `time` on `stream`, asks whether the other side is still there, and again
    /// each third of that; the stream ends if three questions are not answered (TCP keepalive). A
    /// network without such questions asks none.
    ///
    /// # Errors
    /// As the operating system reports.
    fn keep_alive(&self, _stream: &Self::Stream, _time: Duration) -> io::Result<()> {
        Ok(())
    }

    /// The address of this side that `stream` leads to; `None` where the network does not say.
    fn own_ip(&self, _stream: &Self::Stream) -> Option<IpAddr> {
        None
    }

    /// Runs `task` on the current thread until it ends.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);
}

/// The world's time of day, since the Unix epoch.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "what runs in the world has its time")]
pub fn time_of_day() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The operating system's network, through tokio.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioNet;

impl Net for TokioNet {
    type Stream = TcpStream;
    type Listener = TcpListener;
    type Accepted = std::net::TcpStream;

    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + 'static {
        let host = host.to_owned();
        async move { Ok(lookup_host((host.as_str(), port)).await?.collect()) }
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(ACCEPT_BACKLOG_MAX)?;
        TcpListener::from_std(socket.into())
    }

    fn local_addr(&self, listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> io::Result<(std::net::TcpStream, SocketAddr)> {
        let (stream, peer) = listener.accept().await?;
        Ok((stream.into_std()?, peer))
    }

    fn adopt(&self, accepted: std::net::TcpStream) -> io::Result<TcpStream> {
        accepted.set_nodelay(true)?;
        TcpStream::from_std(accepted)
    }

    #[expect(clippy::manual_async_fn, reason = "an async fn would borrow self in its future")]
    fn connect(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<TcpStream>> + 'static {
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }
    }

    fn keep_alive(&self, stream: &TcpStream, time: Duration) -> io::Result<()> {
        // The system counts in whole seconds.
        let at_least = |time: Duration| time.max(Duration::from_secs(1));
        let keepalive = socket2::TcpKeepalive::new()
            .with_time(at_least(time))
            .with_interval(at_least(time / KEEPALIVE_PROBES))
            .with_retries(KEEPALIVE_PROBES);
        socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)
    }

    fn own_ip(&self, stream: &TcpStream) -> Option<IpAddr> {
        // A listener of both families shows one as a part of the other.
        stream.local_addr().ok().map(|address| address.ip().to_canonical())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        drop(tokio::task::spawn_local(task));
    }
}
