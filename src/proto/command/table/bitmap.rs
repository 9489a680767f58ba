//! Strings as arrays of bits.

use super::{Access, KEY, Row, arg, rest};

pub(super) const ROWS: &[Row] = &[
    Row::new("bitcount", -2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@bitmap", "@slow"])
        .doc(
            "bitmap",
            "2.6.0",
            "O(N)",
            "Counts the number of set bits (population counting) in a string.",
        ),
    Row::new("bitfield", -2, Access::Write)
        .keys(KEY, &["RW access update variable_flags"])
        .flags(&["write", "denyoom"], &["@write", "@bitmap", "@slow"])
        .doc(
            "bitmap",
            "3.2.0",
            "O(1) for each subcommand specified",
            "Performs arbitrary bitfield integer operations on strings.",
        ),
    Row::new("bitfield_ro", -2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@bitmap", "@fast"])
        .doc(
            "bitmap",
            "6.0.0",
            "O(1) for each subcommand specified",
            "Performs arbitrary read-only bitfield integer operations on strings.",
        ),
    Row::new("bitop", -4, Access::Write)
        .keys(&[arg(2), rest(3, 1)], &["OW update", "RO access"])
        .flags(&["write", "denyoom"], &["@write", "@bitmap", "@slow"])
        .doc(
            "bitmap",
            "2.6.0",
            "O(N)",
            "Performs bitwise operations on multiple strings, and stores the result.",
        ),
    Row::new("bitpos", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@bitmap", "@slow"])
        .doc("bitmap", "2.8.7", "O(N)", "Finds the first set (1) or clear (0) bit in a string."),
    Row::new("getbit", 3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@bitmap", "@fast"])
        .doc("bitmap", "2.2.0", "O(1)", "Returns a bit value by offset."),
    Row::new("setbit", 4, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom"], &["@write", "@bitmap", "@slow"])
        .doc(
            "bitmap",
            "2.2.0",
            "O(1)",
            "Sets or clears the bit at offset of the string value. Creates the key if it \
             doesn't exist.",
        ),
];
