//! Stories of a cluster whose slots move and whose primaries change.

use super::Cluster;
use super::rig::Rig;
use super::rng::Rng;
use crate::proto::cluster::{Address, Slot};

/// Three primaries, and a replica of the first.
fn cluster() -> Cluster {
    let address = |port| Address::new("127.0.0.1", port).unwrap();
    let primaries: Vec<Address> = (7000..7003).map(address).collect();
    Cluster::new(&primaries, &[(address(7003), 0)])
}

/// `a` and `b` lie in slot 15495 and 3300; `{b}1` with `b`.
const SLOT_OF_B: u16 = 3300;

#[test]
fn a_key_is_served_by_its_owner_only() {
    let cluster = cluster();
    Rig::of(cluster.node(0)).story(&[
        ("SET b 1", "+OK"),
        ("GET a", "-MOVED 15495 127.0.0.1:7002"),
        ("MGET a b", "-CROSSSLOT Keys in request don't hash to the same slot"),
        ("MGET b {b}1", "*2 $1 1 $-1"),
        ("PING", "+PONG"),
    ]);
    cluster.assign(Slot::of(b"a"), None);
    Rig::of(cluster.node(0)).story(&[("GET a", "-CLUSTERDOWN Hash slot not served")]);
}

#[test]
fn hosts_that_are_hidden_are_left_out() {
    let cluster = cluster();
    cluster.hide_hosts();
    let mut rig = Rig::of(cluster.node(0));
    rig.story(&[("GET a", "-MOVED 15495 :7002")]);
    let slots = rig.run("CLUSTER SLOTS");
    assert!(slots.contains(":0 :5460 *4 $-1 :7000 "), "{slots}");
}

#[test]
fn a_slot_moves_key_by_key() {
    let cluster = cluster();
    let (mut source, mut target) = (Rig::of(cluster.node(0)), Rig::of(cluster.node(1)));
    source.story(&[("MSET b 1 {b}1 2 {b}2 3", "+OK")]);
    let slot = Slot::new(SLOT_OF_B).unwrap();
    cluster.begin_migration(slot, 0, 1);
    assert_eq!(cluster.move_keys(slot, 1), 1);
    source.story(&[
        ("GET {b}1", "$1 2"),
        ("GET b", "-ASK 3300 127.0.0.1:7001"),
        ("MGET b {b}1", "-TRYAGAIN Multiple keys request during rehashing of slot"),
        ("MGET b {b}9", "-ASK 3300 127.0.0.1:7001"),
    ]);
    target.story(&[
        ("GET b", "-MOVED 3300 127.0.0.1:7000"),
        ("ASKING", "+OK"),
        ("GET b", "$1 1"),
        ("GET b", "-MOVED 3300 127.0.0.1:7000"),
        ("ASKING", "+OK"),
        ("MGET b {b}1", "-TRYAGAIN Multiple keys request during rehashing of slot"),
    ]);
    cluster.finish_migration(slot);
    source.story(&[("GET b", "-MOVED 3300 127.0.0.1:7001")]);
    target.story(&[("MGET b {b}1 {b}2", "*3 $1 1 $1 2 $1 3")]);
}

#[test]
fn a_primary_that_retires_leaves_with_its_replica_and_loses_nothing() {
    let cluster = cluster();
    Rig::of(cluster.node(0)).story(&[("MSET b 1 {b}1 2", "+OK")]);
    cluster.retire(0, 2);
    Rig::of(cluster.node(0)).story(&[("GET b", "-MOVED 3300 127.0.0.1:7002"), ("DBSIZE", ":0")]);
    let mut heir = Rig::of(cluster.node(2));
    heir.story(&[("MGET b {b}1", "*2 $1 1 $1 2")]);
    let slots = heir.run("CLUSTER SLOTS");
    assert!(!slots.contains(":7000") && !slots.contains(":7003"), "{slots}");
}

