//! The keys of a configuration as a table of data: every reader, message and document that must
//! know a key reads its row.

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
}

impl Kind {
    /// What is allowed, in the words of an error message and of the documentation.
    #[must_use]
    pub fn allowed(self) -> &'static str {
        match self {
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
        }
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
        doc: "From wanting a connection to a node to having it, at the latest.",
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
];

/// The row of a path with `*` in it.
#[must_use]
pub fn key(pattern: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == pattern)
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
                Kind::List | Kind::Names => last == "*",
                Kind::Section | Kind::SectionOrNull => last != "*",
                Kind::SocketAddress
                | Kind::Address
                | Kind::Addresses
                | Kind::Upstream
                | Kind::Duration
                | Kind::DurationOrZero
                | Kind::Workers => false,
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
            "drain_timeout"
        ]));
        assert!(names_below("listeners.*").eq(["address", "upstream"]));
        assert!(names_below("upstreams").next().is_none());
    }
}
