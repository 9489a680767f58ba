//! Strings.

use super::super::KeySpec;
use super::{ALL, Access, KEY, Merge, PAIRS, Row};

pub(super) const ROWS: &[Row] = &[
    Row::new("append", 3, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "2.0.0",
            "O(1). The amortized time complexity is O(1) assuming the appended value is small \
             and the already present value is of any size, since the dynamic string library used \
             by Redis will double the free space available on every reallocation.",
            "Append a value to a key",
        ),
    Row::new("decr", 2, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc("string", "1.0.0", "O(1)", "Decrement the integer value of a key by one"),
    Row::new("decrby", 3, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc("string", "1.0.0", "O(1)", "Decrement the integer value of a key by the given number"),
    Row::new("get", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@string", "@fast"])
        .doc("string", "1.0.0", "O(1)", "Get the value of a key"),
    Row::new("getdel", 2, Access::Write)
        .keys(KEY, &["RW access delete"])
        .flags(&["write", "fast"], &["@write", "@string", "@fast"])
        .doc("string", "6.2.0", "O(1)", "Get the value of a key and delete the key"),
    Row::new("getex", -2, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "fast"], &["@write", "@string", "@fast"])
        .doc("string", "6.2.0", "O(1)", "Get the value of a key and optionally set its expiration"),
    Row::new("getrange", 4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@string", "@slow"])
        .doc(
            "string",
            "2.4.0",
            "O(N) where N is the length of the returned string. The complexity is ultimately \
             determined by the returned length, but because creating a substring from an existing \
             string is very cheap, it can be considered O(1) for small strings.",
            "Get a substring of the string stored at a key",
        ),
    Row::new("getset", 3, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc("string", "1.0.0", "O(1)", "Set the string value of a key and return its old value")
        .deprecated("6.2.0", "`SET` with the `!GET` argument"),
    Row::new("incr", 2, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc("string", "1.0.0", "O(1)", "Increment the integer value of a key by one"),
    Row::new("incrby", 3, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc("string", "1.0.0", "O(1)", "Increment the integer value of a key by the given amount"),
    Row::new("incrbyfloat", 3, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc("string", "2.6.0", "O(1)", "Increment the float value of a key by the given amount"),
    Row::new("lcs", -3, Access::Read)
        .keys(&[KeySpec::Range { first: 1, last: 2, step: 1 }], &["RO access"])
        .flags(&["readonly"], &["@read", "@string", "@slow"])
        .doc(
            "string",
            "7.0.0",
            "O(N*M) where N and M are the lengths of s1 and s2, respectively",
            "Find longest common substring",
        ),
    Row::new("mget", -2, Access::Read)
        .keys(ALL, &["RO access"])
        .split(Merge::Positions)
        .flags(&["readonly", "fast"], &["@read", "@string", "@fast"])
        .tips(&["request_policy:multi_shard"])
        .doc(
            "string",
            "1.0.0",
            "O(N) where N is the number of keys to retrieve.",
            "Get the values of all the given keys",
        ),
    Row::new("mset", -3, Access::Write)
        .keys(PAIRS, &["OW update"])
        .split(Merge::AllOk)
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
        .doc(
            "string",
            "1.0.1",
            "O(N) where N is the number of keys to set.",
            "Set multiple keys to multiple values",
        ),
    Row::new("msetnx", -3, Access::Write)
        .keys(PAIRS, &["OW insert"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
        .doc(
            "string",
            "1.0.1",
            "O(N) where N is the number of keys to set.",
            "Set multiple keys to multiple values, only if none of the keys exist",
        ),
    Row::new("psetex", 4, Access::Write)
        .keys(KEY, &["OW update"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .doc("string", "2.6.0", "O(1)", "Set the value and expiration in milliseconds of a key"),
    Row::new("set", -3, Access::Write)
        .keys(KEY, &["RW access update variable_flags"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .doc("string", "1.0.0", "O(1)", "Set the string value of a key"),
    Row::new("setex", 4, Access::Write)
        .keys(KEY, &["OW update"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .doc("string", "2.0.0", "O(1)", "Set the value and expiration of a key"),
    Row::new("setnx", 3, Access::Write)
        .keys(KEY, &["OW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc("string", "1.0.0", "O(1)", "Set the value of a key, only if the key does not exist"),
    Row::new("setrange", 4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .doc(
            "string",
            "2.2.0",
            "O(1), not counting the time taken to copy the new string in place. Usually, this \
             string is very small so the amortized complexity is O(1). Otherwise, complexity is \
             O(M) with M being the length of the value argument.",
            "Overwrite part of a string at key starting at the specified offset",
        ),
    Row::new("strlen", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@string", "@fast"])
        .doc("string", "2.2.0", "O(1)", "Get the length of the value stored in a key"),
    Row::new("substr", 4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@string", "@slow"])
        .doc(
            "string",
            "1.0.0",
            "O(N) where N is the length of the returned string. The complexity is ultimately \
             determined by the returned length, but because creating a substring from an existing \
             string is very cheap, it can be considered O(1) for small strings.",
            "Get a substring of the string stored at a key",
        )
        .deprecated("2.0.0", "`GETRANGE`"),
];
