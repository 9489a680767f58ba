//! Hashes.

use super::{Access, KEY, Row};

pub(super) const ROWS: &[Row] = &[
    Row::new("hdel", -3, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the number of fields to be removed.",
            "Delete one or more hash fields",
        ),
    Row::new("hexists", 3, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc("hash", "2.0.0", "O(1)", "Determine if a hash field exists"),
    Row::new("hget", 3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc("hash", "2.0.0", "O(1)", "Get the value of a hash field"),
    Row::new("hgetall", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@hash", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the size of the hash.",
            "Get all the fields and values in a hash",
        ),
    Row::new("hincrby", 4, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(1)",
            "Increment the integer value of a hash field by the given number",
        ),
    Row::new("hincrbyfloat", 4, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.6.0",
            "O(1)",
            "Increment the float value of a hash field by the given amount",
        ),
    Row::new("hkeys", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@hash", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the size of the hash.",
            "Get all the fields in a hash",
        ),
    Row::new("hlen", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc("hash", "2.0.0", "O(1)", "Get the number of fields in a hash"),
    Row::new("hmget", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the number of fields being requested.",
            "Get the values of all the given hash fields",
        ),
    Row::new("hmset", -4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the number of fields being set.",
            "Set multiple hash fields to multiple values",
        )
        .deprecated("4.0.0", "`HSET` with multiple field-value pairs"),
    Row::new("hrandfield", -2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@hash", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "hash",
            "6.2.0",
            "O(N) where N is the number of fields returned",
            "Get one or multiple random fields from a hash",
        ),
    Row::new("hscan", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@hash", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "hash",
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command calls \
             for the cursor to return back to 0. N is the number of elements inside the \
             collection..",
            "Incrementally iterate hash fields and associated values",
        ),
    Row::new("hset", -4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the \
             command is called with multiple field/value pairs.",
            "Set the string value of a hash field",
        ),
    Row::new("hsetnx", 4, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(1)",
            "Set the value of a hash field, only if the field does not exist",
        ),
    Row::new("hstrlen", 3, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc("hash", "3.2.0", "O(1)", "Get the length of the value of a hash field"),
    Row::new("hvals", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@hash", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the size of the hash.",
            "Get all the values in a hash",
        ),
];
