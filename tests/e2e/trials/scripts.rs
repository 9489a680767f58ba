//! Scripts that a node has lost are given to it again.

use anyhow::{Result, ensure};

use super::{Story, stories};
use crate::harness::{Stage, command};

pub(super) const STORIES: &[Story] = stories![
    a_script_that_every_node_has_lost_is_found_by_its_digest,
    a_script_that_one_node_was_given_is_found_at_the_others,
    scripts_in_a_pipeline_keep_their_order_when_their_node_has_lost_them,
    scripts_are_lost_when_a_client_flushes_them,
];

const COUNT: &str = "return redis.call('INCRBY', KEYS[1], ARGV[1])";

fn loaded(text: &str) -> String {
    text.split("\r\n").nth(1).unwrap_or_default().to_owned()
}

fn a_script_that_every_node_has_lost_is_found_by_its_digest(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let mut clients: Vec<_> = (0..6).map(|_| shared.proxy.wire()).collect::<Result<_>>()?;
    let digest = loaded(&String::from_utf8(clients[0].call(&["SCRIPT", "LOAD", COUNT])?)?);
    let repaired = "redpoll_upstream_retries_total{upstream=\"main\",cause=\"noscript\"}";
    let before = shared.proxy.metric(repaired)?;
    for node in &shared.cluster.nodes {
        ensure!(node.wire()?.say("SCRIPT FLUSH")? == "+OK\r\n");
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client.say(&format!("DEL script:{number}"))?;
        let reply = client.say(&format!("EVALSHA {digest} 1 script:{number} 7"))?;
        ensure!(reply == ":7\r\n", "client {number}: {reply:?}");
    }
    let count = shared.proxy.metric(repaired)? - before;
    ensure!((1..=3).contains(&count), "{count} commands were repaired, at three nodes");
    let mut batch = command(&["MULTI"]);
    batch.extend(command(&["EVALSHA", &"0".repeat(40), "0"]));
    batch.extend(command(&["EXEC"]));
    clients[0].send(&batch)?;
    let replies: Vec<_> = (0..3).map(|_| clients[0].reply()).collect::<Result<_>>()?;
    ensure!(replies[2].starts_with(b"*1\r\n-NOSCRIPT"), "{}", replies[2].escape_ascii());
    Ok(())
}

fn a_script_that_one_node_was_given_is_found_at_the_others(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let script = "return 'known ' .. KEYS[1]";
    let digest = "0bef0ab6a7f6421672f9cd3cda4e7911c751c2ab";
    let mut client = shared.proxy.wire()?;
    let mut keys = Vec::new();
    for node in 0..shared.cluster.nodes.len() {
        keys.extend(shared.cluster.keys_of(node, "given:", 1)?);
    }
    client.call(&["EVAL", script, "1", &keys[0]])?;
    for name in ["EVALSHA", "EVALSHA_RO"] {
        for key in &keys {
            let reply = shared.proxy.wire()?.call(&[name, digest, "1", key])?;
            let expected = format!("${}\r\nknown {key}\r\n", key.len() + 6);
            ensure!(reply == expected.as_bytes(), "{name} {key}: {}", reply.escape_ascii());
        }
    }
    Ok(())
}

fn scripts_in_a_pipeline_keep_their_order_when_their_node_has_lost_them(
    stage: &Stage,
) -> Result<()> {
    let shared = stage.shared()?;
    let push = "return redis.call('RPUSH', KEYS[1], ARGV[1])";
    let mut client = shared.server_proxy.wire()?;
    let digest = loaded(&String::from_utf8(client.call(&["SCRIPT", "LOAD", push])?)?);
    client.say("DEL script:list")?;
    ensure!(shared.server.wire()?.say("SCRIPT FLUSH")? == "+OK\r\n");
    let mut bytes = Vec::new();
    for number in 0..500 {
        bytes.extend(command(&["EVALSHA", &digest, "1", "script:list", &number.to_string()]));
    }
    client.send(&bytes)?;
    for number in 1..=500 {
        let reply = client.reply()?;
        let expected = format!(":{number}\r\n");
        ensure!(reply == expected.as_bytes(), "{number}: {}", reply.escape_ascii());
    }
    let last = client.say("LRANGE script:list 498 -1")?;
    ensure!(last == "*2\r\n$3\r\n498\r\n$3\r\n499\r\n", "{last:?}");
    Ok(())
}

fn scripts_are_lost_when_a_client_flushes_them(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    for proxy in [&shared.proxy, &shared.server_proxy] {
        let mut client = proxy.wire()?;
        let digest = loaded(&String::from_utf8(client.call(&["SCRIPT", "LOAD", "return 61"])?)?);
        ensure!(client.say(&format!("EVALSHA {digest} 0"))? == ":61\r\n");
        ensure!(client.say("SCRIPT FLUSH")? == "+OK\r\n");
        let reply = proxy.wire()?.say(&format!("EVALSHA {digest} 0"))?;
        ensure!(reply.starts_with("-NOSCRIPT"), "{reply:?}");
    }
    Ok(())
}
