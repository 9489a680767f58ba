//! `INFO`: sections of `name:value` lines, with Redis' names for what means the same of a proxy.

use std::fmt::Write;

use super::super::resp::Writer;
use super::cluster::hex_id;
use super::identity::REDIS_VERSION;
use super::{Command, CommandCount, Facts};

/// A section: its title, whether it is given without being asked for by name, and what writes its
/// lines.
type Section = (&'static str, Given, fn(&Facts, &mut Lines));

/// When a section is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// Unless others are asked for.
    ByDefault,
    /// With all, or by name.
    WithAll,
    /// With everything, or by name.
    WithEverything,
}

/// In Redis' order.
const SECTIONS: [Section; 12] = [
    ("Server", Given::ByDefault, server),
    ("Clients", Given::ByDefault, clients),
    ("Memory", Given::ByDefault, memory),
    ("Persistence", Given::ByDefault, persistence),
    ("Stats", Given::ByDefault, stats),
    ("Replication", Given::ByDefault, replication),
    ("CPU", Given::ByDefault, cpu),
    ("Modules", Given::WithEverything, nothing),
    ("Commandstats", Given::WithAll, commandstats),
    ("Errorstats", Given::ByDefault, errorstats),
    ("Cluster", Given::ByDefault, cluster),
    ("Keyspace", Given::ByDefault, nothing),
];

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
    for (title, given, section) in SECTIONS {
        if !is_wanted(command, title, given) {
            continue;
        }
        let gap = if lines.0.is_empty() { "" } else { "\r\n" };
        write!(lines.0, "{gap}# {title}\r\n").expect("writing to a String does not fail");
        section(facts, &mut lines);
    }
    writer.verbatim(&lines.0);
}

fn is_wanted(command: &Command<'_>, title: &str, given: Given) -> bool {
    let asks_for =
        |name: &str| command.args().skip(1).any(|arg| arg.eq_ignore_ascii_case(name.as_bytes()));
    asks_for(title)
        || asks_for("everything")
        || (asks_for("all") && given != Given::WithEverything)
        || ((command.len() == 1 || asks_for("default")) && given == Given::ByDefault)
}

fn server(facts: &Facts, lines: &mut Lines) {
    lines.line("redis_version", REDIS_VERSION);
    lines.line("redpoll_version", env!("CARGO_PKG_VERSION"));
    lines.line("redis_mode", "standalone");
    lines.line("os", format_args!("{} {}", facts.system.0, facts.system.1));
    lines.line("arch_bits", usize::BITS);
    if let Some(process) = facts.process_id {
        lines.line("process_id", process);
    }
    lines.line("run_id", run_id(facts));
    lines.line("tcp_port", facts.port);
    lines.line("server_time_usec", facts.time_of_day.as_micros());
    lines.line("uptime_in_seconds", facts.uptime_s);
    lines.line("uptime_in_days", facts.uptime_s / (24 * 60 * 60));
}

/// Another one for another run: made from what no two runs at a place have in common.
fn run_id(facts: &Facts) -> String {
    let process = facts.process_id.unwrap_or_default();
    hex_id(&format!("{process} since {}", facts.started_at.as_nanos()))
}

fn clients(facts: &Facts, lines: &mut Lines) {
    lines.line("connected_clients", facts.clients);
    lines.line("cluster_connections", 0);
    lines.line("maxclients", facts.clients_max);
    lines.line("blocked_clients", facts.clients_blocked);
    lines.line("tracking_clients", 0);
}

fn memory(facts: &Facts, lines: &mut Lines) {
    if let Some(bytes) = facts.memory_bytes {
        lines.line("used_memory", bytes);
        lines.line("used_memory_human", human(bytes));
        lines.line("used_memory_rss", bytes);
        lines.line("used_memory_rss_human", human(bytes));
    }
    lines.line("maxmemory", 0);
    lines.line("maxmemory_human", human(0));
    lines.line("maxmemory_policy", "noeviction");
}

