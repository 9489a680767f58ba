//! Where the nodes of an upstream are: asked at intervals, and when something seems to have
//! changed.
//!
//! ```text
//! Nudge (MOVED, failures) --.
//! interval with jitter -----'-> Pace -> a round of questions -> Topology -> every worker
//! ```
//!
//! A view is taken over unless it is older than the one in force: it carries the cluster's epoch,
//! which only grows. If for some time no node has a view that new, the cluster is another one (it
//! was reset or restored), and the best view there is is taken.
//!
//! - `pace`: when to ask
//! - `round`: whom to ask, and whose view to take
//! - `hedge`: several questions at a time, so that a node that hangs delays nobody
//! - `ask`: one question to one node
//! - `trouble`: who gave no answer
//! - `watch`: what there is to know of a standalone server

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use self::ask::AskError;
use self::round::{Asking, Round};
use self::trouble::Troubles;
use crate::config::Connections;
use crate::limits::{SLOTS, TOPOLOGY_NODES_ASKED_MAX, TOPOLOGY_REFUSED_MS};
use crate::net::Net;
use crate::proto::cluster::{Address, Topology};
use crate::proto::handshake::Greeting;
use crate::proto::resp::Protocol;
use crate::refresh::Reason;
use crate::stats::UpstreamStats;

mod ask;
mod hedge;
mod pace;
mod round;
mod trouble;
mod watch;

pub(crate) use pace::Pace;
pub(crate) use watch::Watch;

/// Who Redpoll is when it asks: its user, if there is one. The rest is for clients' commands.
pub(crate) fn greeting(connections: &Connections) -> Greeting {
    let credentials = connections.credentials.as_ref();
    Greeting {
        username: credentials.and_then(|known| known.username.clone()),
        password: credentials.map(|known| known.password.reveal().to_owned()),
        ..Greeting::plain(Protocol::Resp2)
    }
}

/// The look-out for one Redis Cluster.
pub(crate) struct Discovery<N> {
    net: N,
    /// The upstream's name.
    name: String,
    seeds: Vec<Address>,
    /// Who Redpoll is to the nodes.
    greeting: Greeting,
    pace: Pace,
    /// The view in force.
    current: Option<Arc<Topology>>,
    /// Since when every view has been older than that.
    refused_since: Option<Instant>,
    troubles: Troubles,
}

impl<N: Net> Discovery<N> {
    /// A look-out that begins at `seeds`.
    pub(crate) fn new(
        net: N,
        name: String,
        seeds: Vec<Address>,
        greeting: Greeting,
        pace: Pace,
    ) -> Discovery<N> {
        let (current, refused_since, troubles) = (None, None, Troubles::default());
        Discovery { net, name, seeds, greeting, pace, current, refused_since, troubles }
    }

    /// Looks out until nobody needs to know any more.
    pub(crate) async fn run(mut self, stats: &UpstreamStats, publish: impl Fn(&Arc<Topology>)) {
        self.troubles = Troubles::new(stats.complaints.clone());
        let mut next = Some(Reason::First);
        while let Some(reason) = next {
            self.pace.begin(reason, stats);
            let round = self.round().await;
            self.note(&round, stats);
            let view = self.accept(round);
            // With slots that nobody serves, something is about to change.
            let is_whole = view.as_ref().is_some_and(|view| view.uncovered() == 0);
            match view {
                None => stats.refresh_failures_total.add(1),
                Some(view) => {
                    stats.refreshes_total.add(1);
                    stats.slots_uncovered.store(view.uncovered() as u64, Ordering::Relaxed);
                    // Published even if unchanged: a worker may have followed redirects that led
                    // astray.
                    self.announce(&view);
                    let view = Arc::new(view);
                    publish(&view);
                    self.current = Some(view);
                }
            }
            next = self.pace.next(is_whole).await;
        }
    }

    /// Notes whether the upstream can be used.
    fn note(&mut self, round: &Round, stats: &UpstreamStats) {
        let was_usable = stats.usable.load(Ordering::Relaxed);
        match round {
            Round::View(_) | Round::Older(_) => {
                stats.set_usable(Ok(()));
                if !was_usable && self.current.is_some() {
                    tracing::info!(upstream = self.name, "nodes tell the topology again");
                }
            }
            Round::Nothing => {
                let why = self.troubles.describe();
                if was_usable {
                    tracing::warn!(upstream = self.name, "no node tells the topology: {why}");
                }
                stats.set_usable(Err(why));
            }
        }
    }

    /// The view to take over after a round, if any.
    fn accept(&mut self, round: Round) -> Option<Topology> {
        match round {
            Round::View(view) => {
                self.refused_since = None;
                Some(view)
            }
            Round::Older(view) => {
                let now = Instant::now();
                let since = *self.refused_since.get_or_insert(now);
                let is_over = now - since >= Duration::from_millis(TOPOLOGY_REFUSED_MS);
                if !is_over {
                    return None;
                }
                let (upstream, epoch) = (&self.name, view.epoch());
                tracing::warn!(upstream, epoch, "every node has an older view; it is taken over");
                self.refused_since = None;
                Some(view)
            }
            Round::Nothing => None,
        }
    }

    /// Asks until some node has a view to take over.
    async fn round(&mut self) -> Round {
        let whom = self.candidates();
        let in_force = self.current.as_ref();
        let in_force = in_force.map_or((0, SLOTS), |view| (view.epoch(), view.uncovered()));
        let loudly = self.current.is_none();
        let (name, troubles) = (&self.name, &mut self.troubles);
        let heard = |node: &Address, answer: Result<(), AskError>| match answer {
            Ok(()) => troubles.clear(node),
            Err(error) => troubles.note(name, node, &error, loudly),
        };
        Asking::new(&self.net, &self.greeting, whom, in_force).view(heard).await
    }

    /// Whom to ask: nodes of the view in force, beginning anywhere, but last those of whom nothing
    /// was heard when they were asked last; and between them the seeds, by whatever addresses they
    /// have now.
    fn candidates(&mut self) -> Vec<Address> {
        let mut nodes = self.current.as_ref().map_or_else(Vec::new, |view| view.nodes().to_vec());
        if !nodes.is_empty() {
            let first = self.pace.rng.random_range(0..nodes.len());
            nodes.rotate_left(first);
        }
        let is_known = |node: &Address| nodes.contains(node) || self.seeds.contains(node);
        self.troubles.forget_all_but(is_known);
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

    fn announce(&self, view: &Topology) {
        if self.current.as_deref() == Some(view) {
            return;
        }
        let (nodes, uncovered, epoch) = (view.nodes().len(), view.uncovered(), view.epoch());
        tracing::info!(upstream = self.name, nodes, uncovered, epoch, "topology");
    }
}

#[cfg(test)]
mod tests;
