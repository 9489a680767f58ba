//! The commands, a line each: what may follow the name, in the notation of `syntax`, and what of
//! the reply has to be the same.

use crate::story::Command;

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Connection,
    Generic,
    Hash,
    List,
    Set,
    SortedSet,
    String,
}

/// What of two replies has to be the same. Errors and nulls always have to be, to the byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// Every byte.
    Bytes,
    /// The elements, in any order.
    Unordered,
    /// As many elements, all of the key's own, which [`Line::probe`] asks for.
    Drawn,
    /// The elements of a scan that began at the beginning and came to the end.
    Scanned,
    /// A time of so many seconds: about the same.
    Seconds,
    /// The same in milliseconds.
    Millis,
    /// All but the number of the connection.
    Greeting,
    /// Types and lengths, all the way down; of strings only that they are.
    Shape,
    /// Nothing.
    Nothing,
}

/// A command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// In lower case; a subcommand as `family|name`.
    pub(crate) name: &'static str,
    /// What may follow.
    pub(crate) syntax: &'static str,
    pub(crate) group: Group,
    pub(crate) compare: Compare,
}

impl Line {
    /// How often it comes up, beside others. Data is of more interest than connections are.
    pub(crate) fn weight(&self) -> u32 {
        match self.group {
            Group::Connection => 1,
            Group::Generic => 3,
            Group::Hash | Group::List | Group::Set | Group::SortedSet | Group::String => 6,
        }
    }

    /// Whether a word of it may be left out. Not the `ALPHA` of `SORT`: without it Redis looks at
    /// an old `errno`, and refuses good numbers once another command has met one out of range.
    pub(crate) fn may_be_spoilt(&self) -> bool {
        !matches!(self.name, "sort" | "sort_ro")
    }

    /// The command that asks for all that [`Compare::Drawn`] may draw from.
    pub(crate) fn probe(&self) -> &'static str {
        match self.group {
            Group::Hash => "HGETALL",
            Group::SortedSet => "ZRANGE",
            Group::Connection | Group::Generic | Group::List | Group::Set | Group::String => {
                "SMEMBERS"
            }
        }
    }
}

/// The line of a command; `None` if it has none.
pub(crate) fn line_of(command: &Command) -> Option<&'static Line> {
    let word = |at: usize| command.get(at).map(|word| String::from_utf8_lossy(word).to_lowercase());
    let name = word(0)?;
    let full = word(1).map(|sub| format!("{name}|{sub}")).unwrap_or_default();
    let mut all = lines();
    all.find(|line| line.name == name || line.name == full)
}

/// All lines.
pub(crate) fn lines() -> impl Iterator<Item = &'static Line> {
    GROUPS.iter().copied().flatten()
}

const GROUPS: [&[Line]; 7] = [CONNECTION, GENERIC, HASHES, LISTS, SETS, SORTED_SETS, STRINGS];

const fn line(name: &'static str, syntax: &'static str, group: Group) -> Line {
    Line { name, syntax, group, compare: Compare::Bytes }
}

const fn as_to(compare: Compare, line: Line) -> Line {
    Line { compare, ..line }
}

macro_rules! lines {
    ($name:ident, $group:expr, { $($command:literal $syntax:literal $($compare:ident)?,)* }) => {
        const $name: &[Line] = &[
            $(lines!(@line line($command, $syntax, $group) $(, $compare)?),)*
        ];
    };
    (@line $line:expr) => { $line };
    (@line $line:expr, $compare:ident) => { as_to(Compare::$compare, $line) };
}

lines!(CONNECTION, Group::Connection, {
    "asking" "",
    "auth" "( user password | password )",
    "client|getname" "",
    "client|help" "",
    "client|id" "" Shape,
    "client|info" "" Shape,
    "client|setinfo" "( LIB-NAME | LIB-VER | wrong ) name",
    "client|setname" "name",
    "cluster|countkeysinslot" "slot",
    "cluster|getkeysinslot" "slot count" Shape,
    "cluster|info" "" Shape,
    "cluster|keyslot" "( key | value )",
    "cluster|myid" "" Shape,
    "cluster|nodes" "" Shape,
    "cluster|shards" "" Shape,
    "cluster|slots" "" Shape,
    "command|getkeys" "( GET key | MSET ( key value )+ | LMOVE key key LEFT LEFT | wrong )",
    "command|count" "",
    "command|docs" "GET" Shape,
    "command|help" "",
    "command|info" "GET" Shape,
    "command|list" "" Shape,
    "dbsize" "",
    "echo" "value",
    "flushall" "[ ( SYNC | ASYNC | wrong ) ]",
    "flushdb" "[ ( SYNC | ASYNC | wrong ) ]",
    "hello" "[ version { AUTH user password | SETNAME name | wrong } ]" Greeting,
    "info" "[ ( SERVER | KEYSPACE | wrong ) ]" Shape,
    "nosuchcommand" "{ value }",
    "ping" "[ value ]",
    "quit" "",
    "readonly" "",
    "readwrite" "",
    "reset" "",
    "select" "database",
    "time" "" Shape,
});

