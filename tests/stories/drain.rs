//! A proxy that is told to stop answers what it was asked, and no more.

use redpoll_sim::net::LinkSpeed;
use redpoll_sim::rig::Rig;
use redpoll_sim::world::{Setup, ms};

#[test]
fn what_is_in_flight_when_the_drain_begins_is_answered_before_the_connection_closes() {
    let mut rig = Rig::new(&Setup::default());
    let keys: Vec<_> = (0..3).map(|node| rig.key_on(node)).collect();
    let (busy, idle) = (rig.client(), rig.client());
    rig.ask(&idle, "PING");
    let speed = LinkSpeed { min: ms(80), max: ms(80) };
    for node in rig.world.nodes.clone() {
        rig.world.network.set_speed(rig.proxy().host, node, speed);
    }
    let incr: Vec<_> = keys.iter().map(|key| format!("INCR {key}")).collect();
    busy.send_all(&incr);
    rig.wait(20);
    rig.world.drain();
    rig.until("closed", || idle.is_closed());
    let late = rig.client_later();
    rig.until("refused", || late.is_closed());
    assert!(!busy.is_closed() && busy.replies().is_empty(), "the idle connection goes first");

    assert_eq!(rig.replies(&busy, 3), ["1", "1", "1"]);
    rig.until("closed", || busy.is_closed());
    rig.wait(100);
    assert_eq!(rig.proxy().life().end(), Some(Ok(())));
}

#[test]
fn what_cannot_be_answered_by_the_end_of_the_drain_is_told_so() {
    let setup = Setup { op_timeout_ms: 10_000, drain_timeout_ms: 300, ..Setup::default() };
    let mut rig = Rig::new(&setup);
    let key = rig.key_on(0);
    let client = rig.client();
    assert_eq!(rig.ask(&client, &format!("SET {key} 0")), "OK");
    rig.world.network.stall(rig.proxy().host, rig.world.nodes[0]);
    client.send(&format!("INCR {key}"));
    rig.wait(20);
    let start = rig.now();
    rig.world.drain();
    let reply = rig.replies(&client, 2).swap_remove(1);
    assert!(reply.starts_with("-UNSURE the proxy is stopping"), "{reply}");
    assert!(rig.now() - start <= ms(300 + 20));
    rig.until("closed", || client.is_closed());
    while rig.proxy().life().end().is_none() {
        rig.wait(1);
    }
    assert_eq!(rig.proxy().life().end(), Some(Ok(())));
    assert!(rig.now() - start <= ms(2_000), "the proxy took {:?}", rig.now() - start);
}
