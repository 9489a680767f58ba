//! Redpoll before a server or a cluster, beside a server or a cluster alone.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use redpoll::proto::command::table;

use crate::exceptions::{CLUSTER_ONLY, PROXY, SILENT};
use crate::grammar::{Group, Line, line_of, lines};
use crate::harness::{Cluster, Options, PATIENCE, Proxy, Server};
use crate::rig::{ask, empty, guarded, items, lone_node, same, scan, settings, tell_all};
use crate::verdict::{Step, steps};
use crate::words::TAG;

/// So many stories have every command with good words.
const MANY: u32 = 1000;

/// Every command that clients of Redpoll get; of one with subcommands, those.
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    table::offered().filter(|row| row.group != "proxy").flat_map(|row| {
        let itself = row.subcommands.is_empty().then_some(row.name);
        itself.into_iter().chain(row.offered().map(|row| row.name))
    })
}

/// What puts off all that follows, which a proxy refuses at another time and in other words than a
/// server does: no story here tells of it.
const TRANSACTIONS: [&str; 4] = ["discard", "exec", "multi", "unwatch"];

/// The lines of what Redpoll knows, and of one that it does not.
fn own_lines() -> Vec<Line> {
    let known: Vec<&str> = known().filter(|name| !TRANSACTIONS.contains(name)).collect();
    let has = |line: &&Line| known.contains(&line.name) || line.name == "nosuchcommand";
    lines().filter(has).copied().collect()
}

/// With time enough for a machine that is busy: nothing is to be refused for want of it.
pub(crate) fn patient(options: Options) -> Options {
    Options { op_timeout: PATIENCE, ..options }
}

/// Who refuses what only a cluster refuses, and so is asked first: what it refused is not told to
/// the other, who would execute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strict {
    /// The model, a node; a proxy may do more.
    Model,
    /// The proxy, where one server would not mind. Keys are then all over the slots.
    Subject,
}

/// What many stories came to.
#[derive(Default)]
struct Heard {
    stories: u32,
    /// The commands that were answered with other than an error.
    names: BTreeSet<&'static str>,
}

impl Heard {
    fn hear(&mut self, steps: &[Step], replies: &[Vec<u8>]) {
        let answered = steps.iter().zip(replies).filter(|(_, reply)| reply[0] != b'-');
        self.stories += 1;
        self.names.extend(answered.filter_map(|(step, _)| Some(line_of(&step.command)?.name)));
    }

    /// Stories in which a command only ever fails would show little of it.
    ///
    /// # Panics
    /// There were many stories, and such a command.
    fn check(&self, lines: &[Line]) {
        let may_be_silent = |name: &str| SILENT.contains(&name) || is_about_a_cluster(name);
        let is_silent = |name: &&str| !self.names.contains(name) && !may_be_silent(name);
        let silent: Vec<_> = lines.iter().map(|line| line.name).filter(is_silent).collect();
        assert!(self.stories < MANY || silent.is_empty(), "only errors of {silent:?}");
    }
}

/// Whether only a node of a cluster answers it, if not with an error.
fn is_about_a_cluster(name: &str) -> bool {
    name.starts_with("cluster|") || matches!(name, "asking" | "readonly" | "readwrite")
}

/// Tells stories to a proxy and to a server without one; each has data of its own.
fn tell_both(proxy: &Proxy, behind: &[&Server], model: &Server, strict: Strict) {
    let draw = 3 + behind.len() as u64 + u64::from(strict == Strict::Subject);
    let mut lines = own_lines();
    if behind.len() > 1 {
        // Keys of several slots refuse a whole transaction, and a cluster has one database.
        let is_of_one = |name: &str| matches!(name, "move" | "swapdb");
        lines.retain(|line| line.group != Group::Transaction && !is_of_one(line.name));
    }
    let mut heard = Heard::default();
    tell_all(&lines, draw, |story| {
        behind.iter().copied().chain([model]).try_for_each(empty)?;
        forget_scripts(proxy)?;
        let mut steps = steps(story, &lines, PROXY);
        let (given, expected);
        match strict {
            Strict::Model => {
                expected = accepted(&mut steps, model.address())?;
                given = ask(proxy.address(), &steps)?;
            }
            Strict::Subject => {
                scatter(&mut steps);
                given = accepted(&mut steps, proxy.address())?;
                expected = ask(model.address(), &steps)?;
            }
        }
        same(&steps, &given, &expected)?;
        heard.hear(&steps, &expected);
        same_keys(proxy, model)
    });
    // What has two keys only fails where no two are in one slot.
    if strict == Strict::Model {
        heard.check(&lines);
    }
}

/// Has the proxy forget the scripts that it could give to nodes again.
fn forget_scripts(proxy: &Proxy) -> Result<()> {
    let reply = proxy.wire()?.say("SCRIPT FLUSH")?;
    ensure!(reply == "+OK\r\n", "SCRIPT FLUSH gave {reply:?}");
    Ok(())
}

/// A whole scan through the proxy gives the keys that the model has.
fn same_keys(proxy: &Proxy, model: &Server) -> Result<()> {
    let found = scan(&mut proxy.wire()?, &["COUNT", "1000"])?;
    let expected = items(&model.wire()?.call(&["KEYS", "*"])?)?;
    ensure!(found == expected, "SCAN gives {}\nshould be {}", shown(&found), shown(&expected));
    Ok(())
}

fn shown(keys: &BTreeSet<Vec<u8>>) -> String {
    keys.iter().map(|key| key.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}

/// The replies, but for refusals that only a cluster gives, whose steps are removed.
fn accepted(steps: &mut Vec<Step>, address: SocketAddr) -> Result<Vec<Vec<u8>>> {
    let is_refusal =
        |reply: &[u8]| CLUSTER_ONLY.iter().any(|refusal| reply.starts_with(refusal.as_bytes()));
    let replies = ask(address, steps)?;
    let told = std::mem::take(steps).into_iter().zip(replies);
    let (accepted, replies) = told.filter(|(_, reply)| !is_refusal(reply)).unzip();
    *steps = accepted;
    Ok(replies)
}

/// Takes the tags away that keep keys together.
fn scatter(steps: &mut [Step]) {
    for word in steps.iter_mut().flat_map(|step| &mut step.command) {
        if let Some(untagged) = word.strip_prefix(TAG.as_bytes()) {
            *word = untagged.to_vec();
        }
    }
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
    let mut settings = settings();
    settings.arguments.extend(["--databases", "16"].map(str::to_owned));
    let server = Server::standalone_with(&folder.path().join("behind"), &settings)?;
    let model = Server::standalone_with(&folder.path().join("model"), &settings)?;
    let proxy = Proxy::start(&folder.path().join("proxy"), patient(Options::server(&server)))?;
    tell_both(&proxy, &[&server], &model, Strict::Model);
    proxy.stop()
}

#[test]
fn a_proxy_before_a_cluster_answers_as_a_node_or_server_does_that_has_all_keys() -> Result<()> {
    let folder = guarded()?;
    let cluster = Cluster::start_with(&folder.path().join("behind"), 0, &settings())?;
    let node = lone_node(&folder.path().join("node"))?;
    let server = Server::standalone_with(&folder.path().join("server"), &settings())?;
    let proxy = Proxy::start(&folder.path().join("proxy"), patient(Options::cluster(&cluster)))?;
    let behind: Vec<&Server> = cluster.nodes.iter().collect();
    tell_both(&proxy, &behind, &node, Strict::Model);
    tell_both(&proxy, &behind, &server, Strict::Subject);
    proxy.stop()
}
