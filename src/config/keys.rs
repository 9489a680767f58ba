//! The keys of a configuration as a table of data: every reader, message and document that must
//! know a key reads its row.

use std::borrow::Cow;

/// What may stand at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The keys of its own rows.
    Section,
    /// The keys of its own rows, or nothing at all.
    SectionOrNull,
    /// A list of what the row `….*` says.
    List,
    /// Names that the user gives, each with what the row `….*` says.
    Names,
    /// An address to listen on.
    SocketAddress,
    /// Where a server is.
    Address,
    /// Where some servers are.
    Addresses,
    /// The name of an upstream.
    Upstream,
    /// A length of time that cannot be zero.
    Duration,
    /// A length of time that may be zero.
    DurationOrZero,
    /// A number of threads.
    Workers,
    /// A whole number within bounds, both included.
    Number(u32, u32),
    /// A number of bytes.
    Bytes,
    /// A number of bytes that may be zero.
    BytesOrZero,
    /// Yes or no.
    Bool,
    /// A text that is not shown, or where it stands.
    Secret,
    /// A user name, or where it stands.
    UserName,
    /// A name without spaces, or nothing at all.
    NameOrNull,
    /// Names of commands, each with what the row `….*` says.
    Commands,
}

impl Kind {
    /// What is allowed, in the words of an error message and of the documentation.
    #[must_use]
    pub fn allowed(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Kind::Section => "a section of keys",
            Kind::SectionOrNull => "a section of keys, or null (in TOML: false) to turn it off",
            Kind::List => "a list of sections",
            Kind::Names => "a section of names (letters, digits, - and _), each with its own keys",
            Kind::SocketAddress => "an IP address and port, such as 127.0.0.1:6380 or [::1]:6380",
            Kind::Address => "host:port, such as 10.0.0.1:6379 or redis.example.com:6379",
            Kind::Addresses => {
                "a list of host:port, such as [\"10.0.0.1:7000\", \"10.0.0.2:7000\"]"
            }
            Kind::Upstream => "the name of an upstream",
            Kind::Duration => "a duration from 1ms to 1day, such as 500ms, 2s or 1m",
            Kind::DurationOrZero => "a duration from 0s to 1day, such as 500ms, 2s or 1m",
            Kind::Workers => "auto, or a number from 1 to 1024",
            Kind::Number(min, max) => {
                return Cow::Owned(format!("a whole number from {min} to {max}"));
            }
            Kind::Bytes => "a number of bytes from 1KiB to 1TiB, such as 65536, 64KiB or 1GiB",
            Kind::BytesOrZero => "a number of bytes from 0 to 1TiB, such as 0, 1024 or 64KiB",
            Kind::Bool => "true or false",
            Kind::Secret => "a password, {env: VARIABLE} or {file: PATH}",
            Kind::UserName => "a user name, {env: VARIABLE} or {file: PATH}",
            Kind::NameOrNull => "a name of printable ASCII characters without spaces, or null",
            Kind::Commands => "a section of command names, each with a duration",
        })
    }
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The way to it from the root, joined with dots; `*` stands for an index or a name.
    pub path: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What holds if it is absent, as it would be written; `None` if it has to be given.
    pub default: Option<&'static str>,
    /// What it is for.
    pub doc: &'static str,
}

