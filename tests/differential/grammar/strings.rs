//! Strings, also as bits, and HyperLogLogs.

use super::{Group, Line, line};

lines!(STRINGS, Group::String, {
    "append" "key value",
    "decr" "key",
    "decrby" "key integer",
    "get" "key",
    "getdel" "key",
    "getex" "key { EX seconds | PX millis | EXAT unixseconds | PXAT unixmillis | PERSIST }",
    "getrange" "key index index",
    "getset" "key value",
    "incr" "key",
    "incrby" "key integer",
    "incrbyfloat" "key float",
    "lcs" "key key { LEN | IDX | MINMATCHLEN index | WITHMATCHLEN }",
    "mget" "( key )+",
    "mset" "( key value )+",
    "msetnx" "( key value )+",
    "psetex" "key millis value",
    "set" "key value { NX | XX | GET | KEEPTTL | EX seconds | PX millis | EXAT comingseconds }",
    "setex" "key seconds value",
    "setnx" "key value",
    "setrange" "key offset value",
    "strlen" "key",
    "substr" "key index index",
});

lines!(BITMAPS, Group::Bitmap, {
    "bitcount" "key [ index index [ ( BYTE | BIT | wrong ) ] ]",
    "bitfield" "key { GET bits bitoffset | SET bits bitoffset integer
        | INCRBY bits bitoffset integer | OVERFLOW ( WRAP | SAT | FAIL | wrong ) }",
    "bitfield_ro" "key { GET bits bitoffset | SET bits bitoffset integer }",
    "bitop" "( AND | OR | XOR | NOT | wrong ) key ( key )+",
    "bitpos" "key bit [ index [ index [ ( BYTE | BIT | wrong ) ] ] ]",
    "getbit" "key bitoffset",
    "setbit" "key bitoffset bit",
});

lines!(HYPERLOGLOGS, Group::HyperLogLog, {
    "pfadd" "key { value }",
    "pfcount" "( key )+",
    "pfmerge" "key { key }",
});
