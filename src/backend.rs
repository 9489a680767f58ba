//! A worker's view of one upstream: who serves what, and the connections there.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::Common;
use crate::config::{Target, Upstream};
use crate::io::now;
use crate::net::Net;
use crate::pool::Pool;
use crate::proto::cluster::{Route, Router, Slot, Topology};
use crate::proto::command::Row;
use crate::proto::session::{Budget, Busy, Policy, Tally};
use crate::pubsub::{Hub, Rest};
use crate::refresh::Nudge;
use crate::stats::{ErrorCode, OwnUpstream, Redirect, RetryReason};

/// The view in force of one upstream: a new configuration puts another in its place. Clients hold
/// on to the one before until nothing that they asked of it is unanswered.
pub(crate) struct Current<N> {
    in_force: RefCell<Rc<Backend<N>>>,
    /// Those before, as long as clients hold on to them.
    before: RefCell<Vec<Weak<Backend<N>>>>,
}

impl<N> Current<N> {
    /// A view to begin with.
    pub(crate) fn new(backend: Backend<N>) -> Current<N> {
        Current { in_force: RefCell::new(Rc::new(backend)), before: RefCell::default() }
    }

    /// The view in force.
    pub(crate) fn get(&self) -> Rc<Backend<N>> {
        Rc::clone(&self.in_force.borrow())
    }

    /// The view by that configuration, if somebody needs it still: what waits there for a topology
    /// hears of it.
    pub(crate) fn of(&self, configuration: u64) -> Option<Rc<Backend<N>>> {
        let before = self.before.borrow();
        let mut all = before.iter().filter_map(Weak::upgrade).chain([self.get()]);
        all.find(|backend| backend.configuration == configuration)
    }

    /// Puts another view in force; the connections of the old one have `drain_timeout` to finish.
    pub(crate) fn replace(&self, backend: Backend<N>, drain_timeout: Duration)
    where
        N: Net,
    {
        let old = self.in_force.replace(Rc::new(backend));
        old.pool.borrow_mut().replace(now() + drain_timeout);
        let mut before = self.before.borrow_mut();
        before.retain(|old| old.strong_count() > 0);
        before.push(Rc::downgrade(&old));
    }
}

/// A worker's view of one upstream, by one configuration.
pub(crate) struct Backend<N> {
    /// How often the configuration had been read before.
    pub(crate) configuration: u64,
    target: Target,
    /// The newest view of the cluster, if there is one.
    view: RefCell<Option<Arc<Topology>>>,
    /// When it came in.
    seen: Cell<Option<Instant>>,
    pub(crate) router: Rc<RefCell<Router>>,
    pub(crate) pool: RefCell<Pool<N>>,
    pub(crate) policy: Policy,
    pub(crate) hub: Hub<N>,
    pub(crate) budget: RefCell<Budget>,
    pub(crate) is_cluster: bool,
    pub(crate) common: Common,
    /// Whether it is counted how long commands take.
    command_stats: bool,
    /// The version of the table when clients last heard of a change.
    told: Cell<u64>,
    nudge: Nudge,
    count: OwnUpstream,
}