/// Every key there is.
pub const KEYS: &[Key] = &[
    Key { path: "listeners", kind: Kind::List, default: None, doc: "Where clients connect." },
    Key {
        path: "listeners.*",
        kind: Kind::Section,
        default: None,
        doc: "One address that clients connect to.",
    },
    Key {
        path: "listeners.*.address",
        kind: Kind::SocketAddress,
        default: Some("127.0.0.1:6380"),
        doc: "The address to listen on. Port 0 picks a free one.",
    },
    Key {
        path: "listeners.*.upstream",
        kind: Kind::Upstream,
        default: None,
        doc: "The upstream that serves these clients.",
    },
    Key {
        path: "upstreams",
        kind: Kind::Names,
        default: None,
        doc: "The servers, by names that listeners use. Each has either `cluster` or `server`.",
    },
    Key {
        path: "upstreams.*",
        kind: Kind::Section,
        default: None,
        doc: "One Redis Cluster, or one server of its own.",
    },
    Key {
        path: "upstreams.*.cluster",
        kind: Kind::Addresses,
        default: None,
        doc: "Some nodes of a Redis Cluster; the others are learnt from them.",
    },
    Key {
        path: "upstreams.*.server",
        kind: Kind::Address,
        default: None,
        doc: "A server of its own, not in a cluster.",
    },
    Key {
        path: "upstreams.*.op_timeout",
        kind: Kind::Duration,
        default: Some("1s"),
        doc: "From reading a command to answering it, at the latest.",
    },
    Key {
        path: "upstreams.*.connect_timeout",
        kind: Kind::Duration,
        default: Some("500ms"),
        doc: "From beginning to connect to a node to being connected; then as long again to agree.",
    },
    Key {
        path: "upstreams.*.stall_timeout",
        kind: Kind::DurationOrZero,
        default: Some("5s"),
        doc: "A connection that owes replies and sends nothing for so long is replaced; 0s: never.",
    },
    Key {
        path: "upstreams.*.timeouts",
        kind: Kind::Commands,
        default: Some("{}"),
        doc: "Another op_timeout for some commands, such as {sunion: 5s}.",
    },
    Key {
        path: "upstreams.*.timeouts.*",
        kind: Kind::Duration,
        default: None,
        doc: "From reading this command to answering it, at the latest.",
    },
    Key {
        path: "upstreams.*.username",
        kind: Kind::UserName,
        default: None,
        doc: "The user that Redpoll is to the servers; without it, their default user.",
    },
    Key {
        path: "upstreams.*.password",
        kind: Kind::Secret,
        default: None,
        doc: "The password for the servers; without it, Redpoll does not say who it is.",
    },
    Key {
        path: "upstreams.*.database",
        kind: Kind::Number(0, 1_000_000),
        default: Some("0"),
        doc: "The database of a server; a cluster has only 0.",
    },
    Key {
        path: "upstreams.*.client_name",
        kind: Kind::NameOrNull,
        default: Some("redpoll"),
        doc: "The name that the servers show in CLIENT LIST; null: none.",
    },
    Key {
        path: "upstreams.*.connections_per_node",
        kind: Kind::Number(1, 64),
        default: Some("1"),
        doc: "Connections to a node, for each worker and protocol; a client sticks to one.",
    },
    Key {
        path: "upstreams.*.preconnect",
        kind: Kind::Bool,
        default: Some("false"),
        doc: "Whether connections are made before the first command needs them.",
    },
    Key {
        path: "upstreams.*.idle_timeout",
        kind: Kind::DurationOrZero,
        default: Some("10m"),
        doc: "A connection without work for so long is closed; 0s: never.",
    },
    Key {
        path: "upstreams.*.keepalive",
        kind: Kind::DurationOrZero,
        default: Some("1m"),
        doc: "After so long a silence TCP asks whether the node is there; 0s: never.",
    },
    Key {
        path: "upstreams.*.connection_rate_limit",
        kind: Kind::Number(0, 1_000_000),
        default: Some("50"),
        doc: "Attempts to connect to one node in a second, for each worker; 0: any number.",
    },
    Key {
        path: "upstreams.*.pipeline_requests_max",
        kind: Kind::Number(1, 1_048_576),
        default: Some("65536"),
        doc: "Requests in flight on one connection; more wait.",
    },
    Key {
        path: "upstreams.*.max_buffer_size_before_flush",
        kind: Kind::BytesOrZero,
        default: Some("0"),
        doc: "Requests are written once there are so many bytes; 0: at the end of every turn.",
    },
    Key {
        path: "upstreams.*.buffer_flush_timeout",
        kind: Kind::Duration,
        default: Some("3ms"),
        doc: "Requests that are buffered are written after so long at the latest.",
    },
    Key {
        path: "upstreams.*.retries_max",
        kind: Kind::Number(0, 100),
        default: Some("3"),
        doc: "Times that one command is sent again when its connection failed.",
    },
    Key {
        path: "upstreams.*.retry_budget",
        kind: Kind::Number(0, 100),
        default: Some("20"),
        doc: "The share of requests that may be retries, in percent.",
    },
    Key {
        path: "upstreams.*.enable_redirection",
        kind: Kind::Bool,
        default: Some("true"),
        doc: "Whether MOVED and ASK are followed; else clients get them.",
    },
    Key {
        path: "upstreams.*.redirects_max",
        kind: Kind::Number(0, 100),
        default: Some("5"),
        doc: "Redirects followed for one command; the next is answered with an error.",
    },
    Key {
        path: "upstreams.*.max_unknown_upstreams",
        kind: Kind::Number(0, 10_000),
        default: Some("100"),
        doc: "Nodes known from redirects alone, for each worker.",
    },
    Key {
        path: "upstreams.*.refresh_interval",
        kind: Kind::Duration,
        default: Some("10s"),
        doc: "From one look at the topology to the next when nothing seems to have changed.",
    },
    Key {
        path: "upstreams.*.redirect_refresh_interval",
        kind: Kind::Duration,
        default: Some("100ms"),
        doc: "From one look at the topology to the next however much seems to have changed.",
    },
    Key {
        path: "upstreams.*.redirect_refresh_threshold",
        kind: Kind::Number(0, 1_000_000),
        default: Some("1"),
        doc: "MOVED replies that ask for a look at the topology; 0: none do.",
    },
    Key {
        path: "upstreams.*.failure_refresh_threshold",
        kind: Kind::Number(0, 1_000_000),
        default: Some("1"),
        doc: "Failed requests that ask for a look at the topology; 0: none do.",
    },
    Key {
        path: "upstreams.*.enable_command_stats",
        kind: Kind::Bool,
        default: Some("false"),
        doc: "Whether latencies are counted by command, too.",
    },
    Key {
        path: "admin",
        kind: Kind::SectionOrNull,
        default: None,
        doc: "The HTTP server for /livez, /ready and /metrics. On unless it is null.",
    },
    Key {
        path: "admin.address",
        kind: Kind::SocketAddress,
        default: Some("127.0.0.1:9901"),
        doc: "The address to listen on.",
    },
    Key {
        path: "workers",
        kind: Kind::Workers,
        default: Some("auto"),
        doc: "Worker threads; auto is one a processor that the process may use.",
    },
    Key {
        path: "drain_timeout",
        kind: Kind::DurationOrZero,
        default: Some("10s"),
        doc: "How long a stopping process waits for what is in flight.",
    },
    Key {
        path: "memory_max",
        kind: Kind::Bytes,
        default: Some("1GiB"),
        doc: "What all buffers together may hold; beyond it clients are read no further.",
    },
    Key {
        path: "clients_max",
        kind: Kind::Number(1, 1_000_000),
        default: Some("10000"),
        doc: "Client connections; one more is told so and closed.",
    },
    Key {
        path: "client_idle_timeout",
        kind: Kind::DurationOrZero,
        default: Some("0s"),
        doc: "A client that says nothing for so long is disconnected; 0s: never.",
    },
    Key {
        path: "client_stall_timeout",
        kind: Kind::DurationOrZero,
        default: Some("30s"),
        doc: "A client that reads none of its replies for so long is disconnected; 0s: never.",
    },
    Key {
        path: "client_output_bytes_max",
        kind: Kind::Bytes,
        default: Some("8MiB"),
        doc: "Replies that may wait for one client; with more it is disconnected.",
    },
];

