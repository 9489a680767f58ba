//! What waits at its node until there is something, in lists and sorted sets; streams have `BLOCK`.

use super::{ALL_BUT_LAST, Access, COUNTED_SECOND, Row, TWO, Waits};

pub(super) const ROWS: &[Row] = &[
    Row::new("blmove", 6, Access::Write)
        .keys(TWO, &["RW access delete", "RW insert"])
        .waits(Waits::SecondsLast)
        .flags(&["write", "denyoom", "blocking"], &["@write", "@list", "@slow", "@blocking"])
        .doc(
            "list",
            "6.2.0",
            "O(1)",
            "Pops an element from a list, pushes it to another list and returns it. \
Blocks until an element is available otherwise. Deletes the list if the last \
element was moved.",
        ),
    Row::new("blmpop", -5, Access::Write)
        .keys(COUNTED_SECOND, &["RW access delete"])
        .waits(Waits::SecondsFirst)
        .flags(&["write", "blocking", "movablekeys"], &["@write", "@list", "@slow", "@blocking"])
        .doc(
            "list",
            "7.0.0",
            "O(N+M) where N is the number of provided keys and M is the number of \
elements returned.",
            "Pops the first element from one of multiple lists. Blocks until an element \
is available otherwise. Deletes the list if the last element was popped.",
        ),
    Row::new("blpop", -3, Access::Write)
        .keys(ALL_BUT_LAST, &["RW access delete"])
        .waits(Waits::SecondsLast)
        .flags(&["write", "blocking"], &["@write", "@list", "@slow", "@blocking"])
        .doc(
            "list",
            "2.0.0",
            "O(N) where N is the number of provided keys.",
            "Removes and returns the first element in a list. Blocks until an element is \
available otherwise. Deletes the list if the last element was popped.",
        ),
    Row::new("brpop", -3, Access::Write)
        .keys(ALL_BUT_LAST, &["RW access delete"])
        .waits(Waits::SecondsLast)
        .flags(&["write", "blocking"], &["@write", "@list", "@slow", "@blocking"])
        .doc(
            "list",
            "2.0.0",
            "O(N) where N is the number of provided keys.",
            "Removes and returns the last element in a list. Blocks until an element is \
available otherwise. Deletes the list if the last element was popped.",
        ),
    Row::new("brpoplpush", 4, Access::Write)
        .keys(TWO, &["RW access delete", "RW insert"])
        .waits(Waits::SecondsLast)
        .flags(&["write", "denyoom", "blocking"], &["@write", "@list", "@slow", "@blocking"])
        .doc(
            "list",
            "2.2.0",
            "O(1)",
            "Pops an element from a list, pushes it to another list and returns it. Block \
until an element is available otherwise. Deletes the list if the last \
element was popped.",
        )
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
    Row::new("bzmpop", -5, Access::Write)
        .keys(COUNTED_SECOND, &["RW access delete"])
        .waits(Waits::SecondsFirst)
        .flags(
            &["write", "blocking", "movablekeys"],
            &["@write", "@sortedset", "@slow", "@blocking"],
        )
        .doc(
            "sorted-set",
            "7.0.0",
            "O(K) + O(M*log(N)) where K is the number of provided keys, N being the \
number of elements in the sorted set, and M being the number of elements \
popped.",
            "Removes and returns a member by score from one or more sorted sets. Blocks \
until a member is available otherwise. Deletes the sorted set if the last \
element was popped.",
        ),
    Row::new("bzpopmax", -3, Access::Write)
        .keys(ALL_BUT_LAST, &["RW access delete"])
        .waits(Waits::SecondsLast)
        .flags(&["write", "blocking", "fast"], &["@write", "@sortedset", "@fast", "@blocking"])
        .doc(
            "sorted-set",
            "5.0.0",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Removes and returns the member with the highest score from one or more \
sorted sets. Blocks until a member available otherwise.  Deletes the sorted \
set if the last element was popped.",
        ),
    Row::new("bzpopmin", -3, Access::Write)
        .keys(ALL_BUT_LAST, &["RW access delete"])
        .waits(Waits::SecondsLast)
        .flags(&["write", "blocking", "fast"], &["@write", "@sortedset", "@fast", "@blocking"])
        .doc(
            "sorted-set",
            "5.0.0",
            "O(log(N)) with N being the number of elements in the sorted set.",
            "Removes and returns the member with the lowest score from one or more sorted \
sets. Blocks until a member is available otherwise. Deletes the sorted set \
if the last element was popped.",
        ),
];
