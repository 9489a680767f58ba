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
            "Deletes one or more fields and their values from a hash. Deletes the hash if \
             no fields remain.",
        ),
    Row::new("hexists", 3, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc("hash", "2.0.0", "O(1)", "Determines whether a field exists in a hash."),
    Row::new("hget", 3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc("hash", "2.0.0", "O(1)", "Returns the value of a field in a hash."),
    Row::new("hgetall", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@hash", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the size of the hash.",
            "Returns all fields and values in a hash.",
        ),
    Row::new("hincrby", 4, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(1)",
            "Increments the integer value of a field in a hash by a number. Uses 0 as \
             initial value if the field doesn't exist.",
        ),
    Row::new("hincrbyfloat", 4, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.6.0",
            "O(1)",
            "Increments the floating point value of a field by a number. Uses 0 as \
             initial value if the field doesn't exist.",
        ),
    Row::new("hkeys", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@hash", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the size of the hash.",
            "Returns all fields in a hash.",
        ),
    Row::new("hlen", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc("hash", "2.0.0", "O(1)", "Returns the number of fields in a hash."),
    Row::new("hmget", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the number of fields being requested.",
            "Returns the values of all fields in a hash.",
        ),
    Row::new("hmset", -4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the number of fields being set.",
            "Sets the values of multiple fields.",
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
            "Returns one or more random fields from a hash.",
        ),
    Row::new("hscan", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@hash", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "hash",
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command \
             calls for the cursor to return back to 0. N is the number of elements inside \
             the collection.",
            "Iterates over fields and values of a hash.",
        ),
    Row::new("hset", -4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(1) for each field/value pair added, so O(N) to add N field/value pairs \
             when the command is called with multiple field/value pairs.",
            "Creates or modifies the value of a field in a hash.",
        ),
    Row::new("hsetnx", 4, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hash", "@fast"])
        .doc(
            "hash",
            "2.0.0",
            "O(1)",
            "Sets the value of a field in a hash only when the field doesn't exist.",
        ),
    Row::new("hstrlen", 3, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@hash", "@fast"])
        .doc("hash", "3.2.0", "O(1)", "Returns the length of the value of a field."),
    Row::new("hvals", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@hash", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "hash",
            "2.0.0",
            "O(N) where N is the size of the hash.",
            "Returns all values in a hash.",
        ),
];
