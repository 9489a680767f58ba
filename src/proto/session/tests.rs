//! Stories of a session, on a rig that plays the client, the pool and the nodes.

mod alone;
mod bounds;
mod common;
mod explain;
mod lease;
mod paused;
mod policy;
mod repair;
mod replicas;
mod replies;
mod subscriber;
mod timings;
mod transactions;
mod wake;

use std::time::Duration;

use self::common::{Crowd, Hall, Shelf};
use super::super::cluster::{Address, Router, Topology};
use super::super::resp::Value;
use super::*;
use crate::proto::command::{Facts, Row, Rules};
use crate::proto::pipeline::Form;
use crate::proto::reply::{Failure, Reply};

/// Bytes of replies that may wait.
const OUTPUT_BYTES_MAX: usize = 8 << 20;

/// Two nodes, `h:1` with the slots below 8192 and `h:2` with the others. `b` is in slot 3300, `a`
/// in slot 15495.
struct Rig {
    session: Session,
    router: Router,
    buffer: BytesMut,
    now: Instant,
    /// What was put out and is not answered.
    flying: VecDeque<Transmit>,
    tally: Tally,
    timings: Option<Vec<(&'static Row, Duration)>>,
    policy: Policy,
    budget: Budget,
    common_reply: CommonReply,
    scripts: Shelf,
    crowd: Crowd,
    hall: Hall,
}

fn policy() -> Policy {
    Policy {
        op_timeout: Duration::from_secs(1),
        command_timeouts: BTreeMap::new(),
        retries_max: 3,
        follow_redirects: true,
        redirects_max: 5,
        database: 0,
        rules: Rules::default(),
    }
}

fn view(ranges: &[(i64, i64, i64)]) -> Topology {
    let node = |port| Value::Array(vec![Value::Bulk(b"h".to_vec()), Value::Integer(port)]);
    let range = |(first, last, port): &(i64, i64, i64)| {
        Value::Array(vec![Value::Integer(*first), Value::Integer(*last), node(*port)])
    };
    let reply = Value::Array(ranges.iter().map(range).collect());
    Topology::from_slots(&reply, 1, &Address::new("h", 1).unwrap()).unwrap()
}

/// The commands of a frame.
fn words(frame: &Bytes) -> Vec<String> {
    let (mut decoder, mut buffer) = (RequestDecoder::default(), BytesMut::from(&frame[..]));
    let mut commands = Vec::new();
    while let Some(frame) = decoder.decode(&mut buffer).unwrap() {
        let word = |span: &crate::proto::resp::Span| {
            String::from_utf8(frame[span.range()].to_vec()).unwrap()
        };
        commands.push(decoder.spans().iter().map(word).collect::<Vec<_>>().join(" "));
    }
    commands
}

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of a story")]
    fn unrouted() -> Rig {
        Rig {
            session: Session::new(
                Identity::new(1, "client:1".into()),
                OUTPUT_BYTES_MAX,
                usize::MAX,
            ),
            router: Router::cluster(100),
            buffer: BytesMut::new(),
            now: Instant::now(),
            flying: VecDeque::new(),
            tally: Tally::default(),
            timings: None,
            policy: policy(),
            budget: Budget::new(20),
            common_reply: CommonReply::new(OUTPUT_BYTES_MAX),
            scripts: Shelf::default(),
            crowd: Crowd::default(),
            hall: Hall::default(),
        }
    }

    fn new() -> Rig {
        let mut rig = Rig::unrouted();
        rig.router.adopt(&view(&[(0, 8191, 1), (8192, 16383, 2)]), rig.now);
        rig
    }

