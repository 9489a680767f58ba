//! Connections end under clients that pipeline: nobody gets another's reply, nobody gets none, and
//! what was counted can be accounted for.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Story, stories};
use crate::harness::{Cluster, Options, PATIENCE, Proxy, Stage, command, pause, wait_until};

pub(super) const STORIES: &[Story] =
    stories![a_hundred_connections_killed_under_50_clients_leave_every_count_exact,];

const CLIENTS: usize = 50;
const KILLS: usize = 100;

/// Replies between one kill and the next.
const REPLIES_BETWEEN: u64 = 200;

/// Times that a client counts and reads, for each node, in one batch.
const ROUNDS_EACH: usize = 4;

const SEED: u64 = 100;

/// One client's keys on one node, and what was said of them.
#[derive(Clone, Debug, Default)]
struct Keys {
    counter: String,
    text: String,
    acknowledged: u64,
    unsure: u64,
    unsent: u64,
    reads: u64,
    reads_failed: u64,
    /// The last value that the counter was said to have.
    last: u64,
}

fn a_hundred_connections_killed_under_50_clients_leave_every_count_exact(
    stage: &Stage,
) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("kills"), Options::cluster(cluster))?;
        let (replies, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let clients = keys(cluster)?;
        let clients = thread::scope(|scope| {
            let clients: Vec<_> = clients
                .into_iter()
                .enumerate()
                .map(|(number, keys)| {
                    let (proxy, replies, stop) = (&proxy, &replies, &stop);
                    scope.spawn(move || count(proxy, number, keys, (replies, stop)))
                })
                .collect();
            let killed = kill(cluster, &replies);
            stop.store(true, Ordering::Relaxed);
            let clients = clients
                .into_iter()
                .map(|client| client.join().map_err(|_| anyhow!("a client panicked"))?)
                .collect::<Result<Vec<_>>>();
            killed?;
            clients
        })?;
        check_counts(cluster, &clients)?;
        proxy.stop()
    })
}

/// Keys of each client on each node; the texts are there.
fn keys(cluster: &Cluster) -> Result<Vec<Vec<Keys>>> {
    let mut clients = vec![Vec::new(); CLIENTS];
    for node in 0..cluster.nodes.len() {
        let counters = cluster.keys_of(node, "kills:count:", CLIENTS)?;
        let texts = cluster.keys_of(node, "kills:text:", CLIENTS)?;
        let mut wire = cluster.nodes[node].wire()?;
        for ((keys, counter), text) in clients.iter_mut().zip(counters).zip(texts) {
            ensure!(wire.call(&["SET", &text, &value(&text)])? == b"+OK\r\n");
            keys.push(Keys { counter, text, ..Keys::default() });
        }
    }
    Ok(clients)
}

fn value(key: &str) -> String {
    format!("what is in {key} {}", "x".repeat(key.len() * 37 % 400))
}

/// Kills one connection of the proxy after the other, each time of any node.
fn kill(cluster: &Cluster, replies: &AtomicU64) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut killed = 0;
    while killed < KILLS {
        let goal = replies.load(Ordering::Relaxed) + REPLIES_BETWEEN;
        wait_until("the clients are answered", PATIENCE, || {
            Ok((replies.load(Ordering::Relaxed) >= goal).then_some(()))
        })?;
        let node = &cluster.nodes[rng.random_range(0..cluster.nodes.len())];
        let connections = node.proxy_connections()?;
        if connections.is_empty() {
            continue;
        }
        let line = &connections[rng.random_range(0..connections.len())];
        let id = line.split(' ').find_map(|word| word.strip_prefix("id=")).context("an id")?;
        killed += usize::from(node.wire()?.say(&format!("CLIENT KILL ID {id}"))? == ":1\r\n");
    }
    Ok(())
}

