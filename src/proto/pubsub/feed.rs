//! What one connection to a node is subscribed to, and what the node says on it.
//!
//! ```text
//! subscribe, unsubscribe -> [ topics ] -> Output -> node       one command a topic, in RESP2
//! Heard: Live, Refused, Ended, Message, Marked <- frames <- node
//! ```
//!
//! One command a topic, so that a refusal says which topic it is about. A feed that has lost its
//! connection keeps its topics and asks for them again on the next one.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::{Kind, Message, Topic};
use crate::mutant::planted;
use crate::proto::handshake::{Greeting, Handshake, Progress};
use crate::proto::output::Output;
use crate::proto::reply::Cause;
use crate::proto::resp::{Protocol, ReplyDecoder, elements, parse_integer};

/// What a node says on a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// From here on messages of the topic come.
    Live(Topic),
    /// It does not subscribe the connection to the topic, which is forgotten here; these are its
    /// words.
    Refused(Topic, Bytes),
    /// It has ended a subscription by itself, as it does when a slot leaves it; the topic is
    /// forgotten here.
    Ended(Topic),
    /// Something was published.
    Message(Message),
    /// All is heard that the node said before it read the mark of that number.
    Marked(u64),
}

/// Where a topic is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    /// Whether there is to be a subscription.
    is_wanted: bool,
    /// Commands about it that are not answered: only the answer to the last one counts.
    asked: u32,
    /// Whether there is one.
    is_live: bool,
}

/// A command that is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Subscribe(Topic),
    Unsubscribe(Topic),
    /// Whether it is there; or a mark.
    Ping(Option<u64>),
}

/// Where the connection is.
#[derive(Debug)]
enum Phase {
    /// There is none.
    Down,
    /// Who asks is being agreed on, until then.
    Handshake(Handshake, Instant),
    /// It is of use.
    Up,
}

/// What one connection is subscribed to.
#[derive(Debug)]
pub struct Feed {
    greeting: Greeting,
    /// How long the node may be silent before it is asked whether it is there, and then until it
    /// is not; `None`: for ever.
    silence_max: Option<Duration>,
    phase: Phase,
    topics: BTreeMap<Topic, State>,
    asked: VecDeque<Asked>,
    /// Marks that were asked for.
    marks: u64,
    decoder: ReplyDecoder,
    output: Output,
    /// When the node last said something, or began to owe something.
    quiet_since: Option<Instant>,
    /// What the node said when it refused the handshake.
    refusal: Option<String>,
}

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

impl Feed {
    /// A feed without a connection, on which `greeting` will be said.
    #[must_use]
    pub fn new(greeting: &Greeting, silence_max: Option<Duration>) -> Feed {
        Feed {
            greeting: Greeting { protocol: Protocol::Resp2, ..greeting.clone() },
            silence_max,
            phase: Phase::Down,
            topics: BTreeMap::new(),
            asked: VecDeque::new(),
            marks: 0,
            decoder: ReplyDecoder::default(),
            output: Output::default(),
            quiet_since: None,
            refusal: None,
        }
    }

    /// Wants a topic.
    pub fn subscribe(&mut self, topic: &Topic, now: Instant) {
        let state = self.topics.entry(topic.clone()).or_default();
        state.is_wanted = true;
        if matches!(self.phase, Phase::Up) {
            self.ask(Asked::Subscribe(topic.clone()), now);
        }
    }

    /// Wants it no more.
    pub fn unsubscribe(&mut self, topic: &Topic, now: Instant) {
        let Some(state) = self.topics.get_mut(topic) else { return };
        state.is_wanted = false;
        state.is_live = false;
        if matches!(self.phase, Phase::Up) {
            self.ask(Asked::Unsubscribe(topic.clone()), now);
        } else {
            self.topics.remove(topic);
        }
    }

    /// Asks the node to say that it has read this: [`Heard::Marked`] with the number that is
    /// returned, or the end of the connection, comes after all that it says before. `None` if there
    /// is nothing that it could have said.
    pub fn mark(&mut self, now: Instant) -> Option<u64> {
        if !self.is_up() {
            return None;
        }
        self.marks += 1;
        self.ask(Asked::Ping(Some(self.marks)), now);
        Some(self.marks)
    }

