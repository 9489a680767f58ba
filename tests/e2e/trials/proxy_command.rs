//! `PROXY` tells what Redpoll knows and would do, to people at `redis-cli`.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{Options, Proxy, Server, Settings, Stage, run_tool};

pub(super) const STORIES: &[Story] = stories![
    a_command_goes_where_it_was_said_to_go,
    the_topology_told_is_that_of_the_cluster,
    every_primary_of_a_cluster_tells_of_itself,
    upstreams_are_told_without_their_passwords,
];

/// What `redis-cli` shows of a reply, in both protocols.
fn shown(proxy: &Proxy, words: &[&str]) -> Result<[String; 2]> {
    let port = proxy.port.to_string();
    let ask = |protocol: &str| {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &port, protocol]).args(words);
        run_tool(&mut command, "")
    };
    Ok([ask("-2")?, ask("-3")?])
}

fn a_command_goes_where_it_was_said_to_go(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    for node in 0..shared.cluster.nodes.len() {
        let key = &shared.cluster.keys_of(node, "route:", 1)?[0];
        let address = shared.cluster.nodes[node].address().to_string();
        for text in shown(&shared.proxy, &["PROXY", "ROUTE", "SET", key, "secret"])? {
            ensure!(text.contains(&format!("goes whole to {address}, the owner")), "{text}");
            ensure!(!text.contains("secret"), "{text}");
        }
        ensure!(shared.proxy.wire()?.say(&format!("EXISTS {key}"))? == ":0\r\n", "it ran");
    }
    let [text, _] = shown(&shared.server_proxy, &["PROXY", "ROUTE", "MGET", "a", "b"])?;
    ensure!(text.contains("the only server"), "{text}");
    Ok(())
}

fn the_topology_told_is_that_of_the_cluster(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let owners = shared.cluster.owners()?;
    let [text, _] = shown(&shared.proxy, &["PROXY", "TOPOLOGY"])?;
    let mut slots = 0;
    for line in text.lines().filter(|line| line.as_bytes()[0].is_ascii_digit()) {
        let (range, address) = line.split_once(' ').context("a range and an address")?;
        let (first, last) = range.split_once('-').context("two slots")?;
        let (first, last): (usize, usize) = (first.parse()?, last.parse()?);
        for owner in &owners[first..=last] {
            let owner = shared.cluster.nodes[*owner].address().to_string();
            ensure!(owner == address, "of {range} some are {owner}'s");
            slots += 1;
        }
    }
    ensure!(slots == 16384 && text.contains("epoch "), "{text}");
    Ok(())
}

fn every_primary_of_a_cluster_tells_of_itself(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    for text in shown(&shared.proxy, &["PROXY", "INFO", "UPSTREAM", "server"])? {
        for node in &shared.cluster.nodes {
            let (address, port) = (node.address(), node.address().port());
            let (_, after) = text.split_once(&format!("## {address}\r\n")).context("no head")?;
            let own = after.split("## ").next().unwrap_or_default();
            ensure!(own.contains(&format!("tcp_port:{port}\r\n")), "{text}");
        }
    }
    let [text, _] = shown(&shared.server_proxy, &["PROXY", "INFO", "UPSTREAM"])?;
    ensure!(text.contains(&format!("## {}\r\n", shared.server.address())), "{text}");
    ensure!(text.contains("# Keyspace"), "{text}");
    Ok(())
}

fn upstreams_are_told_without_their_passwords(stage: &Stage) -> Result<()> {
    const PASSWORD: &str = "hunter2-hunter2";
    let settings = Settings::password(PASSWORD);
    let server = Server::standalone_with(&stage.folder("told"), &settings)?;
    let options = Options::server(&server).with(format!("password: {PASSWORD}"));
    let proxy = Proxy::start(&stage.folder("told-proxy"), options)?;
    proxy.wire()?.say("GET a")?;
    let address = server.address();
    for subcommand in ["UPSTREAMS", "TOPOLOGY", "HELP"] {
        for text in shown(&proxy, &["PROXY", subcommand])? {
            ensure!(!text.contains(PASSWORD), "{text}");
            let told = format!("main: usable; server {address}");
            ensure!(subcommand != "UPSTREAMS" || text.contains(&told), "{text}");
            ensure!(subcommand != "UPSTREAMS" || text.contains(&format!("node {address}")));
        }
    }
    proxy.stop()
}
