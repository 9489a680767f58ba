//! A server that says what it must not, or too early: nobody gets another's reply.

use std::io::Write as _;

use anyhow::{Result, ensure};

use super::{Story, stories};
use crate::harness::{EARLY, Fake, Options, PATIENCE, Proxy, Stage, Wire, command};

pub(super) const STORIES: &[Story] = stories![
    an_early_error_reply_shifts_nobodys_reply,
    what_is_not_resp_or_nobody_asked_for_shifts_nobodys_reply,
];

/// A proxy before a server that misbehaves, and clients that are bystanders.
fn before_a_fake(stage: &Stage, name: &str) -> Result<(Fake, Proxy, Vec<Wire>)> {
    let fake = Fake::start()?;
    // One connection, for all to share.
    let options = Options::at(fake.address).with("connections_per_node: 1");
    let proxy = Proxy::start(&stage.folder(name), options)?;
    let clients = (0..10).map(|_| proxy.wire()).collect::<Result<_>>()?;
    Ok((fake, proxy, clients))
}

/// Bystanders read keys of their own, two at a time, while `action` happens between the two halves
/// of what they do. Every reply is theirs, or an error that says what is known. Gives the errors.
fn bystand(
    clients: &mut [Wire],
    round: usize,
    action: impl FnOnce() -> Result<()>,
) -> Result<usize> {
    let keys = |client: usize| [0, 1, 2, 3].map(|key| format!("by:{round}:{client}:{key}"));
    let ask = |wire: &mut Wire, keys: &[String]| {
        let gets: Vec<u8> = keys.iter().flat_map(|key| command(&["GET", key])).collect();
        wire.send(&gets)
    };
    for (client, wire) in clients.iter_mut().enumerate() {
        ask(wire, &keys(client)[..2])?;
    }
    action()?;
    let mut errors = 0;
    for (client, wire) in clients.iter_mut().enumerate() {
        ask(wire, &keys(client)[2..])?;
        for key in keys(client) {
            let reply = wire.reply()?;
            if reply.starts_with(b"-UNS") {
                errors += 1;
                continue;
            }
            let expected = format!("${}\r\n{key}\r\n", key.len());
            ensure!(reply == expected.as_bytes(), "GET {key} gave {}", reply.escape_ascii());
        }
    }
    Ok(errors)
}

fn an_early_error_reply_shifts_nobodys_reply(stage: &Stage) -> Result<()> {
    let (fake, mut proxy, mut clients) = before_a_fake(stage, "early")?;
    let mut wire = proxy.wire()?;
    let mut errors = 0;
    for round in 0..10 {
        // Larger than the sockets' buffers: the error comes while it is being written.
        let value = "v".repeat(8 << 20);
        errors += bystand(&mut clients, round, || {
            let reply = wire.call(&["SET", &format!("early:{round}"), &value])?;
            ensure!(reply == EARLY.as_bytes(), "SET gave {}", reply.escape_ascii());
            Ok(())
        })?;
        ensure!(wire.call(&["GET", "after"])? == b"$5\r\nafter\r\n");
    }
    ensure!(errors == 0, "{errors} commands of others failed");
    drop(fake);
    proxy.terminate()?;
    proxy.wait_for_success(PATIENCE)
}

fn what_is_not_resp_or_nobody_asked_for_shifts_nobodys_reply(stage: &Stage) -> Result<()> {
    let (fake, mut proxy, mut clients) = before_a_fake(stage, "garbage")?;
    let before = fake.accepted();
    let (mut told, mut others) = (0, 0);
    let mut provoke = |key: String| {
        let reply = proxy.wire()?.call(&["GET", &key])?;
        if reply.starts_with(b"-UNSURE ") || reply.starts_with(b"-UNSENT ") {
            told += 1;
            return Ok(());
        }
        // Of two replies the first is taken for its own.
        let own = format!("${}\r\n{key}\r\n", key.len());
        ensure!(reply == own.as_bytes(), "GET {key} gave {}", reply.escape_ascii());
        Ok(())
    };
    for round in 0..20 {
        others += bystand(&mut clients, round, || provoke(format!("garbage:{round}")))?;
        // Only while nobody waits for a reply can it be known that one belongs to nobody.
        provoke(format!("twice:{round}"))?;
    }
    let connections = fake.accepted() - before;
    writeln!(
        std::io::stderr(),
        "garbage: {told} of 40 commands that caused it were told, {others} of 800 others; \
         {connections} connections"
    )?;
    ensure!(told >= 20 && connections >= 40, "it was not noticed");
    let garbled = "redpoll_upstream_connections_closed_total{upstream=\"main\",cause=\"garbled\"}";
    ensure!(proxy.metric(garbled)? >= 40, "it was not noticed");
    proxy.terminate()?;
    proxy.wait_for_success(PATIENCE)
}
