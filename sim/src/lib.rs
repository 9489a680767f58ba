//! Redpoll's deterministic simulator. The proxy, the nodes and the clients run in one thread on a
//! network that breaks from a seed, and everything that happens is a function of that seed.
//!
//! - [`dice`]: chance, forked from the seed for each component.
//! - [`net`]: turmoil's network made a byte stream, and the faults that can be put into it.
//! - [`trace`]: every event, hashed, so that two runs can be compared.
//! - [`trap`]: panics that a runtime would swallow.

pub mod dice;
pub mod net;
pub mod trace;
pub mod trap;
