//! Redpoll, a proxy for Redis and Valkey.

pub mod admin;
mod client;
pub mod config;
mod discovery;
pub mod embedded;
pub mod limits;
pub mod net;
mod pool;
pub mod proto;
pub mod proxy;
mod queue;
mod reply_to;
pub mod stats;
mod upstream;
mod worker;
