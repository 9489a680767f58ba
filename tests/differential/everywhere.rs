//! What every primary of a cluster runs, through Redpoll.

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use redpoll::proto::resp::Value;

use crate::harness::{Cluster, Options, Proxy, Wire};
use crate::proxied::patient;
use crate::rig::{empty, guarded, scan, scan_step, settings};

/// Runs a story on a cluster of three primaries and a proxy before it.
fn before_a_cluster(story: impl FnOnce(&Cluster, &Proxy) -> Result<()>) -> Result<()> {
    let folder = guarded()?;
    let cluster = Cluster::start_with(&folder.path().join("behind"), 0, &settings())?;
    let proxy = Proxy::start(&folder.path().join("proxy"), patient(Options::cluster(&cluster)))?;
    story(&cluster, &proxy)?;
    proxy.stop()
}

/// Makes keys `{prefix}{number}` with a command of this begin and end, and gives their names.
fn make(wire: &mut Wire, prefix: &str, numbers: std::ops::Range<u32>, ends: [&str; 2]) -> Names {
    let names = numbers.map(|number| format!("{prefix}{number}"));
    let made = names.map(|name| {
        let reply = wire.say(&format!("{} {name} {}", ends[0], ends[1]))?;
        ensure!(!reply.starts_with('-'), "{name} gave {reply}");
        Ok(name.into_bytes())
    });
    made.collect()
}

/// What is told one after the other, to one cluster.
const STORIES: [fn(&Cluster, &Proxy) -> Result<()>; 6] = [
    a_transaction_runs_at_the_node_of_its_keys,
    a_scan_of_a_cluster_gives_all_keys_that_it_asks_for,
    a_random_key_is_one_of_any_node,
    a_script_exists_if_every_node_has_it,
    what_is_published_reaches_whoever_listens_at_any_node,
    the_slow_log_of_a_cluster_is_that_of_all_its_nodes,
];

#[test]
fn every_primary_has_its_say() -> Result<()> {
    before_a_cluster(|cluster, proxy| {
        STORIES.into_iter().try_for_each(|story| {
            cluster.nodes.iter().try_for_each(empty)?;
            story(cluster, proxy)
        })
    })
}

type Names = Result<BTreeSet<Vec<u8>>>;

fn a_scan_of_a_cluster_gives_all_keys_that_it_asks_for(_: &Cluster, proxy: &Proxy) -> Result<()> {
    let mut wire = proxy.wire()?;
    let strings = make(&mut wire, "a:", 0..300, ["SET", "v"])?;
    let lists = make(&mut wire, "b:", 0..120, ["RPUSH", "v"])?;
    let hashes = make(&mut wire, "c:", 0..80, ["HSET", "f v"])?;
    let all = &(&strings | &lists) | &hashes;
    assert_eq!(all.len(), 500);
    assert_eq!(wire.say("DBSIZE")?, ":500\r\n");
    for version in ["2", "3"] {
        wire.say(&format!("HELLO {version}"))?;
        for count in ["1", "10", "170", "1000"] {
            assert_eq!(scan(&mut wire, &["COUNT", count])?, all, "COUNT {count}");
        }
        assert_eq!(scan(&mut wire, &[])?, all);
        assert_eq!(scan(&mut wire, &["MATCH", "b:*"])?, lists);
        assert_eq!(scan(&mut wire, &["TYPE", "hash", "COUNT", "50"])?, hashes);
        assert_eq!(scan(&mut wire, &["match", "a:*", "type", "string"])?, strings);
        assert_eq!(scan(&mut wire, &["MATCH", "a:*", "TYPE", "list"])?, BTreeSet::new());
    }
    Ok(())
}

/// A scan under way.
struct Scan {
    wire: Wire,
    cursor: String,
    found: BTreeSet<Vec<u8>>,
}

impl Scan {
    fn step(&mut self) -> Result<()> {
        let options = ["COUNT", "10"];
        self.cursor = scan_step(&mut self.wire, &self.cursor, &options, &mut self.found)?;
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.cursor == "0"
    }
}

