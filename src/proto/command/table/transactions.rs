//! Transactions.

use super::{ALL, Access, Row, Spread};

pub(super) const ROWS: &[Row] = &[
    Row::new("discard", 1, Access::None)
        .spread(Spread::Transaction)
        .flags(&["noscript", "loading", "stale", "fast", "allow_busy"], &["@fast", "@transaction"])
        .doc(
            "transactions",
            "2.0.0",
            "O(N), when N is the number of queued commands",
            "Discards a transaction.",
        ),
    Row::new("exec", 1, Access::None)
        .spread(Spread::Transaction)
        .flags(&["noscript", "loading", "stale", "skip_commandlog"], &["@slow", "@transaction"])
        .doc(
            "transactions",
            "1.2.0",
            "Depends on commands in the transaction",
            "Executes all commands in a transaction.",
        ),
    Row::new("multi", 1, Access::None)
        .spread(Spread::Transaction)
        .flags(
            &["noscript", "loading", "stale", "fast", "no_multi", "allow_busy"],
            &["@fast", "@transaction"],
        )
        .doc("transactions", "1.2.0", "O(1)", "Starts a transaction."),
    Row::new("unwatch", 1, Access::None)
        .spread(Spread::Transaction)
        .flags(&["noscript", "loading", "stale", "fast", "allow_busy"], &["@fast", "@transaction"])
        .doc("transactions", "2.2.0", "O(1)", "Forgets about watched keys of a transaction."),
    Row::new("watch", -2, Access::None)
        .spread(Spread::Transaction)
        .keys(ALL, &["RO"])
        .flags(
            &["noscript", "loading", "stale", "fast", "no_multi", "allow_busy"],
            &["@fast", "@transaction"],
        )
        .doc(
            "transactions",
            "2.2.0",
            "O(1) for every key.",
            "Monitors changes to keys to determine the execution of a transaction.",
        ),
];
