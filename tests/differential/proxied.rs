//! Redpoll before a server or a cluster, beside a server or a cluster alone.

use anyhow::Result;
use redpoll::proto::command::table;

use crate::exceptions::{CLUSTER_ONLY, PROXY};
use crate::grammar::{Line, lines};
use crate::harness::{Cluster, Options, Proxy, Server};
use crate::rig::{ask, empty, guarded, lone_node, same, settings, tell_all};
use crate::verdict::steps;

/// Every command that Redpoll knows; of one with subcommands, those.
fn known() -> impl Iterator<Item = &'static str> {
    table::rows().flat_map(|row| {
        let itself = row.subcommands.is_empty().then_some(row.name);
        itself.into_iter().chain(row.subcommands.iter().map(|row| row.name))
    })
}

/// The lines of what Redpoll knows, and of one that it does not.
fn own_lines() -> Vec<Line> {
    let known: Vec<&str> = known().collect();
    let has = |line: &&Line| known.contains(&line.name) || line.name == "nosuchcommand";
    lines().filter(has).copied().collect()
}

/// Who refuses what only a cluster refuses: a story is told no further, for what is after it may
/// differ, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crossing {
    /// The model, a node; a proxy may do more.
    Model,
    /// The proxy, where one server would not mind.
    Subject,
}

/// Tells stories to a proxy and to a server without one; each has data of its own.
fn tell_both(proxy: &Proxy, behind: &[&Server], model: &Server, crossing: Crossing) {
    let draw = 3 + behind.len() as u64 + u64::from(crossing == Crossing::Subject);
    tell_all(&own_lines(), draw, |story| {
        behind.iter().copied().chain([model]).try_for_each(empty)?;
        let steps = steps(story, PROXY);
        let mut given = ask(proxy.address(), &steps)?;
        let mut expected = ask(model.address(), &steps)?;
        let crossed = if crossing == Crossing::Model { &expected } else { &given };
        let crossed = crossed.iter().position(|reply| {
            CLUSTER_ONLY.iter().any(|refusal| reply.starts_with(refusal.as_bytes()))
        });
        let told = crossed.unwrap_or(steps.len());
        given.truncate(told);
        expected.truncate(told);
        same(&steps, &given, &expected)
    });
}

#[test]
fn every_command_of_the_proxy_has_a_line() {
    let missing: Vec<&str> =
        known().filter(|name| !lines().any(|line| line.name == *name)).collect();
    assert!(missing.is_empty(), "no line in the grammar for {missing:?}");
}

#[test]
fn a_proxy_before_a_server_answers_as_the_server_does() -> Result<()> {
    let folder = guarded()?;
    let server = Server::standalone_with(&folder.path().join("behind"), &settings())?;
    let model = Server::standalone_with(&folder.path().join("model"), &settings())?;
    let proxy = Proxy::start(&folder.path().join("proxy"), Options::server(&server))?;
    tell_both(&proxy, &[&server], &model, Crossing::Model);
    proxy.stop()
}

#[test]
fn a_proxy_before_a_cluster_answers_as_a_node_or_server_does_that_has_all_keys() -> Result<()> {
    let folder = guarded()?;
    let cluster = Cluster::start_with(&folder.path().join("behind"), 0, &settings())?;
    let node = lone_node(&folder.path().join("node"))?;
    let server = Server::standalone_with(&folder.path().join("server"), &settings())?;
    let proxy = Proxy::start(&folder.path().join("proxy"), Options::cluster(&cluster))?;
    let behind: Vec<&Server> = cluster.nodes.iter().collect();
    tell_both(&proxy, &behind, &node, Crossing::Model);
    tell_both(&proxy, &behind, &server, Crossing::Subject);
    proxy.stop()
}