    fn turn<R>(&mut self, act: impl FnOnce(&mut Session, &mut BytesMut, &mut Turn<'_>) -> R) -> R {
        let facts = |_: &Row| Facts { cluster: true, ..Facts::default() };
        let mut turn = Turn {
            now: self.now,
            router: &mut self.router,
            policy: &self.policy,
            budget: &mut self.budget,
            common_reply: &mut self.common_reply,
            facts: &facts,
            directory: &self.hall,
            scripts: &self.scripts,
            audience: &self.crowd,
            tally: self.tally,
            timings: self.timings.take(),
        };
        let result = act(&mut self.session, &mut self.buffer, &mut turn);
        while let Some(transmit) = self.session.poll_transmit(&mut self.buffer, &mut turn) {
            self.flying.push_back(transmit);
        }
        self.tally = turn.tally;
        self.timings = turn.timings;
        result
    }

    /// Sends inline commands; gives what goes to nodes, as `port: command`.
    fn send(&mut self, commands: &str) -> Vec<String> {
        let before = self.flying.len();
        self.turn(|_, buffer, _| buffer.extend_from_slice(commands.as_bytes()));
        self.flying_from(before)
    }

    /// Answers the oldest request in flight; gives what goes to nodes then.
    fn answer(&mut self, frame: &str) -> Vec<String> {
        self.answer_with(Reply::Frame(Bytes::copy_from_slice(frame.as_bytes())))
    }

    fn fail(&mut self, failure: Failure) -> Vec<String> {
        self.answer_with(Reply::Failure(failure))
    }

    fn answer_with(&mut self, reply: Reply) -> Vec<String> {
        let ticket = self.flying.pop_front().expect("in flight").request.reply_to;
        let before = self.flying.len();
        self.turn(|session, _, turn| session.answer(ticket, reply, turn));
        self.flying_from(before)
    }

    fn flying_from(&self, from: usize) -> Vec<String> {
        let show = |transmit: &Transmit| {
            let port = self.router.address(transmit.lane.node).unwrap().port();
            let asking = if transmit.request.form == Form::Asking { "ASKING " } else { "" };
            format!("{port}: {asking}{}", words(&transmit.request.frame).join("/"))
        };
        self.flying.iter().skip(from).map(show).collect()
    }

    /// What the client has been told since it was last asked.
    fn told(&mut self) -> String {
        let output = self.session.output();
        let told = String::from_utf8(output.single().unwrap().to_vec()).unwrap();
        output.advance(told.len());
        told
    }

    fn stop(&mut self) {
        self.turn(|session, _, turn| session.receive_stop(turn));
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.turn(|session, _, turn| session.handle_timeout(turn));
    }
}

fn closed(progress: Progress) -> Failure {
    Failure { cause: Cause::Closed, progress }
}

#[test]
fn replies_leave_in_the_order_of_the_commands_whatever_node_is_faster() {
    let mut rig = Rig::new();
    let sent = rig.send("GET a\nGET b\nPING\nGET b\n");
    assert_eq!(sent, ["2: GET a", "1: GET b", "1: GET b"]);
    rig.flying.rotate_left(1);
    rig.answer("$1\r\nb\r\n");
    rig.answer("$1\r\nB\r\n");
    assert_eq!(rig.told(), "");
    rig.answer("$1\r\na\r\n");
    assert_eq!(rig.told(), "$1\r\na\r\n$1\r\nb\r\n+PONG\r\n$1\r\nB\r\n");
    assert!(rig.session.is_idle());
}

#[test]
fn an_mget_over_two_nodes_is_merged_in_the_order_of_its_keys() {
    let mut rig = Rig::new();
    assert_eq!(rig.send("MGET a b\n"), ["1: MGET b", "2: MGET a"]);
    rig.answer("*1\r\n$2\r\nbb\r\n");
    assert_eq!(rig.told(), "");
    rig.answer("*1\r\n$-1\r\n");
    assert_eq!(rig.told(), "*2\r\n$-1\r\n$2\r\nbb\r\n");
}

#[test]
fn a_moved_reply_is_asked_again_where_it_points_and_patches_the_table() {
    let mut rig = Rig::new();
    rig.send("SET a 1\n");
    assert_eq!(rig.answer("-MOVED 15495 h:3\r\n"), ["3: SET a 1"]);
    rig.answer("+OK\r\n");
    assert_eq!(rig.told(), "+OK\r\n");
    assert_eq!(rig.send("GET a\n"), ["3: GET a"]);
    assert!(rig.tally.moved == 1 && rig.tally.refresh_redirects == 1);
}

#[test]
fn an_ask_reply_is_asked_again_with_asking_and_patches_nothing() {
    let mut rig = Rig::new();
    rig.send("SET a 1\n");
    assert_eq!(rig.answer("-ASK 15495 h:3\r\n"), ["3: ASKING SET a 1"]);
    rig.answer("+OK\r\n");
    assert_eq!(rig.send("GET a\n"), ["2: GET a"]);
    assert_eq!((rig.tally.asked, rig.tally.refresh_redirects), (1, 0));
}

#[test]
fn two_nodes_that_point_at_each_other_are_given_up() {
    let mut rig = Rig::new();
    rig.send("GET a\n");
    for hop in 0..policy().redirects_max {
        let to = 1 + hop % 2;
        assert_eq!(rig.answer(&format!("-MOVED 15495 h:{to}\r\n")), [format!("{to}: GET a")]);
    }
    assert!(rig.answer("-MOVED 15495 h:2\r\n").is_empty());
    let told = rig.told();
    assert!(told.starts_with(
        "-UNSENT gave up after redirects_max redirects, the last one from h:1 to h:2;"
    ));
}

#[test]
fn a_later_write_does_not_overtake_one_that_is_being_redirected() {
    let mut rig = Rig::new();
    rig.send("SET a 1\nSET a 2\n");
    assert_eq!(rig.answer("-MOVED 15495 h:3\r\n"), ["3: SET a 1"]);
    // The table says 3 now, but SET a 2 is still on its way to 2 and will come back.
    assert!(rig.send("SET a 3\n").is_empty());
    assert_eq!(rig.answer("-MOVED 15495 h:3\r\n"), ["3: SET a 2", "3: SET a 3"]);
    for _ in 0..3 {
        rig.answer("+OK\r\n");
    }
    assert_eq!(rig.told(), "+OK\r\n+OK\r\n+OK\r\n");
    assert_eq!(rig.send("GET a\nGET a\n"), ["3: GET a", "3: GET a"]);
}

#[test]
fn a_later_command_for_an_asked_slot_waits_and_other_slots_do_not() {
    let mut rig = Rig::new();
    rig.send("SET a 1\n");
    assert_eq!(rig.answer("-ASK 15495 h:3\r\n"), ["3: ASKING SET a 1"]);
    assert_eq!(rig.send("GET a\nGET b\n"), ["1: GET b"]);
    assert_eq!(rig.answer("+OK\r\n"), ["2: GET a"]);
}

#[test]
fn another_clients_moved_does_not_let_a_command_overtake() {
    let mut rig = Rig::new();
    rig.send("SET a 1\n");
    let node = rig.router.learn(Address::new("h", 3).unwrap(), rig.now).unwrap();
    rig.router.moved(Slot::of(b"a"), node);
    assert!(rig.send("SET a 2\n").is_empty(), "SET a 1 is still in flight elsewhere");
    assert_eq!(rig.answer("-MOVED 15495 h:3\r\n"), ["3: SET a 1", "3: SET a 2"]);
}

#[test]
fn commands_after_hello_3_take_another_lane_in_order() {
    let mut rig = Rig::new();
    rig.send("SET a 1\nHELLO 3\n");
    assert!(rig.send("GET a\n").is_empty(), "SET a 1 is in flight on the RESP2 lane");
    rig.answer("+OK\r\n");
    assert_eq!(rig.flying[0].lane.choice.protocol, crate::proto::resp::Protocol::Resp3);
    assert_eq!(rig.flying_from(0), ["2: GET a"]);
}

#[test]
fn commands_after_select_take_another_lane_in_order_until_a_reset() {
    let mut rig = Rig::unrouted();
    rig.router = Router::single(Address::new("h", 1).unwrap(), 100);
    rig.policy.database = 5;
    rig.send("SET a 1\nSELECT 3\n");
    assert!(rig.send("GET a\n").is_empty(), "SET a 1 is in flight on the lane of database 5");
    rig.answer("+OK\r\n");
    assert_eq!(rig.flying[0].lane.choice.database, Some(3));
    rig.answer("$-1\r\n");
    assert_eq!(rig.told(), "+OK\r\n+OK\r\n$-1\r\n");
    rig.send("CLIENT INFO\nRESET\nCLIENT INFO\nGET a\n");
    assert_eq!(rig.flying[0].lane.choice.database, None);
    let told = rig.told();
    let shown: Vec<_> = told.split(' ').filter(|field| field.starts_with("db=")).collect();
    assert_eq!(shown, ["db=3", "db=5"]);
}

#[test]
fn before_one_server_a_command_of_several_slots_does_not_overtake_on_another_lane() {
    let mut rig = Rig::unrouted();
    rig.router = Router::single(Address::new("h", 1).unwrap(), 100);
    rig.send("HELLO 3\nGET a\nHELLO 2\n");
    assert!(rig.send("EXISTS a\nRENAME b a\n").is_empty(), "GET a is on the RESP3 lane");
    rig.answer("_\r\n");
    assert_eq!(rig.flying_from(0), ["1: EXISTS a", "1: RENAME b a"]);
}

#[test]
fn what_was_not_sent_is_sent_again_and_a_sent_write_is_not() {
    let mut rig = Rig::new();
    rig.send("INCR a\nINCR a\n");
    assert!(rig.fail(closed(Progress::Sent)).is_empty());
    assert_eq!(rig.fail(closed(Progress::Unsent)), ["2: INCR a"]);
    rig.answer(":1\r\n");
    let told = rig.told();
    assert!(told.starts_with("-UNSURE h:2: the connection ended; the command may have"), "{told}");
    assert!(told.ends_with("\r\n:1\r\n"));
    assert_eq!((rig.tally.unsure, rig.tally.retries), (1, 1));
}

#[test]
fn a_sent_read_is_sent_again_unless_a_later_write_may_have_run() {
    let mut rig = Rig::new();
    rig.send("GET a\n");
    assert_eq!(rig.fail(closed(Progress::Sent)), ["2: GET a"]);
    rig.answer("$1\r\n1\r\n");
    rig.send("GET a\nSET a 2\n");
    assert!(rig.fail(closed(Progress::Sent)).is_empty());
    rig.fail(closed(Progress::Sent));
    let told = rig.told();
    assert_eq!(told.matches("-UNSURE").count(), 2, "{told}");
}

#[test]
fn a_node_that_cannot_be_reached_is_told_at_once() {
    let mut rig = Rig::new();
    rig.send("GET a\n");
    assert!(rig.fail(Failure::unsent(Cause::Unreachable)).is_empty());
    assert!(rig.told().starts_with("-UNSENT h:2: it refused the connection or cannot be reached;"));
    assert_eq!(rig.tally.refresh_failures, 1);
}

#[test]
fn retries_end() {
    let mut rig = Rig::new();
    rig.send("GET a\n");
    for _ in 0..policy().retries_max {
        assert_eq!(rig.fail(closed(Progress::Sent)), ["2: GET a"]);
    }
    assert!(rig.fail(closed(Progress::Sent)).is_empty());
    assert!(rig.told().starts_with("-UNSURE"));
}

#[test]
fn commands_wait_for_the_first_topology_within_their_deadline() {
    let mut rig = Rig::unrouted();
    assert!(rig.send("GET a\nMGET a b\n").is_empty());
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(1)));
    rig.router.adopt(&view(&[(0, 16383, 1)]), rig.now);
    rig.turn(|session, _, _| session.receive_topology());
    assert_eq!(rig.flying_from(0), ["1: GET a", "1: MGET b", "1: MGET a"]);

    let mut late = Rig::unrouted();
    late.send("GET a\nDEL a b\n");
    late.wait(999);
    assert_eq!(late.told(), "");
    late.wait(1);
    let told = late.told();
    assert_eq!(told.matches("-UNSENT no node of the cluster has told its topology").count(), 2);
    assert_eq!(late.session.poll_timeout(), None);
}

