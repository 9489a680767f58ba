//! What is laid over turmoil's network to make it as bad as a real one: the state that all hosts'
//! [`SimNet`](super::SimNet)s share, and the faults that go into it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::carrier::Carrier;
use super::effect::{Effect, Effects};
use super::end::End;
use super::link::Link;
use super::listener::{Knock, Port};
use crate::dice::Dice;
use crate::trace::{Event, Line, StreamId, Trace, What};

/// What a clogged stream still takes at most, in bytes.
const CLOGGED_BYTES_MAX: u64 = 200;

/// What a stream takes in one direction before it is read, in bytes, unless it is set: the buffers
/// of both sockets.
pub const WINDOW_BYTES: usize = 1024 * 1024;

/// How rough the network is while nothing is broken. Each is a probability, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grain {
    /// A read gives less than has arrived.
    pub short_reads: f64,
    /// A write takes less than it was given.
    pub short_writes: f64,
    /// A write finds the socket's buffer full and waits a turn.
    pub full_buffers: f64,
    /// A task that is woken waits a turn, so that another goes first.
    pub late_tasks: f64,
}

/// Why no connection can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is refused after a moment.
    Refused,
    /// It hangs until the obstacle is taken away.
    Hanging,
}

/// What a lookup of a name finds: addresses, or an error.
pub type Lookup = Result<Vec<IpAddr>, io::ErrorKind>;

/// Somebody who sees what a host writes and reads.
pub trait Tap {
    /// A connection to `peer` is wanted.
    fn connecting(&self, peer: SocketAddr);

    /// A connection was made, whose address at this end is `local`.
    fn connected(&self, local: SocketAddr);

    /// An attempt to connect to `peer` that began then is over: it has an outcome, or was given up.
    fn attempted(&self, peer: SocketAddr, since: Duration);

    /// A stream to `peer` took these bytes.
    fn wrote(&self, stream: StreamId, peer: SocketAddr, bytes: &[u8]);

    /// A stream from `peer` gave these bytes.
    fn read(&self, _stream: StreamId, _peer: SocketAddr, _bytes: &[u8]) {}

    /// A stream is gone.
    fn closed(&self, stream: StreamId);
}

/// The shared state. Cheap to clone: all clones are the same overlay.
#[derive(Clone)]
pub struct Overlay(Rc<Shared>);

struct Shared {
    seed: u64,
    grain: Cell<Grain>,
    /// The time, as of the last step.
    now: Cell<Duration>,
    /// When time began, during a step in which it goes on.
    begin: Cell<Option<Instant>>,
    carrier: RefCell<Carrier>,
    trace: RefCell<Trace>,
    hosts: RefCell<Vec<(Rc<str>, IpAddr)>>,
    names: RefCell<BTreeMap<Box<str>, Lookup>>,
    /// The ways from one host to another.
    links: RefCell<BTreeMap<(IpAddr, IpAddr), Rc<Link>>>,
    /// Told when an obstacle was taken away.
    cleared: Notify,
    /// Bytes that a stream takes in one direction before they are read.
    window: Cell<usize>,
    /// How long news travel at most.
    journey: Cell<Duration>,
    ends: RefCell<BTreeMap<StreamId, Rc<End>>>,
    /// The same, by their own address and that of the other end.
    by_address: RefCell<BTreeMap<(SocketAddr, SocketAddr), StreamId>>,
    /// Ends that are to hear that the other end is closed, and when.
    news: RefCell<VecDeque<(Duration, Rc<End>)>>,
    ports: RefCell<BTreeMap<SocketAddr, Weak<Port>>>,
    /// Hosts that do nothing.
    frozen: RefCell<BTreeSet<usize>>,
    effects: Effects,
    taps: RefCell<BTreeMap<usize, Rc<dyn Tap>>>,
    streams: Cell<StreamId>,
    tasks: Cell<u64>,
}

