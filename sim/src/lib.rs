//! Redpoll's deterministic simulator. The proxy, the nodes and the clients run in one thread on a
//! network that breaks from a seed, and everything that happens is a function of that seed.
//!
//! - [`plan`]: a run, drawn from its seed before it begins; [`run`] carries it out, [`batch`] many
//!   of them, and [`shrink`] makes one that fails small.
//! - [`world`]: nodes, [`proxies`], clients; [`fault`]: what can be done to them; [`client`]: who
//!   asks.
//! - [`tuning`]: how the proxy is configured.
//! - `nodes`: the hosts of the cluster.
//! - `kinship`: who follows whom, and what a failover loses.
//! - [`rig`]: the same world for stories, whose clients are led by hand.
//! - [`scale`]: a thousand nodes and a hundred proxies.
//! - [`dice`]: chance, forked from the seed for each component.
//! - [`net`]: turmoil's network made a byte stream, and the faults that can be put into it.
//! - [`workload`]: what the clients will ask, written down before the run.
//! - [`listening`]: clients that listen to what is published.
//! - [`history`]: what they asked and heard, what the proxy sent, what the nodes did.
//! - [`recorder`]: writes that down while it happens; `transactions`: of those, what became of
//!   each command.
//! - [`oracle`]: whether that was right: a checker a promise.
//! - [`resp`]: RESP, independent of the proxy's codec.
//! - [`biography`]: all that happened to one key, for whoever has to understand a failure.
//! - [`picture`]: a run drawn as a page; [`wire`]: what passed the proxy, for that.
//! - [`tally`]: what was seen, so that what is rare is not missed.
//! - [`mutants`]: bugs planted in the proxy, each of which must be found.
//! - [`trace`]: every event, hashed, so that two runs can be compared.
//! - [`trap`]: panics that a runtime would swallow.

pub mod batch;
pub mod biography;
pub mod client;
pub mod dice;
pub mod fault;
pub mod history;
mod kinship;
pub mod listening;
pub mod mutants;
pub mod net;
mod nodes;
pub mod oracle;
pub mod picture;
pub mod plan;
pub mod proxies;
pub mod recorder;
pub mod resp;
pub mod rig;
pub mod run;
pub mod scale;
pub mod shrink;
pub mod tally;
pub mod trace;
mod transactions;
pub mod trap;
pub mod tuning;
pub mod wire;
pub mod workload;
pub mod world;
