//! Lists.

use super::{Access, COUNTED, KEY, Row, TWO};

pub(super) const ROWS: &[Row] = &[
    Row::new("lindex", 3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@list", "@slow"])
        .doc(
            "list",
            "1.0.0",
            "O(N) where N is the number of elements to traverse to get to the element at \
             index. This makes asking for the first or the last element of the list O(1).",
            "Returns an element from a list by its index.",
        ),
    Row::new("linsert", 5, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom"], &["@write", "@list", "@slow"])
        .doc(
            "list",
            "2.2.0",
            "O(N) where N is the number of elements to traverse before seeing the value \
             pivot. This means that inserting somewhere on the left end on the list \
             (head) can be considered O(1) and inserting somewhere on the right end \
             (tail) is O(N).",
            "Inserts an element before or after another element in a list.",
        ),
    Row::new("llen", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@list", "@fast"])
        .doc("list", "1.0.0", "O(1)", "Returns the length of a list."),
    Row::new("lmove", 5, Access::Write)
        .keys(TWO, &["RW access delete", "RW insert"])
        .flags(&["write", "denyoom"], &["@write", "@list", "@slow"])
        .doc(
            "list",
            "6.2.0",
            "O(1)",
            "Returns an element after popping it from one list and pushing it to another. \
             Deletes the list if the last element was moved.",
        ),
    Row::new("lmpop", -4, Access::Write)
        .keys(COUNTED, &["RW access delete"])
        .flags(&["write", "movablekeys"], &["@write", "@list", "@slow"])
        .doc(
            "list",
            "7.0.0",
            "O(N+M) where N is the number of provided keys and M is the number of \
             elements returned.",
            "Returns multiple elements from a list after removing them. Deletes the list \
             if the last element was popped.",
        ),
    Row::new("lpop", -2, Access::Write)
        .keys(KEY, &["RW access delete"])
        .flags(&["write", "fast"], &["@write", "@list", "@fast"])
        .doc(
            "list",
            "1.0.0",
            "O(N) where N is the number of elements returned",
            "Returns the first elements in a list after removing it. Deletes the list if \
             the last element was popped.",
        ),
    Row::new("lpos", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@list", "@slow"])
        .doc(
            "list",
            "6.0.6",
            "O(N) where N is the number of elements in the list, for the average case. \
             When searching for elements near the head or the tail of the list, or when \
             the MAXLEN option is provided, the command may run in constant time.",
            "Returns the index of matching elements in a list.",
        ),
    Row::new("lpush", -3, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@list", "@fast"])
        .doc(
            "list",
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is \
             called with multiple arguments.",
            "Prepends one or more elements to a list. Creates the key if it doesn't \
             exist.",
        ),
    Row::new("lpushx", -3, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@list", "@fast"])
        .doc(
            "list",
            "2.2.0",
            "O(1) for each element added, so O(N) to add N elements when the command is \
             called with multiple arguments.",
            "Prepends one or more elements to a list only when the list exists.",
        ),
    Row::new("lrange", 4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@list", "@slow"])
        .doc(
            "list",
            "1.0.0",
            "O(S+N) where S is the distance of start offset from HEAD for small lists, \
             from nearest end (HEAD or TAIL) for large lists; and N is the number of \
             elements in the specified range.",
            "Returns a range of elements from a list.",
        ),
    Row::new("lrem", 4, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write"], &["@write", "@list", "@slow"])
        .doc(
            "list",
            "1.0.0",
            "O(N+M) where N is the length of the list and M is the number of elements \
             removed.",
            "Removes elements from a list. Deletes the list if the last element was \
             removed.",
        ),
    Row::new("lset", 4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom"], &["@write", "@list", "@slow"])
        .doc(
            "list",
            "1.0.0",
            "O(N) where N is the length of the list. Setting either the first or the last \
             element of the list is O(1).",
            "Sets the value of an element in a list by its index.",
        ),
    Row::new("ltrim", 4, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write"], &["@write", "@list", "@slow"])
        .doc(
            "list",
            "1.0.0",
            "O(N) where N is the number of elements to be removed by the operation.",
            "Removes elements from both ends a list. Deletes the list if all elements \
             were trimmed.",
        ),
    Row::new("rpop", -2, Access::Write)
        .keys(KEY, &["RW access delete"])
        .flags(&["write", "fast"], &["@write", "@list", "@fast"])
        .doc(
            "list",
            "1.0.0",
            "O(N) where N is the number of elements returned",
            "Returns and removes the last elements of a list. Deletes the list if the \
             last element was popped.",
        ),
    Row::new("rpoplpush", 3, Access::Write)
        .keys(TWO, &["RW access delete", "RW insert"])
        .flags(&["write", "denyoom"], &["@write", "@list", "@slow"])
        .doc(
            "list",
            "1.2.0",
            "O(1)",
            "Returns the last element of a list after removing and pushing it to another \
             list. Deletes the list if the last element was popped.",
        )
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
    Row::new("rpush", -3, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@list", "@fast"])
        .doc(
            "list",
            "1.0.0",
            "O(1) for each element added, so O(N) to add N elements when the command is \
             called with multiple arguments.",
            "Appends one or more elements to a list. Creates the key if it doesn't exist.",
        ),
    Row::new("rpushx", -3, Access::Write)
        .keys(KEY, &["RW insert"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@list", "@fast"])
        .doc(
            "list",
            "2.2.0",
            "O(1) for each element added, so O(N) to add N elements when the command is \
             called with multiple arguments.",
            "Appends an element to a list only when the list exists.",
        ),
];
