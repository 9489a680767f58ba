//! Stories of commands that concern every primary, and so run alone.

use super::*;

#[test]
fn what_every_primary_runs_waits_for_all_before_it_and_all_after_it_wait_for_that() {
    let mut rig = Rig::new();
    assert_eq!(rig.send("SET a 1\nDBSIZE\nPING\nGET b\n"), ["2: SET a 1"]);
    assert!(!rig.session.wants_input() && !rig.session.is_answered());
    assert_eq!(rig.answer("+OK\r\n"), ["1: DBSIZE", "2: DBSIZE"]);
    assert!(!rig.session.wants_input());
    assert!(rig.answer(":3\r\n").is_empty());
    assert_eq!(rig.answer(":4\r\n"), ["1: GET b"]);
    rig.answer("$-1\r\n");
    assert_eq!(rig.told(), "+OK\r\n:7\r\n+PONG\r\n$-1\r\n");
    assert!(rig.session.is_idle() && rig.session.wants_input());
}

#[test]
fn it_has_time_from_when_it_was_read() {
    let mut rig = Rig::unrouted();
    assert!(rig.send("DBSIZE\n").is_empty());
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(1)));
    assert!(rig.session.held_bytes() > 0);
    rig.wait(999);
    assert_eq!(rig.told(), "");
    rig.wait(1);
    assert!(rig.told().starts_with("-UNSENT earlier commands were not answered, or no node"));
    assert!(rig.session.is_idle() && rig.session.wants_input());
    assert_eq!(rig.tally.unsent, 1);
}

#[test]
fn it_runs_once_the_topology_is_known() {
    let mut rig = Rig::unrouted();
    rig.wait(400);
    assert!(rig.send("FLUSHALL\n").is_empty());
    rig.wait(300);
    rig.router.adopt(&view(&[(0, 8191, 1), (8192, 16383, 2)]), rig.now);
    rig.turn(|session, _, _| session.receive_topology());
    assert_eq!(rig.flying_from(0), ["1: FLUSHALL", "2: FLUSHALL"]);
    let due = rig.now + Duration::from_millis(700);
    assert!(rig.flying.iter().all(|transmit| transmit.request.deadline == due));
    rig.answer("+OK\r\n");
    rig.answer("+OK\r\n");
    assert_eq!(rig.told(), "+OK\r\n");
}

#[test]
fn when_the_proxy_stops_it_is_told_that_it_was_not_sent_after_what_was_before_it() {
    let mut rig = Rig::new();
    rig.send("SET a 1\nFLUSHALL\n");
    rig.turn(|session, _, turn| session.receive_stop(turn));
    let told = rig.told();
    let (first, second) = told.split_once("\r\n").unwrap();
    assert!(first.starts_with("-UNSURE the proxy is stopping"), "{told}");
    assert!(second.starts_with("-UNSENT the proxy is stopping"), "{told}");
    assert!(rig.session.is_idle());
}

#[test]
fn a_part_goes_to_its_primary_whatever_becomes_of_the_slots() {
    let mut rig = Rig::new();
    assert_eq!(rig.send("KEYS *\n"), ["1: KEYS *", "2: KEYS *"]);
    rig.router.adopt(&view(&[(0, 0, 2), (1, 8191, 1), (8192, 16383, 2)]), rig.now);
    let failure = Failure::sent(Cause::Closed);
    assert_eq!(rig.fail(failure), ["1: KEYS *"], "it reads, so it is sent again, to the same");
    rig.answer("*1\r\n$1\r\nb\r\n");
    rig.answer("*2\r\n$1\r\na\r\n$1\r\nc\r\n");
    assert_eq!(rig.told(), "*3\r\n$1\r\na\r\n$1\r\nc\r\n$1\r\nb\r\n");
}

