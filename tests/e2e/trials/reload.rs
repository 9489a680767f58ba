//! SIGHUP: the file is read again while clients are served, and none of them is disturbed.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{Options, PATIENCE, Proxy, Server, Stage, wait_until};
use crate::load::Watch;

pub(super) const STORIES: &[Story] = stories![
    commands_go_to_another_server_from_sighup_on_and_no_client_notices,
    a_new_op_timeout_holds_from_sighup_on_and_the_old_one_for_what_came_before,
    a_file_that_is_wrong_is_refused_and_the_old_configuration_goes_on,
];

const CLIENTS: usize = 10;

/// Commands that show that the load goes on.
const SOME: u64 = 500;

const IN_FORCE: &str = "a new configuration is in force";

/// Counters, one a client.
fn counters(address: std::net::SocketAddr) -> Watch {
    let scripts = (0..CLIENTS).map(|client| vec![format!("INCR reload:{client}")]).collect();
    Watch { address, scripts }
}

/// How often the counters were counted up on a server.
fn counted(server: &Server) -> Result<u64> {
    let mut wire = server.wire()?;
    let counts = (0..CLIENTS).map(|client| {
        let reply = wire.say(&format!("GET reload:{client}"))?;
        Ok(reply.lines().nth(1).map_or(Ok(0), str::parse::<u64>)?)
    });
    counts.sum()
}

fn wait_for_some_more(server: &Server) -> Result<()> {
    let goal = counted(server)? + SOME;
    let more = || Ok((counted(server)? >= goal).then_some(()));
    wait_until("the clients have counted on", PATIENCE, more)
}

fn commands_go_to_another_server_from_sighup_on_and_no_client_notices(stage: &Stage) -> Result<()> {
    let servers = [
        Server::standalone(&stage.folder("reload-old"))?,
        Server::standalone(&stage.folder("reload-new"))?,
    ];
    let mut proxy = Proxy::start(&stage.folder("reload"), Options::server(&servers[0]))?;
    let answers = counters(proxy.address()).during(|| {
        for round in 1..=4 {
            let (new, old) = (&servers[round % 2], &servers[(round + 1) % 2]);
            wait_for_some_more(old)?;
            proxy.reconfigure(Options::server(new))?;
            proxy.wait_until_it_says(IN_FORCE, round)?;
            wait_until("the old server is let go", PATIENCE, || {
                Ok(old.proxy_connections()?.is_empty().then_some(()))
            })?;
            let before = counted(old)?;
            wait_for_some_more(new)?;
            ensure!(counted(old)? == before, "a command came to the old server");
        }
        Ok(())
    })?;
    let errors = answers.errors();
    ensure!(errors.is_empty(), "{} errors, the first is {:?}", errors.len(), errors[0]);
    let executed = counted(&servers[0])? + counted(&servers[1])?;
    let answered = answers.0.len() as u64;
    ensure!(executed == answered, "{executed} commands executed, {answered} answered");
    proxy.stop()
}

fn a_new_op_timeout_holds_from_sighup_on_and_the_old_one_for_what_came_before(
    stage: &Stage,
) -> Result<()> {
    let server = Server::standalone(&stage.folder("reload-timeout"))?;
    let long = Options { op_timeout: Duration::from_secs(60), ..Options::server(&server) };
    let short = Options { op_timeout: Duration::from_millis(300), ..Options::server(&server) };
    let mut proxy = Proxy::start(&stage.folder("reload-timeout-proxy"), long)?;
    let (mut patient, mut hurried) = (proxy.wire()?, proxy.wire()?);
    ensure!(hurried.say("SET before 1")? == "+OK\r\n");

    server.wire()?.say("CLIENT PAUSE 60000 WRITE")?;
    patient.send(b"SET held 1\r\n")?;
    wait_until("the server holds the write", PATIENCE, || {
        Ok(server.wire()?.say("CLIENT LIST")?.contains("flags=b").then_some(()))
    })?;
    proxy.reconfigure(short)?;
    proxy.wait_until_it_says(IN_FORCE, 1)?;
    let start = Instant::now();
    let reply = hurried.say("SET hurried 1")?;
    let took = start.elapsed();
    ensure!(reply.starts_with("-UNSURE"), "the server holds it, but the reply is {reply}");
    ensure!(took >= Duration::from_millis(300), "answered after {took:?}");
    ensure!(took < Duration::from_secs(5), "answered after {took:?}");

    server.wire()?.say("CLIENT UNPAUSE")?;
    let reply = patient.reply()?;
    ensure!(reply == b"+OK\r\n", "what was held got {}", reply.escape_ascii());
    proxy.stop()
}

fn a_file_that_is_wrong_is_refused_and_the_old_configuration_goes_on(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("reload-refused"))?;
    let right = Options::server(&server);
    let mut proxy = Proxy::start(&stage.folder("reload-refused-proxy"), right.clone())?;
    let answers = counters(proxy.address()).during(|| {
        for (times, (line, complaint)) in (1..).zip([
            ("stall_timeout: soon", "upstreams.main.stall_timeout"),
            ("no_such_key: 1", "no_such_key"),
            ("]", "redpoll.yaml"),
        ]) {
            proxy.reconfigure(right.clone().with(line))?;
            proxy.wait_until_it_says("the configuration stays as it is", times)?;
            let log = proxy.log()?;
            let refusal = log.lines().rfind(|line| line.contains("the configuration stays"));
            let rest = refusal.and_then(|line| log.split(line).last()).unwrap_or_default();
            let said = format!("{}{rest}", refusal.unwrap_or_default());
            ensure!(said.contains("ERROR"), "said as an error: {said}");
            ensure!(said.contains(complaint), "{complaint:?} is not in {said}");
            wait_for_some_more(&server)?;
            ensure!(proxy.admin("/ready")?.0 == 200, "it is ready all the while");
        }
        proxy.reconfigure(right.clone())?;
        proxy.wait_until_it_says("no upstream has changed", 1)?;
        ensure!(!proxy.log()?.contains(IN_FORCE), "nothing has changed");
        wait_for_some_more(&server)
    })?;
    let errors = answers.errors();
    ensure!(errors.is_empty(), "{} errors, the first is {:?}", errors.len(), errors[0]);
    ensure!(counted(&server)? == answers.0.len() as u64, "each command was executed once");
    proxy.stop()
}
