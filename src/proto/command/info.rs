//! `INFO`: sections of `name:value` lines.

use std::fmt::Write;

use super::super::resp::Writer;
use super::identity::REDIS_VERSION;
use super::{Command, Facts};
use crate::limits::CLIENTS_MAX;

/// A section: its title, and what writes its lines.
type Section = (&'static str, fn(&Facts, &mut Lines));

/// In Redis' order.
const SECTIONS: [Section; 9] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("CPU", cpu),
    ("Cluster", cluster),
    ("Keyspace", keyspace),
];

/// What stands for all sections.
const ALL: [&str; 3] = ["all", "everything", "default"];

/// Lines as Redis ends them.
struct Lines(String);

impl Lines {
    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        write!(self.0, "{name}:{value}\r\n").expect("writing to a String does not fail");
    }
}

/// Answers `INFO [section ...]`. Names of sections that do not exist are ignored.
pub(super) fn info(command: &Command<'_>, facts: &Facts, writer: &mut Writer<'_>) {
    let mut lines = Lines(String::new());
    for (title, section) in SECTIONS {
        if !is_wanted(command, title) {
            continue;
        }
        let gap = if lines.0.is_empty() { "" } else { "\r\n" };
        write!(lines.0, "{gap}# {title}\r\n").expect("writing to a String does not fail");
        section(facts, &mut lines);
    }
    writer.verbatim(&lines.0);
}

fn is_wanted(command: &Command<'_>, title: &str) -> bool {
    let is = |arg: &[u8], name: &str| arg.eq_ignore_ascii_case(name.as_bytes());
    let names = || command.args().skip(1);
    command.len() == 1 || names().any(|arg| is(arg, title) || ALL.iter().any(|all| is(arg, all)))
}

fn server(facts: &Facts, lines: &mut Lines) {
    lines.line("redis_version", REDIS_VERSION);
    lines.line("redpoll_version", env!("CARGO_PKG_VERSION"));
    lines.line("redis_mode", "standalone");
    lines.line("arch_bits", usize::BITS);
    if let Some(process) = facts.process_id {
        lines.line("process_id", process);
    }
    lines.line("tcp_port", facts.port);
    lines.line("uptime_in_seconds", facts.uptime_s);
    lines.line("uptime_in_days", facts.uptime_s / (24 * 60 * 60));
}

fn clients(facts: &Facts, lines: &mut Lines) {
    lines.line("connected_clients", facts.clients);
    lines.line("maxclients", CLIENTS_MAX);
    lines.line("blocked_clients", 0);
}

fn memory(facts: &Facts, lines: &mut Lines) {
    if let Some(bytes) = facts.memory_bytes {
        lines.line("used_memory", bytes);
    }
    lines.line("maxmemory", 0);
    lines.line("maxmemory_policy", "noeviction");
}

/// Nothing is kept, so nothing is ever being loaded or saved.
fn persistence(_: &Facts, lines: &mut Lines) {
    lines.line("loading", 0);
    lines.line("rdb_bgsave_in_progress", 0);
    lines.line("aof_enabled", 0);
}

fn stats(facts: &Facts, lines: &mut Lines) {
    lines.line("total_connections_received", facts.clients_total);
    lines.line("total_commands_processed", facts.commands_total);
}

fn replication(_: &Facts, lines: &mut Lines) {
    lines.line("role", "master");
    lines.line("connected_slaves", 0);
}

fn cpu(facts: &Facts, lines: &mut Lines) {
    let times = [("used_cpu_sys", facts.cpu_system_us), ("used_cpu_user", facts.cpu_user_us)];
    for (name, time) in times {
        if let Some(us) = time {
            lines.line(name, format_args!("{}.{:06}", us / 1_000_000, us % 1_000_000));
        }
    }
}

/// Clients talk to one Redis, whatever is behind it.
fn cluster(_: &Facts, lines: &mut Lines) {
    lines.line("cluster_enabled", 0);
}

/// How many keys the servers have is known to the servers alone.
fn keyspace(_: &Facts, _: &mut Lines) {}
