//! Keys of any type.

use super::super::KeySpec;
use super::{ALL, Access, KEY, Merge, Row, SECOND, TWO};

pub(super) const ROWS: &[Row] = &[
    Row::new("copy", -3, Access::Write)
        .keys(TWO, &["RO access", "OW update"])
        .flags(&["write", "denyoom"], &["@keyspace", "@write", "@slow"])
        .doc(
            "generic",
            "6.2.0",
            "O(N) worst case for collections, where N is the number of nested items. O(1) for \
             string values.",
            "Copy a key",
        ),
    Row::new("del", -2, Access::Write)
        .keys(ALL, &["RM delete"])
        .split(Merge::Sum)
        .flags(&["write"], &["@keyspace", "@write", "@slow"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "1.0.0",
            "O(N) where N is the number of keys that will be removed. When a key to remove holds \
             a value other than a string, the individual complexity for this key is O(M) where M \
             is the number of elements in the list, set, sorted set or hash. Removing a single \
             key that holds a string value is O(1).",
            "Delete a key",
        ),
    Row::new("dump", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "generic",
            "2.6.0",
            "O(1) to access the key and additional O(N*M) to serialize it, where N is the number \
             of Redis objects composing the value and M their average size. For small string \
             values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
            "Return a serialized version of the value stored at the specified key.",
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
            "Determine if a key exists",
        ),
    Row::new("expire", -3, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "1.0.0", "O(1)", "Set a key's time to live in seconds"),
    Row::new("expireat", -3, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "1.2.0", "O(1)", "Set the expiration for a key as a UNIX timestamp"),
    Row::new("expiretime", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .doc("generic", "7.0.0", "O(1)", "Get the expiration Unix timestamp for a key"),
    Row::new("object", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "generic",
            "2.2.3",
            "Depends on subcommand.",
            "A container for object introspection commands",
        )
        .container(&[
            Row::new("object|encoding", 3, Access::Read)
                .keys(SECOND, &["RO"])
                .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
                .tips(&["nondeterministic_output"])
                .doc("generic", "2.2.3", "O(1)", "Inspect the internal encoding of a Redis object"),
            Row::new("object|freq", 3, Access::Read)
                .keys(SECOND, &["RO"])
                .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "generic",
                    "4.0.0",
                    "O(1)",
                    "Get the logarithmic access frequency counter of a Redis object",
                ),
            Row::new("object|help", 2, Access::None)
                .flags(&["loading", "stale"], &["@keyspace", "@slow"])
                .doc(
                    "generic",
                    "6.2.0",
                    "O(1)",
                    "Show helpful text about the different subcommands",
                ),
            Row::new("object|idletime", 3, Access::Read)
                .keys(SECOND, &["RO"])
                .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "generic",
                    "2.2.3",
                    "O(1)",
                    "Get the time since a Redis object was last accessed",
                ),
            Row::new("object|refcount", 3, Access::Read)
                .keys(SECOND, &["RO"])
                .flags(&["readonly"], &["@keyspace", "@read", "@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "generic",
                    "2.2.3",
                    "O(1)",
                    "Get the number of references to the value of the key",
                ),
        ]),
    Row::new("persist", 2, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "2.2.0", "O(1)", "Remove the expiration from a key"),
    Row::new("pexpire", -3, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "2.6.0", "O(1)", "Set a key's time to live in milliseconds"),
    Row::new("pexpireat", -3, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc(
            "generic",
            "2.6.0",
            "O(1)",
            "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
        ),
    Row::new("pexpiretime", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .doc(
            "generic",
            "7.0.0",
            "O(1)",
            "Get the expiration Unix timestamp for a key in milliseconds",
        ),
    Row::new("pttl", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .tips(&["nondeterministic_output"])
        .doc("generic", "2.6.0", "O(1)", "Get the time to live for a key in milliseconds"),
    Row::new("rename", 3, Access::Write)
        .keys(TWO, &["RW access delete", "OW update"])
        .flags(&["write"], &["@keyspace", "@write", "@slow"])
        .doc("generic", "1.0.0", "O(1)", "Rename a key"),
    Row::new("renamenx", 3, Access::Write)
        .keys(TWO, &["RW access delete", "OW insert"])
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .doc("generic", "1.0.0", "O(1)", "Rename a key, only if the new key does not exist"),
    Row::new("restore", -4, Access::Write)
        .keys(KEY, &["OW update"])
        .flags(&["write", "denyoom"], &["@keyspace", "@write", "@slow", "@dangerous"])
        .doc(
            "generic",
            "2.6.0",
            "O(1) to create the new key and additional O(N*M) to reconstruct the serialized \
             value, where N is the number of Redis objects composing the value and M their \
             average size. For small string values the time complexity is thus O(1)+O(1*M) where \
             M is small, so simply O(1). However for sorted set values the complexity is \
             O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
            "Create a key using the provided serialized value, previously obtained using DUMP.",
        ),
    Row::new("sort", -2, Access::Write)
        .keys(
            &[
                KeySpec::Range { first: 1, last: 1, step: 1 },
                KeySpec::Keyword {
                    word: "store",
                    from: 2,
                    skip: &[("limit", 2), ("get", 1), ("by", 1)],
                },
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
            "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M \
             the number of returned elements. When the elements are not sorted, complexity is \
             O(N).",
            "Sort the elements in a list, set or sorted set",
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
            "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M \
             the number of returned elements. When the elements are not sorted, complexity is \
             O(N).",
            "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
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
            "Alters the last access time of a key(s). Returns the number of existing keys \
             specified.",
        ),
    Row::new("ttl", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .tips(&["nondeterministic_output"])
        .doc("generic", "1.0.0", "O(1)", "Get the time to live for a key in seconds"),
    Row::new("type", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@keyspace", "@read", "@fast"])
        .doc("generic", "1.0.0", "O(1)", "Determine the type stored at key"),
    Row::new("unlink", -2, Access::Write)
        .keys(ALL, &["RM delete"])
        .split(Merge::Sum)
        .flags(&["write", "fast"], &["@keyspace", "@write", "@fast"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "4.0.0",
            "O(1) for each key removed regardless of its size. Then the command does O(N) work \
             in a different thread in order to reclaim memory, where N is the number of \
             allocations the deleted objects where composed of.",
            "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non \
             blocking.",
        ),
];