/// Bytes as Redis shows them to people (`bytesToHuman`).
fn human(bytes: u64) -> String {
    let units = [(1_u64 << 40, 'T'), (1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        None => format!("{bytes}B"),
        Some((unit, letter)) => format!("{:.2}{letter}", bytes as f64 / unit as f64),
    }
}

/// Nothing is kept, so nothing is ever being loaded or saved.
fn persistence(_: &Facts, lines: &mut Lines) {
    for name in ["loading", "async_loading", "rdb_changes_since_last_save"] {
        lines.line(name, 0);
    }
    lines.line("rdb_bgsave_in_progress", 0);
    lines.line("rdb_last_bgsave_status", "ok");
    lines.line("aof_enabled", 0);
    lines.line("aof_rewrite_in_progress", 0);
    lines.line("aof_last_bgrewrite_status", "ok");
    lines.line("aof_last_write_status", "ok");
}

fn stats(facts: &Facts, lines: &mut Lines) {
    lines.line("total_connections_received", facts.clients_total);
    lines.line("total_commands_processed", facts.commands_total);
    lines.line("total_net_input_bytes", facts.read_bytes_total);
    lines.line("total_net_output_bytes", facts.written_bytes_total);
    lines.line("rejected_connections", facts.clients_refused_total);
    for name in ["expired_keys", "evicted_keys", "pubsub_channels", "pubsub_patterns"] {
        lines.line(name, 0);
    }
    lines.line("total_error_replies", facts.errors.iter().map(|(_, count)| count).sum::<u64>());
}

fn replication(facts: &Facts, lines: &mut Lines) {
    lines.line("role", "master");
    lines.line("connected_slaves", 0);
    lines.line("master_failover_state", "no-failover");
    lines.line("master_replid", run_id(facts));
    lines.line("master_repl_offset", 0);
}

fn cpu(facts: &Facts, lines: &mut Lines) {
    let times = [("used_cpu_sys", facts.cpu_system_us), ("used_cpu_user", facts.cpu_user_us)];
    for (name, time) in times {
        if let Some(us) = time {
            lines.line(name, format_args!("{}.{:06}", us / 1_000_000, us % 1_000_000));
        }
    }
}

/// In Redis' layout: what took part of the time is the servers' work, too.
fn commandstats(facts: &Facts, lines: &mut Lines) {
    for CommandCount { name, calls, took } in &facts.commands {
        let us = took.as_micros();
        let each = took.as_secs_f64() * 1e6 / *calls as f64;
        let value = format!(
            "calls={calls},usec={us},usec_per_call={each:.2},rejected_calls=0,failed_calls=0"
        );
        lines.line(&format!("cmdstat_{name}"), value);
    }
}

fn errorstats(facts: &Facts, lines: &mut Lines) {
    for (code, count) in facts.errors.iter().filter(|(_, count)| *count > 0) {
        lines.line(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

/// Clients talk to one Redis, whatever is behind it.
fn cluster(_: &Facts, lines: &mut Lines) {
    lines.line("cluster_enabled", 0);
}

/// How many keys and modules the servers have is known to the servers alone.
fn nothing(_: &Facts, _: &mut Lines) {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::rig::Client;
    use super::super::{CommandCount, Facts};

    fn facts() -> Facts {
        Facts {
            time_of_day: Duration::from_secs(1_700_000_000),
            started_at: Duration::from_secs(1_699_910_000),
            cluster: true,
            database: 0,
            lines: Vec::new(),
            port: 6380,
            system: ("linux", "x86_64"),
            uptime_s: 90_000,
            process_id: Some(42),
            clients: 3,
            clients_blocked: 2,
            clients_max: 500,
            clients_total: 5,
            clients_refused_total: 6,
            commands_total: 100,
            read_bytes_total: 7,
            written_bytes_total: 8,
            commands: vec![CommandCount {
                name: "get",
                calls: 4,
                took: Duration::from_nanos(5500),
            }],
            errors: vec![("UNSENT", 0), ("UNSURE", 3)],
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
            "os:linux x86_64",
            "process_id:42",
            "tcp_port:6380",
            "uptime_in_seconds:90000",
            "uptime_in_days:1",
            "connected_clients:3",
            "used_memory:1048576",
            "used_memory_human:1.00M",
            "maxmemory_policy:noeviction",
            "server_time_usec:1700000000000000",
            "rejected_connections:6",
            "total_net_input_bytes:7",
            "total_net_output_bytes:8",
            "total_error_replies:3",
            "errorstat_UNSURE:count=3",
            "rdb_last_bgsave_status:ok",
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
    fn commands_are_shown_as_they_were_counted_if_they_are_asked_for() {
        let line = "cmdstat_get:calls=4,usec=5,usec_per_call=1.38,rejected_calls=0,failed_calls=0";
        assert_eq!(text("info commandstats", facts()), format!("# Commandstats|{line}|"));
        assert_eq!(text("info commandstats", Facts::default()), "# Commandstats|");
        assert_eq!(text("info errorstats", Facts::default()), "# Errorstats|");
    }

    #[test]
    fn a_run_has_an_id_of_its_own() {
        let id = |facts| {
            let text = text("info server", facts);
            text.split('|').find_map(|line| line.strip_prefix("run_id:").map(str::to_owned))
        };
        let later = facts().time_of_day + Duration::from_secs(5);
        assert_eq!(id(Facts { time_of_day: later, uptime_s: 90_005, ..facts() }), id(facts()));
        assert_eq!(id(facts()).map(|id| id.len()), Some(40));
        for other in
            [Facts { process_id: Some(43), ..facts() }, Facts { started_at: later, ..facts() }]
        {
            assert_ne!(id(other), id(facts()));
        }
    }

    #[test]
    fn sizes_are_shown_to_people_as_redis_shows_them() {
        let shown = [0, 1023, 1024, 3 << 19, 5 << 30, 1 << 41].map(super::human);
        assert_eq!(shown, ["0B", "1023B", "1.00K", "1.50M", "5.00G", "2.00T"]);
    }

    #[test]
    fn info_does_not_guess_what_is_unknown() {
        let text = text("info", Facts::default());
        for name in ["process_id:", "used_memory", "used_cpu_sys", "used_cpu_user"] {
            assert!(!text.contains(name), "{name} in {text}");
        }
    }

    #[test]
    fn sections_come_in_redis_order_with_a_blank_line_between() {
        let mut all = vec![
            "Server",
            "Clients",
            "Memory",
            "Persistence",
            "Stats",
            "Replication",
            "CPU",
            "Modules",
            "Commandstats",
            "Errorstats",
            "Cluster",
            "Keyspace",
        ];
        let mut wanted = |line: &str, without: &str| {
            all.retain(|title| *title != without);
            (line.to_owned(), all.clone())
        };
        for (line, all) in [
            wanted("info Everything", ""),
            wanted("info all", "Modules"),
            wanted("info", "Commandstats"),
            wanted("info default cpu", ""),
        ] {
            let text = text(&line, facts());
            let titles: Vec<_> = text.split('|').filter_map(|l| l.strip_prefix("# ")).collect();
            assert_eq!(titles, all, "{line}");
        }
        let some =
            "# CPU|used_cpu_sys:0.000020|used_cpu_user:1.500000||# Cluster|cluster_enabled:0|";
        assert_eq!(text("INFO cluster CPU cluster", facts()), some);
    }

    #[test]
    fn the_reply_is_a_text_in_both_protocols() {
        assert_eq!(Client::default().ask("info keyspace"), "$12|# Keyspace||");
        assert_eq!(Client::default().ask("info nosuch"), "$0||");
        assert_eq!(Client::resp3().ask("info keyspace"), "=16|txt:# Keyspace||");
        assert_eq!(Client::resp3().ask("info nosuch"), "=4|txt:|");
    }
}
