//! The server itself.

use super::{Access, Row};

pub(super) const ROWS: &[Row] = &[
    Row::new("command", -1, Access::None)
        .flags(&["loading", "stale"], &["@slow", "@connection"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "server",
            "2.8.13",
            "O(N) where N is the total number of Redis commands",
            "Get array of Redis command details",
        )
        .container(&[
            Row::new("command|count", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .doc("server", "2.8.13", "O(1)", "Get total number of Redis commands"),
            Row::new("command|docs", -2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .tips(&["nondeterministic_output_order"])
                .doc(
                    "server",
                    "7.0.0",
                    "O(N) where N is the number of commands to look up",
                    "Get array of specific Redis command documentation",
                ),
            Row::new("command|getkeys", -4, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "server",
                    "2.8.13",
                    "O(N) where N is the number of arguments to the command",
                    "Extract keys given a full Redis command",
                ),
            Row::new("command|help", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "server",
                    "5.0.0",
                    "O(1)",
                    "Show helpful text about the different subcommands",
                ),
            Row::new("command|info", -2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .tips(&["nondeterministic_output_order"])
                .doc(
                    "server",
                    "2.8.13",
                    "O(N) where N is the number of commands to look up",
                    "Get array of specific Redis command details, or all when no argument is \
                     given.",
                ),
            Row::new("command|list", -2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .tips(&["nondeterministic_output_order"])
                .doc(
                    "server",
                    "7.0.0",
                    "O(N) where N is the total number of Redis commands",
                    "Get an array of Redis command names",
                ),
        ]),
    Row::new("info", -1, Access::None)
        .flags(&["loading", "stale"], &["@slow", "@dangerous"])
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .doc("server", "1.0.0", "O(1)", "Get information and statistics about the server"),
];
