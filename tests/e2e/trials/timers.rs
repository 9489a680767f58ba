//! A deadline is a deadline: of a command whose node does not answer, and of nobody else's.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{
    Cluster, Options, PATIENCE, Proxy, Server, Stage, command, pause, wait_until,
};
use crate::load::{Answers, Watch};

pub(super) const STORIES: &[Story] = stories![
    a_node_frozen_for_3_s_concerns_only_its_own_commands_each_at_its_deadline,
    a_command_of_3_s_concerns_only_those_behind_it_each_at_its_deadline,
    commands_have_deadlines_of_their_own_where_that_is_configured,
    a_connection_that_is_silent_for_stall_timeout_is_replaced,
];

const OP_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the node is of no use.
const OUTAGE: Duration = Duration::from_secs(3);

/// What an answer may come after its deadline.
const LATE_MAX: Duration = Duration::from_millis(100);

/// The node that is harmed.
const VICTIM: usize = 1;

fn a_node_frozen_for_3_s_concerns_only_its_own_commands_each_at_its_deadline(
    stage: &Stage,
) -> Result<()> {
    outage(stage, "frozen", |cluster| {
        cluster.nodes[VICTIM].freeze()?;
        pause(OUTAGE);
        cluster.nodes[VICTIM].thaw()
    })
}

fn a_command_of_3_s_concerns_only_those_behind_it_each_at_its_deadline(
    stage: &Stage,
) -> Result<()> {
    outage(stage, "asleep", |cluster| {
        let reply = cluster.nodes[VICTIM].wire()?.say(&format!("DEBUG SLEEP {}", OUTAGE.as_secs()));
        ensure!(reply? == "+OK\r\n");
        Ok(())
    })
}

/// Watches commands for the victim and for the others while `action` keeps the victim busy.
fn outage(stage: &Stage, name: &str, action: impl Fn(&Cluster) -> Result<()>) -> Result<()> {
    stage.in_arena(|cluster| {
        let options = Options { op_timeout: OP_TIMEOUT, ..Options::cluster(cluster) };
        let proxy = Proxy::start(&stage.folder(name), options)?;
        let watch = |node: usize, clients: usize| -> Result<Watch> {
            let scripts = (0..clients).map(|client| script(cluster, node, client));
            Ok(Watch { address: proxy.address(), scripts: scripts.collect::<Result<_>>()? })
        };
        let (mut others, mut behind) = (Answers::default(), Answers::default());
        others.0 = watch(0, 3)?
            .during(|| {
                let also = watch(2, 3)?.during(|| {
                    behind = watch(VICTIM, 20)?.during(|| {
                        pause(Duration::from_millis(300));
                        action(cluster)?;
                        pause(Duration::from_millis(500));
                        Ok(())
                    })?;
                    Ok(())
                })?;
                check_unconcerned(&also, name)
            })?
            .0;
        check_unconcerned(&others, name)?;
        check_behind(&behind, name)?;
        cluster.wait_until_whole()?;
        check_counts(cluster, &behind)?;
        proxy.stop()
    })
}

/// Reads and writes of one client for one node.
fn script(cluster: &Cluster, node: usize, client: usize) -> Result<Vec<String>> {
    let keys = cluster.keys_of(node, &format!("timers:{client}:"), 2)?;
    Ok(keys.iter().flat_map(|key| [format!("INCR {key}"), format!("GET {key}")]).collect())
}

fn check_unconcerned(answers: &Answers, name: &str) -> Result<()> {
    let slowest = answers.slowest()?;
    let count = answers.0.len();
    writeln!(
        std::io::stderr(),
        "{name}: of {count} commands for another node, the slowest took {slowest:?}"
    )?;
    let errors = answers.errors();
    ensure!(errors.is_empty(), "a command for another node failed: {:?}", errors[0]);
    ensure!(count > 500, "only {count} commands for another node");
    ensure!(slowest < OP_TIMEOUT / 2, "a command for another node took {slowest:?}");
    Ok(())
}

fn check_behind(answers: &Answers, name: &str) -> Result<()> {
    let slowest = answers.slowest()?;
    let told = answers.errors();
    writeln!(
        std::io::stderr(),
        "{name}: {} commands for the node were answered by their deadlines, the slowest took \
         {slowest:?}",
        told.len(),
    )?;
    ensure!(slowest <= OP_TIMEOUT + LATE_MAX, "a deadline was missed: {slowest:?}");
    // Twenty clients, each with one command at a time.
    ensure!((20..=20 * 4).contains(&told.len()), "{} were given up", told.len());
    for answer in &told {
        let error = answer.error.as_deref().unwrap_or_default();
        ensure!(error.starts_with("-UNSURE ") || error.starts_with("-UNSENT "), "{error}");
        ensure!(answer.took + Duration::from_millis(5) >= OP_TIMEOUT, "too soon: {answer:?}");
    }
    let begin = told.iter().map(|answer| answer.sent).min().context("nobody was told")?;
    let healed = answers.0.iter().filter(|answer| answer.error.is_none());
    let healed = healed.filter(|answer| answer.sent > begin + OUTAGE).count();
    ensure!(healed > 20, "only {healed} commands were served after the outage");
    Ok(())
}