/// One client: batch after batch, every reply of which is checked.
fn count(
    proxy: &Proxy,
    number: usize,
    mut keys: Vec<Keys>,
    (replies, stop): (&AtomicU64, &AtomicBool),
) -> Result<Vec<Keys>> {
    let mut wire = proxy.wire()?;
    let protocol = if number.is_multiple_of(2) { "2" } else { "3" };
    ensure!(!wire.call(&["HELLO", protocol])?.starts_with(b"-"));
    let round =
        |keys: &Keys| [command(&["INCR", &keys.counter]), command(&["GET", &keys.text])].concat();
    let batch: Vec<u8> = keys.iter().flat_map(round).collect::<Vec<_>>().repeat(ROUNDS_EACH);
    while !stop.load(Ordering::Relaxed) {
        wire.send(&batch)?;
        for _ in 0..ROUNDS_EACH {
            for keys in &mut keys {
                keys.counted(&wire.reply()?)?;
                keys.read(&wire.reply()?)?;
                replies.fetch_add(2, Ordering::Relaxed);
            }
        }
        pause(Duration::from_millis(1));
    }
    // Nothing is left over.
    ensure!(wire.say("ECHO last")? == "$4\r\nlast\r\n");
    Ok(keys)
}

impl Keys {
    fn counted(&mut self, reply: &[u8]) -> Result<()> {
        let text = String::from_utf8_lossy(reply);
        if let Some(value) = text.strip_prefix(':') {
            let value: u64 = value.trim_end().parse()?;
            self.acknowledged += 1;
            let most = self.acknowledged + self.unsure;
            ensure!(
                value > self.last && value <= most,
                "INCR {} gave {value} after {}, of at most {most}",
                self.counter,
                self.last
            );
            self.last = value;
        } else if text.starts_with("-UNSURE ") {
            self.unsure += 1;
        } else if text.starts_with("-UNSENT ") {
            self.unsent += 1;
        } else {
            bail!("INCR {} gave {text:?}", self.counter);
        }
        Ok(())
    }

    fn read(&mut self, reply: &[u8]) -> Result<()> {
        let value = value(&self.text);
        self.reads += 1;
        if reply.starts_with(b"-UNSURE ") || reply.starts_with(b"-UNSENT ") {
            self.reads_failed += 1;
            return Ok(());
        }
        let expected = format!("${}\r\n{value}\r\n", value.len());
        ensure!(reply == expected.as_bytes(), "GET {} gave {}", self.text, reply.escape_ascii());
        Ok(())
    }
}

/// Every counter holds what was acknowledged, and no more than may have run beside that.
fn check_counts(cluster: &Cluster, clients: &[Vec<Keys>]) -> Result<()> {
    let (mut sums, mut applied_in_all) = (Keys::default(), 0);
    for (node, server) in cluster.nodes.iter().enumerate() {
        let mut wire = server.connection()?;
        for keys in clients.iter().map(|client| &client[node]) {
            let applied: Option<u64> = redis::cmd("GET").arg(&keys.counter).query(&mut wire)?;
            let applied = applied.unwrap_or(0);
            let most = keys.acknowledged + keys.unsure;
            ensure!((keys.acknowledged..=most).contains(&applied), "{applied} of {keys:?}");
            applied_in_all += applied;
            sums.acknowledged += keys.acknowledged;
            sums.unsure += keys.unsure;
            sums.unsent += keys.unsent;
            sums.reads += keys.reads;
            sums.reads_failed += keys.reads_failed;
        }
    }
    let Keys { acknowledged, unsure, unsent, reads, reads_failed, .. } = sums;
    writeln!(
        std::io::stderr(),
        "{KILLS} kills: {acknowledged} INCR acknowledged, {unsure} unsure, {unsent} unsent, \
         {applied_in_all} applied; {reads} reads, {reads_failed} of them failed; 0 replies wrong, \
         0 missing"
    )?;
    ensure!(unsure + unsent > 0, "no kill hit a command");
    Ok(())
}
