//! What the program asks of its process: many descriptors, panics that are logged, what it uses.

use std::fs;
use std::panic;
use std::thread;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit, setrlimit};

use redpoll::config::{Config, Target};
use redpoll::stats::Process;

/// Nodes that a cluster is taken to have at least, as long as nothing is known of it.
const NODES_EXPECTED: usize = 16;

/// Clients speak either, and each has connections of its own.
const PROTOCOLS: usize = 2;

/// Descriptors of a worker's event loop.
const FILES_OF_A_WORKER: usize = 4;

/// Descriptors for discovery, the admin server and its clients, the log.
const FILES_OF_THE_PROCESS: usize = 32;

/// Raises the soft limit of open files to the hard one, as each client and each node is a
/// descriptor; gives the limit there is then, `None` if there is none.
pub(super) fn raise_open_files() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    if before == limit.maximum {
        return before;
    }
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => {
            tracing::debug!(limit = limit.maximum, "raised the limit of open files");
            limit.maximum
        }
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            before
        }
    }
}

/// Allows no more clients than `files` descriptors leave room for, and says so.
pub(super) fn fit_clients(config: &mut Config, files: Option<u64>) {
    let Some(files) = files else { return };
    let (wanted, room) = (config.clients.max, room_for_clients(config, files));
    if wanted > room {
        tracing::warn!(
            clients_max = wanted,
            open_files_max = files,
            "the limit of open files leaves room for {room} clients only; raise it (ulimit -n)"
        );
        config.clients.max = room;
    }
}

/// Clients that fit beside node connections and what else is open, at least a quarter of `files`.
fn room_for_clients(config: &Config, files: u64) -> usize {
    let upstreams = config.upstreams.values().map(|upstream| {
        let nodes = match &upstream.target {
            Target::Server(_) => 1,
            Target::Cluster(seeds) => seeds.len().max(NODES_EXPECTED),
        };
        nodes * upstream.connections.per_node.get() * PROTOCOLS
    });
    let of_workers = config.workers.get() * (upstreams.sum::<usize>() + FILES_OF_A_WORKER);
    let others = (of_workers + config.listeners.len() + FILES_OF_THE_PROCESS) as u64;
    let room = files.saturating_sub(others).max(files / 4).max(1);
    usize::try_from(room).unwrap_or(usize::MAX)
}

/// Logs a panic, which is a bug in Redpoll, as an error instead of printing it.
pub(super) fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let panic = info.payload_as_str().unwrap_or("no message");
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(panic, location, thread, "panicked: this is a bug in Redpoll");
    }));
}

/// What the operating system counts for this process; `None` where `/proc` does not say.
pub(super) fn facts() -> Option<Process> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, may hold anything; what follows it is numbers.
    let (_, numbers) = stat.rsplit_once(')')?;
    let field =
        |number: usize| numbers.split_ascii_whitespace().nth(number - 3)?.parse::<u64>().ok();
    let time_us = |ticks: u64| ticks * 1_000_000 / clock_ticks_per_second();
    // The numbers of the fields are those of proc_pid_stat(5).
    Some(Process {
        id: std::process::id(),
        memory_bytes: field(24)? * page_size() as u64,
        cpu_user_us: time_us(field(14)?),
        cpu_system_us: time_us(field(15)?),
    })
}

#[cfg(test)]
mod tests {
    use redpoll::config::Format;

    use super::*;

    #[test]
    fn as_many_clients_are_allowed_as_there_are_descriptors_for() {
        let text = "listeners: [{address: '127.0.0.1:0', upstream: main}]\n\
                    upstreams: {main: {server: 'h:1'}}\nworkers: 2\nclients_max: 1000\n";
        let config = || Config::from_text("r.yaml", Format::Yaml, text, &[]).unwrap();
        // Two connections a worker, its event loop, a listener, and the process' own.
        let others = 2 * (2 + 4) + 1 + 32;
        for (files, allowed) in [
            (None, 1000),
            (Some(1000 + others), 1000),
            (Some(999 + others), 999),
            (Some(40), 10),
            (Some(0), 1),
        ] {
            let mut config = config();
            fit_clients(&mut config, files);
            assert_eq!(config.clients.max, allowed, "{files:?}");
        }
    }

    #[test]
    fn a_process_knows_what_it_uses() {
        let facts = facts().unwrap();
        assert_eq!(facts.id, std::process::id());
        assert!(facts.memory_bytes > 100_000 && facts.memory_bytes < 1 << 40, "{facts:?}");
    }
}
