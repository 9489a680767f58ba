//! Stories of a pipeline, on a rig that plays the driver and the node.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::proto::handshake::Greeting;
use crate::proto::resp::Protocol;

/// A duty that knows its number and whether its client is still there.
#[derive(Debug)]
struct Waiter(u32, Rc<Cell<bool>>);

impl Duty for Waiter {
    fn is_abandoned(&self) -> bool {
        !self.1.get()
    }
}

struct Rig {
    pipeline: Pipeline<Waiter>,
    received: BytesMut,
    start: Instant,
    now: Instant,
    client: Rc<Cell<bool>>,
}

fn options(protocol: Protocol) -> Options {
    let greeting = Greeting::plain(protocol);
    Options { greeting, requests_max: 1_000, flush: None, stall_timeout: None }
}

fn command(text: &str) -> Bytes {
    Bytes::from(format!("*1\r\n${}\r\n{text}\r\n", text.len()))
}

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of a story")]
    fn new(protocol: Protocol) -> Self {
        let (received, start) = (BytesMut::new(), Instant::now());
        let client = Rc::new(Cell::new(true));
        let pipeline = Pipeline::new(options(protocol));
        Rig { pipeline, received, start, now: start, client }
    }

    /// The same with a pipeline of other manners.
    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = options(Protocol::Resp2);
        change(&mut options);
        let mut rig = Rig { pipeline: Pipeline::new(options), ..Rig::new(Protocol::Resp2) };
        rig.connect();
        rig
    }

    fn connected(protocol: Protocol) -> Self {
        let mut rig = Rig::new(protocol);
        rig.connect();
        rig
    }

    /// Has a connection, whose handshake may take until 50 ms.
    fn connect(&mut self) {
        let deadline = self.at(50);
        self.pipeline.receive_connection(deadline);
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn push(&mut self, number: u32, deadline_ms: u64, asking: bool) {
        let deadline = self.at(deadline_ms);
        let reply_to = Waiter(number, Rc::clone(&self.client));
        let frame = command(&format!("C{number}"));
        let form = if asking { Form::Asking } else { Form::Plain };
        self.pipeline.push(Request { frame, form, since: self.now, deadline, reply_to });
    }

    /// Time goes on.
    fn wait_until(&mut self, ms: u64) -> Result<(), Cause> {
        self.now = self.at(ms);
        self.pipeline.handle_timeout(self.now)
    }

    /// Writes at most `count` bytes; gives them as text.
    fn write(&mut self, count: usize) -> String {
        let Some(output) = self.pipeline.poll_transmit(self.now) else { return String::new() };
        let bytes = output.single().unwrap().to_vec();
        let count = count.min(bytes.len());
        output.advance(count);
        self.pipeline.receive_written(self.now);
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    fn answers(&mut self, bytes: &str) -> Result<Vec<(u32, String)>, Cause> {
        self.received.extend_from_slice(bytes.as_bytes());
        if !bytes.is_empty() {
            self.pipeline.receive_bytes(self.now);
        }
        let mut answers = Vec::new();
        while let Some((waiter, reply)) = self.pipeline.poll_answer(&mut self.received)? {
            answers.push((waiter.0, show(&reply)));
        }
        Ok(answers)
    }
}

fn show(reply: &Reply) -> String {
    match reply {
        Reply::Frame(frame) => String::from_utf8(frame.to_vec()).unwrap().trim_end().to_owned(),
        Reply::Failure(Failure { cause, progress }) => format!("{progress:?} {cause:?}"),
    }
}

fn answer(number: u32, text: &str) -> (u32, String) {
    (number, text.to_owned())
}

#[test]
fn replies_go_to_the_requests_in_the_order_they_were_sent() {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    rig.push(2, 100, false);
    assert_eq!(rig.write(usize::MAX), "*1\r\n$2\r\nC1\r\n*1\r\n$2\r\nC2\r\n");
    assert_eq!(rig.answers("+one\r\n+tw"), Ok(vec![answer(1, "+one")]));
    assert_eq!(rig.answers("o\r\n"), Ok(vec![answer(2, "+two")]));
    assert!(rig.pipeline.is_idle());
}

#[test]
fn an_expired_request_is_answered_alone_and_its_late_reply_is_discarded() {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    rig.push(2, 200, false);
    rig.write(usize::MAX);
    assert_eq!(rig.pipeline.handle_timeout(rig.at(100)), Ok(()));
    assert_eq!(rig.answers(""), Ok(vec![answer(1, "Sent Timeout")]));
    assert_eq!(rig.pipeline.poll_timeout(), Some(rig.at(200)));
    assert_eq!(rig.answers("+late\r\n+two\r\n"), Ok(vec![answer(2, "+two")]));
}

#[test]
fn a_request_that_expires_before_a_byte_of_it_left_is_unsent_and_never_leaves() {
    let mut rig = Rig::connected(Protocol::Resp2);
    for number in 1..=3 {
        rig.push(number, if number == 2 { 100 } else { 200 }, false);
    }
    assert_eq!(rig.write(5), "*1\r\n$");
    assert_eq!(rig.pipeline.handle_timeout(rig.at(100)), Ok(()));
    assert_eq!(rig.answers(""), Ok(vec![answer(2, "Unsent Timeout")]));
    assert_eq!(rig.write(usize::MAX), "2\r\nC1\r\n*1\r\n$2\r\nC3\r\n");
}

#[test]
fn a_connection_that_ends_says_of_each_request_how_far_it_got() {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    rig.push(2, 100, false);
    rig.push(3, 100, false);
    rig.write(13);
    rig.pipeline.receive_end(Cause::Closed);
    assert_eq!(
        rig.answers(""),
        Ok(vec![answer(1, "Sent Closed"), answer(2, "Sent Closed"), answer(3, "Unsent Closed")])
    );
    assert!(rig.pipeline.is_idle() && !rig.pipeline.wants_connection());
}

#[test]
fn half_a_reply_does_not_outlive_its_connection() {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    rig.write(usize::MAX);
    assert_eq!(rig.answers("$5\r\nhel"), Ok(vec![]));
    rig.pipeline.receive_end(Cause::Closed);
    rig.received.clear();
    assert_eq!(rig.answers(""), Ok(vec![answer(1, "Sent Closed")]));
    rig.connect();
    rig.push(2, 100, false);
    rig.write(usize::MAX);
    assert_eq!(rig.answers("+two\r\n"), Ok(vec![answer(2, "+two")]));
}

#[test]
fn asking_goes_directly_before_its_command_and_its_reply_is_nobodys() {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    rig.push(2, 100, true);
    assert_eq!(rig.write(usize::MAX), "*1\r\n$2\r\nC1\r\n*1\r\n$6\r\nASKING\r\n*1\r\n$2\r\nC2\r\n");
    assert_eq!(
        rig.answers("+one\r\n+OK\r\n+two\r\n"),
        Ok(vec![answer(1, "+one"), answer(2, "+two")])
    );
}

#[test]
fn what_a_node_does_not_mark_it_is_not_asked_for() {
    for (replies, told) in [
        ("+OK\r\n:1\r\n", ":1"),
        ("+OK\r\n-ERR a\r\n", "-ERR a"),
        ("-NOPERM a\r\n:1\r\n", "-NOPERM a"),
        ("-READONLY a\r\n-ERR b\r\n", "-READONLY a"),
    ] {
        let mut rig = Rig::connected(Protocol::Resp2);
        let reply_to = Waiter(1, Rc::clone(&rig.client));
        let (deadline, since) = (rig.at(100), rig.now);
        let (frame, form) = (command("C1"), Form::Marked);
        rig.pipeline.push(Request { frame, form, since, deadline, reply_to });
        let mark = "*4\r\n$8\r\nFUNCTION\r\n$7\r\nRESTORE\r\n$10\r\n";
        let mut written = Vec::new();
        let output = rig.pipeline.poll_transmit(rig.now).unwrap();
        written.extend_from_slice(output.single().unwrap());
        output.advance(written.len());
        rig.pipeline.receive_written(rig.now);
        assert!(written.starts_with(mark.as_bytes()) && written.ends_with(b"*1\r\n$2\r\nC1\r\n"));
        assert_eq!(rig.answers(replies), Ok(vec![answer(1, told)]));
    }
}

/// A transaction of two commands, as request 2, between two others.
fn with_transaction() -> Rig {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    let reply_to = Waiter(2, Rc::clone(&rig.client));
    let (deadline, since) = (rig.at(100), rig.now);
    let frame = ["MULTI", "C2a", "C2b", "EXEC"].map(command).concat().into();
    let form = Form::Transaction(2);
    rig.pipeline.push(Request { frame, form, since, deadline, reply_to });
    rig.push(3, 100, false);
    rig.write(usize::MAX);
    assert_eq!(rig.pipeline.in_flight(), 3);
    rig
}

#[test]
fn of_a_transaction_the_last_reply_counts_or_the_first_refusal() {
    for (replies, told) in [
        ("+OK\r\n+QUEUED\r\n+QUEUED\r\n*0\r\n", "*0"),
        ("+OK\r\n+QUEUED\r\n-MOVED 1 h:1\r\n-EXECABORT x\r\n", "-MOVED 1 h:1"),
        ("+OK\r\n-OOM a\r\n-MOVED 1 h:1\r\n-EXECABORT x\r\n", "-OOM a"),
        ("+OK\r\n+QUEUED\r\n-MOVED 1 h:1\r\n-MOVED 1 h:1\r\n", "-MOVED 1 h:1"),
        ("+OK\r\n+QUEUED\r\n+QUEUED\r\n-MOVED 1 h:2\r\n", "-MOVED 1 h:2"),
        ("+OK\r\n+QUEUED\r\n+QUEUED\r\n-EXECABORT x\r\n", "-EXECABORT x"),
        ("-NOPERM a\r\n:1\r\n:2\r\n-NOPERM b\r\n", "Sent NoTransaction"),
        ("-NOPERM a\r\n:1\r\n:2\r\n-ERR EXEC without MULTI\r\n", "Sent NoTransaction"),
    ] {
        let mut rig = with_transaction();
        assert_eq!(rig.answers("+one\r\n"), Ok(vec![answer(1, "+one")]));
        assert_eq!(rig.answers(replies), Ok(vec![answer(2, told)]));
        assert_eq!(rig.answers("+three\r\n"), Ok(vec![answer(3, "+three")]));
    }
}

#[test]
fn the_replies_to_a_transaction_that_expired_are_nobodys() {
    let mut rig = with_transaction();
    assert_eq!(rig.answers("+one\r\n+OK\r\n+QUEUED\r\n"), Ok(vec![answer(1, "+one")]));
    rig.wait_until(100).unwrap();
    rig.push(4, 200, false);
    rig.write(usize::MAX);
    let expired = [answer(2, "Sent Timeout"), answer(3, "Sent Timeout")];
    assert_eq!(rig.answers(""), Ok(expired.to_vec()));
    let rest = "+QUEUED\r\n*2\r\n:1\r\n:2\r\n+three\r\n+four\r\n";
    assert_eq!(rig.answers(rest), Ok(vec![answer(4, "+four")]));
}

#[test]
fn what_a_client_that_left_had_not_sent_is_skipped_and_the_order_stays() {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    rig.write(usize::MAX);
    let left = std::mem::replace(&mut rig.client, Rc::new(Cell::new(true)));
    let reply_to = Waiter(2, left);
    reply_to.1.set(false);
    let deadline = rig.at(100);
    let since = rig.now;
    let frame = command("C2");
    rig.pipeline.push(Request { frame, form: Form::Plain, since, deadline, reply_to });
    rig.push(3, 100, false);
    assert_eq!(rig.write(usize::MAX), "*1\r\n$2\r\nC3\r\n");
    assert_eq!(rig.answers("+one\r\n+three\r\n"), Ok(vec![answer(1, "+one"), answer(3, "+three")]));
}

#[test]
fn nothing_is_sent_before_the_handshake_is_answered() {
    let mut rig = Rig::connected(Protocol::Resp3);
    rig.push(1, 100, false);
    assert_eq!(rig.write(usize::MAX), "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
    assert_eq!(rig.write(usize::MAX), "");
    assert_eq!(rig.answers("%1\r\n+proto\r\n:3\r\n"), Ok(vec![]));
    assert_eq!(rig.write(usize::MAX), "*1\r\n$2\r\nC1\r\n");
}

#[test]
fn a_server_without_hello_is_spoken_to_all_the_same_but_one_that_refuses_is_not() {
    let mut old = Rig::connected(Protocol::Resp3);
    old.push(1, 100, false);
    old.write(usize::MAX);
    assert_eq!(old.answers("-ERR unknown command 'HELLO'\r\n"), Ok(vec![]));
    assert_eq!(old.write(usize::MAX), "*1\r\n$2\r\nC1\r\n");

    let mut locked = Rig::connected(Protocol::Resp3);
    locked.push(1, 100, false);
    locked.write(usize::MAX);
    assert_eq!(locked.answers("-NOAUTH HELLO must be called\r\n"), Err(Cause::HandshakeRefused));
    locked.pipeline.receive_end(Cause::HandshakeRefused);
    assert_eq!(locked.answers(""), Ok(vec![answer(1, "Unsent HandshakeRefused")]));
}

#[test]
fn what_nobody_asked_for_ends_the_connection_and_pushes_do_not() {
    let mut rig = Rig::connected(Protocol::Resp2);
    assert_eq!(rig.answers(">1\r\n+x\r\n"), Ok(vec![]));
    assert_eq!(rig.answers("+what\r\n"), Err(Cause::Garbled));

    let mut early = Rig::connected(Protocol::Resp2);
    early.push(1, 100, false);
    early.pipeline.poll_transmit(early.now);
    assert_eq!(early.answers("-ERR max number of clients reached\r\n"), Err(Cause::Garbled));
}

#[test]
fn an_early_error_for_a_half_written_request_does_not_shift_the_next_reply() {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    rig.push(2, 100, false);
    rig.write(3);
    assert_eq!(rig.answers("-ERR early\r\n"), Ok(vec![answer(1, "-ERR early")]));
    assert_eq!(rig.write(usize::MAX), "\n$2\r\nC1\r\n*1\r\n$2\r\nC2\r\n");
    assert_eq!(rig.answers("+two\r\n"), Ok(vec![answer(2, "+two")]));
}

#[test]
fn a_handshake_that_takes_too_long_ends_the_connection() {
    let mut rig = Rig::connected(Protocol::Resp3);
    rig.push(1, 100, false);
    rig.write(usize::MAX);
    assert_eq!(rig.pipeline.poll_timeout(), Some(rig.at(50)));
    assert_eq!(rig.pipeline.handle_timeout(rig.at(49)), Ok(()));
    assert_eq!(rig.pipeline.handle_timeout(rig.at(50)), Err(Cause::ConnectTimeout));
    rig.pipeline.receive_end(Cause::ConnectTimeout);
    assert_eq!(rig.answers(""), Ok(vec![answer(1, "Unsent ConnectTimeout")]));
}

#[test]
fn a_refused_handshake_says_why_once() {
    let mut rig = Rig::with(|options| options.greeting.password = Some("hunter2".to_owned()));
    rig.push(1, 100, false);
    assert_eq!(rig.write(usize::MAX), "*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n");
    assert_eq!(rig.answers("-WRONGPASS hunter2 is wrong\r\n"), Err(Cause::HandshakeRefused));
    assert_eq!(rig.pipeline.take_refusal().as_deref(), Some("WRONGPASS *** is wrong"));
    assert_eq!(rig.pipeline.take_refusal(), None);
    rig.pipeline.receive_end(Cause::HandshakeRefused);
    assert_eq!(rig.answers(""), Ok(vec![answer(1, "Unsent HandshakeRefused")]));
}

#[test]
fn buffered_requests_leave_when_there_are_enough_bytes_or_the_first_has_waited_enough() {
    let mut rig = Rig::with(|options| {
        options.flush = Some(Flush { bytes: 24, timeout: Duration::from_millis(3) });
    });
    rig.push(1, 100, false);
    assert_eq!(rig.write(usize::MAX), "");
    assert_eq!(rig.pipeline.poll_timeout(), Some(rig.at(3)));
    rig.push(2, 100, false);
    assert_eq!(rig.write(20), "*1\r\n$2\r\nC1\r\n*1\r\n$2\r\n");
    assert_eq!(rig.write(usize::MAX), "C2\r\n", "what began to leave leaves whole");

    rig.now = rig.at(10);
    rig.push(3, 100, false);
    assert_eq!(rig.write(usize::MAX), "");
    assert_eq!(rig.pipeline.poll_timeout(), Some(rig.at(13)));
    assert_eq!(rig.wait_until(13), Ok(()));
    assert_eq!(rig.write(usize::MAX), "*1\r\n$2\r\nC3\r\n");
    assert_eq!(rig.pipeline.take_tally().flushes, [0, 1, 1]);
}

#[test]
fn a_request_that_expires_in_the_buffer_is_unsent() {
    let mut rig = Rig::with(|options| {
        options.flush = Some(Flush { bytes: 1_000, timeout: Duration::from_millis(50) });
    });
    rig.push(1, 10, false);
    assert_eq!(rig.write(usize::MAX), "");
    assert_eq!(rig.wait_until(10), Ok(()));
    assert_eq!(rig.answers(""), Ok(vec![answer(1, "Unsent Timeout")]));
    assert_eq!((rig.write(usize::MAX).as_str(), rig.pipeline.buffered_bytes()), ("", 0));
    assert_eq!(rig.pipeline.take_tally().expired, [0, 0, 1, 0]);
}

#[test]
fn a_node_that_owes_something_and_is_silent_for_too_long_is_given_up() {
    let mut rig = Rig::with(|options| options.stall_timeout = Some(Duration::from_millis(50)));
    rig.push(1, 10, false);
    rig.push(2, 10, false);
    rig.write(usize::MAX);
    assert_eq!(rig.wait_until(10), Ok(()));
    assert_eq!(rig.answers("").unwrap().len(), 2);
    rig.now = rig.at(40);
    assert_eq!(rig.answers("+late\r\n"), Ok(vec![]));
    assert_eq!(rig.wait_until(50), Ok(()), "it spoke 10 ms ago");
    assert_eq!(rig.pipeline.poll_timeout(), Some(rig.at(90)));
    assert_eq!(rig.wait_until(90), Err(Cause::Stalled));
}

#[test]
fn a_node_that_owes_nothing_may_be_silent_and_a_slow_command_has_its_own_time() {
    let mut rig = Rig::with(|options| options.stall_timeout = Some(Duration::from_millis(50)));
    rig.push(1, 10, false);
    rig.write(usize::MAX);
    rig.answers("+one\r\n").unwrap();
    assert_eq!(rig.wait_until(1_000), Ok(()));
    assert_eq!(rig.pipeline.poll_timeout(), None);
    rig.push(2, 2_000, false);
    rig.write(usize::MAX);
    assert_eq!(rig.wait_until(1_050), Ok(()));
    assert_eq!(rig.wait_until(1_999), Ok(()), "it has until 2,000");
    assert_eq!(rig.wait_until(2_000), Err(Cause::Stalled));
}

#[test]
fn a_node_that_is_not_wanted_any_more_gets_nothing_new_and_finishes_what_it_has() {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    rig.push(2, 100, false);
    rig.write(15);
    rig.push(3, 100, false);
    rig.pipeline.receive_unwanted(Cause::Retired);
    assert_eq!(rig.answers(""), Ok(vec![answer(3, "Unsent Retired")]));
    assert_eq!(rig.write(usize::MAX), "\n$2\r\nC2\r\n");
    assert_eq!(rig.answers("+1\r\n+2\r\n"), Ok(vec![answer(1, "+1"), answer(2, "+2")]));
    assert!(rig.pipeline.is_idle());
}

#[test]
fn no_more_are_in_flight_than_may_be() {
    let mut rig = Rig::with(|options| options.requests_max = 1);
    rig.push(1, 100, false);
    rig.push(2, 100, false);
    assert_eq!(rig.write(usize::MAX), "*1\r\n$2\r\nC1\r\n");
    assert_eq!(rig.write(usize::MAX), "");
    assert_eq!(rig.answers("+1\r\n"), Ok(vec![answer(1, "+1")]));
    assert_eq!(rig.write(usize::MAX), "*1\r\n$2\r\nC2\r\n");
}

#[test]
fn it_is_known_how_long_each_request_waited_and_was_away() {
    let mut rig = Rig::connected(Protocol::Resp2);
    rig.push(1, 100, false);
    rig.now = rig.at(5);
    rig.write(usize::MAX);
    assert_eq!(rig.pipeline.oldest(), Some(rig.at(5)));
    rig.now = rig.at(12);
    rig.answers("+one\r\n").unwrap();
    let ms = Duration::from_millis;
    let samples: Vec<_> = rig.pipeline.take_samples().map(|s| (s.stage, s.took)).collect();
    assert_eq!(samples, [(Stage::Queue, ms(5)), (Stage::Reply, ms(7))]);
}

#[test]
fn what_a_storm_needed_is_given_back_after_it() {
    let mut rig = Rig::connected(Protocol::Resp2);
    (0..10_000).for_each(|number| rig.push(number, 100, false));
    for _ in 0..10 {
        rig.write(usize::MAX);
        rig.answers(&"+OK\r\n".repeat(1_000)).unwrap();
    }
    rig.pipeline.take_samples().for_each(drop);
    assert!(rig.pipeline.is_idle() && rig.pipeline.unsent.capacity() >= 10_000);
    rig.pipeline.shrink();
    let pipeline = &rig.pipeline;
    assert!(pipeline.unsent.capacity() < 2 * PIPELINE_ENTRIES_KEPT);
    assert!(pipeline.samples.capacity() < 2 * PIPELINE_ENTRIES_KEPT);
}