#[test]
fn an_uncovered_slot_is_waited_for_within_the_deadline_and_others_are_served() {
    let mut rig = Rig::unrouted();
    rig.router.adopt(&view(&[(0, 8191, 1)]), rig.now);
    assert_eq!(rig.send("GET b\nGET a\nMGET a b\n"), ["1: GET b", "1: MGET b"]);
    rig.answer("$-1\r\n");
    rig.answer("*1\r\n$-1\r\n");
    assert_eq!((rig.told().as_str(), rig.tally.refresh_failures), ("$-1\r\n", 2));
    rig.wait(999);
    assert_eq!(rig.told(), "");
    rig.wait(1);
    assert_eq!(rig.told(), "-CLUSTERDOWN Hash slot not served\r\n".repeat(2));

    rig.send("GET a\n");
    rig.router.adopt(&view(&[(0, 8191, 1), (8192, 16383, 2)]), rig.now);
    let sent = rig.flying.len();
    rig.turn(|session, _, _| session.receive_topology());
    assert_eq!(rig.flying_from(sent), ["2: GET a"]);
}

#[test]
fn keys_of_two_slots_are_refused_by_name_and_on_one_server_they_are_not() {
    let mut rig = Rig::new();
    assert!(rig.send("RENAME a b\n").is_empty());
    assert_eq!(
        rig.told(),
        "-CROSSSLOT Keys in request don't hash to the same slot \
         ('a' is in slot 15495, 'b' in slot 3300; keys with the same {hash tag}, \
         as of a prefix, share a slot)\r\n"
    );
    let mut single = Rig::unrouted();
    single.router = Router::single(Address::new("h", 6379).unwrap(), 9);
    let sent = single.send("RENAME a b\nMGET a b\n");
    assert_eq!(sent, ["6379: RENAME a b", "6379: MGET a b"]);
}