#[test]
fn of_a_part_that_failed_the_whole_is_told() {
    let mut rig = Rig::new();
    rig.send("FLUSHALL\n");
    rig.fail(Failure::unsent(Cause::Unreachable));
    rig.fail(Failure::unsent(Cause::Unreachable));
    // Three times more, each, and nothing has left.
    while !rig.flying.is_empty() {
        rig.fail(Failure::unsent(Cause::Unreachable));
    }
    assert!(rig.told().starts_with("-UNSENT h:"));
    rig.send("FLUSHALL\n");
    rig.answer("+OK\r\n");
    rig.fail(Failure::sent(Cause::Closed));
    assert!(rig.told().starts_with("-UNSURE h:2: the connection ended"));
}

#[test]
fn one_that_can_be_stopped_somewhere_is_stopped() {
    let mut rig = Rig::new();
    rig.send("SCRIPT KILL\n");
    rig.answer("-NOTBUSY No scripts in execution right now.\r\n");
    rig.answer("+OK\r\n");
    assert_eq!(rig.told(), "+OK\r\n");
    rig.send("SCRIPT KILL\n");
    rig.answer("-NOTBUSY No scripts in execution right now.\r\n");
    rig.answer("-UNKILLABLE Sorry\r\n");
    assert_eq!(rig.told(), "-NOTBUSY No scripts in execution right now.\r\n");
}

#[test]
fn a_scan_asks_one_primary_and_then_the_other() {
    let mut rig = Rig::new();
    assert_eq!(rig.send("SCAN 0 COUNT 5\n"), ["1: SCAN 0 COUNT 5"]);
    rig.answer("*2\r\n$1\r\n0\r\n*1\r\n$1\r\nb\r\n");
    let told = rig.told();
    let cursor = told.split("\r\n").nth(2).unwrap().to_owned();
    assert_eq!(rig.send(&format!("SCAN {cursor} COUNT 5\n")), ["2: SCAN 0 COUNT 5"]);
    rig.answer("*2\r\n$1\r\n0\r\n*0\r\n");
    assert_eq!(rig.told(), "*2\r\n$1\r\n0\r\n*0\r\n");
    rig.send("SCAN x\nPING\n");
    assert_eq!(rig.told(), "-ERR invalid cursor\r\n+PONG\r\n");
}

#[test]
fn before_one_server_nothing_runs_alone() {
    let mut rig = Rig::unrouted();
    rig.router = Router::single(Address::new("h", 1).unwrap(), 100);
    let sent = rig.send("SET a 1\nDBSIZE\nSCAN 7\nFLUSHALL\nPUBLISH c m\nEVAL s 0\n");
    let words = ["SET a 1", "DBSIZE", "SCAN 7", "FLUSHALL", "PUBLISH c m", "EVAL s 0"];
    assert_eq!(sent, words.map(|words| format!("1: {words}")));
}

#[test]
fn what_no_client_gets_is_refused_on_a_connection_that_stays() {
    let mut rig = Rig::new();
    assert!(rig.send("MONITOR\nPSYNC a 0\nCONFIG SET a b\n").is_empty());
    let told = rig.told();
    let told: Vec<_> = told.lines().collect();
    assert!(
        told[0].starts_with("-ERR redpoll refuses MONITOR: it is about one server"),
        "{told:?}"
    );
    assert!(told[1].starts_with("-ERR redpoll refuses PSYNC: "));
    assert!(told[2].starts_with("-ERR redpoll refuses CONFIG SET: it is about one server"));
    assert_eq!(rig.send("XREAD STREAMS a 0\n"), ["2: XREAD STREAMS a 0"]);
}

#[test]
fn a_script_goes_where_its_keys_are_or_anywhere() {
    let mut rig = Rig::new();
    assert_eq!(rig.send("EVAL s 1 a\n"), ["2: EVAL s 1 a"]);
    assert_eq!(rig.send("EVAL s 0 a\n"), ["2: EVAL s 0 a"]);
    rig.send("EVALSHA s 2 a b\n");
    rig.answer("+OK\r\n");
    rig.answer("+OK\r\n");
    assert!(rig.told().contains("-CROSSSLOT Keys in request don't hash to the same slot ('a' is"));
}
