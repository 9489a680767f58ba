//! A small Redis 7.0 in memory: `redpoll demo` runs it, the simulator's nodes are it, stories are
//! told with it.
//!
//! ```text
//! server: bytes -> RequestDecoder -> arguments -> Node::execute -> replies -> one write a turn
//! node:   arguments -> row (command) -> admit: auth, slot (redirect), role -> run -> reply
//!                                         after MULTI: queue (transaction) ----^ | writes
//!         replicas <----------------------------- change (replication) <-------'
//!         nothing to take yet: the connection waits (waiting), and is served in its turn
//! ```
//!
//! - [`Node`] is a handle of one server. Its state outlives whatever task serves it, so a host may
//!   crash and come back with its data or without ([`Node::clear`]).
//! - [`Fault`] is what can be wrong with a node that is there all the same.
//! - [`Cluster`] is the cluster's administrator: migrates slots, promotes replicas, and decides
//!   which nodes hear of it. Each node acts on the view that it was told last.
//! - A command is a row of a table (`command`) and a function from keyspace, arguments and time to
//!   a reply: no clock, no I/O, no dice but the node's own.
//!
//! What it does not do, it does not know: such a command is answered `ERR unknown command`.

mod args;
mod clock;
mod cluster;
mod cluster_commands;
#[cfg(test)]
mod cluster_stories;
mod command;
mod connection;
mod error;
mod execution;
mod expiry;
mod fault;
mod glob;
mod hashes;
mod hexadecimal;
mod info;
mod keys;
mod keyspace;
mod lists;
mod lists_ends;
mod lists_waiting;
mod long_double;
mod node;
mod number;
mod pubsub;
mod redirect;
mod replicas;
mod replication;
#[cfg(test)]
mod rig;
mod rng;
mod server;
mod sets;
mod sets_combine;
mod sorted_set;
mod store;
mod strings;
mod transaction;
mod view;
mod waiting;
mod wide;
mod zsets;
mod zsets_combine;
mod zsets_pop;
mod zsets_range;

pub use cluster::Cluster;
pub use command::names as commands;
pub use connection::Connection;
pub use execution::Execution;
pub use fault::{Fault, REFUSED_EARLY};
pub use node::Node;
