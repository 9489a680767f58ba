//! The configuration, valid by construction: what the drivers run on.
//!
//! - `load`: files and arguments in, a [`Config`] out, or an [`Error`] with every problem
//! - `format`, `yaml`: texts into a tree of values that know where they stand
//! - `set`, `url`: what the command line adds
//! - `keys`: the table of keys; `reader` and `leaf` walk the tree beside it
//! - `read`: what the keys mean; `read_upstream`: those of an upstream
//! - `upstream`, `secret`: the types of one
//! - `reload`: what a new configuration changes while the process runs
//! - `problem`: messages

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

mod format;
pub mod keys;
mod kind;
mod leaf;
mod load;
mod problem;
mod read;
mod read_commands;
mod read_upstream;
mod reader;
mod reload;
mod secret;
mod set;
mod tree;
mod upstream;
mod url;
mod yaml;

pub use format::Format;
pub use leaf::listen_address;
pub use problem::{Error, masked};
pub use reload::Reload;
pub use secret::{Credentials, Secret};
pub use set::{NotASet, Set};
pub use upstream::{Connections, Flush, Redirects, Refresh, Retries, Target, Timeouts, Upstream};
pub use url::{Url, UrlError};

/// A whole configuration. Every listener's upstream exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where clients connect. Never empty.
    pub listeners: Vec<Listener>,
    /// The servers, by the name that listeners use. Never empty.
    pub upstreams: BTreeMap<String, Upstream>,
    /// Where the admin HTTP server listens; `None` if it is off.
    pub admin: Option<SocketAddr>,
    /// Worker threads.
    pub workers: NonZeroUsize,
    /// How long a drain may take before the process exits anyway.
    pub drain_timeout: Duration,
    /// Bytes that all buffers of the process together may hold; beyond it clients are read no
    /// further.
    pub memory_bytes_max: usize,
    /// What clients may do.
    pub clients: Clients,
}

/// One address that clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address to bind.
    pub address: SocketAddr,
    /// The upstream that serves it.
    pub upstream: String,
}

/// What clients may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Connections of one process; one more is told so and closed.
    pub max: usize,
    /// How long one may say nothing before it is closed; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// How long one may leave replies unread, taking not a byte, before it is closed; `None`: for
    /// ever.
    pub stall_timeout: Option<Duration>,
    /// Bytes of replies that may wait for one; beyond it the connection is closed. One reply alone
    /// may be larger.
    pub output_bytes_max: usize,
    /// Bytes that may wait for one that is subscribed to something, if that is more; beyond it the
    /// connection is closed.
    pub subscriber_output_bytes_max: usize,
}

impl Default for Clients {
    fn default() -> Self {
        Clients {
            max: 10_000,
            idle_timeout: None,
            stall_timeout: Some(Duration::from_secs(30)),
            output_bytes_max: 8 * 1024 * 1024,
            subscriber_output_bytes_max: 32 * 1024 * 1024,
        }
    }
}

/// Bytes that all buffers of a process together may hold, unless configured.
pub const MEMORY_BYTES_MAX: usize = 1024 * 1024 * 1024;

#[cfg(test)]
mod tests;
