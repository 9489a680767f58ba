//! One upstream: where it is, and everything about the connections there.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::secret::Credentials;
use crate::proto::cluster::Address;
use crate::proto::command::Rules;

/// One Redis Cluster, or one standalone server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Where it is.
    pub target: Target,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// The connections to its nodes.
    pub connections: Connections,
    /// What is sent again.
    pub retries: Retries,
    /// What is done with MOVED and ASK.
    pub redirects: Redirects,
    /// When the topology is looked at.
    pub refresh: Refresh,
    /// Whether latencies are counted by command, too.
    pub command_stats: bool,
    /// Commands that the table does not know, and those that are refused.
    pub commands: Rules,
}

/// Where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Some nodes of a Redis Cluster, from which the others are learnt. Never empty.
    Cluster(Vec<Address>),
    /// A server of its own.
    Server(Address),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Server(server) => write!(f, "server {server}"),
            Target::Cluster(seeds) => {
                let seeds: Vec<_> = seeds.iter().map(Address::to_string).collect();
                write!(f, "cluster of {}", seeds.join(", "))
            }
        }
    }
}

/// How long things may take. No time is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From reading a command to answering it.
    pub op: Duration,
    /// The same for some commands, by their names in lower case.
    pub commands: BTreeMap<&'static str, Duration>,
    /// From wanting a connection to having it, and again for what must be agreed on it first.
    pub connect: Duration,
    /// How long a connection may owe something without sending a byte; `None`: for ever.
    pub stall: Option<Duration>,
}

/// The connections to the nodes of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Connections to a node for each worker and protocol; a client sticks to one.
    pub per_node: NonZeroUsize,
    /// Whether they are made as soon as the topology is known.
    pub preconnect: bool,
    /// How long one may be without work before it is closed; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// How long one may be silent before TCP asks whether the node is there; `None`: for ever.
    pub keepalive: Option<Duration>,
    /// Attempts to connect to one node in a second, for each worker; `None`: any number.
    pub rate_per_s: Option<NonZeroU32>,
    /// Connections that are lent to one client at a time, for each worker.
    pub leases_max: NonZeroUsize,
    /// Requests in flight on one connection.
    pub requests_max: NonZeroUsize,
    /// When requests are written; `None`: at the end of each turn.
    pub flush: Option<Flush>,
    /// Who Redpoll is to the nodes.
    pub credentials: Option<Credentials>,
    /// The database, of a standalone server.
    pub database: u32,
    /// The name that nodes show in `CLIENT LIST`; `None`: none.
    pub client_name: Option<String>,
}

/// When buffered requests are written, as in Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush {
    /// Once there are so many bytes (`max_buffer_size_before_flush`).
    pub bytes: NonZeroUsize,
    /// This long after the first of them at the latest (`buffer_flush_timeout`).
    pub timeout: Duration,
}

/// What is sent again after its connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Times that one command is sent again.
    pub max: u8,
    /// The share of a worker's requests that may be retries, in percent.
    pub budget_percent: u8,
}

/// What is done with MOVED and ASK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirects {
    /// Whether they are followed; else clients get them.
    pub follow: bool,
    /// Followed for one command.
    pub max: u8,
    /// Nodes known from redirects alone, for each worker.
    pub unknown_max: usize,
}

/// When the topology is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// From one look to the next when nothing seems to have changed. Never zero.
    pub interval: Duration,
    /// From one look to the next however much seems to have changed. Never zero.
    pub redirect_interval: Duration,
    /// MOVED replies that ask for a look; 0: none do.
    pub redirect_threshold: u32,
    /// Failed requests that ask for a look; 0: none do.
    pub failure_threshold: u32,
}

impl Upstream {
    /// An upstream with every default.
    #[must_use]
    pub fn new(target: Target) -> Upstream {
        Upstream {
            target,
            timeouts: Timeouts::default(),
            connections: Connections::default(),
            retries: Retries { max: 3, budget_percent: 20 },
            redirects: Redirects { follow: true, max: 5, unknown_max: 100 },
            refresh: Refresh::default(),
            command_stats: false,
            commands: Rules::default(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            op: Duration::from_secs(1),
            commands: BTreeMap::new(),
            connect: Duration::from_millis(500),
            stall: Some(Duration::from_secs(5)),
        }
    }
}

impl Timeouts {
    /// The time a command has, by its name in lower case.
    #[must_use]
    pub fn of(&self, command: &str) -> Duration {
        if self.commands.is_empty() {
            return self.op;
        }
        self.commands.get(command).copied().unwrap_or(self.op)
    }
}

impl Default for Connections {
    fn default() -> Self {
        Connections {
            per_node: NonZeroUsize::MIN,
            preconnect: false,
            idle_timeout: Some(Duration::from_secs(600)),
            keepalive: Some(Duration::from_secs(60)),
            rate_per_s: NonZeroU32::new(50),
            leases_max: const { NonZeroUsize::new(256).unwrap() },
            requests_max: const { NonZeroUsize::new(65_536).unwrap() },
            flush: None,
            credentials: None,
            database: 0,
            client_name: Some("redpoll".to_owned()),
        }
    }
}

impl Default for Refresh {
    fn default() -> Self {
        Refresh {
            interval: Duration::from_secs(10),
            redirect_interval: Duration::from_millis(100),
            redirect_threshold: 1,
            failure_threshold: 1,
        }
    }
}
