//! What clients need a connection of their own for: keys that they watch, and commands that wait.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{Options, PATIENCE, Proxy, Server, Stage, Wire, command, wait_until};

pub(super) const STORIES: &[Story] = stories![
    clients_that_watch_a_counter_never_lose_a_count_on_few_connections,
    what_is_watched_and_changes_is_noticed_by_every_client_and_across_a_lost_connection,
    a_watched_slot_that_moves_makes_for_no_transaction,
    elements_reach_who_waits_for_them_each_one_once,
    who_leaves_while_it_waits_takes_no_element_along,
    who_watches_and_says_no_more_is_answered,
    who_waits_at_a_node_that_is_replaced_is_told_so_and_is_served_by_the_other,
    more_clients_than_connections_take_turns_or_are_told,
];

const CLIENTS: usize = 24;
const COUNTS_EACH: usize = 25;

/// What a stream of one entry gives.
const STREAM: &str =
    "*1\r\n*2\r\n$LEN\r\n{T}s\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n";

/// Bound of the connections on loan in these trials.
const LEASES_MAX: usize = 8;

fn expect(wire: &mut Wire, line: &str, expected: &str) -> Result<()> {
    let reply = wire.say(line)?;
    ensure!(reply == expected, "{line} gave {reply:?}, not {expected:?}");
    Ok(())
}

/// Sends a command whose reply comes later.
fn ask(wire: &mut Wire, line: &str) -> Result<()> {
    wire.send(&command(&line.split(' ').collect::<Vec<_>>()))
}

/// Waits until so many clients of a server are blocked.
fn wait_until_blocked(server: &Server, count: usize) -> Result<()> {
    wait_until("clients are blocked", PATIENCE, || {
        let info = server.wire()?.say("INFO clients")?;
        Ok(info.contains(&format!("blocked_clients:{count}\r\n")).then_some(()))
    })
}

/// Counts one up, in the way of who has no `INCR`.
fn count_up(wire: &mut Wire, key: &str) -> Result<bool> {
    expect(wire, &format!("WATCH {key}"), "+OK\r\n")?;
    let read = wire.say(&format!("GET {key}"))?;
    let read: u64 = read.lines().nth(1).map_or(Ok(0), str::parse).context("a number")?;
    expect(wire, "MULTI", "+OK\r\n")?;
    expect(wire, &format!("SET {key} {}", read + 1), "+QUEUED\r\n")?;
    match wire.say("EXEC")?.as_str() {
        "*1\r\n+OK\r\n" => Ok(true),
        "*-1\r\n" => Ok(false),
        other => anyhow::bail!("EXEC gave {other:?}"),
    }
}

fn clients_that_watch_a_counter_never_lose_a_count_on_few_connections(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let options = Options { op_timeout: PATIENCE, ..Options::cluster(cluster) }
            .with(format!("leases_max: {LEASES_MAX}"));
        let proxy = Proxy::start(&stage.folder("watched"), options)?;
        let key = &cluster.keys_of(1, "watched:", 1)?[0];
        let run = || -> Result<()> {
            let mut wire = proxy.wire()?;
            let mut counted = 0;
            while counted < COUNTS_EACH {
                counted += usize::from(count_up(&mut wire, key)?);
            }
            Ok(())
        };
        thread::scope(|scope| -> Result<()> {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(run)).collect();
            clients.into_iter().try_for_each(|client| client.join().expect("no panic"))
        })?;
        let all = (CLIENTS * COUNTS_EACH).to_string();
        expect(&mut proxy.wire()?, &format!("GET {key}"), &format!("${}\r\n{all}\r\n", all.len()))?;
        // Two workers, each with a shared connection and its leases.
        let connections = cluster.nodes[1].proxy_connections()?.len();
        ensure!(connections <= 2 * (LEASES_MAX + 1) + 1, "{connections} connections");
        proxy.stop()
    })
}

