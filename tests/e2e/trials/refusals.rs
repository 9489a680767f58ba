//! Nodes that are there and cannot serve yet, or not any more: who can wait is served, who cannot
//! is told in the node's own words.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{Options, PATIENCE, Proxy, Server, Stage, Wire, command, pause};
use crate::load::Watch;

pub(super) const STORIES: &[Story] = stories![
    commands_wait_for_a_server_that_loads_its_data_as_long_as_they_can,
    commands_wait_for_a_server_that_is_a_replica_for_a_moment,
    a_manual_failover_under_load_costs_no_command,
];

/// What GET waits for in these trials; the others wait long enough.
const SHORT: Duration = Duration::from_millis(300);

/// Before one server, that may say no.
fn proxy(stage: &Stage, name: &str, server: &Server) -> Result<Proxy> {
    let options = Options { op_timeout: PATIENCE, ..Options::server(server) }
        .with(format!("timeouts: {{get: {}ms}}", SHORT.as_millis()));
    Proxy::start(&stage.folder(name), options)
}

/// Checks that a GET is answered, by its deadline, with something that begins so.
fn expect_get(proxy: &Proxy, beginning: &str) -> Result<()> {
    let mut wire = proxy.wire()?;
    let start = Instant::now();
    let reply = wire.say("GET refused")?;
    let took = start.elapsed();
    ensure!(reply.starts_with(beginning), "GET gave {reply:?}");
    ensure!(took <= SHORT + Duration::from_millis(100), "GET took {took:?}");
    Ok(())
}

/// Sends a command that has to wait.
fn send(proxy: &Proxy, line: &str) -> Result<Wire> {
    let mut wire = proxy.wire()?;
    wire.send(&command(&line.split(' ').collect::<Vec<_>>()))?;
    Ok(wire)
}

fn commands_wait_for_a_server_that_loads_its_data_as_long_as_they_can(stage: &Stage) -> Result<()> {
    let mut server = Server::standalone(&stage.folder("loading-server"))?;
    let proxy = proxy(stage, "loading", &server)?;
    ensure!(proxy.wire()?.say("SET refused 1")? == "+OK\r\n");
    let mut wire = server.wire()?;
    ensure!(wire.say("DEBUG POPULATE 3000 loading 10")? == "+OK\r\n");
    ensure!(wire.say("SAVE")? == "+OK\r\n");
    // Half a millisecond a key, and a look at the clients now and then.
    let slow = ["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"];
    server.restart_loading(&slow)?;
    let start = Instant::now();
    let mut waiting = [send(&proxy, "INCR refused")?, send(&proxy, "MGET loading:1 nothing")?];
    expect_get(&proxy, "-LOADING ")?;
    expect_get(&proxy, "-LOADING ")?;
    let loading = server.wire()?.say("PING")?;
    ensure!(loading.starts_with("-LOADING"), "the trial was too slow: {loading:?}");
    ensure!(waiting[0].reply()? == b":2\r\n");
    let took = start.elapsed();
    let values = waiting[1].reply()?;
    ensure!(values == b"*2\r\n$10\r\nvalue:1\0\0\0\r\n$-1\r\n", "{}", values.escape_ascii());
    writeln!(std::io::stderr(), "loading: served after {took:?}")?;
    ensure!(took > 2 * SHORT, "it was served before: after {took:?}");
    expect_get(&proxy, "$1\r\n2\r\n")?;
    proxy.stop()
}

fn commands_wait_for_a_server_that_is_a_replica_for_a_moment(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("replica-server"))?;
    server.set("replica-serve-stale-data", "no")?;
    let proxy = proxy(stage, "replica", &server)?;
    ensure!(proxy.wire()?.say("SET refused 1")? == "+OK\r\n");
    // Of nobody: it accepts no writes, and has nothing to read.
    ensure!(server.wire()?.say("REPLICAOF 127.0.0.1 1")? == "+OK\r\n");
    let mut waiting = [send(&proxy, "INCR refused")?, send(&proxy, "MGET refused")?];
    expect_get(&proxy, "-MASTERDOWN ")?;
    expect_get(&proxy, "-MASTERDOWN ")?;
    ensure!(server.wire()?.say("REPLICAOF NO ONE")? == "+OK\r\n");
    let replies = [waiting[0].reply()?, waiting[1].reply()?];
    ensure!(replies[0] == b":2\r\n", "INCR gave {}", replies[0].escape_ascii());
    // Of two clients: the read may come before the write or after it.
    let read = &replies[1];
    let values = [b"*1\r\n$1\r\n1\r\n", b"*1\r\n$1\r\n2\r\n"];
    ensure!(values.iter().any(|value| read == value), "MGET gave {}", read.escape_ascii());
    for cause in ["readonly", "masterdown"] {
        let name = format!("redpoll_upstream_retries_total{{upstream=\"main\",cause=\"{cause}\"}}");
        ensure!(proxy.metric(&name)? > 0, "nothing waited because of {cause}");
    }
    proxy.stop()
}

fn a_manual_failover_under_load_costs_no_command(stage: &Stage) -> Result<()> {
    stage.in_replicated_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("manual"), Options::cluster(cluster))?;
        let script = |client: usize| {
            let keys = (0..5).map(|key| format!("manual:{client}:{key}"));
            keys.flat_map(|key| [format!("INCR {key}"), format!("GET {key}")]).collect()
        };
        let watch = Watch { address: proxy.address(), scripts: (0..10).map(script).collect() };
        // There and back.
        let primary = 0;
        let replica = cluster.replica_of(primary)?;
        let answers = watch.during(|| {
            for successor in [replica, primary] {
                cluster.promote(successor)?;
            }
            pause(Duration::from_millis(500));
            Ok(())
        })?;
        let errors = answers.errors();
        writeln!(
            std::io::stderr(),
            "manual failover: 2 of them, {} commands, {} errors, the slowest took {:?}",
            answers.0.len(),
            errors.len(),
            answers.slowest()?,
        )?;
        for answer in &errors {
            let error = answer.error.as_deref().unwrap_or_default();
            ensure!(error.starts_with("-UNSENT "), "{error}");
        }
        proxy.stop()
    })
}
