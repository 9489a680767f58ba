//! How many connections to a server there are and when, and when requests are written to them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{Options, PATIENCE, Proxy, Server, Stage, Wire, wait_until};
use crate::load::Load;

pub(super) const STORIES: &[Story] = stories![
    there_are_as_many_connections_as_configured_and_a_client_reads_its_writes,
    connections_are_there_before_the_first_command_if_that_is_configured,
    an_idle_connection_closes_and_comes_back_with_the_next_command,
    a_silent_connection_is_watched_by_tcp_if_that_is_configured,
    buffered_requests_leave_when_they_are_many_or_the_time_is_over,
];

/// Worker threads of a proxy in these trials.
const WORKERS: usize = 2;

fn server(stage: &Stage, name: &str) -> Result<Server> {
    Server::standalone(&stage.folder(&format!("{name}-server")))
}

fn count(connections: &[String], protocol: &str) -> usize {
    connections.iter().filter(|line| line.contains(protocol)).count()
}

fn there_are_as_many_connections_as_configured_and_a_client_reads_its_writes(
    stage: &Stage,
) -> Result<()> {
    const PER_NODE: usize = 2;
    let server = server(stage, "per-node")?;
    let options = Options::server(&server).with(format!("connections_per_node: {PER_NODE}"));
    let proxy = Proxy::start(&stage.folder("per-node"), options)?;
    // Every client checks that it reads what it wrote.
    let load = Load { commands_each: 200, ..Load::anywhere(proxy.address(), 90, 40, 10) };
    load.run()?;
    let mut clients = Vec::new();
    for client in 0..32 {
        let mut wire = proxy.wire()?;
        // Workers take turns, and so do connections: four in a row use all of a protocol.
        let protocol = if client / 4 % 2 == 0 { "2" } else { "3" };
        ensure!(!wire.call(&["HELLO", protocol])?.starts_with(b"-"));
        ensure!(wire.say("SET per:node x")? == "+OK\r\n");
        clients.push(wire);
    }
    let connections = server.proxy_connections()?;
    for protocol in ["resp=2", "resp=3"] {
        let count = count(&connections, protocol);
        ensure!(count == WORKERS * PER_NODE, "{count} with {protocol}: {connections:?}");
    }
    proxy.stop()
}

fn connections_are_there_before_the_first_command_if_that_is_configured(
    stage: &Stage,
) -> Result<()> {
    let server = server(stage, "preconnect")?;
    let options = Options::server(&server).with("preconnect: true").with("idle_timeout: 100ms");
    let proxy = Proxy::start(&stage.folder("preconnect"), options)?;
    let are_there = || {
        let connections = server.proxy_connections()?;
        let there = ["resp=2", "resp=3"].map(|protocol| count(&connections, protocol));
        // The topology is asked for on a connection of its own, in RESP2.
        Ok((there[0] >= WORKERS && there[1] == WORKERS).then_some(()))
    };
    wait_until("the connections are there", PATIENCE, are_there)?;
    ensure!(proxy.metric("redpoll_commands_total")? == 0);
    // One that the server closes is replaced without a command, too.
    server.wire()?.say("CLIENT KILL TYPE normal")?;
    wait_until("the connections are there again", PATIENCE, are_there)?;
    ensure!(proxy.metric("redpoll_commands_total")? == 0);
    let preconnects = proxy.metric("redpoll_upstream_preconnects_total")?;
    ensure!(preconnects >= 4 * WORKERS as u64, "only {preconnects} attempts");
    proxy.stop()
}

fn an_idle_connection_closes_and_comes_back_with_the_next_command(stage: &Stage) -> Result<()> {
    const IDLE_TIMEOUT: Duration = Duration::from_millis(300);
    let server = server(stage, "idle")?;
    let options = Options::server(&server)
        .with(format!("idle_timeout: {}ms", IDLE_TIMEOUT.as_millis()))
        .with("refresh_interval: 1h");
    let proxy = Proxy::start(&stage.folder("idle"), options)?;
    let mut wire = proxy.wire()?;
    for round in 1..=3 {
        ensure!(wire.say("INCR idle")? == format!(":{round}\r\n"));
        let used = Instant::now();
        ensure!(server.proxy_connections()?.len() == 1, "no connection after a command");
        wait_until("the idle connection is closed", PATIENCE, || {
            Ok(server.proxy_connections()?.is_empty().then_some(()))
        })?;
        let after = used.elapsed() + Duration::from_millis(50);
        ensure!(after >= IDLE_TIMEOUT, "it was closed too soon: after {after:?}");
    }
    let idle = "redpoll_upstream_connections_closed_total{upstream=\"main\",cause=\"idle\"}";
    ensure!(proxy.metric(idle)? == 3);
    proxy.stop()
}

