//! One reply a command, in order, whoever asks and however the commands are spread.

use redpoll_sim::net::LinkSpeed;
use redpoll_sim::rig::Rig;
use redpoll_sim::world::{Setup, ms};

/// A rig whose nodes each hold a key with its name as its value, and these keys.
fn three_keys() -> (Rig, Vec<String>) {
    let mut rig = Rig::new(&Setup::default());
    let keys: Vec<_> = (0..3).map(|node| rig.key_on(node)).collect();
    let client = rig.client();
    for key in &keys {
        assert_eq!(rig.ask(&client, &format!("SET {key} of-{key}")), "OK");
    }
    (rig, keys)
}

#[test]
fn replies_come_in_the_order_of_the_commands_though_the_first_node_is_the_slowest() {
    let (mut rig, keys) = three_keys();
    for (node, delay_ms) in [(0, 60), (1, 30), (2, 1)] {
        let speed = LinkSpeed { min: ms(delay_ms), max: ms(delay_ms) };
        rig.world.network.set_speed(rig.proxy().host, rig.world.nodes[node], speed);
    }
    let client = rig.client();
    let order = [0, 1, 2, 2, 1, 0, 1];
    let gets: Vec<_> = order.iter().map(|node| format!("GET {}", keys[*node])).collect();
    client.send_all(&gets);
    let expected: Vec<_> = order.iter().map(|node| format!("of-{}", keys[*node])).collect();
    assert_eq!(rig.replies(&client, order.len()), expected);
}

#[test]
fn mget_merges_values_in_the_order_of_its_keys() {
    let (mut rig, keys) = three_keys();
    let client = rig.client();
    let [a, b, c] = &keys[..] else { unreachable!("three keys") };
    let reply = rig.ask(&client, &format!("MGET {c} {a} nothing {b} {c}"));
    assert_eq!(reply, format!("[of-{c}, of-{a}, nil, of-{b}, of-{c}]"));
    assert_eq!(rig.ask(&client, &format!("DEL {a} {b} nothing {c}")), "3");
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_pipeline_costs_nobody_a_reply() {
    let (mut rig, keys) = three_keys();
    let speed = LinkSpeed { min: ms(50), max: ms(50) };
    for node in rig.world.nodes.clone() {
        rig.world.network.set_speed(rig.proxy().host, node, speed);
    }
    // More clients than workers, so that some share the node connections of the one who leaves.
    let leaver = rig.client();
    let stayers: Vec<_> = (0..3).map(|_| rig.client()).collect();
    let counter = format!("{{{}}}-counter", keys[0]);
    leaver.send_all(&vec![format!("INCR {counter}"); 20]);
    rig.wait(10);
    leaver.leave();
    for stayer in &stayers {
        stayer.send_all(&keys.iter().map(|key| format!("GET {key}")).collect::<Vec<_>>());
    }
    let expected: Vec<_> = keys.iter().map(|key| format!("of-{key}")).collect();
    for stayer in &stayers {
        assert_eq!(rig.replies(stayer, 3), expected);
    }
    assert_eq!(rig.ask(&stayers[0], &format!("GET {counter}")), "20");
    assert_eq!(rig.times_sent(&format!("INCR {counter}")), 20);
}

#[test]
fn clients_of_both_protocols_get_replies_of_their_own() {
    let mut rig = Rig::new(&Setup::default());
    let (old, new) = (rig.client(), rig.client());
    assert!(rig.ask(&new, "HELLO 3").starts_with("{server, redis"));
    assert_eq!(rig.ask(&old, "HSET hash field value"), "1");
    assert_eq!(rig.ask(&old, "HGETALL hash"), "[field, value]");
    assert_eq!(rig.ask(&new, "HGETALL hash"), "{field, value}");
}
