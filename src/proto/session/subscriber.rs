//! What a client is subscribed to.
//!
//! ```text
//! SUBSCRIBE --the topics it does not hold--> Wish::Join, … --Joined, all of them--> confirmations
//!                                         '--one is refused, or late--> an error, Wish::Leave
//! UNSUBSCRIBE --> Wish::Leave, …, confirmations at once
//! Message --of a topic that is confirmed--> output, between two replies
//! ```
//!
//! These commands run alone: what was asked before is answered, and what comes after waits. So a
//! confirmation has its place among the replies, and no message comes before the confirmation of
//! its topic, or after that of its end. A command holds all its topics in the end, or none of those
//! that are new.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use super::turn::Turn;
use super::{Mode, Session};
use crate::limits::CLIENT_SUBSCRIPTIONS_MAX;
use crate::mutant::planted;
use crate::proto::command::{Command, Outcome, Refusal, Row, Spread};
use crate::proto::pubsub::{Counts, Kind, Message, Topic};
use crate::proto::reply::{Cause, Progress};
use crate::proto::resp::{Protocol, Writer};

/// What a client wants of whoever is subscribed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To hear of a topic; the answer is `Session::receive_joined`, by that number.
    Join(u64, Topic),
    /// To hear again, of somebody else, of a topic that it holds; that needs no answer, and must
    /// not be refused.
    Rejoin(Topic),
    /// To hear of it no more.
    Leave(Topic),
    /// To hear of nothing any more.
    LeaveAll,
}

/// What a client is subscribed to, and wants to be.
#[derive(Debug, Default)]
pub(super) struct Subscriber {
    /// What was confirmed to it.
    held: BTreeSet<Topic>,
    asking: Option<Asking>,
    wishes: VecDeque<Wish>,
    /// Topics asked for so far.
    joins: u64,
    /// What this takes, about.
    bytes: usize,
}

/// A command that is not confirmed yet.
#[derive(Debug)]
struct Asking {
    row: &'static Row,
    since: Instant,
    deadline: Instant,
    /// What it names, in that order.
    topics: Vec<Topic>,
    /// What it did not hold before.
    fresh: BTreeSet<Topic>,
    /// Those of them that are to be heard of, by the numbers of their wishes.
    missing: BTreeMap<u64, Topic>,
}

impl Session {
    /// What the client wants of whoever is subscribed for it; call until it gives `None`.
    pub fn poll_wish(&mut self) -> Option<Wish> {
        self.subscriber.as_mut()?.wishes.pop_front()
    }

    /// A wish to join is granted, or refused in these words: a whole frame.
    pub fn receive_joined(&mut self, join: u64, refusal: Option<Bytes>, turn: &mut Turn<'_>) {
        let Some(asking) = self.asking() else { return };
        // Else it is a wish of a command that has failed since.
        if asking.missing.remove(&join).is_none() {
            return;
        }
        if let Some(words) = refusal {
            self.fail_asking(Outcome::Frame(words));
        } else {
            self.confirm(turn);
        }
    }

    /// Something was published.
    pub fn receive_message(&mut self, message: &Message) {
        let is_held = self.subscriber.as_ref().is_some_and(|own| own.held.contains(&message.topic));
        if !is_held || self.mode != Mode::Open {
            return;
        }
        if self.waiting() + message.frame.len() > self.subscriber_output_bytes_max {
            self.mode = Mode::Overflown;
            return;
        }
        match self.identity.protocol {
            Protocol::Resp2 => self.output.push(&message.frame),
            Protocol::Resp3 => {
                self.output.copy(b">");
                self.output.push(&message.frame.slice(1..));
            }
        }
    }

    /// Somebody else is subscribed for it from now on, who has to be told what it holds.
    pub fn resubscribe(&mut self) {
        let Some(own) = &mut self.subscriber else { return };
        debug_assert!(own.asking.is_none(), "a command waits for whoever was subscribed before");
        own.wishes.clear();
        own.wishes.extend(own.held.iter().cloned().map(Wish::Rejoin));
    }