/// The keepalive timers of the connections to `server` in seconds, as the kernel shows them.
fn keepalive_timers(server: &Server) -> Result<Vec<Option<u64>>> {
    let table = std::fs::read_to_string("/proc/net/tcp").context("this kernel's table")?;
    let (port, established) = (format!(":{:04X}", server.port), "01");
    let mut timers = Vec::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, remote, state, _, timer, ..] = fields[..] else { continue };
        if remote.ends_with(&port) && state == established {
            let (kind, ticks) = timer.split_once(':').context("a kind and a time")?;
            let seconds = u64::from_str_radix(ticks, 16)?.div_ceil(100);
            timers.push((kind == "02").then_some(seconds));
        }
    }
    Ok(timers)
}

fn a_silent_connection_is_watched_by_tcp_if_that_is_configured(stage: &Stage) -> Result<()> {
    let server = server(stage, "keepalive")?;
    for (time, watched) in [("7s", true), ("0s", false)] {
        let options = Options::server(&server).with(format!("keepalive: {time}"));
        let proxy = Proxy::start(&stage.folder("keepalive"), options)?;
        ensure!(proxy.wire()?.say("SET keepalive x")? == "+OK\r\n");
        // Right after a command another timer may run; what the trial itself used is gone soon.
        let expected = |timer: &Option<u64>| match timer {
            Some(seconds) => watched && *seconds <= 7,
            None => !watched,
        };
        wait_until("the connection's timers are as configured", PATIENCE, || {
            let timers = keepalive_timers(&server)?;
            Ok((!timers.is_empty() && timers.iter().all(expected)).then_some(()))
        })
        .with_context(|| format!("keepalive: {time}"))?;
        proxy.stop()?;
    }
    Ok(())
}

fn buffered_requests_leave_when_they_are_many_or_the_time_is_over(stage: &Stage) -> Result<()> {
    const FLUSH_TIMEOUT: Duration = Duration::from_millis(20);
    /// What a busy machine may add.
    const SLACK: Duration = Duration::from_millis(300);
    let server = server(stage, "buffer")?;
    let options = Options::server(&server)
        .with("max_buffer_size_before_flush: 1KiB")
        .with(format!("buffer_flush_timeout: {}ms", FLUSH_TIMEOUT.as_millis()));
    let proxy = Proxy::start(&stage.folder("buffer"), options)?;
    let load = Load { commands_each: 300, ..Load::anywhere(proxy.address(), 91, 20, 20) };
    load.run()?;
    let mut took = lone_commands(&mut proxy.wire()?)?;
    took.sort();
    let (fastest, median, slowest) = (took[0], took[took.len() / 2], took[took.len() - 1]);
    let figures = format!("fastest {fastest:?}, median {median:?}, slowest {slowest:?}");
    // Not at once: it waits for others.
    ensure!(fastest >= FLUSH_TIMEOUT.mul_f32(0.9), "a lone command: {figures}");
    ensure!(median <= 2 * FLUSH_TIMEOUT && slowest <= FLUSH_TIMEOUT + SLACK, "{figures}");
    for cause in ["size", "timer"] {
        let flushes =
            format!("redpoll_upstream_flushes_total{{upstream=\"main\",cause=\"{cause}\"}}");
        ensure!(proxy.metric(&flushes)? >= 10, "hardly a flush because of {cause}");
    }
    proxy.stop()
}

/// How long commands took of which nobody sent another at the time.
fn lone_commands(wire: &mut Wire) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        ensure!(wire.say("SET lone x")? == "+OK\r\n");
        took.push(start.elapsed());
    }
    Ok(took)
}