    /// There is a connection now; what must be agreed on has until `deadline`.
    pub fn receive_connection(&mut self, now: Instant, deadline: Instant) {
        let handshake = Handshake::begin(&self.greeting, self.output.tail());
        let is_done = handshake.is_done();
        self.phase = Phase::Handshake(handshake, deadline);
        if is_done {
            self.begin(now);
        }
    }

    /// The connection ended. The topics that were live are wanted still, and live no more; they
    /// are returned.
    pub fn receive_end(&mut self) -> Vec<Topic> {
        self.phase = Phase::Down;
        self.asked.clear();
        self.decoder = ReplyDecoder::default();
        self.output.clear();
        self.quiet_since = None;
        self.topics.retain(|_, state| state.is_wanted && !planted("subscriptions-forgotten"));
        let were_live = self.topics.iter_mut().filter_map(|(topic, state)| {
            state.asked = 0;
            std::mem::take(&mut state.is_live).then(|| topic.clone())
        });
        were_live.collect()
    }

    /// Bytes were received: they are in the buffer that the next `poll_heard` is given.
    pub fn receive_bytes(&mut self, now: Instant) {
        self.quiet_since = Some(now);
    }

    /// What the node says, given what it sent; call until it gives `None`.
    ///
    /// # Errors
    /// The node broke the protocol or refused the handshake: end the connection.
    pub fn poll_heard(
        &mut self,
        buffer: &mut BytesMut,
        now: Instant,
    ) -> Result<Option<Heard>, Cause> {
        while let Some(frame) = self.decoder.decode(buffer).map_err(|_| Cause::Garbled)? {
            if let Phase::Handshake(handshake, _) = &mut self.phase {
                match handshake.receive(&frame, self.output.tail()) {
                    Progress::Waiting => {}
                    Progress::Done => self.begin(now),
                    Progress::Refused(words) => {
                        self.refusal = Some(words);
                        return Err(Cause::HandshakeRefused);
                    }
                }
                continue;
            }
            if let Some(heard) = self.hear(&frame)? {
                return Ok(Some(heard));
            }
        }
        Ok(None)
    }

    /// What is to be written to the node.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Bytes that were copied to be written.
    #[must_use]
    pub fn copied_bytes(&self) -> usize {
        self.output.copied_bytes()
    }

