//! Stories of transactions.

use super::*;

#[test]
fn a_transaction_goes_to_the_node_in_one_piece_and_in_the_order_of_its_slot() {
    let mut rig = Rig::new();
    rig.send("SET a 1\nMULTI\nINCR a\nset a 'x y'\nGET a\nEXEC\nGET a\n");
    let expected = ["2: SET a 1", "2: MULTI/INCR a/set a x y/GET a/EXEC", "2: GET a"];
    assert_eq!(rig.flying_from(0), expected);
    assert_eq!(rig.flying[1].request.form, Form::Transaction(3));
    for reply in ["+OK\r\n", "*3\r\n:2\r\n+OK\r\n$3\r\nx y\r\n", "$3\r\nx y\r\n"] {
        rig.answer(reply);
    }
    let queued = "+QUEUED\r\n".repeat(3);
    let all = format!("+OK\r\n+OK\r\n{queued}*3\r\n:2\r\n+OK\r\n$3\r\nx y\r\n$3\r\nx y\r\n");
    assert_eq!(rig.told(), all);
}

#[test]
fn nothing_leaves_before_exec_and_nothing_at_all_after_discard() {
    let mut rig = Rig::new();
    let held = rig.session.held_bytes();
    assert!(rig.send("MULTI\nSET a 1\n").is_empty());
    assert!(rig.session.held_bytes() > held);
    assert!(rig.send("DISCARD\nEXEC\n").is_empty());
    assert_eq!(rig.told(), "+OK\r\n+QUEUED\r\n+OK\r\n-ERR EXEC without MULTI\r\n");
    assert_eq!(rig.session.held_bytes(), held);
    assert!(rig.send("MULTI\nSET a 1\nRESET\nEXEC\nMULTI\nEXEC\n").is_empty());
    let told = "+OK\r\n+QUEUED\r\n+RESET\r\n-ERR EXEC without MULTI\r\n+OK\r\n*0\r\n";
    assert_eq!(rig.told(), told);
}

#[test]
fn a_command_that_is_refused_spoils_the_transaction_and_no_other() {
    for (wrong, words) in [
        ("NOSUCH x", "-ERR unknown command 'NOSUCH'"),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        ("GET b", "-CROSSSLOT Keys in request don't hash to the same slot ('a' is in slot 15495"),
        ("MGET a b", "-CROSSSLOT "),
        ("MONITOR", "-ERR redpoll refuses MONITOR: it is about one server"),
        ("SELECT 0", "-ERR redpoll refuses SELECT: in a transaction it has no place"),
        ("HELLO 3", "-ERR redpoll refuses HELLO: in a transaction it has no place"),
        ("FLUSHALL", "-ERR redpoll refuses FLUSHALL: in a transaction it would run on one node"),
        ("SCAN 0", "-ERR redpoll refuses SCAN: in a transaction it would run on one node"),
    ] {
        let mut rig = Rig::new();
        rig.send(&format!("MULTI\nSET a 1\n{wrong}\nGET a\nEXEC\n"));
        assert!(rig.flying.is_empty(), "{wrong}");
        let told = rig.told();
        let lines: Vec<_> = told.lines().collect();
        assert_eq!([lines[0], lines[1], lines[3]], ["+OK", "+QUEUED", "+QUEUED"], "{wrong}");
        assert!(lines[2].starts_with(words), "{wrong}: {}", lines[2]);
        assert_eq!(lines[4], "-EXECABORT Transaction discarded because of previous errors.");
        assert_eq!(rig.send("GET a\n"), ["2: GET a"]);
    }
}

#[test]
fn an_exec_that_is_refused_ends_the_transaction() {
    let mut rig = Rig::new();
    assert!(rig.send("MULTI\nSET a 1\nEXEC now\nEXEC\n").is_empty());
    let error = "-EXECABORT Transaction discarded because of: \
                 wrong number of arguments for 'exec' command\r\n";
    let told = format!("+OK\r\n+QUEUED\r\n{error}-ERR EXEC without MULTI\r\n");
    assert_eq!(rig.told(), told);
}

