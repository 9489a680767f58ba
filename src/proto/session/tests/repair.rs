//! Stories of scripts that nodes have lost.

use super::*;
use crate::proto::scripts::Library;

const NOSCRIPT: &str = "-NOSCRIPT No matching script. Please use EVAL.\r\n";

/// What `return 6` is called.
const SIX: &str = "432b214c7272676165213cde73c96473ae722648";

/// A rig before one server, in which `return 6` was seen.
fn single() -> Rig {
    let mut rig = Rig::unrouted();
    rig.router = Router::single(Address::new("h", 1).unwrap(), 100);
    rig.scripts.learn(b"return 6");
    rig
}

/// The same before the two nodes.
fn cluster() -> Rig {
    let rig = Rig::new();
    rig.scripts.learn(b"return 6");
    rig
}

#[test]
fn a_script_that_a_node_lacks_is_given_to_it_again_with_the_command() {
    for (learnt, name, again) in [
        ("EVAL 'return 6' 1 a\n", "EVALSHA", "EVAL"),
        ("EVAL_RO 'return 6' 1 a\n", "evalsha_ro", "EVAL_RO"),
        ("SCRIPT LOAD 'return 6'\n", "EVALSHA", "EVAL"),
    ] {
        let mut rig = Rig::new();
        rig.send(learnt);
        while !rig.flying.is_empty() {
            rig.answer("$1\r\n6\r\n");
        }
        rig.told();
        let sent = rig.send(&format!("{name} {SIX} 1 a 'x y'\n"));
        assert_eq!(sent, [format!("2: {name} {SIX} 1 a x y")]);
        assert_eq!(rig.answer(NOSCRIPT), [format!("2: {again} return 6 1 a x y")], "{learnt}");
        rig.answer(":6\r\n");
        assert_eq!((rig.told().as_str(), rig.tally.repaired), (":6\r\n", 1));
        assert!(rig.session.is_idle() && rig.session.held_bytes() == 0);
    }
}

#[test]
fn a_script_that_nobody_was_seen_to_give_is_still_missed() {
    let mut rig = cluster();
    let unknown = "f".repeat(40);
    rig.send(&format!("EVALSHA {unknown} 0\nEVALSHA x 0\nSCRIPT FLUSH\n"));
    rig.answer(NOSCRIPT);
    rig.answer(NOSCRIPT);
    rig.answer("+OK\r\n");
    rig.answer("+OK\r\n");
    rig.send(&format!("MULTI\nEVAL 'return 6' 1 a\nDISCARD\nEVALSHA {SIX} 0\n"));
    let told = rig.told();
    assert!(told.ends_with("+OK\r\n+QUEUED\r\n+OK\r\n"), "{told}");
    assert!(rig.answer(NOSCRIPT).is_empty(), "it was flushed, and not given to a node since");
    assert_eq!(rig.told(), NOSCRIPT);
}

#[test]
fn a_script_is_not_known_before_it_is_loaded() {
    let mut rig = Rig::new();
    let sent = rig.send(&format!("EVALSHA {SIX} 0\nSCRIPT LOAD 'return 6'\n"));
    assert_eq!(sent.len(), 1);
    assert_eq!(rig.answer(NOSCRIPT), ["1: SCRIPT LOAD return 6", "2: SCRIPT LOAD return 6"]);
    assert_eq!(rig.told(), NOSCRIPT);
}

#[test]
fn a_command_is_repaired_once() {
    let mut rig = cluster();
    rig.send(&format!("EVALSHA {SIX} 1 a\n"));
    rig.answer(NOSCRIPT);
    assert!(rig.answer(NOSCRIPT).is_empty());
    assert_eq!(rig.told(), NOSCRIPT);
}

#[test]
fn what_a_script_itself_says_is_passed_on() {
    let mut rig = cluster();
    rig.send(&format!("EVALSHA {SIX} 1 a\nGET a\n"));
    assert!(rig.answer("-NOSCRIPT of my own\r\n").is_empty());
    assert!(rig.answer(NOSCRIPT).is_empty(), "no command of its kind says so");
    assert_eq!(rig.told(), format!("-NOSCRIPT of my own\r\n{NOSCRIPT}"));
}

