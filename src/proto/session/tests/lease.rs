//! Stories of a client that needs a connection of its own: it watches keys, or waits at a node.

use super::*;

impl Rig {
    /// Whose connections the requests in flight take.
    fn ways(&self) -> Vec<Way> {
        self.flying.iter().map(|transmit| transmit.lane.way).collect()
    }

    /// Watches a key.
    fn watch(&mut self, key: &str) {
        self.send(&format!("WATCH {key}\n"));
        self.answer("+OK\r\n");
        assert_eq!(self.told(), "+OK\r\n");
        assert!(self.session.needs_lease());
    }
}

fn lost() -> Failure {
    Failure::unsent(Cause::LeaseLost)
}

#[test]
fn what_is_watched_and_its_exec_take_one_lease_and_all_else_the_shared_connection() {
    let mut rig = Rig::new();
    assert_eq!(rig.send("GET a\nWATCH a\nGET a\n"), ["2: GET a"], "WATCH runs alone");
    assert_eq!(rig.answer("$-1\r\n"), ["2: WATCH a"]);
    assert_eq!((rig.ways(), rig.flying[0].request.form), (vec![Way::Lease], Form::Fresh));
    assert_eq!(rig.answer("+OK\r\n"), ["2: GET a"]);
    assert_eq!(rig.ways(), [Way::Shared]);
    rig.send("MULTI\nSET a 1\nEXEC\nGET a\n");
    assert_eq!(rig.answer("$-1\r\n"), ["2: MULTI/SET a 1/EXEC"], "when the GET is answered");
    assert_eq!(rig.ways(), [Way::SameLease]);
    assert!(rig.session.needs_lease());
    assert_eq!(rig.answer("*1\r\n+OK\r\n"), ["2: GET a"]);
    assert!(!rig.session.needs_lease(), "it is given back");
    assert_eq!(rig.ways(), [Way::Shared]);
    rig.answer("$1\r\n1\r\n");
    let told = "$-1\r\n+OK\r\n$-1\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n$1\r\n1\r\n";
    assert_eq!(rig.told(), told);
}

#[test]
fn a_transaction_of_which_a_watched_key_has_changed_is_told_so_by_the_node() {
    let mut rig = Rig::new();
    rig.watch("a");
    rig.send("MULTI\nEXEC\n");
    assert_eq!(rig.flying_from(0), ["2: MULTI/EXEC"], "even an empty one asks");
    rig.answer("*-1\r\n");
    assert_eq!(rig.told(), "+OK\r\n*-1\r\n");
    assert!(!rig.session.needs_lease());
}

#[test]
fn what_ends_the_watch_gives_the_lease_back() {
    for (end, told) in [
        ("UNWATCH\n", "+OK\r\n"),
        ("MULTI\nDISCARD\n", "+OK\r\n+OK\r\n"),
        ("RESET\n", "+RESET\r\n"),
    ] {
        let mut rig = Rig::new();
        rig.watch("a");
        assert!(rig.send(end).is_empty(), "{end}");
        assert_eq!(rig.told(), told);
        assert!(!rig.session.needs_lease(), "{end}");
        rig.send("MULTI\nGET a\nEXEC\n");
        assert_eq!(rig.ways(), [Way::Shared], "{end}");
    }
    let mut rig = Rig::new();
    rig.watch("a");
    assert!(rig.send("MULTI\nNOSUCH\nEXEC\n").is_empty());
    assert!(
        rig.told().ends_with("-EXECABORT Transaction discarded because of previous errors.\r\n")
    );
    assert!(!rig.session.needs_lease());
}

#[test]
fn where_the_lease_is_gone_or_the_slot_has_moved_the_transaction_is_not_executed() {
    for (hello, nil) in [("", "*-1\r\n"), ("HELLO 3\n", "_\r\n")] {
        for reply in [
            Reply::Failure(lost()),
            Reply::Frame(Bytes::from_static(b"-MOVED 15495 h:1\r\n")),
            Reply::Frame(Bytes::from_static(b"-ASK 15495 h:1\r\n")),
            Reply::Frame(Bytes::from_static(b"-TRYAGAIN later\r\n")),
        ] {
            let mut rig = Rig::new();
            rig.send(hello);
            rig.told();
            rig.watch("a");
            rig.send("MULTI\nSET a 1\nEXEC\n");
            assert!(rig.answer_with(reply.clone()).is_empty(), "{reply:?}");
            assert_eq!(rig.told(), format!("+OK\r\n+QUEUED\r\n{nil}"), "{reply:?}");
            assert!(!rig.session.needs_lease());
            assert_eq!(rig.session.take_lease_failure(), matches!(reply, Reply::Failure(_)));
        }
    }
}