impl Overlay {
    /// An overlay for the run of `seed`; `keep_all` events of its trace, or only the last ones.
    #[must_use]
    pub fn new(seed: u64, grain: Grain, keep_all: bool) -> Self {
        Overlay(Rc::new(Shared {
            seed,
            grain: Cell::new(grain),
            now: Cell::default(),
            begin: Cell::default(),
            carrier: RefCell::new(Carrier::Turmoil),
            trace: RefCell::new(Trace::new(keep_all)),
            hosts: RefCell::default(),
            names: RefCell::default(),
            links: RefCell::default(),
            cleared: Notify::new(),
            window: Cell::new(WINDOW_BYTES),
            journey: Cell::default(),
            ends: RefCell::default(),
            by_address: RefCell::default(),
            news: RefCell::default(),
            ports: RefCell::default(),
            frozen: RefCell::default(),
            effects: Effects::default(),
            taps: RefCell::default(),
            streams: Cell::default(),
            tasks: Cell::default(),
        }))
    }

    /// Changes the grain for what is opened and spawned from now on, and for open streams too.
    pub fn set_grain(&self, grain: Grain) {
        self.0.grain.set(grain);
    }

    /// What streams that are opened from now on take in one direction before it is read, in bytes.
    pub fn set_window(&self, bytes: usize) {
        self.0.window.set(bytes);
    }

    /// How often the network did this to somebody.
    #[must_use]
    pub fn effects(&self, effect: Effect) -> u64 {
        self.0.effects.count(effect)
    }

    /// Makes `name` resolve to this.
    pub fn set_name(&self, name: &str, lookup: Lookup) {
        self.0.names.borrow_mut().insert(name.into(), lookup);
    }

    /// The virtual time; on turmoil, to the tick.
    #[must_use]
    pub fn now(&self) -> Duration {
        match self.0.begin.get() {
            Some(begin) => Instant::now() - begin,
            None => self.0.now.get(),
        }
    }

    /// Puts words into the trace, in the name of the driver of the world.
    pub fn note(&self, text: &str) {
        self.record(None, What::Note(text.into()));
    }

    /// A look at the events so far.
    pub fn with_trace<R>(&self, look: impl FnOnce(&Trace) -> R) -> R {
        look(&self.0.trace.borrow())
    }

    /// An event as a line of text.
    #[must_use]
    pub fn describe(&self, event: &Event) -> Line {
        let hosts = self.0.hosts.borrow();
        let host = event.host.map_or("world", |host| &hosts[host].0);
        let line = Line::new(event.at, host, &event.what);
        if event.what.is_detail() { line.detail() } else { line }
    }

    /// The dice of a component of this run.
    #[must_use]
    pub fn dice(&self, name: &str, index: u64) -> Dice {
        Dice::fork(self.0.seed, name, index)
    }

    /// From now on it is known what carries.
    pub(super) fn set_carrier(&self, carrier: Carrier) {
        self.0.carrier.replace(carrier);
    }

    pub(super) fn carrier(&self) -> Carrier {
        self.0.carrier.borrow().clone()
    }

    /// Time goes on by itself, having begun at `begin`, until it is set.
    pub(super) fn let_time_pass(&self, begin: Option<Instant>) {
        self.0.begin.set(begin);
    }

    /// When there is something to do at the latest.
    pub(super) fn next_due(&self, tick: Duration) -> Option<Duration> {
        let news = self.0.news.borrow().front().map(|(at, _)| *at);
        let is_limited = self.0.links.borrow().values().any(|link| link.is_limited());
        let refill = is_limited.then(|| self.0.now.get() + tick);
        news.into_iter().chain(refill).min()
    }

    /// Sets the time, and does what is due.
    pub(super) fn set_now(&self, now: Duration) {
        self.0.begin.set(None);
        let passed = now.saturating_sub(self.0.now.replace(now));
        self.refill(passed);
        while let Some(end) = self.next_news(now) {
            end.hear_of_peer();
        }
    }

    fn next_news(&self, now: Duration) -> Option<Rc<End>> {
        let mut news = self.0.news.borrow_mut();
        let is_due = news.front().is_some_and(|(at, _)| *at <= now);
        if is_due { news.pop_front().map(|(_, end)| end) } else { None }
    }

