//! Where a difference is meant. What is not in here is the same.

use crate::grammar::{Compare, Line};
use crate::story::Command;

/// A command whose replies need not be those of a real server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exception {
    /// As in the grammar.
    pub(crate) command: &'static str,
    /// If only commands of so many words are meant.
    pub(crate) words: Option<usize>,
    /// What still has to be the same.
    pub(crate) compare: Compare,
    /// Why.
    #[expect(dead_code, reason = "for whoever reads the table")]
    pub(crate) reason: &'static str,
}

const fn exception(command: &'static str, compare: Compare, reason: &'static str) -> Exception {
    Exception { command, words: None, compare, reason }
}

impl Exception {
    const fn of(self, words: usize) -> Exception {
        Exception { words: Some(words), ..self }
    }

    /// Whether it is about this command, which has this line.
    pub(crate) fn is_about(&self, line: &Line, command: &Command) -> bool {
        line.name == self.command && self.words.is_none_or(|words| words == command.len())
    }
}

/// Of the embedded node.
pub(crate) const EMBEDDED: &[Exception] = &[exception(
    "client|setinfo",
    Compare::Nothing,
    "not in Redis 7.0, but what every client library sends since 7.2",
)];

/// How a real server is started. It has one database, as the embedded node has. All its sorted sets
/// are in the form that Redis keeps small ones in: the other form remembers the sign of zero, and
/// gives members at random for a range of members where not all scores are equal. No command is
/// slow: which one is depends on what else the machine does. It looks 500 times a second whether a
/// client has waited for long enough, where ten is what it does unless told.
pub(crate) const SERVER: &str = "--databases 1 --zset-max-listpack-entries 100000 \
     --zset-max-listpack-value 100000 --slowlog-log-slower-than -1 --hz 500";

/// A real server closes the connection of a client that has not authenticated and sends a longer
/// command; the embedded node takes what its decoder takes.
pub(crate) const UNAUTHENTICATED_WORDS_MAX: usize = 10;

/// How replies begin that a standalone server never gives.
pub(crate) const CLUSTER_ONLY: [&str; 3] = [
    "-CROSSSLOT ",
    "-ERR GET option of SORT denied ",
    "-ERR SELECT is not allowed in cluster mode",
];

/// Why what is about clusters differs: a server without slots says that it has none.
const ONE_NODE: &str = "Redpoll is the one node of a cluster, whatever is behind it";

/// Why numbers of subscribers differ.
const SUBSCRIBERS: &str = "servers see workers, which let go of a topic a moment after a client";

/// Of Redpoll before a server or a cluster.
pub(crate) const PROXY: &[Exception] = &[
    exception("asking", Compare::Nothing, ONE_NODE),
    exception("cluster|countkeysinslot", Compare::Nothing, "a server has no slots"),
    exception("cluster|getkeysinslot", Compare::Nothing, "a server has no slots"),
    exception("cluster|help", Compare::Nothing, "tells what Redpoll has"),
    exception("cluster|info", Compare::Nothing, ONE_NODE),
    exception("cluster|keyslot", Compare::Nothing, ONE_NODE),
    exception("cluster|myid", Compare::Nothing, ONE_NODE),
    exception("cluster|myshardid", Compare::Nothing, ONE_NODE),
    exception("cluster|nodes", Compare::Nothing, ONE_NODE),
    exception("cluster|replicas", Compare::Nothing, ONE_NODE),
    exception("cluster|shards", Compare::Nothing, ONE_NODE),
    exception("cluster|slaves", Compare::Nothing, ONE_NODE),
    exception("cluster|slots", Compare::Nothing, ONE_NODE),
    exception("readonly", Compare::Nothing, ONE_NODE),
    exception("readwrite", Compare::Nothing, ONE_NODE),
    exception("acl|help", Compare::Nothing, "tells what Redpoll has"),
    exception("hello", Compare::Shape, "tells of Redpoll: one server, whatever is behind it"),
    exception("client|capa", Compare::Nothing, "not in Redis 7.0, but in Valkey 8"),
    exception("client|help", Compare::Nothing, "tells what Redpoll has"),
    exception("client|no-touch", Compare::Nothing, "not in Redis 7.0, but in 7.2"),
    exception("client|setinfo", Compare::Nothing, "not in Redis 7.0, but in Redpoll"),
    exception("command|count", Compare::Shape, "Redpoll has fewer"),
    exception("command|docs", Compare::Nothing, "it tells what Valkey 8 does"),
    exception("command|getkeys", Compare::Nothing, "a name is enough since Redis 7.2").of(3),
    exception("command|getkeysandflags", Compare::Nothing, "a name is enough since Redis 7.2")
        .of(3),
    exception("command|help", Compare::Nothing, "tells what Redpoll has"),
    exception("command|info", Compare::Nothing, "Redpoll has fewer"),
    exception("command|list", Compare::Nothing, "Redpoll has fewer"),
    exception("pubsub|channels", Compare::Nothing, SUBSCRIBERS),
    exception("pubsub|numpat", Compare::Shape, SUBSCRIBERS),
    exception("pubsub|numsub", Compare::Shape, SUBSCRIBERS),
    exception("pubsub|shardchannels", Compare::Nothing, SUBSCRIBERS),
    exception("pubsub|shardnumsub", Compare::Shape, SUBSCRIBERS),
    exception("script|show", Compare::Nothing, "not in Redis 7.0, but in Valkey 8"),
    exception("waitaof", Compare::Nothing, "not in Redis 7.0, but in 7.2"),
];

