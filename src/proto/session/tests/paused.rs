//! Stories of pauses.

use super::*;
use crate::proto::command::{Access, KeySpec, Pause};

const KEY: &[KeySpec] = &[KeySpec::Range { first: 1, last: 1, step: 1 }];

impl Rig {
    fn pause(&mut self, pause: Pause) -> Vec<String> {
        let before = self.flying.len();
        self.turn(|session, _, _| session.receive_pause(pause));
        self.flying_from(before)
    }
}

#[test]
fn while_all_commands_wait_none_is_taken_and_their_time_begins_at_the_end() {
    let mut rig = Rig::new();
    let until = rig.now + Duration::from_secs(5);
    rig.send("SET a 1\n");
    rig.pause(Pause::All(until));
    assert!(rig.send("GET a\nPING\n").is_empty() && !rig.session.wants_input());
    rig.answer("+OK\r\n");
    assert_eq!(rig.told(), "+OK\r\n", "what was asked before is answered");
    assert_eq!(rig.session.poll_timeout(), Some(until));
    rig.wait(5000);
    assert_eq!(rig.pause(Pause::None), ["2: GET a"]);
    assert_eq!(rig.flying[0].request.deadline, rig.now + Duration::from_secs(1));
    rig.answer("$-1\r\n");
    assert_eq!(rig.told(), "$-1\r\n+PONG\r\n");
}

#[test]
fn while_writes_wait_reads_go_on_until_a_write_comes_and_all_behind_it_wait() {
    for write in [
        "SET a 2",
        "EVALSHA x 1 a",
        "PUBLISH a b",
        "PFCOUNT a",
        "GETEX a",
        "SORT a",
        "MULTI\nGET a\nSET a 1\nEXEC",
    ] {
        let mut rig = Rig::new();
        rig.pause(Pause::Writes(rig.now + Duration::from_secs(5)));
        let sent = rig.send(&format!("GET a\n{write}\nGET b\n"));
        assert_eq!(sent, ["2: GET a"], "{write}");
        assert!(rig.session.is_paused() && !rig.session.is_answered());
        rig.answer("$-1\r\n");
        let left = rig.pause(Pause::None);
        assert_eq!(left.last().map(String::as_str), Some("1: GET b"), "{write}");
        assert_eq!(left.len(), 2, "{write}: {left:?}");
    }
}

#[test]
fn a_command_that_the_configuration_declares_waits_if_it_writes() {
    for (access, waits) in [(Access::Write, true), (Access::Read, false)] {
        let mut rig = Rig::new();
        let row: &Row = Box::leak(Box::new(Row::declared("mod.do", KEY, access)));
        rig.policy.rules.declared = [("mod.do", row)].into();
        rig.pause(Pause::Writes(rig.now + Duration::from_secs(5)));
        assert_eq!(rig.send("MOD.DO a\n").is_empty(), waits, "{access:?}");
        assert_eq!(rig.session.is_paused(), waits, "{access:?}");
    }
}

#[test]
fn a_transaction_that_only_reads_and_what_is_no_command_do_not_wait_for_writes() {
    let mut rig = Rig::new();
    rig.pause(Pause::Writes(rig.now + Duration::from_secs(5)));
    let sent = rig.send("MULTI\nGET a\nEXEC\nNOSUCH\nEVAL_RO s 1 a\n");
    assert_eq!(sent, ["2: MULTI/GET a/EXEC", "2: EVAL_RO s 1 a"]);
}

#[test]
fn a_stop_tells_the_command_that_waits_that_it_was_not_executed() {
    let mut rig = Rig::new();
    rig.pause(Pause::Writes(rig.now + Duration::from_secs(5)));
    assert!(rig.send("SET a 1\nSET a 2\n").is_empty());
    assert!(rig.session.held_bytes() > 0);
    rig.stop();
    let told = rig.told();
    assert!(told.starts_with("-UNSENT the proxy is stopping") && told.matches('-').count() == 1);
    assert!(rig.session.is_idle());
}

#[test]
fn a_client_may_ask_for_a_pause_and_hears_of_it_before_it_begins() {
    let mut rig = Rig::new();
    rig.send("CLIENT PAUSE 100 WRITE\nSET a 1\n");
    assert_eq!(rig.told(), "+OK\r\n");
    assert_eq!(*rig.hall.0.borrow(), Some((Duration::from_millis(100), false)));
    rig.send("CLIENT UNPAUSE\n");
    assert_eq!(*rig.hall.0.borrow(), None);
}
