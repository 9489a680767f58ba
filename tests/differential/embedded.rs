//! The embedded node beside a real `redis-server` of the version that it claims to be.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use redpoll::embedded::{self, Cluster, Node};
use redpoll::proto::cluster::Address;
use tokio::time::Instant;

use crate::exceptions::{EMBEDDED, UNAUTHENTICATED_WORDS_MAX};
use crate::grammar::{Group, Line, lines};
use crate::harness::{Server, Settings};
use crate::rig;
use crate::rig::{empty, guarded, lone_node, same, settings, tell_all};
use crate::story::Story;
use crate::verdict::{Step, steps};
use crate::words::PASSWORD;

/// Longer than any command of the grammar waits.
const PATIENCE: Duration = Duration::from_millis(10);

/// The lines of what the embedded node has, and one that it has not. It has no scripts, and of the
/// functions `RESTORE` alone, of none.
fn own_lines() -> Vec<Line> {
    let own: Vec<&str> = embedded::commands().collect();
    let is_own = |line: &Line| own.contains(&line.name) && line.group != Group::Scripting;
    let has = |line: &&Line| is_own(line) || line.name == "nosuchcommand";
    lines().filter(has).copied().collect()
}

/// What a new embedded node answers.
fn answers(node: &Node, steps: &[Step]) -> Result<Vec<Vec<u8>>> {
    let now = Instant::now();
    let mut connection = node.connect("127.0.0.1:1".to_owned(), now);
    let mut replies = Vec::new();
    for step in steps {
        ensure!(!connection.wants_close(), "closed before {:?}", Story(vec![step.command.clone()]));
        let words: Vec<&[u8]> = step.command.iter().map(Vec::as_slice).collect();
        let mut reply = Vec::new();
        node.execute(&mut connection, &words, now, &mut reply);
        node.resume(&mut connection, now + PATIENCE, &mut reply);
        replies.push(reply);
    }
    let quits = steps.last().is_some_and(Step::quits);
    ensure!(connection.wants_close() == quits, "QUIT is what closes");
    Ok(replies)
}

/// The time of day, which both have to agree about.
#[expect(clippy::disallowed_methods, reason = "a real server has it, too")]
fn time_of_day() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

type Ask = fn(SocketAddr, &[Step]) -> Result<Vec<Vec<u8>>>;

fn tell_both(
    server: &Server,
    draw: u64,
    (words_max, ask): (usize, Ask),
    new_node: impl Fn() -> Node,
) {
    let lines = own_lines();
    tell_all(&lines, draw, |story| {
        empty(server)?;
        let steps = steps(&story.cut_to(words_max), &lines, EMBEDDED);
        let expected = ask(server.address(), &steps)?;
        let node = new_node();
        same(&steps, &answers(&node, &steps)?, &expected)
    });
}

#[test]
fn every_command_of_the_embedded_node_has_a_line() {
    let missing: Vec<&str> =
        embedded::commands().filter(|name| !lines().any(|line| line.name == *name)).collect();
    assert!(missing.is_empty(), "no line in the grammar for {missing:?}");
}

#[test]
fn an_embedded_node_answers_as_a_server_does() -> Result<()> {
    let folder = guarded()?;
    let server = Server::standalone_with(folder.path(), &settings())?;
    tell_both(&server, 0, (usize::MAX, rig::ask), || {
        let node = Node::standalone();
        node.set_clock(Instant::now(), time_of_day());
        node
    });
    Ok(())
}

#[test]
fn an_embedded_node_with_a_password_answers_as_a_server_with_one_does() -> Result<()> {
    let folder = guarded()?;
    let settings = Settings { password: Some(PASSWORD.to_owned()), ..settings() };
    let server = Server::standalone_with(folder.path(), &settings)?;
    // It closes the connection of a client that is not authenticated, any more perhaps, and has
    // more than 1 KiB of replies to read: it is given the time to read them.
    tell_both(&server, 1, (UNAUTHENTICATED_WORDS_MAX, rig::ask_in_turn), || {
        let node = Node::standalone();
        node.set_password(Some(PASSWORD));
        node.set_clock(Instant::now(), time_of_day());
        node
    });
    Ok(())
}

#[test]
fn an_embedded_cluster_answers_as_a_cluster_does() -> Result<()> {
    let folder = guarded()?;
    let server = lone_node(folder.path())?;
    let address: Address = server.address().to_string().parse().expect("an address");
    tell_both(&server, 2, (usize::MAX, rig::ask), || {
        let cluster = Cluster::new(std::slice::from_ref(&address), &[]);
        cluster.set_clock(Instant::now(), time_of_day());
        cluster.node(0)
    });
    Ok(())
}
