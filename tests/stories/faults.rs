//! A network that breaks: deadlines are kept, neighbours live, and an error says what is known.

use redpoll_sim::net::Obstacle;
use redpoll_sim::rig::Rig;
use redpoll_sim::world::{Setup, ms};

const OP_TIMEOUT_MS: u64 = 500;

fn setup() -> Setup {
    Setup { op_timeout_ms: OP_TIMEOUT_MS, connect_timeout_ms: 200, ..Setup::default() }
}

/// Twice over the network, and a tick or two.
const SLACK_MS: u64 = 15;

#[test]
fn a_node_behind_a_partition_fails_alone_and_serves_again_once_it_is_healed() {
    let mut rig = Rig::new(&setup());
    let (near, far) = (rig.key_on(1), rig.key_on(0));
    let (client, neighbour) = (rig.client(), rig.client());
    rig.ask(&client, &format!("SET {far} 1"));
    let (proxy, node) = (rig.proxy().host, rig.world.nodes[0]);
    rig.world.network.stall(proxy, node);

    let start = rig.now();
    client.send(&format!("INCR {far}"));
    for _ in 0..20 {
        assert!(rig.ask(&neighbour, &format!("APPEND {near} .")).parse::<u32>().is_ok());
    }
    assert!(rig.now() - start < ms(OP_TIMEOUT_MS / 2), "the neighbour had to wait");
    let reply = rig.replies(&client, 2).swap_remove(1);
    assert!(
        reply.starts_with("-UNSURE") && reply.contains("no reply within op_timeout"),
        "{reply}"
    );
    assert!(rig.now() - start >= ms(OP_TIMEOUT_MS));
    assert!(rig.now() - start <= ms(OP_TIMEOUT_MS + SLACK_MS));

    rig.world.network.heal(proxy, node);
    rig.wait(50);
    // The increment was only late, and its late reply is nobody's.
    assert_eq!(rig.ask(&client, &format!("GET {far}")), "2");
    assert_eq!(rig.times_sent(&format!("INCR {far}")), 1);
}

#[test]
fn a_connect_that_hangs_ends_at_its_timeout_and_the_neighbours_are_served() {
    let mut rig = Rig::new(&setup());
    let (near, far) = (rig.key_on(1), rig.key_on(0));
    let (proxy, node) = (rig.proxy().host, rig.world.nodes[0]);
    rig.world.network.obstruct(proxy, node, Obstacle::Hanging);
    let client = rig.client();
    // The topology is learnt from another node.
    rig.wait(1_500);
    assert_eq!(rig.ask(&client, &format!("SET {near} 1")), "OK");

    let start = rig.now();
    client.send_all(&[format!("GET {near}"), format!("INCR {far}"), format!("GET {near}")]);
    assert_eq!(rig.replies(&client, 2)[1], "1");
    assert!(rig.now() - start < ms(50), "a command for another node had to wait");
    let replies = rig.replies(&client, 4);
    assert!(replies[2].starts_with("-UNSENT"), "{}", replies[2]);
    assert!(replies[2].contains("connect_timeout"), "{}", replies[2]);
    assert_eq!(replies[3], "1");
    assert!(rig.now() - start <= ms(OP_TIMEOUT_MS + SLACK_MS));
    assert_eq!(rig.times_sent(&format!("INCR {far}")), 0);

    rig.world.network.clear(proxy, node);
    rig.wait(1_500);
    assert_eq!(rig.ask(&client, &format!("INCR {far}")), "1");
}

#[test]
fn a_write_in_flight_to_a_node_that_is_killed_is_unsure_and_never_sent_again() {
    let mut rig = Rig::new(&setup());
    let key = rig.key_on(0);
    let client = rig.client();
    assert_eq!(rig.ask(&client, &format!("SET {key} 0")), "OK");
    let (proxy, node) = (rig.proxy().host, rig.world.nodes[0]);

    // It gets there, and the reply does not get back.
    client.send(&format!("INCR {key}"));
    while rig.executions_of(&key).len() < 2 {
        rig.wait(1);
    }
    rig.world.network.reset(proxy, node);
    rig.world.network.kill(node);
    let reply = rig.replies(&client, 2).swap_remove(1);
    assert!(reply.starts_with("-UNSURE") && reply.contains("may have been executed"), "{reply}");

    rig.world.network.restart(node);
    rig.wait(1_500);
    assert_eq!(rig.ask(&client, &format!("GET {key}")), "1");
    assert_eq!(rig.times_sent(&format!("INCR {key}")), 1);
}

#[test]
fn a_read_in_flight_when_its_connection_is_reset_is_asked_again() {
    let mut rig = Rig::new(&setup());
    let key = rig.key_on(0);
    let client = rig.client();
    assert_eq!(rig.ask(&client, &format!("SET {key} value")), "OK");
    client.send(&format!("GET {key}"));
    while rig.executions_of(&key).len() < 2 {
        rig.wait(1);
    }
    rig.world.network.reset(rig.proxy().host, rig.world.nodes[0]);
    assert_eq!(rig.replies(&client, 2)[1], "value");
    assert_eq!(rig.times_sent(&format!("GET {key}")), 2);
}

#[test]
fn a_write_of_which_half_has_left_is_unsure_and_what_waits_behind_it_is_not_lost() {
    let mut rig = Rig::new(&setup());
    let key = rig.key_on(0);
    let client = rig.client();
    assert_eq!(rig.ask(&client, &format!("SET {key} 0")), "OK");
    let (proxy, node) = (rig.proxy().host, rig.world.nodes[0]);
    // The sockets take at most 200 bytes more, and the command is longer.
    rig.world.network.clog(proxy, node);
    let long = format!("APPEND {key} {}", "x".repeat(1_000));
    client.send_all(&[long, format!("INCR {{{key}}}-next")]);
    rig.wait(50);
    rig.world.network.reset(proxy, node);
    rig.world.network.unclog(proxy, node);
    let replies = rig.replies(&client, 3);
    assert!(replies[1].starts_with("-UNSURE"), "{}", replies[1]);
    assert_eq!(replies[2], "1");
    assert_eq!(rig.ask(&client, &format!("GET {key}")), "0");
}
