//! `INFO`: sections of `name:value` lines.

use std::fmt::Write;

use super::super::resp::Writer;
use super::identity::REDIS_VERSION;
use super::{Command, Facts};

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
    lines.line("maxclients", facts.clients_max);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Facts;
    use super::super::rig::Client;

    fn facts() -> Facts {
        Facts {
            time_of_day: Duration::from_secs(1_700_000_000),
            cluster: true,
            port: 6380,
            uptime_s: 90_000,
            process_id: Some(42),
            clients: 3,
            clients_max: 500,
            clients_total: 5,
            commands_total: 100,
            memory_bytes: Some(1 << 20),
            cpu_user_us: Some(1_500_000),
            cpu_system_us: Some(20),
        }
    }

    /// The text that `INFO` gives, lines ended by `|`.
    fn text(line: &str, facts: Facts) -> String {
        let reply = Client { facts, ..Client::default() }.ask(line);
        let (_, text) = reply.split_once('|').unwrap();
        text.strip_suffix('|').unwrap().to_owned()
    }

    #[test]
    fn info_says_what_is_known() {
        let text = text("info", facts());
        let version = env!("CARGO_PKG_VERSION");
        for line in [
            "redis_version:7.2.0",
            "maxclients:500",
            &format!("redpoll_version:{version}"),
            "redis_mode:standalone",
            "process_id:42",
            "tcp_port:6380",
            "uptime_in_seconds:90000",
            "uptime_in_days:1",
            "connected_clients:3",
            "used_memory:1048576",
            "maxmemory_policy:noeviction",
            "loading:0",
            "total_connections_received:5",
            "total_commands_processed:100",
            "role:master",
            "connected_slaves:0",
            "used_cpu_sys:0.000020",
            "used_cpu_user:1.500000",
            "cluster_enabled:0",
        ] {
            assert!(text.contains(&format!("|{line}|")), "{line} in {text}");
        }
    }

    #[test]
    fn info_does_not_guess_what_is_unknown() {
        let text = text("info", Facts::default());
        for name in ["process_id", "used_memory", "used_cpu_sys", "used_cpu_user"] {
            assert!(!text.contains(name), "{name} in {text}");
        }
    }

    #[test]
    fn sections_come_in_redis_order_with_a_blank_line_between() {
        let all = [
            "Server",
            "Clients",
            "Memory",
            "Persistence",
            "Stats",
            "Replication",
            "CPU",
            "Cluster",
            "Keyspace",
        ];
        for line in ["info", "info all", "info Everything", "info default cpu"] {
            let text = text(line, facts());
            let titles: Vec<_> = text.split('|').filter_map(|l| l.strip_prefix("# ")).collect();
            assert_eq!(titles, all, "{line}");
        }
        let some = "# Replication|role:master|connected_slaves:0||# Cluster|cluster_enabled:0|";
        assert_eq!(text("INFO cluster REPLICATION cluster", facts()), some);
    }

    #[test]
    fn the_reply_is_a_text_in_both_protocols() {
        assert_eq!(Client::default().ask("info keyspace"), "$12|# Keyspace||");
        assert_eq!(Client::default().ask("info nosuch"), "$0||");
        assert_eq!(Client::resp3().ask("info keyspace"), "=16|txt:# Keyspace||");
        assert_eq!(Client::resp3().ask("info nosuch"), "=4|txt:|");
    }
}
