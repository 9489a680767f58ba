//! What a client may keep waiting, and what all of them together may make the proxy hold.

use redpoll::stats::ClientEnd;
use redpoll_sim::rig::{Hand, Rig};
use redpoll_sim::tuning::Tuning;
use redpoll_sim::world::{Setup, ms};

const STALL_MS: u64 = 2_000;

const KIB: usize = 1024;

/// A proxy of one worker with these bounds and a stall timeout of two seconds.
fn rig(tuning: Tuning) -> Rig {
    let tuning = Tuning { client_stall_timeout_ms: STALL_MS, ..tuning };
    Rig::new(&Setup { workers: 1, tuning, ..Setup::default() })
}

fn closed(rig: &Rig, end: ClientEnd) -> u64 {
    rig.world.stats.workers.iter().map(|worker| worker.clients_closed.of(end).get()).sum()
}

fn buffered(rig: &Rig) -> u64 {
    rig.world.stats.sum(|worker| &worker.buffered_bytes)
}

/// No client takes anything any more.
fn stop_reading(rig: &mut Rig) {
    rig.world.network.clog(rig.world.proxy, rig.world.clients);
}

fn read_on(rig: &mut Rig) {
    rig.world.network.unclog(rig.world.proxy, rig.world.clients);
}

/// A key of a node, with a value of so many bytes.
fn large_key(rig: &mut Rig, client: &Hand, bytes: usize) -> String {
    let key = rig.key_on(0);
    assert_eq!(rig.ask(client, &format!("SET {key} {}", "x".repeat(bytes))), "OK");
    key
}

/// The first bytes of a SET of so many.
fn half_a_command(key: &str, bytes: usize) -> Vec<u8> {
    let head = format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n", key.len(), 2 * bytes);
    [head.as_bytes(), &vec![b'x'; bytes]].concat()
}

#[test]
fn a_client_that_says_nothing_is_closed_and_one_that_waits_for_a_reply_is_not() {
    let mut rig = rig(Tuning { client_idle_timeout_ms: 300, ..Tuning::default() });
    let (silent, talker, waiter) = (rig.client(), rig.client(), rig.client());
    let key = rig.key_on(0);
    assert_eq!(rig.ask(&waiter, &format!("SET {key} 1")), "OK");
    rig.world.network.stall(rig.world.proxy, rig.world.nodes[0]);
    waiter.send(&format!("GET {key}"));
    for _ in 0..4 {
        assert_eq!(rig.ask(&talker, "PING"), "PONG");
        rig.wait(100);
    }
    assert!(silent.is_closed() && !talker.is_closed() && !waiter.is_closed());
    assert_eq!(closed(&rig, ClientEnd::Idle), 1);
    assert!(rig.replies(&waiter, 2)[1].starts_with("-UNSURE"));
    rig.wait(250);
    assert!(!waiter.is_closed(), "it is idle from its reply on");
    rig.until("closed", || waiter.is_closed() && talker.is_closed());
    assert_eq!(closed(&rig, ClientEnd::Idle), 3);
}

#[test]
fn a_client_that_takes_nothing_holds_no_more_than_it_may_and_is_closed_in_the_end() {
    let bytes_max = 256 * KIB;
    let mut rig = rig(Tuning { client_output_bytes: bytes_max, ..Tuning::default() });
    let client = rig.client();
    let key = large_key(&mut rig, &client, 32 * KIB);
    stop_reading(&mut rig);
    let start = rig.now();
    client.send_all(&vec![format!("GET {key}"); 300]);
    rig.wait(500);
    let commands_bytes = 300 * 400;
    let held = buffered(&rig);
    assert!((100 * 1024..(bytes_max + commands_bytes) as u64).contains(&held), "{held}");
    assert_eq!(closed(&rig, ClientEnd::Overflown), 0);
    rig.until("closed", || client.is_closed());
    let waited = rig.now() - start;
    assert!((ms(STALL_MS)..ms(STALL_MS + 100)).contains(&waited), "{waited:?}");
    assert_eq!(closed(&rig, ClientEnd::Stalled), 1);
    rig.wait(600);
    assert_eq!(buffered(&rig), 0, "what was sent for it is not held beyond its deadline");
}

#[test]
fn a_client_that_takes_its_replies_late_gets_them_all() {
    let mut rig = rig(Tuning { client_output_bytes: 256 * KIB, ..Tuning::default() });
    let client = rig.client();
    let key = large_key(&mut rig, &client, 32 * KIB);
    stop_reading(&mut rig);
    client.send_all(&vec![format!("GET {key}"); 60]);
    // Again and again it takes something before the proxy loses patience, and a command has half a
    // second; it is not told that there was no time for those that it held up.
    while client.replies().len() < 61 {
        rig.wait(STALL_MS - 200);
        read_on(&mut rig);
        rig.wait(8);
        stop_reading(&mut rig);
    }
    assert!(client.replies()[1..].iter().all(|reply| reply.len() == 32 * KIB));
    assert!(!client.is_closed());
}

