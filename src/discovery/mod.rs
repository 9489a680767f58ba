//! Where the nodes of an upstream are: asked at intervals, and when something seems to have
//! changed.
//!
//! ```text
//! wants_refresh (MOVED, failures) --.
//! interval with jitter -------------'-> a round of questions -> Topology -> every worker
//! ```
//!
//! A view is taken over unless it is older than the one in force: it carries the cluster's epoch,
//! which only grows. If for several rounds no node has a view that new, the cluster is another one
//! (it was reset or restored), and the best view there is is taken.
//!
//! - `round`: whom to ask, and whose view to take
//! - `hedge`: several questions at a time, so that a node that hangs delays nobody
//! - `ask`: one question to one node
//! - `trouble`: who gave no answer
//! - `watch`: what there is to know of a standalone server

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::ask::AskError;
use self::round::{Asking, Round};
use self::trouble::Troubles;
use crate::limits::{
    TOPOLOGY_NODES_ASKED_MAX, TOPOLOGY_REFRESH_MS, TOPOLOGY_REFRESH_MS_MIN, TOPOLOGY_REFUSALS_MAX,
    TOPOLOGY_RETRY_MS,
};
use crate::net::Net;
use crate::proto::cluster::{Address, Topology};
use crate::stats::UpstreamStats;

mod ask;
mod hedge;
mod round;
mod trouble;
mod watch;

pub(crate) use watch::watch;

/// The look-out for one Redis Cluster.
pub(crate) struct Discovery<N> {
    net: N,
    /// The upstream's name.
    name: String,
    seeds: Vec<Address>,
    rng: StdRng,
    /// Someone wants a refresh; ends when nobody can.
    wanted: mpsc::Receiver<()>,
    troubles: Troubles,
}

impl<N: Net> Discovery<N> {
    /// A look-out that begins at `seeds`.
    pub(crate) fn new(
        net: N,
        name: String,
        seeds: Vec<Address>,
        rng: StdRng,
        wanted: mpsc::Receiver<()>,
    ) -> Discovery<N> {
        Discovery { net, name, seeds, rng, wanted, troubles: Troubles::default() }
    }

    /// Looks out until nobody wants to know any more.
    pub(crate) async fn run(mut self, stats: &UpstreamStats, publish: impl Fn(&Arc<Topology>)) {
        let mut current: Option<Arc<Topology>> = None;
        let mut refusals = 0;
        loop {
            let round = self.round(current.as_deref()).await;
            let ended = Instant::now();
            stats.usable.store(!matches!(round, Round::Nothing), Ordering::Relaxed);
            let view = match round {
                Round::View(view) => Some(view),
                Round::Older(view) => {
                    refusals += 1;
                    (refusals >= TOPOLOGY_REFUSALS_MAX).then_some(view)
                }
                Round::Nothing => None,
            };
            // With slots that nobody serves, something is about to change.
            let is_whole = view.as_ref().is_some_and(|view| view.uncovered() == 0);
            if let Some(view) = view {
                refusals = 0;
                stats.refreshes_total.add(1);
                stats.slots_uncovered.store(view.uncovered() as u64, Ordering::Relaxed);
                // Published even if unchanged: a worker may have followed redirects that led
                // astray.
                let view = Arc::new(view);
                self.announce(current.as_deref(), &view);
                publish(&view);
                current = Some(view);
            } else {
                stats.refresh_failures_total.add(1);
            }
            if !self.pause(ended, is_whole).await {
                return;
            }
        }
    }

    /// Waits for the next round; false if there is none.
    async fn pause(&mut self, ended: Instant, is_whole: bool) -> bool {
        let spread = self.rng.random_range(75..=125_u64);
        let after = |ms: u64| ended + Duration::from_millis(ms * spread / 100);
        let earliest = after(TOPOLOGY_REFRESH_MS_MIN);
        let latest = after(if is_whole { TOPOLOGY_REFRESH_MS } else { TOPOLOGY_RETRY_MS });
        if let Ok(None) = timeout_at(latest, self.wanted.recv()).await {
            return false;
        }
        sleep_until(earliest).await;
        // What was wanted while waiting is served by the round that follows.
        while self.wanted.try_recv().is_ok() {}
        true
    }

    /// Asks until some node has a view to take over.
    async fn round(&mut self, current: Option<&Topology>) -> Round {
        let whom = self.candidates(current);
        let epoch = current.map_or(0, Topology::epoch);
        let (net, name, troubles) = (&self.net, &self.name, &mut self.troubles);
        let heard = |node: &Address, answer: Result<(), AskError>| match answer {
            Ok(()) => troubles.clear(node),
            Err(error) => troubles.note(name, node, &error, current.is_none()),
        };
        Asking::new(net, whom, epoch).view(heard).await
    }

    /// Whom to ask: nodes of the view in force, beginning anywhere, but last those of whom nothing
    /// was heard when they were asked last; and between them the seeds, by whatever addresses they
    /// have now.
    fn candidates(&mut self, current: Option<&Topology>) -> Vec<Address> {
        let mut nodes = current.map_or_else(Vec::new, |view| view.nodes().to_vec());
        if !nodes.is_empty() {
            let first = self.rng.random_range(0..nodes.len());
            nodes.rotate_left(first);
        }
        self.troubles.forget_old();
        nodes.sort_by_key(|node| self.troubles.contains(node));
        nodes.truncate(TOPOLOGY_NODES_ASKED_MAX);
        let (mut nodes, mut seeds) = (nodes.into_iter(), self.seeds.iter().cloned());
        let pairs = std::iter::from_fn(|| match (nodes.next(), seeds.next()) {
            (None, None) => None,
            (node, seed) => Some(node.into_iter().chain(seed)),
        });
        let mut candidates: Vec<Address> = Vec::new();
        for address in pairs.flatten() {
            if !candidates.contains(&address) {
                candidates.push(address);
            }
        }
        candidates
    }

    fn announce(&self, before: Option<&Topology>, view: &Topology) {
        if before == Some(view) {
            return;
        }
        let (nodes, uncovered, epoch) = (view.nodes().len(), view.uncovered(), view.epoch());
        tracing::info!(upstream = self.name, nodes, uncovered, epoch, "topology");
    }
}

#[cfg(test)]
mod tests;
