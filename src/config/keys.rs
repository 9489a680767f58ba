//! The keys of a configuration as a table of data: every reader, message and document that must
//! know a key reads its row.

pub use super::kind::Kind;

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
        path: "upstreams.*.commands",
        kind: Kind::Declarations,
        default: Some("{}"),
        doc: "Commands that Redpoll does not know, such as {JSON.GET: {key: 1, access: read}}.",
    },
    Key {
        path: "upstreams.*.commands.*",
        kind: Kind::Section,
        default: None,
        doc: "Where the keys of this command are, and what it does to them.",
    },
    Key {
        path: "upstreams.*.commands.*.key",
        kind: Kind::Number(0, 127),
        default: None,
        doc: "Position of its first key, the name being at 0; 0: it has none, so any node runs it.",
    },
    Key {
        path: "upstreams.*.commands.*.last_key",
        kind: Kind::Integer(-127, 127),
        default: None,
        doc: "Position of its last key, from the end if below zero; without it, it has one key.",
    },
    Key {
        path: "upstreams.*.commands.*.step",
        kind: Kind::Number(1, 127),
        default: Some("1"),
        doc: "From one of its keys to the next.",
    },
    Key {
        path: "upstreams.*.commands.*.access",
        kind: Kind::OneOf(&["read", "write"]),
        default: Some("write"),
        doc: "Whether it only reads: only then is it sent again when a connection fails.",
    },
    Key {
        path: "upstreams.*.refuse_commands",
        kind: Kind::CommandNames,
        default: Some("[]"),
        doc: "Commands that no client gets, such as [FLUSHALL, KEYS, CONFIG GET].",
    },
    Key {
        path: "upstreams.*.mset",
        kind: Kind::OneOf(&["split", "atomic"]),
        default: Some("split"),
        doc: "Whether an MSET over several slots is split, or refused: split, it is not atomic.",
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
        path: "upstreams.*.leases_max",
        kind: Kind::Number(1, 65_536),
        default: Some("256"),
        doc: "Connections lent to clients that watch keys or wait (BLPOP), for each worker.",
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
    Key {
        path: "subscriber_output_bytes_max",
        kind: Kind::Bytes,
        default: Some("32MiB"),
        doc: "The same of a client that is subscribed to something, published messages included.",
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
        let path = path.replace("commands.NAME", "commands.COMMAND");
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
                Kind::List | Kind::Names | Kind::Commands | Kind::Declarations => last == "*",
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
                | Kind::CommandNames
                | Kind::OneOf(_)
                | Kind::Integer(..)
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
            "subscriber_output_bytes_max",
        ]));
        assert!(names_below("listeners.*").eq(["address", "upstream"]));
        assert!(names_below("upstreams").next().is_none());
    }
}