#[test]
fn a_replica_serves_reads_to_whom_asks_for_it() {
    let cluster = cluster();
    Rig::of(cluster.node(0)).story(&[("SET b 1", "+OK")]);
    Rig::of(cluster.node(3)).story(&[
        ("GET b", "-MOVED 3300 127.0.0.1:7000"),
        ("READONLY", "+OK"),
        ("GET b", "$1 1"),
        ("SET b 2", "-MOVED 3300 127.0.0.1:7000"),
        ("GET a", "-MOVED 15495 127.0.0.1:7002"),
        ("FLUSHALL", "-READONLY You can't write against a read only replica."),
        ("READWRITE", "+OK"),
        ("GET b", "-MOVED 3300 127.0.0.1:7000"),
    ]);
}

#[test]
fn a_replica_that_is_behind_catches_up() {
    let cluster = cluster();
    let (mut primary, mut replica) = (Rig::of(cluster.node(0)), Rig::of(cluster.node(3)));
    cluster.hold_replication(3);
    primary.story(&[("SET b 1", "+OK"), ("INCR b", ":2")]);
    replica.story(&[("READONLY", "+OK"), ("GET b", "$-1")]);
    cluster.release_replication(3);
    replica.story(&[("GET b", "$1 2")]);
}

#[test]
fn an_isolated_primary_learns_of_its_demotion_when_it_rejoins() {
    let cluster = cluster();
    let (mut old, mut new) = (Rig::of(cluster.node(0)), Rig::of(cluster.node(3)));
    old.story(&[("SET b 1", "+OK")]);
    cluster.isolate(0);
    cluster.promote(3);
    old.story(&[("SET b lost", "+OK")]);
    new.story(&[("GET b", "$1 1"), ("SET b 2", "+OK")]);
    Rig::of(cluster.node(1)).story(&[("GET b", "-MOVED 3300 127.0.0.1:7003")]);
    cluster.rejoin(0);
    old.story(&[("GET b", "-MOVED 3300 127.0.0.1:7003"), ("READONLY", "+OK"), ("GET b", "$1 2")]);
}

#[test]
fn a_replica_that_lost_its_data_gets_its_primary_s() {
    let cluster = cluster();
    let (mut primary, mut replica) = (Rig::of(cluster.node(0)), Rig::of(cluster.node(3)));
    primary.story(&[("RPUSH b 1", ":1")]);
    cluster.hold_replication(3);
    primary.story(&[("LSET b 0 2", "+OK")]);
    cluster.node(3).clear();
    replica.story(&[("READONLY", "+OK"), ("LRANGE b 0 -1", "*0")]);
    cluster.release_replication(3);
    replica.story(&[("LRANGE b 0 -1", "*1 $1 2")]);
    cluster.node(0).clear();
    replica.story(&[("EXISTS b", ":0")]);
}

#[test]
fn random_writes_are_the_same_on_a_replica() {
    let cluster = cluster();
    let (mut primary, mut replica) = (Rig::of(cluster.node(0)), Rig::of(cluster.node(3)));
    replica.run("READONLY");
    primary.story(&[("SADD b 1 2 3 4 5 6 7 8 9", ":9")]);
    primary.run("SPOP b 4");
    assert_eq!(primary.run("SMEMBERS b"), replica.run("SMEMBERS b"));
}

#[test]
fn a_slot_given_away_takes_its_keys_with_it() {
    let cluster = cluster();
    let mut old = Rig::of(cluster.node(0));
    old.story(&[("SET b 1", "+OK")]);
    let slot = Slot::new(SLOT_OF_B).unwrap();
    cluster.isolate(0);
    cluster.assign(slot, Some(1));
    old.story(&[("GET b", "$1 1")]);
    cluster.rejoin(0);
    old.story(&[("GET b", "-MOVED 3300 127.0.0.1:7001"), ("DBSIZE", ":0")]);
    Rig::of(cluster.node(1)).story(&[("GET b", "$-1")]);
}

