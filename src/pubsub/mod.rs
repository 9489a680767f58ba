//! What the clients of a worker are subscribed to: one subscription at the servers for each topic,
//! however many clients there are.
//!
//! ```text
//! client --Seat: Wish--> Hub -> Board -+- Line: channels and patterns --> some primary
//! client <-ToClient::{Joined, Message}-'- Line, …: shard channels -----> the owners of their slots
//! ```
//!
//! - [`Hub`]: the way in, one a view of an upstream; `board`: its task, which knows who hears what
//! - `line`: a connection to a node, and what to do when it ends; `place`: which node that is
//! - `marks`: who has come, and does not hear yet; `entry`: one topic and those who hear of it
//!
//! A message is handed on as the node said it, by reference. A topic whose subscription is lost, as
//! its node is gone or its slot has moved, is asked for again where it belongs; clients are told
//! nothing of it, and what is published meanwhile is a gap, which is counted.

mod board;
mod entry;
mod line;
mod marks;
mod place;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use bytes::Bytes;

use self::board::Board;
use crate::audience::SharedAudience;
use crate::net::Net;
use crate::proto::cluster::Router;
use crate::proto::pubsub::Topic;
use crate::proto::session::Wish;
use crate::queue::{Sender, queue};
use crate::refresh::Nudge;
use crate::reply_to::ToClient;
use crate::upstream::Means;

/// What clients are told when there is no room for what they want to hear of.
const FULL: Bytes = Bytes::from_static(
    b"-ERR redpoll holds as many subscriptions as it may for this upstream; try again later\r\n",
);

/// Where the clients of one view of an upstream say what they want to hear of.
pub(crate) struct Hub<N> {
    /// What the task is made from, until somebody needs it.
    rest: RefCell<Option<Rest<N>>>,
    board: OnceCell<Sender<ToBoard>>,
}

/// What the board of a view is made from.
pub(crate) struct Rest<N> {
    pub(crate) means: Means<N>,
    pub(crate) router: Rc<RefCell<Router>>,
    pub(crate) nudge: Nudge,
    pub(crate) audience: SharedAudience,
    /// Whether redirects are followed; else clients get them.
    pub(crate) follow_redirects: bool,
    /// Which configuration the view is of.
    pub(crate) configuration: u64,
}

/// What comes to the task, other than bytes.
#[derive(Debug)]
enum ToBoard {
    /// A client wants to hear of a topic, and to be told so by that number, if there is one.
    Join { client: u64, to: Sender<ToClient>, topic: Topic, join: Option<u64> },
    /// A client wants to hear of it no more.
    Leave { client: u64, topic: Topic },
    /// A client wants to hear of nothing any more, or is gone.
    LeaveAll { client: u64 },
    /// The slot table was changed.
    Topology,
}

/// A client's place at a hub. Once dropped, the client hears of nothing any more.
#[derive(Debug)]
pub(crate) struct Seat {
    board: Sender<ToBoard>,
    client: u64,
    to: Sender<ToClient>,
}

impl<N: Net> Hub<N> {
    /// A hub to which nobody has come.
    pub(crate) fn new(rest: Rest<N>) -> Hub<N> {
        Hub { rest: RefCell::new(Some(rest)), board: OnceCell::new() }
    }

    /// A place for the client of that number, who is reached at `to`.
    pub(crate) fn seat(&self, client: u64, to: Sender<ToClient>) -> Seat {
        let board = self.board.get_or_init(|| {
            let (sender, inbox) = queue();
            if let Some(rest) = self.rest.take() {
                let net = rest.means.net.clone();
                net.spawn(Board::new(rest, inbox).serve());
            }
            sender
        });
        Seat { board: board.clone(), client, to }
    }

    /// The slot table may have changed.
    pub(crate) fn receive_topology(&self) {
        if let Some(board) = self.board.get() {
            board.send(ToBoard::Topology);
        }
    }
}

impl Seat {
    /// Says what the client wants.
    pub(crate) fn wish(&self, wish: Wish) {
        let client = self.client;
        let join = |topic, join| ToBoard::Join { client, to: self.to.clone(), topic, join };
        self.board.send(match wish {
            Wish::Join(number, topic) => join(topic, Some(number)),
            Wish::Rejoin(topic) => join(topic, None),
            Wish::Leave(topic) => ToBoard::Leave { client, topic },
            Wish::LeaveAll => ToBoard::LeaveAll { client },
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.board.send(ToBoard::LeaveAll { client: self.client });
    }
}
