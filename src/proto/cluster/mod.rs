//! Redis Cluster, after the Redis cluster specification.
//!
//! ```text
//! CLUSTER SLOTS / SHARDS -> Topology (immutable, shared) -> Router (a worker's own) <- MOVED
//!                                                         key -> Slot -> Router -> Node -> Address
//! ```

mod address;
mod primaries;
mod redirect;
mod router;
mod slot;
mod topology;

pub use address::{Address, AddressError};
pub use primaries::{Primaries, Primary};
pub use redirect::{Redirect, RedirectKind};
pub use router::{Adopted, Node, Route, Router};
pub use slot::Slot;
pub use topology::Topology;
