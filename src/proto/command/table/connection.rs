//! The connection itself.

use super::{Access, NO_TRACKING, ONE_SERVER, Row};

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
            "Authenticates the connection.",
        ),
    Row::new("client", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "connection",
            "2.4.0",
            "Depends on subcommand.",
            "A container for client connection commands.",
        )
        .container(&[
            Row::refused("client|caching", 3, "connection", "6.0.0", NO_TRACKING),
            Row::new("client|capa", -3, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc("connection", "8.0.0", "O(1)", "A client claims its capability."),
            Row::new("client|getname", 2, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc("connection", "2.6.9", "O(1)", "Returns the name of the connection."),
            Row::new("client|getredir", 2, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "connection",
                    "6.0.0",
                    "O(1)",
                    "Returns the client ID to which the connection's tracking notifications are \
redirected.",
                ),
            Row::new("client|help", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "connection",
                    "5.0.0",
                    "O(1)",
                    "Returns helpful text about the different subcommands.",
                ),
            Row::new("client|id", 2, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "connection",
                    "5.0.0",
                    "O(1)",
                    "Returns the unique client ID of the connection.",
                ),
            Row::refused("client|import-source", 3, "connection", "8.1.0", ONE_SERVER),
            Row::new("client|info", 2, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .tips(&["nondeterministic_output"])
                .doc("connection", "6.2.0", "O(1)", "Returns information about the connection."),
            Row::new("client|kill", -3, Access::None)
                .flags(
                    &["admin", "noscript", "loading", "stale"],
                    &["@admin", "@slow", "@dangerous", "@connection"],
                )
                .doc(
                    "connection",
                    "2.4.0",
                    "O(N) where N is the number of client connections",
                    "Terminates open connections.",
                ),
            Row::new("client|list", -2, Access::None)
                .flags(
                    &["admin", "noscript", "loading", "stale"],
                    &["@admin", "@slow", "@dangerous", "@connection"],
                )
                .tips(&["nondeterministic_output"])
                .doc(
                    "connection",
                    "2.4.0",
                    "O(N) where N is the number of client connections",
                    "Lists open connections.",
                ),
            Row::new("client|no-evict", 3, Access::None)
                .flags(
                    &["admin", "noscript", "loading", "stale"],
                    &["@admin", "@slow", "@dangerous", "@connection"],
                )
                .doc(
                    "connection",
                    "7.0.0",
                    "O(1)",
                    "Sets the client eviction mode of the connection.",
                ),
            Row::new("client|no-touch", 3, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "connection",
                    "7.2.0",
                    "O(1)",
                    "Controls whether commands sent by the client affect the LRU/LFU of accessed \
keys.",
                ),
            Row::new("client|pause", -3, Access::None)
                .flags(
                    &["admin", "noscript", "loading", "stale"],
                    &["@admin", "@slow", "@dangerous", "@connection"],
                )
                .doc("connection", "3.0.0", "O(1)", "Suspends commands processing."),
            Row::new("client|reply", 3, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "connection",
                    "3.2.0",
                    "O(1)",
                    "Instructs the server whether to reply to commands.",
                ),
            Row::new("client|setinfo", 4, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc(
                    "connection",
                    "7.2.0",
                    "O(1)",
                    "Sets information specific to the client or connection.",
                ),
            Row::new("client|setname", 3, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc("connection", "2.6.9", "O(1)", "Sets the connection name."),
            Row::refused("client|tracking", -3, "connection", "6.0.0", NO_TRACKING),
            Row::new("client|trackinginfo", 2, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "connection",
                    "6.2.0",
                    "O(1)",
                    "Returns information about server-assisted client-side caching for the \
connection.",
                ),
            Row::new("client|unblock", -3, Access::None)
                .flags(
                    &["admin", "noscript", "loading", "stale"],
                    &["@admin", "@slow", "@dangerous", "@connection"],
                )
                .doc(
                    "connection",
                    "5.0.0",
                    "O(log N) where N is the number of client connections",
                    "Unblocks a client blocked by a blocking command from a different connection.",
                ),
            Row::new("client|unpause", 2, Access::None)
                .flags(
                    &["admin", "noscript", "loading", "stale"],
                    &["@admin", "@slow", "@dangerous", "@connection"],
                )
                .doc(
                    "connection",
                    "6.2.0",
                    "O(N) Where N is the number of paused clients",
                    "Resumes processing commands from paused clients.",
                ),
        ]),
    Row::new("echo", 2, Access::None)
        .flags(&["loading", "stale", "fast"], &["@fast", "@connection"])
        .doc("connection", "1.0.0", "O(1)", "Returns the given string."),
    Row::new("hello", -1, Access::None)
        .flags(
            &["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
            &["@fast", "@connection"],
        )
        .doc("connection", "6.0.0", "O(1)", "Handshakes with the server."),
    Row::new("ping", -1, Access::None)
        .flags(&["fast"], &["@fast", "@connection"])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .doc("connection", "1.0.0", "O(1)", "Returns the server's liveliness response."),
    Row::new("quit", -1, Access::None)
        .flags(
            &["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
            &["@fast", "@connection"],
        )
        .doc("connection", "1.0.0", "O(1)", "Closes the connection.")
        .deprecated("7.2.0", "just closing the connection"),
    Row::new("reset", 1, Access::None)
        .flags(
            &["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
            &["@fast", "@connection"],
        )
        .doc("connection", "6.2.0", "O(1)", "Resets the connection."),
    Row::new("select", 2, Access::None)
        .flags(&["loading", "stale", "fast"], &["@fast", "@connection"])
        .doc("connection", "1.0.0", "O(1)", "Changes the selected database."),
];