    /// Lets the budgets of links grow, and wakes who waits for them.
    fn refill(&self, passed: Duration) {
        let ms = u64::try_from(passed.as_millis()).expect("a step is short");
        let links = self.0.links.borrow();
        let limited = links.values().filter(|link| link.is_limited());
        if limited.inspect(|link| link.refill(ms)).count() > 0 {
            let ends = self.0.ends.borrow();
            let limited = |end: &&Rc<End>| end.outgoing.is_limited() || end.incoming.is_limited();
            ends.values().filter(limited).for_each(|end| end.wake());
        }
    }

    pub(super) fn effect(&self, effect: Effect) {
        self.0.effects.add(effect);
    }

    /// How long news travel from now on.
    pub(super) fn set_journey(&self, journey: Duration) {
        self.0.journey.set(journey);
    }

    /// The way from one host to another.
    pub(super) fn link(&self, from: IpAddr, to: IpAddr) -> Rc<Link> {
        Rc::clone(self.0.links.borrow_mut().entry((from, to)).or_default())
    }

    /// From now on nobody at `from` gets a connection to `to`, or does again; connects that hang go
    /// on.
    pub(super) fn obstruct(&self, from: IpAddr, to: IpAddr, obstacle: Option<Obstacle>) {
        self.link(from, to).obstacle.set(obstacle);
        self.0.cleared.notify_waiters();
    }

    /// From now on every stream from one host to another takes a few bytes more, then none: the
    /// reader does not read, and all buffers are full.
    pub(super) fn clog(&self, from: IpAddr, to: IpAddr) {
        self.link(from, to).is_clogged.set(true);
        self.ends_toward(from, to).iter().for_each(|end| self.clog_end(end));
    }

    /// Ends that; writes that wait go on.
    pub(super) fn unclog(&self, from: IpAddr, to: IpAddr) {
        self.link(from, to).is_clogged.set(false);
        self.ends_toward(from, to).iter().for_each(|end| end.unclog());
    }

    /// The ends of the streams between two hosts.
    pub(super) fn between(&self, a: IpAddr, b: IpAddr) -> Vec<Rc<End>> {
        [self.ends_toward(a, b), self.ends_toward(b, a)].concat()
    }

    /// The ends at one host of the streams to another.
    pub(super) fn ends_toward(&self, from: IpAddr, to: IpAddr) -> Vec<Rc<End>> {
        let is_one = |end: &&Rc<End>| (end.local.ip(), end.peer.ip()) == (from, to);
        self.0.ends.borrow().values().filter(is_one).cloned().collect()
    }

    /// Has a host do nothing, or go on.
    pub(super) fn freeze(&self, host: usize, is_frozen: bool) {
        if is_frozen {
            self.0.frozen.borrow_mut().insert(host);
            return;
        }
        self.0.frozen.borrow_mut().remove(&host);
        self.ports_of(host).iter().for_each(|port| port.wake());
        self.0.ends.borrow().values().filter(|end| end.host == host).for_each(|end| end.wake());
    }

    pub(super) fn is_frozen(&self, host: usize) -> bool {
        self.0.frozen.borrow().contains(&host)
    }

    pub(super) fn add_port(&self, place: SocketAddr, port: Weak<Port>) {
        self.0.ports.borrow_mut().insert(place, port);
    }

    /// Where a host listens.
    pub(super) fn ports_of(&self, host: usize) -> Vec<Rc<Port>> {
        let (ip, ports) = (self.ip(host), self.0.ports.borrow());
        let its = ports.iter().filter(|(place, _)| place.ip() == ip);
        its.filter_map(|(_, port)| port.upgrade()).collect()
    }

    /// Adds a host and gives its number; its name resolves to its address.
    pub(super) fn add_host(&self, name: &str, ip: IpAddr) -> usize {
        self.set_name(name, Ok(vec![ip]));
        let mut hosts = self.0.hosts.borrow_mut();
        hosts.push((name.into(), ip));
        hosts.len() - 1
    }

