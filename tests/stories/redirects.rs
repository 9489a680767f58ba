//! Slots that move: the client never knows, and every command runs once.

use redpoll::proto::cluster::Slot;
use redpoll_sim::rig::{Hand, Rig};
use redpoll_sim::world::Setup;

/// A rig with a client, and a key on node 0.
fn with_key() -> (Rig, Hand, String) {
    let mut rig = Rig::new(&Setup::default());
    let key = rig.key_on(0);
    let client = rig.client();
    assert_eq!(rig.ask(&client, &format!("SET {key} before")), "OK");
    (rig, client, key)
}

#[test]
fn a_moved_reply_is_asked_again_where_it_points_and_the_next_command_goes_there_at_once() {
    let (mut rig, client, key) = with_key();
    let slot = Slot::of(key.as_bytes());
    rig.world.cluster.begin_migration(slot, 0, 2);
    rig.world.cluster.finish_migration(slot);

    assert_eq!(rig.ask(&client, &format!("GET {key}")), "before");
    assert_eq!(rig.ask(&client, &format!("APPEND {key} !")), "7");
    let seen = rig.executions_of(&key);
    assert_eq!(seen.len(), 4, "{seen:#?}");
    assert!(seen[1].starts_with(&format!("0: GET {key} -> -MOVED {} ", slot.number())));
    assert_eq!(seen[2], format!("2: GET {key} -> before"));
    assert_eq!(seen[3], format!("2: APPEND {key} ! -> 7"));
}

#[test]
fn during_a_migration_a_key_that_has_left_is_asked_for_at_the_target() {
    let (mut rig, client, key) = with_key();
    let stays = format!("{{{key}}}-stays");
    let slot = Slot::of(key.as_bytes());
    rig.world.cluster.begin_migration(slot, 0, 1);
    assert_eq!(rig.world.cluster.move_keys(slot, 1), 1);
    assert_eq!(rig.ask(&client, &format!("APPEND {key} !")), "7");
    let seen = rig.executions_of(&key);
    assert!(seen[1].starts_with(&format!("0: APPEND {key} ! -> -ASK {} ", slot.number())));
    assert_eq!(seen[2], format!("1: APPEND {key} ! -> 7"));

    // A key that is nowhere is made at the target; the slot is still asked for at its owner first.
    assert_eq!(rig.ask(&client, &format!("INCR {stays}")), "1");
    let seen = rig.executions_of(&stays);
    assert!(seen[0].starts_with("0:") && seen[0].contains("-ASK"), "{seen:#?}");
    assert_eq!(seen[1], format!("1: INCR {stays} -> 1"));
    assert_eq!(rig.proxy().life().counted().moved, 0);

    rig.world.cluster.finish_migration(slot);
    assert_eq!(rig.ask(&client, &format!("MGET {key} {stays}")), "[before!, 1]");
}

#[test]
fn writes_that_are_pipelined_while_their_slot_moves_keep_their_order() {
    let (mut rig, client, key) = with_key();
    let slot = Slot::of(key.as_bytes());
    rig.world.cluster.begin_migration(slot, 0, 1);
    let appends = |range: std::ops::Range<u32>| {
        range.map(|n| format!("APPEND {key} ,{n}")).collect::<Vec<_>>()
    };
    client.send_all(&appends(0..20));
    rig.wait(2);
    rig.world.cluster.move_keys(slot, usize::MAX);
    client.send_all(&appends(20..40));
    rig.wait(2);
    rig.world.cluster.finish_migration(slot);
    client.send_all(&appends(40..60));
    rig.replies(&client, 61);
    let written: String = (0..60).map(|n| format!(",{n}")).collect();
    assert_eq!(rig.ask(&client, &format!("GET {key}")), format!("before{written}"));
}

#[test]
fn a_slot_that_nobody_serves_is_said_to_be_down_and_the_others_are_not() {
    let (mut rig, client, key) = with_key();
    let other = rig.key_on(1);
    rig.world.cluster.assign(Slot::of(key.as_bytes()), None);
    // The node says so first, and with it the proxy learns that something has changed.
    assert_eq!(rig.ask(&client, &format!("GET {key}")), "-CLUSTERDOWN Hash slot not served");
    rig.wait(300);
    let asked = rig.executions_of(&key).len();
    assert_eq!(rig.ask(&client, &format!("GET {key}")), "-CLUSTERDOWN Hash slot not served");
    assert_eq!(rig.executions_of(&key).len(), asked, "the proxy knows it by itself now");
    assert_eq!(rig.ask(&client, &format!("SET {other} 1")), "OK");
}
