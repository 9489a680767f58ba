//! What connections to nodes are made from that are none of a pool's.

use std::rc::Rc;

use rand::rngs::StdRng;

use super::{Settings, Throttles};
use crate::memory::Memory;
use crate::proto::pipeline::Options;
use crate::stats::OwnUpstream;

/// What connections beside those of a pool are made from.
pub(crate) struct Means<N> {
    pub(crate) net: N,
    pub(crate) count: OwnUpstream,
    pub(crate) memory: Rc<Memory>,
    pub(crate) options: Options,
    pub(crate) settings: Settings,
    /// What all connections to a node keep to together.
    pub(crate) throttles: Throttles,
    /// For the pauses between attempts.
    pub(crate) rng: StdRng,
}
