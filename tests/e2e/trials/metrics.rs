//! What `/metrics` says after traffic of which every command is known.

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{Options, PATIENCE, Proxy, Stage, wait_until};

pub(super) const STORIES: &[Story] = stories![
    every_command_and_every_request_is_counted_once_at_its_node,
    requests_for_a_server_that_is_not_there_are_counted_as_failed,
];

/// Writes for the first node; the second gets twice as many, the third thrice.
const WRITES: usize = 10;

/// Keys of each node, each of another slot: one command for all of them becomes so many requests.
const KEYS: usize = 3;

/// Waits until a metric, with all its labels, has a value: a command is counted right after its
/// reply has left.
fn expect(proxy: &Proxy, metric: &str, value: u64) -> Result<()> {
    let mut last = 0;
    let seen = wait_until(&format!("{metric} is {value}"), PATIENCE, || {
        last = proxy.metric(metric)?;
        Ok((last == value).then_some(()))
    });
    seen.with_context(|| format!("it was {last}"))
}

fn every_command_and_every_request_is_counted_once_at_its_node(stage: &Stage) -> Result<()> {
    let cluster = &stage.shared()?.cluster;
    let mut options = Options::cluster(cluster);
    options.lines.push("enable_command_stats: true".to_owned());
    let proxy = Proxy::start(&stage.folder("counted"), options)?;
    let mut wire = proxy.wire()?;
    let mut everywhere = vec!["MGET".to_owned()];
    for node in 0..cluster.nodes.len() {
        let keys = cluster.keys_of(node, "counted:", KEYS)?;
        for key in keys.iter().cycle().take((node + 1) * WRITES) {
            ensure!(wire.call(&["SET", key, "value"])? == b"+OK\r\n");
        }
        everywhere.extend(keys);
    }
    let everywhere: Vec<&str> = everywhere.iter().map(String::as_str).collect();
    ensure!(wire.call(&everywhere)? == [&b"*9\r\n"[..], &b"$5\r\nvalue\r\n".repeat(9)].concat());
    ensure!(wire.say("PING")? == "+PONG\r\n");

    let writes = (6 * WRITES) as u64;
    expect(&proxy, "redpoll_commands_total", writes + 2)?;
    let main = "upstream=\"main\"";
    expect(&proxy, &format!("redpoll_upstream_requests_total{{{main}}}"), writes + 9)?;
    for (node, server) in cluster.nodes.iter().enumerate() {
        let labels = format!("{{{main},node=\"{}\"}}", server.address());
        let requests = ((node + 1) * WRITES + KEYS) as u64;
        for (name, value) in [
            ("requests_sent_total", requests),
            ("requests_answered_total", requests),
            ("queue_duration_seconds_count", requests),
            ("wire_duration_seconds_count", requests),
            ("connections_opened_total", 1),
            ("connections", 1),
            ("requests_in_flight", 0),
            ("oldest_request_age_seconds", 0),
            ("buffered_bytes", 0),
            ("requests_expired_total", 0),
        ] {
            expect(&proxy, &format!("redpoll_node_{name}{labels}"), value)?;
        }
    }
    for (command, count) in [("set", writes), ("mget", 1)] {
        let labels = format!("{{{main},command=\"{command}\"}}");
        expect(&proxy, &format!("redpoll_command_duration_seconds_count{labels}"), count)?;
    }
    proxy.stop()
}

fn requests_for_a_server_that_is_not_there_are_counted_as_failed(stage: &Stage) -> Result<()> {
    let proxy = Proxy::start_alone(&stage.folder("uncounted"), Options::nowhere())?;
    let mut wire = proxy.wire()?;
    for _ in 0..3 {
        let reply = wire.say("GET k")?;
        ensure!(reply.starts_with("-UNSENT "), "{reply}");
    }
    let metric = |name: &str, label: &str| {
        proxy.metric(&format!("redpoll_upstream_{name}_total{{upstream=\"main\"{label}}}"))
    };
    expect(
        &proxy,
        "redpoll_upstream_failed_requests_total{upstream=\"main\",error=\"unsent\"}",
        3,
    )?;
    // How many attempts there were depends on the time that passed between the commands.
    let failures = metric("connect_failures", ",cause=\"refused\"")?;
    ensure!(failures >= 1 && failures + metric("backoff_failures", "")? >= 3, "{failures}");
    ensure!(metric("requests_sent", "")? == 0 && metric("connections_opened", "")? == 0);
    Ok(())
}