fn what_is_watched_and_changes_is_noticed_by_every_client_and_across_a_lost_connection(
    stage: &Stage,
) -> Result<()> {
    let server = Server::standalone(&stage.folder("noticed-server"))?;
    let proxy = Proxy::start(&stage.folder("noticed"), Options::server(&server))?;
    for (hello, nil) in [("HELLO 2", "*-1\r\n"), ("HELLO 3", "_\r\n")] {
        let (mut one, mut other) = (proxy.wire()?, proxy.wire()?);
        one.say(hello)?;
        let watch = |one: &mut Wire| -> Result<()> { expect(one, "WATCH k l", "+OK\r\n") };
        let exec = |one: &mut Wire, expected: &str| -> Result<()> {
            expect(one, "MULTI", "+OK\r\n")?;
            expect(one, "SET k exec", "+QUEUED\r\n")?;
            expect(one, "EXEC", expected)
        };
        watch(&mut one)?;
        expect(&mut other, "SET l x", "+OK\r\n")?;
        exec(&mut one, nil)?;
        watch(&mut one)?;
        expect(&mut one, "SET k own", "+OK\r\n")?;
        exec(&mut one, nil)?;
        watch(&mut one)?;
        exec(&mut one, "*1\r\n+OK\r\n")?;
        watch(&mut one)?;
        expect(&mut other, "SET l x", "+OK\r\n")?;
        expect(&mut one, "UNWATCH", "+OK\r\n")?;
        exec(&mut one, "*1\r\n+OK\r\n")?;
        // The next who borrows that connection has nothing to do with what was watched on it.
        watch(&mut one)?;
        expect(&mut other, "SET l x", "+OK\r\n")?;
        drop(one);
        let mut one = proxy.wire()?;
        one.say(hello)?;
        expect(&mut one, "WATCH m", "+OK\r\n")?;
        exec(&mut one, "*1\r\n+OK\r\n")?;
        // Nobody knows what was changed while nobody watched.
        watch(&mut one)?;
        server.wire()?.say("CLIENT KILL TYPE normal")?;
        wait_until("the proxy is back", PATIENCE, || {
            Ok((other.say("SET other 1")? == "+OK\r\n").then_some(()))
        })?;
        exec(&mut one, nil)?;
    }
    proxy.stop()
}

fn a_watched_slot_that_moves_makes_for_no_transaction(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("moves"), Options::cluster(cluster))?;
        let key = &cluster.keys_of(0, "moves:", 1)?[0];
        let slot = cluster.slot(key)?;
        let mut wire = proxy.wire()?;
        expect(&mut wire, &format!("SET {key} 1"), "+OK\r\n")?;
        expect(&mut wire, &format!("WATCH {key}"), "+OK\r\n")?;
        cluster.move_slot(slot, (0, 1), || Ok(()))?;
        expect(&mut wire, "MULTI", "+OK\r\n")?;
        expect(&mut wire, &format!("INCR {key}"), "+QUEUED\r\n")?;
        expect(&mut wire, "EXEC", "*-1\r\n")?;
        ensure!(count_up(&mut wire, key)?, "it is watched at the new owner");
        expect(&mut wire, &format!("GET {key}"), "$1\r\n2\r\n")?;
        cluster.move_slot(slot, (1, 0), || Ok(()))?;
        proxy.stop()
    })
}

fn elements_reach_who_waits_for_them_each_one_once(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("waits"), Options::cluster(cluster))?;
        let tag = &cluster.keys_of(2, "waits:", 1)?[0];
        let mut waiting = proxy.wire()?;
        // What comes after a command that waits is answered after it.
        for (line, push, expected) in [
            ("BLPOP {T}a {T}b 0", "RPUSH {T}b x", "*2\r\n$LEN\r\n{T}b\r\n$1\r\nx\r\n"),
            ("BRPOPLPUSH {T}a {T}b 0", "RPUSH {T}a x", "$1\r\nx\r\n"),
            ("BLMOVE {T}c {T}d LEFT LEFT 0", "RPUSH {T}c y", "$1\r\ny\r\n"),
            ("BLMPOP 0 1 {T}a LEFT", "RPUSH {T}a z", "*2\r\n$LEN\r\n{T}a\r\n*1\r\n$1\r\nz\r\n"),
            ("BZPOPMIN {T}z 0", "ZADD {T}z 1 m", "*3\r\n$LEN\r\n{T}z\r\n$1\r\nm\r\n$1\r\n1\r\n"),
            ("XREAD BLOCK 0 STREAMS {T}s $", "XADD {T}s 1-1 f v", STREAM),
        ] {
            let fill = |text: &str| {
                let key = format!("{{{tag}}}");
                text.replace("{T}", &key).replace("LEN\r\n", &format!("{}\r\n", key.len() + 1))
            };
            ask(&mut waiting, &fill(line))?;
            ask(&mut waiting, "PING")?;
            wait_until_blocked(&cluster.nodes[2], 1)?;
            ensure!(!proxy.wire()?.say(&fill(push))?.starts_with('-'));
            let reply = String::from_utf8(waiting.reply()?)?;
            ensure!(reply == fill(expected), "{line} gave {reply:?}");
            ensure!(waiting.reply()? == b"+PONG\r\n");
        }
        let shorter = format!("BLPOP {{{tag}}}none 0.2");
        expect(&mut waiting, &shorter, "*-1\r\n")?;
        proxy.stop()
    })
}

