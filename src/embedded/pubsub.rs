//! Publish and subscribe.
//!
//! ```text
//! SUBSCRIBE -> Exchange: topic -> (node, connection) -> Post
//! PUBLISH -----> Exchange: every node's Posts that want it ---> a connection's next write
//! SPUBLISH ----> the same, of this node alone
//! ```
//!
//! All nodes of a cluster have one exchange, as its bus takes what is published to every node. A
//! node that is isolated hears nothing of the others, and they nothing of it. A shard channel is
//! heard of at the owner of its slot only, and no more once the slot has left.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::{Rc, Weak};

use tokio::sync::Notify;

use super::command::{Args, Keys, Row};
use super::connection::Connection;
use super::error::{Error, Outcome};
use super::glob;
use super::node::ServerCall;
use crate::limits::EMBEDDED_SUBSCRIBER_BYTES_MAX;
use crate::proto::cluster::Slot;
use crate::proto::pubsub::{Counts, Kind, Topic};
use crate::proto::resp::{Protocol, Writer};

pub(super) const ROWS: &[Row] = &[
    Row::server("psubscribe", -2, subscribe),
    Row::server("publish", 3, publish),
    Row::family("pubsub", PUBSUB),
    Row::server("punsubscribe", -1, unsubscribe),
    Row { keys: Keys::FIRST, ..Row::server("spublish", 3, spublish) },
    Row { keys: Keys::ALL, ..Row::server("ssubscribe", -2, subscribe) },
    Row::server("subscribe", -2, subscribe),
    Row { keys: Keys::ALL, ..Row::server("sunsubscribe", -1, unsubscribe) },
    Row::server("unsubscribe", -1, unsubscribe),
];

const PUBSUB: &[Row] = &[
    Row::server("pubsub|channels", -2, channels),
    Row::server("pubsub|numpat", 2, numpat),
    Row::server("pubsub|numsub", -2, numsub),
    Row::server("pubsub|shardchannels", -2, channels),
    Row::server("pubsub|shardnumsub", -2, numsub),
];

/// Commands that a subscriber may send in RESP2, beside those that end in `subscribe`.
const FOR_SUBSCRIBERS: [&str; 3] = ["ping", "quit", "reset"];

/// What a connection is subscribed to, and what it has not been sent of that.
#[derive(Debug, Default)]
pub(super) struct Post {
    topics: RefCell<BTreeSet<Topic>>,
    /// Messages, as RESP2 has them.
    frames: RefCell<Vec<Vec<u8>>>,
    bytes: Cell<usize>,
    arrived: Notify,
    overflown: Notify,
}

/// Those of one topic, by node and the number of the connection there.
type Posts = BTreeMap<(usize, u64), Weak<Post>>;

/// Who hears of what, on all nodes of a cluster.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    posts: RefCell<BTreeMap<Topic, Posts>>,
    /// Nodes that are cut off from the others.
    isolated: RefCell<BTreeSet<usize>>,
}

impl Post {
    /// Comes back when something waits to be sent.
    pub(super) async fn arrival(&self) {
        while self.is_empty() {
            self.arrived.notified().await;
        }
    }

    /// Comes back when more waits than may.
    pub(super) async fn overflow(&self) {
        self.overflown.notified().await;
    }

    /// Whether nothing waits to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.borrow().is_empty()
    }

    /// Takes what waits to be sent, in this protocol.
    pub(super) fn take(&self, protocol: Protocol, out: &mut Vec<u8>) {
        self.bytes.set(0);
        for mut frame in self.frames.take() {
            if protocol == Protocol::Resp3 {
                frame[0] = b'>';
            }
            out.append(&mut frame);
        }
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.topics.borrow().iter().for_each(|topic| *counts.of(topic.kind) += 1);
        counts
    }

    fn push(&self, words: &[&[u8]]) {
        let mut frame = Vec::new();
        let mut writer = Writer::new(&mut frame, Protocol::Resp2);
        writer.array(words.len());
        words.iter().for_each(|word| writer.bulk(word));
        self.push_frame(frame);
    }

    fn push_frame(&self, frame: Vec<u8>) {
        self.bytes.set(self.bytes.get() + frame.len());
        if self.bytes.get() > EMBEDDED_SUBSCRIBER_BYTES_MAX {
            return self.overflown.notify_one();
        }
        self.frames.borrow_mut().push(frame);
        self.arrived.notify_one();
    }
}

impl Exchange {
    /// Cuts a node off from the others, or joins it to them again.
    pub(super) fn isolate(&self, node: usize, is_isolated: bool) {
        let mut isolated = self.isolated.borrow_mut();
        if is_isolated {
            isolated.insert(node);
        } else {
            isolated.remove(&node);
        }
    }

