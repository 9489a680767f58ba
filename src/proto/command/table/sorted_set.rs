//! Sorted sets.

use super::{Access, COUNTED, KEY, Row, TARGET_AND_COUNTED, TWO};

pub(super) const ROWS: &[Row] = &[
    Row::new("zadd", -4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)) for each item added, where N is the number of elements in the \
             sorted set.",
            "Adds one or more members to a sorted set, or updates their scores. Creates \
             the key if it doesn't exist.",
        ),
    Row::new("zcard", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc("sorted-set", "1.2.0", "O(1)", "Returns the number of members in a sorted set."),
    Row::new("zcount", 4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Returns the count of members in a sorted set that have scores within a \
             range.",
        ),
    Row::new("zdiff", -3, Access::Read)
        .keys(COUNTED, &["RO access"])
        .flags(&["readonly", "movablekeys"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(L + (N-K)log(N)) worst case where L is the total number of elements in all \
             the sets, N is the size of the first set, and K is the size of the result \
             set.",
            "Returns the difference between multiple sorted sets.",
        ),
    Row::new("zdiffstore", -4, Access::Write)
        .keys(TARGET_AND_COUNTED, &["OW update", "RO access"])
        .flags(&["write", "denyoom", "movablekeys"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(L + (N-K)log(N)) worst case where L is the total number of elements in all \
             the sets, N is the size of the first set, and K is the size of the result \
             set.",
            "Stores the difference of multiple sorted sets in a key.",
        ),
    Row::new("zincrby", 4, Access::Write)
        .keys(KEY, &["RW access update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)) where N is the number of elements in the sorted set.",
            "Increments the score of a member in a sorted set.",
        ),
    Row::new("zinter", -3, Access::Read)
        .keys(COUNTED, &["RO access"])
        .flags(&["readonly", "movablekeys"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K \
             being the number of input sorted sets and M being the number of elements in \
             the resulting sorted set.",
            "Returns the intersect of multiple sorted sets.",
        ),
    Row::new("zintercard", -3, Access::Read)
        .keys(COUNTED, &["RO access"])
        .flags(&["readonly", "movablekeys"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "7.0.0",
            "O(N*K) worst case with N being the smallest input sorted set, K being the \
             number of input sorted sets.",
            "Returns the number of members of the intersect of multiple sorted sets.",
        ),
    Row::new("zinterstore", -4, Access::Write)
        .keys(TARGET_AND_COUNTED, &["OW update", "RO access"])
        .flags(&["write", "denyoom", "movablekeys"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K \
             being the number of input sorted sets and M being the number of elements in \
             the resulting sorted set.",
            "Stores the intersect of multiple sorted sets in a key.",
        ),
    Row::new("zlexcount", 4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "2.8.9",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Returns the number of members in a sorted set within a lexicographical \
             range.",
        ),
    Row::new("zmpop", -4, Access::Write)
        .keys(COUNTED, &["RW access delete"])
        .flags(&["write", "movablekeys"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "7.0.0",
            "O(K) + O(M*log(N)) where K is the number of provided keys, N being the \
             number of elements in the sorted set, and M being the number of elements \
             popped.",
            "Returns the highest- or lowest-scoring members from one or more sorted sets \
             after removing them. Deletes the sorted set if the last member was popped.",
        ),
    Row::new("zmscore", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(N) where N is the number of members being requested.",
            "Returns the score of one or more members in a sorted set.",
        ),
    Row::new("zpopmax", -2, Access::Write)
        .keys(KEY, &["RW access delete"])
        .flags(&["write", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "5.0.0",
            "O(log(N)*M) with N being the number of elements in the sorted set, and M \
             being the number of elements popped.",
            "Returns the highest-scoring members from a sorted set after removing them. \
             Deletes the sorted set if the last member was popped.",
        ),
    Row::new("zpopmin", -2, Access::Write)
        .keys(KEY, &["RW access delete"])
        .flags(&["write", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "5.0.0",
            "O(log(N)*M) with N being the number of elements in the sorted set, and M \
             being the number of elements popped.",
            "Returns the lowest-scoring members from a sorted set after removing them. \
             Deletes the sorted set if the last member was popped.",
        ),
    Row::new("zrandmember", -2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(N) where N is the number of members returned",
            "Returns one or more random members from a sorted set.",
        ),
    Row::new("zrange", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements returned.",
            "Returns members in a sorted set within a range of indexes.",
        ),
    Row::new("zrangebylex", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.8.9",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements being returned. If M is constant (e.g. always asking for \
             the first 10 elements with LIMIT), you can consider it O(log(N)).",
            "Returns members in a sorted set within a lexicographical range.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
    Row::new("zrangebyscore", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "1.0.5",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements being returned. If M is constant (e.g. always asking for \
             the first 10 elements with LIMIT), you can consider it O(log(N)).",
            "Returns members in a sorted set within a range of scores.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
    Row::new("zrangestore", -5, Access::Write)
        .keys(TWO, &["OW update", "RO access"])
        .flags(&["write", "denyoom"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements stored into the destination key.",
            "Stores a range of members from sorted set in a key.",
        ),
    Row::new("zrank", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(log(N))",
            "Returns the index of a member in a sorted set ordered by ascending scores.",
        ),
    Row::new("zrem", -3, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write", "fast"], &["@write", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(M*log(N)) with N being the number of elements in the sorted set and M the \
             number of elements to be removed.",
            "Removes one or more members from a sorted set. Deletes the sorted set if all \
             members were removed.",
        ),
    Row::new("zremrangebylex", 4, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.8.9",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements removed by the operation.",
            "Removes members in a sorted set within a lexicographical range. Deletes the \
             sorted set if all members were removed.",
        ),
    Row::new("zremrangebyrank", 4, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements removed by the operation.",
            "Removes members in a sorted set within a range of indexes. Deletes the \
             sorted set if all members were removed.",
        ),
    Row::new("zremrangebyscore", 4, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements removed by the operation.",
            "Removes members in a sorted set within a range of scores. Deletes the sorted \
             set if all members were removed.",
        ),
    Row::new("zrevrange", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "1.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements returned.",
            "Returns members in a sorted set within a range of indexes in reverse order.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument"),
    Row::new("zrevrangebylex", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.8.9",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements being returned. If M is constant (e.g. always asking for \
             the first 10 elements with LIMIT), you can consider it O(log(N)).",
            "Returns members in a sorted set within a lexicographical range in reverse \
             order.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    Row::new("zrevrangebyscore", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the \
             number of elements being returned. If M is constant (e.g. always asking for \
             the first 10 elements with LIMIT), you can consider it O(log(N)).",
            "Returns members in a sorted set within a range of scores in reverse order.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
    Row::new("zrevrank", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(log(N))",
            "Returns the index of a member in a sorted set ordered by descending scores.",
        ),
    Row::new("zscan", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@sortedset", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "sorted-set",
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command \
             calls for the cursor to return back to 0. N is the number of elements inside \
             the collection.",
            "Iterates over members and scores of a sorted set.",
        ),
    Row::new("zscore", 3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly", "fast"], &["@read", "@sortedset", "@fast"])
        .doc("sorted-set", "1.2.0", "O(1)", "Returns the score of a member in a sorted set."),
    Row::new("zunion", -3, Access::Read)
        .keys(COUNTED, &["RO access"])
        .flags(&["readonly", "movablekeys"], &["@read", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "6.2.0",
            "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, \
             and M being the number of elements in the resulting sorted set.",
            "Returns the union of multiple sorted sets.",
        ),
    Row::new("zunionstore", -4, Access::Write)
        .keys(TARGET_AND_COUNTED, &["OW update", "RO access"])
        .flags(&["write", "denyoom", "movablekeys"], &["@write", "@sortedset", "@slow"])
        .doc(
            "sorted-set",
            "2.0.0",
            "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, \
             and M being the number of elements in the resulting sorted set.",
            "Stores the union of multiple sorted sets in a key.",
        ),
];
