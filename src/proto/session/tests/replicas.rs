//! Stories of a client that asks how many replicas have what it wrote.

use super::*;

impl Rig {
    /// Writes at both nodes.
    fn write_everywhere(&mut self) {
        self.send("SET a 1\nSET b 1\n");
        self.answer("+OK\r\n");
        self.answer("+OK\r\n");
        assert_eq!(self.told(), "+OK\r\n+OK\r\n");
    }

    /// How what is in flight is sent.
    fn forms(&self) -> Vec<(Way, Form)> {
        let form = |transmit: &Transmit| (transmit.lane.way, transmit.request.form);
        self.flying.iter().map(form).collect()
    }
}

#[test]
fn the_node_that_took_the_writes_is_asked_on_a_lease_after_a_mark() {
    let mut rig = Rig::new();
    assert_eq!(rig.send("SET a 1\nWAIT 1 5000\nGET a\n"), ["2: SET a 1"], "it runs alone");
    assert_eq!(rig.answer("+OK\r\n"), ["2: WAIT 1 5000"]);
    assert_eq!(rig.forms(), [(Way::Lease, Form::Marked)]);
    assert_eq!(rig.flying[0].request.deadline - rig.now, Duration::from_secs(6));
    assert!(rig.session.is_blocked() && rig.session.needs_lease());
    assert_eq!(rig.answer(":1\r\n"), ["2: GET a"]);
    assert!(!rig.session.is_blocked() && !rig.session.needs_lease());
    rig.answer("$1\r\n1\r\n");
    assert_eq!(rig.told(), "+OK\r\n:1\r\n$1\r\n1\r\n");
}

#[test]
fn of_several_nodes_the_least_counts_and_they_share_the_time() {
    let mut rig = Rig::new();
    rig.write_everywhere();
    assert_eq!(rig.send("WAIT 2 5000\n"), ["1: WAIT 2 5000"]);
    rig.wait(3_000);
    assert_eq!(rig.answer(":2\r\n"), ["2: WAIT 2 2000"]);
    rig.wait(2_500);
    rig.answer(":1\r\n");
    assert_eq!(rig.told(), ":1\r\n");
    assert_eq!(rig.send("WAITAOF 1 1 0\n"), ["1: WAITAOF 1 1 0"]);
    rig.wait(3_600_000);
    assert_eq!(rig.answer("*2\r\n:0\r\n:2\r\n"), ["2: WAITAOF 1 1 0"]);
    rig.answer("*2\r\n:1\r\n:1\r\n");
    assert_eq!(rig.told(), "*2\r\n:0\r\n:1\r\n");
    rig.send("WAIT 2 10\n");
    rig.wait(100);
    assert_eq!(rig.answer(":0\r\n"), ["2: WAIT 2 1"], "0 would be for ever");
}

#[test]
fn who_wrote_nothing_is_told_how_many_replicas_there_are() {
    let mut rig = Rig::new();
    rig.send("GET a\nSET b 1\n");
    rig.answer("$-1\r\n");
    rig.answer("-MOVED 3300 h:2\r\n");
    rig.fail(Failure::unsent(Cause::Unreachable));
    assert_eq!(rig.send("WAIT 0 100\n").len(), 1);
    assert_eq!(rig.forms(), [(Way::Lease, Form::Plain)], "there is nothing to mark");
}

#[test]
fn what_a_node_took_that_is_no_primary_any_more_is_unsure_once() {
    let mut rig = Rig::new();
    rig.write_everywhere();
    rig.router.adopt(&view(&[(0, 16383, 2)]), rig.now);
    assert_eq!(rig.send("WAIT 1 10\n"), [""; 0]);
    let told = rig.told();
    assert!(told.starts_with("-UNSURE h:1 took writes of this connection and is no"), "{told}");
    assert_eq!(rig.send("WAIT 1 10\n"), ["2: WAIT 1 10"]);
    rig.answer("-READONLY You can't write against a read only replica.\r\n");
    assert!(rig.told().starts_with("-UNSURE h:2 took writes"), "the table is not the newest");
    assert_eq!(rig.tally.refresh_failures, 1);
    assert_eq!(rig.send("WAIT 1 10\n").len(), 1);
    assert_eq!(rig.forms(), [(Way::Lease, Form::Plain)]);
}

#[test]
fn writes_of_before_a_reload_are_asked_for_where_they_went() {
    let mut rig = Rig::new();
    let reload = |rig: &mut Rig, owners: &[(i64, i64, i64)]| {
        rig.session.receive_move(&rig.router);
        rig.router = Router::cluster(8);
        rig.router.adopt(&view(owners), rig.now);
    };
    reload(&mut rig, &[(0, 8191, 1), (8192, 16383, 2)]);
    rig.send("WAIT 1 10\n");
    assert_eq!(rig.forms(), [(Way::Lease, Form::Plain)], "nothing was written");
    rig.answer(":3\r\n");
    rig.send("SET a 1\n");
    rig.fail(closed(Progress::Sent));
    rig.told();
    reload(&mut rig, &[(0, 16383, 3)]);
    reload(&mut rig, &[(0, 8191, 2), (8192, 16383, 4)]);
    assert_eq!(rig.send("WAIT 1 10\n"), ["2: WAIT 1 10"], "what is unsure may have run");
    rig.answer(":1\r\n");
    assert_eq!(rig.told(), ":1\r\n");
    reload(&mut rig, &[(0, 16383, 3)]);
    assert_eq!(rig.send("WAIT 1 10\n"), [""; 0]);
    let told = rig.told();
    assert!(told.starts_with("-UNSURE h:2 took writes of this connection and is no"), "{told}");
    rig.send("WAIT 1 10\n");
    assert_eq!(rig.forms(), [(Way::Lease, Form::Plain)], "that is told once");
}

#[test]
fn what_a_node_refuses_is_told_with_what_redpoll_asked() {
    let mut rig = Rig::new();
    rig.write_everywhere();
    rig.send("WAIT x 10\n");
    rig.answer("-ERR value is not an integer or out of range\r\n");
    assert_eq!(rig.told(), "-ERR value is not an integer or out of range\r\n");
    rig.send("WAIT 1 10\n");
    rig.answer("-NOPERM this user has no permissions to run the 'function|restore' command\r\n");
    let told = rig.told();
    let begin = "-ERR redpoll asks with FUNCTION RESTORE, of no functions, and WAIT or WAITAOF; \
                 h:1 says: NOPERM this user";
    assert!(told.starts_with(begin), "{told}");
    rig.send("WAIT 1 10\n");
    assert!(rig.fail(closed(Progress::Sent)).is_empty(), "it is not asked again");
    assert!(rig.told().starts_with("-UNSURE h:1: the connection ended"));
    assert!(rig.session.take_lease_failure() && !rig.session.is_blocked());
}

#[test]
fn in_a_transaction_of_a_cluster_it_has_no_place() {
    let mut rig = Rig::new();
    rig.send("MULTI\nWAIT 1 10\nEXEC\n");
    let told = rig.told();
    assert!(told.contains("-ERR redpoll refuses WAIT: in a transaction it would run on one node"));
    assert!(told.ends_with("-EXECABORT Transaction discarded because of previous errors.\r\n"));
}
