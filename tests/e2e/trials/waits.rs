//! What a client waits for beside elements: replicas that have what it wrote, and another client
//! that wakes it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{Options, PATIENCE, Proxy, Server, Stage, Wire, command, wait_until};

pub(super) const STORIES: &[Story] = stories![
    replicas_are_counted_that_have_what_a_client_wrote_and_nobody_else_waits,
    what_a_primary_took_that_is_one_no_more_is_unsure,
    who_waits_is_woken_and_takes_nothing_along,
    who_waits_for_a_connection_is_woken_too,
];

/// Rounds in which one client waits and another wakes it at once.
const ROUNDS: usize = 200;

fn expect(wire: &mut Wire, line: &str, expected: &str) -> Result<()> {
    let reply = wire.say(line)?;
    ensure!(reply == expected, "{line} gave {reply:?}, not {expected:?}");
    Ok(())
}

/// Sends a command whose reply comes later.
fn ask(wire: &mut Wire, line: &str) -> Result<()> {
    wire.send(&command(&line.split(' ').collect::<Vec<_>>()))
}

fn heard(wire: &mut Wire) -> Result<String> {
    Ok(String::from_utf8(wire.reply()?)?)
}

/// The number of a client.
fn number(wire: &mut Wire) -> Result<u64> {
    let said = wire.say("CLIENT ID")?;
    said.trim_end().trim_start_matches(':').parse().context("a number")
}

fn replicas_are_counted_that_have_what_a_client_wrote_and_nobody_else_waits(
    stage: &Stage,
) -> Result<()> {
    stage.in_replicated_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("counted"), Options::cluster(cluster))?;
        let here = &cluster.keys_of(0, "counted:", 1)?[0];
        let there = &cluster.keys_of(1, "counted:", 1)?[0];
        // Workers take turns, so these two have the same one.
        let [mut wire, _between, mut other] = [proxy.wire()?, proxy.wire()?, proxy.wire()?];
        expect(&mut wire, &format!("SET {here} 1"), "+OK\r\n")?;
        expect(&mut wire, &format!("SET {there} 1"), "+OK\r\n")?;
        expect(&mut wire, "WAIT 1 5000", ":1\r\n")?;
        let replica = &cluster.nodes[cluster.replica_of(0)?];
        replica.freeze()?;
        expect(&mut wire, &format!("SET {here} 2"), "+OK\r\n")?;
        expect(&mut wire, "WAIT 1 300", ":0\r\n")?;
        ask(&mut wire, "WAIT 1 0")?;
        wait_until("a client waits for replicas", PATIENCE, || {
            let info = cluster.nodes[0].wire()?.say("INFO clients")?;
            Ok(info.contains("blocked_clients:1\r\n").then_some(()))
        })?;
        expect(&mut other, &format!("SET {here} 3"), "+OK\r\n")?;
        let flags = other.say("CLIENT LIST")?;
        ensure!(flags.contains(" flags=b "), "{flags}");
        replica.thaw()?;
        ensure!(heard(&mut wire)? == ":1\r\n");
        let told = wire.say("WAITAOF 0 0 100")?;
        // Redis has it since 7.2.
        let is_counted = told.starts_with("*2\r\n:0\r\n:");
        ensure!(is_counted || told.contains("unknown command"), "{told}");
        proxy.stop()
    })
}

fn what_a_primary_took_that_is_one_no_more_is_unsure(stage: &Stage) -> Result<()> {
    stage.in_replicated_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("demoted"), Options::cluster(cluster))?;
        let key = &cluster.keys_of(0, "demoted:", 1)?[0];
        let mut wire = proxy.wire()?;
        expect(&mut wire, &format!("SET {key} 1"), "+OK\r\n")?;
        cluster.promote(cluster.replica_of(0)?)?;
        let told = wire.say("WAIT 0 10")?;
        let address = cluster.nodes[0].address();
        let words = format!("-UNSURE {address} took writes of this connection and is no primary");
        ensure!(told.starts_with(&words), "{told}");
        wait_until("the other one takes writes", PATIENCE, || {
            let is_set = wire.say(&format!("SET {key} 2"))? == "+OK\r\n";
            // One that failed in between may have run where nobody can count it.
            Ok((wire.say("WAIT 1 5000")? == ":1\r\n" && is_set).then_some(()))
        })?;
        cluster.promote(0)?;
        proxy.stop()
    })
}

fn who_waits_is_woken_and_takes_nothing_along(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("woken-server"))?;
    let proxy = Proxy::start(&stage.folder("woken"), Options::server(&server))?;
    let (mut waits, mut wakes) = (proxy.wire()?, proxy.wire()?);
    let id = number(&mut waits)?;
    expect(&mut wakes, &format!("CLIENT UNBLOCK {id}"), ":0\r\n")?;
    for round in 0..ROUNDS {
        let (word, told) = if round % 2 == 0 {
            ("TIMEOUT", "*-1\r\n")
        } else {
            ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")
        };
        ask(&mut waits, "BLPOP queue 0")?;
        wait_until("the client is woken", PATIENCE, || {
            let woken = wakes.say(&format!("CLIENT UNBLOCK {id} {word}"))?;
            Ok((woken == ":1\r\n").then_some(()))
        })?;
        let heard = heard(&mut waits)?;
        ensure!(heard == told, "round {round}: {heard:?}");
    }
    expect(&mut wakes, &format!("CLIENT UNBLOCK {id}"), ":0\r\n")?;
    expect(&mut wakes, "RPUSH queue x", ":1\r\n")?;
    expect(&mut waits, "BLPOP queue 1", "*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n")?;
    expect(&mut wakes, "LLEN queue", ":0\r\n")?;
    proxy.stop()
}

fn who_waits_for_a_connection_is_woken_too(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("lent-server"))?;
    let options = Options { op_timeout: Duration::from_mins(1), ..Options::server(&server) };
    let proxy = Proxy::start(&stage.folder("lent"), options.with("leases_max: 1"))?;
    // Workers take turns, so the two that wait have the one connection of theirs.
    let [mut first, mut wakes, mut second] = [proxy.wire()?, proxy.wire()?, proxy.wire()?];
    let id = number(&mut second)?;
    ask(&mut first, "BLPOP queue 0")?;
    wait_until("it has the connection", PATIENCE, || {
        let info = server.wire()?.say("INFO clients")?;
        Ok(info.contains("blocked_clients:1\r\n").then_some(()))
    })?;
    ask(&mut second, "BLMOVE queue other LEFT RIGHT 0")?;
    wait_until("the client is woken", PATIENCE, || {
        Ok((wakes.say(&format!("CLIENT UNBLOCK {id}"))? == ":1\r\n").then_some(()))
    })?;
    ensure!(heard(&mut second)? == "$-1\r\n");
    expect(&mut wakes, "RPUSH queue x", ":1\r\n")?;
    ensure!(heard(&mut first)? == "*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n");
    proxy.stop()
}
