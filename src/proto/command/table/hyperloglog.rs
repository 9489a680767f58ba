//! Counts of what is different, nearly.

use super::{ALL, Access, KEY, Row, TARGET_AND_REST};

pub(super) const ROWS: &[Row] = &[
    Row::new("pfadd", -2, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@hyperloglog", "@fast"])
        .doc(
            "hyperloglog",
            "2.8.9",
            "O(1) to add every element.",
            "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
        ),
    Row::new("pfcount", -2, Access::Read)
        .keys(ALL, &["RW access"])
        .flags(&["readonly"], &["@read", "@hyperloglog", "@slow"])
        .doc(
            "hyperloglog",
            "2.8.9",
            "O(1) with a very small average constant time when called with a single key. \
             O(N) with N being the number of keys, and much bigger constant times, when \
             called with multiple keys.",
            "Returns the approximated cardinality of the set(s) observed by the \
             HyperLogLog key(s).",
        ),
    Row::new("pfmerge", -2, Access::Write)
        .keys(TARGET_AND_REST, &["RW access insert", "RO access"])
        .flags(&["write", "denyoom"], &["@write", "@hyperloglog", "@slow"])
        .doc(
            "hyperloglog",
            "2.8.9",
            "O(N) to merge N HyperLogLogs, but with high constant times.",
            "Merges one or more HyperLogLog values into a single key.",
        ),
];
