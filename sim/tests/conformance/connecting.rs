//! Listening, connecting, accepting.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::time::timeout;

use crate::lab::{Bed, Door, End, Lab, Running, a_moment};

/// Connects until one hangs; those before it, and that one.
async fn fill<B: Bed>(
    lab: &Lab<B>,
    door: &Door<B>,
) -> (Vec<End<B>>, Running<std::io::Result<End<B>>>) {
    let mut made = Vec::new();
    while made.len() < 10 {
        let mut connecting = lab.near.connect(door.address);
        let some_time = std::time::Duration::from_millis(200);
        match timeout(some_time, &mut connecting).await {
            Ok(connected) => made.push(connected.unwrap()),
            Err(_) => return (made, connecting),
        }
    }
    panic!("there is room for more than was asked for");
}

pub(crate) async fn a_connect_where_nobody_listens_is_refused<B: Bed>(lab: Lab<B>) {
    let nobody = SocketAddr::new(lab.far.ip, 9);
    let error = lab.near.connect(nobody).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

pub(crate) async fn a_connect_to_a_listener_that_is_gone_is_refused<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let (near, far) = lab.pair_at(&door).await;
    door.close().await;
    let error = lab.near.connect(door.address).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    near.write_all(*b"hello").await.unwrap();
    assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
}

pub(crate) async fn what_waited_at_a_listener_that_is_gone_is_reset<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let near = lab.near.connect(door.address).await.unwrap();
    a_moment().await;
    door.close().await;
    assert_eq!(near.read(10).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn a_port_in_use_cannot_be_bound<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let error = lab.far.listen_at(door.address).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

pub(crate) async fn a_port_that_was_given_up_can_be_bound_again<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    // The port is free for listeners even while a stream still has it.
    let _pair = lab.pair_at(&door).await;
    door.close().await;
    let again = lab.far.listen_at(door.address).await.unwrap();
    let (near, far) = lab.pair_at(&again).await;
    near.write_all(*b"hello").await.unwrap();
    assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
}

pub(crate) async fn port_0_is_a_free_one<B: Bed>(lab: Lab<B>) {
    let doors = [lab.far.listen().await, lab.far.listen().await];
    let [one, other] = doors.each_ref().map(|door| door.address);
    assert!(one.port() != 0 && other.port() != 0 && one != other);
    assert_eq!((one.ip(), other.ip()), (lab.far.ip, lab.far.ip));
}

pub(crate) async fn the_address_of_another_host_cannot_be_bound<B: Bed>(lab: Lab<B>) {
    let elsewhere = "203.0.113.7:7000".parse().unwrap();
    let error = lab.far.listen_at(elsewhere).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

pub(crate) async fn a_connection_is_made_before_it_is_accepted<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let near = lab.near.connect(door.address).await.unwrap();
    near.write_all(*b"hello").await.unwrap();
    let (far, _) = door.accept().await.unwrap();
    assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
}

pub(crate) async fn a_waiting_accept_is_woken<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let accepting = door.accept();
    a_moment().await;
    let near = lab.near.connect(door.address).await.unwrap();
    let (far, _) = accepting.await.unwrap();
    near.write_all(*b"hello").await.unwrap();
    assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
}

pub(crate) async fn connections_are_accepted_in_the_order_in_which_they_were_made<B: Bed>(
    lab: Lab<B>,
) {
    let door = lab.far.listen().await;
    let mut made = Vec::new();
    for number in 0..5 {
        let near = lab.near.connect(door.address).await.unwrap();
        near.write_all([number]).await.unwrap();
        made.push(near);
    }
    for number in 0..5 {
        let (far, _) = door.accept().await.unwrap();
        assert_eq!(far.read(10).await.unwrap(), [number]);
    }
}

pub(crate) async fn the_address_of_a_peer_is_its_own<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let mut peers = Vec::new();
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(lab.near.connect(door.address).await.unwrap());
        let (far, peer) = door.accept().await.unwrap();
        open.push(far);
        assert_eq!(peer.ip(), lab.near.ip);
        assert!(!peers.contains(&peer));
        peers.push(peer);
    }
}

pub(crate) async fn many_connect_at_once<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let connecting: Vec<_> = (0..50).map(|_| lab.near.connect(door.address)).collect();
    let mut accepted = Vec::new();
    for _ in 0..50 {
        accepted.push(door.accept().await.unwrap().0);
    }
    for (number, connecting) in connecting.into_iter().enumerate() {
        connecting.await.unwrap().write_all([number as u8]).await.unwrap();
    }
    let mut seen = Vec::new();
    for far in accepted {
        seen.extend(far.read_to_end().await.unwrap());
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..50));
}

pub(crate) async fn a_connect_beyond_the_backlog_waits_for_room<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen_narrowly().await;
    let (made, waiting) = fill(&lab, &door).await;
    assert!(!made.is_empty());
    let mut accepted = Vec::new();
    for _ in 0..made.len() {
        accepted.push(door.accept().await.unwrap());
    }
    let near = waiting.await.unwrap();
    let (far, _) = door.accept().await.unwrap();
    near.write_all(*b"hello").await.unwrap();
    assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
}

pub(crate) async fn a_connect_that_hangs_can_be_given_up<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen_narrowly().await;
    let (made, _waiting) = fill(&lab, &door).await;
    for _ in 0..3 {
        lab.near.connect_in_vain(door.address).await;
    }
    for near in &made {
        let (far, _) = door.accept().await.unwrap();
        near.write_all(*b"hello").await.unwrap();
        assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
    }
}

pub(crate) async fn a_connect_that_is_given_up_harms_nobody<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    for _ in 0..5 {
        lab.near.connect_in_vain(door.address).await;
    }
    let near = lab.near.connect(door.address).await.unwrap();
    near.write_all(*b"hello").await.unwrap();
    loop {
        // Those that were given up may have come so far, and have ended.
        let (far, _) = door.accept().await.unwrap();
        if far.read_up_to(5).await.is_ok_and(|bytes| bytes == b"hello") {
            return;
        }
    }
}

pub(crate) async fn an_accept_that_is_given_up_loses_no_connection<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    for _ in 0..3 {
        assert!(door.accept_in_vain().await);
        let near = lab.near.connect(door.address).await.unwrap();
        let (far, _) = door.accept().await.unwrap();
        near.write_all(*b"hello").await.unwrap();
        assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
    }
}
