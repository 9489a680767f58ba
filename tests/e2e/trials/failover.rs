//! A primary dies under load, and its replica is promoted: how soon the proxy's clients see no
//! error any more, and how often the proxy looked at the topology until then.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{Cluster, Options, PATIENCE, Proxy, Stage, command, pause, wait_until};

pub(super) const STORIES: &[Story] = stories![errors_end_soon_after_a_replica_is_promoted];

/// Clients that pipeline all the time.
const CLIENTS: usize = 6;

/// Commands of one batch, each for a key of its own.
const BATCH_COMMANDS: usize = 30;

/// What a client rests between two batches: there are two processors for nine processes.
const REST: Duration = Duration::from_millis(2);

/// How soon after the promotion the last error must have been seen.
const ERRORS_AFTER_MAX: Duration = Duration::from_millis(300);

/// How long after the promotion the clients go on, to see that there are no more errors.
const WATCHED_AFTER: Duration = Duration::from_secs(2);

/// From one look at the topology to the next, at least: the default of 100 ms less a quarter.
const LOOKS_APART_MIN: Duration = Duration::from_millis(75);

/// Looks beyond that: before anything failed, and of those under way.
const LOOKS_BESIDE: u64 = 3;

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    answered: AtomicU64,
    errors: AtomicU64,
    /// When the last error came, and what it said.
    last_error: Mutex<Option<(Instant, String)>>,
    stop: AtomicBool,
}

fn errors_end_soon_after_a_replica_is_promoted(stage: &Stage) -> Result<()> {
    stage.in_replicated_arena(|cluster| {
        let options = Options { op_timeout: Duration::from_secs(1), ..Options::cluster(cluster) };
        let proxy = Proxy::start(&stage.folder("failover"), options)?;
        // Once while the other nodes go on serving, once while they refuse everything, Redis'
        // default.
        let victim = 1;
        let successor = cluster.replica_of(victim)?;
        for (coverage, dies, follows) in [("yes", victim, successor), ("no", successor, victim)] {
            for node in &cluster.nodes {
                node.set("cluster-require-full-coverage", coverage)?;
            }
            fail_over(cluster, &proxy, (dies, follows))
                .with_context(|| format!("with cluster-require-full-coverage {coverage}"))?;
            cluster.nodes[dies].restart()?;
            cluster.wait_until_whole()?;
            cluster.wait_until_agreed()?;
            cluster.wait_until_followed()?;
        }
        proxy.stop()
    })
}

/// Kills a primary under load and waits until its replica has taken its place.
fn fail_over(cluster: &mut Cluster, proxy: &Proxy, (dies, follows): (usize, usize)) -> Result<()> {
    let seen = Seen::default();
    let looks_before = proxy.metric("redpoll_topology_looks_total")?;
    let (killed, promoted) = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let seen = &seen;
                scope.spawn(move || converse(proxy, client, seen))
            })
            .collect();
        let acted = kill_under_load(cluster, &seen, (dies, follows));
        seen.stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        acted
    })?;
    let looks = proxy.metric("redpoll_topology_looks_total")? - looks_before;
    let last = seen.last_error.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (last_error, text) = last.context("the death of a primary was not noticed at all")?;
    let after = last_error.saturating_duration_since(promoted);
    let outage = promoted.max(last_error) - killed;
    let errors = seen.errors.load(Ordering::Relaxed);
    writeln!(
        std::io::stderr(),
        "failover: promoted after {:?}, the last error {after:?} later ({errors} errors, the last \
         {text:?}), {looks} looks at the topology",
        promoted - killed,
    )?;
    ensure!(after < ERRORS_AFTER_MAX, "an error {after:?} after the promotion: {text:?}");
    let looks_max = outage.as_millis() / LOOKS_APART_MIN.as_millis();
    let looks_max = u64::try_from(looks_max)? + LOOKS_BESIDE;
    ensure!(looks <= looks_max, "{looks} looks at the topology in {outage:?}");
    Ok(())
}

/// Gives the times of the death and of the promotion.
fn kill_under_load(
    cluster: &mut Cluster,
    seen: &Seen,
    (dies, follows): (usize, usize),
) -> Result<(Instant, Instant)> {
    wait_for_answers(seen)?;
    ensure!(seen.errors.load(Ordering::Relaxed) == 0, "an error before anything died");
    let mut successor = cluster.nodes[follows].wire()?;
    let killed = Instant::now();
    cluster.nodes[dies].kill();
    let deadline = killed + PATIENCE;
    while !successor.say("ROLE")?.contains("master\r\n") {
        ensure!(Instant::now() < deadline, "nobody was promoted");
        pause(Duration::from_millis(5));
    }
    let promoted = Instant::now();
    while Instant::now() < promoted + WATCHED_AFTER {
        pause(Duration::from_millis(50));
    }
    wait_for_answers(seen)?;
    Ok((killed, promoted))
}

/// Waits until the clients have been served for a while.
fn wait_for_answers(seen: &Seen) -> Result<()> {
    let goal = seen.answered.load(Ordering::Relaxed) + 10_000;
    wait_until("the clients are served", PATIENCE, || {
        Ok((seen.answered.load(Ordering::Relaxed) >= goal).then_some(()))
    })
}

/// One client: batch after batch of reads and writes all over the cluster.
fn converse(proxy: &Proxy, client: usize, seen: &Seen) -> Result<()> {
    let mut wire = proxy.wire()?;
    let keys: Vec<_> = (0..BATCH_COMMANDS).map(|key| format!("failover:{client}:{key}")).collect();
    let commands = keys.iter().enumerate().flat_map(|(number, key)| {
        let read = number.is_multiple_of(2);
        if read { command(&["GET", key]) } else { command(&["SET", key, "value"]) }
    });
    let batch: Vec<u8> = commands.collect();
    while !seen.stop.load(Ordering::Relaxed) {
        wire.send(&batch)?;
        for _ in &keys {
            let reply = wire.reply()?;
            seen.answered.fetch_add(1, Ordering::Relaxed);
            if reply[0] == b'-' {
                seen.errors.fetch_add(1, Ordering::Relaxed);
                let text = String::from_utf8_lossy(&reply).trim_end().to_owned();
                let mut last = seen.last_error.lock().unwrap_or_else(PoisonError::into_inner);
                *last = Some((Instant::now(), text));
            }
        }
        pause(REST);
    }
    Ok(())
}
