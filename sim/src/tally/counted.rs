//! What the proxy counted.

use redpoll::stats::{BackendStats, Counter, NodeStats, RetryReason, UpstreamStats};

use super::Tally;
use crate::world::World;

type OfBackend = fn(&BackendStats) -> u64;
type OfNode = fn(&NodeStats) -> u64;
type OfUpstream = fn(&UpstreamStats) -> &Counter;

/// Counters that must not stay at zero.
const OF_BACKENDS: [(&str, OfBackend); 1] =
    [("retries", |backend| backend.retries.of(RetryReason::Connection).get())];

const OF_NODES: [(&str, OfNode); 2] = [
    ("connections", |node| node.connections_opened.get()),
    ("connect_failures", |node| node.connect_failures.total()),
];

const OF_UPSTREAMS: [(&str, OfUpstream); 7] = [
    ("refreshes", |upstream| &upstream.refreshes_total),
    ("refresh_failures", |upstream| &upstream.refresh_failures_total),
    ("looks_first", |upstream| &upstream.looks_first_total),
    ("looks_periodic", |upstream| &upstream.looks_periodic_total),
    ("looks_again", |upstream| &upstream.looks_again_total),
    ("looks_for_redirects", |upstream| &upstream.looks_redirects_total),
    ("looks_for_failures", |upstream| &upstream.looks_failures_total),
];

pub(super) fn see(world: &World, tally: &mut Tally) {
    for (name, counter) in OF_BACKENDS {
        tally.see(name, world.stats.sum_upstreams(counter));
    }
    for (name, counter) in OF_NODES {
        tally.see(name, world.stats.sum_nodes(counter));
    }
    for (name, counter) in OF_UPSTREAMS {
        tally.see(name, world.stats.upstreams.iter().map(|upstream| counter(upstream).get()).sum());
    }
}
