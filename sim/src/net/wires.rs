//! Connections in memory, between hosts that share one runtime: its clock jumps from one event to
//! the next, so that hours of virtual time cost what happens in them.
//!
//! ```text
//! connect --a journey--> Door (bound port) --> accept
//! Wire.write --Parcel, due a journey later--> Pipe --> Wire.read of the other end
//! ```
//!
//! As on turmoil's network, each write is one parcel, parcels of a pipe never overtake each other,
//! those between hosts that are held apart wait, and those between hosts that are cut apart are
//! lost, and their pipe with them. What makes byte streams of that is the overlay.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::ReadBuf;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::LinkSpeed;
use crate::dice::Dice;

/// The first port that is given to who connects.
const FIRST_OWN_PORT: u16 = 49_152;

/// All connections of a world. Cheap to clone: all clones are the same.
#[derive(Clone)]
pub(super) struct Wires(Rc<Shared>);

struct Shared {
    dice: RefCell<Dice>,
    speed: LinkSpeed,
    ways: RefCell<BTreeMap<(IpAddr, IpAddr), Rc<Way>>>,
    doors: RefCell<BTreeMap<SocketAddr, Weak<Doorway>>>,
    ports: Cell<u16>,
}

/// The way from one host to another.
struct Way {
    speed: Cell<LinkSpeed>,
    is_held: Cell<bool>,
    is_cut: Cell<bool>,
    /// Told when it is held no more.
    released: Notify,
    pipes: RefCell<Vec<Weak<Pipe>>>,
}

/// One direction of a connection.
struct Pipe {
    way: Rc<Way>,
    parcels: RefCell<VecDeque<Parcel>>,
    /// When the last one arrives.
    last_due: Cell<Option<Instant>>,
    /// A parcel was lost, so nothing after it can be read.
    is_dead: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    /// Whether anybody will read.
    is_read: Cell<bool>,
}

/// What one write gave, or how it ends.
struct Parcel {
    /// `None` while it is held.
    due: Option<Instant>,
    content: Content,
}

enum Content {
    Bytes(Bytes),
    End,
    /// The far end was closed with bytes unread.
    Reset,
}

/// One end of a connection.
pub(super) struct Wire {
    wires: Wires,
    local: SocketAddr,
    peer: SocketAddr,
    incoming: Rc<Pipe>,
    outgoing: Rc<Pipe>,
    has_ended: bool,
    /// When it is heard that what was sent found nobody.
    refused: Option<Instant>,
    /// Until the first parcel arrives.
    arrival: Option<Pin<Box<Sleep>>>,
}

/// A bound port.
pub(super) struct Door(Rc<Doorway>);

struct Doorway {
    local: SocketAddr,
    waiting: RefCell<VecDeque<Wire>>,
    came: Notify,
}

impl Wires {
    /// A world without connections, in which parcels travel as fast as `speed` says.
    pub(super) fn new(dice: Dice, speed: LinkSpeed) -> Wires {
        Wires(Rc::new(Shared {
            dice: RefCell::new(dice),
            speed,
            ways: RefCell::default(),
            doors: RefCell::default(),
            ports: Cell::new(FIRST_OWN_PORT),
        }))
    }

    /// Listens at a port of the host at `ip`; 0 is a free one.
    ///
    /// # Errors
    /// Somebody listens there.
    pub(super) fn bind(&self, ip: IpAddr, port: u16) -> io::Result<Door> {
        let port = if port == 0 { self.next_port() } else { port };
        let local = SocketAddr::new(ip, port);
        let mut doors = self.0.doors.borrow_mut();
        if doors.get(&local).is_some_and(|door| door.strong_count() > 0) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (waiting, came) = (RefCell::default(), Notify::new());
        let doorway = Rc::new(Doorway { local, waiting, came });
        doors.insert(local, Rc::downgrade(&doorway));
        Ok(Door(doorway))
    }

