//! A worker's view of one upstream: who serves what, and the connections there.

use std::cell::RefCell;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::{Target, Upstream};
use crate::pool::Pool;
use crate::proto::cluster::Router;

/// A worker's view of one upstream.
pub(crate) struct Backend<N> {
    pub(crate) router: RefCell<Router>,
    pub(crate) pool: RefCell<Pool<N>>,
    pub(crate) op_timeout: Duration,
    pub(crate) is_cluster: bool,
    refresh: mpsc::Sender<()>,
}

impl<N> Backend<N> {
    /// The view of `upstream`, of which nothing is known yet; `refresh` reaches its discovery.
    pub(crate) fn new(upstream: &Upstream, pool: Pool<N>, refresh: mpsc::Sender<()>) -> Backend<N> {
        let (router, is_cluster) = match &upstream.target {
            Target::Cluster(_) => (Router::cluster(), true),
            Target::Server(address) => (Router::single(address.clone()), false),
        };
        Backend {
            router: RefCell::new(router),
            pool: RefCell::new(pool),
            op_timeout: upstream.timeouts.op,
            is_cluster,
            refresh,
        }
    }

    /// Asks for a look at the topology. One request at a time is enough.
    pub(crate) fn wants_refresh(&self) {
        let _: Result<(), _> = self.refresh.try_send(());
    }
}