#[test]
fn a_protocol_error_answers_what_came_before_then_itself_then_ends() {
    let mut rig = Rig::new();
    rig.send("GET a\nPING\n*1\r\n$-5\r\nPING\n");
    assert!(rig.session.is_ending() && !rig.session.is_idle());
    rig.answer("$1\r\n1\r\n");
    assert_eq!(rig.told(), "$1\r\n1\r\n+PONG\r\n-ERR Protocol error: invalid bulk length\r\n");
    assert!(rig.session.is_idle() && rig.tally.protocol_errors == 1);
}

#[test]
fn quit_is_answered_last() {
    let mut rig = Rig::new();
    rig.send("GET a\nQUIT\nGET b\n");
    rig.answer("$-1\r\n");
    assert_eq!(rig.told(), "$-1\r\n+OK\r\n");
    assert!(rig.session.is_ending() && rig.session.is_idle());
}

#[test]
fn a_stop_answers_everything_with_what_is_known() {
    let mut rig = Rig::new();
    rig.send("SET a 1\n");
    rig.answer("-ASK 15495 h:3\r\n");
    rig.send("SET a 2\n");
    rig.stop();
    let told = rig.told();
    assert!(told.starts_with("-UNSURE the proxy is stopping; the command may have been executed"));
    assert!(told.contains("\r\n-UNSENT the proxy is stopping; the command was not executed"));
    rig.answer("+OK\r\n");
    assert_eq!(rig.told(), "", "what comes later is nobody's");
    assert!(rig.session.is_idle());
}
