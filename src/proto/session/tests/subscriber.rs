//! Stories of a client that is subscribed to something.

use super::*;
use crate::proto::pubsub::{Kind, Message, Topic};

fn topic(kind: Kind, name: &str) -> Topic {
    Topic { kind, name: Bytes::copy_from_slice(name.as_bytes()) }
}

fn channel(name: &str) -> Topic {
    topic(Kind::Channel, name)
}

fn message(name: &str, text: &str) -> Message {
    let (a, b) = (name.len(), text.len());
    let frame = format!("*3\r\n$7\r\nmessage\r\n${a}\r\n{name}\r\n${b}\r\n{text}\r\n");
    Message { topic: channel(name), frame: frame.into() }
}

impl Rig {
    fn wishes(&mut self) -> Vec<Wish> {
        std::iter::from_fn(|| self.session.poll_wish()).collect()
    }

    fn joined(&mut self, join: u64, refusal: Option<&'static str>) {
        let refusal = refusal.map(|words| Bytes::from_static(words.as_bytes()));
        self.turn(|session, _, turn| session.receive_joined(join, refusal, turn));
    }

    /// Subscribes, by `join` and what follows; gives what the client is told.
    fn subscribed(&mut self, command: &str) -> String {
        self.send(command);
        for wish in self.wishes() {
            if let Wish::Join(join, _) = wish {
                self.joined(join, None);
            }
        }
        self.told().replace("\r\n", "|")
    }

    fn hear(&mut self, name: &str, text: &str) {
        self.session.receive_message(&message(name, text));
    }

    fn heard(&mut self) -> String {
        self.told().replace("\r\n", "|")
    }
}

#[test]
fn a_subscription_is_confirmed_in_its_turn_and_once_all_of_it_is_heard_of() {
    let mut rig = Rig::new();
    rig.send("GET a\nSUBSCRIBE x y x\nPING\n");
    assert_eq!(rig.wishes(), [], "the read before it is unanswered");
    rig.answer("$1\r\nA\r\n");
    let joins = [Wish::Join(0, channel("x")), Wish::Join(1, channel("y"))];
    assert_eq!(rig.wishes(), joins);
    assert_eq!(rig.heard(), "$1|A|");
    rig.joined(1, None);
    rig.hear("y", "early");
    assert!(!rig.session.wants_input() && !rig.session.is_answered());
    assert_eq!(rig.heard(), "", "not before x is heard of, too");
    rig.joined(0, None);
    rig.hear("x", "1");
    let confirmed = "*3|$9|subscribe|$1|x|:1|*3|$9|subscribe|$1|y|:2|*3|$9|subscribe|$1|x|:2|";
    let after = "*2|$4|pong|$0||*3|$7|message|$1|x|$1|1|";
    assert_eq!(rig.heard(), format!("{confirmed}{after}"));
    assert!(rig.session.is_answered() && rig.session.is_subscribed());
}

#[test]
fn what_is_refused_leaves_the_client_with_what_it_had() {
    let mut rig = Rig::new();
    rig.subscribed("SUBSCRIBE old\n");
    let held = rig.session.held_bytes();
    rig.send("SUBSCRIBE old new other\n");
    assert_eq!(rig.wishes(), [Wish::Join(1, channel("new")), Wish::Join(2, channel("other"))]);
    rig.joined(1, None);
    rig.joined(2, Some("-NOPERM no\r\n"));
    assert_eq!(rig.heard(), "-NOPERM no|");
    assert_eq!(rig.wishes(), [Wish::Leave(channel("new")), Wish::Leave(channel("other"))]);
    rig.hear("new", "1");
    rig.hear("old", "2");
    assert_eq!(rig.heard(), "*3|$7|message|$3|old|$1|2|");
    assert_eq!((rig.session.held_bytes(), rig.session.subscriptions()), (held, 1));
}

