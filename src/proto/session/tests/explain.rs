//! Stories of `PROXY`, which tells what Redpoll knows and would do.

use super::*;

/// Commands, and what is said of each.
const EXPLAINED: &[(&str, &[&str])] = &[
    (
        "get a",
        &[
            "command: GET, reads, so it may be sent again",
            "keys: a (slot 15495)",
            "goes whole to h:2, the owner of slot 15495",
        ],
    ),
    (
        "MSET a 1 b 2",
        &[
            "command: MSET, may write, so it is sent once",
            "keys: a (slot 15495), b (slot 3300)",
            "is split by slot into 2 parts, whose replies are merged:",
            "h:1: MSET b 2",
            "h:2: MSET a 1",
        ],
    ),
    ("PING", &["command: PING, has no keys", "keys: none", "answered by redpoll itself"]),
    (
        "rename a b",
        &[
            "command: RENAME, may write, so it is sent once",
            "keys: a (slot 15495), b (slot 3300)",
            "refused: CROSSSLOT Keys in request don't hash to the same slot ('a' is in slot \
               15495, 'b' in slot 3300; keys with the same {hash tag}, as of a prefix, \
                 share a slot)",
        ],
    ),
    (
        "DBSIZE",
        &[
            "command: DBSIZE, reads, so it may be sent again",
            "keys: none",
            "runs on every primary, 2 of them, and the replies are merged; alone:",
            "h:1: DBSIZE",
            "h:2: DBSIZE",
        ],
    ),
    (
        "SCAN 0 COUNT 5",
        &[
            "command: SCAN, reads, so it may be sent again",
            "keys: none",
            "runs on one primary after the other; alone; now on:",
            "h:1: SCAN 0 COUNT 5",
        ],
    ),
    (
        "cluster countkeysinslot 1",
        &[
            "command: CLUSTER COUNTKEYSINSLOT, has no keys",
            "keys: none",
            "goes whole to h:1, the owner of slot 1, which it names",
        ],
    ),
    (
        "multi",
        &[
            "command: MULTI, has no keys",
            "keys: none",
            "a transaction: what is in it waits at redpoll until EXEC",
        ],
    ),
    ("get", &["refused: ERR wrong number of arguments for 'get' command"]),
];

const SUBSCRIBED: &str = "subscribes over a connection that the worker's clients share";

fn explained(rig: &mut Rig, command: &str) -> Vec<String> {
    assert!(rig.send(&format!("PROXY ROUTE {command}\n")).is_empty(), "it is not executed");
    lines(&rig.told())
}

fn lines(reply: &str) -> Vec<String> {
    let value = Value::parse(reply.as_bytes()).unwrap();
    let items = value.as_items().unwrap_or_else(|| panic!("{reply}"));
    items.iter().map(|line| line.as_text().unwrap().to_owned()).collect()
}

#[test]
fn where_a_command_would_go_is_explained_and_it_does_not_go() {
    let mut rig = Rig::new();
    for (command, expected) in EXPLAINED {
        assert_eq!(explained(&mut rig, command), *expected, "{command}");
    }
    let keyless = explained(&mut rig, "eval 'return 1' 0");
    assert!(keyless[2].ends_with(", one of the primaries: any would do"), "{keyless:?}");
    assert_eq!(explained(&mut rig, "SUNSUBSCRIBE")[1..], ["keys: none", SUBSCRIBED]);
    assert!(explained(&mut rig, "nosuch a")[0].starts_with("refused: ERR unknown command"));
    assert!(explained(&mut rig, "MONITOR")[2].starts_with("refused: ERR redpoll refuses MONITOR"));
}

#[test]
fn what_is_not_known_yet_or_served_by_nobody_is_said() {
    let mut rig = Rig::unrouted();
    let last = |lines: Vec<String>| lines.last().unwrap().clone();
    let line = last(explained(&mut rig, "get a"));
    assert_eq!(line, "goes whole to a node that is not known yet, the owner of slot 15495");
    assert!(last(explained(&mut rig, "dbsize")).starts_with("refused: CLUSTERDOWN"));
    rig.router.adopt(&view(&[(0, 8191, 1)]), rig.now);
    let line = last(explained(&mut rig, "get a"));
    assert_eq!(line, "goes whole to no node, the owner of slot 15495");
    rig.send("PROXY TOPOLOGY\n");
    assert_eq!(lines(&rig.told()), ["0-8191 h:1", "8192-16383 no node"]);
    rig.router = Router::single(Address::new("h", 9).unwrap(), 9);
    assert_eq!(explained(&mut rig, "rename a b")[2], "goes whole to h:9, the only server");
    rig.send("PROXY TOPOLOGY\n");
    assert_eq!(lines(&rig.told()), ["h:9 is a single server"]);
}

#[test]
fn every_primary_tells_of_itself_below_its_address() {
    let mut rig = Rig::new();
    let sent = rig.send("PROXY INFO UPSTREAM server Clients\n");
    assert_eq!(sent, ["1: INFO server Clients", "2: INFO server Clients"]);
    rig.answer("$3\r\na:1\r\n");
    rig.answer("$3\r\na:2\r\n");
    let text = "## h:1\r\na:1\r\n## h:2\r\na:2\r\n";
    assert_eq!(rig.told(), format!("${}\r\n{text}\r\n", text.len()));
    assert!(rig.send("PROXY INFO server\n").is_empty());
    assert_eq!(rig.told(), "-ERR syntax error\r\n");
    rig.router = Router::single(Address::new("h", 9).unwrap(), 9);
    assert_eq!(rig.send("PROXY INFO upstream\n"), ["9: INFO"]);
    rig.answer("-LOADING Redis is loading the dataset in memory\r\n");
    rig.stop();
    assert!(rig.told().starts_with("-"));
}

#[test]
fn a_transaction_holds_nothing_of_it() {
    let mut rig = Rig::new();
    rig.send("MULTI\nPROXY INFO UPSTREAM\nPROXY TOPOLOGY\nEXEC\n");
    assert!(rig.flying.is_empty());
    assert_eq!(rig.told().matches("-ERR redpoll refuses PROXY").count(), 2);
}

#[test]
fn what_has_no_key_goes_to_one_node_for_one_client_and_to_others_for_others() {
    let node_of = |id: u64| {
        let mut rig = Rig::new();
        rig.session.identity.id = id;
        let sent = rig
            .send("EVAL 'return 1' 0\nPUBLISH a b\nMULTI\nEVAL 'return 1' 0\nEXEC\nSCRIPT HELP\n");
        let nodes: std::collections::BTreeSet<_> =
            sent.iter().map(|sent| sent.split(':').next().unwrap().to_owned()).collect();
        assert_eq!((sent.len(), nodes.len()), (4, 1), "{sent:?}");
        nodes.into_iter().next().unwrap()
    };
    let first = (1..=100).filter(|id| node_of(*id) == "1").count();
    assert!((40..=60).contains(&first), "{first} of 100 clients at the first of two nodes");
}