    /// Connects the host at `from` to `to`.
    ///
    /// # Errors
    /// Nobody listens there, or the hosts are cut apart.
    pub(super) async fn connect(&self, from: IpAddr, to: SocketAddr) -> io::Result<Wire> {
        let (there, back) = (self.way(from, to.ip()), self.way(to.ip(), from));
        self.travel(&there).await?;
        let doorway = self.0.doors.borrow().get(&to).and_then(Weak::upgrade);
        let Some(doorway) = doorway else {
            self.travel(&back).await?;
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let local = SocketAddr::new(from, self.next_port());
        let (outgoing, incoming) = (Pipe::on(&there), Pipe::on(&back));
        let far = Wire::new(self, (to, local), (Rc::clone(&outgoing), Rc::clone(&incoming)));
        let near = Wire::new(self, (local, to), (incoming, outgoing));
        doorway.waiting.borrow_mut().push_back(far);
        doorway.came.notify_one();
        // Who waits for the answer keeps no port open.
        drop(doorway);
        self.travel(&back).await?;
        Ok(near)
    }

    /// Nothing travels between the two until they are released.
    pub(super) fn hold(&self, a: IpAddr, b: IpAddr) {
        self.both(a, b, |way| way.is_held.set(true));
    }

    /// What was held arrives now.
    pub(super) fn release(&self, a: IpAddr, b: IpAddr) {
        self.both(a, b, |way| {
            way.is_held.set(false);
            way.pipes().iter().for_each(|pipe| pipe.release());
            way.released.notify_waiters();
        });
    }

    /// From now on all that is sent from one to the other is lost, and what is on its way.
    pub(super) fn cut(&self, from: IpAddr, to: IpAddr) {
        let way = self.way(from, to);
        way.is_cut.set(true);
        way.pipes().iter().for_each(|pipe| pipe.lose());
    }

    /// Ends that for new connections.
    pub(super) fn mend(&self, from: IpAddr, to: IpAddr) {
        self.way(from, to).is_cut.set(false);
    }

    /// Sets how long a parcel travels between the two from now on.
    pub(super) fn set_speed(&self, a: IpAddr, b: IpAddr, speed: LinkSpeed) {
        self.both(a, b, |way| way.speed.set(speed));
    }

    fn both(&self, a: IpAddr, b: IpAddr, change: impl Fn(&Way)) {
        change(&self.way(a, b));
        change(&self.way(b, a));
    }

    fn way(&self, from: IpAddr, to: IpAddr) -> Rc<Way> {
        let mut ways = self.0.ways.borrow_mut();
        let way = ways.entry((from, to)).or_insert_with(|| {
            Rc::new(Way {
                speed: Cell::new(self.0.speed),
                is_held: Cell::new(false),
                is_cut: Cell::new(false),
                released: Notify::new(),
                pipes: RefCell::default(),
            })
        });
        Rc::clone(way)
    }

    /// Waits as long as a parcel travels.
    async fn travel(&self, way: &Way) -> io::Result<()> {
        while way.is_held.get() {
            way.released.notified().await;
        }
        sleep(self.journey(way)).await;
        if way.is_cut.get() { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(()) }
    }

    fn journey(&self, way: &Way) -> Duration {
        let LinkSpeed { min, max } = way.speed.get();
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.0.dice.borrow_mut().within(us(min)..=us(max.max(min))))
    }

    fn next_port(&self) -> u16 {
        let port = self.0.ports.get();
        self.0.ports.set(port.checked_add(1).unwrap_or(FIRST_OWN_PORT));
        port
    }
}

impl Way {
    fn pipes(&self) -> Vec<Rc<Pipe>> {
        self.pipes.borrow().iter().filter_map(Weak::upgrade).collect()
    }
}

impl Pipe {
    fn on(way: &Rc<Way>) -> Rc<Pipe> {
        let pipe = Rc::new(Pipe {
            way: Rc::clone(way),
            parcels: RefCell::default(),
            last_due: Cell::new(None),
            is_dead: Cell::new(false),
            reader: RefCell::default(),
            is_read: Cell::new(true),
        });
        let mut pipes = way.pipes.borrow_mut();
        if pipes.len() == pipes.capacity() {
            pipes.retain(|pipe| pipe.strong_count() > 0);
        }
        pipes.push(Rc::downgrade(&pipe));
        pipe
    }

    /// Whether what is sent gets there, sooner or later.
    fn is_open(&self) -> bool {
        !self.is_dead.get() && !self.way.is_cut.get() && !self.way.is_held.get()
    }

    fn send(&self, content: Content, journey: Duration) {
        if self.way.is_cut.get() {
            self.lose();
        }
        if self.is_dead.get() || !self.is_read.get() {
            return;
        }
        let due = (!self.way.is_held.get()).then(|| {
            let due =
                (Instant::now() + journey).max(self.last_due.get().unwrap_or_else(Instant::now));
            self.last_due.set(Some(due));
            due
        });
        self.parcels.borrow_mut().push_back(Parcel { due, content });
        self.wake();
    }

