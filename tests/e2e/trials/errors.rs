//! A mistake is answered with the words that Redis itself has for it.

use anyhow::{Result, ensure};

use super::{Story, stories};
use crate::harness::{Stage, Wire, command};

pub(super) const STORIES: &[Story] = stories![
    a_mistaken_command_is_answered_in_the_servers_own_words,
    a_malformed_command_is_answered_in_the_servers_own_words,
    keys_of_several_slots_are_refused_by_name,
];

/// Compared word for word with what the server says.
const MISTAKES: &[&str] = &[
    "NOSUCH",
    "nosuch a b",
    "NoSuch {long} x {long} y",
    "GET",
    "GET a b",
    "get",
    "SET a",
    "MGET",
    "MSET",
    "MSET a",
    "MSET a 1 b",
    "DEL",
    "INCR",
    "HSET h f",
    "HSET h f v g",
    "LPUSH l",
    "SADD s",
    "ZADD z 1",
    "PING a b",
    "ECHO",
    "ECHO a b",
    "SELECT",
    "SELECT x",
    "AUTH",
    "AUTH secret",
    "HELLO 1",
    "HELLO 4",
    "HELLO x",
    "HELLO 3 NOSUCH",
    "CLIENT",
    "CLIENT NOSUCH",
    "CLIENT SETNAME",
    "CLIENT GETNAME x",
    "CLIENT ID x",
    "COMMAND NOSUCH",
    "COMMAND COUNT x",
];

/// Not RESP: each is answered with an error and the connection closed.
const MALFORMED: &[&[u8]] = &[
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$-5\r\n",
    b"*1\r\n$x\r\n",
    b"*1\r\n*1\r\n",
    b"*1\r\n+GET\r\n",
    b"*x\r\n",
    b"*99999999999999\r\n",
    b"*2\r\n$3\r\nGET\r\nkey\r\n",
    b"GET \"unbalanced\r\n",
    AFTER_QUOTES,
];

/// Is well formed for Valkey since version 9.
const AFTER_QUOTES: &[u8] = b"SET a 'x'y\r\n";

fn a_mistaken_command_is_answered_in_the_servers_own_words(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let mut server = shared.server.wire()?;
    for proxy in [&shared.proxy, &shared.server_proxy] {
        let mut wire = proxy.wire()?;
        for mistake in MISTAKES {
            let line = mistake.replace("{long}", &"long".repeat(40));
            let (expected, reply) = (server.say(&line)?, wire.say(&line)?);
            ensure!(reply == expected, "{line}: {reply:?}, the server itself says {expected:?}");
            ensure!(reply.starts_with('-'), "{line} is no mistake: {reply:?}");
        }
        ensure!(wire.say("PING still here")?.starts_with("-ERR wrong number"));
        ensure!(wire.say("PING")? == "+PONG\r\n");
    }
    Ok(())
}

fn a_malformed_command_is_answered_in_the_servers_own_words(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let lenient = shared.server.wire()?.say("INFO server")?.contains("valkey_version:9.");
    for malformed in MALFORMED.iter().filter(|&&line| !lenient || line != AFTER_QUOTES) {
        let mut bytes = command(&["PING", "what came before"]);
        bytes.extend_from_slice(malformed);
        let expected = last_words(shared.server.wire()?, &bytes)?;
        let reply = last_words(shared.proxy.wire()?, &bytes)?;
        ensure!(
            reply == expected,
            "{}: {reply:?}, the server itself says {expected:?}",
            malformed.escape_ascii()
        );
    }
    Ok(())
}

fn last_words(mut wire: Wire, bytes: &[u8]) -> Result<String> {
    wire.send(bytes)?;
    let words = String::from_utf8_lossy(&wire.read_to_close()?).into_owned();
    ensure!(words.starts_with("$16\r\nwhat came before\r\n-ERR Protocol error: "), "{words:?}");
    Ok(words)
}

fn keys_of_several_slots_are_refused_by_name(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let mut node = shared.cluster.nodes[0].wire()?;
    let mut wire = shared.proxy.wire()?;
    for line in ["RENAME one two", "SINTER one two", "COPY one two", "SUNIONSTORE {a}1 {a}2 {b}3"] {
        let (expected, reply) = (node.say(line)?, wire.say(line)?);
        let expected = expected.trim_end();
        ensure!(expected.starts_with("-CROSSSLOT "), "the node itself says {expected:?}");
        ensure!(reply.starts_with(expected), "{line}: {reply:?}, the node says {expected:?}");
        // The first and the last key are in two slots, whatever is between them.
        let first = line.split(' ').nth(1).unwrap_or_default();
        let last = line.rsplit(' ').next().unwrap_or_default();
        let named = |key: &str| reply.contains(&format!("'{key}'"));
        ensure!(named(first) && named(last), "{line}: {reply:?} does not name the keys");
    }
    ensure!(wire.say("SINTER {same}1 {same}2")? == "*0\r\n");
    // One server has no slots, so there is nothing to refuse.
    ensure!(shared.server_proxy.wire()?.say("SINTER one two")? == "*0\r\n");
    Ok(())
}
