//! What a node connection is made from.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rand::rngs::StdRng;

use super::throttle::Throttle;
use crate::memory::Share;
use crate::proto::cluster::Address;
use crate::proto::pipeline::Options;
use crate::queue::Receiver;
use crate::reply_to::ToUpstream;
use crate::stats::Complaint;

/// How long things may take on a connection, and whether there always is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How long an attempt to connect may take, and after it the handshake.
    pub(crate) connect_timeout: Duration,
    /// How long to be without work before ending; `None`: for ever.
    pub(crate) idle_timeout: Option<Duration>,
    /// How long the network may be silent before it is asked; `None`: for ever.
    pub(crate) keepalive: Option<Duration>,
    /// How long to finish once the node is not listed any more.
    pub(crate) drain_timeout: Duration,
    /// Whether to connect before there is anything to send.
    pub(crate) eager: bool,
    /// Whether another connection is no substitute for one that has ended: it ends with it.
    pub(crate) is_single: bool,
}

/// What a node connection is made from.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The node.
    pub(crate) address: Address,
    pub(crate) options: Options,
    pub(crate) settings: Settings,
    /// What all connections to the node keep to together.
    pub(crate) throttle: Rc<RefCell<Throttle>>,
    /// For the pauses between attempts.
    pub(crate) rng: StdRng,
    pub(crate) requests: Receiver<ToUpstream>,
    /// Where the number is told that the node has for the connection, if it was asked.
    pub(crate) number: Rc<Cell<Option<u64>>>,
    /// What its buffers hold.
    pub(crate) share: Share,
    /// For what the log says of the node.
    pub(crate) complaint: Complaint,
}
