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
    rig.proxy().stats().workers.iter().map(|worker| worker.clients_closed.of(end).get()).sum()
}

fn buffered(rig: &Rig) -> u64 {
    rig.proxy().stats().sum(|worker| &worker.buffered_bytes)
}

/// No client takes anything any more.
fn stop_reading(rig: &mut Rig) {
    rig.world.network.clog(rig.proxy().host, rig.world.clients);
}

fn read_on(rig: &mut Rig) {
    rig.world.network.unclog(rig.proxy().host, rig.world.clients);
}

/// A key of a node, with a value of so many bytes.
fn large_key(rig: &mut Rig, client: &Hand, bytes: usize) -> String {
    let key = rig.key_on(0);
    assert_eq!(rig.ask(client, &format!("SET {key} {}", "x".repeat(bytes))), "OK");
    key
}

/// The first bytes of a SET of a value of so many bytes, of which `sent` are sent.
fn half_a_command(key: &str, bytes: usize, sent: usize) -> Vec<u8> {
    let head = format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${bytes}\r\n", key.len());
    [head.as_bytes(), &vec![b'x'; sent]].concat()
}

/// The rest of it.
fn the_rest(bytes: usize) -> Vec<u8> {
    [vec![b'x'; bytes], b"\r\n".to_vec()].concat()
}