impl<N: Net> Backend<N> {
    /// The view of `upstream`, of which nothing is known yet; `nudge` reaches its discovery.
    pub(crate) fn new(
        upstream: &Upstream,
        mut pool: Pool<N>,
        nudge: Nudge,
        count: OwnUpstream,
        (configuration, common): (u64, Common),
    ) -> Backend<N> {
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
            database: upstream.connections.database,
            rules: upstream.commands.clone(),
        };
        let router = Rc::new(RefCell::new(router));
        let hub = Hub::new(Rest {
            means: pool.means(),
            router: Rc::clone(&router),
            nudge: nudge.clone(),
            audience: common.audience.clone(),
            follow_redirects: upstream.redirects.follow,
            configuration,
        });
        if upstream.command_stats {
            count.stats().enable_commands();
        }
        count.upstream().set_target(upstream.target.to_string());
        if let Target::Server(address) = &upstream.target {
            count.nodes_listed(std::slice::from_ref(address));
        }
        Backend {
            configuration,
            target: upstream.target.clone(),
            view: RefCell::new(None),
            seen: Cell::new(None),
            router,
            hub,
            pool: RefCell::new(pool),
            policy,
            budget: RefCell::new(Budget::new(upstream.retries.budget_percent)),
            is_cluster,
            common,
            command_stats: upstream.command_stats,
            told: Cell::new(0),
            nudge,
            count,
        }
    }

    /// Takes over a view of the cluster: connections to nodes that it does not list are let go of.
    /// True if some slot has changed hands since the last time.
    pub(crate) fn adopt(&self, topology: &Arc<Topology>) -> bool {
        self.view.replace(Some(Arc::clone(topology)));
        self.seen.set(Some(now()));
        let adopted = self.router.borrow_mut().adopt(topology, now());
        let router = self.router.borrow();
        let mut pool = self.pool.borrow_mut();
        pool.retire(&adopted.unlisted);
        pool.preconnect(&adopted.owners, &router);
        if !pool.is_replaced() {
            self.count.nodes_listed(topology.nodes());
            self.count_nodes(&router);
        }
        let has_changed = self.told.replace(router.version()) != router.version();
        if has_changed {
            self.hub.receive_topology();
        }
        has_changed
    }

    /// What is known of the cluster beside who serves what: lines of `PROXY TOPOLOGY`.
    pub(crate) fn describe(&self) -> Vec<String> {
        let (view, seen) = (self.view.borrow(), self.seen.get());
        let (Some(view), Some(seen)) = (&*view, seen) else { return Vec::new() };
        let age = now().saturating_duration_since(seen).as_secs();
        let epoch = view.epoch();
        let head = format!("epoch {epoch}, told {age} s ago; slots that moved since are followed");
        let replicas = view.replicas().map(|(node, of)| format!("{node} is a replica of {of}"));
        std::iter::once(head).chain(replicas).collect()
    }

    /// Begins with what is known by another configuration of the same servers, so that commands
    /// need not wait until somebody has told it again.
    pub(crate) fn inherit(&self, before: &Backend<N>) {
        let view = before.view.borrow().clone().filter(|_| before.target == self.target);
        if let Some(view) = view {
            self.adopt(&view);
        }
    }

    /// Connects ahead, if that is configured, to a server whose place is known from the start.
    pub(crate) fn preconnect(&self) {
        let router = self.router.borrow();
        if let Route::To(server) = router.route(Slot::of(b"")) {
            self.pool.borrow_mut().preconnect(&[server], &router);
        }
    }

    /// Counts what happened in a client's turn; what hints at a topology that has changed makes,
    /// if there is enough of it, for a look.
    pub(crate) fn count(&self, tally: &Tally) {
        let stats = self.count.stats();
        stats.requests.add(tally.requests);
        stats.redirects.of(Redirect::Moved).add(tally.moved);
        stats.redirects.of(Redirect::Ask).add(tally.asked);
        stats.redirects_over_limit.add(tally.redirects_exceeded);
        stats.redirects_to_unknown.add(tally.redirects_unknown);
        stats.retries.of(RetryReason::Connection).add(tally.retries);
        for (busy, count) in Busy::ALL.into_iter().zip(tally.busy) {
            stats.retries.of(retry_reason(busy)).add(count);
        }
        stats.retries.of(RetryReason::NoScript).add(tally.repaired);
        stats.retry_budget_exhausted.add(tally.retries_denied);
        stats.failed.of(ErrorCode::Unsent).add(tally.unsent);
        stats.failed.of(ErrorCode::Unsure).add(tally.unsure);
        if tally.moved + tally.asked > 0 {
            self.count_nodes(&self.router.borrow());
        }
        if tally.refresh_redirects + tally.refresh_failures > 0 {
            self.nudge.count(tally.refresh_redirects, tally.refresh_failures);
        }
    }

    /// Where a client's turn notes how long commands took, if that is counted.
    pub(crate) fn timings(&self) -> Option<Vec<(&'static Row, Duration)>> {
        self.command_stats.then(Vec::new)
    }

    /// Counts what was noted so.
    pub(crate) fn count_timings(&self, timings: &[(&'static Row, Duration)]) {
        let Some(commands) = self.count.stats().commands() else { return };
        timings.iter().for_each(|(row, took)| commands.observe(row, *took));
    }

    fn count_nodes(&self, router: &Router) {
        let stats = self.count.stats();
        stats.unknown_nodes.set(router.unlisted() as u64);
        stats.unknown_nodes_forgotten.set(router.forgotten());
    }
}

fn retry_reason(busy: Busy) -> RetryReason {
    match busy {
        Busy::TryAgain => RetryReason::TryAgain,
        Busy::Loading => RetryReason::Loading,
        Busy::ClusterDown => RetryReason::ClusterDown,
        Busy::MasterDown => RetryReason::MasterDown,
        Busy::ReadOnly => RetryReason::ReadOnly,
    }
}
