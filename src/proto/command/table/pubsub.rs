//! Publish and subscribe.

use super::{Access, KEY, Row, Spread};

pub(super) const ROWS: &[Row] = &[
    Row::new("publish", 3, Access::None)
        .spread(Spread::AnyPrimary)
        .flags(&["pubsub", "loading", "stale", "fast"], &["@pubsub", "@fast"])
        .doc(
            "pubsub",
            "2.0.0",
            "O(N+M) where N is the number of clients subscribed to the receiving channel \
             and M is the total number of subscribed patterns (by any client).",
            "Posts a message to a channel.",
        ),
    Row::new("spublish", 3, Access::Write)
        .keys(KEY, &["not_key"])
        .flags(&["pubsub", "loading", "stale", "fast"], &["@pubsub", "@fast"])
        .doc(
            "pubsub",
            "7.0.0",
            "O(N) where N is the number of clients subscribed to the receiving shard \
             channel.",
            "Post a message to a shard channel",
        ),
];
