//! Who serves what is learnt whatever single nodes do, soon, and without a storm of questions.

use std::time::Duration;

use redpoll::limits::TOPOLOGY_HEDGE_MS;
use redpoll::proto::cluster::Slot;
use redpoll_sim::net::Obstacle;
use redpoll_sim::rig::{Hand, Rig};
use redpoll_sim::world::{Setup, ms};

/// From one look at the topology to the next, at least: 100 ms less a quarter.
const LOOKS_APART_MIN_MS: u128 = 75;

/// Looks at the topology that the proxy has begun.
fn looks(rig: &Rig) -> u64 {
    let stats = &rig.proxy().stats().upstreams[0];
    let hinted = stats.looks_redirects_total.get() + stats.looks_failures_total.get();
    let others = [&stats.looks_first_total, &stats.looks_periodic_total, &stats.looks_again_total];
    hinted + others.into_iter().map(|count| count.get()).sum::<u64>()
}

/// Demands that no more looks have begun since `before` than the interval allows.
fn check_no_storm(rig: &Rig, before: u64, took: Duration) {
    let max = took.as_millis() / LOOKS_APART_MIN_MS + 2;
    let looks = looks(rig) - before;
    assert!(u128::from(looks) <= max, "{looks} looks at the topology in {took:?}");
}

/// Asks again and again until the reply is no error; gives the errors.
fn errors_until_served(rig: &mut Rig, client: &Hand, line: &str) -> Vec<String> {
    let mut errors = Vec::new();
    loop {
        let reply = rig.ask(client, line);
        if !reply.starts_with('-') {
            return errors;
        }
        errors.push(reply);
        rig.wait(1);
    }
}

#[test]
fn a_first_seed_that_hangs_delays_the_first_command_by_the_hedge_and_no_more() {
    let mut rig = Rig::new(&Setup::default());
    let key = rig.key_on(1);
    rig.world.network.obstruct(rig.proxy().host, rig.world.nodes[0], Obstacle::Hanging);
    let client = rig.client();
    let start = rig.now();
    assert_eq!(rig.ask(&client, &format!("SET {key} 1")), "OK");
    let took = rig.now() - start;
    assert!(took <= ms(TOPOLOGY_HEDGE_MS + 30), "it took {took:?}");
    assert_eq!(looks(&rig), 1);
}

#[test]
fn a_first_seed_that_accepts_and_says_nothing_delays_it_no_longer() {
    let mut rig = Rig::new(&Setup::default());
    let key = rig.key_on(1);
    rig.world.network.stall(rig.proxy().host, rig.world.nodes[0]);
    let client = rig.client();
    let start = rig.now();
    assert_eq!(rig.ask(&client, &format!("SET {key} 1")), "OK");
    let took = rig.now() - start;
    assert!(took <= ms(TOPOLOGY_HEDGE_MS + 30), "it took {took:?}");
}

#[test]
fn the_listener_is_open_though_no_node_is_there_and_commands_are_served_once_one_is() {
    let mut rig = Rig::new(&Setup::default());
    let key = rig.key_on(0);
    for node in rig.world.nodes.clone() {
        rig.world.network.obstruct(rig.proxy().host, node, Obstacle::Refused);
    }
    let client = rig.client();
    assert_eq!(rig.ask(&client, "PING"), "PONG");
    let reply = rig.ask(&client, &format!("GET {key}"));
    assert!(reply.starts_with("-UNSENT no node of the cluster has told"), "{reply}");
    let upstream = rig.proxy().stats().upstreams[0].health();
    assert!(upstream.starts_with("not usable: 192.168.0.1:7000: "), "{upstream}");

    for node in rig.world.nodes.clone() {
        rig.world.network.clear(rig.proxy().host, node);
    }
    // At most one pause of a second, a quarter longer; commands wait for half a second each.
    let start = rig.now();
    let errors = errors_until_served(&mut rig, &client, &format!("SET {key} 1"));
    let took = rig.now() - start;
    assert!(took <= ms(1_250 + 20) && errors.len() <= 2, "{took:?}: {errors:#?}");
    assert_eq!(rig.proxy().stats().upstreams[0].health(), "usable");
}