/// The row of a path with `*` in it.
#[must_use]
pub fn key(pattern: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == pattern)
}

/// The table as Markdown, for the documentation.
#[must_use]
pub fn markdown() -> String {
    let mut text = "| key | allowed | default | what it says |\n|---|---|---|---|\n".to_owned();
    let is_value = |key: &&Key| !matches!(key.kind, Kind::Section | Kind::List | Kind::Names);
    for key in KEYS.iter().filter(is_value) {
        let path = key.path.replace(".*", ".NAME").replace("listeners.NAME", "listeners[]");
        let path = path.replace("timeouts.NAME", "timeouts.COMMAND");
        let default = key.default.map_or(String::new(), |default| format!("`{default}`"));
        text += &format!("| `{path}` | {} | {default} | {} |\n", key.kind.allowed(), key.doc);
    }
    text
}

/// The last part of the path of every key right below `pattern`; the root is the empty pattern.
pub(super) fn names_below(pattern: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(move |key| {
        let below = match pattern {
            "" => key.path,
            _ => key.path.strip_prefix(pattern)?.strip_prefix('.')?,
        };
        (!below.contains('.') && below != "*").then_some(below)
    })
}

/// Where else a key of this name belongs, for one that stands in the wrong place.
pub(super) fn home_of(name: &str) -> Option<&'static str> {
    KEYS.iter().find_map(|key| {
        let (section, last) = key.path.rsplit_once('.')?;
        (last == name && name != "*").then_some(section)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_below_one_that_can_hold_it() {
        for row in KEYS {
            let Some((parent, last)) = row.path.rsplit_once('.') else { continue };
            let holds = key(parent).map(|parent| parent.kind).unwrap();
            let fits = match holds {
                Kind::List | Kind::Names | Kind::Commands => last == "*",
                Kind::Section | Kind::SectionOrNull => last != "*",
                Kind::SocketAddress
                | Kind::Address
                | Kind::Addresses
                | Kind::Upstream
                | Kind::Duration
                | Kind::DurationOrZero
                | Kind::Workers
                | Kind::Number(..)
                | Kind::Bytes
                | Kind::BytesOrZero
                | Kind::Bool
                | Kind::Secret
                | Kind::UserName
                | Kind::NameOrNull => false,
            };
            assert!(fits, "{} below {holds:?}", row.path);
        }
    }

    #[test]
    fn the_keys_below_one_are_found_by_name() {
        assert!(names_below("").eq([
            "listeners",
            "upstreams",
            "admin",
            "workers",
            "drain_timeout",
            "memory_max",
            "clients_max",
            "client_idle_timeout",
            "client_stall_timeout",
            "client_output_bytes_max",
        ]));
        assert!(names_below("listeners.*").eq(["address", "upstream"]));
        assert!(names_below("upstreams").next().is_none());
    }
}
