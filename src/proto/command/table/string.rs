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
            "O(1). The amortized time complexity is O(1) assuming the appended value is \
             small and the already present value is of any size, since the dynamic string \
             library used by the server will double the free space available on every \
             reallocation.",
            "Appends a string to the value of a key. Creates the key if it doesn't exist.",
        ),
    Row::new("decr", 2, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "1.0.0",
            "O(1)",
            "Decrements the integer value of a key by one. Uses 0 as initial value if the \
             key doesn't exist.",
        ),
    Row::new("decrby", 3, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "1.0.0",
            "O(1)",
            "Decrements a number from the integer value of a key. Uses 0 as initial value \
             if the key doesn't exist.",
        ),
    Row::new("get", 2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@string", "@fast"])
        .doc("string", "1.0.0", "O(1)", "Returns the string value of a key."),
    Row::new("getdel", 2, Access::Write)
        .keys(KEY, &["RW access delete"])
        .flags(&["write", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "6.2.0",
            "O(1)",
            "Returns the string value of a key after deleting the key.",
        ),
    Row::new("getex", -2, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "6.2.0",
            "O(1)",
            "Returns the string value of a key after setting its expiration time.",
        ),
    Row::new("getrange", 4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@string", "@slow"])
        .doc(
            "string",
            "2.4.0",
            "O(N) where N is the length of the returned string. The complexity is \
             ultimately determined by the returned length, but because creating a \
             substring from an existing string is very cheap, it can be considered O(1) \
             for small strings.",
            "Returns a substring of the string stored at a key.",
        ),
    Row::new("getset", 3, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "1.0.0",
            "O(1)",
            "Returns the previous string value of a key after setting it to a new value.",
        )
        .deprecated("6.2.0", "`SET` with the `!GET` argument"),
    Row::new("incr", 2, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "1.0.0",
            "O(1)",
            "Increments the integer value of a key by one. Uses 0 as initial value if the \
             key doesn't exist.",
        ),
    Row::new("incrby", 3, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "1.0.0",
            "O(1)",
            "Increments the integer value of a key by a number. Uses 0 as initial value \
             if the key doesn't exist.",
        ),
    Row::new("incrbyfloat", 3, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "2.6.0",
            "O(1)",
            "Increment the floating point value of a key by a number. Uses 0 as initial \
             value if the key doesn't exist.",
        ),
    Row::new("lcs", -3, Access::Read)
        .keys(&[KeySpec::Range { first: 1, last: 2, step: 1 }], &["RO access"])
        .flags(&["readonly"], &["@read", "@string", "@slow"])
        .doc(
            "string",
            "7.0.0",
            "O(N*M) where N and M are the lengths of s1 and s2, respectively",
            "Finds the longest common substring.",
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
            "Atomically returns the string values of one or more keys.",
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
            "Atomically creates or modifies the string values of one or more keys.",
        ),
    Row::new("msetnx", -3, Access::Write)
        .keys(PAIRS, &["OW insert"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .doc(
            "string",
            "1.0.1",
            "O(N) where N is the number of keys to set.",
            "Atomically modifies the string values of one or more keys only when all keys \
             don't exist.",
        ),
    Row::new("psetex", 4, Access::Write)
        .keys(KEY, &["OW update"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .doc(
            "string",
            "2.6.0",
            "O(1)",
            "Sets both string value and expiration time in milliseconds of a key. The key \
             is created if it doesn't exist.",
        )
        .deprecated("2.6.12", "`SET` with the `PX` argument"),
    Row::new("set", -3, Access::Write)
        .keys(KEY, &["RW access update variable_flags"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .doc(
            "string",
            "1.0.0",
            "O(1)",
            "Sets the string value of a key, ignoring its type. The key is created if it \
             doesn't exist.",
        ),
    Row::new("setex", 4, Access::Write)
        .keys(KEY, &["OW update"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .doc(
            "string",
            "2.0.0",
            "O(1)",
            "Sets the string value and expiration time of a key. Creates the key if it \
             doesn't exist.",
        )
        .deprecated("2.6.12", "`SET` with the `EX` argument"),
    Row::new("setnx", 3, Access::Write)
        .keys(KEY, &["OW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@string", "@fast"])
        .doc(
            "string",
            "1.0.0",
            "O(1)",
            "Set the string value of a key only when the key doesn't exist.",
        )
        .deprecated("2.6.12", "`SET` with the `NX` argument"),
    Row::new("setrange", 4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom"], &["@write", "@string", "@slow"])
        .doc(
            "string",
            "2.2.0",
            "O(1), not counting the time taken to copy the new string in place. Usually, \
             this string is very small so the amortized complexity is O(1). Otherwise, \
             complexity is O(M) with M being the length of the value argument.",
            "Overwrites a part of a string value with another by an offset. Creates the \
             key if it doesn't exist.",
        ),
    Row::new("strlen", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@string", "@fast"])
        .doc("string", "2.2.0", "O(1)", "Returns the length of a string value."),
    Row::new("substr", 4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@string", "@slow"])
        .doc(
            "string",
            "1.0.0",
            "O(N) where N is the length of the returned string. The complexity is \
             ultimately determined by the returned length, but because creating a \
             substring from an existing string is very cheap, it can be considered O(1) \
             for small strings.",
            "Returns a substring from a string value.",
        )
        .deprecated("2.0.0", "`GETRANGE`"),
];