lines!(GENERIC, Group::Generic, {
    "copy" "key key { REPLACE | DB database }",
    "del" "( key )+",
    "dump" "key" Shape,
    "exists" "( key )+",
    "expire" "key seconds { NX | XX | GT | LT }",
    "expireat" "key unixseconds { NX | XX | GT | LT }",
    "expiretime" "key" Seconds,
    "object|encoding" "key",
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

lines!(HASHES, Group::Hash, {
    "hdel" "key ( field )+",
    "hexists" "key field",
    "hgetall" "key" Unordered,
    "hget" "key field",
    "hincrby" "key field integer",
    "hincrbyfloat" "key field float",
    "hkeys" "key" Unordered,
    "hlen" "key",
    "hmget" "key ( field )+",
    "hmset" "key ( field value )+",
    "hrandfield" "key [ count [ WITHVALUES ] ]" Drawn,
    "hscan" "key cursor { MATCH pattern | COUNT count }" Scanned,
    "hset" "key ( field value )+",
    "hsetnx" "key field value",
    "hstrlen" "key field",
    "hvals" "key" Unordered,
});

lines!(LISTS, Group::List, {
    "lindex" "key index",
    "linsert" "key ( BEFORE | AFTER | wrong ) value value",
    "llen" "key",
    "lmove" "key key ( LEFT | RIGHT | wrong ) ( LEFT | RIGHT )",
    "lmpop" "keys ( LEFT | RIGHT | wrong ) { COUNT count }",
    "lpop" "key [ count ]",
    "lpos" "key value { RANK index | COUNT index | MAXLEN index }",
    "lpush" "key ( value )+",
    "lpushx" "key ( value )+",
    "lrange" "key index index",
    "lrem" "key index value",
    "lset" "key index value",
    "ltrim" "key index index",
    "rpop" "key [ count ]",
    "rpoplpush" "key key",
    "rpush" "key ( value )+",
    "rpushx" "key ( value )+",
});

lines!(SETS, Group::Set, {
    "sadd" "key ( member )+",
    "scard" "key",
    "sdiff" "( key )+" Unordered,
    "sdiffstore" "key ( key )+",
    "sinter" "( key )+" Unordered,
    "sintercard" "keys { LIMIT index }",
    "sinterstore" "key ( key )+",
    "sismember" "key member",
    "smembers" "key" Unordered,
    "smismember" "key ( member )+",
    "smove" "key key member",
    "spop" "key [ count ]" Drawn,
    "srandmember" "key [ count ]" Drawn,
    "srem" "key ( member )+",
    "sscan" "key cursor { MATCH pattern | COUNT count }" Scanned,
    "sunion" "( key )+" Unordered,
    "sunionstore" "key ( key )+",
});

lines!(SORTED_SETS, Group::SortedSet, {
    "zadd" "key { NX | XX | GT | LT | CH | INCR } ( score member )+",
    "zcard" "key",
    "zcount" "key scorebound scorebound",
    "zdiff" "keys { WITHSCORES }",
    "zdiffstore" "key keys",
    "zincrby" "key score member",
    "zinter" "keys { WITHSCORES | WEIGHTS ( float )+ | AGGREGATE ( SUM | MIN | MAX | wrong ) }",
    "zintercard" "keys { LIMIT index }",
    "zinterstore" "key keys { WEIGHTS ( float )+ | AGGREGATE ( SUM | MIN | MAX | wrong ) }",
    "zlexcount" "key lexbound lexbound",
    "zmpop" "keys ( MIN | MAX | wrong ) { COUNT count }",
    "zmscore" "key ( member )+",
    "zpopmax" "key [ count ]",
    "zpopmin" "key [ count ]",
    "zrandmember" "key [ count [ WITHSCORES ] ]" Drawn,
    "zrange" "key bound bound { BYSCORE | BYLEX | REV | LIMIT index index | WITHSCORES }",
    "zrangebylex" "key lexbound lexbound { LIMIT index index | WITHSCORES }",
    "zrangebyscore" "key scorebound scorebound { LIMIT index index | WITHSCORES }",
    "zrangestore" "key key bound bound { BYSCORE | BYLEX | REV | LIMIT index index }",
    "zrank" "key member",
    "zrem" "key ( member )+",
    "zremrangebylex" "key lexbound lexbound",
    "zremrangebyrank" "key index index",
    "zremrangebyscore" "key scorebound scorebound",
    "zrevrange" "key index index { WITHSCORES }",
    "zrevrangebylex" "key lexbound lexbound { LIMIT index index }",
    "zrevrangebyscore" "key scorebound scorebound { LIMIT index index | WITHSCORES }",
    "zrevrank" "key member",
    "zscan" "key cursor { MATCH pattern | COUNT count }" Scanned,
    "zscore" "key member",
    "zunion" "keys { WITHSCORES | WEIGHTS ( float )+ | AGGREGATE ( SUM | MIN | MAX | wrong ) }",
    "zunionstore" "key keys { WEIGHTS ( float )+ | AGGREGATE ( SUM | MIN | MAX | wrong ) }",
});

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