#[test]
fn an_exec_that_was_lost_on_its_way_is_unsure_and_one_that_fails_says_why() {
    let mut rig = Rig::new();
    rig.watch("a");
    rig.send("MULTI\nSET a 1\nEXEC\nGET a\n");
    assert_eq!(rig.fail(closed(Progress::Sent)), ["2: GET a"]);
    assert!(rig.told().starts_with("+OK\r\n+QUEUED\r\n-UNSURE h:2: the connection ended"));
    assert!(!rig.session.needs_lease() && rig.session.take_lease_failure());

    let mut rig = Rig::new();
    rig.watch("a");
    rig.send("MULTI\nSET a 1\nEXEC\n");
    rig.answer("-OOM no room\r\n");
    let words = "-EXECABORT Transaction discarded because of previous errors: OOM no room\r\n";
    assert_eq!(rig.told(), format!("+OK\r\n+QUEUED\r\n{words}"));
}

#[test]
fn an_exec_that_finds_no_time_to_run_ends_its_transaction() {
    let mut rig = Rig::new();
    rig.watch("a");
    rig.send("GET a\nMULTI\nSET a 1\nEXEC\nGET a\n");
    assert_eq!(rig.flying_from(0), ["2: GET a"]);
    rig.wait(1_000);
    assert_eq!(rig.flying_from(0), ["2: GET a", "2: GET a"], "the second is none of it");
    rig.answer("$-1\r\n");
    rig.answer("$-1\r\n");
    let told = rig.told();
    let words = "$-1\r\n+OK\r\n+QUEUED\r\n-UNSENT earlier commands were not answered, or no node";
    assert!(told.starts_with(words) && told.ends_with("$-1\r\n"), "{told}");
    assert!(!rig.session.needs_lease());
}

#[test]
fn a_watch_follows_redirects_and_waits_for_a_slot_on_the_move() {
    let mut rig = Rig::new();
    rig.send("WATCH a\n");
    assert_eq!(rig.answer("-MOVED 15495 h:1\r\n"), ["1: WATCH a"]);
    assert_eq!((rig.ways(), rig.flying[0].request.form), (vec![Way::Lease], Form::Fresh));
    assert!(rig.answer("-ASK 15495 h:2\r\n").is_empty(), "one command alone cannot be watched for");
    rig.wait(30);
    assert_eq!(rig.flying_from(0), ["1: WATCH a"]);
    rig.answer("+OK\r\n");
    assert_eq!(rig.told(), "+OK\r\n");
    rig.send("MULTI\nGET a\nEXEC\n");
    assert_eq!(rig.flying_from(0), ["1: MULTI/GET a/EXEC"], "where it was watched");
}

#[test]
fn a_second_watch_joins_the_first_or_gives_up_for_it() {
    let mut rig = Rig::new();
    rig.watch("a");
    rig.send("WATCH {a}1\n");
    assert_eq!((rig.ways(), rig.flying[0].request.form), (vec![Way::SameLease], Form::Plain));
    rig.answer("+OK\r\n");
    assert!(rig.send("WATCH b\n").is_empty());
    assert!(
        rig.told().starts_with("+OK\r\n-CROSSSLOT Keys in request don't hash to the same slot")
    );
    rig.send("WATCH {a}2\n");
    rig.fail(lost());
    assert_eq!(rig.told(), "+OK\r\n");
    assert!(!rig.session.needs_lease());
    assert!(rig.send("WATCH b\nMULTI\nSET a 1\nEXEC\nMULTI\nGET a\n").is_empty());
    assert_eq!(rig.told(), "+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n+OK\r\n+QUEUED\r\n");
    assert_eq!(rig.send("EXEC\n"), ["2: MULTI/GET a/EXEC"], "and that was that");
}

#[test]
fn a_transaction_keeps_to_the_slot_that_is_watched() {
    let mut rig = Rig::new();
    rig.watch("a");
    assert!(rig.send("MULTI\nGET b\nWATCH a\nEXEC\n").is_empty());
    let told = rig.told();
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[1].starts_with("-CROSSSLOT Keys in request don't hash to the same slot ('a' is"));
    assert_eq!(lines[2], "-ERR WATCH inside MULTI is not allowed");
    assert!(lines[3].starts_with("-EXECABORT "));
}

#[test]
fn a_watch_that_fails_watches_nothing() {
    let mut rig = Rig::new();
    rig.send("WATCH a\n");
    rig.answer("-NOPERM no permissions\r\n");
    assert_eq!(rig.told(), "-NOPERM no permissions\r\n");
    assert!(!rig.session.needs_lease());
    rig.send("WATCH a\n");
    rig.fail(Failure::unsent(Cause::NoLease));
    let words = "-UNSENT h:2: all leases_max connections of its worker were lent for op_timeout";
    assert!(rig.told().starts_with(words));
    assert!(rig.send("MULTI\nEXEC\n").is_empty());
    assert_eq!(rig.told(), "+OK\r\n*0\r\n");
}

#[test]
fn who_is_served_elsewhere_watches_nothing_that_is_known_of() {
    let mut rig = Rig::new();
    rig.watch("a");
    rig.session.receive_move(&rig.router);
    assert!(rig.send("MULTI\nSET a 1\nEXEC\n").is_empty());
    assert_eq!(rig.told(), "+OK\r\n+QUEUED\r\n*-1\r\n");
}

