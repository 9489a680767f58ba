//! Redpoll, a proxy for Redis and Valkey.

pub mod config;
pub mod limits;
pub mod net;
pub mod proto;
pub mod stats;
