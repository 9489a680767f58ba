//! What only Redpoll has: what it knows, and what it would do.

use super::{Access, Merge, Row, Spread};

/// The version of Redpoll that had it first.
const SINCE: &str = "0.1.0";

pub(super) const ROWS: &[Row] = &[Row::new("proxy", -2, Access::None)
    .flags(&[], &["@slow"])
    .doc("proxy", SINCE, "Depends on subcommand.", "A container for what only Redpoll has.")
    .container(&[
        Row::new("proxy|help", 2, Access::None).flags(&["loading", "stale"], &["@slow"]).doc(
            "proxy",
            SINCE,
            "O(1)",
            "Returns helpful text about the different subcommands.",
        ),
        Row::new("proxy|info", -3, Access::None)
            .spread(Spread::Report)
            .merge(Merge::Headed)
            .flags(&["loading", "stale"], &["@slow", "@dangerous"])
            .doc(
                "proxy",
                SINCE,
                "O(N) where N is the number of primaries",
                "Returns what each primary of the upstream tells of itself.",
            ),
        Row::new("proxy|route", -3, Access::None).flags(&["loading", "stale"], &["@slow"]).doc(
            "proxy",
            SINCE,
            "O(N) where N is the number of keys",
            "Explains where a command would go, and why.",
        ),
        Row::new("proxy|topology", 2, Access::None)
            .flags(&["loading", "stale"], &["@slow", "@dangerous"])
            .doc(
                "proxy",
                SINCE,
                "O(N) where N is the number of slots",
                "Returns who serves which slots, as the worker of this client knows it.",
            ),
        Row::new("proxy|upstreams", 2, Access::None)
            .flags(&["loading", "stale"], &["@slow", "@dangerous"])
            .doc(
                "proxy",
                SINCE,
                "O(N) where N is the number of nodes",
                "Returns the upstreams: whether they are usable, where they are, their nodes.",
            ),
    ])];
