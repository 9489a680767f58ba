//! Stories of what may wait: commands without an answer, replies without a reader.

use super::*;

const MIB: usize = 1 << 20;

fn bulk(bytes: usize) -> String {
    format!("${bytes}\r\n{}\r\n", "x".repeat(bytes))
}

impl Rig {
    /// Lets the client take so many of the bytes that wait for it; then it takes no more.
    fn read(&mut self, bytes: usize) {
        let output = self.session.output();
        output.advance(bytes.min(output.len()));
        if !output.is_empty() {
            let now = self.now;
            self.session.receive_pushback(now);
        }
        self.turn(|_, _, _| ());
    }

    fn waiting(&self) -> usize {
        self.session.waiting()
    }
}

#[test]
fn a_client_that_asks_too_much_at_once_waits() {
    let mut rig = Rig::new();
    rig.send(&"SET a 1\n".repeat(CLIENT_PIPELINE_COMMANDS_MAX + 10));
    assert_eq!(rig.flying.len(), CLIENT_PIPELINE_COMMANDS_MAX);
    assert!(!rig.session.wants_input());
    assert_eq!(rig.answer("+OK\r\n"), ["2: SET a 1"]);
}

#[test]
fn a_pipeline_of_short_replies_takes_two_round_trips_more_on_a_new_connection_only() {
    let mut rig = Rig::new();
    rig.send(&"GET a\n".repeat(1000));
    let mut rounds = Vec::new();
    while !rig.flying.is_empty() {
        rounds.push(rig.flying.len());
        (0..rig.flying.len()).for_each(|_| drop(rig.answer("$1\r\nx\r\n")));
        rig.told();
    }
    assert_eq!(rounds, [4, 64, 932]);
    assert_eq!(rig.send(&"GET a\n".repeat(1000)).len(), 1000);
}

#[test]
fn a_new_client_profits_from_the_short_replies_to_others() {
    let mut rig = Rig::new();
    let first_round = |rig: &mut Rig| {
        let identity = Identity::new(2, "client:2".into());
        rig.session = Session::new(identity, OUTPUT_BYTES_MAX, rig.common_reply.bytes());
        rig.flying.clear();
        rig.send(&"GET a\n".repeat(100)).len()
    };
    assert_eq!(first_round(&mut rig), 4);
    for _ in 0..1_000 {
        rig.send("GET a\n");
        rig.answer("$1\r\nx\r\n");
        rig.told();
    }
    assert_eq!(first_round(&mut rig), 64);
    rig.answer(&bulk(MIB));
    assert_eq!(first_round(&mut rig), 4, "somebody has got a long one");
}

#[test]
fn a_client_that_reads_nothing_is_sent_for_no_more_than_there_is_room_for() {
    let mut rig = Rig::new();
    rig.send(&"GET a\n".repeat(300));
    while !rig.flying.is_empty() {
        rig.answer(&bulk(MIB));
        assert!(rig.waiting() <= OUTPUT_BYTES_MAX / 2 + MIB, "{}", rig.waiting());
    }
    assert!(!rig.session.wants_input() && !rig.session.is_overflown());
    assert!(rig.session.held_bytes() < OUTPUT_BYTES_MAX);
}

#[test]
fn a_client_that_reads_slowly_gets_everything_however_long_it_takes() {
    let mut rig = Rig::new();
    rig.send(&"GET a\n".repeat(300));
    let (mut answered, mut most) = (0, 0);
    while !rig.session.is_idle() {
        assert!(!rig.session.is_overflown());
        while let Some(transmit) = rig.flying.front() {
            let left = transmit.request.deadline - rig.now;
            assert!(left >= Duration::from_millis(750), "it left with {left:?} to be answered");
            rig.answer(&bulk(MIB));
            answered += 1;
        }
        most = most.max(rig.waiting());
        // A megabyte a second, where a command has a second.
        rig.read(MIB / 4);
        rig.wait(250);
    }
    assert_eq!((answered, rig.tally.unsent), (300, 0));
    assert!(most <= OUTPUT_BYTES_MAX / 2 + MIB, "{most}");
}

#[test]
fn what_waits_for_room_is_told_by_its_deadline_unless_the_client_makes_none() {
    let mut rig = Rig::new();
    rig.send(&"GET a\n".repeat(10));
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(1)));
    rig.wait(999);
    assert_eq!(rig.tally.unsent, 0);
    rig.wait(1);
    assert_eq!((rig.tally.unsent, rig.flying.len()), (6, 4), "nobody answers");
    (0..4).for_each(|_| drop(rig.answer(&bulk(MIB))));
    rig.read(4 * bulk(MIB).len());
    let told = rig.told();
    assert!(told.starts_with("-UNSENT earlier commands, whose replies may be long, were not"));

    rig.send(&"GET a\n".repeat(10));
    (0..4).for_each(|_| drop(rig.answer(&bulk(MIB))));
    for _ in 0..5 {
        // It is offered what waits for it at every turn.
        rig.read(0);
        rig.wait(999);
    }
    assert_eq!(rig.tally.unsent, 6, "time has not begun for those that the client holds up");
    rig.read(2 * MIB);
    assert_eq!(rig.flying.len(), 2);
    let deadline = rig.now + Duration::from_millis(999);
    assert!(rig.flying.iter().all(|transmit| transmit.request.deadline >= deadline));
}

