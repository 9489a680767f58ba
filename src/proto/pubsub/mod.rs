//! Publish and subscribe: what can be subscribed to, what is heard of it, and the side of a node.
//!
//! ```text
//! client  -> session::Subscriber -> Wish: join, leave -> (hub) -> Feed -> SUBSCRIBE … -> node
//! client <-  confirmations, messages <----- (hub) <----- Heard <- Feed <- frames <------ node
//! ```
//!
//! A client is told that it is subscribed once a node has said so. From there on it gets what that
//! node says, each message at most once and in the order in which the node said it; what was
//! published while no node was subscribed to is lost, as it is to any client of Redis whose
//! connection broke.

mod feed;

use bytes::Bytes;

pub use self::feed::{Feed, Heard};
use crate::limits::SUBSCRIPTION_BYTES;

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A channel: in a cluster, every node hears what is published to it.
    Channel,
    /// A pattern that the names of channels match.
    Pattern,
    /// A shard channel: it has a slot, whose owner hears what is published to it.
    Shard,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Shard];

    /// The command that subscribes to one, in lower case as servers repeat it.
    #[must_use]
    pub fn subscribe(self) -> &'static str {
        match self {
            Kind::Channel => "subscribe",
            Kind::Pattern => "psubscribe",
            Kind::Shard => "ssubscribe",
        }
    }

    /// The command that ends that.
    #[must_use]
    pub fn unsubscribe(self) -> &'static str {
        match self {
            Kind::Channel => "unsubscribe",
            Kind::Pattern => "punsubscribe",
            Kind::Shard => "sunsubscribe",
        }
    }

    /// How a message begins.
    fn message(self) -> &'static str {
        match self {
            Kind::Channel => "message",
            Kind::Pattern => "pmessage",
            Kind::Shard => "smessage",
        }
    }

    /// The kind for which `word` is the word.
    fn by(word: &[u8], of: fn(Kind) -> &'static str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| of(*kind).as_bytes() == word)
    }
}

/// How many clients hear of what, beside those that servers see: they see one subscription for all
/// clients of a worker.
pub trait Audience {
    /// Of a topic: below 0 if a subscription is of nobody any more.
    fn unseen(&self, topic: &Topic) -> i64;
}

/// Something that can be subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: Bytes,
}

impl Topic {
    /// What a client's subscription to it takes, in bytes, about.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.name.len() + SUBSCRIPTION_BYTES
    }
}

/// Something that was published, as a node says it in RESP2: an array, which in RESP3 is a push of
/// the same elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What was subscribed to.
    pub topic: Topic,
    /// The whole frame.
    pub frame: Bytes,
}

/// How much a client is subscribed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Channels.
    pub channels: usize,
    /// Patterns.
    pub patterns: usize,
    /// Shard channels.
    pub shard_channels: usize,
}

impl Counts {
    /// Whether it is subscribed to anything.
    #[must_use]
    pub fn any(self) -> bool {
        self != Counts::default()
    }

    /// What servers say beside the name of one of a kind: shard channels are counted apart.
    #[must_use]
    pub fn beside(self, kind: Kind) -> usize {
        match kind {
            Kind::Channel | Kind::Pattern => self.channels + self.patterns,
            Kind::Shard => self.shard_channels,
        }
    }

    /// The number of those of a kind.
    pub fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shard_channels,
        }
    }
}
