//! The server.

use super::{Compare, Group, Line, as_to, line};

lines!(SERVER, Group::Server, {
    "config|get" "( setting )+" Unordered,
    "config|help" "",
    "keys" "keypattern" Unordered,
    "memory|help" "",
    "memory|purge" "",
    "memory|usage" "key [ SAMPLES ( zero | index ) ]" Shape,
    "randomkey" "" Drawn,
    "scan" "cursor { MATCH keypattern | COUNT many | TYPE type }" Scanned,
    "slowlog|get" "[ index ]",
    "slowlog|help" "",
    "slowlog|len" "",
    "slowlog|reset" "",
});
