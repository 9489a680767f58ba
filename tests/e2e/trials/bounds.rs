//! What clients that do not read, and servers that do not answer, cost in memory, and that it is
//! given back.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{Options, Proxy, Server, Stage, command, pause, wait_until};

pub(super) const STORIES: &[Story] = stories![
    a_client_that_reads_none_of_300_large_replies_costs_less_than_16_mib,
    a_client_that_reads_300_large_replies_slowly_gets_them_all,
    fifty_clients_that_write_to_a_stuck_server_stay_within_memory_max,
    large_commands_that_do_not_all_fit_are_done_or_refused_at_once,
    half_commands_of_silent_clients_shut_nobody_out,
];

const MIB: u64 = 1024 * 1024;

/// Replies that a client asks for at once, each of a megabyte.
const REPLIES: usize = 300;

/// What one client may cost that reads none of them.
const CLIENT_BYTES_MAX: u64 = 16 * MIB;

/// How soon memory is given back once nobody needs it.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(10);

/// What may be kept of it.
const KEPT_BYTES_MAX: u64 = 6 * MIB;

/// What all buffers may hold where that is limited.
const MEMORY_MAX: u64 = 64 * MIB;

/// Writers before a server that is stuck, and how long they write.
const WRITERS: usize = 50;
const WRITING: Duration = Duration::from_secs(4);

/// Writers of commands so large that not all of them fit, and how soon each is answered.
const LARGE_WRITERS: usize = 12;
const LARGE_WITHIN: Duration = Duration::from_secs(10);

/// Who is not read for so long is shut out.
const SHUT_OUT_AFTER: Duration = Duration::from_secs(1);

/// How soon somebody else is served.
const SERVED_WITHIN: Duration = Duration::from_secs(8);

/// A proxy before a server with a large value, and what the proxy has resident when it is idle.
fn proxy(stage: &Stage, server: &Server, memory_bytes: Option<u64>) -> Result<(Proxy, u64)> {
    let options = Options { memory_bytes, ..Options::server(server) };
    let proxy = Proxy::start(&stage.folder("bounds"), options)?;
    server.wire()?.call(&["SET", "large", &"x".repeat(1 << 20)])?;
    // Both workers have had something to do.
    let mut wires = (0..8).map(|_| proxy.wire()).collect::<Result<Vec<_>>>()?;
    for wire in &mut wires {
        ensure!(wire.call(&["SET", "small", "1"])? == b"+OK\r\n");
    }
    let idle = proxy.resident_bytes()?;
    Ok((proxy, idle))
}

fn check_given_back(proxy: &Proxy, idle: u64) -> Result<()> {
    let mut last = 0;
    wait_until("the memory is given back", GIVEN_BACK_WITHIN, || {
        last = proxy.resident_bytes()?;
        Ok((last <= idle + KEPT_BYTES_MAX).then_some(()))
    })
    .with_context(|| format!("{last} bytes are resident, {idle} were before"))?;
    wait_until("nothing is counted as held", GIVEN_BACK_WITHIN, || {
        Ok((buffered(proxy)? == 0).then_some(()))
    })
}

fn buffered(proxy: &Proxy) -> Result<u64> {
    proxy.metric("redpoll_buffered_bytes")
}

fn a_client_that_reads_none_of_300_large_replies_costs_less_than_16_mib(
    stage: &Stage,
) -> Result<()> {
    let server = Server::standalone(&stage.folder("bounds-server"))?;
    let (proxy, idle) = proxy(stage, &server, None)?;
    for _ in 0..3 {
        let mut wire = proxy.wire()?;
        wire.send(&command(&["GET", "large"]).repeat(REPLIES))?;
        let mut before = 0;
        wait_until("no more replies are sent for", Duration::from_secs(5), || {
            pause(Duration::from_millis(200));
            let now = buffered(&proxy)?;
            Ok((now > MIB && now == std::mem::replace(&mut before, now)).then_some(()))
        })?;
        let cost = proxy.peak_resident_bytes()?.saturating_sub(idle);
        ensure!(cost < CLIENT_BYTES_MAX, "it has cost {cost} bytes");
        let open = proxy.metric("redpoll_downstream_connections")?;
        ensure!(open == 1, "the client is paused, not closed");
        drop(wire);
        check_given_back(&proxy, idle)?;
    }
    proxy.stop()
}

fn a_client_that_reads_300_large_replies_slowly_gets_them_all(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("bounds-server"))?;
    let (proxy, idle) = proxy(stage, &server, None)?;
    let mut wire = proxy.wire()?;
    wire.send(&command(&["GET", "large"]).repeat(REPLIES))?;
    // All in all twice the time that a command has.
    for reply in 0..REPLIES {
        pause(Duration::from_millis(if reply % 100 == 0 { 1_000 } else { 3 }));
        let bytes = wire.reply()?;
        ensure!(bytes.len() > 1 << 20 && bytes[0] == b'$', "reply {reply}: {} bytes", bytes.len());
    }
    let cost = proxy.peak_resident_bytes()?.saturating_sub(idle);
    ensure!(cost < CLIENT_BYTES_MAX, "it has cost {cost} bytes");
    drop(wire);
    check_given_back(&proxy, idle)?;
    proxy.stop()
}

