//! The text as a scraper reads it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::families::FAMILIES;
use super::*;
use crate::proto::command::table;
use crate::stats::{CloseCause, Own, OwnUpstream, Redirect, Stage};

/// A sample: its labels as pairs of name and value, and its number as it stands there.
type Sample = (BTreeMap<String, String>, String);

/// What stands under one `# TYPE`.
#[derive(Debug, Default)]
struct Read {
    kind: String,
    /// By full name: a histogram has `_bucket`, `_sum` and `_count`.
    samples: BTreeMap<String, Vec<Sample>>,
}

impl Read {
    /// The number of the only sample of this name with these labels.
    fn number(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = |own: &BTreeMap<String, String>| {
            labels.iter().all(|(name, value)| own.get(*name).is_some_and(|own| own == value))
        };
        let found: Vec<_> = self.samples[name].iter().filter(|(own, _)| labels(own)).collect();
        let [(_, number)] = found[..] else { panic!("{} of {name}", found.len()) };
        number.parse().unwrap()
    }
}

/// Reads a text as the format's description says; panics where it is not such a text.
fn read(text: &str) -> BTreeMap<String, Read> {
    let mut families: BTreeMap<String, Read> = BTreeMap::new();
    let mut current = String::new();
    let mut helped = String::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(!help.is_empty() && !families.contains_key(name), "{line}");
            helped = name.to_owned();
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').unwrap();
            assert_eq!(name, helped, "the help comes directly before the type");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            current = name.to_owned();
            families.insert(current.clone(), Read { kind: kind.to_owned(), ..Read::default() });
        } else {
            let (name, labels, number) = sample(line);
            let family = families.get_mut(&current).unwrap();
            let suffix = name.strip_prefix(&current).unwrap_or_else(|| panic!("{line} elsewhere"));
            let of_histogram = ["_bucket", "_sum", "_count"].contains(&suffix);
            assert_eq!(of_histogram, family.kind == "histogram", "{line}");
            assert!(of_histogram || suffix.is_empty(), "{line}");
            let samples = family.samples.entry(name).or_default();
            assert!(samples.iter().all(|(others, _)| *others != labels), "twice: {line}");
            samples.push((labels, number));
        }
    }
    families
}

/// The name, the labels and the number of a line.
fn sample(line: &str) -> (String, BTreeMap<String, String>, String) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
    let mut labels = BTreeMap::new();
    if rest.starts_with('{') {
        while !rest.starts_with('}') {
            let (label, after) = rest[1..].split_once("=\"").unwrap();
            let (value, after) = quoted(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            assert!(after.starts_with([',', '}']), "{line}");
            rest = after;
        }
        rest = &rest[1..];
    }
    let number = rest.strip_prefix(' ').unwrap();
    assert!(number.parse::<f64>().is_ok_and(|number| number >= 0.0), "{line}");
    (name.to_owned(), labels, number.to_owned())
}

/// The value up to the closing quote, and what follows that.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next().unwrap().1 {
                'n' => value.push('\n'),
                c @ ('\\' | '"') => value.push(c),
                c => panic!("\\{c} is no escape"),
            },
            c => value.push(c),
        }
    }
    panic!("no closing quote in {text}");
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn text(stats: &Stats) -> String {
    Text::new(stats, now()).collect()
}

/// What a worker holds of `main`, and what it holds of the other upstream.
type Holds = [OwnUpstream; 2];

/// Two workers and two upstreams, of which one has a name that needs escapes.
fn rig() -> (Stats, [Holds; 2]) {
    let stats = Stats::new(2, ["main", "quo\"te\\\n"]);
    let workers = [0, 1].map(|worker| {
        let own = Rc::new(Own::new(stats.clone(), worker).unwrap());
        [0, 1].map(|upstream| own.upstream(upstream).unwrap())
    });
    (stats, workers)
}