    /// Ends the subscriptions at a node to shard channels of slots that are not its own.
    pub(super) fn end_lost(&self, node: usize, owns: impl Fn(Slot) -> bool) {
        for (topic, posts) in self.posts.borrow_mut().iter_mut() {
            if topic.kind != Kind::Shard || owns(Slot::of(&topic.name)) {
                continue;
            }
            let lost = posts.extract_if(.., |(at, _), _| *at == node);
            for post in lost.filter_map(|(_, post)| post.upgrade()) {
                post.topics.borrow_mut().remove(topic);
                let count = post.counts().beside(topic.kind);
                let mut frame = Vec::new();
                let writer = Writer::new(&mut frame, Protocol::Resp2);
                confirm(writer, topic.kind.unsubscribe(), Some(&topic.name), count);
                post.push_frame(frame);
            }
        }
    }

    fn join(&self, topic: &Topic, place: (usize, u64), post: &Rc<Post>) {
        let mut posts = self.posts.borrow_mut();
        posts.entry(topic.clone()).or_default().insert(place, Rc::downgrade(post));
    }

    fn leave(&self, topic: &Topic, place: (usize, u64)) {
        if let Some(posts) = self.posts.borrow_mut().get_mut(topic) {
            posts.remove(&place);
        }
    }

    /// Hands a message to everybody who is to hear of it; gives how many those are at this node.
    fn publish(&self, node: usize, (kind, channel): (Kind, &[u8]), message: &[u8]) -> usize {
        self.forget_gone();
        let isolated = self.isolated.borrow();
        let hears =
            |at: usize| at == node || (!isolated.contains(&at) && !isolated.contains(&node));
        let mut here = 0;
        for (topic, posts) in self.posts.borrow().iter() {
            let words: &[&[u8]] = match (topic.kind, kind) {
                (Kind::Channel, Kind::Channel) if topic.name == channel => {
                    &[b"message", channel, message]
                }
                (Kind::Shard, Kind::Shard) if topic.name == channel => {
                    &[b"smessage", channel, message]
                }
                (Kind::Pattern, Kind::Channel) if glob::matches(&topic.name, channel) => {
                    &[b"pmessage", &topic.name, channel, message]
                }
                _ => continue,
            };
            let is_near = |at: &usize| *at == node || kind != Kind::Shard && hears(*at);
            for ((at, _), post) in posts.iter().filter(|((at, _), _)| is_near(at)) {
                here += usize::from(*at == node);
                post.upgrade().iter().for_each(|post| post.push(words));
            }
        }
        here
    }

    /// The topics of a kind that somebody at this node is subscribed to, and how many those are.
    fn topics(&self, node: usize, kind: Kind) -> BTreeMap<Vec<u8>, usize> {
        self.forget_gone();
        let posts = self.posts.borrow();
        let own = posts.iter().filter(|(topic, _)| topic.kind == kind);
        let counted = own.map(|(topic, posts)| {
            let count = posts.keys().filter(|(at, _)| *at == node).count();
            (topic.name.to_vec(), count)
        });
        counted.filter(|(_, count)| *count > 0).collect()
    }

    fn forget_gone(&self) {
        self.posts.borrow_mut().retain(|_, posts| {
            posts.retain(|_, post| post.strong_count() > 0);
            !posts.is_empty()
        });
    }
}

impl Connection {
    /// Refuses what a subscriber must not send.
    ///
    /// # Errors
    /// It is such a command.
    pub(super) fn check_place(&self, row: &Row) -> Result<(), Error> {
        let is_free = self.protocol == Protocol::Resp3
            || !self.post.counts().any()
            || FOR_SUBSCRIBERS.contains(&row.name)
            || row.name.ends_with("subscribe");
        if is_free {
            return Ok(());
        }
        let name = row.name;
        Err(Error::from(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
             RESET are allowed in this context"
        )))
    }

    /// Puts what waits to be sent before what is at `at` in `out`: a reply, before which Redis says
    /// what the command has published.
    pub(super) fn take_messages(&self, at: usize, out: &mut Vec<u8>) {
        if self.post.is_empty() {
            return;
        }
        let mut reply = out.split_off(at);
        self.post.take(self.protocol, out);
        out.append(&mut reply);
    }

    /// Whether the reply to `PING` is to look like a message.
    pub(super) fn hears_only(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.post.counts().any()
    }
}

