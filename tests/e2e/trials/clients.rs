//! Clients see, close and pause each other, whichever worker they belong to.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{Options, PATIENCE, Proxy, Server, Stage, Wire, pause, wait_until};

/// What the lines of Redis 8 and Valkey 8 have beside those of Redis 7.2.
const LATER: [&str; 6] = ["capa", "io-thread", "tot-cmds", "tot-net-in", "tot-net-out", "watch"];

pub(super) const STORIES: &[Story] = stories![
    every_client_is_listed_in_the_form_of_redis,
    clients_are_closed_by_number_by_address_and_all_at_once,
    a_pause_holds_commands_back_and_loses_none,
    a_pause_of_writes_lets_reads_through_until_it_is_ended,
    who_leaves_in_a_pause_has_asked_for_nothing,
    subscribers_are_listed_as_such,
    mistakes_about_clients_are_told_in_the_servers_own_words,
];

/// Some clients of two workers.
fn several(proxy: &Proxy, count: usize) -> Result<Vec<Wire>> {
    (0..count).map(|_| proxy.wire()).collect()
}

fn proxy_of_its_own<'a>(stage: &'a Stage, name: &str) -> Result<(&'a Server, Proxy)> {
    let server = &stage.shared()?.server;
    Ok((server, Proxy::start(&stage.folder(name), Options::server(server))?))
}

fn id(wire: &mut Wire) -> Result<u64> {
    Ok(wire.say("CLIENT ID")?[1..].trim_end().parse()?)
}

/// The lines of a list.
fn listed(wire: &mut Wire, line: &str) -> Result<Vec<String>> {
    let text = wire.say(line)?;
    let (_, text) = text.split_once("\r\n").context("a bulk string")?;
    Ok(text.lines().filter(|line| line.starts_with("id=")).map(str::to_owned).collect())
}

fn names(line: &str) -> Vec<&str> {
    line.split(' ').filter_map(|field| Some(field.split_once('=')?.0)).collect()
}

fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

fn every_client_is_listed_in_the_form_of_redis(stage: &Stage) -> Result<()> {
    let (server, proxy) = proxy_of_its_own(stage, "listed")?;
    let mut clients = several(&proxy, 6)?;
    clients[0].say("CLIENT SETNAME first")?;
    clients[1].call(&["HELLO", "3"])?;
    clients[2].say("SELECT 4")?;
    clients[3].say("MULTI")?;
    clients[3].say("GET a")?;
    clients[4].say("OBJECT FREQ none")?;
    let own = id(&mut clients[5])?;
    let lines = listed(&mut clients[5], "CLIENT LIST")?;
    ensure!(lines.len() == 6, "{lines:#?}");
    let has = |name: &str, value: &str| lines.iter().any(|line| field(line, name) == Some(value));
    for (name, value) in [
        ("name", "first"),
        ("resp", "3"),
        ("db", "4"),
        ("multi", "1"),
        ("cmd", "object|freq"),
        ("cmd", "client|list"),
    ] {
        ensure!(has(name, value), "{name}={value} is not in {lines:#?}");
    }
    let servers = listed(&mut server.wire()?, "CLIENT LIST")?;
    let (given, expected) = (names(&lines[0]), names(&servers[0]));
    let is_known = |name: &&&str| given.contains(name) || LATER.contains(name);
    let lacks: Vec<_> = expected.iter().filter(|name| !is_known(name)).collect();
    ensure!(lacks.is_empty(), "the server has {lacks:?}, too");
    let info = clients[5].say("CLIENT INFO")?;
    ensure!(info.contains(&format!("id={own} ")) && info.contains("cmd=client|info"), "{info}");
    drop(clients.split_off(1));
    wait_until("those that left are listed no more", PATIENCE, || {
        Ok((listed(&mut clients[0], "CLIENT LIST")?.len() == 1).then_some(()))
    })?;
    proxy.stop()
}

