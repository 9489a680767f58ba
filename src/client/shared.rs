//! What the clients of a worker have in common, and what one of them is connected to.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use bytes::BytesMut;

use crate::backend::{Backend, Current};
use crate::config::Clients;
use crate::io::now;
use crate::memory::Memory;
use crate::proto::session::CommonReply;
use crate::registry::Registry;
use crate::stats::Own;

/// What all clients of a worker share.
pub(crate) struct Shared {
    pub(crate) count: Rc<Own>,
    /// What clients may do.
    pub(super) bounds: Clients,
    pub(crate) memory: Rc<Memory>,
    /// All clients of the process, and which of the workers this one is.
    pub(crate) registry: (Registry, usize),
    pub(super) started: Instant,
    /// Clients so far.
    pub(super) served: Cell<u64>,
    /// What clients are read into, so that an idle one needs no buffer.
    pub(super) buffer: RefCell<BytesMut>,
    /// What a new client is taken to be answered like.
    pub(super) common_reply: RefCell<CommonReply>,
}

impl Shared {
    /// What the clients of a worker that starts now share.
    pub(crate) fn new(
        count: Rc<Own>,
        bounds: Clients,
        memory: Rc<Memory>,
        registry: (Registry, usize),
    ) -> Shared {
        let common_reply = RefCell::new(CommonReply::new(bounds.output_bytes_max));
        Shared {
            common_reply,
            count,
            bounds,
            memory,
            registry,
            started: now(),
            served: Cell::new(0),
            buffer: RefCell::new(BytesMut::new()),
        }
    }
}

/// What a client connected to.
pub(crate) struct Listening<N> {
    /// The view of the upstream that is in force.
    pub(super) current: Rc<Current<N>>,
    /// The view that is in use.
    pub(super) backend: Rc<Backend<N>>,
    pub(super) port: u16,
}

impl<N> Listening<N> {
    /// What listens on `port` for clients of an upstream.
    pub(crate) fn new(current: &Rc<Current<N>>, port: u16) -> Listening<N> {
        Listening { current: Rc::clone(current), backend: current.get(), port }
    }

    /// The same, with the view in force in use.
    pub(super) fn renewed(&self) -> Listening<N> {
        Listening::new(&self.current, self.port)
    }

    pub(super) fn is_outdated(&self) -> bool {
        !Rc::ptr_eq(&self.backend, &self.current.get())
    }
}

impl<N> Clone for Listening<N> {
    fn clone(&self) -> Self {
        let (current, backend) = (Rc::clone(&self.current), Rc::clone(&self.backend));
        Listening { current, backend, port: self.port }
    }
}