impl ServerCall<'_> {
    /// Ends all subscriptions of the connection without a word.
    pub(super) fn end_subscriptions(&mut self) {
        let place = self.place();
        for topic in self.connection.post.topics.take() {
            self.state.exchange.leave(&topic, place);
        }
    }

    fn place(&self) -> (usize, u64) {
        (self.state.number(), self.connection.id())
    }

    fn confirm(&mut self, word: &str, topic: (Kind, Option<&[u8]>)) {
        let count = self.connection.post.counts().beside(topic.0);
        confirm(self.out(), word, topic.1, count);
    }
}

/// Says that a subscription has begun or ended, and how many there are now.
fn confirm(mut writer: Writer<'_>, word: &str, name: Option<&[u8]>, count: usize) {
    writer.push(3);
    writer.bulk(word.as_bytes());
    match name {
        Some(name) => writer.bulk(name),
        None => writer.null(),
    }
    writer.integer(i64::try_from(count).unwrap_or(i64::MAX));
}

fn kind_of(args: Args<'_>, word: fn(Kind) -> &'static str) -> Kind {
    let is_it = |kind: &Kind| args[0].eq_ignore_ascii_case(word(*kind).as_bytes());
    Kind::ALL.into_iter().find(is_it).unwrap_or(Kind::Channel)
}

fn subscribe(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let kind = kind_of(args, Kind::subscribe);
    let place = call.place();
    for name in &args[1..] {
        let topic = Topic { kind, name: name.to_vec().into() };
        call.state.exchange.join(&topic, place, &call.connection.post);
        call.connection.post.topics.borrow_mut().insert(topic);
        call.confirm(kind.subscribe(), (kind, Some(name)));
    }
    Ok(())
}

fn unsubscribe(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let kind = kind_of(args, Kind::unsubscribe);
    let place = call.place();
    let post = Rc::clone(&call.connection.post);
    let topics: Vec<Topic> = if args.len() > 1 {
        args[1..].iter().map(|name| Topic { kind, name: name.to_vec().into() }).collect()
    } else {
        post.topics.borrow().iter().filter(|topic| topic.kind == kind).cloned().collect()
    };
    if topics.is_empty() {
        call.confirm(kind.unsubscribe(), (kind, None));
    }
    for topic in topics {
        post.topics.borrow_mut().remove(&topic);
        call.state.exchange.leave(&topic, place);
        call.confirm(kind.unsubscribe(), (kind, Some(&topic.name)));
    }
    Ok(())
}

fn publish(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    hand_out(call, Kind::Channel, args)
}

fn spublish(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    hand_out(call, Kind::Shard, args)
}

fn hand_out(call: &mut ServerCall<'_>, kind: Kind, args: Args<'_>) -> Outcome {
    let exchange = Rc::clone(&call.state.exchange);
    let here = exchange.publish(call.state.number(), (kind, args[1]), args[2]);
    call.out().integer(i64::try_from(here).unwrap_or(i64::MAX));
    Ok(())
}

/// Of which kind a subcommand of `PUBSUB` is.
fn kind_asked(args: Args<'_>) -> Kind {
    let is_shard = args[1].to_ascii_lowercase().starts_with(b"shard");
    if is_shard { Kind::Shard } else { Kind::Channel }
}

fn channels(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 3 {
        let begin = "ERR unknown subcommand or wrong number of arguments for '";
        return Err(Error::quoting(begin, args[1], "'. Try PUBSUB HELP."));
    }
    let mut found = call.state.exchange.topics(call.state.number(), kind_asked(args));
    if let Some(pattern) = args.get(2) {
        found.retain(|name, _| glob::matches(pattern, name));
    }
    let mut out = call.out();
    out.array(found.len());
    found.keys().for_each(|name| out.bulk(name));
    Ok(())
}

fn numsub(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let found = call.state.exchange.topics(call.state.number(), kind_asked(args));
    let mut out = call.out();
    out.array(2 * (args.len() - 2));
    for name in &args[2..] {
        let count = found.get(*name).copied().unwrap_or(0);
        out.bulk(name);
        out.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }
    Ok(())
}