#[test]
fn a_stop_says_of_what_waits_for_room_that_it_was_not_sent() {
    let mut rig = Rig::new();
    rig.send(&"GET a\n".repeat(6));
    rig.stop();
    assert_eq!((rig.tally.unsure, rig.tally.unsent), (4, 2));
    assert_eq!(rig.told().matches("-UNSENT the proxy is stopping").count(), 2);
}

#[test]
fn late_replies_find_nobody_where_a_stop_says_more_than_the_client_may_leave_unread() {
    let mut rig = Rig::new();
    rig.session = Session::new(Identity::new(2, "client:2".into()), 200, usize::MAX);
    rig.send(&"SET a 1\n".repeat(10));
    rig.stop();
    assert!(rig.session.is_overflown());
    let told = rig.waiting();
    (0..10).for_each(|_| drop(rig.answer("+OK\r\n")));
    assert_eq!(rig.waiting(), told);
}

#[test]
fn a_client_is_lost_if_it_reads_nothing_and_replies_become_long_all_at_once() {
    let mut rig = Rig::new();
    rig.send(&"GET a\n".repeat(1000));
    (0..100).for_each(|_| drop(rig.answer("$1\r\nx\r\n")));
    assert_eq!(rig.flying.len(), 900);
    let replies = OUTPUT_BYTES_MAX / bulk(MIB).len() + 1;
    (0..replies).for_each(|_| drop(rig.answer(&bulk(MIB))));
    assert!(!rig.session.is_overflown());
    rig.answer(&bulk(MIB));
    assert!(rig.session.is_overflown());
    let waiting = rig.waiting();
    rig.answer(&bulk(MIB));
    assert_eq!(rig.waiting(), waiting, "nothing more is kept for it");
}

#[test]
fn replies_that_wait_for_an_earlier_one_are_bounded() {
    let mut rig = Rig::new();
    (0..30).for_each(|_| {
        rig.send("GET b\n");
        rig.answer("$1\r\nx\r\n");
    });
    rig.send(&format!("GET a\n{}", "GET b\n".repeat(80)));
    rig.flying.rotate_left(1);
    rig.told();
    let replies = OUTPUT_BYTES_MAX / bulk(MIB).len() + 1;
    (0..replies).for_each(|_| drop(rig.answer(&bulk(MIB))));
    assert!(!rig.session.wants_input() && !rig.session.is_overflown());
    rig.answer(&bulk(MIB));
    assert!(rig.session.is_overflown());
}

#[test]
fn one_reply_alone_may_be_large_although_its_parts_wait() {
    let mut rig = Rig::new();
    rig.send("MGET a b c\n");
    let large = format!("*1\r\n$50000000\r\n{}\r\n", "x".repeat(50_000_000));
    rig.answer(&large);
    rig.answer(&large);
    rig.answer(&large);
    assert!(!rig.session.is_overflown() && rig.session.output().len() > 150_000_000);
}

#[test]
fn what_was_sent_is_held_whatever_becomes_of_the_client_and_the_rest_is_not() {
    let mut rig = Rig::new();
    rig.send("SET a 1\nSET b 2\nGET a\n");
    let frames: usize = rig.flying.iter().map(|sent| sent.request.frame.len()).sum();
    let sent = frames + 3 * COMMAND_BYTES;
    assert_eq!(rig.session.unanswered().map(|(bytes, _)| bytes), Some(sent));
    assert!(rig.session.held_bytes() - rig.session.loose_bytes() <= sent);
    // The one for another node is parked; its reply, and that of the last, wait for the first.
    rig.flying.rotate_left(1);
    rig.answer("-ASK 3 nowhere:1\r\n");
    rig.answer(&bulk(1000));
    assert!(rig.session.loose_bytes() > 1000, "{}", rig.session.loose_bytes());
    let left: usize = rig.flying.iter().map(|sent| sent.request.frame.len()).sum();
    let sent = left + rig.flying.len() * COMMAND_BYTES;
    assert_eq!(rig.session.unanswered().map(|(bytes, _)| bytes), Some(sent));
    while !rig.flying.is_empty() {
        rig.answer("+OK\r\n");
    }
    assert_eq!(rig.session.unanswered(), None);
    assert_eq!(rig.session.loose_bytes(), rig.session.held_bytes());
}
