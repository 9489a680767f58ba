//! Stories of what is asked again, and of what is configured about that.

use super::*;

#[test]
fn a_node_that_is_busy_is_asked_again_after_a_pause_that_grows_and_quoted_at_the_end() {
    for words in ["LOADING x", "CLUSTERDOWN x", "MASTERDOWN x", "READONLY x"] {
        let error = format!("-{words}\r\n");
        let mut rig = Rig::new();
        rig.send("SET a 1\n");
        let mut asked = 1;
        for pause in [10, 20, 40, 80, 160, 160, 160, 160, 160] {
            assert!(rig.answer(&error).is_empty());
            assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_millis(pause)));
            rig.wait(pause - 1);
            assert!(rig.flying.is_empty());
            rig.wait(1);
            asked += rig.flying.len();
        }
        assert_eq!(asked, 10);
        // The next pause would be over at 1,110 ms.
        assert!(rig.answer(&error).is_empty());
        assert_eq!(rig.told(), error);
        assert!(rig.session.is_idle() && rig.tally.refresh_failures == 10);
    }
}

#[test]
fn what_follows_a_command_that_pauses_does_not_overtake_it() {
    let mut rig = Rig::new();
    rig.send("SET a 1\n");
    rig.answer("-LOADING x\r\n");
    assert_eq!(rig.send("GET a\nGET b\n"), ["1: GET b"]);
    rig.answer("$-1\r\n");
    rig.wait(10);
    assert_eq!(rig.flying_from(0), ["2: SET a 1", "2: GET a"]);
}

#[test]
fn a_command_that_expires_in_a_pause_is_told_what_the_node_said() {
    let mut rig = Rig::new();
    rig.policy.op_timeout = Duration::from_millis(100);
    rig.send("SET a 1\nSET a 2\n");
    rig.answer("-LOADING x\r\n");
    rig.wait(100);
    assert!(rig.answer("+OK\r\n").is_empty());
    assert_eq!(rig.told(), "-LOADING x\r\n+OK\r\n");
}