#[test]
fn redirects_without_end_make_for_no_more_looks_than_one_an_interval() {
    let mut rig = Rig::new(&Setup::default());
    let keys = rig.keys_on(0, 200);
    let client = rig.client();
    let (start, before) = (rig.now(), looks(&rig));
    for key in &keys {
        // Each command meets a slot that has just moved.
        let slot = Slot::of(key.as_bytes());
        rig.world.cluster.begin_migration(slot, 0, 1);
        rig.world.cluster.finish_migration(slot);
        assert_eq!(rig.ask(&client, &format!("SET {key} 1")), "OK");
        rig.wait(5);
    }
    let moved = rig.proxy().life().counted().moved;
    assert!(moved >= 100, "only {moved} redirects");
    check_no_storm(&rig, before, rig.now() - start);
    assert!(rig.proxy().stats().upstreams[0].looks_redirects_total.get() >= 5);
}

#[test]
fn failures_without_end_make_for_no_more_looks_than_one_an_interval() {
    let mut rig = Rig::new(&Setup::default());
    let key = rig.key_on(0);
    let clients: Vec<_> = (0..4).map(|_| rig.client()).collect();
    assert_eq!(rig.ask(&clients[0], &format!("SET {key} 0")), "OK");
    rig.world.network.kill(rig.world.nodes[0]);
    let (start, before) = (rig.now(), looks(&rig));
    while rig.now() - start < ms(3_000) {
        let reply = rig.ask(&clients[0], &format!("SET {key} 1"));
        assert!(reply.starts_with('-'), "{reply}");
        clients[1..].iter().for_each(|client| client.send(&format!("INCR {key}")));
        rig.wait(1);
    }
    check_no_storm(&rig, before, rig.now() - start);
    let hinted = rig.proxy().stats().upstreams[0].looks_failures_total.get();
    assert!(hinted >= 10, "the pace stays at the interval: {hinted} looks");
}

/// A rig of three primaries with a replica each, and a key of the first, which is node 0; node 3 is
/// its replica.
fn with_replicas() -> (Rig, String) {
    let mut rig = Rig::new(&Setup { replicas: 1, ..Setup::default() });
    let key = rig.key_on(0);
    let client = rig.client();
    assert_eq!(rig.ask(&client, &format!("SET {key} before")), "OK");
    (rig, key)
}

#[test]
fn after_a_promotion_errors_end_within_one_look_and_until_then_looks_are_paced() {
    let (mut rig, key) = with_replicas();
    let clients: Vec<_> = (0..4).map(|_| rig.client()).collect();
    let (start, before) = (rig.now(), looks(&rig));
    rig.world.network.kill(rig.world.nodes[0]);
    let (mut promoted, mut errors, mut last_error) = (None, 0, start);
    while promoted.is_none_or(|at| rig.now() < at + ms(1_000)) {
        for client in &clients {
            if rig.ask(client, &format!("SET {key} after")).starts_with('-') {
                (errors, last_error) = (errors + 1, rig.now());
            }
        }
        if promoted.is_none() && rig.now() > start + ms(1_500) {
            rig.world.cluster.set_failed(0, true);
            rig.world.cluster.promote(3);
            promoted = Some(rig.now());
        }
    }
    let after = last_error.saturating_sub(promoted.expect("the loop ends after it"));
    // A look is at most 125 ms after the last one, and takes a few ms itself.
    assert!(errors >= 20 && after <= ms(125 + 25), "{errors} errors, the last after {after:?}");
    check_no_storm(&rig, before, rig.now() - start);
}

#[test]
fn after_a_promotion_a_primary_that_hangs_is_no_longer_asked_by_who_comes_then() {
    let (mut rig, key) = with_replicas();
    let stuck = rig.client();
    let nodes = rig.world.nodes.clone();
    rig.world.network.stall(rig.proxy().host, nodes[0]);
    for _ in 0..3 {
        let reply = rig.ask(&stuck, &format!("SET {key} lost"));
        assert!(reply.starts_with("-UN"), "{reply}");
    }
    rig.world.cluster.set_failed(0, true);
    rig.world.cluster.promote(3);
    // What waits for a connection to the old primary has not left: it goes to the new one.
    assert_eq!(rig.ask(&stuck, &format!("SET {key} kept")), "OK");
    rig.wait(TOPOLOGY_HEDGE_MS + 10);
    let later = rig.client();
    for client in [&later, &stuck] {
        let start = rig.now();
        assert_eq!(rig.ask(client, &format!("SET {key} after")), "OK");
        assert!(rig.now() - start < ms(20), "it took {:?}", rig.now() - start);
    }
}
