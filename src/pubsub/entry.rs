//! What a worker knows of one topic, and of each client that hears of it.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use super::place::Place;
use crate::audience::Unseen;
use crate::queue::Sender;
use crate::reply_to::ToClient;

/// A topic that clients hear of.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) listeners: BTreeMap<u64, Listener>,
    /// The line on which it is asked for.
    pub(super) place: Option<Place>,
    pub(super) is_live: bool,
    /// When it is asked for again.
    pub(super) again: Option<Instant>,
    /// Refusals since it was last live.
    pub(super) refusals: u32,
    /// The listeners beside the one that the servers see, which is the worker.
    unseen: Unseen,
}

/// A client that hears of a topic.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) to: Sender<ToClient>,
    /// The number by which it is to be told so.
    pub(super) join: Option<u64>,
    /// It hears nothing before that mark is read.
    pub(super) mark: Option<u64>,
}

impl Entry {
    /// A topic that nobody hears of yet.
    pub(super) fn new(unseen: Unseen) -> Entry {
        let listeners = BTreeMap::new();
        Entry { listeners, place: None, is_live: false, again: None, refusals: 0, unseen }
    }

    /// Has others know how many listeners the servers do not see; for each change of them, and of
    /// `is_live`.
    pub(super) fn recount(&mut self) {
        let listeners = i64::try_from(self.listeners.len()).unwrap_or(i64::MAX);
        self.unseen.set(listeners - i64::from(self.is_live));
    }
}

impl Listener {
    /// Tells the client that it hears of the topic, or why not, if it waits for that.
    pub(super) fn tell(&mut self, refusal: Option<Bytes>) {
        if self.mark.is_none()
            && let Some(join) = self.join.take()
        {
            self.to.send(ToClient::Joined(join, refusal));
        }
    }
}
