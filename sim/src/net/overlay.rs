//! What is laid over turmoil's network to make it as bad as a real one: the state that all hosts'
//! [`SimNet`](super::SimNet)s share, and the faults that go into it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::dice::Dice;
use crate::trace::{Event, StreamId, Trace, What};

/// What a clogged stream still takes at most, in bytes.
const CLOGGED_BYTES_MAX: u64 = 200;

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

/// Somebody who sees what a host writes.
pub trait Tap {
    /// A connection to `peer` is wanted.
    fn connecting(&self, peer: SocketAddr);

    /// A stream to `peer` took these bytes.
    fn wrote(&self, stream: StreamId, peer: SocketAddr, bytes: &[u8]);

    /// A stream is gone.
    fn closed(&self, stream: StreamId);
}

/// The shared state. Cheap to clone: all clones are the same overlay.
#[derive(Clone)]
pub struct Overlay(Rc<Shared>);

struct Shared {
    seed: u64,
    grain: Cell<Grain>,
    now: Cell<Duration>,
    trace: RefCell<Trace>,
    hosts: RefCell<Vec<(Rc<str>, IpAddr)>>,
    names: RefCell<BTreeMap<Box<str>, Lookup>>,
    /// Between whom no connection can be made: who wants it, and to whom.
    obstacles: RefCell<BTreeMap<(IpAddr, IpAddr), Obstacle>>,
    /// Told when an obstacle was taken away.
    cleared: Notify,
    /// From whom to whom streams take no more than a few bytes.
    clogs: RefCell<BTreeSet<(IpAddr, IpAddr)>>,
    ends: RefCell<BTreeMap<StreamId, Rc<End>>>,
    taps: RefCell<BTreeMap<usize, Rc<dyn Tap>>>,
    streams: Cell<StreamId>,
    tasks: Cell<u64>,
}

/// One end of a stream, as the faults see it.
#[derive(Debug)]
pub(super) struct End {
    pub(super) id: StreamId,
    pub(super) host: usize,
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    reset: Cell<bool>,
    /// How many bytes may still be written.
    room: Cell<usize>,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
}

impl Overlay {
    /// An overlay for the run of `seed`; `keep_all` events of its trace, or only the last ones.
    #[must_use]
    pub fn new(seed: u64, grain: Grain, keep_all: bool) -> Self {
        Overlay(Rc::new(Shared {
            seed,
            grain: Cell::new(grain),
            now: Cell::default(),
            trace: RefCell::new(Trace::new(keep_all)),
            hosts: RefCell::default(),
            names: RefCell::default(),
            obstacles: RefCell::default(),
            cleared: Notify::new(),
            clogs: RefCell::default(),
            ends: RefCell::default(),
            taps: RefCell::default(),
            streams: Cell::default(),
            tasks: Cell::default(),
        }))
    }

    /// Changes the grain for what is opened and spawned from now on, and for open streams too.
    pub fn set_grain(&self, grain: Grain) {
        self.0.grain.set(grain);
    }

    /// From now on nobody at `from` gets a connection to `to`.
    pub fn obstruct(&self, from: IpAddr, to: IpAddr, obstacle: Obstacle) {
        self.0.obstacles.borrow_mut().insert((from, to), obstacle);
    }

    /// Takes that obstacle away; connects that hang go on.
    pub fn clear(&self, from: IpAddr, to: IpAddr) {
        self.0.obstacles.borrow_mut().remove(&(from, to));
        self.0.cleared.notify_waiters();
    }

    /// Resets every stream between the two hosts, whoever opened it: the next read or write at
    /// either end fails with `ConnectionReset`, and what was under way is lost. Says how many ends
    /// there were.
    pub fn reset(&self, a: IpAddr, b: IpAddr) -> usize {
        let ends = self.between(a, b);
        ends.iter().for_each(|end| end.reset());
        ends.len()
    }

    /// The ends of the streams between two hosts.
    pub(super) fn between(&self, a: IpAddr, b: IpAddr) -> Vec<Rc<End>> {
        let between = |end: &&Rc<End>| {
            let ends = (end.local.ip(), end.peer.ip());
            ends == (a, b) || ends == (b, a)
        };
        self.0.ends.borrow().values().filter(between).cloned().collect()
    }

