//! Redis Cluster, after the Redis cluster specification: slots, views of the topology, redirects.

mod address;
mod slot;

pub use address::{Address, AddressError};
pub use slot::Slot;