#[test]
fn a_scan_gives_keys_that_a_slot_takes_behind_it_meanwhile() -> Result<()> {
    before_a_cluster(|cluster, proxy| {
        // In the order of their addresses, which is that of the scan.
        let mut order: Vec<usize> = (0..cluster.nodes.len()).collect();
        order.sort_by_key(|node| cluster.nodes[*node].port);
        let (first, last) = (order[0], order[2]);
        let mut wire = proxy.wire()?;
        let all = make(&mut wire, "a:", 0..300, ["SET", "v"])?;
        let tags = cluster.keys_of(last, "tag:", 2)?;
        let movers = make(&mut wire, &format!("{{{}}}:", tags[0]), 0..50, ["SET", "v"])?;
        let owners = cluster.owners()?;
        let is_of_first = |key: &&Vec<u8>| {
            let slot = cluster.slot(&String::from_utf8_lossy(key));
            slot.is_ok_and(|slot| owners[usize::from(slot)] == first)
        };
        let at_first: BTreeSet<_> = all.iter().filter(is_of_first).cloned().collect();
        ensure!(at_first.len() > 50, "keys of the node that is scanned first");

        let (cursor, found) = ("0".to_owned(), BTreeSet::new());
        let scan = RefCell::new(Scan { wire: proxy.wire()?, cursor, found });
        while !at_first.is_subset(&scan.borrow().found) {
            scan.borrow_mut().step()?;
        }
        ensure!(scan.borrow().found.is_disjoint(&movers), "the last node is not asked yet");
        // Two slots, since one in 512 changes looks to a cursor as if there was none.
        for tag in &tags {
            cluster.move_slot(cluster.slot(tag)?, (last, first), || scan.borrow_mut().step())?;
            cluster.wait_until_agreed()?;
            // What is redirected lets the worker know that the scan is asked of.
            let mut scan = scan.borrow_mut();
            assert!(scan.wire.say(&format!("GET {{{tag}}}:0"))?.starts_with('$'));
            scan.step()?;
            ensure!(!scan.is_over(), "it is far from its end");
        }
        let mut scan = scan.into_inner();
        while !scan.is_over() {
            scan.step()?;
        }
        let others = &(&all | &movers) ^ &scan.found;
        let others: Vec<_> = others.iter().map(|key| key.escape_ascii().to_string()).collect();
        assert!(others.is_empty(), "left out, or not there: {others:?}");
        Ok(())
    })
}

fn a_transaction_runs_at_the_node_of_its_keys(cluster: &Cluster, proxy: &Proxy) -> Result<()> {
    let mut wire = proxy.wire()?;
    let keys = [0, 1, 2].map(|node| cluster.keys_of(node, "multi:", 1));
    let keys = keys.into_iter().collect::<Result<Vec<_>>>()?.concat();
    for key in &keys {
        assert_eq!(wire.say("MULTI")?, "+OK\r\n");
        assert_eq!(wire.say(&format!("RPUSH {key} a b"))?, "+QUEUED\r\n");
        assert_eq!(wire.say(&format!("INCR {key}"))?, "+QUEUED\r\n");
        assert_eq!(wire.say(&format!("LPOP {key}"))?, "+QUEUED\r\n");
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
        assert_eq!(wire.say("EXEC")?, format!("*3\r\n:2\r\n{wrong}$1\r\na\r\n"));
    }
    assert_eq!(wire.say("MULTI")?, "+OK\r\n");
    assert_eq!(wire.say(&format!("DEL {}", keys[0]))?, "+QUEUED\r\n");
    assert!(wire.say(&format!("DEL {}", keys[1]))?.starts_with("-CROSSSLOT "));
    assert!(wire.say("EXEC")?.starts_with("-EXECABORT "));
    assert_eq!(wire.say(&format!("EXISTS {}", keys.join(" ")))?, ":3\r\n");
    Ok(())
}

fn a_random_key_is_one_of_any_node(cluster: &Cluster, proxy: &Proxy) -> Result<()> {
    let mut wire = proxy.wire()?;
    assert_eq!(wire.say("RANDOMKEY")?, "$-1\r\n");
    let mut nodes = BTreeSet::new();
    for node in 0..3 {
        for key in cluster.keys_of(node, "random:", 10)? {
            assert_eq!(wire.say(&format!("SET {key} {node}"))?, "+OK\r\n");
        }
    }
    for _ in 0..200 {
        let reply = wire.call(&["RANDOMKEY"])?;
        let key = Value::parse(&reply).context("a reply")?;
        nodes.insert(wire.say(&format!("GET {}", text(&key)))?);
    }
    let all = [0, 1, 2].map(|node| format!("$1\r\n{node}\r\n"));
    assert_eq!(nodes, BTreeSet::from(all));
    Ok(())
}