    /// From now on every stream from one host to another takes a few bytes more, then none: the
    /// reader does not read, and all buffers are full.
    pub fn clog(&self, from: IpAddr, to: IpAddr) {
        self.0.clogs.borrow_mut().insert((from, to));
        let ends = self.0.ends.borrow();
        let ends = ends.values().filter(|end| (end.local.ip(), end.peer.ip()) == (from, to));
        ends.for_each(|end| self.clog_end(end));
    }

    /// Ends that; writes that wait go on.
    pub fn unclog(&self, from: IpAddr, to: IpAddr) {
        self.0.clogs.borrow_mut().remove(&(from, to));
        for end in self.0.ends.borrow().values() {
            if (end.local.ip(), end.peer.ip()) == (from, to) {
                end.room.set(usize::MAX);
                end.writer.take().into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Makes `name` resolve to this.
    pub fn set_name(&self, name: &str, lookup: Lookup) {
        self.0.names.borrow_mut().insert(name.into(), lookup);
    }

    /// The virtual time, to the tick.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.now.get()
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
    pub fn describe(&self, event: &Event) -> String {
        let hosts = self.0.hosts.borrow();
        let host = event.host.map_or("world", |host| &hosts[host].0);
        format!("{:>10.3}ms {host:<8} {}", event.at.as_secs_f64() * 1e3, event.what)
    }

    /// The dice of a component of this run.
    #[must_use]
    pub fn dice(&self, name: &str, index: u64) -> Dice {
        Dice::fork(self.0.seed, name, index)
    }

    pub(super) fn set_now(&self, now: Duration) {
        self.0.now.set(now);
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
    pub(super) async fn pass(&self, from: IpAddr, to: IpAddr) -> io::Result<()> {
        loop {
            let cleared = self.0.cleared.notified();
            let obstacle = self.0.obstacles.borrow().get(&(from, to)).copied();
            match obstacle {
                None => return Ok(()),
                Some(Obstacle::Refused) => return Err(io::ErrorKind::ConnectionRefused.into()),
                Some(Obstacle::Hanging) => cleared.await,
            }
        }
    }

    pub(super) fn add_end(&self, host: usize, local: SocketAddr, peer: SocketAddr) -> Rc<End> {
        let end = Rc::new(End {
            id: next(&self.0.streams),
            host,
            local,
            peer,
            reset: Cell::default(),
            room: Cell::new(usize::MAX),
            reader: RefCell::default(),
            writer: RefCell::default(),
        });
        if self.0.clogs.borrow().contains(&(local.ip(), peer.ip())) {
            self.clog_end(&end);
        }
        self.0.ends.borrow_mut().insert(end.id, end.clone());
        end
    }

    fn clog_end(&self, end: &End) {
        let room = self.dice("clog", end.id).within(0..=CLOGGED_BYTES_MAX);
        end.room.set(usize::try_from(room).expect("few bytes"));
    }

    pub(super) fn remove_end(&self, end: &End) {
        self.0.ends.borrow_mut().remove(&end.id);
        self.record(Some(end.host), What::Close(end.id));
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

impl End {
    /// The error of a stream that was reset.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.reset.get() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    /// Remembers whom to wake when the stream is reset during a read.
    pub(super) fn park_reader(&self, context: &Context<'_>) {
        park(&self.reader, context);
    }

    /// Remembers whom to wake when the stream is reset during a write.
    pub(super) fn park_writer(&self, context: &Context<'_>) {
        park(&self.writer, context);
    }

    /// How many bytes may be written now.
    pub(super) fn room(&self) -> usize {
        self.room.get()
    }

    /// So many were.
    pub(super) fn fill(&self, len: usize) {
        if self.room.get() != usize::MAX {
            self.room.set(self.room.get() - len);
        }
    }

    pub(super) fn reset(&self) {
        self.reset.set(true);
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

fn park(place: &RefCell<Option<Waker>>, context: &Context<'_>) {
    let mut place = place.borrow_mut();
    if !place.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
        *place = Some(context.waker().clone());
    }
}

fn next(counter: &Cell<u64>) -> u64 {
    counter.set(counter.get() + 1);
    counter.get()
}
