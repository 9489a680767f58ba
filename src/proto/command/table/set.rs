//! Sets.

use super::{ALL, Access, COUNTED, KEY, Row, TARGET_AND_REST, TWO};

pub(super) const ROWS: &[Row] = &[
    Row::new("sadd", -3, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@set", "@fast"])
        .doc(
            "set",
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is \
             called with multiple arguments.",
            "Adds one or more members to a set. Creates the key if it doesn't exist.",
        ),
    Row::new("scard", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@set", "@fast"])
        .doc("set", "1.0.0", "O(1)", "Returns the number of members in a set."),
    Row::new("sdiff", -2, Access::Read)
        .keys(ALL, &["RO access"])
        .flags(&["readonly"], &["@read", "@set", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "set",
            "1.0.0",
            "O(N) where N is the total number of elements in all given sets.",
            "Returns the difference of multiple sets.",
        ),
    Row::new("sdiffstore", -3, Access::Write)
        .keys(TARGET_AND_REST, &["OW update", "RO access"])
        .flags(&["write", "denyoom"], &["@write", "@set", "@slow"])
        .doc(
            "set",
            "1.0.0",
            "O(N) where N is the total number of elements in all given sets.",
            "Stores the difference of multiple sets in a key.",
        ),
    Row::new("sinter", -2, Access::Read)
        .keys(ALL, &["RO access"])
        .flags(&["readonly"], &["@read", "@set", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "set",
            "1.0.0",
            "O(N*M) worst case where N is the cardinality of the smallest set and M is \
             the number of sets.",
            "Returns the intersect of multiple sets.",
        ),
    Row::new("sintercard", -3, Access::Read)
        .keys(COUNTED, &["RO access"])
        .flags(&["readonly", "movablekeys"], &["@read", "@set", "@slow"])
        .doc(
            "set",
            "7.0.0",
            "O(N*M) worst case where N is the cardinality of the smallest set and M is \
             the number of sets.",
            "Returns the number of members of the intersect of multiple sets.",
        ),
    Row::new("sinterstore", -3, Access::Write)
        .keys(TARGET_AND_REST, &["OW update", "RO access"])
        .flags(&["write", "denyoom"], &["@write", "@set", "@slow"])
        .doc(
            "set",
            "1.0.0",
            "O(N*M) worst case where N is the cardinality of the smallest set and M is \
             the number of sets.",
            "Stores the intersect of multiple sets in a key.",
        ),
    Row::new("sismember", 3, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@set", "@fast"])
        .doc("set", "1.0.0", "O(1)", "Determines whether a member belongs to a set."),
    Row::new("smembers", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@set", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "set",
            "1.0.0",
            "O(N) where N is the set cardinality.",
            "Returns all members of a set.",
        ),
    Row::new("smismember", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@set", "@fast"])
        .doc(
            "set",
            "6.2.0",
            "O(N) where N is the number of elements being checked for membership",
            "Determines whether multiple members belong to a set.",
        ),
    Row::new("smove", 4, Access::Write)
        .keys(TWO, &["RW access delete", "RW insert"])
        .flags(&["write", "fast"], &["@write", "@set", "@fast"])
        .doc("set", "1.0.0", "O(1)", "Moves a member from one set to another."),
    Row::new("spop", -2, Access::Write)
        .keys(KEY, &["RW access delete"])
        .flags(&["write", "fast"], &["@write", "@set", "@fast"])
        .tips(&["nondeterministic_output"])
        .doc(
            "set",
            "1.0.0",
            "Without the count argument O(1), otherwise O(N) where N is the value of the \
             passed count.",
            "Returns one or more random members from a set after removing them. Deletes \
             the set if the last member was popped.",
        ),
    Row::new("srandmember", -2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@set", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "set",
            "1.0.0",
            "Without the count argument O(1), otherwise O(N) where N is the absolute \
             value of the passed count.",
            "Get one or multiple random members from a set",
        ),
    Row::new("srem", -3, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write", "fast"], &["@write", "@set", "@fast"])
        .doc(
            "set",
            "1.0.0",
            "O(N) where N is the number of members to be removed.",
            "Removes one or more members from a set. Deletes the set if the last member \
             was removed.",
        ),
    Row::new("sscan", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@set", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "set",
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command \
             calls for the cursor to return back to 0. N is the number of elements inside \
             the collection.",
            "Iterates over members of a set.",
        ),
    Row::new("sunion", -2, Access::Read)
        .keys(ALL, &["RO access"])
        .flags(&["readonly"], &["@read", "@set", "@slow"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "set",
            "1.0.0",
            "O(N) where N is the total number of elements in all given sets.",
            "Returns the union of multiple sets.",
        ),
    Row::new("sunionstore", -3, Access::Write)
        .keys(TARGET_AND_REST, &["OW update", "RO access"])
        .flags(&["write", "denyoom"], &["@write", "@set", "@slow"])
        .doc(
            "set",
            "1.0.0",
            "O(N) where N is the total number of elements in all given sets.",
            "Stores the union of multiple sets in a key.",
        ),
];
