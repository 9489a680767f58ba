//! What commands tell that the proxy answers itself: the time, what is counted, and what others see
//! of a client.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Client, Listening, Shared};
use crate::io::now;
use crate::memory::Held;
use crate::net::Net;
use crate::proto::command::{CommandCount, Facts, Row};
use crate::registry::Change;
use crate::stats::{BackendStats, ErrorCode, Stats};

/// The time of day, since the Unix epoch, at which a worker is taken to start whose time nobody
/// tells: 2023-11-14 22:13:20 UTC.
const SIMULATED_START: Duration = Duration::from_secs(1_700_000_000);

/// What the answer to a command of `row` is made from.
pub(super) fn facts<N: Net>(row: &Row, shared: &Shared, listening: &Listening<N>) -> Facts {
    let stats = shared.count.all();
    let uptime = now().saturating_duration_since(shared.started);
    let time_of_day = stats.time_of_day.map_or_else(|| SIMULATED_START + uptime, |ask| ask());
    if row.name == "time" {
        return Facts { time_of_day, ..Facts::default() };
    }
    if row.name.starts_with("proxy|") {
        let tells_upstreams = row.name == "proxy|upstreams";
        let lines = if tells_upstreams { upstreams(stats) } else { listening.backend.describe() };
        return Facts { lines, ..Facts::default() };
    }
    let process = stats.process.and_then(|ask| ask());
    Facts {
        time_of_day,
        started_at: stats.started_at(time_of_day.saturating_sub(uptime)),
        cluster: listening.backend.is_cluster,
        lines: Vec::new(),
        database: listening.backend.policy.database,
        port: listening.port,
        system: (std::env::consts::OS, std::env::consts::ARCH),
        uptime_s: uptime.as_secs(),
        clients: stats.sum(|worker| &worker.clients),
        clients_blocked: shared.registry.0.blocked(),
        clients_max: shared.bounds.max,
        clients_total: stats.sum(|worker| &worker.clients_total),
        clients_refused_total: stats.clients_refused_total.get(),
        commands_total: stats.sum(|worker| &worker.commands_total),
        read_bytes_total: stats.sum(|worker| &worker.client_read_bytes_total),
        written_bytes_total: stats.sum(|worker| &worker.client_written_bytes_total),
        commands: command_counts(stats),
        errors: error_counts(stats),
        process_id: process.map(|process| process.id),
        memory_bytes: process.map(|process| process.memory_bytes),
        cpu_user_us: process.map(|process| process.cpu_user_us),
        cpu_system_us: process.map(|process| process.cpu_system_us),
    }
}

impl<N: Net> Client<N> {
    /// Shows others what a turn at `now` has changed.
    pub(super) fn show(&mut self, held: Held, now: Instant) {
        let change = Change {
            heard: self.seen.heard,
            queued: self.session.queued(),
            is_blocked: self.session.blocked_on().is_some() && !self.session.is_woken(),
            unparsed_bytes: self.rest.len(),
            unread_bytes: self.session.output().len(),
            held_bytes: held.bytes,
            command: self.session.last_command(),
        };
        self.presence.note(change, now);
        self.introduce();
    }

    /// Shows others what the client says of itself, if that has changed: before it is told that it
    /// did, so that it may rely on what they see.
    pub(super) fn introduce(&mut self) {
        if self.session.take_change() {
            let database = self.listening.backend.policy.database;
            self.presence.introduce(self.session.identity(), database);
        }
    }
}

/// Each upstream, a line each, and a line for each of its nodes.
fn upstreams(stats: &Stats) -> Vec<String> {
    let mut lines = Vec::new();
    for (upstream, nodes) in stats.upstreams.iter().zip(stats.nodes()) {
        lines.push(format!("{}: {}; {}", upstream.name, upstream.health(), upstream.target()));
        lines
            .extend(nodes.nodes().map(|(address, _)| format!("{}: node {address}", upstream.name)));
    }
    lines
}

/// What was counted of each command that was ever answered, over all upstreams.
fn command_counts(stats: &Stats) -> Vec<CommandCount> {
    let mut counts: BTreeMap<usize, CommandCount> = BTreeMap::new();
    let backends = stats.workers.iter().flat_map(|worker| &worker.upstreams);
    for (number, (row, histogram)) in
        backends.filter_map(BackendStats::commands).flat_map(|all| all.iter().enumerate())
    {
        if histogram.count() > 0 {
            let none = CommandCount { name: row.name, calls: 0, took: Duration::ZERO };
            let count = counts.entry(number).or_insert(none);
            count.calls += histogram.count();
            count.took += histogram.sum();
        }
    }
    counts.into_values().collect()
}

/// How often clients were told of a failure.
fn error_counts(stats: &Stats) -> Vec<(&'static str, u64)> {
    let count = |code| stats.sum_upstreams(|upstream| upstream.failed.of(code).get());
    vec![("UNSENT", count(ErrorCode::Unsent)), ("UNSURE", count(ErrorCode::Unsure))]
}