/// Every counter holds what was acknowledged, and no more than may have run beside that.
fn check_counts(cluster: &Cluster, answers: &Answers) -> Result<()> {
    let mut wire = cluster.nodes[VICTIM].connection()?;
    let counted = answers.0.iter().filter_map(|answer| {
        let key = answer.line.strip_prefix("INCR ")?;
        Some((key, answer.error.as_deref()))
    });
    let mut counts = BTreeMap::new();
    for (key, error) in counted {
        let (least, most) = counts.entry(key).or_insert((0_u64, 0_u64));
        *least += u64::from(error.is_none());
        *most += u64::from(error.is_none_or(|error| error.starts_with("-UNSURE ")));
    }
    for (key, (least, most)) in counts {
        let applied: u64 = redis::cmd("GETDEL").arg(key).query(&mut wire)?;
        ensure!((least..=most).contains(&applied), "{key}: {applied}, not {least} to {most}");
    }
    Ok(())
}

fn commands_have_deadlines_of_their_own_where_that_is_configured(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("deadlines-server"))?;
    let options = Options { op_timeout: Duration::from_millis(900), ..Options::server(&server) }
        .with("timeouts: {get: 300ms, mget: 3s}");
    let proxy = Proxy::start(&stage.folder("deadlines"), options)?;
    let mut clients = Vec::new();
    for line in ["GET deadlines", "INCR deadlines", "MGET deadlines"] {
        let mut wire = proxy.wire()?;
        ensure!(!wire.say(line)?.starts_with('-'), "before the server is busy");
        clients.push((line, wire));
    }
    server.freeze()?;
    let start = Instant::now();
    // The one with the longest time is in front of the others, on the same connection.
    for (line, wire) in clients.iter_mut().rev() {
        wire.send(&command(&line.split(' ').collect::<Vec<_>>()))?;
    }
    for ((line, wire), expected_ms) in clients[..2].iter_mut().zip([300, 900]) {
        let reply = wire.reply()?;
        let (took, expected) = (start.elapsed(), Duration::from_millis(expected_ms));
        ensure!(reply.starts_with(b"-UNSURE "), "{line}: {}", reply.escape_ascii());
        ensure!(took + Duration::from_millis(5) >= expected, "{line} was answered after {took:?}");
        ensure!(took <= expected + LATE_MAX, "{line} was answered after {took:?}");
    }
    server.thaw()?;
    // Of two clients: the read may come before the write or after it.
    let value = clients[2].1.reply()?;
    let values = [b"*1\r\n$1\r\n1\r\n", b"*1\r\n$1\r\n2\r\n"];
    ensure!(values.iter().any(|known| value == *known), "MGET gave {}", value.escape_ascii());
    // The INCR that was given up has run, once; the reply to it was nobody's.
    let value = clients[1].1.say("GET deadlines")?;
    ensure!(value == "$1\r\n2\r\n", "{value:?}");
    proxy.stop()
}

fn a_connection_that_is_silent_for_stall_timeout_is_replaced(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("stall-server"))?;
    let options = Options { op_timeout: Duration::from_millis(300), ..Options::server(&server) }
        .with("stall_timeout: 700ms");
    let proxy = Proxy::start(&stage.folder("stall"), options)?;
    let mut wire = proxy.wire()?;
    ensure!(wire.say("SET stall 1")? == "+OK\r\n");
    let before = server.proxy_connections()?;
    ensure!(before.len() == 1, "{before:?}");
    let stalled = "redpoll_upstream_connections_closed_total{upstream=\"main\",cause=\"stalled\"}";
    ensure!(proxy.metric(stalled)? == 0);

    server.freeze()?;
    let frozen = Instant::now();
    wait_until("the stalled connection is given up", PATIENCE, || {
        let reply = wire.say("GET stall")?;
        ensure!(reply.starts_with("-UNS"), "{reply:?}");
        Ok((proxy.metric(stalled)? > 0).then_some(()))
    })?;
    let took = frozen.elapsed();
    ensure!(took < Duration::from_secs(3), "it took {took:?}");
    server.thaw()?;
    wait_until("the server is of use again", Duration::from_secs(3), || {
        Ok((wire.say("GET stall")? == "$1\r\n1\r\n").then_some(()))
    })?;
    for _ in 0..100 {
        ensure!(wire.say("GET stall")? == "$1\r\n1\r\n");
    }
    let id = |connections: &[String]| connections[0].split(' ').next().map(str::to_owned);
    wait_until("the old connection is gone", PATIENCE, || {
        let after = server.proxy_connections()?;
        Ok((after.len() == 1 && id(&after) != id(&before)).then_some(()))
    })?;
    proxy.stop()
}