#[test]
fn a_slot_goes_on_moving_after_a_failover() {
    let cluster = cluster();
    Rig::of(cluster.node(0)).story(&[("MSET b 1 {b}1 2", "+OK")]);
    let slot = Slot::new(SLOT_OF_B).unwrap();
    cluster.begin_migration(slot, 0, 1);
    cluster.move_keys(slot, 1);
    cluster.promote(3);
    Rig::of(cluster.node(3)).story(&[("GET {b}1", "$1 2"), ("GET b", "-ASK 3300 127.0.0.1:7001")]);
    cluster.finish_migration(slot);
    Rig::of(cluster.node(1)).story(&[("MGET b {b}1", "*2 $1 1 $1 2")]);
}

#[test]
fn a_slot_that_comes_back_is_no_longer_on_its_way() {
    type Return = fn(&Cluster, Slot);
    let ways_back: [Return; 2] = [
        |cluster, _| cluster.retire(1, 0),
        |cluster, slot| {
            cluster.begin_migration(slot, 1, 0);
            cluster.finish_migration(slot);
        },
    ];
    for come_back in ways_back {
        let cluster = cluster();
        let slot = Slot::new(SLOT_OF_B).unwrap();
        cluster.isolate(0);
        cluster.begin_migration(slot, 0, 1);
        cluster.finish_migration(slot);
        Rig::of(cluster.node(0)).story(&[("GET b", "-ASK 3300 127.0.0.1:7001")]);
        come_back(&cluster, slot);
        Rig::of(cluster.node(0)).story(&[("GET b", "$-1")]);
    }
}

/// One random change to a cluster of three primaries and three replicas.
fn disturb(cluster: &Cluster, rng: &mut Rng) {
    let node = rng.below(cluster.size());
    let slot = Slot::of(format!("k{}", rng.below(8)).as_bytes());
    let owner = cluster.owner(slot).unwrap();
    let moving = cluster.migrating_to(slot).is_some();
    match rng.below(9) {
        0 => cluster.isolate(node),
        1 => cluster.rejoin(node),
        2 => cluster.hold_replication(node),
        3 => cluster.release_replication(node),
        4 if cluster.primary(node).is_some() => cluster.promote(node),
        5 if cluster.primary(node).is_none() && node != owner && !moving => {
            cluster.begin_migration(slot, owner, node);
        }
        6 if moving => drop(cluster.move_keys(slot, 1)),
        7 if moving => cluster.finish_migration(slot),
        _ => {
            let key = format!("k{}", rng.below(8));
            Rig::of(cluster.node(node)).run(&format!("RPUSH {key} {}", rng.below(1000)));
        }
    }
}

#[test]
fn whatever_happens_a_healed_cluster_is_of_one_mind() {
    for seed in 0..200 {
        let address = |port| Address::new("127.0.0.1", port).unwrap();
        let primaries: Vec<Address> = (7000..7003).map(address).collect();
        let replicas: Vec<_> = (7003..).map(address).zip(0..3).collect();
        let cluster = Cluster::new(&primaries, &replicas);
        let mut rng = Rng::new(seed);
        for _ in 0..100 {
            disturb(&cluster, &mut rng);
        }
        for node in 0..6 {
            cluster.rejoin(node);
            cluster.release_replication(node);
        }
        for key in (0..8).map(|number| format!("k{number}")) {
            let slot = Slot::of(key.as_bytes());
            if cluster.migrating_to(slot).is_some() {
                cluster.finish_migration(slot);
            }
            let look = format!("LRANGE {key} 0 -1");
            let owner = cluster.owner(slot).unwrap();
            let truth = Rig::of(cluster.node(owner)).run(&look);
            let moved = format!("-MOVED {} 127.0.0.1:{}", slot.number(), 7000 + owner);
            for node in 0..6 {
                let mut reader = Rig::of(cluster.node(node));
                reader.run("READONLY");
                let follows = node == owner || cluster.primary(node) == Some(owner);
                let expected = if follows { &truth } else { &moved };
                assert_eq!(&reader.run(&look), expected, "seed {seed}, node {node}, {key}");
            }
        }
    }
}