fn who_leaves_while_it_waits_takes_no_element_along(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("leaves-server"))?;
    let options = Options { drain_timeout: Duration::from_millis(300), ..Options::server(&server) };
    let mut proxy = Proxy::start(&stage.folder("leaves"), options)?;
    for how in
        ["it closes", "it says no more", "it was killed with more to say", "it said nothing, often"]
    {
        let mut wire = proxy.wire()?;
        ask(&mut wire, "BLPOP queue 0")?;
        match how {
            "it was killed with more to say" => ask(&mut wire, "SET never executed")?,
            "it said nothing, often" => wire.send(&[b'\n'; 65_538])?,
            _ => {}
        }
        wait_until_blocked(&server, 1)?;
        match how {
            "it says no more" => wire.finish()?,
            _ => drop(wire),
        }
        wait_until_blocked(&server, 0).context(how)?;
        let mut wire = proxy.wire()?;
        expect(&mut wire, "RPUSH queue x", ":1\r\n")?;
        expect(&mut wire, "LPOP queue", "$1\r\nx\r\n")?;
        expect(&mut wire, "EXISTS never", ":0\r\n")?;
    }
    // A stop tells who waits that it may have got something.
    let mut wire = proxy.wire()?;
    ask(&mut wire, "BLPOP queue 0")?;
    wait_until_blocked(&server, 1)?;
    proxy.terminate()?;
    let told = String::from_utf8(wire.read_to_close()?)?;
    ensure!(told.starts_with("-UNSURE "), "{told:?}");
    proxy.wait_for_success(PATIENCE)
}

fn who_watches_and_says_no_more_is_answered(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("half-server"))?;
    let proxy = Proxy::start(&stage.folder("half"), Options::server(&server))?;
    let mut wire = proxy.wire()?;
    wire.send(b"WATCH k\r\nGET k\r\nMULTI\r\nSET k 1\r\nEXEC\r\nGET k\r\n")?;
    wire.finish()?;
    let told = String::from_utf8(wire.read_to_close()?)?;
    ensure!(told == "+OK\r\n$-1\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n$1\r\n1\r\n", "{told:?}");
    proxy.stop()
}

fn who_waits_at_a_node_that_is_replaced_is_told_so_and_is_served_by_the_other(
    stage: &Stage,
) -> Result<()> {
    stage.in_replicated_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("replaced"), Options::cluster(cluster))?;
        let key = &cluster.keys_of(0, "replaced:", 1)?[0];
        let mut wire = proxy.wire()?;
        ask(&mut wire, &format!("BLPOP {key} 0"))?;
        wait_until_blocked(&cluster.nodes[0], 1)?;
        let replica = cluster.replica_of(0)?;
        cluster.promote(replica)?;
        // Valkey 9 says MOVED to who waits, so the command goes on at the other node.
        let is_sent_on = wait_until("it is told, or waits at the other node", PATIENCE, || {
            let info = cluster.nodes[replica].wire()?.say("INFO clients")?;
            let is_there = info.contains("blocked_clients:1\r\n");
            let is_told = !proxy.wire()?.say("CLIENT LIST")?.contains(" flags=b ");
            Ok((is_there || is_told).then_some(is_there))
        })?;
        if !is_sent_on {
            let told = String::from_utf8(wire.reply()?)?;
            ensure!(told.starts_with("-UNBLOCKED ") || told.starts_with("-UNSURE "), "{told:?}");
            ask(&mut wire, &format!("BLPOP {key} 0"))?;
            wait_until_blocked(&cluster.nodes[replica], 1)?;
        }
        expect(&mut proxy.wire()?, &format!("RPUSH {key} x"), ":1\r\n")?;
        ensure!(String::from_utf8(wire.reply()?)?.ends_with("$1\r\nx\r\n"));
        cluster.promote(0)?;
        proxy.stop()
    })
}

fn more_clients_than_connections_take_turns_or_are_told(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("turns-server"))?;
    // Longer than what is asked below takes on a busy machine.
    let op_timeout = Duration::from_secs(3);
    let options = Options { op_timeout, ..Options::server(&server) }.with("leases_max: 1");
    let proxy = Proxy::start(&stage.folder("turns"), options)?;
    // Workers take turns, so each of these two has the one connection of its worker.
    let mut first: Vec<Wire> = (0..2).map(|_| proxy.wire()).collect::<Result<_>>()?;
    for wire in &mut first {
        ask(wire, "BLPOP queue 0")?;
    }
    wait_until_blocked(&server, 2)?;
    let mut late = proxy.wire()?;
    let told = late.say("BLPOP queue 0")?;
    let words = "all leases_max connections of its worker were lent for op_timeout";
    ensure!(told.starts_with("-UNSENT ") && told.contains(words), "{told:?}");
    expect(&mut late, "PING", "+PONG\r\n")?;
    let mut next: Vec<Wire> = (0..2).map(|_| proxy.wire()).collect::<Result<_>>()?;
    let push = |value: &str| proxy.wire()?.say(&format!("RPUSH queue {value}"));
    for wire in &mut next {
        ask(wire, "BLPOP other 0")?;
    }
    push("x")?;
    push("y")?;
    for wire in &mut first {
        ensure!(wire.reply()?.starts_with(b"*2\r\n"));
    }
    wait_until_blocked(&server, 2)?;
    proxy.wire()?.say("RPUSH other a b")?;
    for wire in &mut next {
        ensure!(wire.reply()?.starts_with(b"*2\r\n"), "it got the connection that was given back");
    }
    proxy.stop()
}
