//! Stories of a client that waits until another one wakes it.

use super::*;
use crate::proto::command::Wake;

impl Rig {
    /// What is to be told to its node.
    fn wake(&mut self, wake: Wake) -> Option<Ticket> {
        self.turn(|session, _, turn| session.receive_wake(wake, turn))
    }
}

#[test]
fn what_was_sent_is_answered_by_its_node() {
    let mut rig = Rig::new();
    assert_eq!(rig.wake(Wake::TimedOut), None, "it does not wait");
    rig.send("BLPOP a 0\nGET a\n");
    let ticket = rig.session.blocked_on().expect("it waits");
    assert_eq!(rig.wake(Wake::Error), Some(ticket));
    assert_eq!((rig.session.waking(ticket), rig.session.is_woken()), (Some(Wake::Error), true));
    assert_eq!(rig.told(), "");
    rig.answer("*2\r\n$1\r\na\r\n$1\r\nx\r\n");
    assert_eq!(rig.told(), "*2\r\n$1\r\na\r\n$1\r\nx\r\n", "an element came first");
    assert_eq!((rig.session.waking(ticket), rig.session.is_woken()), (None, false));
    rig.answer("$-1\r\n");
}

#[test]
fn what_was_not_sent_is_answered_at_once() {
    for (line, told) in [
        ("BLPOP a 0", "*-1\r\n"),
        ("BRPOPLPUSH a {a}1 0", "$-1\r\n"),
        ("WAIT 1 0", ":0\r\n"),
        ("WAITAOF 1 1 0", "*2\r\n:0\r\n:0\r\n"),
    ] {
        for (wake, told) in [
            (Wake::TimedOut, told),
            (Wake::Error, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"),
        ] {
            let mut rig = Rig::new();
            rig.router.adopt(&view(&[(0, 8191, 1)]), rig.now);
            rig.send(&format!("{line}\nPING\n"));
            assert_eq!(rig.wake(wake), None, "{line}");
            assert_eq!(rig.told(), format!("{told}+PONG\r\n"), "{line}");
            assert!(rig.session.blocked_on().is_none() && rig.session.is_idle());
        }
    }
}

#[test]
fn what_fails_then_has_taken_nothing_unless_it_may_have() {
    let unsent = Failure::unsent(Cause::LeaseLost);
    for (line, failure, told) in [
        ("BLPOP a 0", unsent, "*-1\r\n"),
        ("XREAD BLOCK 0 STREAMS a $", closed(Progress::Sent), "*-1\r\n"),
        ("BLPOP a 0", closed(Progress::Sent), "-UNSURE h:2: the connection ended"),
    ] {
        let mut rig = Rig::new();
        rig.send(&format!("{line}\n"));
        rig.wake(Wake::TimedOut).expect("it was sent");
        assert!(rig.fail(failure).is_empty(), "it is not sent again");
        assert!(rig.told().starts_with(told));
        assert!(rig.session.take_lease_failure());
    }
}

#[test]
fn who_waits_for_replicas_of_several_nodes_waits_at_none_of_them_any_more() {
    let mut rig = Rig::new();
    rig.send("SET a 1\nSET b 1\n");
    rig.answer("+OK\r\n");
    rig.answer("+OK\r\n");
    rig.told();
    rig.send("WAIT 1 0\n");
    rig.wake(Wake::TimedOut).expect("it was sent");
    assert_eq!(rig.answer(":0\r\n"), ["2: WAIT 1 1"]);
    rig.answer(":1\r\n");
    assert_eq!(rig.told(), ":0\r\n");
}