#[test]
fn a_client_that_says_nothing_is_closed_and_one_that_waits_for_a_reply_is_not() {
    let mut rig = rig(Tuning { client_idle_timeout_ms: 300, ..Tuning::default() });
    let (silent, talker, waiter) = (rig.client(), rig.client(), rig.client());
    let key = rig.key_on(0);
    assert_eq!(rig.ask(&waiter, &format!("SET {key} 1")), "OK");
    rig.world.network.stall(rig.proxy().host, rig.world.nodes[0]);
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
fn a_client_whose_command_waits_for_the_end_of_a_pause_is_not_idle() {
    let mut rig = rig(Tuning { client_idle_timeout_ms: 300, ..Tuning::default() });
    let (waiter, silent) = (rig.client(), rig.client());
    let key = rig.key_on(0);
    assert_eq!(rig.ask(&waiter, "CLIENT PAUSE 5000 WRITE"), "OK");
    waiter.send(&format!("SET {key} 1"));
    rig.until("closed", || silent.is_closed());
    rig.wait(600);
    assert!(!waiter.is_closed() && waiter.replies().len() == 1);
    assert_eq!(rig.replies(&waiter, 2), ["OK", "OK"]);
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
    let memory_bytes = 2048 * KIB;
    let mut rig = rig(Tuning { memory_bytes, ..Tuning::default() });
    let (key, other) = (rig.key_on(0), rig.key_on(1));
    let neighbour = rig.client();
    assert_eq!(rig.ask(&neighbour, &format!("SET {other} 1")), "OK");
    let writers: Vec<_> = (0..10).map(|_| rig.client()).collect();
    assert_eq!(rig.ask(&neighbour, &format!("SET {key} 1")), "OK");
    rig.world.network.stall(rig.proxy().host, rig.world.nodes[0]);
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
    rig.world.network.heal(rig.proxy().host, rig.world.nodes[0]);
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
fn a_turn_ends_where_there_is_no_more_room() {
    let memory_bytes = 128 * KIB;
    let mut rig = rig(Tuning { memory_bytes, ..Tuning::default() });
    let client = rig.client();
    let key = rig.key_on(0);
    assert_eq!(rig.ask(&client, &format!("SET {key} 1")), "OK");
    rig.world.network.stall(rig.proxy().host, rig.world.nodes[0]);
    client.send_all(&vec![format!("SET {key} {}", "x".repeat(KIB)); 300]);
    rig.wait(100);
    // One more read may have been full of commands, each of which takes a little more than it is
    // long.
    let bytes_max = (memory_bytes / 2 + 48 * KIB) as u64;
    assert!(buffered(&rig) < bytes_max, "{} bytes are held", buffered(&rig));
}

#[test]
fn half_commands_that_fill_the_memory_are_given_up_one_by_one_and_the_others_go_on() {
    let memory_bytes = 2048 * KIB;
    let mut rig = rig(Tuning { memory_bytes, ..Tuning::default() });
    let key = rig.key_on(0);
    let clients: Vec<_> = (0..6).map(|_| rig.client()).collect();
    let start = rig.now();
    let command = [half_a_command(&key, 800 * KIB, 800 * KIB), the_rest(0)].concat();
    clients.iter().for_each(|client| client.send_raw(&command));
    let is_answered = |client: &Hand| !client.replies().is_empty();
    let mut most = 0;
    while !clients.iter().all(is_answered) {
        rig.wait(1);
        most = most.max(buffered(&rig));
    }
    assert!(rig.now() - start < ms(STALL_MS), "none of them can go on, so none is waited for");
    assert!(most < memory_bytes as u64, "{most}");
    let (done, given_up): (Vec<_>, Vec<_>) =
        clients.iter().partition(|client| client.replies() == ["OK"]);
    assert!(done.len() >= 2 && !given_up.is_empty(), "{} of 6 are done", done.len());
    assert_eq!(closed(&rig, ClientEnd::Starved), given_up.len() as u64);
    for client in given_up {
        assert!(client.replies()[0].starts_with("-ERR no memory for the command"));
        rig.until("closed", || client.is_closed());
    }
    for client in done {
        assert_eq!(rig.ask(client, &format!("SET {key} 1")), "OK");
    }
}

#[test]
fn a_half_command_that_others_wait_for_too_long_is_given_up() {
    let mut rig = rig(Tuning { memory_bytes: 1024 * KIB, ..Tuning::default() });
    let key = rig.key_on(0);
    let (silent, other) = (rig.client(), rig.client());
    silent.send_raw(&half_a_command(&key, 480 * KIB, 320 * KIB));
    rig.wait(100);
    let start = rig.now();
    other.send_raw(&half_a_command(&key, 300 * KIB, 150 * KIB));
    // Who needs little is served.
    let small = rig.client();
    assert_eq!(rig.ask(&small, &format!("SET {key} 1")), "OK");
    rig.until("closed", || silent.is_closed() || other.is_closed());
    let waited = rig.now() - start;
    assert!((ms(STALL_MS)..ms(STALL_MS + 200)).contains(&waited), "{waited:?}");
    assert!(silent.replies()[0].starts_with("-ERR no memory for the command"));
    other.send_raw(&the_rest(150 * KIB));
    assert_eq!(rig.replies(&other, 1), ["OK"]);
}

#[test]
fn a_command_that_has_its_room_is_read_to_its_end_however_short_memory_is() {
    let mut rig = rig(Tuning { memory_bytes: 1024 * KIB, ..Tuning::default() });
    let key = rig.key_on(0);
    let (first, second) = (rig.client(), rig.client());
    first.send_raw(&half_a_command(&key, 480 * KIB, 320 * KIB));
    rig.wait(100);
    second.send_raw(&half_a_command(&key, 300 * KIB, 150 * KIB));
    rig.wait(100);
    first.send_raw(&the_rest(160 * KIB));
    assert_eq!(rig.replies(&first, 1), ["OK"]);
    second.send_raw(&the_rest(150 * KIB));
    assert_eq!(rig.replies(&second, 1), ["OK"]);
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

#[test]
fn beyond_memory_max_nobody_is_closed_for_commands_that_a_stuck_node_holds() {
    let memory_bytes = 1024 * KIB;
    let mut rig =
        rig(Tuning { memory_bytes, client_output_bytes: 1024 * KIB, ..Tuning::default() });
    let readers: Vec<_> = (0..2).map(|_| rig.client()).collect();
    let writers: Vec<_> = (0..2).map(|_| rig.client()).collect();
    let large = large_key(&mut rig, &readers[0], 32 * KIB);
    let stuck = rig.key_on(1);
    assert_eq!(rig.ask(&readers[1], &format!("SET {stuck} 1")), "OK");
    rig.world.network.stall(rig.proxy().host, rig.world.nodes[1]);
    let set = format!("SET {stuck} {}", "x".repeat(KIB));
    let sets = [300, 100];
    writers.iter().zip(sets).for_each(|(writer, sets)| writer.send_all(&vec![set.clone(); sets]));
    rig.wait(20);
    assert!(buffered(&rig) > 500 * KIB as u64, "the writers hold most");
    stop_reading(&mut rig);
    readers.iter().zip([10, 8]).for_each(|(reader, gets)| {
        reader.send_all(&vec![format!("GET {large}"); gets]);
    });
    rig.wait(200);
    assert!(buffered(&rig) <= memory_bytes as u64);
    assert_eq!(closed(&rig, ClientEnd::Memory), 1, "one was enough");
    assert!(readers[0].is_closed(), "its replies are given back at once");
    read_on(&mut rig);
    assert_eq!(rig.replies(&readers[1], 1 + 8).len(), 9);
    rig.world.network.heal(rig.proxy().host, rig.world.nodes[1]);
    for (writer, sets) in writers.iter().zip(sets) {
        assert_eq!(rig.replies(writer, sets).len(), sets);
    }
}