#[test]
fn a_client_that_says_goodbye_and_takes_nothing_is_let_go() {
    let mut rig = rig(Tuning::default());
    let client = rig.client();
    let key = large_key(&mut rig, &client, 32 * KIB);
    stop_reading(&mut rig);
    client.send_all(&[format!("GET {key}"), "QUIT".to_owned()]);
    rig.wait(STALL_MS - 100);
    assert!(!client.is_closed());
    rig.until("closed", || client.is_closed());
    assert_eq!(closed(&rig, ClientEnd::Stalled), 1);
}

#[test]
fn writes_for_a_stuck_node_stay_within_memory_max_and_each_is_told_what_became_of_it() {
    let memory_bytes = 1024 * KIB;
    let mut rig = rig(Tuning { memory_bytes, ..Tuning::default() });
    let (key, other) = (rig.key_on(0), rig.key_on(1));
    let neighbour = rig.client();
    assert_eq!(rig.ask(&neighbour, &format!("SET {other} 1")), "OK");
    let writers: Vec<_> = (0..10).map(|_| rig.client()).collect();
    assert_eq!(rig.ask(&neighbour, &format!("SET {key} 1")), "OK");
    rig.world.network.stall(rig.world.proxy, rig.world.nodes[0]);
    let set = format!("SET {key} {}", "x".repeat(KIB));
    writers.iter().for_each(|writer| writer.send_all(&vec![set.clone(); 300]));
    let mut most = 0;
    for _ in 0..100 {
        rig.wait(10);
        most = most.max(buffered(&rig));
        assert_eq!(rig.ask(&neighbour, &format!("GET {other}")), "1", "it holds little");
    }
    let half = memory_bytes as u64 / 2;
    assert!((half..memory_bytes as u64).contains(&most), "3 MiB wait for the node, held: {most}");
    rig.world.network.heal(rig.world.proxy, rig.world.nodes[0]);
    for writer in &writers {
        let replies = rig.replies(writer, 300);
        let known = ["OK", "-UNSURE", "-UNSENT"];
        assert!(replies.iter().all(|reply| known.iter().any(|known| reply.starts_with(known))));
        assert_eq!(rig.ask(writer, &format!("SET {key} 1")), "OK", "the node is well again");
    }
    rig.wait(1_000);
    assert_eq!(buffered(&rig), 0);
}

#[test]
fn half_commands_that_fill_the_memory_are_given_up_and_the_others_go_on() {
    let memory_bytes = 2048 * KIB;
    let mut rig = rig(Tuning { memory_bytes, ..Tuning::default() });
    let key = rig.key_on(0);
    let halves: Vec<_> = (0..6).map(|_| rig.client()).collect();
    let start = rig.now();
    halves.iter().for_each(|half| half.send_raw(&half_a_command(&key, 400 * KIB)));
    rig.wait(500);
    let held = buffered(&rig);
    assert!((memory_bytes as u64 / 2..memory_bytes as u64).contains(&held), "{held}");
    // Who needs little is served.
    let small = rig.client();
    assert_eq!(rig.ask(&small, &format!("SET {key} 1")), "OK");
    rig.until("closed", || halves.iter().any(Hand::is_closed));
    assert!(rig.now() - start >= ms(STALL_MS));
    rig.wait(1_000);
    let (given_up, rest): (Vec<_>, Vec<_>) = halves.iter().partition(|half| half.is_closed());
    assert!(!given_up.is_empty() && !rest.is_empty(), "{} of 6 were given up", given_up.len());
    for half in given_up {
        assert!(half.replies()[0].starts_with("-ERR no memory for the command"));
    }
    for half in rest {
        half.send_raw(&[vec![b'x'; 400 * KIB], b"\r\n".to_vec()].concat());
        assert_eq!(rig.replies(half, 1), ["OK"]);
    }
}

#[test]
fn beyond_memory_max_the_client_that_holds_most_is_closed() {
    let memory_bytes = 1024 * KIB;
    let mut rig =
        rig(Tuning { memory_bytes, client_output_bytes: 1024 * KIB, ..Tuning::default() });
    let clients: Vec<_> = (0..4).map(|_| rig.client()).collect();
    let key = large_key(&mut rig, &clients[0], 32 * KIB);
    stop_reading(&mut rig);
    // The first has most on its way when the others ask.
    for (client, gets) in clients.iter().zip([12, 8, 8, 8]) {
        client.send_all(&vec![format!("GET {key}"); gets]);
    }
    rig.wait(200);
    assert_eq!(closed(&rig, ClientEnd::Memory), 1);
    assert!(clients[0].is_closed() && !clients[1..].iter().any(Hand::is_closed));
    assert!(buffered(&rig) <= memory_bytes as u64);
    read_on(&mut rig);
    for client in &clients[1..] {
        assert!(rig.replies(client, 8).iter().all(|reply| reply.len() == 32 * KIB));
    }
}