fn clients_are_closed_by_number_by_address_and_all_at_once(stage: &Stage) -> Result<()> {
    let (_, proxy) = proxy_of_its_own(stage, "closed")?;
    let mut clients = several(&proxy, 8)?;
    let mut own = clients.remove(0);
    let first = id(&mut clients[0])?;
    ensure!(own.say(&format!("CLIENT KILL ID {first}"))? == ":1\r\n");
    ensure!(clients.remove(0).read_to_close()?.is_empty(), "it was told something");
    let second = id(&mut clients[0])?;
    let lines = listed(&mut own, &format!("CLIENT LIST ID {second}"))?;
    let address = field(&lines[0], "addr").context("an address")?.to_owned();
    ensure!(own.say(&format!("CLIENT KILL {address}"))? == "+OK\r\n");
    clients.remove(0).read_to_close()?;
    ensure!(own.say("CLIENT KILL 10.9.8.7:1")? == "-ERR No such client\r\n");
    ensure!(own.say("CLIENT KILL TYPE normal")? == ":5\r\n");
    for mut client in clients {
        client.read_to_close()?;
    }
    let own_id = id(&mut own)?;
    own.send(format!("CLIENT KILL ID {own_id} SKIPME no\r\n").as_bytes())?;
    ensure!(own.read_to_close()? == b":1\r\n", "it is answered, then closed");
    let closed = "redpoll_downstream_connections_closed_total{cause=\"killed\"}";
    ensure!(proxy.metric(closed)? == 7);
    proxy.stop()
}

fn a_pause_holds_commands_back_and_loses_none(stage: &Stage) -> Result<()> {
    let (_, proxy) = proxy_of_its_own(stage, "paused")?;
    let mut clients = several(&proxy, 6)?;
    clients[0].say("DEL paused")?;
    let began = Instant::now();
    ensure!(clients[0].say("CLIENT PAUSE 700")? == "+OK\r\n");
    for client in &mut clients {
        client.send(b"INCR paused\r\nPING\r\n")?;
    }
    let mut counts = Vec::new();
    for client in &mut clients {
        counts.push(String::from_utf8(client.reply()?)?);
        ensure!(client.reply()? == b"+PONG\r\n");
    }
    let took = began.elapsed();
    ensure!(took >= Duration::from_millis(690), "they were answered after {took:?}");
    ensure!(took < Duration::from_secs(5), "they were answered after {took:?} only");
    counts.sort_unstable();
    ensure!(counts == [":1\r\n", ":2\r\n", ":3\r\n", ":4\r\n", ":5\r\n", ":6\r\n"], "{counts:?}");
    proxy.stop()
}

fn a_pause_of_writes_lets_reads_through_until_it_is_ended(stage: &Stage) -> Result<()> {
    let (server, proxy) = proxy_of_its_own(stage, "writes")?;
    let mut clients = several(&proxy, 4)?;
    clients[0].say("SET written 1")?;
    ensure!(clients[0].say("CLIENT PAUSE 60000 WRITE")? == "+OK\r\n");
    for client in &mut clients {
        ensure!(client.say("GET written")? == "$1\r\n1\r\n");
    }
    clients[1].send(b"INCR written\r\nGET written\r\n")?;
    clients[2].send(b"MULTI\r\nINCR written\r\nEXEC\r\n")?;
    pause(Duration::from_millis(200));
    ensure!(server.wire()?.say("GET written")? == "$1\r\n1\r\n", "it was written to");
    ensure!(clients[3].say("CLIENT UNPAUSE")? == "+OK\r\n");
    let first = clients[1].reply()?;
    clients[1].reply()?;
    let replies: Vec<_> = (0..3).map(|_| clients[2].reply()).collect::<Result<_>>()?;
    let is_one = first == b":2\r\n" && replies[2] == b"*1\r\n:3\r\n";
    ensure!(is_one || first == b":3\r\n" && replies[2] == b"*1\r\n:2\r\n", "{replies:?}");
    proxy.stop()
}