#[test]
fn what_no_node_confirms_fails_in_time_and_may_be_tried_again() {
    let mut rig = Rig::new();
    rig.send("SUBSCRIBE x\n");
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + Duration::from_secs(1)));
    rig.wait(1_000);
    assert!(rig.heard().starts_with("-UNSENT no node has confirmed the subscription within"));
    assert_eq!(rig.tally.unsent, 1);
    assert_eq!(rig.wishes(), [Wish::Join(0, channel("x")), Wish::Leave(channel("x"))]);
    rig.send("SUBSCRIBE x\n");
    assert_eq!(rig.wishes(), [Wish::Join(1, channel("x"))]);
    rig.joined(0, None);
    assert_eq!(rig.heard(), "", "that was for the first one");
    rig.joined(1, None);
    assert_eq!(rig.heard(), "*3|$9|subscribe|$1|x|:1|");
    rig.send("SUBSCRIBE y\n");
    rig.stop();
    assert!(rig.heard().starts_with("-UNSENT the proxy is stopping"));
}

#[test]
fn nothing_is_heard_of_what_was_unsubscribed() {
    let mut rig = Rig::new();
    rig.subscribed("SUBSCRIBE x y\n");
    rig.subscribed("PSUBSCRIBE p*\n");
    assert_eq!(rig.subscribed("SSUBSCRIBE s\n"), "*3|$10|ssubscribe|$1|s|:1|");
    rig.send("UNSUBSCRIBE x none\n");
    rig.hear("x", "late");
    let ended = "*3|$11|unsubscribe|$1|x|:2|*3|$11|unsubscribe|$4|none|:2|";
    assert_eq!(rig.heard(), ended);
    rig.send("UNSUBSCRIBE\nUNSUBSCRIBE\nSUNSUBSCRIBE\nPUNSUBSCRIBE\nPUNSUBSCRIBE\n");
    let ended = "*3|$11|unsubscribe|$1|y|:1|*3|$11|unsubscribe|$-1|:1|\
                 *3|$12|sunsubscribe|$1|s|:0|*3|$12|punsubscribe|$2|p*|:0|\
                 *3|$12|punsubscribe|$-1|:0|";
    assert_eq!(rig.heard(), ended);
    let left =
        [(Kind::Channel, "x"), (Kind::Channel, "y"), (Kind::Shard, "s"), (Kind::Pattern, "p*")];
    assert_eq!(rig.wishes(), left.map(|(kind, name)| Wish::Leave(topic(kind, name))));
    assert_eq!((rig.session.held_bytes(), rig.session.is_subscribed()), (0, false));
}

#[test]
fn in_resp2_a_subscriber_says_little_and_in_resp3_anything() {
    let mut rig = Rig::new();
    rig.subscribed("SUBSCRIBE x\n");
    let refused = |name| {
        format!(
            "-ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
             RESET are allowed in this context|"
        )
    };
    for (command, name) in
        [("GET a", "get"), ("MULTI", "multi"), ("CLIENT ID", "client|id"), ("HELLO 3", "hello")]
    {
        assert!(rig.send(&format!("{command}\n")).is_empty());
        assert_eq!(rig.heard(), refused(name));
    }
    rig.send("PING hi\nGET\n");
    assert!(rig.heard().starts_with("*2|$4|pong|$2|hi|-ERR wrong number of arguments for 'get'"));
    rig.send("RESET\nPING\n");
    rig.hear("x", "1");
    assert_eq!(rig.heard(), "+RESET|+PONG|");
    assert_eq!(rig.wishes(), [Wish::LeaveAll]);

    rig.send("HELLO 3\n");
    rig.told();
    rig.subscribed("SUBSCRIBE x\n");
    assert_eq!(rig.send("GET a\n"), ["2: GET a"]);
    rig.hear("x", "1");
    rig.answer("$1\r\nA\r\n");
    assert_eq!(rig.heard(), ">3|$7|message|$1|x|$1|1|$1|A|");
}

