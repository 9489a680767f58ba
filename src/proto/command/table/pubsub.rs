//! Publish and subscribe.

use super::{ALL, Access, KEY, Merge, Row, Spread};

pub(super) const ROWS: &[Row] = &[
    Row::new("psubscribe", -2, Access::None)
        .spread(Spread::Subscription)
        .flags(&["pubsub", "noscript", "loading", "stale"], &["@pubsub", "@slow"])
        .doc(
            "pubsub",
            "2.0.0",
            "O(N) where N is the number of patterns to subscribe to.",
            "Listens for messages published to channels that match one or more patterns.",
        ),
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
    Row::new("pubsub", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc("pubsub", "2.8.0", "Depends on subcommand.", "A container for Pub/Sub commands.")
        .container(&[
            Row::new("pubsub|channels", -2, Access::None)
                .everywhere(Merge::Distinct)
                .flags(&["pubsub", "loading", "stale"], &["@pubsub", "@slow"])
                .doc(
                    "pubsub",
                    "2.8.0",
                    "O(N) where N is the number of active channels, and assuming constant time \
                     pattern matching (relatively short channels and patterns)",
                    "Returns the active channels.",
                ),
            Row::new("pubsub|help", 2, Access::None).flags(&["loading", "stale"], &["@slow"]).doc(
                "pubsub",
                "6.2.0",
                "O(1)",
                "Returns helpful text about the different subcommands.",
            ),
            Row::new("pubsub|numpat", 2, Access::None)
                .everywhere(Merge::Sum)
                .flags(&["pubsub", "loading", "stale"], &["@pubsub", "@slow"])
                .doc("pubsub", "2.8.0", "O(1)", "Returns a count of unique pattern subscriptions."),
            Row::new("pubsub|numsub", -2, Access::None)
                .everywhere(Merge::Counted)
                .flags(&["pubsub", "loading", "stale"], &["@pubsub", "@slow"])
                .doc(
                    "pubsub",
                    "2.8.0",
                    "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
                    "Returns a count of subscribers to channels.",
                ),
            Row::new("pubsub|shardchannels", -2, Access::None)
                .everywhere(Merge::Distinct)
                .flags(&["pubsub", "loading", "stale"], &["@pubsub", "@slow"])
                .doc(
                    "pubsub",
                    "7.0.0",
                    "O(N) where N is the number of active shard channels, and assuming constant \
                     time pattern matching (relatively short shard channels).",
                    "Returns the active shard channels.",
                ),
            Row::new("pubsub|shardnumsub", -2, Access::None)
                .everywhere(Merge::Counted)
                .flags(&["pubsub", "loading", "stale"], &["@pubsub", "@slow"])
                .doc(
                    "pubsub",
                    "7.0.0",
                    "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested \
                     shard channels",
                    "Returns the count of subscribers of shard channels.",
                ),
        ]),
    Row::new("punsubscribe", -1, Access::None)
        .spread(Spread::Subscription)
        .flags(&["pubsub", "noscript", "loading", "stale"], &["@pubsub", "@slow"])
        .doc(
            "pubsub",
            "2.0.0",
            "O(N) where N is the number of patterns to unsubscribe.",
            "Stops listening to messages published to channels that match one or more patterns.",
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
    Row::new("ssubscribe", -2, Access::None)
        .keys(ALL, &["not_key"])
        .spread(Spread::Subscription)
        .flags(&["pubsub", "noscript", "loading", "stale"], &["@pubsub", "@slow"])
        .doc(
            "pubsub",
            "7.0.0",
            "O(N) where N is the number of shard channels to subscribe to.",
            "Listens for messages published to shard channels.",
        ),
    Row::new("subscribe", -2, Access::None)
        .spread(Spread::Subscription)
        .flags(&["pubsub", "noscript", "loading", "stale"], &["@pubsub", "@slow"])
        .doc(
            "pubsub",
            "2.0.0",
            "O(N) where N is the number of channels to subscribe to.",
            "Listens for messages published to channels.",
        ),
    Row::new("sunsubscribe", -1, Access::None)
        .keys(ALL, &["not_key"])
        .spread(Spread::Subscription)
        .flags(&["pubsub", "noscript", "loading", "stale"], &["@pubsub", "@slow"])
        .doc(
            "pubsub",
            "7.0.0",
            "O(N) where N is the number of shard channels to unsubscribe.",
            "Stops listening to messages posted to shard channels.",
        ),
    Row::new("unsubscribe", -1, Access::None)
        .spread(Spread::Subscription)
        .flags(&["pubsub", "noscript", "loading", "stale"], &["@pubsub", "@slow"])
        .doc(
            "pubsub",
            "2.0.0",
            "O(N) where N is the number of channels to unsubscribe.",
            "Stops listening to messages posted to channels.",
        ),
];
