//! Bytes that no honest client sends: each is answered with an error, and the process stays up and
//! small.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{Options, Proxy, Stage, command};

pub(super) const STORIES: &[Story] = stories![
    ten_thousand_random_byte_strings_are_each_answered_with_an_error,
    hostile_headers_are_each_answered_with_an_error,
    clients_that_say_half_a_command_cost_little,
];

const RANDOM_STRINGS: usize = 10_000;

/// What the process may have in memory at its peak.
const RESIDENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How soon a client that goes on after its last reply is cut off.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(5);

fn proxy(stage: &Stage) -> Result<Proxy> {
    Proxy::start(&stage.folder("hostile"), Options::server(&stage.shared()?.server))
}

fn check_unharmed(mut proxy: Proxy) -> Result<()> {
    proxy.check_serving()?;
    let peak = proxy.peak_resident_bytes()?;
    ensure!(peak <= RESIDENT_BYTES_MAX, "it has had {peak} bytes resident");
    proxy.stop()
}

/// Sends bytes that end in a protocol error, and checks that the last thing said is an error.
fn check_refused(proxy: &Proxy, bytes: &[u8]) -> Result<String> {
    let mut wire = proxy.wire()?;
    // It may close before everything is sent.
    let sent = wire.send(bytes);
    let said = String::from_utf8_lossy(&wire.read_to_close()?).into_owned();
    let last = said.lines().last().unwrap_or_default().to_owned();
    ensure!(last.starts_with("-ERR "), "said {said:?}, and sending: {sent:?}");
    Ok(last)
}

fn ten_thousand_random_byte_strings_are_each_answered_with_an_error(stage: &Stage) -> Result<()> {
    const SEED: u64 = 1976;
    let proxy = proxy(stage)?;
    let mut rng = StdRng::seed_from_u64(SEED);
    for index in 0..RANDOM_STRINGS {
        let mut bytes = vec![0; rng.random_range(1..300)];
        rng.fill(&mut bytes[..]);
        if rng.random_bool(0.5) {
            // Half of them are taken for RESP at first.
            let header = b"*$+-:_#,%~>!=|("[rng.random_range(0..15)];
            bytes[0] = if rng.random_bool(0.7) { b'*' } else { header };
            let count = format!("{}\r\n", rng.random_range(-3..5));
            bytes.splice(1..1, count.bytes());
        }
        // However the string was taken, nothing can follow this but an error.
        bytes.extend_from_slice(b"\r\n*1\r\n$-5\r\n");
        check_refused(&proxy, &bytes)
            .with_context(|| format!("seed {SEED}, string {index}: {}", bytes.escape_ascii()))?;
    }
    check_unharmed(proxy)
}

fn hostile_headers_are_each_answered_with_an_error(stage: &Stage) -> Result<()> {
    let proxy = proxy(stage)?;
    let deep_array = b"*1\r\n".repeat(128);
    let long_line = vec![b'x'; 80 * 1024];
    let long_count = [b"*".to_vec(), vec![b'1'; 80 * 1024]].concat();
    let cases: [(&[u8], &str); 10] = [
        (b"*1000000000\r\n", "invalid multibulk length"),
        (b"*9223372036854775808\r\n", "invalid multibulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$9223372036854775807\r\n", "invalid bulk length"),
        (b"*1\r\n$-5\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (&deep_array, "expected '$', got '*'"),
        (&long_line, "too big inline request"),
        (&long_count, "invalid multibulk length"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870913\r\n", "invalid bulk length"),
    ];
    for (bytes, words) in cases {
        let name = bytes[..bytes.len().min(40)].escape_ascii().to_string();
        let last = check_refused(&proxy, bytes).context(name.clone())?;
        ensure!(last.starts_with("-ERR Protocol error: "), "{name}: {last}");
        ensure!(last.contains(words), "{name}: {last}");
    }
    endless_line(&proxy)?;
    check_unharmed(proxy)
}

/// A client that never ends its line is told so, and cut off if it goes on.
fn endless_line(proxy: &Proxy) -> Result<()> {
    let mut wire = proxy.wire()?;
    let piece = vec![b'y'; 64 * 1024];
    wire.send(&piece)?;
    wire.send(b"y")?;
    let reply = wire.reply()?;
    ensure!(reply == b"-ERR Protocol error: too big inline request\r\n");
    let deadline = Instant::now() + CUT_OFF_WITHIN;
    while wire.send(&piece).is_ok() {
        ensure!(Instant::now() < deadline, "it still listens after {CUT_OFF_WITHIN:?}");
    }
    Ok(())
}

fn clients_that_say_half_a_command_cost_little(stage: &Stage) -> Result<()> {
    let proxy = proxy(stage)?;
    let mut waiting = Vec::new();
    for index in 0..300 {
        let mut wire = proxy.wire()?;
        // The largest announcements that are allowed, and nothing after them.
        let half: &[u8] = match index % 3 {
            0 => b"*1048576\r\n$3\r\nDEL\r\n$536870912\r\nx",
            1 => b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nhalf",
            _ => b"SET k half-a-line",
        };
        wire.send(half)?;
        waiting.push(wire);
    }
    // Those who speak properly are served meanwhile.
    let mut wire = proxy.wire()?;
    for _ in 0..100 {
        ensure!(wire.call(&["SET", "half:k", "whole"])? == b"+OK\r\n");
    }
    // One of the waiting goes on, piece by piece, and is served too.
    let mut slow = proxy.wire()?;
    let whole = command(&["SET", "half:k", &"z".repeat(100_000)]);
    for piece in whole.chunks(10_000) {
        slow.send(piece)?;
        ensure!(wire.say("PING")? == "+PONG\r\n");
    }
    ensure!(slow.reply()? == b"+OK\r\n");
    check_unharmed(proxy)?;
    let told = waiting.iter_mut().all(|wire| wire.read_to_close().is_ok());
    ensure!(told, "a client waiting in the middle of a command was not let go by the drain");
    Ok(())
}
