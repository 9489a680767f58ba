//! A listening port as an operating system keeps it: connections are made whether or not the
//! program accepts them, until too many wait; those that wait when the port is closed are reset.
//! turmoil answers a connect only when it is accepted, and panics when too many wait.
//!
//! ```text
//! connect -> Port::knock -> Carrier -> a task -> Port's queue -> Net::accept
//!             '- waits while too many are under way or in the queue
//! ```

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::Poll;

use redpoll::limits::ACCEPT_BACKLOG_MAX;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::carrier::{Listening, Socket};
use super::{Effect, SimNet, SimStream};

/// The carrier's next connection.
type Accepting = Pin<Box<dyn Future<Output = io::Result<(Socket, SocketAddr)>>>>;

/// A listening socket.
pub struct SimListener {
    pub(super) port: Rc<Port>,
    /// What takes connections from the carrier.
    taker: AbortHandle,
}

/// What waits at a port.
pub(super) struct Port {
    pub(super) local: SocketAddr,
    /// What the carrier listens with, until the port is closed.
    inner: RefCell<Option<Rc<Listening>>>,
    accepting: RefCell<Option<Accepting>>,
    queue: RefCell<VecDeque<(SimStream, SocketAddr)>>,
    under_way: Cell<usize>,
    backlog: Cell<usize>,
    /// The program accepts nothing.
    is_stopped: Cell<bool>,
    /// Something came into the queue, or may be taken out of it again.
    arrived: Notify,
    /// Something left the queue, or the port is gone.
    left: Notify,
}

/// A connect under way to a port.
pub(super) struct Knock(Rc<Port>);

impl SimListener {
    pub(super) fn new(net: &SimNet, inner: Listening, local: SocketAddr) -> Self {
        let port = Rc::new(Port {
            local,
            inner: RefCell::new(Some(Rc::new(inner))),
            accepting: RefCell::default(),
            queue: RefCell::default(),
            under_way: Cell::default(),
            backlog: Cell::new(usize::try_from(ACCEPT_BACKLOG_MAX).expect("a number of clients")),
            is_stopped: Cell::default(),
            arrived: Notify::new(),
            left: Notify::new(),
        });
        let place = SocketAddr::new(net.ip(), local.port());
        net.overlay.add_port(place, Rc::downgrade(&port));
        #[expect(clippy::disallowed_methods, reason = "below the seam")]
        let taker = tokio::task::spawn_local(take(Rc::downgrade(&port), net.clone()));
        SimListener { port, taker: taker.abort_handle() }
    }

    /// From now on so many connections may wait to be accepted; further ones hang.
    pub fn set_backlog(&self, connections: usize) {
        self.port.backlog.set(connections);
    }

    /// The next connection of the queue.
    pub(super) async fn accept(&self, net: &SimNet) -> (SimStream, SocketAddr) {
        loop {
            let may_accept = !net.overlay.is_frozen(net.host) && !self.port.is_stopped.get();
            let next = if may_accept { self.port.queue.borrow_mut().pop_front() } else { None };
            if let Some(next) = next {
                self.port.left.notify_waiters();
                return next;
            }
            self.port.arrived.notified().await;
        }
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.taker.abort();
        // Connects under way at other hosts know the port; the carrier's part of it must end here.
        drop(self.port.accepting.take());
        drop(self.port.inner.take());
        for (stream, _) in self.port.queue.take() {
            stream.abandon();
        }
        self.port.left.notify_waiters();
    }
}

impl Port {
    /// Whether no more connections may wait.
    pub(super) fn is_full(&self) -> bool {
        self.under_way.get() + self.queue.borrow().len() >= self.backlog.get()
    }

    /// Begins a connect.
    pub(super) fn knock(self: &Rc<Self>) -> Knock {
        self.under_way.set(self.under_way.get() + 1);
        Knock(Rc::clone(self))
    }

    /// Something has left.
    pub(super) fn left(&self) -> &Notify {
        &self.left
    }

    /// From now on nothing is accepted, and so many connections may wait.
    pub(super) fn stop(&self, backlog: usize) {
        self.is_stopped.set(true);
        self.backlog.set(backlog);
    }

    /// Ends that.
    pub(super) fn go_on(&self) {
        self.is_stopped.set(false);
        self.backlog.set(usize::try_from(ACCEPT_BACKLOG_MAX).expect("a number of clients"));
        self.left.notify_waiters();
        self.arrived.notify_one();
    }

    /// Has the program look again.
    pub(super) fn wake(&self) {
        self.arrived.notify_one();
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        self.0.left.notify_waiters();
    }
}

/// Takes what connects to a port into its queue, as long as there is the port.
async fn take(port: Weak<Port>, net: SimNet) {
    loop {
        let next = std::future::poll_fn(|context| {
            let Some(port) = port.upgrade() else { return Poll::Ready(None) };
            let Some(inner) = port.inner.borrow().clone() else { return Poll::Ready(None) };
            let mut accepting = port.accepting.borrow_mut();
            let accepting =
                accepting.get_or_insert_with(|| Box::pin(async move { inner.accept().await }));
            accepting.as_mut().poll(context).map(Some)
        });
        let Some(taken) = next.await else { return };
        let Some(port) = port.upgrade() else { return };
        drop(port.accepting.take());
        let Ok((inner, peer)) = taken else { continue };
        let Ok(stream) = net.stream(inner) else { continue };
        if port.is_stopped.get() || net.overlay.is_frozen(net.host) {
            net.overlay.effect(Effect::Unaccepted);
        }
        port.queue.borrow_mut().push_back((stream, peer));
        port.arrived.notify_one();
    }
}
