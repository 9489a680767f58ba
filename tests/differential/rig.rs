//! Telling stories to servers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Once;

use anyhow::{Context as _, Result, bail, ensure};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use redpoll::proto::resp::Value;

use crate::exceptions::SERVER;
use crate::grammar::{Line, line_of};
use crate::harness::{PATIENCE, Server, Settings, Wire, command, start_guardian, wait_until};
use crate::story::{Story, stories};
use crate::verdict::{Step, compare};

/// Stories that a test tells unless told how many.
const CASES: u32 = 2000;

/// What they are drawn from unless told.
const SEED: u64 = 0x5eed;

/// Attempts at making a story that fails shorter.
const SHRINKS_MAX: u32 = 20_000;

/// Starts what outlives no test.
pub(crate) fn guarded() -> Result<tempfile::TempDir> {
    static GUARDIAN: Once = Once::new();
    GUARDIAN.call_once(|| start_guardian().expect("there is `sh`"));
    Ok(tempfile::tempdir()?)
}

/// Draws stories and tells them; each has to be told without a difference. Those in
/// `regressions.txt` come first, if the commands are of these lines. Those of another `draw` are
/// others.
///
/// # Panics
/// There is a difference, shown with the shortest story found that has it.
pub(crate) fn tell_all(lines: &[Line], draw: u64, mut tell: impl FnMut(&Story) -> Result<()>) {
    let known = Story::read_all(include_str!("regressions.txt"));
    for story in known.into_iter().filter(|story| is_of(story, lines)) {
        if let Err(error) = tell(&story) {
            panic!("a known story differs again\n\n{story:?}\n{error:#}");
        }
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = number("PROPTEST_RNG_SEED").unwrap_or(SEED);
    let cases = number("PROPTEST_CASES").and_then(|cases| u32::try_from(cases).ok());
    let config = Config {
        cases: cases.unwrap_or(CASES),
        failure_persistence: None,
        max_shrink_iters: SHRINKS_MAX,
        rng_seed: RngSeed::Fixed(seed.wrapping_add(draw << 32)),
        ..Config::default()
    };
    let tell = std::cell::RefCell::new(tell);
    let told = TestRunner::new(config).run(&stories(lines), |story| {
        let told = tell.borrow_mut()(&story);
        told.map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    match told {
        Ok(()) => {}
        Err(TestError::Fail(difference, story)) => {
            panic!("PROPTEST_RNG_SEED={seed}: a difference\n\n{story:?}\n{difference}")
        }
        Err(TestError::Abort(reason)) => panic!("no story: {reason}"),
    }
}

/// Whether a story has only commands of these lines.
fn is_of(story: &Story, lines: &[Line]) -> bool {
    let has = |line: &Line| lines.iter().any(|own| own.name == line.name);
    story.0.iter().all(|command| line_of(command).is_some_and(has))
}

/// Compares what subject and model answer.
///
/// # Errors
/// There is a difference.
pub(crate) fn same(steps: &[Step], subject: &[Vec<u8>], model: &[Vec<u8>]) -> Result<()> {
    compare(steps, subject, model).map_err(anyhow::Error::msg)
}

/// Sends all steps at once on a connection of their own and reads the replies.
///
/// # Errors
/// One does not come, or the connection is not closed after `QUIT`.
pub(crate) fn ask(address: SocketAddr, steps: &[Step]) -> Result<Vec<Vec<u8>>> {
    let mut wire = Wire::connect(address)?;
    let all: Vec<u8> = steps.iter().flat_map(|step| command(&step.command)).collect();
    wire.send(&all)?;
    let replies = steps.iter().map(|step| reply_to(step, &mut wire)).collect::<Result<Vec<_>>>()?;
    end(steps, wire)?;
    Ok(replies)
}

/// Sends every step when the reply to the one before it is there.
///
/// # Errors
/// One does not come, or the connection is not closed after `QUIT`.
pub(crate) fn ask_in_turn(address: SocketAddr, steps: &[Step]) -> Result<Vec<Vec<u8>>> {
    let mut wire = Wire::connect(address)?;
    let replies = steps.iter().map(|step| {
        wire.send(&command(&step.command))?;
        reply_to(step, &mut wire)
    });
    let replies = replies.collect::<Result<Vec<_>>>()?;
    end(steps, wire)?;
    Ok(replies)
}

fn reply_to(step: &Step, wire: &mut Wire) -> Result<Vec<u8>> {
    wire.reply().with_context(|| format!("the reply to {:?}", Story(vec![step.command.clone()])))
}

fn end(steps: &[Step], mut wire: Wire) -> Result<()> {
    if steps.last().is_some_and(Step::quits) {
        ensure!(wire.read_to_close()?.is_empty(), "more after QUIT");
    }
    Ok(())
}

/// Makes a server as it was: without data, scripts and functions.
///
/// # Errors
/// It does not answer.
pub(crate) fn empty(server: &Server) -> Result<()> {
    const RESETS: [&[&str]; 3] =
        [&["FLUSHALL", "SYNC"], &["SCRIPT", "FLUSH", "SYNC"], &["FUNCTION", "FLUSH", "SYNC"]];
    let mut wire = server.wire()?;
    wire.send(&RESETS.map(command).concat())?;
    for reset in RESETS {
        let reply = wire.reply()?;
        ensure!(reply == b"+OK\r\n", "{reset:?} gave {}", reply.escape_ascii());
    }
    Ok(())
}

/// What a scan gives from its beginning to its end.
///
/// # Errors
/// A step of it is no reply to a scan.
pub(crate) fn scan(wire: &mut Wire, options: &[&str]) -> Result<BTreeSet<Vec<u8>>> {
    let mut found = BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        cursor = scan_step(wire, &cursor, options, &mut found)?;
        if cursor == "0" {
            return Ok(found);
        }
    }
}

/// One step of a scan: the next cursor.
///
/// # Errors
/// What is answered is no reply to a scan.
pub(crate) fn scan_step(
    wire: &mut Wire,
    cursor: &str,
    options: &[&str],
    found: &mut BTreeSet<Vec<u8>>,
) -> Result<String> {
    let reply = wire.call(&[&["SCAN", cursor], options].concat())?;
    let value = Value::parse(&reply);
    let Some([next, keys]) = value.as_ref().and_then(Value::as_items) else {
        bail!("SCAN {cursor} gave {}", reply.escape_ascii());
    };
    found.extend(strings(keys.as_items().context("an array of keys")?)?);
    Ok(next.as_text().context("a cursor")?.to_owned())
}

/// The strings of an array.
///
/// # Errors
/// It is none.
pub(crate) fn items(reply: &[u8]) -> Result<BTreeSet<Vec<u8>>> {
    let value = Value::parse(reply);
    let items = value.as_ref().and_then(Value::as_items);
    strings(items.with_context(|| format!("an array, not {}", reply.escape_ascii()))?)
}

fn strings(items: &[Value]) -> Result<BTreeSet<Vec<u8>>> {
    let text = |item: &Value| item.as_bytes().map(<[u8]>::to_vec).context("a string");
    items.iter().map(text).collect()
}

/// What a server is started with.
pub(crate) fn settings() -> Settings {
    let arguments = SERVER.split(' ').map(str::to_owned).collect();
    Settings { arguments, ..Settings::default() }
}

/// Starts a cluster node that serves all slots.
///
/// # Errors
/// It does not.
pub(crate) fn lone_node(directory: &Path) -> Result<Server> {
    let server = Server::node(directory, &settings())?;
    let reply = server.wire()?.call(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])?;
    ensure!(reply == b"+OK\r\n", "ADDSLOTSRANGE gave {}", reply.escape_ascii());
    wait_until("the node serves all slots", PATIENCE, || {
        Ok(server.wire()?.say("CLUSTER INFO")?.contains("cluster_state:ok").then_some(()))
    })?;
    Ok(server)
}
