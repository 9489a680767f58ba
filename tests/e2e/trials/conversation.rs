//! One client and its commands: order, merging, inline commands, odd chunks, large values.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::{Story, stories};
use crate::harness::{Cluster, Stage, command};

pub(super) const STORIES: &[Story] = stories![
    pipelined_replies_come_in_order_from_three_nodes,
    a_multi_key_command_over_all_nodes_is_merged_in_the_order_asked,
    inline_commands_are_served,
    commands_that_arrive_byte_by_byte_are_served,
    a_large_value_comes_back_whole,
    a_client_that_half_closes_gets_all_its_replies,
    quit_is_answered_before_the_connection_closes,
];

/// Keys of all three nodes, in an order that changes node at almost every step.
fn keys_of_all_nodes(cluster: &Cluster, prefix: &str, each: usize) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for node in 0..cluster.nodes.len() {
        keys.extend(cluster.keys_of(node, prefix, each)?);
    }
    keys.shuffle(&mut StdRng::seed_from_u64(7));
    Ok(keys)
}

fn pipelined_replies_come_in_order_from_three_nodes(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let keys = keys_of_all_nodes(&shared.cluster, "order:", 20)?;
    let mut sent = Vec::new();
    let mut expected = Vec::new();
    for (index, key) in keys.iter().cycle().take(1500).enumerate() {
        let value = format!("value {index}");
        sent.extend(command(&["SET", key, &value]));
        expected.push("+OK\r\n".to_owned());
        sent.extend(command(&["GET", key]));
        expected.push(format!("${}\r\n{value}\r\n", value.len()));
    }
    let mut wire = shared.proxy.wire()?;
    wire.send(&sent)?;
    for (index, expected) in expected.iter().enumerate() {
        let reply = wire.reply().with_context(|| format!("reply {index}"))?;
        ensure!(
            reply == expected.as_bytes(),
            "reply {index} is {}, not {expected:?}",
            reply.escape_ascii()
        );
    }
    Ok(())
}

fn a_multi_key_command_over_all_nodes_is_merged_in_the_order_asked(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let mut keys = keys_of_all_nodes(&shared.cluster, "multi:", 7)?;
    for mut connection in [shared.proxy.connection()?, shared.proxy.connection3()?] {
        let pairs: Vec<(&str, String)> =
            keys.iter().map(|key| (key.as_str(), format!("of {key}"))).collect();
        let answer: String = redis::cmd("MSET").arg(&pairs).query(&mut connection)?;
        ensure!(answer == "OK");

        // Some keys twice, some not there.
        let mut asked: Vec<&str> = keys.iter().chain(&keys[..5]).map(String::as_str).collect();
        asked.insert(3, "multi:nobody");
        asked.push("multi:nothing");
        let values: Vec<Option<String>> = redis::cmd("MGET").arg(&asked).query(&mut connection)?;
        let missing = ["multi:nobody", "multi:nothing"];
        let expected: Vec<Option<String>> =
            asked.iter().map(|key| (!missing.contains(key)).then(|| format!("of {key}"))).collect();
        ensure!(values == expected, "MGET {asked:?} gave {values:?}");

        for (name, expected) in [("EXISTS", 26), ("TOUCH", 26)] {
            let count: u32 = redis::cmd(name).arg(&asked).query(&mut connection)?;
            ensure!(count == expected, "{name} gave {count}, not {expected}");
        }
        let (left, right) = keys.split_at(10);
        let deleted: u32 = redis::cmd("DEL").arg(left).arg("multi:no").query(&mut connection)?;
        ensure!(deleted == 10, "DEL gave {deleted}");
        let unlinked: u32 = redis::cmd("UNLINK").arg(&keys).query(&mut connection)?;
        ensure!(unlinked == 11, "UNLINK gave {unlinked}, not {}", right.len());
        keys.reverse();
    }
    Ok(())
}

fn inline_commands_are_served(stage: &Stage) -> Result<()> {
    let mut wire = stage.shared()?.proxy.wire()?;
    wire.send(b"PING\r\n\r\n\r\nset inline:a  \"two words\\x21\"\nget inline:a\r\n")?;
    wire.send(b"del inline:a 'inline:b'\r\nget inline:a\r\n")?;
    wire.send(&command(&["ECHO", "and RESP again"]))?;
    let expected = ["+PONG", "+OK", "$10\r\ntwo words!", ":1", "$-1", "$14\r\nand RESP again"];
    for expected in expected {
        let reply = wire.reply()?;
        ensure!(reply == format!("{expected}\r\n").as_bytes(), "{}", reply.escape_ascii());
    }
    Ok(())
}

fn commands_that_arrive_byte_by_byte_are_served(stage: &Stage) -> Result<()> {
    let mut wire = stage.shared()?.proxy.wire()?;
    let mut bytes = command(&["SET", "slow:a", "\r\n$1\r\n"]);
    bytes.extend(command(&["MGET", "slow:a", "slow:b"]));
    bytes.extend(b"GET slow:a\r\n");
    for byte in bytes {
        wire.send(&[byte])?;
    }
    for expected in ["+OK", "*2\r\n$6\r\n\r\n$1\r\n\r\n$-1", "$6\r\n\r\n$1\r\n"] {
        let reply = wire.reply()?;
        ensure!(reply == format!("{expected}\r\n").as_bytes(), "{}", reply.escape_ascii());
    }
    Ok(())
}

fn a_large_value_comes_back_whole(stage: &Stage) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(11);
    let value: Vec<u8> = (0..5_000_000).map(|_| rng.random()).collect();
    for mut connection in
        [stage.shared()?.proxy.connection()?, stage.shared()?.proxy.connection3()?]
    {
        redis::cmd("SET").arg("large:a").arg(&value).exec(&mut connection)?;
        let (one, many): (Vec<u8>, Vec<Option<Vec<u8>>>) = redis::pipe()
            .cmd("GET")
            .arg("large:a")
            .cmd("MGET")
            .arg(&["large:none", "large:a"])
            .query(&mut connection)?;
        ensure!(one == value, "GET gave another value of {} bytes", one.len());
        ensure!(many == [None, Some(value.clone())], "MGET gave another value");
        redis::cmd("DEL").arg("large:a").exec(&mut connection)?;
    }
    Ok(())
}

fn a_client_that_half_closes_gets_all_its_replies(stage: &Stage) -> Result<()> {
    let mut wire = stage.shared()?.proxy.wire()?;
    let mut expected = String::new();
    for index in 0..100 {
        wire.send(&command(&["SET", &format!("half:{index}"), "x"]))?;
        write!(expected, "+OK\r\n")?;
    }
    wire.finish()?;
    let replies = wire.read_to_close()?;
    ensure!(replies == expected.as_bytes(), "{}", replies.escape_ascii());
    Ok(())
}

fn quit_is_answered_before_the_connection_closes(stage: &Stage) -> Result<()> {
    let mut wire = stage.shared()?.proxy.wire()?;
    wire.send(&[command(&["SET", "quit:a", "x"]), command(&["QUIT"])].concat())?;
    let replies = wire.read_to_close()?;
    ensure!(replies == b"+OK\r\n+OK\r\n", "{}", replies.escape_ascii());
    Ok(())
}
