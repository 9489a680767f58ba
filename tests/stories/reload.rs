//! A proxy that is given another configuration goes over to it without losing a command.

use redpoll::config::Target;
use redpoll::proto::cluster::Slot;
use redpoll::stats::DrainEnd;
use redpoll_sim::net::LinkSpeed;
use redpoll_sim::rig::Rig;
use redpoll_sim::tuning::Tuning;
use redpoll_sim::world::{Setup, ms};

#[test]
fn what_is_in_flight_is_answered_by_the_old_connections_and_the_rest_goes_to_the_new() {
    let mut rig = Rig::new(&Setup::default());
    let key = rig.key_on(0);
    let (busy, idle) = (rig.client(), rig.client());
    assert_eq!(rig.ask(&idle, &format!("SET {key} 0")), "OK");
    rig.ask(&busy, "PING");
    let speed = LinkSpeed { min: ms(50), max: ms(50) };
    for node in rig.world.nodes.clone() {
        rig.world.network.set_speed(rig.proxy().host, node, speed);
    }
    busy.send_all(&vec![format!("INCR {key}"); 3]);
    rig.wait(20);
    rig.world.reload(|config| {
        let upstream = config.upstreams.values_mut().next().expect("there is one");
        upstream.timeouts.op = ms(400);
    });
    rig.wait(5);
    busy.send_all(&vec![format!("INCR {key}"); 2]);
    assert_eq!(rig.replies(&busy, 6)[1..], ["1", "2", "3", "4", "5"]);
    assert_eq!(rig.ask(&idle, &format!("GET {key}")), "5");
    assert_eq!(rig.executions_of(&key).len(), 7, "each was executed once");
    assert!(!busy.is_closed() && !idle.is_closed());
}

#[test]
fn what_an_old_connection_still_owes_at_drain_timeout_is_told_so_and_the_client_goes_on() {
    let setup = Setup { op_timeout_ms: 10_000, drain_timeout_ms: 300, ..Setup::default() };
    let mut rig = Rig::new(&setup);
    let key = rig.key_on(0);
    let client = rig.client();
    assert_eq!(rig.ask(&client, &format!("SET {key} 0")), "OK");
    rig.world.network.stall(rig.proxy().host, rig.world.nodes[0]);
    client.send(&format!("INCR {key}"));
    rig.wait(20);
    let start = rig.now();
    rig.world.reload(|config| {
        let upstream = config.upstreams.values_mut().next().expect("there is one");
        upstream.timeouts.op = ms(400);
    });
    let told = rig.replies(&client, 2).swap_remove(1);
    assert!(told.starts_with("-UNSURE ") && told.contains("the configuration changed"), "{told}");
    assert!((ms(300)..ms(320)).contains(&(rig.now() - start)), "{:?}", rig.now() - start);
    rig.world.network.heal(rig.proxy().host, rig.world.nodes[0]);
    rig.wait(50);
    assert_eq!(rig.ask(&client, &format!("GET {key}")), "1", "it was sent, and executed once");
    let drains = |end| rig.proxy().stats().sum_nodes(|node| node.drains_ended.of(end).get());
    assert_eq!(drains(DrainEnd::TimedOut), 1);
}

#[test]
fn the_new_times_hold_for_what_comes_next_and_a_wrong_server_can_be_put_right() {
    let mut rig = Rig::new(&Setup::default());
    let key = rig.key_on(0);
    let client = rig.client();
    assert_eq!(rig.ask(&client, &format!("SET {key} 0")), "OK");
    let right = rig.world.config().upstreams["main"].target.clone();
    rig.world.reload(|config| {
        let upstream = config.upstreams.values_mut().next().expect("there is one");
        let nowhere = "192.168.99.99:1".parse().expect("an address");
        upstream.target = Target::Cluster(vec![nowhere]);
        upstream.timeouts.op = ms(50);
    });
    rig.wait(5);
    let start = rig.now();
    let refused = rig.ask(&client, &format!("GET {key}"));
    assert!(refused.starts_with("-UNSENT no node of the cluster has told"), "{refused}");
    assert!(rig.now() - start <= ms(50 + 20));
    rig.world.reload(|config| {
        let upstream = config.upstreams.values_mut().next().expect("there is one");
        upstream.target = right;
        upstream.timeouts.op = ms(500);
    });
    rig.wait(5);
    assert_eq!(rig.ask(&client, &format!("GET {key}")), "0");
}

#[test]
fn the_topology_that_is_known_is_known_to_the_new_configuration_too() {
    let mut rig = Rig::new(&Setup::default());
    let (key, gone) = (rig.key_on(0), Slot::of(rig.key_on(1).as_bytes()));
    let client = rig.client();
    assert_eq!(rig.ask(&client, &format!("SET {key} 0")), "OK");
    // With a slot that nobody serves, a look takes until others have said so, too; one never does.
    rig.world.cluster.assign(gone, None);
    rig.world.network.stall(rig.proxy().host, rig.world.nodes[2]);
    rig.world.reload(|config| {
        let upstream = config.upstreams.values_mut().next().expect("there is one");
        upstream.timeouts.op = ms(400);
    });
    rig.wait(5);
    let start = rig.now();
    assert_eq!(rig.ask(&client, &format!("GET {key}")), "0");
    assert!(rig.now() - start <= ms(50), "{:?}", rig.now() - start);
}

#[test]
fn the_old_connections_close_and_the_old_looks_end_once_nobody_needs_them() {
    let mut rig = Rig::new(&Setup::default());
    let key = rig.key_on(0);
    let clients = [rig.client(), rig.client()];
    for client in &clients {
        rig.ask(client, &format!("SET {key} 0"));
    }
    let open = |rig: &Rig| rig.world.cluster.node(0).connections();
    let before = open(&rig);
    assert!(before >= 2, "each worker has one");
    for round in 1..=3 {
        rig.world.reload(|config| {
            let upstream = config.upstreams.values_mut().next().expect("there is one");
            upstream.timeouts.op = ms(500 + round);
            upstream.refresh.interval = ms(100);
        });
        rig.wait(20);
        for client in &clients {
            assert_eq!(rig.ask(client, &format!("SET {key} 0")), "OK");
        }
    }
    rig.wait(50);
    // A look may be under way.
    assert!(open(&rig) <= before + 1, "{} after {before}", open(&rig));
    let looks = |rig: &Rig| rig.proxy().stats().upstreams[0].looks_periodic_total.get();
    let seen = looks(&rig);
    rig.wait(1_000);
    let during = looks(&rig) - seen;
    assert!((6..=14).contains(&during), "{during} looks in a second at an interval of 100 ms");
}

#[test]
fn connections_made_ahead_are_made_anew_when_they_are_lost() {
    let tuning = Tuning { preconnect: true, ..Tuning::default() };
    let mut rig = Rig::new(&Setup { tuning, ..Setup::default() });
    rig.client();
    rig.wait(50);
    let open = |rig: &Rig| rig.world.cluster.node(0).connections();
    let ahead = open(&rig);
    assert!(ahead >= 4, "one for each worker and protocol, not {ahead}");
    for _ in 0..3 {
        rig.world.network.reset(rig.proxy().host, rig.world.nodes[0]);
        rig.wait(50);
        assert!(open(&rig) >= ahead, "{} of {ahead}", open(&rig));
    }
}