    /// The length of the frame that has begun to arrive, once its end is known.
    #[must_use]
    pub fn frame_bytes(&self) -> Option<usize> {
        self.decoder.frame_bytes()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Down => None,
            Phase::Handshake(_, deadline) => Some(*deadline),
            // Where there is nothing to hear, silence says nothing.
            Phase::Up if self.is_idle() => None,
            Phase::Up => self.quiet_since.zip(self.silence_max).map(|(since, max)| since + max),
        }
    }

    /// Asks a silent node whether it is there.
    ///
    /// # Errors
    /// The handshake took too long, or the node does not say: end the connection.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Cause> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return Ok(());
        }
        if matches!(self.phase, Phase::Handshake(..)) {
            return Err(Cause::ConnectTimeout);
        }
        if !self.asked.is_empty() {
            return Err(Cause::Stalled);
        }
        self.ask(Asked::Ping(None), now);
        Ok(())
    }

    /// Whether there is nothing to be heard, and nothing owed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.topics.is_empty() && self.asked.is_empty()
    }

    /// Whether the node has agreed on who asks.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up)
    }

    /// What the node said when it refused the handshake, once.
    pub fn take_refusal(&mut self) -> Option<String> {
        self.refusal.take()
    }

    /// The connection is of use: asks for all that is wanted.
    fn begin(&mut self, now: Instant) {
        self.phase = Phase::Up;
        self.quiet_since = Some(now);
        let wanted: Vec<_> = self.topics.keys().cloned().collect();
        wanted.into_iter().for_each(|topic| self.ask(Asked::Subscribe(topic), now));
    }

    fn ask(&mut self, asked: Asked, now: Instant) {
        if self.asked.is_empty() {
            self.quiet_since = Some(now);
        }
        let (name, topic) = match &asked {
            Asked::Subscribe(topic) => (topic.kind.subscribe(), topic),
            Asked::Unsubscribe(topic) => (topic.kind.unsubscribe(), topic),
            Asked::Ping(_) => {
                self.output.copy(PING);
                return self.asked.push_back(asked);
            }
        };
        if let Some(state) = self.topics.get_mut(topic) {
            state.asked += 1;
        }
        let mut writer = self.output.writer(Protocol::Resp2);
        writer.array(2);
        writer.bulk(name.as_bytes());
        writer.bulk(&topic.name);
        self.asked.push_back(asked);
    }

    fn hear(&mut self, frame: &Bytes) -> Result<Option<Heard>, Cause> {
        match frame[0] {
            b'-' => self.hear_refusal(frame),
            b'+' => self.hear_pong(),
            b'*' | b'>' => self.hear_array(frame),
            _ => Err(Cause::Garbled),
        }
    }

    fn hear_array(&mut self, frame: &Bytes) -> Result<Option<Heard>, Cause> {
        let mut items = elements(frame).ok_or(Cause::Garbled)?;
        let word = items.next().and_then(bulk).ok_or(Cause::Garbled)?;
        if word == b"pong" {
            return self.hear_pong();
        }
        let name = frame.slice_ref(items.next().and_then(bulk).ok_or(Cause::Garbled)?);
        if let Some(kind) = Kind::by(word, Kind::message) {
            let topic = Topic { kind, name };
            let is_live = self.topics.get(&topic).is_some_and(|state| state.is_live);
            let message = || Heard::Message(Message { topic, frame: frame.clone() });
            return Ok(is_live.then(message));
        }
        let is_subscribe = Kind::by(word, Kind::subscribe);
        let topic = |kind| Topic { kind, name: Bytes::copy_from_slice(&name) };
        if let Some(topic) = is_subscribe.map(topic) {
            let is_due = self.asked.pop_front() == Some(Asked::Subscribe(topic.clone()));
            return if is_due { Ok(self.settle(topic)) } else { Err(Cause::Garbled) };
        }
        let topic = Kind::by(word, Kind::unsubscribe).map(topic).ok_or(Cause::Garbled)?;
        if self.asked.front() == Some(&Asked::Unsubscribe(topic.clone())) {
            self.asked.pop_front();
            return Ok(self.settle(topic));
        }
        // Nobody asked for that: the node has ended it.
        let was_wanted = self.topics.remove(&topic).is_some_and(|state| state.is_wanted);
        Ok(was_wanted.then_some(Heard::Ended(topic)))
    }

    fn hear_pong(&mut self) -> Result<Option<Heard>, Cause> {
        match self.asked.pop_front() {
            Some(Asked::Ping(mark)) => Ok(mark.map(Heard::Marked)),
            Some(Asked::Subscribe(_) | Asked::Unsubscribe(_)) | None => Err(Cause::Garbled),
        }
    }

    /// The last command about a topic may be answered with that.
    fn settle(&mut self, topic: Topic) -> Option<Heard> {
        let state = self.topics.get_mut(&topic)?;
        state.asked = state.asked.saturating_sub(1);
        if state.asked > 0 {
            return None;
        }
        if !state.is_wanted {
            self.topics.remove(&topic);
            return None;
        }
        state.is_live = true;
        Some(Heard::Live(topic))
    }

    fn hear_refusal(&mut self, frame: &Bytes) -> Result<Option<Heard>, Cause> {
        let topic = match self.asked.pop_front() {
            Some(Asked::Subscribe(topic) | Asked::Unsubscribe(topic)) => topic,
            // Who may not ask that is told so when all before it is said.
            Some(Asked::Ping(mark)) => return Ok(mark.map(Heard::Marked)),
            None => return Err(Cause::Garbled),
        };
        let Some(state) = self.topics.get_mut(&topic) else { return Ok(None) };
        state.asked = state.asked.saturating_sub(1);
        if state.asked > 0 {
            return Ok(None);
        }
        let was_wanted = state.is_wanted;
        self.topics.remove(&topic);
        Ok(was_wanted.then(|| Heard::Refused(topic, Bytes::copy_from_slice(frame))))
    }
}

/// The content of a bulk string; `None` if it is something else.
fn bulk(element: &[u8]) -> Option<&[u8]> {
    let rest = element.strip_prefix(b"$")?;
    let line = memchr::memchr(b'\r', rest)?;
    let len = usize::try_from(parse_integer(&rest[..line])?).ok()?;
    rest.get(line + 2..)?.get(..len)
}

#[cfg(test)]
mod tests;