    pub(super) fn ip(&self, host: usize) -> IpAddr {
        self.0.hosts.borrow()[host].1
    }

    pub(super) fn set_tap(&self, host: usize, tap: Rc<dyn Tap>) {
        self.0.taps.borrow_mut().insert(host, tap);
    }

    pub(super) fn tap(&self, host: usize) -> Option<Rc<dyn Tap>> {
        self.0.taps.borrow().get(&host).cloned()
    }

    pub(super) fn name(&self, host: usize) -> Rc<str> {
        self.0.hosts.borrow()[host].0.clone()
    }

    pub(super) fn hosts(&self) -> usize {
        self.0.hosts.borrow().len()
    }

    pub(super) fn grain(&self) -> Grain {
        self.0.grain.get()
    }

    pub(super) fn record(&self, host: Option<usize>, what: What) {
        self.0.trace.borrow_mut().record(Event { at: self.now(), host, what });
    }

    pub(super) fn lookup(&self, name: &str) -> Lookup {
        let unknown = || Err(io::ErrorKind::NotFound);
        self.0.names.borrow().get(name).cloned().unwrap_or_else(unknown)
    }

    /// Waits until nothing is in the way of a connection.
    ///
    /// # Errors
    /// It is refused.
    pub(super) async fn pass(&self, from: IpAddr, to: SocketAddr) -> io::Result<Option<Knock>> {
        let link = self.link(from, to.ip());
        loop {
            let cleared = self.0.cleared.notified();
            match link.obstacle.get() {
                None => {}
                Some(Obstacle::Refused) => return Err(io::ErrorKind::ConnectionRefused.into()),
                Some(Obstacle::Hanging) => {
                    self.effect(Effect::Hanging);
                    cleared.await;
                    continue;
                }
            }
            let port = self.0.ports.borrow().get(&to).and_then(Weak::upgrade);
            // Who knocks where nobody listens is refused by turmoil.
            let Some(port) = port else { return Ok(None) };
            let left = port.left().notified();
            if !port.is_full() {
                return Ok(Some(port.knock()));
            }
            self.effect(Effect::BacklogFull);
            left.await;
        }
    }

    pub(super) fn add_end(&self, host: usize, local: SocketAddr, peer: SocketAddr) -> Rc<End> {
        let id = next(&self.0.streams);
        let links = (self.link(local.ip(), peer.ip()), self.link(peer.ip(), local.ip()));
        let end = Rc::new(End::new((id, host), (local, peer), links, self.0.window.get()));
        if end.outgoing.is_clogged.get() {
            self.clog_end(&end);
        }
        let mut by_address = self.0.by_address.borrow_mut();
        let mut ends = self.0.ends.borrow_mut();
        if let Some(other) = by_address.get(&(peer, local)).and_then(|other| ends.get(other)) {
            end.join(other);
        }
        by_address.insert((local, peer), id);
        ends.insert(id, end.clone());
        end
    }

    fn clog_end(&self, end: &End) {
        let room = self.dice("clog", end.id).within(0..=CLOGGED_BYTES_MAX);
        end.clog(usize::try_from(room).expect("few bytes"));
    }

    pub(super) fn remove_end(&self, end: &End) {
        self.0.ends.borrow_mut().remove(&end.id);
        let mut by_address = self.0.by_address.borrow_mut();
        let address = (end.local, end.peer);
        if by_address.get(&address) == Some(&end.id) {
            by_address.remove(&address);
        }
        self.record(Some(end.host), What::Close(end.id));
        if let Some(other) = end.other().filter(|_| end.is_alive() && !end.outgoing.is_cut.get()) {
            other.peer_left();
            self.0.news.borrow_mut().push_back((self.now() + self.0.journey.get(), other));
        }
    }

    pub(super) fn next_task(&self) -> u64 {
        next(&self.0.tasks)
    }
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay").field("seed", &self.0.seed).field("now", &self.0.now).finish()
    }
}

fn next(counter: &Cell<u64>) -> u64 {
    counter.set(counter.get() + 1);
    counter.get()
}
