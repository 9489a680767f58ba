//! The messages between tasks, and the duty to answer one request.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::config::Config;
use crate::proto::cluster::Topology;
use crate::proto::command::Wake;
use crate::proto::pipeline::{Duty, Request};
use crate::proto::pubsub::Message;
use crate::proto::reply::{Cause, Failure, Reply};
use crate::proto::session::Ticket;
use crate::queue::Sender;
use crate::refresh::Nudge;

/// What comes to a client's task, other than bytes.
#[derive(Debug)]
pub(crate) enum ToClient {
    /// The answer to one of its requests.
    Reply(Ticket, Reply),
    /// Its wish to hear of a topic, by that number, is granted; or refused, in these words.
    Joined(u64, Option<Bytes>),
    /// Something was published, and heard by the view of the upstream of that configuration.
    Message(u64, Rc<Message>),
    /// The slot table was changed.
    Topology,
    /// Some upstream has a new configuration.
    Configuration,
    /// A connection that was on loan was given back.
    Lease,
    /// It is to wait at its node no longer.
    Wake(Wake),
    /// What its node said when it was told that the command of this ticket waits no longer.
    Told(Ticket, Reply),
    /// There is memory to read it again.
    Room,
    /// There is no memory for the rest of its command, nor will be: give up what has come of it.
    GiveUp,
    /// Finish what was begun, then end.
    Drain,
    /// End now.
    Stop,
    /// End now, without a word: all buffers together are too large, and it can give back most.
    Evict,
    /// End now, without a word: another client wants it.
    Close,
}

/// What comes to a node connection's task, other than bytes.
#[derive(Debug)]
pub(crate) enum ToUpstream {
    /// A command for the node.
    Request(Request<ReplyTo>),
    /// Whoever had it has gone: end now, whatever is owed.
    Close,
    /// The node is not listed any more: end once nothing is owed, unless there is another request.
    Retire,
    /// The upstream has another configuration: end once nothing is owed, whatever comes until then,
    /// and no later than this.
    Replace(Instant),
}

/// The right and the duty to answer one request. Answering consumes it; dropping it answers that
/// nobody will. So every request is answered once.
#[derive(Debug)]
pub(crate) struct ReplyTo {
    /// `None` once answered.
    client: Option<Sender<ToClient>>,
    ticket: Ticket,
    /// Whether the request is none of its client's, but about that of the ticket.
    is_told: bool,
}

impl ReplyTo {
    /// The duty to answer `client` for `ticket`.
    pub(crate) fn new(client: Sender<ToClient>, ticket: Ticket) -> ReplyTo {
        ReplyTo { client: Some(client), ticket, is_told: false }
    }

    /// The duty to answer `client`, whose command of this ticket is to wait no longer.
    pub(crate) fn waking(client: Sender<ToClient>, ticket: Ticket) -> ReplyTo {
        ReplyTo { client: Some(client), ticket, is_told: true }
    }

    fn message(&self, reply: Reply) -> ToClient {
        if self.is_told {
            ToClient::Told(self.ticket, reply)
        } else {
            ToClient::Reply(self.ticket, reply)
        }
    }

    /// Answers.
    pub(crate) fn answer(mut self, reply: Reply) {
        if let Some(client) = self.client.take() {
            client.send(self.message(reply));
        }
    }
}

impl Duty for ReplyTo {
    fn is_abandoned(&self) -> bool {
        self.client.as_ref().is_none_or(Sender::is_closed)
    }
}

impl Drop for ReplyTo {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            // How far it got is not known here, so the worst is assumed.
            let failure = Failure::sent(Cause::Stopping);
            client.send(self.message(Reply::Failure(failure)));
        }
    }
}

/// What comes to a worker from the control thread. The queue's end is the beginning of its drain.
///
/// The queue is unbounded; what bounds it is `clients_max`, and that a topology comes at most once
/// in `redirect_refresh_interval`.
#[derive(Debug)]
pub(crate) enum ToWorker<A> {
    /// A client connected.
    Client {
        /// The connection.
        accepted: A,
        /// Where the client is.
        peer: std::net::SocketAddr,
        /// The listener it connected to, by its place in the configuration.
        listener: usize,
        /// A number that no other client of the process has.
        id: u64,
        /// Kept until it is gone: so many have one, so many clients the worker has.
        chair: Arc<()>,
    },
    /// A new view of an upstream.
    Topology(Origin, Arc<Topology>),
    /// A new configuration of an upstream, and what its hints go to.
    Upstream(Origin, Arc<Config>, Nudge),
}

/// Which upstream, and by which of its configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its place in the order of names.
    pub(crate) upstream: usize,
    /// How often the configuration had been read before.
    pub(crate) configuration: u64,
}
