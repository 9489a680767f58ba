//! Keys of any type.

use super::super::keys::{KeySpec, Take};
use super::{ALL, Access, KEY, Merge, Row, SECOND, SORT_OPTIONS, Spread, TWO, Waits, arg};

pub(super) const ROWS: &[Row] = &[
    Row::new("copy", -3, Access::Write)
        .keys(TWO, &["RO access", "OW update"])
        .flags(&["write", "denyoom"], &["@keyspace", "@write", "@slow"])
        .doc(
            "generic",
            "6.2.0",
            "O(N) worst case for collections, where N is the number of nested items. O(1) \
             for string values.",
            "Copies the value of a key to a new key.",
        ),
    Row::new("del", -2, Access::Write)
        .keys(ALL, &["RM delete"])
        .split(Merge::Sum)
        .flags(&["write"], &["@keyspace", "@write", "@slow"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "1.0.0",
            "O(N) where N is the number of keys that will be removed. When a key to \
             remove holds a value other than a string, the individual complexity for this \
             key is O(M) where M is the number of elements in the list, set, sorted set \
             or hash. Removing a single key that holds a string value is O(1).",
            "Deletes one or more keys.",
        ),
    Row::new("dump", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "generic",
            "2.6.0",
            "O(1) to access the key and additional O(N*M) to serialize it, where N is the \
             number of objects composing the value and M their average size. For small \
             string values the time complexity is thus O(1)+O(1*M) where M is small, so \
             simply O(1).",
            "Returns a serialized representation of the value stored at a key.",
        ),
    Row::new("exists", -2, Access::Read)
        .keys(ALL, &["RO"])
        .split(Merge::Sum)
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "1.0.0",
            "O(N) where N is the number of keys to check.",
            "Determines whether one or more keys exist.",
        ),
    Row::new("expire", -3, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "1.0.0", "O(1)", "Sets the expiration time of a key in seconds."),
    Row::new("expireat", -3, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "1.2.0", "O(1)", "Sets the expiration time of a key to a Unix timestamp."),
    Row::new("expiretime", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .doc(
            "generic",
            "7.0.0",
            "O(1)",
            "Returns the expiration time of a key as a Unix timestamp.",
        ),
    Row::new("keys", 2, Access::Read)
        .everywhere(Merge::Joined)
        .flags(&["readonly"], &["@keyspace", "@read", "@slow", "@dangerous"])
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .doc(
            "generic",
            "1.0.0",
            "O(N) with N being the number of keys in the database, under the assumption \
             that the key names in the database and the given pattern have limited \
             length.",
            "Returns all key names that match a pattern.",
        ),
    Row::new("move", 3, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "1.0.0", "O(1)", "Moves a key to another database."),
    Row::new("object", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "generic",
            "2.2.3",
            "Depends on subcommand.",
            "A container for object introspection commands.",
        )
        .container(&[
            Row::new("object|encoding", 3, Access::Read)
                .keys(SECOND, &["RO"])
                .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
                .tips(&["nondeterministic_output"])
                .doc("generic", "2.2.3", "O(1)", "Returns the internal encoding of an object."),
            Row::new("object|freq", 3, Access::Read)
                .keys(SECOND, &["RO"])
                .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "generic",
                    "4.0.0",
                    "O(1)",
                    "Returns the logarithmic access frequency counter of an object.",
                ),
            Row::new("object|help", 2, Access::None)
                .flags(&["loading", "stale"], &["@keyspace", "@slow"])
                .doc(
                    "generic",
                    "6.2.0",
                    "O(1)",
                    "Returns helpful text about the different subcommands.",
                ),
            Row::new("object|idletime", 3, Access::Read)
                .keys(SECOND, &["RO"])
                .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "generic",
                    "2.2.3",
                    "O(1)",
                    "Returns the time since the last access to an object.",
                ),
            Row::new("object|refcount", 3, Access::Read)
                .keys(SECOND, &["RO"])
                .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "generic",
                    "2.2.3",
                    "O(1)",
                    "Returns the reference count of a value of a key.",
                ),
        ]),
    Row::new("persist", 2, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "2.2.0", "O(1)", "Removes the expiration time of a key."),
    Row::new("pexpire", -3, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "2.6.0", "O(1)", "Sets the expiration time of a key in milliseconds."),
    Row::new("pexpireat", -3, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc(
            "generic",
            "2.6.0",
            "O(1)",
            "Sets the expiration time of a key to a Unix milliseconds timestamp.",
        ),
    Row::new("pexpiretime", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .doc(
            "generic",
            "7.0.0",
            "O(1)",
            "Returns the expiration time of a key as a Unix milliseconds timestamp.",
        ),
    Row::new("pttl", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .tips(&["nondeterministic_output"])
        .doc("generic", "2.6.0", "O(1)", "Returns the expiration time in milliseconds of a key."),
    Row::new("randomkey", 1, Access::Read)
        .everywhere(Merge::Any)
        .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
        .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"])
        .doc("generic", "1.0.0", "O(1)", "Returns a random key name from the database."),
    Row::new("rename", 3, Access::Write)
        .keys(TWO, &["RW access delete", "OW update"])
        .flags(&["write"], &["@keyspace", "@write", "@slow"])
        .doc("generic", "1.0.0", "O(1)", "Renames a key and overwrites the destination."),
    Row::new("renamenx", 3, Access::Write)
        .keys(TWO, &["RW access delete", "OW insert"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc(
            "generic",
            "1.0.0",
            "O(1)",
            "Renames a key only when the target key name doesn't exist.",
        ),
    Row::new("restore", -4, Access::Write)
        .keys(KEY, &["OW update"])
        .flags(&["write", "denyoom"], &["@keyspace", "@write", "@slow", "@dangerous"])
        .doc(
            "generic",
            "2.6.0",
            "O(1) to create the new key and additional O(N*M) to reconstruct the \
             serialized value, where N is the number of objects composing the value and M \
             their average size. For small string values the time complexity is thus \
             O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values \
             the complexity is O(N*M*log(N)) because inserting values into sorted sets is \
             O(log(N)).",
            "Creates a key from the serialized representation of a value.",
        ),
    Row::new("scan", -2, Access::Read)
        .spread(Spread::Scan)
        .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
        .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
        .doc(
            "generic",
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command \
             calls for the cursor to return back to 0. N is the number of elements inside \
             the collection.",
            "Iterates over the key names in the database.",
        ),
    Row::new("sort", -2, Access::Write)
        .keys(
            &[
                arg(1),
                KeySpec::Keyword { word: "store", from: 2, take: Take::One, skip: SORT_OPTIONS },
            ],
            &["RO access", "OW update"],
        )
        .flags(
            &["write", "denyoom", "movablekeys"],
            &["@write", "@set", "@sortedset", "@list", "@slow", "@dangerous"],
        )
        .doc(
            "generic",
            "1.0.0",
            "O(N+M*log(M)) where N is the number of elements in the list or set to sort, \
             and M the number of returned elements. When the elements are not sorted, \
             complexity is O(N).",
            "Sorts the elements in a list, a set, or a sorted set, optionally storing the \
             result.",
        ),
    Row::new("sort_ro", -2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(
            &["readonly", "movablekeys"],
            &["@read", "@set", "@sortedset", "@list", "@slow", "@dangerous"],
        )
        .doc(
            "generic",
            "7.0.0",
            "O(N+M*log(M)) where N is the number of elements in the list or set to sort, \
             and M the number of returned elements. When the elements are not sorted, \
             complexity is O(N).",
            "Returns the sorted elements of a list, a set, or a sorted set.",
        ),
    Row::new("touch", -2, Access::Read)
        .keys(ALL, &["RO"])
        .split(Merge::Sum)
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "3.2.1",
            "O(N) where N is the number of keys that will be touched.",
            "Returns the number of existing keys out of those specified after updating \
             the time they were last accessed.",
        ),
    Row::new("ttl", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .tips(&["nondeterministic_output"])
        .doc("generic", "1.0.0", "O(1)", "Returns the expiration time in seconds of a key."),
    Row::new("type", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .doc("generic", "1.0.0", "O(1)", "Determines the type of value stored at a key."),
    Row::new("unlink", -2, Access::Write)
        .keys(ALL, &["RM delete"])
        .split(Merge::Sum)
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "4.0.0",
            "O(1) for each key removed regardless of its size. Then the command does O(N) \
             work in a different thread in order to reclaim memory, where N is the number \
             of allocations the deleted objects where composed of.",
            "Asynchronously deletes one or more keys.",
        ),
    Row::new("wait", 3, Access::None)
        .spread(Spread::Replicas)
        .waits(Waits::MillisecondsLast)
        .flags(&["blocking"], &["@slow", "@blocking", "@connection"])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .doc(
            "generic",
            "3.0.0",
            "O(1)",
            "Blocks until the asynchronous replication of all preceding write commands sent by \
             the connection is completed.",
        ),
    Row::new("waitaof", 4, Access::None)
        .spread(Spread::Replicas)
        .waits(Waits::MillisecondsLast)
        .flags(&["blocking"], &["@slow", "@blocking", "@connection"])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .doc(
            "generic",
            "7.2.0",
            "O(1)",
            "Blocks until all of the preceding write commands sent by the connection are written \
             to the append-only file of the primary and/or replicas.",
        ),
];
