//! Servers that want to know who asks, and in which database.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{
    Cluster, Options, PATIENCE, Proxy, Server, Settings, Stage, pause, wait_until,
};
use crate::load::Load;

pub(super) const STORIES: &[Story] = stories![
    a_password_from_the_environment_opens_a_server_to_clients_of_both_protocols,
    a_user_with_a_password_from_a_file_opens_a_server_to_clients_of_both_protocols,
    a_url_on_the_command_line_names_the_user_the_password_and_the_database,
    a_wrong_password_is_told_and_logged_once_and_heals_when_it_is_put_right,
    a_cluster_with_passwords_is_discovered_and_served,
];

const PASSWORD: &str = "correct-horse@battery";

/// Sets and gets in both protocols, and gives what the server shows of the connections.
fn converse(proxy: &Proxy, server: &Server) -> Result<Vec<String>> {
    for protocol in ["2", "3"] {
        let mut wire = proxy.wire()?;
        ensure!(!wire.call(&["HELLO", protocol])?.starts_with(b"-"));
        ensure!(wire.call(&["HSET", &format!("hash{protocol}"), "field", "value"])? == b":1\r\n");
        let hash = wire.call(&["HGETALL", &format!("hash{protocol}")])?;
        let header = if protocol == "2" { "*2" } else { "%1" };
        let expected = format!("{header}\r\n$5\r\nfield\r\n$5\r\nvalue\r\n");
        ensure!(hash == expected.as_bytes(), "{}", hash.escape_ascii());
    }
    let connections = server.proxy_connections()?;
    for protocol in ["resp=2", "resp=3"] {
        ensure!(connections.iter().any(|line| line.contains(protocol)), "{connections:?}");
    }
    Ok(connections)
}

/// Adds a user that may do everything, on the default user's connection.
fn add_user(server: &Server, name: &str) -> Result<()> {
    let reply = server.wire()?.say(&format!("ACL SETUSER {name} on >{PASSWORD} ~* &* +@all"))?;
    ensure!(reply == "+OK\r\n", "{reply:?}");
    Ok(())
}

fn a_password_from_the_environment_opens_a_server_to_clients_of_both_protocols(
    stage: &Stage,
) -> Result<()> {
    let server = Server::standalone_with(&stage.folder("auth"), &Settings::password(PASSWORD))?;
    let mut options = Options::server(&server).with("password: {env: E2E_PASSWORD}");
    options.environment.push(("E2E_PASSWORD".to_owned(), PASSWORD.to_owned()));
    let proxy = Proxy::start(&stage.folder("auth-proxy"), options)?;
    converse(&proxy, &server)?;
    ensure!(!proxy.log()?.contains(PASSWORD), "the log repeats the password");
    proxy.stop()
}

fn a_user_with_a_password_from_a_file_opens_a_server_to_clients_of_both_protocols(
    stage: &Stage,
) -> Result<()> {
    let folder = stage.folder("user");
    // Nobody but the user is let in: a connection that forgot who it is would be refused.
    let server = Server::standalone_with(&folder, &Settings::password("another one"))?;
    add_user(&server, "app")?;
    let file = folder.join("password");
    std::fs::write(&file, format!("{PASSWORD}\n"))?;
    let options = Options::server(&server)
        .with("username: app")
        .with(format!("password: {{file: \"{}\"}}", file.display()));
    let proxy = Proxy::start(&stage.folder("user-proxy"), options)?;
    let connections = converse(&proxy, &server)?;
    ensure!(connections.iter().all(|line| line.contains("user=app")), "{connections:?}");
    proxy.stop()
}