fn a_script_exists_if_every_node_has_it(cluster: &Cluster, proxy: &Proxy) -> Result<()> {
    const EXISTS: [&str; 3] = ["SCRIPT", "EXISTS", RETURN_6];
    let mut wire = proxy.wire()?;
    for node in 0..3 {
        assert_eq!(wire.call(&EXISTS)?, b"*1\r\n:0\r\n", "{node} nodes have it");
        let key = &cluster.keys_of(node, "script:", 1)?[0];
        assert_eq!(wire.call(&["EVAL", "return 6", "1", key])?, b":6\r\n");
    }
    assert_eq!(wire.call(&EXISTS)?, b"*1\r\n:1\r\n");
    assert_eq!(wire.say("SCRIPT FLUSH")?, "+OK\r\n");
    assert_eq!(wire.call(&EXISTS)?, b"*1\r\n:0\r\n");
    assert!(wire.call(&["SCRIPT", "LOAD", "return 6"])?.starts_with(b"$40\r\n"));
    for node in &cluster.nodes {
        assert_eq!(node.wire()?.call(&EXISTS)?, b"*1\r\n:1\r\n");
    }
    Ok(())
}

/// The digest of `return 6`.
const RETURN_6: &str = "432b214c7272676165213cde73c96473ae722648";

fn what_is_published_reaches_whoever_listens_at_any_node(
    cluster: &Cluster,
    proxy: &Proxy,
) -> Result<()> {
    let mut wire = proxy.wire()?;
    for (node, server) in cluster.nodes.iter().enumerate() {
        let shard = &cluster.keys_of(node, "shard:", 1)?[0];
        let mut listener = server.wire()?;
        listener.say("SUBSCRIBE news")?;
        listener.say(&format!("SSUBSCRIBE {shard}"))?;
        assert!(matches!(wire.say("PUBLISH news now")?.as_str(), ":0\r\n" | ":1\r\n"));
        let told = String::from_utf8(listener.reply()?)?;
        assert_eq!(told, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$3\r\nnow\r\n");
        assert_eq!(wire.say(&format!("SPUBLISH {shard} here"))?, ":1\r\n");
        let told = String::from_utf8(listener.reply()?)?;
        assert!(told.starts_with("*3\r\n$8\r\nsmessage\r\n"), "{told}");
    }
    Ok(())
}

fn the_slow_log_of_a_cluster_is_that_of_all_its_nodes(
    cluster: &Cluster,
    proxy: &Proxy,
) -> Result<()> {
    let mut wire = proxy.wire()?;
    cluster.nodes.iter().try_for_each(|node| node.set("slowlog-log-slower-than", "0"))?;
    assert_eq!(wire.say("SLOWLOG RESET")?, "+OK\r\n");
    let keys = [0, 1, 2].map(|node| cluster.keys_of(node, "slow:", 1));
    let mut keys = keys.into_iter().collect::<Result<Vec<_>>>()?.concat();
    keys.sort_unstable();
    for key in &keys {
        assert_eq!(wire.say(&format!("SET {key} v"))?, "+OK\r\n");
    }
    cluster.nodes.iter().try_for_each(|node| node.set("slowlog-log-slower-than", "-1"))?;
    let reply = wire.call(&["SLOWLOG", "GET", "-1"])?;
    let log = Value::parse(&reply).context("a reply")?;
    let entries = log.as_items().context("entries")?;
    assert_eq!(wire.say("SLOWLOG LEN")?, format!(":{}\r\n", entries.len()));
    let commands = entries.iter().filter_map(|entry| entry.as_items()?.get(3)?.as_items());
    let mut set: Vec<&str> =
        commands.filter(|it| it[0].as_text() == Some("SET")).map(|it| text(&it[1])).collect();
    set.sort_unstable();
    assert_eq!(set, keys);
    assert_eq!(wire.say("SLOWLOG RESET")?, "+OK\r\n");
    assert_eq!(wire.say("SLOWLOG LEN")?, ":0\r\n");
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_text().unwrap_or_default()
}
