//! The table of commands beside what a real server tells of its commands.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use redpoll::proto::command::table;
use redpoll::proto::resp::Value;

use crate::exceptions::{DOCUMENTS, GET_KEYS, ROWS};
use crate::harness::{Options, Proxy, Server, Wire};
use crate::proxied::{known, patient};
use crate::rig::{guarded, settings};

/// The flags that say what may be done with a command.
const FLAGS: [&str; 9] = [
    "readonly",
    "write",
    "denyoom",
    "blocking",
    "movablekeys",
    "no_mandatory_keys",
    "pubsub",
    "noscript",
    "fast",
];

/// A server, and a proxy before it.
fn both() -> Result<(tempfile::TempDir, Server, Proxy)> {
    let folder = guarded()?;
    let server = Server::standalone_with(&folder.path().join("behind"), &settings())?;
    let proxy = Proxy::start(&folder.path().join("proxy"), patient(Options::server(&server)))?;
    Ok((folder, server, proxy))
}

/// What is told of a command: its arity, where its keys are, and some flags; `None` if nothing.
fn told(wire: &mut Wire, name: &str) -> Result<Option<Vec<String>>> {
    let reply = wire.call(&["COMMAND", "INFO", name])?;
    let reply = Value::parse(&reply).context("a reply")?;
    let Some([info]) = reply.as_items() else { anyhow::bail!("COMMAND INFO {name}: {reply:?}") };
    let Some(info) = info.as_items() else { return Ok(None) };
    let flags: BTreeSet<&str> =
        info[2].as_items().unwrap_or_default().iter().filter_map(Value::as_text).collect();
    let flags = FLAGS.into_iter().filter(|flag| flags.contains(flag)).collect::<Vec<_>>();
    let numbers = [("arity", 1), ("first key", 3), ("last key", 4), ("step", 5)];
    let mut told: Vec<String> =
        numbers.iter().map(|(what, at)| format!("{what} {:?}", info[*at].as_integer())).collect();
    told.push(format!("flags {}", flags.join(" ")));
    Ok(Some(told))
}