fn a_url_on_the_command_line_names_the_user_the_password_and_the_database(
    stage: &Stage,
) -> Result<()> {
    let settings = Settings::password("another one");
    let server = Server::standalone_with(&stage.folder("url"), &settings)?;
    add_user(&server, "app")?;
    let encoded = PASSWORD.replace('@', "%40");
    let url = format!("redis://app:{encoded}@{}/3", server.address());
    let proxy = Proxy::start(&stage.folder("url-proxy"), Options::url(url))?;
    let connections = converse(&proxy, &server)?;
    ensure!(connections.iter().all(|line| line.contains("db=3")), "{connections:?}");
    let mut wire = server.wire()?;
    ensure!(wire.say("EXISTS hash2 hash3")? == ":0\r\n", "they are in database 0");
    wire.say("SELECT 3")?;
    ensure!(wire.say("EXISTS hash2 hash3")? == ":2\r\n", "they are not in database 3");
    ensure!(!proxy.log()?.contains(PASSWORD), "the log repeats the password");
    proxy.stop()
}

fn a_wrong_password_is_told_and_logged_once_and_heals_when_it_is_put_right(
    stage: &Stage,
) -> Result<()> {
    const WRONG: &str = "hunter2-hunter2";
    let server = Server::standalone_with(&stage.folder("wrong"), &Settings::password(PASSWORD))?;
    let mut authorised = server.wire()?;
    let options = Options::server(&server).with(format!("password: {WRONG}"));
    let proxy = Proxy::start_alone(&stage.folder("wrong-proxy"), options)?;
    let mut texts = String::new();
    let mut clients = Vec::new();
    for protocol in ["2", "3"] {
        let mut wire = proxy.wire()?;
        ensure!(!wire.call(&["HELLO", protocol])?.starts_with(b"-"));
        let reply = wire.say("INCR wrong")?;
        ensure!(
            reply.starts_with("-UNSENT ") && reply.contains("refused the handshake"),
            "{reply:?}"
        );
        clients.push(wire);
    }
    for _ in 0..15 {
        for wire in &mut clients {
            let reply = wire.say("INCR wrong")?;
            ensure!(
                reply.starts_with("-UNSENT ") && reply.contains("refused the handshake"),
                "in every pause, too: {reply:?}"
            );
            texts.push_str(&reply);
        }
        pause(Duration::from_millis(100));
    }
    let (status, ready) = proxy.admin("/ready")?;
    ensure!(status == 503 && ready.contains("WRONGPASS"), "/ready says {status}: {ready}");
    ensure!(proxy.metric("redpoll_upstream_handshakes_refused_total")? > 2);

    let reply = authorised.say(&format!("CONFIG SET requirepass {WRONG}"))?;
    ensure!(reply == "+OK\r\n", "{reply:?}");
    for wire in &mut clients {
        wait_until("it heals by itself", PATIENCE, || {
            Ok(wire.say("INCR wrong")?.starts_with(':').then_some(()))
        })?;
    }
    wait_until("it is ready", PATIENCE, || Ok((proxy.admin("/ready")?.0 == 200).then_some(())))?;
    let log = proxy.log()?;
    let reasons = log.lines().filter(|line| line.contains("WRONGPASS")).count();
    ensure!(reasons == 1, "the log gives the reason {reasons} times:\n{log}");
    texts.push_str(&log);
    texts.push_str(&ready);
    texts.push_str(&proxy.admin("/metrics")?.1);
    ensure!(!texts.contains(WRONG), "the password is repeated:\n{texts}");
    proxy.stop()
}

fn a_cluster_with_passwords_is_discovered_and_served(stage: &Stage) -> Result<()> {
    let settings = Settings::password(PASSWORD);
    let cluster = Cluster::start_with(&stage.folder("auth-cluster"), 0, &settings)?;
    let options = Options::cluster(&cluster).with(format!("password: \"{PASSWORD}\""));
    // It is not started before /ready says yes.
    let proxy = Proxy::start(&stage.folder("auth-cluster-proxy"), options)?;
    let load = Load { commands_each: 200, ..Load::anywhere(proxy.address(), 80, 10, 30) };
    load.run()?;
    for node in &cluster.nodes {
        let connections = node.proxy_connections()?;
        ensure!(!connections.is_empty(), "a node without a connection");
    }
    ensure!(!proxy.log()?.contains(PASSWORD), "the log repeats the password");
    let context = "the proxy before the cluster with passwords";
    proxy.stop().context(context)
}
