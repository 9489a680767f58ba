//! What the proxy counted.

use redpoll::stats::{
    BackendStats, ClientEnd, CloseCause, ConnectFailure, Counter, DrainEnd, FlushTrigger,
    NodeStats, RetryReason, Stage, Stats, UpstreamStats,
};

use super::Tally;
use crate::world::World;

type OfBackend = fn(&BackendStats) -> u64;
type OfNode = fn(&NodeStats) -> u64;
type OfUpstream = fn(&UpstreamStats) -> &Counter;

/// Counters that must not stay at zero.
const OF_BACKENDS: [(&str, OfBackend); 13] = [
    ("leases_reused", |backend| backend.leases_reused.get()),
    ("lease_waits", |backend| backend.lease_waits.get()),
    ("retries", |backend| backend.retries.of(RetryReason::Connection).get()),
    ("retries_tryagain", |backend| backend.retries.of(RetryReason::TryAgain).get()),
    ("retries_loading", |backend| backend.retries.of(RetryReason::Loading).get()),
    ("retries_clusterdown", |backend| backend.retries.of(RetryReason::ClusterDown).get()),
    ("retries_masterdown", |backend| backend.retries.of(RetryReason::MasterDown).get()),
    ("retries_readonly", |backend| backend.retries.of(RetryReason::ReadOnly).get()),
    ("retry_budget_exhausted", |backend| backend.retry_budget_exhausted.get()),
    ("redirects_over_limit", |backend| backend.redirects_over_limit.get()),
    ("redirects_to_unknown", |backend| backend.redirects_to_unknown.get()),
    ("unknown_nodes", |backend| backend.unknown_nodes.get()),
    ("commands_timed", |backend| {
        backend.commands().map_or(0, |all| all.iter().map(|(_, took)| took.count()).sum())
    }),
];

const OF_NODES: [(&str, OfNode); 29] = [
    ("connections", |node| node.connections_opened.get()),
    ("connect_failures", |node| node.connect_failures.total()),
    ("closed_idle", |node| node.connections_closed.of(CloseCause::Idle).get()),
    ("closed_drained", |node| node.connections_closed.of(CloseCause::Drained).get()),
    ("closed_remote", |node| node.connections_closed.of(CloseCause::Remote).get()),
    ("closed_garbled", |node| node.connections_closed.of(CloseCause::Garbled).get()),
    ("closed_stalled", |node| node.connections_closed.of(CloseCause::Stalled).get()),
    ("closed_handshake", |node| node.connections_closed.of(CloseCause::HandshakeRefused).get()),
    ("closed_stopping", |node| node.connections_closed.of(CloseCause::Stopping).get()),
    ("connect_refused", |node| node.connect_failures.of(ConnectFailure::Refused).get()),
    ("connect_unresolved", |node| node.connect_failures.of(ConnectFailure::Unresolved).get()),
    ("connect_timeout", |node| node.connect_failures.of(ConnectFailure::Timeout).get()),
    ("connect_rate_limited", |node| node.rate_limited.get()),
    ("backoff_failures", |node| node.backoff_failures.get()),
    ("handshakes_refused", |node| node.handshakes_refused.get()),
    ("preconnects", |node| node.preconnects.get()),
    ("drains_finished", |node| node.drains_ended.of(DrainEnd::Finished).get()),
    ("drains_timed_out", |node| node.drains_ended.of(DrainEnd::TimedOut).get()),
    ("expired_connect", |node| node.requests_expired.of(Stage::Connect).get()),
    ("expired_handshake", |node| node.requests_expired.of(Stage::Handshake).get()),
    ("expired_queue", |node| node.requests_expired.of(Stage::Queue).get()),
    ("expired_reply", |node| node.requests_expired.of(Stage::Reply).get()),
    ("requests_abandoned", |node| node.requests_abandoned.get()),
    ("replies_discarded", |node| node.replies_discarded.get()),
    ("flushes_turn", |node| node.flushes.of(FlushTrigger::Turn).get()),
    ("flushes_size", |node| node.flushes.of(FlushTrigger::Size).get()),
    ("flushes_timer", |node| node.flushes.of(FlushTrigger::Timer).get()),
    ("requests_queued", |node| node.queue.count()),
    ("requests_replied", |node| node.wire.count()),
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

const OF_CLIENTS: [(&str, ClientEnd); 7] = [
    ("clients_finished", ClientEnd::Finished),
    ("clients_lost", ClientEnd::Lost),
    ("clients_idle", ClientEnd::Idle),
    ("clients_stalled", ClientEnd::Stalled),
    ("clients_overflown", ClientEnd::Overflown),
    ("clients_evicted", ClientEnd::Memory),
    ("clients_starved", ClientEnd::Starved),
];

pub(super) fn see(world: &World, tally: &mut Tally) {
    let lives = world.proxies.iter().flat_map(|proxy| proxy.lives());
    lives.for_each(|life| see_one(&life.stats, tally));
}

fn see_one(stats: &Stats, tally: &mut Tally) {
    for (name, counter) in OF_BACKENDS {
        tally.see(name, stats.sum_upstreams(counter));
    }
    for (name, counter) in OF_NODES {
        tally.see(name, stats.sum_nodes(counter));
    }
    for (name, end) in OF_CLIENTS {
        tally.see(name, stats.sum(|worker| worker.clients_closed.of(end)));
    }
    for (name, counter) in OF_UPSTREAMS {
        tally.see(name, stats.upstreams.iter().map(|upstream| counter(upstream).get()).sum());
    }
}