fn fifty_clients_that_write_to_a_stuck_server_stay_within_memory_max(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("bounds-server"))?;
    let (proxy, idle) = proxy(stage, &server, Some(MEMORY_MAX))?;
    server.freeze()?;
    let enough = AtomicBool::new(false);
    let most = std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| write_until(&enough, &proxy));
        }
        let until = Instant::now() + WRITING;
        let mut most = 0;
        while Instant::now() < until {
            pause(Duration::from_millis(50));
            most = most.max(buffered(&proxy).unwrap_or_default());
        }
        enough.store(true, Ordering::Relaxed);
        most
    });
    ensure!((MEMORY_MAX / 4..MEMORY_MAX).contains(&most), "{most} bytes were in buffers");
    let cost = proxy.peak_resident_bytes()?.saturating_sub(idle);
    ensure!(cost < MEMORY_MAX, "it has cost {cost} bytes");
    server.thaw()?;
    check_given_back(&proxy, idle)?;
    proxy.stop()
}

fn large_commands_that_do_not_all_fit_are_done_or_refused_at_once(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("bounds-server"))?;
    let (proxy, idle) = proxy(stage, &server, Some(MEMORY_MAX))?;
    let set = command(&["SET", "larger", &"y".repeat(16 << 20)]);
    let begin = Instant::now();
    let replies = std::thread::scope(|scope| {
        let write = || -> Result<Vec<u8>> {
            let mut wire = proxy.wire()?;
            wire.send(&set)?;
            wire.reply()
        };
        let writers: Vec<_> = (0..LARGE_WRITERS).map(|_| scope.spawn(write)).collect();
        writers.into_iter().map(|writer| writer.join().expect("it does not panic")).collect()
    });
    let replies: Result<Vec<_>> = replies;
    let (done, refused): (Vec<_>, Vec<_>) =
        replies?.into_iter().partition(|reply| reply == b"+OK\r\n");
    ensure!(begin.elapsed() < LARGE_WITHIN, "it took {:?}", begin.elapsed());
    ensure!(!done.is_empty() && !refused.is_empty(), "{} are done", done.len());
    ensure!(refused.iter().all(|reply| reply.starts_with(b"-ERR no memory for the command")));
    let (_, metrics) = proxy.admin("/metrics")?;
    let closed = "redpoll_downstream_connections_closed_total{cause=\"starved\"}";
    ensure!(metrics.contains(&format!("{closed} {}\n", refused.len())), "{metrics}");
    let cost = proxy.peak_resident_bytes()?.saturating_sub(idle);
    // What the allocator needs comes on top.
    ensure!(cost < MEMORY_MAX * 3 / 2, "it has cost {cost} bytes");
    check_given_back(&proxy, idle)?;
    proxy.stop()
}

/// Writes as fast as may be, and reads what comes.
fn write_until(enough: &AtomicBool, proxy: &Proxy) -> Result<()> {
    let sets = command(&["SET", "small", &"y".repeat(1024)]).repeat(64);
    let mut stream = TcpStream::connect(proxy.address())?;
    stream.set_write_timeout(Some(Duration::from_millis(50)))?;
    stream.set_read_timeout(Some(Duration::from_millis(1)))?;
    let (mut from, mut replies) = (0, [0; 16 * 1024]);
    while !enough.load(Ordering::Relaxed) {
        // Both fail when there is nothing to be done for now.
        from += stream.write(&sets[from..]).unwrap_or(0);
        from %= sets.len();
        drop(stream.read(&mut replies));
    }
    Ok(())
}

/// The beginning of a command with a value of so many bytes, of which so many are sent.
fn half_a_command(whole: usize, sent: usize) -> Vec<u8> {
    let mut half = format!("*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n${whole}\r\n").into_bytes();
    half.resize(half.len() + sent, b'x');
    half
}

/// Three quarters of the memory are held by clients that have room for the rest of their commands,
/// and do not send it.
fn half_commands_of_silent_clients_shut_nobody_out(stage: &Stage) -> Result<()> {
    let memory = 8 * MIB;
    let server = Server::standalone(&stage.folder("silent"))?;
    let options = Options { memory_bytes: Some(memory), ..Options::server(&server) };
    let proxy = Proxy::start(&stage.folder("silent-proxy"), options)?;
    let mut silent = Vec::new();
    // Until one more is not read: there is no room.
    loop {
        ensure!(silent.len() < 100, "{} bytes are held", buffered(&proxy)?);
        let first = silent.is_empty();
        let (whole, sent) = if first { (4_100_000, 4_000_000) } else { (100_000, 60_000) };
        let before = buffered(&proxy)?;
        let mut socket = TcpStream::connect(proxy.address())?;
        socket.write_all(&half_a_command(whole, sent))?;
        silent.push(socket);
        let is_read = || Ok((buffered(&proxy)? >= before + sent as u64).then_some(()));
        if wait_until("it is read", SHUT_OUT_AFTER, is_read).is_err() {
            break;
        }
    }
    let mut small = TcpStream::connect(proxy.address())?;
    small.set_read_timeout(Some(SERVED_WITHIN))?;
    small.write_all(b"SET small 2\r\n")?;
    let mut reply = [0; 5];
    small.read_exact(&mut reply).context("somebody else is not served")?;
    ensure!(&reply == b"+OK\r\n", "{:?}", reply.escape_ascii().to_string());
    // A closed client is counted once it was told, for which it has a second.
    let starved = wait_until("who made room is counted", GIVEN_BACK_WITHIN, || {
        let counted =
            proxy.metric(r#"redpoll_downstream_connections_closed_total{cause="starved"}"#)?;
        Ok((counted > 0).then_some(counted))
    })?;
    ensure!(starved < silent.len() as u64, "all {starved} were closed");
    proxy.stop()
}
