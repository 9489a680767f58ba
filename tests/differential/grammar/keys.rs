//! Keys of any type.

use super::{Compare, Group, Line, as_to, line};

lines!(GENERIC, Group::Generic, {
    "copy" "key key { REPLACE | DB database }",
    "del" "( key )+",
    "dump" "key" Shape,
    "exists" "( key )+",
    "expire" "key seconds { NX | XX | GT | LT }",
    "expireat" "key unixseconds { NX | XX | GT | LT }",
    "expiretime" "key" Seconds,
    "object|encoding" "key",
    "move" "key database",
    "object|freq" "key",
    "object|help" "",
    "object|idletime" "key" Shape,
    "object|refcount" "key",
    "persist" "key",
    "pexpire" "key millis { NX | XX | GT | LT }",
    "pexpireat" "key unixmillis { NX | XX | GT | LT }",
    "pexpiretime" "key" Millis,
    "pttl" "key" Millis,
    "rename" "key key",
    "renamenx" "key key",
    "restore" "key ( zero | millis ) payload { REPLACE | ABSTTL | IDLETIME count | FREQ count }",
    "sort" "key ALPHA { LIMIT index index | ASC | DESC | GET value | STORE key | wrong }",
    "sort_ro" "key ALPHA { LIMIT index index | ASC | DESC | GET value | wrong }",
    "touch" "( key )+",
    "ttl" "key" Seconds,
    "type" "key",
    "unlink" "( key )+",
});