#[test]
fn commands_that_lack_one_script_are_sent_again_in_order_and_bring_it_once() {
    let mut rig = single();
    rig.send(&format!("EVALSHA {SIX} 1 a\nEVALSHA {SIX} 1 b\nEVALSHA {SIX} 1 c\n"));
    assert!(rig.answer(NOSCRIPT).is_empty(), "others, which may run, are on their way");
    assert!(rig.answer(NOSCRIPT).is_empty());
    assert!(rig.send("GET a\n").is_empty(), "nor does a new one overtake");
    let again = ["1: EVAL return 6 1 a".to_owned()]
        .into_iter()
        .chain(["b", "c"].map(|key| format!("1: EVALSHA {SIX} 1 {key}")))
        .chain(["1: GET a".to_owned()]);
    assert_eq!(rig.answer(NOSCRIPT), again.collect::<Vec<_>>());
    for reply in [":1\r\n", ":2\r\n", ":3\r\n", "$-1\r\n"] {
        rig.answer(reply);
    }
    assert_eq!(rig.told(), ":1\r\n:2\r\n:3\r\n$-1\r\n");
    assert_eq!((rig.session.missing, rig.session.parked), (0, 0));
}

#[test]
fn one_that_lacks_it_behind_another_brings_it_itself() {
    let mut rig = single();
    rig.send(&format!("EVALSHA {SIX} 1 a\nEVALSHA {SIX} 1 b\n"));
    rig.answer(NOSCRIPT);
    rig.answer(NOSCRIPT);
    rig.answer("-OOM command not allowed\r\n");
    assert_eq!(rig.answer(NOSCRIPT), ["1: EVAL return 6 1 b"]);
    rig.answer(":6\r\n");
    assert_eq!(rig.told(), "-OOM command not allowed\r\n:6\r\n");
}

#[test]
fn nothing_is_run_after_what_was_asked_after_it() {
    let mut rig = single();
    rig.send(&format!("EVALSHA {SIX} 1 a\nGET a\n"));
    assert!(rig.answer(NOSCRIPT).is_empty());
    assert!(rig.answer("$-1\r\n").is_empty(), "GET has run, so the script is not to run now");
    assert_eq!(rig.told(), format!("{NOSCRIPT}$-1\r\n"));
    assert_eq!((rig.session.missing, rig.session.parked), (0, 0));
    assert_eq!(rig.send("GET a\n"), ["1: GET a"]);
}

#[test]
fn another_slot_has_an_order_of_its_own() {
    let mut rig = cluster();
    rig.send(&format!("EVALSHA {SIX} 1 a\nGET b\n"));
    assert_eq!(rig.answer(NOSCRIPT), ["2: EVAL return 6 1 a"]);
    rig.answer("$-1\r\n");
    rig.answer(":6\r\n");
    assert_eq!(rig.told(), ":6\r\n$-1\r\n");
}

#[test]
fn what_is_redirected_meanwhile_keeps_its_place_behind() {
    let mut rig = cluster();
    rig.send(&format!("EVALSHA {SIX} 1 a\nGET a\n"));
    assert!(rig.answer(NOSCRIPT).is_empty());
    let again = ["3: EVAL return 6 1 a", "3: GET a"];
    assert_eq!(rig.answer("-MOVED 15495 h:3\r\n"), again);
}

#[test]
fn one_that_waits_is_told_what_its_node_said_when_its_time_is_over() {
    let mut rig = single();
    rig.send(&format!("EVALSHA {SIX} 1 a\nGET a\n"));
    rig.answer(NOSCRIPT);
    rig.wait(1000);
    assert_eq!(rig.told(), NOSCRIPT);
    rig.answer("$-1\r\n");
    assert_eq!(rig.told(), "$-1\r\n");
    assert_eq!((rig.session.missing, rig.session.parked), (0, 0));
}

#[test]
fn a_stop_says_that_one_that_waits_was_not_executed() {
    let mut rig = single();
    rig.send(&format!("EVALSHA {SIX} 1 a\nSET a 1\n"));
    rig.answer(NOSCRIPT);
    rig.stop();
    let told = rig.told();
    assert!(told.starts_with("-UNSENT the proxy is stopping") && told.contains("-UNSURE"));
    assert_eq!((rig.session.missing, rig.session.parked), (0, 0));
}

#[test]
fn a_transaction_is_not_repaired() {
    let mut rig = cluster();
    rig.send(&format!("MULTI\nEVALSHA {SIX} 1 a\nEXEC\n"));
    let reply = format!("*1\r\n{NOSCRIPT}");
    assert!(rig.answer(&reply).is_empty());
    assert!(rig.told().ends_with(&reply));
}
