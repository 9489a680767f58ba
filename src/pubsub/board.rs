//! Who hears of what, and on which line.
//!
//! ```text
//!            Join                           Live
//!  (no topic) --> Asked on its line, or none --> Live on its line --> messages
//!                  ^    '- refused: MOVED, or a pause, or the clients are told
//!                  '--------- line broken, ended, slot moved: a gap ------'
//! ```
//!
//! Who joins others is told so, and hears, once the node has read a mark that was sent then: what
//! it said before may have been heard already, of an older configuration.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;
use tokio::time::{Sleep, sleep_until};

use super::entry::{Entry, Listener};
use super::line::{Event, Line};
use super::marks::Marks;
use super::place::{Place, pick};
use super::{FULL, Rest, ToBoard};
use crate::audience::SharedAudience;
use crate::io::now;
use crate::limits::SUBSCRIPTIONS_BYTES_MAX;
use crate::memory::Share;
use crate::mutant::planted;
use crate::net::Net;
use crate::proto::cluster::{Redirect, Route, Router, Slot};
use crate::proto::pubsub::{Heard, Kind, Message, Topic};
use crate::proto::session::Busy;
use crate::queue::Receiver;
use crate::refresh::Nudge;
use crate::reply_to::ToClient;
use crate::stats::{CloseCause, OwnUpstream};
use crate::upstream::Means;

/// A worker's subscriptions to one upstream.
pub(super) struct Board<N: Net> {
    means: Means<N>,
    router: Rc<RefCell<Router>>,
    nudge: Nudge,
    follow_redirects: bool,
    configuration: u64,
    inbox: Receiver<ToBoard>,
    count: OwnUpstream,
    audience: SharedAudience,
    share: Share,
    /// When the turn began.
    now: Instant,
    topics: BTreeMap<Topic, Entry>,
    /// What each client hears of.
    clients: BTreeMap<u64, BTreeSet<Topic>>,
    lines: BTreeMap<Place, Line<N>>,
    /// Who waits for a mark on one.
    marks: Marks,
    /// Topics that are asked for again then.
    later: BTreeSet<(Instant, Topic)>,
    /// What the subscriptions of clients take.
    bytes: usize,
    /// What happened on lines and is not dealt with.
    events: Vec<(Place, Event)>,
    timer: Pin<Box<Sleep>>,
}

impl<N: Net> Board<N> {
    pub(super) fn new(rest: Rest<N>, inbox: Receiver<ToBoard>) -> Board<N> {
        let Rest { means, router, nudge, audience, follow_redirects, configuration } = rest;
        Board {
            count: means.count.clone(),
            audience,
            share: means.memory.share(),
            means,
            router,
            nudge,
            follow_redirects,
            configuration,
            inbox,
            now: now(),
            topics: BTreeMap::new(),
            clients: BTreeMap::new(),
            lines: BTreeMap::new(),
            marks: Marks::default(),
            later: BTreeSet::new(),
            bytes: 0,
            events: Vec::new(),
            timer: Box::pin(sleep_until(now().into())),
        }
    }