#[test]
fn what_is_watched_elsewhere_than_the_table_says_is_not_executed() {
    let adopt = |rig: &mut Rig| {
        let now = rig.now;
        rig.router.adopt(&view(&[(0, 16383, 1)]), now);
    };
    let mut rig = Rig::new();
    rig.watch("a");
    rig.send("MULTI\nSET a 1\n");
    adopt(&mut rig);
    assert!(rig.send("EXEC\n").is_empty());
    assert_eq!(rig.told(), "+OK\r\n+QUEUED\r\n*-1\r\n");
    assert!(!rig.session.needs_lease());

    let mut rig = Rig::new();
    rig.watch("a");
    adopt(&mut rig);
    assert!(rig.send("WATCH {a}1\n").is_empty(), "where the key is not any more");
    assert!(rig.send("MULTI\nSET a 1\nEXEC\n").is_empty());
    assert_eq!(rig.told(), "+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n");
    assert_eq!(rig.send("WATCH a\n"), ["1: WATCH a"], "and begins again");
}

#[test]
fn a_redirect_on_a_lease_is_news_of_the_topology() {
    let mut rig = Rig::new();
    rig.send("WATCH a\n");
    rig.answer("-MOVED 15495 h:1\r\n");
    assert_eq!((rig.tally.moved, rig.tally.refresh_redirects), (1, 1));
    let mut rig = Rig::new();
    rig.watch("a");
    rig.send("MULTI\nSET a 1\nEXEC\n");
    rig.answer("-MOVED 15495 h:1\r\n");
    assert_eq!(rig.tally.refresh_redirects, 1, "though it is not followed");
}

#[test]
fn the_key_that_is_watched_is_held() {
    let mut rig = Rig::new();
    let before = rig.session.held_bytes();
    rig.watch(&"k".repeat(1_000));
    assert!(rig.session.held_bytes() >= before + 1_000);
    rig.send("UNWATCH\n");
    rig.told();
    assert_eq!(rig.session.held_bytes(), before);
}

#[test]
fn a_command_that_waits_has_its_time_from_when_it_is_sent() {
    let mut rig = Rig::new();
    rig.send("SET a 1\nBLPOP a 5\n");
    rig.wait(700);
    assert_eq!(rig.answer("+OK\r\n"), ["2: BLPOP a 5"]);
    assert_eq!(rig.flying[0].request.deadline - rig.now, Duration::from_secs(6));
}

#[test]
fn a_command_that_waits_has_its_own_time_on_top_and_a_lease() {
    let mut rig = Rig::new();
    assert_eq!(rig.send("SET a 1\nBLPOP a b 5\nBLPOP a 2.5\nGET a\n"), ["2: SET a 1"]);
    assert_eq!(rig.answer("+OK\r\n"), ["2: BLPOP a 2.5"]);
    assert!(rig.session.is_on_lease() && !rig.session.wants_input());
    let told = rig.told();
    assert!(told.starts_with("+OK\r\n-CROSSSLOT "), "{told}");
    let transmit = &rig.flying[0];
    assert_eq!(transmit.lane.way, Way::Lease);
    assert_eq!(transmit.request.deadline - rig.now, Duration::from_millis(3_500));
    rig.wait(3_000);
    assert_eq!(rig.told(), "");
    assert_eq!(rig.session.unanswered(), None, "it ends with its client");
    assert_eq!(rig.answer("*-1\r\n"), ["2: GET a"]);
    assert!(!rig.session.is_on_lease());
}

#[test]
fn a_command_that_waited_for_long_may_still_be_sent_elsewhere() {
    let mut rig = Rig::new();
    rig.send("BLPOP a 0\n");
    rig.wait(3_600_000);
    assert_eq!(rig.answer("-MOVED 15495 h:1\r\n"), ["1: BLPOP a 0"]);
    rig.wait(3_600_000);
    rig.answer("-UNBLOCKED force unblock from blocking operation\r\n");
    assert_eq!(rig.told(), "-UNBLOCKED force unblock from blocking operation\r\n");
}

#[test]
fn an_element_that_may_be_lost_with_its_connection_is_unsure() {
    let mut rig = Rig::new();
    rig.send("BRPOPLPUSH a {a}1 0\n");
    rig.fail(closed(Progress::Sent));
    assert!(rig.told().starts_with("-UNSURE h:2: the connection ended"));
    assert!(rig.session.take_lease_failure());
    rig.send("XREAD BLOCK 0 STREAMS a $\n");
    let again = rig.fail(closed(Progress::Sent));
    assert_eq!(again, ["2: XREAD BLOCK 0 STREAMS a $"], "who only reads loses nothing");
}

#[test]
fn in_a_transaction_nothing_waits() {
    let mut rig = Rig::new();
    rig.send("MULTI\nBLPOP a 0\nXREAD BLOCK 0 STREAMS a 0\nEXEC\n");
    assert_eq!(rig.flying_from(0), ["2: MULTI/BLPOP a 0/XREAD BLOCK 0 STREAMS a 0/EXEC"]);
    assert_eq!(rig.ways(), [Way::Shared]);
}