#[test]
fn messages_change_their_form_after_the_replies_before_that() {
    let mut rig = Rig::new();
    rig.send("HELLO 3\n");
    rig.told();
    rig.subscribed("SUBSCRIBE x\n");
    rig.send("GET a\nHELLO 2\n");
    rig.hear("x", "1");
    rig.answer("$1\r\nA\r\n");
    rig.hear("x", "2");
    let told = rig.heard();
    assert!(told.starts_with(">3|$7|message|$1|x|$1|1|$1|A|*14|"), "{told}");
    assert!(told.ends_with("|*3|$7|message|$1|x|$1|2|"), "{told}");
}

#[test]
fn a_subscriber_may_leave_more_unread_than_others_and_no_more_than_that() {
    let mut rig = Rig::new();
    rig.session = Session::new(Identity::new(2, "client:2".into()), 200, usize::MAX)
        .with_subscriber_output(1_000);
    rig.subscribed("SUBSCRIBE x\n");
    (0..9).for_each(|_| rig.hear("x", &"m".repeat(70)));
    assert!(rig.session.output().len() > 900 && !rig.session.is_overflown());
    rig.hear("x", &"m".repeat(70));
    assert!(rig.session.is_overflown());
}

#[test]
fn whoever_is_subscribed_for_a_client_next_is_told_what_it_holds() {
    let mut rig = Rig::new();
    rig.subscribed("SUBSCRIBE x\n");
    rig.subscribed("PSUBSCRIBE p*\n");
    rig.session.resubscribe();
    let all = [channel("x"), topic(Kind::Pattern, "p*")];
    assert_eq!(rig.wishes(), all.map(Wish::Rejoin));
    rig.hear("x", "1");
    assert_eq!(rig.heard(), "*3|$7|message|$1|x|$1|1|");
}

#[test]
fn in_a_transaction_nothing_is_subscribed_to() {
    let mut rig = Rig::new();
    rig.send("MULTI\nSUBSCRIBE x\nEXEC\n");
    let told = rig.heard();
    assert!(told.starts_with("+OK|-ERR redpoll refuses SUBSCRIBE: in a transaction"), "{told}");
    assert!(told.ends_with("|-EXECABORT Transaction discarded because of previous errors.|"));
}

#[test]
fn a_client_that_is_not_answered_is_told_of_subscriptions_and_messages_all_the_same() {
    let mut rig = Rig::new();
    rig.send("CLIENT REPLY OFF\n");
    assert_eq!(rig.subscribed("SUBSCRIBE x\n"), "*3|$9|subscribe|$1|x|:1|");
    rig.hear("x", "1");
    assert_eq!(rig.heard(), "*3|$7|message|$1|x|$1|1|");
    rig.send("SUBSCRIBE y\n");
    rig.wait(1_000);
    assert_eq!(rig.heard(), "", "an error is a reply");
}

#[test]
fn to_the_subscribers_that_servers_see_those_are_added_that_they_do_not() {
    let mut rig = Rig::new();
    let topic = |kind, name| Topic { kind, name: Bytes::from_static(name) };
    rig.crowd.0.insert(topic(Kind::Channel, b"a"), 5);
    rig.crowd.0.insert(topic(Kind::Channel, b"b"), -2);
    rig.crowd.0.insert(topic(Kind::Shard, b"a"), 7);
    assert_eq!(rig.send("PUBSUB NUMSUB a b\n").len(), 2);
    rig.answer("*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:1\r\n");
    rig.answer("*4\r\n$1\r\na\r\n:0\r\n$1\r\nb\r\n:0\r\n");
    assert_eq!(rig.told(), "*4\r\n$1\r\na\r\n:7\r\n$1\r\nb\r\n:0\r\n");
    rig.router = Router::single(Address::new("h", 1).unwrap(), 8);
    assert_eq!(rig.send("PUBSUB SHARDNUMSUB a\n").len(), 1);
    rig.answer("*2\r\n$1\r\na\r\n:1\r\n");
    assert_eq!(rig.told(), "*2\r\n$1\r\na\r\n:8\r\n");
    assert_eq!(rig.send("PUBSUB NUMSUB\n").len(), 1);
    rig.answer("*0\r\n");
    assert_eq!(rig.told(), "*0\r\n");
}
