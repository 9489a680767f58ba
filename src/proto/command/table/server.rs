//! The server itself.

use super::{Access, Merge, ONE_SERVER, Row, SECOND, Spread};

pub(super) const ROWS: &[Row] = &[
    Row::new("acl", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "server",
            "6.0.0",
            "Depends on subcommand.",
            "A container for Access List Control commands.",
        )
        .container(&[
            Row::refused("acl|cat", -2, "server", "6.0.0", ONE_SERVER),
            Row::refused("acl|deluser", -3, "server", "6.0.0", ONE_SERVER),
            Row::refused("acl|dryrun", -4, "server", "7.0.0", ONE_SERVER),
            Row::refused("acl|genpass", -2, "server", "6.0.0", ONE_SERVER),
            Row::refused("acl|getuser", 3, "server", "6.0.0", ONE_SERVER),
            Row::new("acl|help", 2, Access::None).flags(&["loading", "stale"], &["@slow"]).doc(
                "server",
                "6.0.0",
                "O(1)",
                "Returns helpful text about the different subcommands.",
            ),
            Row::refused("acl|list", 2, "server", "6.0.0", ONE_SERVER),
            Row::refused("acl|load", 2, "server", "6.0.0", ONE_SERVER),
            Row::refused("acl|log", -2, "server", "6.0.0", ONE_SERVER),
            Row::refused("acl|save", 2, "server", "6.0.0", ONE_SERVER),
            Row::refused("acl|setuser", -3, "server", "6.0.0", ONE_SERVER),
            Row::refused("acl|users", 2, "server", "6.0.0", ONE_SERVER),
            Row::new("acl|whoami", 2, Access::None)
                .flags(&["noscript", "loading", "stale"], &["@slow"])
                .doc(
                    "server",
                    "6.0.0",
                    "O(1)",
                    "Returns the authenticated username of the current connection.",
                ),
        ]),
    Row::new("command", -1, Access::None)
        .flags(&["loading", "stale"], &["@slow", "@connection"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "server",
            "2.8.13",
            "O(N) where N is the total number of commands",
            "Returns detailed information about all commands.",
        )
        .container(&[
            Row::new("command|count", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .doc("server", "2.8.13", "O(1)", "Returns a count of commands."),
            Row::new("command|docs", -2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .tips(&["nondeterministic_output_order"])
                .doc(
                    "server",
                    "7.0.0",
                    "O(N) where N is the number of commands to look up",
                    "Returns documentary information about one, multiple or all commands.",
                ),
            Row::new("command|getkeys", -3, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "server",
                    "2.8.13",
                    "O(N) where N is the number of arguments to the command",
                    "Extracts the key names from an arbitrary command.",
                ),
            Row::new("command|getkeysandflags", -3, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "server",
                    "7.0.0",
                    "O(N) where N is the number of arguments to the command",
                    "Extracts the key names and access flags for an arbitrary command.",
                ),
            Row::new("command|help", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .doc(
                    "server",
                    "5.0.0",
                    "O(1)",
                    "Returns helpful text about the different subcommands.",
                ),
            Row::new("command|info", -2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .tips(&["nondeterministic_output_order"])
                .doc(
                    "server",
                    "2.8.13",
                    "O(N) where N is the number of commands to look up",
                    "Returns information about one, multiple or all commands.",
                ),
            Row::new("command|list", -2, Access::None)
                .flags(&["loading", "stale"], &["@slow", "@connection"])
                .tips(&["nondeterministic_output_order"])
                .doc(
                    "server",
                    "7.0.0",
                    "O(N) where N is the total number of commands",
                    "Returns a list of command names.",
                ),
        ]),
    Row::new("config", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "server",
            "2.0.0",
            "Depends on subcommand.",
            "A container for server configuration commands.",
        )
        .container(&[
            Row::new("config|get", -3, Access::None)
                .everywhere(Merge::First)
                .flags(
                    &["admin", "noscript", "loading", "stale"],
                    &["@admin", "@slow", "@dangerous"],
                )
                .doc(
                    "server",
                    "2.0.0",
                    "O(N) when N is the number of configuration parameters provided",
                    "Returns the effective values of configuration parameters.",
                ),
            Row::new("config|help", 2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["loading", "stale"], &["@slow"])
                .doc(
                    "server",
                    "5.0.0",
                    "O(1)",
                    "Returns helpful text about the different subcommands.",
                ),
            Row::refused("config|resetstat", 2, "server", "2.0.0", ONE_SERVER),
            Row::refused("config|rewrite", 2, "server", "2.8.0", ONE_SERVER),
            Row::refused("config|set", -4, "server", "2.0.0", ONE_SERVER),
        ]),
    Row::new("dbsize", 1, Access::Read)
        .everywhere(Merge::Sum)
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
        .doc("server", "1.0.0", "O(1)", "Returns the number of keys in the database."),
    Row::new("flushall", -1, Access::Write)
        .everywhere(Merge::AllOk)
        .flags(&["write"], &["@keyspace", "@write", "@slow", "@dangerous"])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .doc(
            "server",
            "1.0.0",
            "O(N) where N is the total number of keys in all databases",
            "Removes all keys from all databases.",
        ),
    Row::new("flushdb", -1, Access::Write)
        .everywhere(Merge::AllOk)
        .flags(&["write"], &["@keyspace", "@write", "@slow", "@dangerous"])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .doc(
            "server",
            "1.0.0",
            "O(N) where N is the number of keys in the selected database",
            "Remove all keys from the current database.",
        ),
    Row::new("info", -1, Access::None)
        .flags(&["loading", "stale"], &["@slow", "@dangerous"])
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .doc("server", "1.0.0", "O(1)", "Returns information and statistics about the server."),
    Row::new("lolwut", -1, Access::Read)
        .spread(Spread::Local)
        .flags(&["readonly", "fast"], &["@read", "@fast"])
        .doc("server", "5.0.0", "", "Displays computer art and the server version"),
    Row::new("memory", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "server",
            "4.0.0",
            "Depends on subcommand.",
            "A container for memory diagnostics commands.",
        )
        .container(&[
            Row::refused("memory|doctor", 2, "server", "4.0.0", ONE_SERVER),
            Row::new("memory|help", 2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["loading", "stale"], &["@slow"])
                .doc(
                    "server",
                    "4.0.0",
                    "O(1)",
                    "Returns helpful text about the different subcommands.",
                ),
            Row::refused("memory|malloc-stats", 2, "server", "4.0.0", ONE_SERVER),
            Row::new("memory|purge", 2, Access::None)
                .everywhere(Merge::AllOk)
                .flags(&["loading"], &["@slow"])
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .doc(
                    "server",
                    "4.0.0",
                    "Depends on how much memory is allocated, could be slow",
                    "Asks the allocator to release memory.",
                ),
            Row::refused("memory|stats", 2, "server", "4.0.0", ONE_SERVER),
            Row::new("memory|usage", -3, Access::Read)
                .keys(SECOND, &["RO"])
                .flags(&["readonly"], &["@read", "@slow"])
                .doc(
                    "server",
                    "4.0.0",
                    "O(N) where N is the number of samples.",
                    "Estimates the memory usage of a key.",
                ),
        ]),
    Row::new("role", 1, Access::None)
        .flags(&["noscript", "loading", "stale", "fast"], &["@admin", "@fast", "@dangerous"])
        .doc("server", "2.8.12", "O(1)", "Returns the replication role."),
    Row::new("slowlog", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc("server", "2.2.12", "Depends on subcommand.", "A container for slow log commands.")
        .deprecated("8.1.0", "`COMMANDLOG`")
        .container(&[
            Row::new("slowlog|get", -2, Access::None)
                .everywhere(Merge::Joined)
                .flags(&["admin", "loading", "stale"], &["@admin", "@slow", "@dangerous"])
                .tips(&["request_policy:all_nodes", "nondeterministic_output"])
                .doc(
                    "server",
                    "2.2.12",
                    "O(N) where N is the number of entries returned",
                    "Returns the slow log's entries.",
                )
                .deprecated("8.1.0", "`COMMANDLOG GET <count> SLOW`"),
            Row::new("slowlog|help", 2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["loading", "stale"], &["@slow"])
                .doc("server", "6.2.0", "O(1)", "Show helpful text about the different subcommands")
                .deprecated("8.1.0", "`COMMANDLOG HELP`"),
            Row::new("slowlog|len", 2, Access::None)
                .everywhere(Merge::Sum)
                .flags(&["admin", "loading", "stale"], &["@admin", "@slow", "@dangerous"])
                .tips(&[
                    "request_policy:all_nodes",
                    "response_policy:agg_sum",
                    "nondeterministic_output",
                ])
                .doc("server", "2.2.12", "O(1)", "Returns the number of entries in the slow log.")
                .deprecated("8.1.0", "`COMMANDLOG LEN SLOW`"),
            Row::new("slowlog|reset", 2, Access::None)
                .everywhere(Merge::AllOk)
                .flags(&["admin", "loading", "stale"], &["@admin", "@slow", "@dangerous"])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc(
                    "server",
                    "2.2.12",
                    "O(N) where N is the number of entries in the slowlog",
                    "Clears all entries from the slow log.",
                )
                .deprecated("8.1.0", "`COMMANDLOG RESET SLOW`"),
        ]),
    Row::new("swapdb", 3, Access::Write)
        .spread(Spread::AnyPrimary)
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast", "@dangerous"])
        .doc(
            "server",
            "4.0.0",
            "O(N) where N is the count of clients watching or blocking on keys from both \
             databases.",
            "Swaps two databases.",
        ),
    Row::new("time", 1, Access::None)
        .flags(&["loading", "stale", "fast"], &["@fast"])
        .tips(&["nondeterministic_output"])
        .doc("server", "2.6.0", "O(1)", "Returns the server time."),
];
