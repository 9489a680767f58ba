//! Stories of a feed and the node that it leads to.

use super::*;

const STALL: Duration = Duration::from_secs(5);

/// A feed and the node that it leads to.
struct Rig {
    feed: Feed,
    now: Instant,
    buffer: BytesMut,
}

impl Rig {
    /// A feed that is connected.
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
    fn new() -> Rig {
        let feed = Feed::new(&Greeting::plain(Protocol::Resp3), Some(STALL));
        let mut rig = Rig { feed, now: Instant::now(), buffer: BytesMut::new() };
        rig.connect();
        rig
    }

    fn connect(&mut self) {
        self.feed.receive_connection(self.now, self.now + STALL);
    }

    fn subscribe(&mut self, topic: &Topic) {
        self.feed.subscribe(topic, self.now);
    }

    /// What the node is asked since it was last looked at.
    fn asked(&mut self) -> String {
        let output = self.feed.output();
        let asked = String::from_utf8(output.single().unwrap().to_vec()).unwrap();
        output.advance(asked.len());
        asked.replace("\r\n", "|")
    }

    fn hear(&mut self, frames: &str) -> Result<Vec<Heard>, Cause> {
        self.buffer.extend_from_slice(frames.replace('|', "\r\n").as_bytes());
        self.feed.receive_bytes(self.now);
        let mut all = Vec::new();
        while let Some(heard) = self.feed.poll_heard(&mut self.buffer, self.now)? {
            all.push(heard);
        }
        Ok(all)
    }
}

fn topic(kind: Kind, name: &'static str) -> Topic {
    Topic { kind, name: Bytes::from_static(name.as_bytes()) }
}

#[test]
fn messages_are_heard_from_the_confirmation_to_the_end_of_the_subscription() {
    let mut rig = Rig::new();
    let news = topic(Kind::Channel, "news");
    rig.subscribe(&news);
    assert_eq!(rig.asked(), "*2|$9|subscribe|$4|news|");
    let message = "*3|$7|message|$4|news|$2|hi|";
    assert_eq!(rig.hear(message), Ok(vec![]));
    let frame = Bytes::from(message.replace('|', "\r\n"));
    let heard = Heard::Message(Message { topic: news.clone(), frame });
    let all = rig.hear(&format!("*3|$9|subscribe|$4|news|:1|{message}"));
    assert_eq!(all, Ok(vec![Heard::Live(news.clone()), heard]));
    rig.feed.unsubscribe(&news, rig.now);
    assert_eq!(rig.hear(message), Ok(vec![]), "nobody wants it any more");
    assert_eq!(rig.asked(), "*2|$11|unsubscribe|$4|news|");
    assert!(!rig.feed.is_idle());
    assert_eq!(rig.hear("*3|$11|unsubscribe|$4|news|:0|"), Ok(vec![]));
    assert!(rig.feed.is_idle());
}

#[test]
fn of_several_changes_of_mind_the_last_counts() {
    let mut rig = Rig::new();
    let odd = topic(Kind::Pattern, "o*");
    rig.subscribe(&odd);
    rig.feed.unsubscribe(&odd, rig.now);
    rig.subscribe(&odd);
    let (begun, ended) = ("*3|$10|psubscribe|$2|o*|:1|", "*3|$12|punsubscribe|$2|o*|:0|");
    assert_eq!(rig.hear(&format!("{begun}{ended}")), Ok(vec![]));
    assert_eq!(rig.hear(begun), Ok(vec![Heard::Live(odd)]));
}

#[test]
fn a_refusal_is_about_the_topic_that_was_asked_for() {
    let mut rig = Rig::new();
    let (first, second) = (topic(Kind::Shard, "a"), topic(Kind::Shard, "b"));
    rig.subscribe(&first);
    rig.subscribe(&second);
    let moved = "-MOVED 15495 h:2|";
    let words = Bytes::from_static(b"-MOVED 15495 h:2\r\n");
    let all = rig.hear(&format!("{moved}*3|$10|ssubscribe|$1|b|:1|"));
    assert_eq!(all, Ok(vec![Heard::Refused(first, words), Heard::Live(second.clone())]));
    assert_eq!(rig.hear("*3|$12|sunsubscribe|$1|b|:0|"), Ok(vec![Heard::Ended(second)]));
    assert!(rig.feed.is_idle());
}