#[test]
fn words_about_transactions_are_those_of_redis() {
    let mut rig = Rig::new();
    rig.send("EXEC\nDISCARD\nUNWATCH\nMULTI\nMULTI\nPING\nECHO x\nUNWATCH\nEXEC\n");
    let told = "-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n+OK\r\n+OK\r\n\
                -ERR MULTI calls can not be nested\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n";
    assert_eq!(rig.told(), told);
    assert_eq!(rig.flying_from(0), ["2: MULTI/PING/ECHO x/UNWATCH/EXEC"]);
}

#[test]
fn a_transaction_whose_slot_has_moved_is_sent_again_whole() {
    let mut rig = Rig::new();
    rig.send("MULTI\nINCR a\nEXEC\nGET a\n");
    rig.answer("-MOVED 15495 h:3\r\n");
    assert_eq!(rig.flying_from(0), ["2: GET a", "3: MULTI/INCR a/EXEC"]);
    rig.answer("-MOVED 15495 h:3\r\n");
    assert_eq!(rig.flying_from(0), ["3: MULTI/INCR a/EXEC", "3: GET a"]);
    assert_eq!(rig.tally.moved, 2);
}

#[test]
fn a_slot_on_its_way_is_waited_for_and_then_the_node_is_quoted() {
    for words in ["ASK 15495 h:3", "TRYAGAIN x", "LOADING x"] {
        let mut rig = Rig::new();
        rig.policy.op_timeout = Duration::from_millis(25);
        rig.send("MULTI\nINCR a\nEXEC\n");
        assert!(rig.answer(&format!("-{words}\r\n")).is_empty());
        rig.wait(10);
        assert_eq!(rig.flying_from(0), ["2: MULTI/INCR a/EXEC"], "{words}");
        rig.answer(&format!("-{words}\r\n"));
        let abort = "-EXECABORT Transaction discarded because of previous errors: ";
        assert_eq!(rig.told(), format!("+OK\r\n+QUEUED\r\n{abort}{words}\r\n"));
        assert!(rig.session.is_idle());
    }
}

#[test]
fn what_the_node_refused_is_told_with_the_end() {
    let mut rig = Rig::new();
    rig.send("MULTI\nSET a 1\nEXEC\n");
    rig.answer("-OOM command not allowed\r\n");
    let told = rig.told();
    let end =
        "-EXECABORT Transaction discarded because of previous errors: OOM command not allowed";
    assert_eq!(told.lines().last(), Some(end));
}

#[test]
fn one_that_may_have_run_is_not_sent_again_unless_it_only_reads() {
    for (command, is_sent_again) in [("SET a 1", false), ("GET a", true), ("EVAL s 1 a", false)] {
        let mut rig = Rig::new();
        rig.send(&format!("MULTI\n{command}\nEXEC\n"));
        rig.fail(Failure::sent(Cause::Closed));
        assert_eq!(!rig.flying.is_empty(), is_sent_again, "{command}");
        let told = rig.told();
        assert_eq!(told.contains("-UNSURE h:2: the connection ended"), !is_sent_again, "{told}");
    }
}

#[test]
fn a_transaction_is_bounded() {
    let mut rig = Rig::new();
    let value = "x".repeat(1 << 20);
    rig.send("MULTI\n");
    for _ in 0..5 {
        let command = format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n{value}\r\n", value.len());
        rig.send(&command);
    }
    rig.send("EXEC\n");
    let told = rig.told();
    assert_eq!(told.matches("+QUEUED").count(), 4, "{told}");
    assert!(told.contains("-ERR redpoll refuses SET: the transaction is too large\r\n"), "{told}");
    assert!(told.ends_with("-EXECABORT Transaction discarded because of previous errors.\r\n"));
}
