//! The server, and what is said to whoever listens.

use super::{Compare, Group, Line, as_to, line};

lines!(SERVER, Group::Server, {
    "config|get" "( setting )+" Unordered,
    "config|help" "",
    "keys" "keypattern" Unordered,
    "memory|help" "",
    "memory|purge" "",
    "memory|usage" "key [ SAMPLES ( zero | index ) ]" Shape,
    "publish" "value value",
    "randomkey" "" Drawn,
    "scan" "cursor { MATCH keypattern | COUNT many | TYPE type }" Scanned,
    "slowlog|get" "[ index ]",
    "slowlog|help" "",
    "slowlog|len" "",
    "slowlog|reset" "",
    "spublish" "key value",
});