/// Commands that a server alone answers with an error, whatever follows.
pub(crate) const SILENT: [&str; 9] = [
    "client|capa",
    "client|kill",
    "client|no-touch",
    "client|setinfo",
    "function|kill",
    "nosuchcommand",
    "script|kill",
    "script|show",
    "waitaof",
];

/// Data commands that are not queued in a transaction as Redis does it, and why.
pub(crate) const NOT_QUEUED: &[(&str, &str)] = &[
    ("mset", "a key without its value is refused at once, and not by `EXEC`"),
    ("msetnx", "as MSET"),
    ("object|help", "Redpoll answers it itself"),
];

/// Why flags of what waits differ.
const SCRIPTS_MAY: &str = "since Redis 7.2 a script may run it, which does not wait there";

/// Rows that are not as Redis 7.0 tells of them, and why.
pub(crate) const ROWS: &[(&str, &str)] = &[
    ("client|capa", "it has no such command; Valkey 8 has"),
    ("client|no-touch", "it has no such command; Redis 7.2 has"),
    ("client|setinfo", "it has no such command; Redis 7.2 has"),
    ("cluster|myshardid", "it has no such command; Redis 7.2 has"),
    ("command|getkeys", "a name is enough since Redis 7.2"),
    ("blmove", SCRIPTS_MAY),
    ("blpop", SCRIPTS_MAY),
    ("brpop", SCRIPTS_MAY),
    ("brpoplpush", SCRIPTS_MAY),
    ("bzpopmax", SCRIPTS_MAY),
    ("bzpopmin", SCRIPTS_MAY),
    ("command|getkeysandflags", "a name is enough since Redis 7.2"),
    ("script|show", "it has no such command; Valkey 8 has"),
    ("wait", SCRIPTS_MAY),
    ("waitaof", "it has no such command; Redis 7.2 has"),
    ("zrank", "it takes WITHSCORE since Redis 7.2"),
    ("zrevrank", "it takes WITHSCORE since Redis 7.2"),
];

/// Commands whose keys `COMMAND GETKEYS` gives otherwise than Redis 7.0, and why.
pub(crate) const GET_KEYS: &[(&str, &str)] = &[
    ("get", "a name is enough since Redis 7.2"),
    ("dbsize", "a name is enough since Redis 7.2"),
    ("ping", "a name is enough since Redis 7.2"),
    ("pfmerge a", "a target without sources is well formed: PFMERGE runs so"),
    ("georadius a 1 1 1 m STORE b STOREDIST c", "only the last one counts, for a node, too"),
    ("georadius a 1 1 1 m STOREDIST b STORE c", "only the last one counts, for a node, too"),
    ("xread COUNT STREAMS STREAMS a 0", "a node looks for the slot of `a`, as XREAD reads it"),
    ("xread STREAMS a b 0", "three are no keys with an id each: XREAD refuses it"),
    ("xreadgroup GROUP g c STREAMS a b >", "as with XREAD"),
];

/// Why what is told of a history differs.
const HISTORY: &str = "its history was written later";

/// Commands of whose arguments and history Redis 7.0 tells something else, and why.
pub(crate) const DOCUMENTS: &[(&str, &str)] = &[
    ("bitop", "its operation is any string there"),
    ("client|kill", "SKIPME takes YES or NO since Redis 7.2"),
    ("client|list", "it tells of what Valkey 8 can leave out"),
    ("georadius_ro", HISTORY),
    ("georadiusbymember", HISTORY),
    ("georadiusbymember_ro", HISTORY),
    ("hscan", "it takes NOVALUES in Valkey 8"),
    ("zrank", "it takes WITHSCORE since Redis 7.2"),
    ("zrevrank", "it takes WITHSCORE since Redis 7.2"),
    ("zscan", "it takes NOSCORES in Valkey 8"),
];
