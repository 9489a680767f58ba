//! A worker's view of one upstream: who serves what, and the connections there.

use std::cell::{Cell, RefCell};

use crate::config::{Target, Upstream};
use crate::io::now;
use crate::net::Net;
use crate::pool::Pool;
use crate::proto::cluster::{Route, Router, Slot, Topology};
use crate::proto::session::{Budget, Policy};
use crate::refresh::Nudge;

/// A worker's view of one upstream.
pub(crate) struct Backend<N> {
    pub(crate) router: RefCell<Router>,
    pub(crate) pool: RefCell<Pool<N>>,
    pub(crate) policy: Policy,
    pub(crate) budget: RefCell<Budget>,
    pub(crate) is_cluster: bool,
    /// The version of the table when clients last heard of a change.
    told: Cell<u64>,
    nudge: Nudge,
}

impl<N: Net> Backend<N> {
    /// The view of `upstream`, of which nothing is known yet; `nudge` reaches its discovery.
    pub(crate) fn new(upstream: &Upstream, pool: Pool<N>, nudge: Nudge) -> Backend<N> {
        let unknown_max = upstream.redirects.unknown_max;
        let (router, is_cluster) = match &upstream.target {
            Target::Cluster(_) => (Router::cluster(unknown_max), true),
            Target::Server(address) => (Router::single(address.clone(), unknown_max), false),
        };
        let policy = Policy {
            op_timeout: upstream.timeouts.op,
            command_timeouts: upstream.timeouts.commands.clone(),
            retries_max: upstream.retries.max,
            follow_redirects: upstream.redirects.follow,
            redirects_max: upstream.redirects.max,
        };
        Backend {
            router: RefCell::new(router),
            pool: RefCell::new(pool),
            policy,
            budget: RefCell::new(Budget::new(upstream.retries.budget_percent)),
            is_cluster,
            told: Cell::new(0),
            nudge,
        }
    }

    /// Takes over a view of the cluster: connections to nodes that it does not list are let go of.
    /// True if some slot has changed hands since the last time.
    pub(crate) fn adopt(&self, topology: &Topology) -> bool {
        let adopted = self.router.borrow_mut().adopt(topology, now());
        let router = self.router.borrow();
        let mut pool = self.pool.borrow_mut();
        pool.retire(&adopted.unlisted);
        pool.preconnect(&adopted.owners, &router);
        self.told.replace(router.version()) != router.version()
    }

    /// Connects ahead, if that is configured, to a server whose place is known from the start.
    pub(crate) fn preconnect(&self) {
        let router = self.router.borrow();
        if let Route::To(server) = router.route(Slot::of(b"")) {
            self.pool.borrow_mut().preconnect(&[server], &router);
        }
    }

    /// Notes what hints at a topology that has changed; enough of it makes for a look.
    pub(crate) fn wants_refresh(&self, redirects: u64, failures: u64) {
        if redirects + failures > 0 {
            self.nudge.count(redirects, failures);
        }
    }
}