#[test]
fn a_row_says_what_a_server_says_of_the_command() -> Result<()> {
    let (_folder, server, proxy) = both()?;
    let (mut given, mut expected) = (proxy.wire()?, server.wire()?);
    let mut differences = Vec::new();
    let mut meant = Vec::new();
    let mut compared = 0;
    let containers =
        table::offered().filter(|row| !row.subcommands.is_empty() && row.group != "proxy");
    for name in known().chain(containers.map(|row| row.name)) {
        let told_of = told(&mut given, name)?.with_context(|| format!("the row of {name}"))?;
        let should = told(&mut expected, name)?;
        let is_meant = ROWS.iter().any(|(own, _)| *own == name);
        compared += u32::from(should.is_some());
        let differs = should.as_ref() != Some(&told_of);
        if differs && is_meant {
            meant.push(name);
        } else if differs {
            differences.push(format!("{name}: {told_of:?}\n  not {should:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(ROWS.iter().all(|(name, _)| meant.contains(name)), "of {ROWS:?} only {meant:?}");
    assert!(compared > 230, "{compared} rows");
    proxy.stop()
}

/// Commands of every kind of key specification, well formed and not.
const LINES: &str = "
get a
get
set a b EX 1
mget a b c
mset a 1 b 2
mset a 1 b
msetnx a 1 b
rename a b
smove a b c
object encoding a
object encoding
memory usage a SAMPLES 5
bitop AND a b c
bitop AND a
bitop NOT a b
pfcount a b
pfmerge a b c
pfmerge a
copy a b
lcs a b
zunion 2 a b WEIGHTS 1 2
zunion 0 a
zunion 3 a b
zunion x a
zunion -1 a
zunionstore to 2 a b
zunionstore to 3 a b
zunionstore to x a b
sintercard 1 a LIMIT 1
lmpop 2 a b LEFT
lmpop 2 a LEFT
zmpop 1 a MIN
eval s 2 a b c
eval s 0 a
eval s 3 a b
eval s x a
eval s -1 a
eval s
eval_ro s 1 a
evalsha s 1 a
evalsha_ro s 1 a
fcall f 1 a
fcall_ro f 1 a
fcall f 0
sort a
sort a STORE b
sort a BY x GET STORE STORE b
sort a STORE
sort a STORE b STORE c
sort a LIMIT 0 STORE b
sort_ro a BY STORE GET b
georadius a 1 1 1 m
georadius a 1 1 1 m STORE b
georadius a 1 1 1 m STOREDIST b
georadius a 1 1 1 m STORE b STOREDIST c
georadius a 1 1 1 m STOREDIST b STORE c
georadius a 1 1 1 m STORE
georadius_ro a 1 1 1 m STORE b
georadiusbymember a m 1 m STORE b
georadiusbymember_ro a m 1 m
geosearchstore a b FROMMEMBER m BYRADIUS 1 m
xread STREAMS a 0
xread COUNT 2 STREAMS a b 0 0
xread COUNT STREAMS STREAMS a 0
xread STREAMS a b 0
xread COUNT 2 STREAMS
xread COUNT 2 a 0
xreadgroup GROUP g c STREAMS a >
xreadgroup GROUP STREAMS c STREAMS a b > >
xreadgroup GROUP g c NOACK COUNT 1 STREAMS a >
xreadgroup GROUP g c STREAMS a b >
xadd a * f v
xgroup CREATE a g $
xgroup HELP
xinfo STREAM a
publish a b
spublish a b
function LOAD x
script LOAD x
scan 0
keys *
dbsize
ping
config GET a
nosuch a
xgroup nosuch a
";

#[test]
fn keys_are_found_where_a_server_finds_them() -> Result<()> {
    let (_folder, server, proxy) = both()?;
    let (mut given, mut expected) = (proxy.wire()?, server.wire()?);
    let mut differences = Vec::new();
    let mut meant = Vec::new();
    for line in LINES.trim().lines() {
        let ask = format!("COMMAND GETKEYS {line}");
        let (keys, should) = (given.say(&ask)?, expected.say(&ask)?);
        let is_meant = GET_KEYS.iter().any(|(own, _)| *own == line);
        if keys != should && is_meant {
            meant.push(line);
        } else if keys != should {
            differences.push(format!("{line}: {keys:?}, not {should:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(GET_KEYS.iter().all(|(line, _)| meant.contains(line)), "of {GET_KEYS:?} {meant:?}");
    proxy.stop()
}

/// The words that a command takes as they are, and since when, if that is later than the command.
fn words(arguments: Option<&Value>, found: &mut BTreeSet<(String, Option<String>)>) {
    for argument in arguments.and_then(Value::as_items).unwrap_or_default() {
        let text = |name| argument.get(name).and_then(Value::as_text).map(str::to_owned);
        found.extend(text("token").map(|token| (token, text("since"))));
        words(argument.get("arguments"), found);
    }
}

/// The words and the history that are told of a command; `None` if nothing is.
fn document(wire: &mut Wire, name: &str) -> Result<Option<Document>> {
    let reply = wire.call(&["COMMAND", "DOCS", name])?;
    let reply = Value::parse(&reply).context("a reply")?;
    let Some(told) = reply.get(name) else { return Ok(None) };
    let mut all = BTreeSet::new();
    words(told.get("arguments"), &mut all);
    let history = told.get("history").and_then(Value::as_items).unwrap_or_default();
    let version = |change: &Value| Some(change.as_items()?[0].as_text()?.to_owned());
    Ok(Some(Document { words: all, versions: history.iter().filter_map(version).collect() }))
}

/// What is told of a command beside what its row says.
struct Document {
    words: BTreeSet<(String, Option<String>)>,
    /// The versions in which it changed.
    versions: BTreeSet<String>,
}

impl Document {
    /// The words of a server of version 7.0, and the changes up to that.
    fn of_7_0(self) -> (BTreeSet<String>, BTreeSet<String>) {
        let is_old = |version: &String| version.as_str() < "7.1";
        let words = self.words.into_iter().filter(|(_, since)| since.as_ref().is_none_or(is_old));
        (words.map(|(word, _)| word).collect(), self.versions.into_iter().filter(is_old).collect())
    }
}

#[test]
fn arguments_and_history_are_those_of_a_server() -> Result<()> {
    let (_folder, server, proxy) = both()?;
    let (mut given, mut expected) = (proxy.wire()?, server.wire()?);
    let (mut differences, mut meant, mut compared) = (Vec::new(), Vec::new(), 0);
    for name in known() {
        let Some(should) = document(&mut expected, name)?.map(Document::of_7_0) else { continue };
        let told = document(&mut given, name)?.with_context(|| format!("that of {name}"))?.of_7_0();
        compared += 1;
        if told != should && DOCUMENTS.iter().any(|(own, _)| *own == name) {
            meant.push(name);
        } else if told != should {
            differences.push(format!("{name}: {told:?}\n  not {should:?}"));
        }
    }
    assert!(DOCUMENTS.iter().all(|(name, _)| meant.contains(name)), "only {meant:?}");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(compared > 230, "{compared} documents");
    proxy.stop()
}
