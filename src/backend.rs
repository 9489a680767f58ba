//! A worker's view of one upstream: who serves what, and the connections there.

use std::cell::RefCell;
use std::time::Duration;

use crate::config::{Target, Upstream};
use crate::pool::Pool;
use crate::proto::cluster::Router;
use crate::refresh::Nudge;

/// A worker's view of one upstream.
pub(crate) struct Backend<N> {
    pub(crate) router: RefCell<Router>,
    pub(crate) pool: RefCell<Pool<N>>,
    pub(crate) op_timeout: Duration,
    pub(crate) is_cluster: bool,
    nudge: Nudge,
}

impl<N> Backend<N> {
    /// The view of `upstream`, of which nothing is known yet; `nudge` reaches its discovery.
    pub(crate) fn new(upstream: &Upstream, pool: Pool<N>, nudge: Nudge) -> Backend<N> {
        let (router, is_cluster) = match &upstream.target {
            Target::Cluster(_) => (Router::cluster(), true),
            Target::Server(address) => (Router::single(address.clone()), false),
        };
        Backend {
            router: RefCell::new(router),
            pool: RefCell::new(pool),
            op_timeout: upstream.timeouts.op,
            is_cluster,
            nudge,
        }
    }

    /// Notes what hints at a topology that has changed; enough of it makes for a look.
    pub(crate) fn wants_refresh(&self, redirects: u64, failures: u64) {
        if redirects + failures > 0 {
            self.nudge.count(redirects, failures);
        }
    }
}
