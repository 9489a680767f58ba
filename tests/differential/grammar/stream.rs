//! Streams. No entry gets its id from the clock, and nobody waits for one.

use super::{Compare, Group, Line, as_to, line};

lines!(STREAMS, Group::Stream, {
    "xack" "key group ( streamid )+",
    "xadd" "key { NOMKSTREAM | MAXLEN approx index | MINID approx streamid | LIMIT index }
        newid ( field value )+",
    "xautoclaim" "key group consumer idle streamid { COUNT index | JUSTID }",
    "xclaim" "key group consumer idle ( streamid )+
        { IDLE idle | TIME pastmillis | RETRYCOUNT index | FORCE | JUSTID | LASTID streamid }",
    "xdel" "key ( streamid )+",
    "xgroup|create" "key group afterid { MKSTREAM | ENTRIESREAD index }",
    "xgroup|createconsumer" "key group consumer",
    "xgroup|delconsumer" "key group consumer",
    "xgroup|destroy" "key group",
    "xgroup|help" "",
    "xgroup|setid" "key group afterid { ENTRIESREAD index }",
    "xinfo|consumers" "key group" Ages,
    "xinfo|groups" "key",
    "xinfo|help" "",
    "xinfo|stream" "key [ FULL { COUNT index } ]" Ages,
    "xlen" "key",
    "xpending" "key group [ { IDLE idle } streambound streambound count [ consumer ] ]" Ages,
    "xrange" "key streambound streambound { COUNT count }",
    "xread" "{ COUNT index }
        STREAMS ( key afterid | key key afterid afterid | key key afterid )",
    "xreadgroup" "GROUP group consumer { COUNT index | NOACK }
        STREAMS ( key groupid | key key groupid groupid | key key groupid )",
    "xrevrange" "key streambound streambound { COUNT count }",
    "xsetid" "key streamid { ENTRIESADDED index | MAXDELETEDID streamid }",
    "xtrim" "key ( MAXLEN approx index | MINID approx streamid | wrong ) { LIMIT index }",
});
