//! Scripts and functions.

use super::{Access, COUNTED_SECOND, Merge, ONE_SERVER, Row, Spread};

pub(super) const ROWS: &[Row] = &[
    Row::new("eval", -3, Access::Write)
        .keys(COUNTED_SECOND, &["RW access update"])
        .flags(
            &["noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"],
            &["@slow", "@scripting"],
        )
        .doc(
            "scripting",
            "2.6.0",
            "Depends on the script that is executed.",
            "Executes a server-side Lua script.",
        ),
    Row::new("eval_ro", -3, Access::Read)
        .keys(COUNTED_SECOND, &["RO access"])
        .flags(
            &["readonly", "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"],
            &["@slow", "@scripting"],
        )
        .doc(
            "scripting",
            "7.0.0",
            "Depends on the script that is executed.",
            "Executes a read-only server-side Lua script.",
        ),
    Row::new("evalsha", -3, Access::Write)
        .keys(COUNTED_SECOND, &["RW access update"])
        .flags(
            &["noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"],
            &["@slow", "@scripting"],
        )
        .doc(
            "scripting",
            "2.6.0",
            "Depends on the script that is executed.",
            "Executes a server-side Lua script by SHA1 digest.",
        ),
    Row::new("evalsha_ro", -3, Access::Read)
        .keys(COUNTED_SECOND, &["RO access"])
        .flags(
            &["readonly", "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"],
            &["@slow", "@scripting"],
        )
        .doc(
            "scripting",
            "7.0.0",
            "Depends on the script that is executed.",
            "Executes a read-only server-side Lua script by SHA1 digest.",
        ),
    Row::new("fcall", -3, Access::Write)
        .keys(COUNTED_SECOND, &["RW access update"])
        .flags(
            &["noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"],
            &["@slow", "@scripting"],
        )
        .doc(
            "scripting",
            "7.0.0",
            "Depends on the function that is executed.",
            "Invokes a function.",
        ),
    Row::new("fcall_ro", -3, Access::Read)
        .keys(COUNTED_SECOND, &["RO access"])
        .flags(
            &["readonly", "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys"],
            &["@slow", "@scripting"],
        )
        .doc(
            "scripting",
            "7.0.0",
            "Depends on the function that is executed.",
            "Invokes a read-only function.",
        ),
    Row::new("function", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc("scripting", "7.0.0", "Depends on subcommand.", "A container for function commands.")
        .container(&[
            Row::new("function|delete", 3, Access::Write)
                .everywhere(Merge::AllOk)
                .flags(&["write", "noscript"], &["@write", "@slow", "@scripting"])
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .doc("scripting", "7.0.0", "O(1)", "Deletes a library and its functions."),
            Row::new("function|dump", 2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["noscript"], &["@slow", "@scripting"])
                .doc(
                    "scripting",
                    "7.0.0",
                    "O(N) where N is the number of functions",
                    "Dumps all libraries into a serialized binary payload.",
                ),
            Row::new("function|flush", -2, Access::Write)
                .everywhere(Merge::AllOk)
                .flags(&["write", "noscript"], &["@write", "@slow", "@scripting"])
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .doc(
                    "scripting",
                    "7.0.0",
                    "O(N) where N is the number of functions deleted",
                    "Deletes all libraries and functions.",
                ),
            Row::new("function|help", 2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["loading", "stale"], &["@slow", "@scripting"])
                .doc(
                    "scripting",
                    "7.0.0",
                    "O(1)",
                    "Returns helpful text about the different subcommands.",
                ),
            Row::new("function|kill", 2, Access::None)
                .everywhere(Merge::OneOk)
                .flags(&["noscript", "allow_busy"], &["@slow", "@scripting"])
                .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
                .doc("scripting", "7.0.0", "O(1)", "Terminates a function during execution."),
            Row::new("function|list", -2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["noscript"], &["@slow", "@scripting"])
                .tips(&["nondeterministic_output_order"])
                .doc(
                    "scripting",
                    "7.0.0",
                    "O(N) where N is the number of functions",
                    "Returns information about all libraries.",
                ),
            Row::new("function|load", -3, Access::Write)
                .everywhere(Merge::First)
                .flags(&["write", "denyoom", "noscript"], &["@write", "@slow", "@scripting"])
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .doc(
                    "scripting",
                    "7.0.0",
                    "O(1) (considering compilation time is redundant)",
                    "Creates a library.",
                ),
            Row::new("function|restore", -3, Access::Write)
                .everywhere(Merge::AllOk)
                .flags(&["write", "denyoom", "noscript"], &["@write", "@slow", "@scripting"])
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .doc(
                    "scripting",
                    "7.0.0",
                    "O(N) where N is the number of functions on the payload",
                    "Restores all libraries from a payload.",
                ),
            Row::new("function|stats", 2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["noscript", "allow_busy"], &["@slow", "@scripting"])
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .doc(
                    "scripting",
                    "7.0.0",
                    "O(1)",
                    "Returns information about a function during execution.",
                ),
        ]),
    Row::new("script", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "scripting",
            "2.6.0",
            "Depends on subcommand.",
            "A container for Lua scripts management commands.",
        )
        .container(&[
            Row::refused("script|debug", 3, "scripting", "3.2.0", ONE_SERVER),
            Row::new("script|exists", -3, Access::None)
                .everywhere(Merge::Least)
                .flags(&["noscript"], &["@slow", "@scripting"])
                .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
                .doc(
                    "scripting",
                    "2.6.0",
                    "O(N) with N being the number of scripts to check (so checking a single \
                     script is an O(1) operation).",
                    "Determines whether server-side Lua scripts exist in the script cache.",
                ),
            Row::new("script|flush", -2, Access::None)
                .everywhere(Merge::AllOk)
                .flags(&["noscript"], &["@slow", "@scripting"])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc(
                    "scripting",
                    "2.6.0",
                    "O(N) with N being the number of scripts in cache",
                    "Removes all server-side Lua scripts from the script cache.",
                ),
            Row::new("script|help", 2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["loading", "stale"], &["@slow", "@scripting"])
                .doc(
                    "scripting",
                    "5.0.0",
                    "O(1)",
                    "Returns helpful text about the different subcommands.",
                ),
            Row::new("script|kill", 2, Access::None)
                .everywhere(Merge::OneOk)
                .flags(&["noscript", "allow_busy"], &["@slow", "@scripting"])
                .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
                .doc(
                    "scripting",
                    "2.6.0",
                    "O(1)",
                    "Terminates a server-side Lua script during execution.",
                ),
            Row::new("script|load", 3, Access::None)
                .everywhere(Merge::First)
                .flags(&["noscript", "stale"], &["@slow", "@scripting"])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .doc(
                    "scripting",
                    "2.6.0",
                    "O(N) with N being the length in bytes of the script body.",
                    "Loads a server-side Lua script to the script cache.",
                ),
            Row::new("script|show", 3, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["noscript"], &["@slow", "@scripting"])
                .doc(
                    "scripting",
                    "8.0.0",
                    "O(1).",
                    "Show server-side Lua script in the script cache.",
                ),
        ]),
];
