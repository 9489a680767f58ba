//! Redpoll, a proxy for Redis and Valkey: to every client it is one Redis; behind it are a Redis
//! Cluster or standalone servers, reached over few, long, pipelined connections.
//!
//! ```text
//!           one worker = one thread = one current-thread runtime, nothing shared on the hot path
//!
//! client.rs (a task a client)                               upstream.rs (a task a node connection)
//! bytes -> RequestDecoder -> Command -> part -> route -> pool -> Request -> Pipeline -> bytes
//!          '------------- proto::session ------------'                          | FIFO
//! bytes <- Output <- in order <- Ring <- verdict <------------- Reply <- Pipeline <- bytes
//!                                          '- MOVED, ASK, retry: the same part again -> route
//! ```
//!
//! Two tasks, two queues, two message types: `Request` goes down, `Reply` comes up. Redirects,
//! retries and merges are decided in one place, the session. Each turn takes everything there is,
//! then writes once.
//!
//! - [`proto`]: the protocol, pure: RESP, the command table, cluster topology, pipeline, session
//! - [`net`]: the one seam to the world, the network and its tasks, as a trait
//! - `client`, `upstream`: the two kinds of tasks; `queue`, `reply_to`: what connects them; `io`: a
//!   write, and the clock; `memory`, `room`: what buffers hold, and how they grow
//! - `lease`: connections that one client has for itself for a while
//! - `pool`, `backend`, `worker`: a worker's connections to nodes, its slot table, its clients
//! - `pubsub`: what a worker's clients are subscribed to, on connections that they share
//! - `audience`: how many clients hear of what; `common`: that and `scripts`, of one upstream
//! - `registry`: all clients of the process; `scripts`: those that clients were seen to give to
//!   servers
//! - `discovery`: the topology, looked at at intervals and when something seems to have changed;
//!   `refresh`: what makes it seem so
//! - [`proxy`]: the whole, from listeners to the drain; `purge`: what storms needed is given back
//! - [`config`], [`stats`], [`admin`]: what the operator says, counts and asks
//! - [`embedded`]: a small Redis Cluster in memory; [`demo`] and the simulator run it
//! - [`limits`]: every bound
//! - `mutant`: bugs that can be planted, so that the simulator can prove that it finds them

pub mod admin;
mod audience;
mod backend;
mod client;
mod common;
pub mod config;
pub mod demo;
mod discovery;
pub mod embedded;
mod io;
mod lease;
pub mod limits;
mod memory;
pub mod mutant;
pub mod net;
mod pool;
pub mod proto;
pub mod proxy;
mod pubsub;
mod purge;
mod queue;
mod refresh;
mod registry;
mod reply_to;
mod room;
mod scripts;
pub mod stats;
mod upstream;
mod worker;