    /// Serves clients until none can come any more.
    pub(super) async fn serve(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
        for line in std::mem::take(&mut self.lines).into_values() {
            line.close(CloseCause::Stopping);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.inbox.register(cx);
        self.lines.values_mut().for_each(Line::begin_turn);
        loop {
            self.now = now();
            self.take_inbox();
            self.ask_again();
            self.handle_timeouts();
            while self.poll_lines(cx) {}
            self.close_idle();
            if self.inbox.is_ended() {
                return Poll::Ready(());
            }
            if !self.is_timer_due(cx) {
                let buffers: usize = self.lines.values().map(Line::held_bytes).sum();
                self.share.set((self.bytes + buffers).into());
                return Poll::Pending;
            }
        }
    }

    fn take_inbox(&mut self) {
        while let Some(message) = self.inbox.take() {
            match message {
                ToBoard::Join { client, to, topic, join } => {
                    self.join(client, topic, Listener { to, join, mark: None });
                }
                ToBoard::Leave { client, topic } => {
                    if let Some(topics) = self.clients.get_mut(&client) {
                        topics.remove(&topic);
                    }
                    self.leave(client, &topic);
                }
                ToBoard::LeaveAll { client } => {
                    for topic in self.clients.remove(&client).into_iter().flatten() {
                        self.leave(client, &topic);
                    }
                }
                ToBoard::Topology => self.receive_topology(),
            }
        }
    }

    fn join(&mut self, client: u64, topic: Topic, mut listener: Listener) {
        let bytes = topic.held_bytes();
        // What a client holds it keeps.
        if let Some(join) = listener.join
            && self.bytes + bytes > SUBSCRIPTIONS_BYTES_MAX
        {
            return listener.to.send(ToClient::Joined(join, Some(FULL)));
        }
        self.leave_mark(client, &topic);
        let is_new = !self.topics.contains_key(&topic);
        let new = || Entry::new(self.audience.unseen(topic.clone()));
        let entry = self.topics.entry(topic.clone()).or_insert_with(new);
        if let Some(place) = entry.place
            && let Some(mark) = self.lines.get_mut(&place).and_then(|line| line.mark(self.now))
        {
            if entry.is_live && planted("subscribed-to-what-was-said-before") {
                listener.tell(None);
            } else {
                listener.mark = Some(mark);
                self.marks.wait((place, mark), client, &topic);
            }
        }
        let before = entry.listeners.insert(client, listener);
        entry.recount();
        if before.is_none() {
            self.bytes += bytes;
        }
        self.clients.entry(client).or_default().insert(topic.clone());
        if is_new {
            self.count.stats().subscriptions.add(1);
            self.ask(&topic);
        }
    }

    /// A client waits for no mark of a topic any more.
    fn leave_mark(&mut self, client: u64, topic: &Topic) {
        if let Some(entry) = self.topics.get_mut(topic)
            && let Some(listener) = entry.listeners.get_mut(&client)
            && let Some(at) = entry.place.zip(listener.mark.take())
        {
            self.marks.leave(at, client, topic);
        }
    }

    fn leave(&mut self, client: u64, topic: &Topic) {
        self.leave_mark(client, topic);
        let Some(entry) = self.topics.get_mut(topic) else { return };
        if entry.listeners.remove(&client).is_none() {
            return;
        }
        entry.recount();
        self.bytes -= topic.held_bytes();
        if entry.listeners.is_empty() {
            self.forget(topic);
        }
    }

    /// Nobody hears of a topic any more.
    fn forget(&mut self, topic: &Topic) {
        self.detach(topic);
        self.topics.remove(topic);
        self.count.stats().subscriptions.sub(1);
    }

    /// Takes a topic off its line, or from those that are asked for later.
    fn detach(&mut self, topic: &Topic) {
        let Some(entry) = self.topics.get_mut(topic) else { return };
        entry.is_live = false;
        entry.recount();
        for (client, listener) in &mut entry.listeners {
            if let Some(at) = entry.place.zip(listener.mark.take()) {
                self.marks.leave(at, *client, topic);
            }
        }
        let line = entry.place.take().and_then(|place| self.lines.get_mut(&place));
        if let Some(line) = line {
            line.feed.unsubscribe(topic, self.now);
        }
        if let Some(again) = entry.again.take() {
            self.later.remove(&(again, topic.clone()));
        }
    }

    /// Asks for a topic that is on no line, where it belongs now.
    fn ask(&mut self, topic: &Topic) {
        let Some(place) = self.place_of(topic) else {
            self.nudge.count(0, 1);
            return self.ask_later(topic);
        };
        let Some(entry) = self.topics.get_mut(topic) else { return };
        entry.place = Some(place);
        let means = &mut self.means;
        let line = self.lines.entry(place).or_insert_with(|| Line::new(means));
        line.feed.subscribe(topic, self.now);
    }

    fn place_of(&self, topic: &Topic) -> Option<Place> {
        if topic.kind != Kind::Shard {
            return Some(Place::Common);
        }
        match self.router.borrow().route(Slot::of(&topic.name)) {
            Route::To(node) => Some(Place::Of(node)),
            Route::Uncovered | Route::Unknown => None,
        }
    }

    /// Asks for a topic that is on no line after a pause, which doubles each time.
    fn ask_later(&mut self, topic: &Topic) {
        let Some(entry) = self.topics.get_mut(topic) else { return };
        let again = self.now + Busy::pause(entry.refusals);
        entry.refusals += 1;
        entry.again = Some(again);
        self.later.insert((again, topic.clone()));
    }

    fn ask_again(&mut self) {
        while let Some((at, _)) = self.later.first()
            && *at <= self.now
            && let Some((_, topic)) = self.later.pop_first()
        {
            if let Some(entry) = self.topics.get_mut(&topic) {
                entry.again = None;
                self.ask(&topic);
            }
        }
    }

    /// What is not where it belongs any more goes there.
    fn receive_topology(&mut self) {
        let is_astray = |(topic, entry): (&Topic, &Entry)| {
            let place = self.place_of(topic);
            (entry.place.is_some() && place.is_some() && place != entry.place)
                .then(|| topic.clone())
        };
        let astray: Vec<_> = self.topics.iter().filter_map(is_astray).collect();
        for topic in astray {
            self.note_gap(&topic);
            self.detach(&topic);
            self.ask(&topic);
        }
        let home = self.lines.get(&Place::Common).and_then(Line::node);
        let is_left = home.is_some_and(|home| {
            let primaries = self.router.borrow().primaries();
            primaries.is_some_and(|all| all.found.iter().all(|primary| primary.node != home))
        });
        if let Some(line) = self.lines.get_mut(&Place::Common).filter(|_| is_left) {
            let mut events = Vec::new();
            line.hang_up(self.now, &mut events);
            self.events.extend(events.into_iter().map(|event| (Place::Common, event)));
        }
    }

    fn handle_timeouts(&mut self) {
        let mut events = Vec::new();
        for (place, line) in &mut self.lines {
            line.handle_timeout(self.now, &mut events);
            self.events.extend(events.drain(..).map(|event| (*place, event)));
        }
    }

    /// Does with the sockets what can be done; true if something came of it.
    fn poll_lines(&mut self, cx: &mut Context<'_>) -> bool {
        let mut events = Vec::new();
        let router = &*self.router;
        for (place, line) in &mut self.lines {
            let pick = |avoided, rng: &mut StdRng| pick(&router.borrow(), *place, avoided, rng);
            line.poll((&mut self.means, cx), pick, self.now, &mut events);
            self.events.extend(events.drain(..).map(|event| (*place, event)));
        }
        let all = std::mem::take(&mut self.events);
        let is_any = !all.is_empty();
        for (place, event) in all {
            match event {
                Event::Heard(heard) => self.hear(place, heard),
                Event::Broken(topics) => self.receive_break(place, &topics),
            }
        }
        is_any
    }

    fn hear(&mut self, place: Place, heard: Heard) {
        match heard {
            Heard::Message(message) => self.publish(place, message),
            Heard::Live(topic) => {
                let Some(entry) = self.at(place, &topic) else { return };
                entry.is_live = true;
                entry.recount();
                entry.refusals = 0;
                entry.listeners.values_mut().for_each(|listener| listener.tell(None));
            }
            Heard::Marked(mark) => {
                let waiting = self.marks.pass((place, mark));
                self.begin_to_hear(place, waiting);
            }
            Heard::Ended(topic) => {
                if self.at(place, &topic).is_some() {
                    self.note_gap(&topic);
                    self.detach(&topic);
                    self.nudge.count(1, 0);
                    self.ask(&topic);
                }
            }
            Heard::Refused(topic, words) => {
                if self.at(place, &topic).is_some() {
                    self.detach(&topic);
                    self.refuse(place, &topic, &words);
                }
            }
        }
    }

    fn publish(&mut self, place: Place, message: Message) {
        self.count.stats().messages.add(1);
        let configuration = self.configuration;
        let Some(entry) = self.at(place, &message.topic) else { return };
        let message = Rc::new(message);
        for listener in entry.listeners.values().filter(|listener| listener.mark.is_none()) {
            listener.to.send(ToClient::Message(configuration, Rc::clone(&message)));
        }
    }

    /// A node does not subscribe to a topic, which is on no line now: follows it, waits, or tells
    /// those who wait for it.
    fn refuse(&mut self, place: Place, topic: &Topic, words: &Bytes) {
        if let Some(redirect) = Redirect::parse(words).filter(|_| self.follow_redirects) {
            self.nudge.count(1, 0);
            return self.follow(place, topic, &redirect);
        }
        if let Some(busy) = Busy::parse(words) {
            self.nudge.count(0, u64::from(busy.hints_at_new_topology()));
            return self.ask_later(topic);
        }
        let Some(entry) = self.topics.get_mut(topic) else { return };
        let refused = entry.listeners.extract_if(.., |_, listener| listener.join.is_some());
        let refused: Vec<_> = refused.collect();
        entry.recount();
        self.bytes -= refused.len() * topic.held_bytes();
        for (client, mut listener) in refused {
            listener.tell(Some(words.clone()));
            if let Some(topics) = self.clients.get_mut(&client) {
                topics.remove(topic);
            }
        }
        if self.topics.get(topic).is_some_and(|entry| entry.listeners.is_empty()) {
            self.forget(topic);
        } else {
            self.ask_later(topic);
        }
    }

    /// Asks for a topic where a redirect says that it belongs, unless that is said again and again.
    fn follow(&mut self, place: Place, topic: &Topic, redirect: &Redirect) {
        let mut router = self.router.borrow_mut();
        let asked = match place {
            Place::Of(node) => router.address(node).cloned(),
            Place::Common => None,
        };
        let named = asked.and_then(|asked| redirect.target(&asked));
        if let Some(node) = named.and_then(|address| router.learn(address, self.now)) {
            router.moved(Slot::of(&topic.name), node);
        }
        drop(router);
        let Some(entry) = self.topics.get_mut(topic) else { return };
        if entry.refusals > 0 {
            return self.ask_later(topic);
        }
        entry.refusals += 1;
        self.ask(topic);
    }

    /// A line is gone, on which these topics were live; they are asked for on the next one.
    fn receive_break(&mut self, place: Place, topics: &[Topic]) {
        self.nudge.count(0, 1);
        for topic in topics {
            self.note_gap(topic);
        }
        // What is said on the next one was not said before.
        let waiting = self.marks.lose(place);
        self.begin_to_hear(place, waiting);
    }

    /// Those hear from now on who waited for a mark.
    fn begin_to_hear(&mut self, place: Place, waiting: BTreeSet<(u64, Topic)>) {
        for (client, topic) in waiting {
            let Some(entry) = self.at(place, &topic) else { continue };
            if let Some(listener) = entry.listeners.get_mut(&client) {
                listener.mark = None;
                if entry.is_live {
                    listener.tell(None);
                }
            }
        }
    }

    fn note_gap(&mut self, topic: &Topic) {
        let Some(entry) = self.topics.get_mut(topic) else { return };
        if std::mem::take(&mut entry.is_live) {
            entry.recount();
            self.count.stats().subscription_gaps.add(1);
        }
    }

    /// The entry of a topic if it is on that line.
    fn at(&mut self, place: Place, topic: &Topic) -> Option<&mut Entry> {
        self.topics.get_mut(topic).filter(|entry| entry.place == Some(place))
    }

    fn close_idle(&mut self) {
        let (limit, now) = (self.means.settings.idle_timeout, self.now);
        for (_, line) in self.lines.extract_if(.., |_, line| line.is_over(limit, now)) {
            line.close(CloseCause::Idle);
        }
    }

    /// Whether there is something to do now for which only time had to pass; if not, the task is
    /// woken when there is.
    fn is_timer_due(&mut self, cx: &mut Context<'_>) -> bool {
        let idle_timeout = self.means.settings.idle_timeout;
        let lines =
            self.lines.values().filter_map(|line| line.poll_timeout(idle_timeout, self.now));
        let later = self.later.first().map(|(at, _)| *at);
        let Some(at) = lines.chain(later).min() else { return false };
        self.timer.as_mut().reset(at.into());
        self.timer.as_mut().poll(cx).is_ready()
    }
}
