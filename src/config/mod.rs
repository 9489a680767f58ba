//! The configuration, valid by construction: what the drivers run on.
//!
//! - `load`: files and arguments in, a [`Config`] out, or an [`Error`] with every problem
//! - `format`, `yaml`: texts into a tree of values that know where they stand
//! - `set`, `url`: what the command line adds
//! - `keys`: the table of keys; `reader` and `leaf` walk the tree beside it
//! - `read`: what the keys mean
//! - `problem`: messages

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::proto::cluster::Address;

mod format;
pub mod keys;
mod leaf;
mod load;
mod problem;
mod read;
mod reader;
mod set;
mod tree;
mod url;
mod yaml;

pub use format::Format;
pub use leaf::listen_address;
pub use problem::{Error, masked};
pub use set::{NotASet, Set};
pub use url::UrlError;

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
}

/// One address that clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address to bind.
    pub address: SocketAddr,
    /// The upstream that serves it.
    pub upstream: String,
}

/// One Redis Cluster, or one standalone server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Where it is.
    pub target: Target,
    /// From reading a command to answering it, at the latest. Never zero.
    pub op_timeout: Duration,
    /// From wanting a connection to having it, at the latest. Never zero.
    pub connect_timeout: Duration,
}

/// Where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Some nodes of a Redis Cluster, from which the others are learnt. Never empty.
    Cluster(Vec<Address>),
    /// A server of its own.
    Server(Address),
}

#[cfg(test)]
mod tests;
