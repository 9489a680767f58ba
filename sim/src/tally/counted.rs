//! What the proxy counted.

use redpoll::stats::{Counter, UpstreamStats, WorkerStats};

use super::Tally;
use crate::world::World;

type OfWorker = fn(&WorkerStats) -> &Counter;
type OfUpstream = fn(&UpstreamStats) -> &Counter;

/// Counters that must not stay at zero.
const OF_WORKERS: [(&str, OfWorker); 3] = [
    ("retries", |worker| &worker.retries_total),
    ("connections", |worker| &worker.upstream_connections_total),
    ("connect_failures", |worker| &worker.upstream_connect_failures_total),
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
    for (name, counter) in OF_WORKERS {
        tally.see(name, world.stats.sum(counter));
    }
    for (name, counter) in OF_UPSTREAMS {
        tally.see(name, world.stats.upstreams.iter().map(|upstream| counter(upstream).get()).sum());
    }
}