#[test]
fn keys_that_have_parted_find_their_own_ways_and_the_reply_is_one() {
    let mut rig = Rig::new();
    assert_eq!(rig.send("MGET {a}1 {a}2\n"), ["2: MGET {a}1 {a}2"]);
    let parts = rig.answer("-TRYAGAIN x\r\n");
    assert_eq!(parts, ["2: MGET {a}1", "2: MGET {a}2"]);
    rig.answer("*1\r\n$1\r\n1\r\n");
    assert_eq!(rig.answer("-ASK 15495 h:3\r\n"), ["3: ASKING MGET {a}2"]);
    rig.answer("*1\r\n$1\r\n2\r\n");
    assert_eq!(rig.told(), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");

    assert_eq!(rig.send("DEL b {a}1 {a}2\n").len(), 2);
    rig.answer(":1\r\n");
    assert_eq!(rig.answer("-TRYAGAIN x\r\n"), ["2: DEL {a}1", "2: DEL {a}2"]);
    rig.answer(":1\r\n");
    rig.answer(":1\r\n");
    assert_eq!(rig.told(), ":3\r\n");
    assert_eq!(rig.tally.divided, 2);
}

#[test]
fn what_cannot_be_cut_up_is_asked_again_after_a_pause() {
    let mut rig = Rig::new();
    rig.send("RENAME {a}1 {a}2\n");
    assert!(rig.answer("-TRYAGAIN x\r\n").is_empty());
    rig.wait(10);
    assert_eq!(rig.flying_from(0), ["2: RENAME {a}1 {a}2"]);
    assert_eq!(rig.answer("-ASK 15495 h:3\r\n"), ["3: ASKING RENAME {a}1 {a}2"]);
    rig.answer("+OK\r\n");
    assert_eq!(rig.told(), "+OK\r\n");
}

#[test]
fn redirects_are_passed_on_if_they_are_not_to_be_followed() {
    let mut rig = Rig::new();
    rig.policy.follow_redirects = false;
    rig.send("GET a\nGET b\n");
    rig.answer("-MOVED 15495 h:3\r\n");
    rig.answer("-ASK 3300 h:3\r\n");
    assert_eq!(rig.told(), "-MOVED 15495 h:3\r\n-ASK 3300 h:3\r\n");
    assert_eq!(rig.tally.refresh_redirects, 2);
}

#[test]
fn one_unknown_node_too_many_is_not_followed() {
    let mut rig = Rig::new();
    rig.router = Router::cluster(1);
    rig.router.adopt(&view(&[(0, 16383, 1)]), rig.now);
    rig.send("GET a\nGET b\n");
    assert_eq!(rig.answer("-ASK 15495 h:8\r\n"), ["8: ASKING GET a"]);
    assert!(rig.answer("-ASK 3300 h:9\r\n").is_empty());
    rig.answer("$1\r\na\r\n");
    let told = rig.told();
    assert!(told.contains("-UNSENT cannot follow a redirect") && told.contains("h:9"), "{told}");
    assert_eq!(rig.tally.redirects_unknown, 1);
}

#[test]
fn the_budget_bounds_what_is_sent_again_and_a_retired_node_costs_nothing() {
    let mut rig = Rig::new();
    rig.budget = Budget::new(0);
    rig.send("GET a\nGET a\n");
    rig.fail(closed(Progress::Sent));
    assert!(rig.told().starts_with("-UNSURE h:2: the connection ended"));
    let retired = Failure { cause: Cause::Retired, progress: Progress::Unsent };
    assert_eq!(rig.fail(retired), ["2: GET a"]);
    assert_eq!((rig.tally.retries_denied, rig.tally.retries), (1, 1));
}

#[test]
fn a_command_may_have_a_time_of_its_own() {
    let mut rig = Rig::new();
    rig.policy.command_timeouts = [("sort", Duration::from_secs(5))].into();
    rig.send("SORT a\nGET a\nMGET a b\n");
    let times: Vec<_> =
        rig.flying.iter().map(|transmit| transmit.request.deadline - rig.now).collect();
    assert_eq!(times.iter().map(Duration::as_secs).collect::<Vec<_>>(), [5, 1, 1, 1]);
}

#[test]
fn what_is_held_does_not_overtake_what_has_to_be_sent_again() {
    let mut rig = Rig::new();
    let sent = rig.send("GET {a}1\nGET {a}2\nGET {a}3\nGET {a}4\nGET {a}5\n");
    assert_eq!(sent.len(), 4, "the fifth is held until one is answered");
    let tickets: Vec<_> = rig.flying.drain(..).map(|t| t.request.reply_to).collect();
    rig.turn(|session, _, turn| {
        for ticket in tickets {
            session.answer(ticket, Reply::Failure(closed(Progress::Unsent)), turn);
        }
    });
    assert_eq!(rig.flying_from(0), ["2: GET {a}1", "2: GET {a}2", "2: GET {a}3", "2: GET {a}4"]);
    assert_eq!(rig.answer("$1\r\n1\r\n"), ["2: GET {a}5"]);
}

#[test]
fn a_part_that_has_a_node_does_not_overtake_what_is_held_if_another_part_has_none() {
    let mut rig = Rig::unrouted();
    rig.router.adopt(&view(&[(8192, 16383, 2)]), rig.now);
    assert_eq!(rig.send("GET a\nGET a\nGET a\nGET a\nSET a 1\nMGET b a\n").len(), 4);
    let mut sent = Vec::new();
    while !rig.flying.is_empty() {
        sent.extend(rig.answer("$1\r\n1\r\n"));
    }
    assert_eq!(sent, ["2: SET a 1", "2: MGET a"]);
}

#[test]
fn a_read_is_not_sent_again_past_a_write_that_expired_behind_it() {
    let mut rig = Rig::new();
    rig.policy.command_timeouts = [("get", Duration::from_secs(5))].into();
    rig.send("GET a\nSET a 1\n");
    let write = rig.flying.pop_back().unwrap().request.reply_to;
    let expired = Failure { cause: Cause::Timeout, progress: Progress::Sent };
    rig.turn(|session, _, turn| session.answer(write, Reply::Failure(expired), turn));
    assert!(rig.fail(closed(Progress::Sent)).is_empty());
    let told = rig.told();
    assert_eq!(told.matches("-UNSURE").count(), 2, "{told}");
}

#[test]
fn before_one_server_a_read_is_not_sent_again_past_a_write_of_whatever_key() {
    for (first, second) in [("MGET b a", "MSET a 1 c 2"), ("GET a", "RENAME b a")] {
        for is_told in [false, true] {
            let mut rig = Rig::new();
            rig.router = Router::single(Address::new("h", 1).unwrap(), 100);
            rig.send(&format!("{first}\n{second}\n"));
            if is_told {
                // The client hears of the write while the read is still in flight.
                rig.flying.rotate_left(1);
                rig.fail(closed(Progress::Sent));
            }
            assert!(rig.fail(closed(Progress::Sent)).is_empty(), "{first} is lost");
        }
    }
}
