//! Stories of what is counted over the lives of nodes and their connections.

use std::time::Duration;

use super::*;

const MAIN: usize = 0;
const OTHER: usize = 1;

struct Rig {
    stats: Stats,
    workers: [Rc<Own>; 2],
}

impl Rig {
    fn new() -> Rig {
        let stats = Stats::new(2, ["main", "other"]);
        let workers = [0, 1].map(|worker| Rc::new(Own::new(stats.clone(), worker).unwrap()));
        Rig { stats, workers }
    }

    /// What the workers hold of an upstream.
    fn workers(&self, upstream: usize) -> [OwnUpstream; 2] {
        [0, 1].map(|worker: usize| self.workers[worker].upstream(upstream).unwrap())
    }

    /// The requests sent to each node of an upstream, and to all that it ever had.
    fn sent(&self, upstream: usize) -> (Vec<(String, u64)>, u64) {
        let view = &self.stats.nodes()[upstream];
        let sum = |blocks: &[Arc<NodeStats>]| blocks.iter().map(|b| b.requests_sent.get()).sum();
        let nodes = view.nodes().map(|(address, blocks)| (address.to_string(), sum(blocks)));
        (nodes.collect(), view.all().map(|block| block.requests_sent.get()).sum())
    }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn the_connections_of_a_node_are_added_up_over_workers_and_time() {
    let rig = Rig::new();
    let [one, two] = rig.workers(MAIN);
    let [other, _] = rig.workers(OTHER);
    let node = address("10.0.0.1:7000");
    let blocks = [one.node(&node), one.node(&node), two.node(&node)];
    blocks.iter().for_each(|block| block.requests_sent.add(5));
    other.node(&node).requests_sent.add(1);
    let expected = |count| (vec![("10.0.0.1:7000".to_owned(), count)], count);
    assert_eq!((rig.sent(MAIN), rig.sent(OTHER)), (expected(15), expected(1)));
    drop(blocks);
    one.node(&node).requests_sent.add(1);
    assert_eq!((rig.sent(MAIN), rig.sent(OTHER)), (expected(16), expected(1)));
    assert_eq!(rig.stats.sum_nodes(|node| node.requests_sent.get()), 17);
}

#[test]
fn a_node_that_left_is_shown_until_its_connections_are_over_and_counts_for_ever() {
    let rig = Rig::new();
    let [one, two] = rig.workers(MAIN);
    let (stays, leaves) = (address("stays:7000"), address("leaves:7000"));
    let kept = one.node(&stays);
    let blocks = [one.node(&leaves), two.node(&leaves)];
    kept.requests_sent.add(1);
    blocks.iter().for_each(|block| block.requests_sent.add(10));
    [&one, &two].iter().for_each(|worker| worker.nodes_listed([&stays]));
    let nodes = |left: Option<u64>| {
        let left = left.map(|count| ("leaves:7000".to_owned(), count));
        left.into_iter().chain([("stays:7000".to_owned(), 1)]).collect::<Vec<_>>()
    };
    assert_eq!(rig.sent(MAIN), (nodes(Some(20)), 21));
    let [first, second] = blocks;
    drop(first);
    assert_eq!(rig.sent(MAIN), (nodes(Some(10)), 21));
    second.requests_sent.add(2);
    drop(second);
    assert_eq!(rig.sent(MAIN), (nodes(None), 23));

    [&one, &two].iter().for_each(|worker| worker.nodes_listed([&stays, &leaves]));
    let again = two.node(&leaves);
    again.requests_sent.add(1);
    drop(again);
    assert_eq!(rig.sent(MAIN), (nodes(Some(1)), 24));
}

#[test]
fn a_node_known_from_a_redirect_alone_is_shown_while_it_has_a_connection() {
    let rig = Rig::new();
    let [one, _] = rig.workers(MAIN);
    let (server, other) = (address("server:6379"), address("other:6379"));
    one.nodes_listed([&server]);
    one.node(&server).requests_sent.add(1);
    let block = one.node(&other);
    block.requests_sent.add(2);
    let shown = |port: &str, sent| (format!("{port}:6379"), sent);
    assert_eq!(rig.sent(MAIN), (vec![shown("other", 2), shown("server", 1)], 3));
    drop(block);
    assert_eq!(rig.sent(MAIN), (vec![shown("server", 1)], 3));
}

#[test]
fn what_is_being_read_is_not_counted_twice_when_it_ends() {
    let rig = Rig::new();
    let [one, _] = rig.workers(MAIN);
    let node = address("10.0.0.1:7000");
    let block = one.node(&node);
    block.wire.observe(Duration::from_millis(1));
    let view = rig.stats.nodes();
    let count = |view: &[NodesView]| view[MAIN].all().map(|block| block.wire.count()).sum::<u64>();
    drop(block);
    one.nodes_listed([]);
    assert_eq!((count(&view), count(&rig.stats.nodes())), (1, 1));
    drop(view);
    for _ in 0..2 {
        let view = rig.stats.nodes();
        assert_eq!((count(&view), view[MAIN].nodes().count()), (1, 0));
    }
}

#[test]
fn each_worker_and_upstream_counts_apart() {
    let rig = Rig::new();
    let count = |worker: usize, upstream: usize, reason, times| {
        rig.workers(upstream)[worker].stats().retries.of(reason).add(times);
    };
    count(0, MAIN, RetryReason::Loading, 1);
    count(1, MAIN, RetryReason::Connection, 2);
    count(1, OTHER, RetryReason::Connection, 4);
    assert_eq!(rig.stats.sum_upstreams(|upstream| upstream.retries.total()), 7);
    assert_eq!(rig.workers[1].worker().upstreams[MAIN].retries.total(), 2);
    assert!(Own::new(rig.stats.clone(), 2).is_none() && rig.workers[0].upstream(2).is_none());
}
