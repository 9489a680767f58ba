//! The connection itself.

use super::{Access, Row};

pub(super) const ROWS: &[Row] = &[
    Row::new("auth", -2, Access::None)
        .flags(
            &["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
            &["@fast", "@connection"],
        )
        .doc(
            "connection",
            "1.0.0",
            "O(N) where N is the number of passwords defined for the user",
            "Authenticate to the server",
        ),
    Row::new("client", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "connection",
            "2.4.0",
            "Depends on subcommand.",
            "A container for client connection commands",
        )
        .container(&[
            Row::new("client|getname", 2, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc("connection", "2.6.9", "O(1)", "Get the current connection name"),
            Row::new("client|help", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "connection",
                    "5.0.0",
                    "O(1)",
                    "Show helpful text about the different subcommands",
                ),
            Row::new("client|id", 2, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "connection",
                    "5.0.0",
                    "O(1)",
                    "Returns the client ID for the current connection",
                ),
            Row::new("client|info", 2, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "connection",
                    "6.2.0",
                    "O(1)",
                    "Returns information about the current client connection.",
                ),
            Row::new("client|setinfo", 4, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc("connection", "7.2.0", "O(1)", "Set client or connection specific info"),
            Row::new("client|setname", 3, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc("connection", "2.6.9", "O(1)", "Set the current connection name"),
        ]),
    Row::new("echo", 2, Access::None)
        .flags(&["loading", "stale", "fast"], &["@fast", "@connection"])
        .doc("connection", "1.0.0", "O(1)", "Echo the given string"),
    Row::new("hello", -1, Access::None)
        .flags(
            &["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
            &["@fast", "@connection"],
        )
        .doc("connection", "6.0.0", "O(1)", "Handshake with Redis"),
    Row::new("ping", -1, Access::None)
        .flags(&["fast"], &["@fast", "@connection"])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .doc("connection", "1.0.0", "O(1)", "Ping the server"),
    Row::new("quit", -1, Access::None)
        .flags(
            &["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
            &["@fast", "@connection"],
        )
        .doc("connection", "1.0.0", "O(1)", "Close the connection"),
    Row::new("reset", 1, Access::None)
        .flags(
            &["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
            &["@fast", "@connection"],
        )
        .doc("connection", "6.2.0", "O(1)", "Reset the connection"),
    Row::new("select", 2, Access::None)
        .flags(&["loading", "stale", "fast"], &["@fast", "@connection"])
        .doc(
            "connection",
            "1.0.0",
            "O(1)",
            "Change the selected database for the current connection",
        ),
];