#[test]
fn the_text_is_what_the_format_says_and_names_are_of_the_trade() {
    let (stats, [one, two]) = rig();
    let node = "10.0.0.1:7000".parse().unwrap();
    let blocks = [one[0].node(&node), two[1].node(&node)];
    blocks.iter().for_each(|block| block.wire.observe(Duration::from_millis(3)));
    one[0].stats().enable_commands();
    let get = table::find(b"get").unwrap();
    one[0].stats().commands().unwrap().observe(get, Duration::from_millis(3));
    let families = read(&text(&stats));
    assert_eq!(families.len(), FAMILIES.len());
    for (name, family) in &families {
        assert!(name.starts_with("redpoll_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == "counter", "{name}");
        let is_unknown_here = name.starts_with("process_");
        assert_eq!(family.samples.is_empty(), is_unknown_here, "{name}");
        let base = name.trim_end_matches("_total");
        assert!(name == base || !families.contains_key(base), "OpenMetrics calls both {base}");
        for (labels, _) in family.samples.values().flatten() {
            let upstream = labels.get("upstream").map_or("main", |upstream| upstream);
            assert!(["main", "quo\"te\\\n"].contains(&upstream), "{name}: {upstream}");
        }
    }
}

#[test]
fn the_buckets_of_a_histogram_add_up_to_its_count() {
    let (stats, [one, two]) = rig();
    let node = "[::1]:7000".parse().unwrap();
    let blocks = [one[0].node(&node), one[0].node(&node), two[0].node(&node)];
    for (block, ms) in blocks.iter().zip([1, 40, 20_000]) {
        block.wire.observe(Duration::from_millis(ms));
    }
    let families = read(&text(&stats));
    let wire = &families["redpoll_node_wire_duration_seconds"];
    let of_node = [("upstream", "main"), ("node", "[::1]:7000")];
    assert_eq!(wire.number("redpoll_node_wire_duration_seconds_sum", &of_node), 20.041);
    assert_eq!(wire.number("redpoll_node_wire_duration_seconds_count", &of_node), 3.0);
    let buckets = &wire.samples["redpoll_node_wire_duration_seconds_bucket"];
    let read: Vec<(f64, u64)> = buckets
        .iter()
        .map(|(labels, number)| (labels["le"].parse().unwrap(), number.parse().unwrap()))
        .collect();
    assert!(read.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1), "{read:?}");
    let at = |bound: f64| read.iter().find(|(le, _)| *le == bound).unwrap().1;
    assert_eq!([0.0005, 0.001, 0.025, 0.05, 10.0, f64::INFINITY].map(at), [0, 1, 1, 2, 2, 3]);
}

#[test]
fn numbers_are_sums_over_workers_and_connections_and_ages_are_the_longest() {
    let (stats, [one, two]) = rig();
    let node = "10.0.0.1:7000".parse().unwrap();
    let blocks = [one[0].node(&node), two[0].node(&node)];
    let other = two[1].node(&node);
    let began = now();
    for (block, ago) in blocks.iter().zip([2, 5]) {
        block.in_flight.add(10);
        block.oldest.set(Some(began + Duration::from_secs(10 - ago)));
        block.connections_closed.of(CloseCause::Stalled).add(1);
        block.requests_expired.of(Stage::Queue).add(ago);
    }
    other.in_flight.add(1);
    one[0].stats().redirects.of(Redirect::Ask).add(3);
    two[0].stats().redirects.of(Redirect::Ask).add(4);
    let text: String = Text::new(&stats, began + Duration::from_secs(10)).collect();
    let families = read(&text);
    let number = |name: &str, labels: &[_]| families[name].number(name, labels);
    let main = ("upstream", "main");
    let node = ("node", "10.0.0.1:7000");
    assert_eq!(number("redpoll_node_requests_in_flight", &[main, node]), 20.0);
    assert_eq!(number("redpoll_upstream_requests_in_flight", &[main]), 20.0);
    assert_eq!(number("redpoll_node_oldest_request_age_seconds", &[main, node]), 5.0);
    let other = ("upstream", "quo\"te\\\n");
    assert_eq!(number("redpoll_node_oldest_request_age_seconds", &[other, node]), 0.0);
    assert_eq!(number("redpoll_node_requests_expired_total", &[main, node]), 7.0);
    let by = |name, label| number(name, &[main, label]);
    assert_eq!(by("redpoll_upstream_requests_expired_total", ("stage", "queue")), 7.0);
    assert_eq!(by("redpoll_upstream_requests_expired_total", ("stage", "reply")), 0.0);
    assert_eq!(by("redpoll_upstream_connections_closed_total", ("cause", "stalled")), 2.0);
    assert_eq!(by("redpoll_upstream_redirects_total", ("kind", "ask")), 7.0);
}

#[test]
fn an_upstreams_counters_do_not_go_back_when_nodes_come_and_go() {
    let (stats, [one, two]) = rig();
    let mut before: BTreeMap<String, u64> = BTreeMap::new();
    let mut open = VecDeque::new();
    for round in 0_u16..50 {
        let address = |port| format!("10.0.0.1:{port}").parse().unwrap();
        let worker = if round % 3 == 0 { &one } else { &two };
        let block = worker[0].node(&address(7000 + round % 7));
        block.requests_sent.add(1);
        block.connections_closed.of(CloseCause::Idle).add(1);
        open.push_back(block);
        if open.len() > 4 {
            drop(open.pop_front());
        }
        // Two of the seven are not listed, other two in every round.
        let listed: Vec<_> = (0..5).map(|next| address(7000 + (round + next) % 7)).collect();
        worker[0].nodes_listed(&listed);
        for (name, family) in read(&text(&stats)) {
            let counters = family.kind == "counter" && !name.starts_with("redpoll_node_");
            let all = family.samples.into_values().flatten().filter(|_| counters);
            for (labels, number) in all {
                let now = number.parse().unwrap();
                let then = before.insert(format!("{name} {labels:?}"), now).unwrap_or(0);
                assert!(now >= then, "{name} {labels:?}: {then}, then {now}");
            }
        }
        let sent = stats.sum_nodes(|node| node.requests_sent.get());
        assert_eq!(sent, u64::from(round) + 1);
    }
}

#[test]
fn commands_are_shown_once_they_were_used_and_if_they_are_counted() {
    let (stats, workers) = rig();
    let shown = || {
        let families = read(&text(&stats));
        let family = &families["redpoll_command_duration_seconds"];
        let counts = family.samples.get("redpoll_command_duration_seconds_count");
        let of = |(labels, number): &Sample| (labels["command"].clone(), number.clone());
        counts.map_or(vec![], |counts| counts.iter().map(of).collect())
    };
    assert_eq!(shown(), []);
    for worker in &workers {
        worker[0].stats().enable_commands();
        let commands = worker[0].stats().commands().unwrap();
        commands.observe(table::find(b"set").unwrap(), Duration::from_millis(1));
    }
    let commands = workers[0][0].stats().commands().unwrap();
    commands.observe(table::find(b"get").unwrap(), Duration::from_millis(1));
    assert_eq!(shown(), [("get".to_owned(), "1".to_owned()), ("set".to_owned(), "2".to_owned())]);
}

#[test]
fn a_thousand_nodes_come_in_pieces_and_within_a_known_size() {
    let stats = Stats::new(4, ["main"]);
    let node = |number: u16| format!("192.168.100.100:{}", 10_000 + number).parse().unwrap();
    let mut blocks: Vec<Arc<NodeStats>> = Vec::new();
    for worker in 0..4 {
        let own = Rc::new(Own::new(stats.clone(), worker).unwrap());
        let main = own.upstream(0).unwrap();
        blocks.extend((0..1_000).map(|number| main.node(&node(number))));
    }
    for block in &blocks {
        block.requests_sent.add(1_000_000_000);
        block.wire.observe(Duration::from_nanos(123_456_789));
    }
    let pieces: Vec<String> = Text::new(&stats, now()).collect();
    let longest = pieces.iter().map(String::len).max().unwrap();
    assert!(longest < 80 * 1024, "{longest} bytes in one piece");
    let whole = pieces.concat();
    let (mib, lines) = (whole.len() / (1024 * 1024), whole.lines().count());
    assert!((4..=5).contains(&mib) && (47_000..48_000).contains(&lines), "{mib} MiB, {lines}");
    let wire = &read(&whole)["redpoll_node_wire_duration_seconds"];
    let counts = &wire.samples["redpoll_node_wire_duration_seconds_count"];
    assert_eq!(counts.len(), 1_000);
    assert!(counts.iter().all(|(_, count)| count == "4"));
}

#[test]
fn the_table_of_the_manual_has_every_label_that_is_shown() {
    let (stats, [one, _]) = rig();
    let block = one[0].node(&"10.0.0.1:7000".parse().unwrap());
    block.wire.observe(Duration::from_millis(3));
    one[0].stats().enable_commands();
    let get = table::find(b"get").unwrap();
    one[0].stats().commands().unwrap().observe(get, Duration::from_millis(3));
    let families = read(&text(&stats));
    let manual = markdown();
    for family in FAMILIES {
        let row = format!("| `{}` | {} | ", family.name, family.kind.name());
        let row = manual.lines().find_map(|line| line.strip_prefix(&row)).unwrap();
        let labels = row.split(" | ").next().unwrap().split(", ").filter(|name| !name.is_empty());
        let documented: BTreeSet<_> = labels.map(|name| name.trim_matches('`')).collect();
        for (labels, _) in families[family.name].samples.values().flatten() {
            let shown: BTreeSet<_> =
                labels.keys().map(String::as_str).filter(|name| *name != "le").collect();
            assert_eq!(shown, documented, "{}", family.name);
        }
    }
}