fn numpat(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    let count = call.state.exchange.topics(call.state.number(), Kind::Pattern).len();
    call.out().integer(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::cluster::Cluster;
    use super::super::node::Node;
    use super::super::rig::Rig;
    use crate::proto::cluster::{Address, Slot};

    fn heard(rig: &Rig) -> String {
        let mut out = Vec::new();
        rig.connection.post.take(rig.connection.protocol(), &mut out);
        String::from_utf8_lossy(&out).replace("\r\n", " ").trim_end().to_owned()
    }

    #[test]
    fn what_is_published_is_heard_by_whoever_is_subscribed() {
        let node = Node::standalone();
        let mut rigs = [(); 3].map(|()| Rig::of(node.clone()));
        rigs[1].run("HELLO 3");
        rigs[0].story(&[
            (
                "SUBSCRIBE a b a",
                "*3 $9 subscribe $1 a :1 *3 $9 subscribe $1 b :2 *3 $9 subscribe \
                                 $1 a :2",
            ),
            (
                "GET a",
                "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / \
                       QUIT / RESET are allowed in this context",
            ),
            ("PING", "*2 $4 pong $0"),
        ]);
        rigs[1].story(&[("PSUBSCRIBE [ab]", ">3 $10 psubscribe $4 [ab] :1"), ("PING", "+PONG")]);
        rigs[2].story(&[
            ("PUBLISH a hi", ":2"),
            ("PUBLISH c hi", ":0"),
            ("PUBSUB CHANNELS", "*2 $1 a $1 b"),
            ("PUBSUB CHANNELS [b]", "*1 $1 b"),
            ("PUBSUB NUMSUB a c", "*4 $1 a :1 $1 c :0"),
            ("PUBSUB NUMPAT", ":1"),
        ]);
        assert_eq!(heard(&rigs[0]), "*3 $7 message $1 a $2 hi");
        assert_eq!(heard(&rigs[1]), ">4 $8 pmessage $4 [ab] $1 a $2 hi");
        rigs[0].story(&[
            ("UNSUBSCRIBE", "*3 $11 unsubscribe $1 a :1 *3 $11 unsubscribe $1 b :0"),
            ("UNSUBSCRIBE", "*3 $11 unsubscribe $-1 :0"),
            ("GET a", "$-1"),
        ]);
        rigs[1].run("RESET");
        rigs[2].story(&[("PUBLISH a hi", ":0"), ("PUBSUB CHANNELS", "*0")]);
        let mut gone = Rig::of(node);
        gone.run("SUBSCRIBE a");
        drop(gone);
        rigs[2].story(&[("PUBLISH a hi", ":0")]);
    }

    #[test]
    fn every_node_of_a_cluster_hears_what_is_published_unless_it_is_isolated() {
        let addresses: Vec<Address> = (1..4).map(|port| Address::new("h", port).unwrap()).collect();
        let cluster = Cluster::new(&addresses, &[]);
        let mut rigs = [0, 1, 2].map(|index| Rig::of(cluster.node(index)));
        rigs[0].run("SUBSCRIBE news");
        rigs[1].run("SUBSCRIBE news");
        rigs[2].story(&[("PUBLISH news 1", ":0")]);
        cluster.isolate(1);
        rigs[2].story(&[("PUBLISH news 2", ":0")]);
        cluster.rejoin(1);
        assert_eq!(heard(&rigs[0]), "*3 $7 message $4 news $1 1 *3 $7 message $4 news $1 2");
        assert_eq!(heard(&rigs[1]), "*3 $7 message $4 news $1 1");
    }

    #[test]
    fn a_shard_channel_is_that_of_the_owner_of_its_slot_until_the_slot_leaves() {
        let addresses: Vec<Address> = (1..3).map(|port| Address::new("h", port).unwrap()).collect();
        let cluster = Cluster::new(&addresses, &[]);
        // Slot 15495, of the second node.
        let slot = Slot::of(b"a");
        let mut rigs = [0, 1].map(|index| Rig::of(cluster.node(index)));
        let mut publisher = Rig::of(cluster.node(1));
        rigs[0]
            .story(&[("SSUBSCRIBE a", "-MOVED 15495 h:2"), ("SPUBLISH a x", "-MOVED 15495 h:2")]);
        rigs[1].story(&[("SSUBSCRIBE a", "*3 $10 ssubscribe $1 a :1")]);
        publisher.story(&[("SPUBLISH a x", ":1"), ("PUBSUB SHARDNUMSUB a", "*2 $1 a :1")]);
        cluster.begin_migration(slot, 1, 0);
        publisher.story(&[("SPUBLISH a y", ":1")]);
        cluster.finish_migration(slot);
        let messages = "*3 $8 smessage $1 a $1 x *3 $8 smessage $1 a $1 y";
        assert_eq!(heard(&rigs[1]), format!("{messages} *3 $12 sunsubscribe $1 a :0"));
        rigs[1].story(&[("SSUBSCRIBE a", "-MOVED 15495 h:1")]);
        rigs[0].story(&[("SSUBSCRIBE a", "*3 $10 ssubscribe $1 a :1")]);
    }
}