    /// Ends all that it is subscribed to, without a word.
    pub fn unsubscribe_all(&mut self) {
        let Some(own) = self.subscriber.as_mut().filter(|own| !own.held.is_empty()) else { return };
        own.held.clear();
        own.bytes = 0;
        own.wishes.push_back(Wish::LeaveAll);
        self.identity.subscriptions = Counts::default();
        self.has_changed = true;
    }

    /// Whether it is subscribed to anything.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.identity.subscriptions.any()
    }

    /// How many channels, patterns and shard channels it is subscribed to.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.subscriber.as_ref().map_or(0, |own| own.held.len())
    }

    /// Whether a command of it waits for a topic.
    pub(super) fn is_asking(&self) -> bool {
        self.subscriber.as_ref().is_some_and(|own| own.asking.is_some())
    }

    /// What this takes, in bytes.
    pub(super) fn subscriber_bytes(&self) -> usize {
        self.subscriber.as_ref().map_or(0, |own| own.bytes)
    }

    /// Whether a command is one that a subscriber must not send: in RESP2 its reply could be taken
    /// for a message.
    pub(super) fn is_out_of_place(&self, row: &Row) -> bool {
        self.is_subscribed()
            && self.identity.protocol == Protocol::Resp2
            && row.spread != Spread::Subscription
            && !matches!(row.name, "ping" | "quit" | "reset")
    }

    /// The refusal of a command, which a server would refuse for that before it sees that a key is
    /// without its value.
    pub(super) fn refusal_of_place(&self, refusal: Refusal) -> Refusal {
        if let Refusal::WrongArity(row) = refusal
            && row.has_arity(self.decoder.spans().len())
            && self.is_out_of_place(row)
        {
            return Refusal::Subscribed(row);
        }
        refusal
    }

    /// Whether a command changes how messages are written, or that they are, so that it has to wait
    /// for the replies before it.
    pub(super) fn is_turning_point(&self, command: &Command<'_>) -> bool {
        self.is_subscribed()
            && !self.ring.is_empty()
            && matches!(command.row.name, "hello" | "reset")
    }

    /// Runs a command that subscribes or unsubscribes, which was read at `since`.
    pub(super) fn subscription(
        &mut self,
        (row, names): (&'static Row, Vec<Bytes>),
        since: Instant,
        turn: &mut Turn<'_>,
    ) {
        let is_of = |of: fn(Kind) -> &'static str| move |kind: &Kind| of(*kind) == row.name;
        let topics = |kind| names.iter().cloned().map(move |name| Topic { kind, name }).collect();
        if let Some(kind) = Kind::ALL.into_iter().find(is_of(Kind::subscribe)) {
            self.subscribe(row, topics(kind), since, turn);
        } else if let Some(kind) = Kind::ALL.into_iter().find(is_of(Kind::unsubscribe)) {
            self.unsubscribe(kind, topics(kind));
        }
    }

    /// When the command that waits is due.
    pub(super) fn asking_deadline(&self) -> Option<Instant> {
        Some(self.subscriber.as_ref()?.asking.as_ref()?.deadline)
    }

    /// Answers the command that waits, if it is due.
    pub(super) fn expire_asking(&mut self, turn: &mut Turn<'_>) {
        if self.asking_deadline().is_some_and(|deadline| deadline <= turn.now) {
            self.give_up_asking("no node has confirmed the subscription within op_timeout", turn);
        }
    }

    /// Answers the command that waits: the proxy stops.
    pub(super) fn stop_asking(&mut self, turn: &mut Turn<'_>) {
        if self.is_asking() {
            self.give_up_asking(Cause::Stopping.describe(), turn);
        }
    }

    fn asking(&mut self) -> Option<&mut Asking> {
        self.subscriber.as_mut()?.asking.as_mut()
    }

    fn subscribe(
        &mut self,
        row: &'static Row,
        topics: Vec<Topic>,
        since: Instant,
        turn: &mut Turn<'_>,
    ) {
        let own = self.subscriber.get_or_insert_default();
        let is_fresh = |topic: &&Topic| !own.held.contains(*topic);
        let fresh: BTreeSet<_> = topics.iter().filter(is_fresh).cloned().collect();
        if own.held.len() + fresh.len() > CLIENT_SUBSCRIPTIONS_MAX {
            let mut words = Vec::new();
            Refusal::Refused { row, why: "the client is subscribed to too much" }.write(&mut words);
            return self.say(Outcome::Frame(words.into()));
        }
        let first = own.joins;
        own.joins += fresh.len() as u64;
        let missing: BTreeMap<_, _> = (first..).zip(fresh.iter().cloned()).collect();
        own.wishes.extend(missing.iter().map(|(join, topic)| Wish::Join(*join, topic.clone())));
        own.bytes += fresh.iter().map(Topic::held_bytes).sum::<usize>();
        let deadline = since + turn.policy.timeout(row);
        let is_hasty = planted("subscribed-before-the-node");
        let missing = if is_hasty { BTreeMap::new() } else { missing };
        own.asking = Some(Asking { row, since, deadline, topics, fresh, missing });
        self.confirm(turn);
    }

    /// Confirms the command that waits, if all its topics are heard of.
    fn confirm(&mut self, turn: &mut Turn<'_>) {
        let Some(own) = &mut self.subscriber else { return };
        let Some(asking) = own.asking.take_if(|asking| asking.missing.is_empty()) else { return };
        self.has_changed = true;
        for topic in asking.topics {
            let (kind, name) = (topic.kind, topic.name.clone());
            *self.identity.subscriptions.of(kind) += usize::from(own.held.insert(topic));
            let count = self.identity.subscriptions.beside(kind);
            let writer = self.output.writer(self.identity.protocol);
            confirm(writer, kind.subscribe(), Some(&name), count);
        }
        if let Some(timings) = &mut turn.timings {
            timings.push((asking.row, turn.now.saturating_duration_since(asking.since)));
        }
    }

    fn unsubscribe(&mut self, kind: Kind, named: Vec<Topic>) {
        self.has_changed = true;
        let own = self.subscriber.get_or_insert_default();
        let mut topics = named;
        if topics.is_empty() {
            topics.extend(own.held.iter().filter(|topic| topic.kind == kind).cloned());
        }
        let is_nothing = topics.is_empty();
        for topic in topics.into_iter().map(Some).chain(is_nothing.then_some(None)) {
            let name = topic.as_ref().map(|topic| topic.name.clone());
            if let Some(topic) = topic.filter(|topic| own.held.remove(topic)) {
                *self.identity.subscriptions.of(kind) -= 1;
                own.bytes -= topic.held_bytes();
                own.wishes.push_back(Wish::Leave(topic));
            }
            let count = self.identity.subscriptions.beside(kind);
            let writer = self.output.writer(self.identity.protocol);
            confirm(writer, kind.unsubscribe(), name.as_deref(), count);
        }
    }

    fn give_up_asking(&mut self, reason: &str, turn: &mut Turn<'_>) {
        turn.tally.unsent += 1;
        let reason = reason.to_owned();
        self.fail_asking(Outcome::Failed { progress: Progress::Unsent, reason });
    }

    /// Answers the command that waits with an error; it holds none of what it did not hold before.
    fn fail_asking(&mut self, outcome: Outcome) {
        let Some(own) = &mut self.subscriber else { return };
        let Some(asking) = own.asking.take() else { return };
        own.bytes -= asking.fresh.iter().map(Topic::held_bytes).sum::<usize>();
        own.wishes.extend(asking.fresh.into_iter().map(Wish::Leave));
        self.say(outcome);
    }

    /// Says something that is not a message, if the client wants to hear it.
    fn say(&mut self, outcome: Outcome) {
        self.write_unless(self.identity.modes.is_muted(), outcome);
    }
}

/// Says that something has begun or ended, and how much there is now.
fn confirm(mut writer: Writer<'_>, word: &str, name: Option<&[u8]>, count: usize) {
    writer.push(3);
    writer.bulk(word.as_bytes());
    match name {
        Some(name) => writer.bulk(name),
        None => writer.null(),
    }
    writer.integer(i64::try_from(count).unwrap_or(i64::MAX));
}
