//! SIGTERM: what is in flight is answered, and the process ends by its deadline.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{Options, PATIENCE, Proxy, Server, Stage, Wire, command, wait_until};

pub(super) const STORIES: &[Story] = stories![
    a_drain_answers_what_is_in_flight_and_exits_with_0,
    a_drain_with_a_stuck_command_exits_with_0_at_its_deadline,
    a_second_signal_tells_stuck_clients_at_once_and_exits_with_0,
    a_drain_of_an_idle_proxy_is_quick,
];

const CLIENTS: usize = 8;
const COMMANDS_EACH: usize = 10;

/// A server that can be told to hold writes back, and a proxy of its own before it.
fn pair(stage: &Stage, name: &str, drain_timeout: Duration) -> Result<(Server, Proxy)> {
    let server = Server::standalone(&stage.folder(&format!("{name}-server")))?;
    let op_timeout = Duration::from_secs(60);
    let options = Options { op_timeout, drain_timeout, ..Options::server(&server) };
    let proxy = Proxy::start(&stage.folder(&format!("{name}-proxy")), options)?;
    Ok((server, proxy))
}

fn write(client: usize, index: usize) -> Vec<u8> {
    command(&["SET", &format!("drain:{client}:{index}"), &format!("value{client}{index}")])
}

/// Has all clients send their writes to a server that holds them, and waits until all have left.
fn send_held_writes(server: &Server, proxy: &Proxy) -> Result<Vec<Wire>> {
    server.wire()?.say("CLIENT PAUSE 60000 WRITE")?;
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let mut wire = proxy.wire()?;
        let writes: Vec<u8> = (0..COMMANDS_EACH).flat_map(|index| write(client, index)).collect();
        wire.send(&writes)?;
        clients.push(wire);
    }
    wait_until("every write has been sent to the server", PATIENCE, || {
        let in_flight = proxy.metric("redpoll_upstream_requests_in_flight")?;
        Ok((in_flight >= (CLIENTS * COMMANDS_EACH) as u64).then_some(()))
    })?;
    Ok(clients)
}

fn a_drain_answers_what_is_in_flight_and_exits_with_0(stage: &Stage) -> Result<()> {
    let (server, mut proxy) = pair(stage, "drain", Duration::from_secs(60))?;
    let mut idle = proxy.wire()?;
    ensure!(idle.say("PING")? == "+PONG\r\n");
    let clients = send_held_writes(&server, &proxy)?;

    proxy.terminate()?;
    let address = proxy.address();
    wait_until("it accepts nobody any more", PATIENCE, || {
        Ok(TcpStream::connect_timeout(&address, PATIENCE).is_err().then_some(()))
    })?;
    ensure!(proxy.admin("/ready")?.0 == 503, "a proxy that drains is not ready, and says so");
    ensure!(idle.read_to_close()?.is_empty(), "an idle client is let go without a word");
    ensure!(proxy.ended()?.is_none(), "it has not left its clients");

    server.wire()?.say("CLIENT UNPAUSE")?;
    for (client, mut wire) in clients.into_iter().enumerate() {
        let replies = wire.read_to_close().with_context(|| format!("client {client}"))?;
        let expected = b"+OK\r\n".repeat(COMMANDS_EACH);
        ensure!(replies == expected, "client {client} got {}", replies.escape_ascii());
    }
    proxy.wait_for_success(PATIENCE)?;
    let stored = server.wire()?.say(&format!("GET drain:{}:{}", CLIENTS - 1, COMMANDS_EACH - 1))?;
    ensure!(stored == format!("$7\r\nvalue{}{}\r\n", CLIENTS - 1, COMMANDS_EACH - 1), "{stored:?}");
    Ok(())
}

fn a_drain_with_a_stuck_command_exits_with_0_at_its_deadline(stage: &Stage) -> Result<()> {
    let drain_timeout = Duration::from_secs(1);
    let (server, mut proxy) = pair(stage, "stuck", drain_timeout)?;
    let clients = send_held_writes(&server, &proxy)?;

    let start = Instant::now();
    proxy.terminate()?;
    proxy.wait_for_success(drain_timeout + Duration::from_secs(3))?;
    let took = start.elapsed();
    ensure!(took >= drain_timeout, "it gave up on its clients after {took:?}");
    all_are_told_so(clients)
}

fn all_are_told_so(clients: Vec<Wire>) -> Result<()> {
    for mut wire in clients {
        let replies = String::from_utf8_lossy(&wire.read_to_close()?).into_owned();
        let lines: Vec<&str> = replies.lines().collect();
        let told = lines.iter().all(|line| line.starts_with("-UNSURE "));
        ensure!(told && lines.len() == COMMANDS_EACH, "at the end a client got {replies:?}");
    }
    Ok(())
}

fn a_second_signal_tells_stuck_clients_at_once_and_exits_with_0(stage: &Stage) -> Result<()> {
    let (server, mut proxy) = pair(stage, "twice", Duration::from_secs(60))?;
    let clients = send_held_writes(&server, &proxy)?;
    proxy.terminate()?;
    wait_until("the drain has begun", PATIENCE, || {
        Ok((proxy.admin("/ready")?.0 == 503).then_some(()))
    })?;
    proxy.terminate()?;
    proxy.wait_for_success(Duration::from_secs(5))?;
    all_are_told_so(clients)
}

fn a_drain_of_an_idle_proxy_is_quick(stage: &Stage) -> Result<()> {
    let (_server, mut proxy) = pair(stage, "idle", Duration::from_secs(60))?;
    let mut idle = proxy.wire()?;
    ensure!(idle.say("PING")? == "+PONG\r\n");
    proxy.terminate()?;
    proxy.wait_for_success(Duration::from_secs(5))?;
    ensure!(idle.read_to_close()?.is_empty());
    Ok(())
}