fn who_leaves_in_a_pause_has_asked_for_nothing(stage: &Stage) -> Result<()> {
    let (_, proxy) = proxy_of_its_own(stage, "pause-left")?;
    let mut clients = several(&proxy, 3)?;
    clients[0].say("DEL left")?;
    ensure!(clients[0].say("CLIENT PAUSE 60000 WRITE")? == "+OK\r\n");
    let mut leaver = clients.pop().context("a client")?;
    leaver.send(b"PING\r\nINCR left\r\n")?;
    // They came in one segment.
    ensure!(leaver.reply()? == b"+PONG\r\n");
    drop(leaver);
    wait_until("the client is gone", PATIENCE, || {
        Ok((listed(&mut clients[0], "CLIENT LIST")?.len() == 2).then_some(()))
    })?;
    ensure!(clients[0].say("CLIENT UNPAUSE")? == "+OK\r\n");
    ensure!(clients[1].say("INCR left")? == ":1\r\n");
    proxy.stop()
}

fn subscribers_are_listed_as_such(stage: &Stage) -> Result<()> {
    let (_, proxy) = proxy_of_its_own(stage, "listed-pubsub")?;
    let mut clients = several(&proxy, 4)?;
    clients[1].say("SUBSCRIBE news")?;
    let found = listed(&mut clients[0], "CLIENT LIST TYPE pubsub")?;
    ensure!(found.len() == 1 && field(&found[0], "sub") == Some("1"), "{found:?}");
    ensure!(listed(&mut clients[0], "CLIENT LIST TYPE normal")?.len() == 3);
    clients[1].say("UNSUBSCRIBE news")?;
    ensure!(listed(&mut clients[0], "CLIENT LIST TYPE pubsub")?.is_empty());
    // Of another worker, too: what one was told is what others see from then on.
    for round in 0..300 {
        clients[1].say(&format!("CLIENT SETNAME n{round}"))?;
        let found = listed(&mut clients[0], "CLIENT LIST")?;
        let name = format!("n{round}");
        ensure!(found.iter().any(|line| field(line, "name") == Some(&name)), "{name}: {found:?}");
    }
    proxy.stop()
}

fn mistakes_about_clients_are_told_in_the_servers_own_words(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let (mut server, mut proxy) = (shared.server.wire()?, shared.server_proxy.wire()?);
    for line in [
        "CLIENT KILL",
        "CLIENT KILL 1.2.3.4:5",
        "CLIENT KILL ID 0",
        "CLIENT KILL ID x",
        "CLIENT KILL ID 1000000000 SKIPME",
        "CLIENT KILL TYPE x",
        "CLIENT KILL USER x",
        "CLIENT KILL SKIPME perhaps",
        "CLIENT KILL NOSUCH x",
        "CLIENT LIST TYPE x",
        "CLIENT LIST TYPE replica",
        "CLIENT LIST ID x",
        "CLIENT LIST NOSUCH",
        "CLIENT PAUSE",
        "CLIENT PAUSE x",
        "CLIENT PAUSE -1",
        "CLIENT PAUSE 0",
        "CLIENT PAUSE 0 x",
        "CLIENT PAUSE 0 WRITE x",
        "CLIENT UNPAUSE",
        "CLIENT UNPAUSE x",
    ] {
        let (reply, expected) = (proxy.say(line)?, server.say(line)?);
        // Valkey 8 does not say what is wrong with an id.
        let is_reworded = line.ends_with(" ID x") && expected == "-ERR syntax error\r\n"
            // Valkey 9 reads no further than it has to.
            || line == "CLIENT PAUSE 0 WRITE x" && expected == "+OK\r\n";
        ensure!(
            reply == expected || is_reworded,
            "{line} gave {reply:?}, the server says {expected:?}"
        );
    }
    Ok(())
}