    /// What is on its way is lost, and with it all that comes after.
    fn lose(&self) {
        self.is_dead.set(true);
        let now = Instant::now();
        let mut parcels = self.parcels.borrow_mut();
        let arrived = parcels.iter().take_while(|parcel| parcel.due.is_some_and(|due| due <= now));
        let arrived = arrived.count();
        parcels.truncate(arrived);
    }

    fn release(&self) {
        let now = Instant::now();
        for parcel in self.parcels.borrow_mut().iter_mut().filter(|parcel| parcel.due.is_none()) {
            parcel.due = Some(now);
        }
        self.last_due.set(self.last_due.get().max(Some(now)));
        self.wake();
    }

    /// Whether something like that has arrived, and was not read.
    fn has_arrived(&self, is_it: impl Fn(&Content) -> bool) -> bool {
        let (now, parcels) = (Instant::now(), self.parcels.borrow());
        let mut arrived =
            parcels.iter().take_while(|parcel| parcel.due.is_some_and(|due| due <= now));
        arrived.any(|parcel| is_it(&parcel.content))
    }

    fn wake(&self) {
        self.reader.take().into_iter().for_each(Waker::wake);
    }
}

impl Wire {
    fn new(
        wires: &Wires,
        (local, peer): (SocketAddr, SocketAddr),
        (incoming, outgoing): (Rc<Pipe>, Rc<Pipe>),
    ) -> Wire {
        let wires = wires.clone();
        let (has_ended, refused, arrival) = (false, None, None);
        Wire { wires, local, peer, incoming, outgoing, has_ended, refused, arrival }
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Bytes that have arrived.
    pub(super) fn arrived(&self) -> usize {
        let (now, parcels) = (Instant::now(), self.incoming.parcels.borrow());
        let arrived = parcels.iter().take_while(|parcel| parcel.due.is_some_and(|due| due <= now));
        let bytes = arrived.map(|parcel| match &parcel.content {
            Content::Bytes(bytes) => bytes.len(),
            Content::End | Content::Reset => 0,
        });
        bytes.sum()
    }

    /// Reads from the first parcel that has arrived; nothing is the end.
    ///
    /// # Errors
    /// The far end was closed with bytes unread.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_arrival(context));
        let mut parcels = self.incoming.parcels.borrow_mut();
        match parcels.front_mut().map(|parcel| &mut parcel.content) {
            Some(Content::Bytes(bytes)) => {
                let count = bytes.len().min(room.remaining());
                room.put_slice(&bytes[..count]);
                bytes.advance(count);
                if bytes.is_empty() {
                    parcels.pop_front();
                }
            }
            Some(Content::Reset) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            // The end stays where it is, to be read again.
            Some(Content::End) | None => {}
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until there is something to read, or the end.
    pub(super) fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let first = self.incoming.parcels.borrow().front().map(|parcel| parcel.due);
        let Some(Some(due)) = first else {
            *self.incoming.reader.borrow_mut() = Some(context.waker().clone());
            return Poll::Pending;
        };
        if due <= Instant::now() {
            return Poll::Ready(());
        }
        let arrival = self.arrival.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if arrival.deadline() != due {
            arrival.as_mut().reset(due);
        }
        arrival.as_mut().poll(context)
    }

    /// Sends a parcel.
    ///
    /// # Errors
    /// What was sent before has found nobody, or will not be read.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.incoming.has_arrived(|content| matches!(content, Content::Reset)) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let (now, journey) = (Instant::now(), self.wires.journey(&self.outgoing.way));
        if !self.outgoing.is_read.get() && self.outgoing.is_open() {
            let refused = self.refused.get_or_insert(now + 2 * journey);
            if *refused <= now {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        self.outgoing.send(Content::Bytes(Bytes::copy_from_slice(bytes)), journey);
        Ok(())
    }

    /// Sends the end.
    pub(super) fn end(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.outgoing.send(Content::End, self.wires.journey(&self.outgoing.way));
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.incoming.has_arrived(|content| matches!(content, Content::Bytes(_))) {
            self.outgoing.send(Content::Reset, self.wires.journey(&self.outgoing.way));
        } else {
            self.end();
        }
        self.incoming.is_read.set(false);
        self.incoming.parcels.borrow_mut().clear();
    }
}

impl Door {
    /// Where it is.
    pub(super) fn port(&self) -> u16 {
        self.0.local.port()
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> Wire {
        loop {
            let came = self.0.came.notified();
            let next = self.0.waiting.borrow_mut().pop_front();
            match next {
                Some(wire) => return wire,
                None => came.await,
            }
        }
    }
}