#[test]
fn what_was_heard_of_is_asked_for_again_on_the_next_connection() {
    let mut rig = Rig::new();
    let (live, asked) = (topic(Kind::Channel, "live"), topic(Kind::Channel, "asked"));
    rig.subscribe(&live);
    rig.hear("*3|$9|subscribe|$4|live|:1|").unwrap();
    rig.subscribe(&asked);
    let left = topic(Kind::Channel, "left");
    rig.subscribe(&left);
    rig.feed.unsubscribe(&left, rig.now);
    assert_eq!(rig.feed.receive_end(), std::slice::from_ref(&live));
    rig.connect();
    assert_eq!(rig.asked(), "*2|$9|subscribe|$5|asked|*2|$9|subscribe|$4|live|");
    let all = rig.hear("*3|$9|subscribe|$5|asked|:1|*3|$9|subscribe|$4|live|:2|");
    assert_eq!(all, Ok(vec![Heard::Live(asked), Heard::Live(live)]));
}

#[test]
fn a_silent_node_is_asked_whether_it_is_there_and_given_up_if_it_does_not_say() {
    let mut rig = Rig::new();
    rig.subscribe(&topic(Kind::Channel, "x"));
    rig.hear("*3|$9|subscribe|$1|x|:1|").unwrap();
    rig.asked();
    for pong in ["*2|$4|pong|$0||", "+PONG|"] {
        assert_eq!(rig.feed.poll_timeout(), Some(rig.now + STALL));
        rig.now += STALL;
        assert_eq!(rig.feed.handle_timeout(rig.now), Ok(()));
        assert_eq!(rig.asked(), "*1|$4|PING|");
        assert_eq!(rig.hear(pong), Ok(vec![]));
    }
    rig.now += STALL;
    rig.feed.handle_timeout(rig.now).unwrap();
    rig.now += STALL;
    assert_eq!(rig.feed.handle_timeout(rig.now), Err(Cause::Stalled));
    let idle = Rig::new();
    assert_eq!(idle.feed.poll_timeout(), None, "there is nothing to hear");
}

#[test]
fn a_node_that_says_what_nobody_asked_for_is_not_believed() {
    for odd in
        ["+OK|", ":1|", "-ERR what|", "*2|$4|pong|$0||", "*3|$9|subscribe|$1|y|:1|", "*1|:1|"]
    {
        assert_eq!(Rig::new().hear(odd), Err(Cause::Garbled), "{odd}");
    }
}

#[test]
fn a_mark_comes_after_all_that_was_said_before_it_was_read() {
    let mut rig = Rig::new();
    let news = topic(Kind::Channel, "news");
    rig.subscribe(&news);
    let live = rig.hear("*3|$9|subscribe|$4|news|:1|");
    assert_eq!(live, Ok(vec![Heard::Live(news.clone())]));
    rig.asked();
    assert_eq!([rig.feed.mark(rig.now), rig.feed.mark(rig.now)], [Some(1), Some(2)]);
    assert_eq!(rig.asked(), "*1|$4|PING|*1|$4|PING|");
    let message = "*3|$7|message|$4|news|$2|hi|";
    let frame = Bytes::from(message.replace('|', "\r\n"));
    let heard = Heard::Message(Message { topic: news, frame });
    // One who may not say PING is told so in its place.
    let all = rig.hear(&format!("{message}*2|$4|pong|$0||-NOPERM no|{message}"));
    assert_eq!(all, Ok(vec![heard.clone(), Heard::Marked(1), Heard::Marked(2), heard]));
    rig.feed.receive_end();
    assert_eq!(rig.feed.mark(rig.now), None, "nothing is said on no connection");
    rig.connect();
    assert_eq!(rig.feed.mark(rig.now), Some(3), "no number comes twice");
}
