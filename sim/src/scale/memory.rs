//! A network in memory, without latency or faults: thousands of hosts cost next to nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use redpoll::net::Net;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// What a stream holds, in each direction, in bytes.
const STREAM_BYTES_MAX: usize = 64 * 1024;

/// How long it takes to be connected, or to be refused.
const CONNECT_TIME: Duration = Duration::from_millis(1);

/// The network. Clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryNet(Rc<Hosts>);

type Arrival = (DuplexStream, SocketAddr);

#[derive(Debug, Default)]
struct Hosts {
    listeners: RefCell<BTreeMap<SocketAddr, mpsc::UnboundedSender<Arrival>>>,
    /// The port of the client that connected last.
    port: Cell<u16>,
}

/// A listening socket.
#[derive(Debug)]
pub(super) struct MemoryListener {
    address: SocketAddr,
    arrivals: RefCell<mpsc::UnboundedReceiver<Arrival>>,
}

impl MemoryNet {
    /// From now on connections to that address are refused.
    pub(super) fn close(&self, address: SocketAddr) {
        self.0.listeners.borrow_mut().remove(&address);
    }
}

impl Net for MemoryNet {
    type Stream = DuplexStream;
    type Listener = MemoryListener;
    type Accepted = DuplexStream;

    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + 'static {
        let found = host.parse().map(|ip: IpAddr| vec![SocketAddr::new(ip, port)]);
        async move { found.map_err(|_| io::ErrorKind::NotFound.into()) }
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<MemoryListener> {
        let (sender, arrivals) = mpsc::unbounded_channel();
        self.0.listeners.borrow_mut().insert(address, sender);
        Ok(MemoryListener { address, arrivals: RefCell::new(arrivals) })
    }

    fn local_addr(&self, listener: &MemoryListener) -> io::Result<SocketAddr> {
        Ok(listener.address)
    }

    async fn accept(&self, listener: &MemoryListener) -> io::Result<Arrival> {
        let arrival = poll_fn(|context| listener.arrivals.borrow_mut().poll_recv(context)).await;
        match arrival {
            Some(arrival) => Ok(arrival),
            // Nobody can connect any more.
            None => std::future::pending().await,
        }
    }

    fn adopt(&self, accepted: DuplexStream) -> io::Result<DuplexStream> {
        Ok(accepted)
    }

    fn connect(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<DuplexStream>> + 'static {
        let net = self.clone();
        async move {
            sleep(CONNECT_TIME).await;
            let listeners = net.0.listeners.borrow();
            let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
            let listener = listeners.get(&address).ok_or_else(refused)?;
            let (near, far) = tokio::io::duplex(STREAM_BYTES_MAX);
            net.0.port.set(net.0.port.get().wrapping_add(1));
            let from = SocketAddr::from((Ipv4Addr::new(10, 2, 0, 1), net.0.port.get()));
            listener.send((far, from)).map_err(|_| refused())?;
            Ok(near)
        }
    }

    #[expect(clippy::disallowed_methods, reason = "below the seam")]
    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        drop(tokio::task::spawn_local(task));
    }
}
