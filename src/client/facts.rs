//! What the proxy's own answers are made from.

use std::time::Duration;

use super::{Listening, Shared};
use crate::io::now;
use crate::proto::command::{Facts, Row};

/// The time of day, since the Unix epoch, at which a worker is taken to start whose time nobody
/// tells: 2023-11-14 22:13:20 UTC.
const SIMULATED_START: Duration = Duration::from_secs(1_700_000_000);

/// What the answer to a command of `row` is made from.
pub(super) fn facts<N>(row: &Row, shared: &Shared, listening: &Listening<N>) -> Facts {
    let stats = shared.count.all();
    let uptime = now().saturating_duration_since(shared.started);
    let time_of_day = stats.time_of_day.map_or_else(|| SIMULATED_START + uptime, |ask| ask());
    if row.name == "time" {
        return Facts { time_of_day, ..Facts::default() };
    }
    let process = stats.process.and_then(|ask| ask());
    Facts {
        time_of_day,
        cluster: listening.backend.is_cluster,
        port: listening.port,
        uptime_s: uptime.as_secs(),
        clients: stats.sum(|worker| &worker.clients),
        clients_max: shared.bounds.max,
        clients_total: stats.sum(|worker| &worker.clients_total),
        commands_total: stats.sum(|worker| &worker.commands_total),
        process_id: process.map(|process| process.id),
        memory_bytes: process.map(|process| process.memory_bytes),
        cpu_user_us: process.map(|process| process.cpu_user_us),
        cpu_system_us: process.map(|process| process.cpu_system_us),
    }
}
