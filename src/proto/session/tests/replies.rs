//! Stories of clients that want no replies.

use super::*;

#[test]
fn a_client_that_switched_replies_off_hears_nothing_until_it_switches_them_on() {
    let mut rig = Rig::new();
    let sent = rig.send("GET a\nCLIENT REPLY OFF\nGET b\nMGET a b\nPING\nNOSUCH\nGET\nSELECT 1\n");
    assert_eq!(sent, ["2: GET a", "1: GET b", "1: MGET b", "2: MGET a"]);
    rig.flying.rotate_left(1);
    rig.answer("$1\r\nb\r\n");
    rig.answer("*1\r\n$-1\r\n");
    rig.answer("*1\r\n$-1\r\n");
    assert_eq!(rig.told(), "");
    rig.send("CLIENT REPLY ON\nPING\n");
    rig.answer("$1\r\na\r\n");
    assert_eq!(rig.told(), "$1\r\na\r\n+OK\r\n+PONG\r\n");
    assert!(rig.session.is_idle());
}

#[test]
fn a_skipped_reply_is_that_of_the_next_command_and_no_other() {
    for next in ["GET a", "MGET a b", "PING", "NOSUCH", "GET", "SPOP a b c", "MULTI\nDISCARD"] {
        let mut rig = Rig::new();
        let sent = rig.send(&format!("GET b\nCLIENT REPLY SKIP\n{next}\nGET b\n")).len();
        rig.answer("+first\r\n");
        for _ in 2..sent {
            rig.answer("*1\r\n$1\r\nx\r\n");
        }
        rig.answer("+last\r\n");
        let discarded = if next.ends_with("DISCARD") { "+OK\r\n" } else { "" };
        assert_eq!(rig.told(), format!("+first\r\n{discarded}+last\r\n"), "{next}");
        assert!(rig.session.is_idle(), "{next}");
    }
}

#[test]
fn a_reset_switches_replies_on_and_is_heard() {
    let mut rig = Rig::new();
    rig.send("CLIENT REPLY OFF\nPING\nRESET\nPING\nCLIENT REPLY SKIP\nRESET\nPING\n");
    assert_eq!(rig.told(), "+RESET\r\n+PONG\r\n+PONG\r\n");
}

#[test]
fn failures_and_what_waits_to_run_alone_are_silent_too() {
    let mut rig = Rig::new();
    rig.send("CLIENT REPLY SKIP\nSET a 1\nSET b 1\n");
    rig.fail(closed(Progress::Sent));
    rig.answer("+OK\r\n");
    assert_eq!(rig.told(), "+OK\r\n");
    rig.send("GET a\nCLIENT REPLY SKIP\nDBSIZE\nPING\n");
    rig.answer("+a\r\n");
    rig.answer(":1\r\n");
    rig.answer(":1\r\n");
    assert_eq!(rig.told(), "+a\r\n+PONG\r\n");
    rig.send("GET a\nCLIENT REPLY SKIP\nDBSIZE\nPING\n");
    rig.wait(1000);
    assert_eq!(rig.told(), "+PONG\r\n".repeat(0));
    rig.answer("+a\r\n");
    assert_eq!(rig.told(), "+a\r\n+PONG\r\n");
}

#[test]
fn what_is_no_command_is_answered_as_one() {
    for (before, told) in
        [("", "-ERR "), ("CLIENT REPLY OFF\n", ""), ("CLIENT REPLY SKIP\nPING\n", "-ERR ")]
    {
        let mut rig = Rig::new();
        rig.send(&format!("{before}*x\r\n"));
        assert!(rig.session.is_ending());
        let heard = rig.told();
        assert!(heard.starts_with(told) && heard.is_empty() == told.is_empty(), "{heard}");
    }
}
