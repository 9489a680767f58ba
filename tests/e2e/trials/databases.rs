//! A client that chooses a database has it to itself, and no other client is in it unawares.

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Story, stories};
use crate::harness::{Options, Proxy, Stage};

pub(super) const STORIES: &[Story] = stories![
    every_client_finds_what_was_written_to_the_database_that_it_chose,
    what_a_client_chose_ends_with_a_reset_and_begins_with_the_configuration,
    a_cluster_has_database_0_alone,
];

fn every_client_finds_what_was_written_to_the_database_that_it_chose(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let mut direct = shared.server.wire()?;
    for database in 0..16 {
        direct.say(&format!("SELECT {database}"))?;
        direct.say(&format!("SET where {database}"))?;
    }
    let mut rng = StdRng::seed_from_u64(16);
    let mut clients = Vec::new();
    for number in 0..24 {
        let mut client = shared.server_proxy.wire()?;
        client.say(if number % 2 == 0 { "HELLO 2" } else { "HELLO 3" })?;
        clients.push((client, 0));
    }
    for _ in 0..1000 {
        let chosen = rng.random_range(0..clients.len());
        let (client, database) = &mut clients[chosen];
        if rng.random_bool(0.3) {
            *database = rng.random_range(0..16);
            ensure!(client.say(&format!("SELECT {database}"))? == "+OK\r\n");
        }
        let digits = database.to_string();
        let reply = client.say("GET where")?;
        let expected = format!("${}\r\n{digits}\r\n", digits.len());
        ensure!(reply == expected, "database {database}: {reply:?}");
    }
    // However the commands of one client are cut into packets, each runs where it was meant to.
    let (client, _) = &mut clients[0];
    client.send(
        "SELECT 1\r\nINCR n\r\nSELECT 2\r\nINCR n\r\nSELECT 1\r\nINCR n\r\nDEL n\r\n".as_bytes(),
    )?;
    for expected in ["+OK", ":1", "+OK", ":1", "+OK", ":2", ":1"] {
        let reply = client.reply()?;
        ensure!(reply == format!("{expected}\r\n").as_bytes(), "{}", reply.escape_ascii());
    }
    client.say("SELECT 0")?;
    ensure!(client.say("SELECT 16")? == "-ERR DB index is out of range\r\n");
    ensure!(client.say("COPY where copied DB 7")? == ":1\r\n");
    client.say("SELECT 7")?;
    ensure!(client.say("GETDEL copied")? == "$1\r\n0\r\n");
    direct.say("SELECT 2")?;
    direct.say("DEL n")?;
    Ok(())
}

fn what_a_client_chose_ends_with_a_reset_and_begins_with_the_configuration(
    stage: &Stage,
) -> Result<()> {
    let shared = stage.shared()?;
    let options = Options::server(&shared.server).with("database: 3");
    let proxy = Proxy::start(&stage.folder("database"), options)?;
    let (mut client, mut direct) = (proxy.wire()?, shared.server.wire()?);
    for database in ["0", "3", "4"] {
        direct.say(&format!("SELECT {database}"))?;
        direct.say(&format!("SET home {database}"))?;
    }
    for (line, expected) in [
        ("GET home", "$1\r\n3\r\n"),
        ("SELECT 0", "+OK\r\n"),
        ("GET home", "$1\r\n0\r\n"),
        ("SELECT 4", "+OK\r\n"),
        ("GET home", "$1\r\n4\r\n"),
        ("MULTI", "+OK\r\n"),
        ("GET home", "+QUEUED\r\n"),
        ("EXEC", "*1\r\n$1\r\n4\r\n"),
        ("RESET", "+RESET\r\n"),
        ("GET home", "$1\r\n3\r\n"),
    ] {
        let reply = client.say(line)?;
        ensure!(reply == expected, "{line} gave {reply:?}");
    }
    ensure!(client.say("CLIENT INFO")?.contains(" db=3 "));
    client.say("SELECT 9")?;
    ensure!(client.say("CLIENT INFO")?.contains(" db=9 "));
    proxy.stop()
}

fn a_cluster_has_database_0_alone(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let (mut client, mut node) = (shared.proxy.wire()?, shared.cluster.nodes[0].wire()?);
    let key = &shared.cluster.keys_of(0, "home:", 1)?[0];
    let moves = format!("MOVE {key} 1");
    for line in ["SELECT 0", "SELECT 1", "SELECT 16", "SELECT -1", "SELECT x", "SWAPDB 0 1", &moves]
    {
        let (reply, expected) = (client.say(line)?, node.say(line)?);
        // Valkey 9 could have more than one.
        let has_one_of_many = expected == "-ERR DB index is out of range\r\n"
            && (reply.contains(" is not allowed in cluster mode") || line == moves);
        ensure!(
            reply == expected || has_one_of_many,
            "{line} gave {reply:?}, a node says {expected:?}"
        );
    }
    Ok(())
}
