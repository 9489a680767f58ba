//! Sorted sets.

use super::{Access, COUNTED, KEY, Row, TARGET_AND_COUNTED, TWO};

pub(super) const ROWS: &[Row] = &[
    Row::new("zadd", -4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
            "Add one or more members to a sorted set, or update its score if it already exists",
        ),
    Row::new("zcard", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc("sorted-set", "1.2.0", "O(1)", "Get the number of members in a sorted set"),
    Row::new("zcount", 4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Count the members in a sorted set with scores within the given values",
        ),
    Row::new("zdiff", -3, Access::Read)
        .keys(COUNTED, &["RO access"])
        .flags(&["readonly", "movablekeys"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the \
             sets, N is the size of the first set, and K is the size of the result set.",
            "Subtract multiple sorted sets",
        ),
    Row::new("zdiffstore", -4, Access::Write)
        .keys(TARGET_AND_COUNTED, &["OW update", "RO access"])
        .flags(&["write", "denyoom", "movablekeys"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the \
             sets, N is the size of the first set, and K is the size of the result set.",
            "Subtract multiple sorted sets and store the resulting sorted set in a new key",
        ),
    Row::new("zincrby", 4, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)) where N is the number of elements in the sorted set.",
            "Increment the score of a member in a sorted set",
        ),
    Row::new("zinter", -3, Access::Read)
        .keys(COUNTED, &["RO access"])
        .flags(&["readonly", "movablekeys"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being \
             the number of input sorted sets and M being the number of elements in the resulting \
             sorted set.",
            "Intersect multiple sorted sets",
        ),
    Row::new("zintercard", -3, Access::Read)
        .keys(COUNTED, &["RO access"])
        .flags(&["readonly", "movablekeys"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "7.0.0",
            "O(N*K) worst case with N being the smallest input sorted set, K being the number of \
             input sorted sets.",
            "Intersect multiple sorted sets and return the cardinality of the result",
        ),
    Row::new("zinterstore", -4, Access::Write)
        .keys(TARGET_AND_COUNTED, &["OW update", "RO access"])
        .flags(&["write", "denyoom", "movablekeys"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being \
             the number of input sorted sets and M being the number of elements in the resulting \
             sorted set.",
            "Intersect multiple sorted sets and store the resulting sorted set in a new key",
        ),
    Row::new("zlexcount", 4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "2.8.9",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Count the number of members in a sorted set between a given lexicographical range",
        ),
    Row::new("zmpop", -4, Access::Write)
        .keys(COUNTED, &["RW access delete"])
        .flags(&["write", "movablekeys"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "7.0.0",
            "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
             elements in the sorted set, and M being the number of elements popped.",
            "Remove and return members with scores in a sorted set",
        ),
    Row::new("zmscore", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(N) where N is the number of members being requested.",
            "Get the score associated with the given members in a sorted set",
        ),
    Row::new("zpopmax", -2, Access::Write)
        .keys(KEY, &["RW access delete"])
        .flags(&["write", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "5.0.0",
            "O(log(N)*M) with N being the number of elements in the sorted set, and M being the \
             number of elements popped.",
            "Remove and return members with the highest scores in a sorted set",
        ),
    Row::new("zpopmin", -2, Access::Write)
        .keys(KEY, &["RW access delete"])
        .flags(&["write", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "5.0.0",
            "O(log(N)*M) with N being the number of elements in the sorted set, and M being the \
             number of elements popped.",
            "Remove and return members with the lowest scores in a sorted set",
        ),
    Row::new("zrandmember", -2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(N) where N is the number of elements returned",
            "Get one or multiple random elements from a sorted set",
        ),
    Row::new("zrange", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements returned.",
            "Return a range of members in a sorted set",
        ),
    Row::new("zrangebylex", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.8.9",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements being returned. If M is constant (e.g. always asking for the first 10 \
             elements with LIMIT), you can consider it O(log(N)).",
            "Return a range of members in a sorted set, by lexicographical range",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
    Row::new("zrangebyscore", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "1.0.5",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements being returned. If M is constant (e.g. always asking for the first 10 \
             elements with LIMIT), you can consider it O(log(N)).",
            "Return a range of members in a sorted set, by score",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
    Row::new("zrangestore", -5, Access::Write)
        .keys(TWO, &["OW update", "RO access"])
        .flags(&["write", "denyoom"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements stored into the destination key.",
            "Store a range of members from sorted set into another key",
        ),
    Row::new("zrank", 3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc("sorted-set", "2.0.0", "O(log(N))", "Determine the index of a member in a sorted set"),
    Row::new("zrem", -3, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(M*log(N)) with N being the number of elements in the sorted set and M the number \
             of elements to be removed.",
            "Remove one or more members from a sorted set",
        ),
    Row::new("zremrangebylex", 4, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.8.9",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements removed by the operation.",
            "Remove all members in a sorted set between the given lexicographical range",
        ),
    Row::new("zremrangebyrank", 4, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements removed by the operation.",
            "Remove all members in a sorted set within the given indexes",
        ),
    Row::new("zremrangebyscore", 4, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements removed by the operation.",
            "Remove all members in a sorted set within the given scores",
        ),
    Row::new("zrevrange", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements returned.",
            "Return a range of members in a sorted set, by index, with scores ordered from high \
             to low",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument"),
    Row::new("zrevrangebylex", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.8.9",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements being returned. If M is constant (e.g. always asking for the first 10 \
             elements with LIMIT), you can consider it O(log(N)).",
            "Return a range of members in a sorted set, by lexicographical range, ordered from \
             higher to lower strings.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    Row::new("zrevrangebyscore", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
             of elements being returned. If M is constant (e.g. always asking for the first 10 \
             elements with LIMIT), you can consider it O(log(N)).",
            "Return a range of members in a sorted set, by score, with scores ordered from high \
             to low",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
    Row::new("zrevrank", 3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(log(N))",
            "Determine the index of a member in a sorted set, with scores ordered from high to low",
        ),
    Row::new("zscan", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "sorted-set",
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command calls \
             for the cursor to return back to 0. N is the number of elements inside the \
             collection..",
            "Incrementally iterate sorted sets elements and associated scores",
        ),
    Row::new("zscore", 3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(1)",
            "Get the score associated with the given member in a sorted set",
        ),
    Row::new("zunion", -3, Access::Read)
        .keys(COUNTED, &["RO access"])
        .flags(&["readonly", "movablekeys"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M \
             being the number of elements in the resulting sorted set.",
            "Add multiple sorted sets",
        ),
    Row::new("zunionstore", -4, Access::Write)
        .keys(TARGET_AND_COUNTED, &["OW update", "RO access"])
        .flags(&["write", "denyoom", "movablekeys"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M \
             being the number of elements in the resulting sorted set.",
            "Add multiple sorted sets and store the resulting sorted set in a new key",
        ),
];
