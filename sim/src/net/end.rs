//! One end of a stream, as the faults see it, and what it knows of the other end.
//!
//! ```text
//! alive --forget--> forgotten --reset--> reset --tell--> told
//!   '----------------reset----------------^
//! ```

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

use super::link::Link;
use crate::trace::StreamId;

/// One end of a stream.
#[derive(Debug)]
pub(super) struct End {
    pub(super) id: StreamId,
    pub(super) host: usize,
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    /// The way of what is written here, and of what is read.
    pub(super) outgoing: Rc<Link>,
    pub(super) incoming: Rc<Link>,
    other: RefCell<Weak<End>>,
    fate: Cell<Fate>,
    /// The other end is gone, and has left this unread or has not.
    peer_left: Cell<Option<Leaving>>,
    /// How many bytes may still be written.
    room: Cell<usize>,
    /// How many bytes may be written that the other end has not read.
    window: Cell<usize>,
    /// How many were.
    unread: Cell<usize>,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Alive,
    /// Nothing arrives any more, and nobody says so.
    Forgotten,
    /// It is reset, and nobody here knows.
    Reset,
    /// It is reset, and that was said.
    Told,
}

/// How the other end was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    AllRead,
    Unread,
}

impl End {
    pub(super) fn new(
        (id, host): (StreamId, usize),
        (local, peer): (SocketAddr, SocketAddr),
        (outgoing, incoming): (Rc<Link>, Rc<Link>),
        window: usize,
    ) -> Self {
        End {
            id,
            host,
            local,
            peer,
            outgoing,
            incoming,
            other: RefCell::default(),
            fate: Cell::new(Fate::Alive),
            peer_left: Cell::default(),
            room: Cell::new(usize::MAX),
            window: Cell::new(window),
            unread: Cell::default(),
            reader: RefCell::default(),
            writer: RefCell::default(),
        }
    }

    /// Makes two ends those of one stream.
    pub(super) fn join(self: &Rc<Self>, other: &Rc<End>) {
        *self.other.borrow_mut() = Rc::downgrade(other);
        *other.other.borrow_mut() = Rc::downgrade(self);
    }

    /// The other end, if it is there.
    pub(super) fn other(&self) -> Option<Rc<End>> {
        self.other.borrow().upgrade()
    }

    /// What a read finds if the stream was reset: the error once, then the end.
    pub(super) fn read_after_reset(&self) -> Option<io::Result<()>> {
        match self.fate.get() {
            Fate::Alive | Fate::Forgotten => None,
            Fate::Reset => Some(Err(self.tell())),
            Fate::Told => Some(Ok(())),
        }
    }

    /// Fails a write if the stream was reset.
    pub(super) fn check_write(&self) -> io::Result<()> {
        match self.fate.get() {
            Fate::Alive | Fate::Forgotten => Ok(()),
            Fate::Reset => Err(self.tell()),
            Fate::Told => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// The error of a read or write that found the stream reset. Whoever writes to an end that was
    /// closed in good order is told of a broken pipe.
    pub(super) fn broken(&self, is_write: bool) -> io::Error {
        if is_write && self.peer_left.get() == Some(Leaving::AllRead) {
            return io::ErrorKind::BrokenPipe.into();
        }
        self.tell()
    }

    fn tell(&self) -> io::Error {
        self.fate.set(Fate::Told);
        io::ErrorKind::ConnectionReset.into()
    }

    pub(super) fn is_alive(&self) -> bool {
        self.fate.get() == Fate::Alive
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.fate.get() == Fate::Forgotten
    }

    /// Remembers whom to wake when the stream is reset during a read.
    pub(super) fn park_reader(&self, context: &Context<'_>) {
        park(&self.reader, context);
    }

    /// Remembers whom to wake when the stream is reset during a write.
    pub(super) fn park_writer(&self, context: &Context<'_>) {
        park(&self.writer, context);
    }

    pub(super) fn wake(&self) {
        self.reader.take().into_iter().for_each(Waker::wake);
        self.wake_writer();
    }

    fn wake_writer(&self) {
        self.writer.take().into_iter().for_each(Waker::wake);
    }

    /// How many bytes a clogged stream still takes.
    pub(super) fn room(&self) -> usize {
        self.room.get()
    }

    /// How many bytes may be written before the other end reads.
    pub(super) fn window(&self) -> usize {
        self.window.get().saturating_sub(self.unread.get())
    }

    /// So many were written.
    pub(super) fn wrote(&self, len: usize) {
        if self.room.get() != usize::MAX {
            self.room.set(self.room.get() - len);
        }
        self.unread.set(self.unread.get() + len);
        self.outgoing.wire.spend(len);
    }

    /// So many were read, which makes room for the other end.
    pub(super) fn has_read(&self, len: usize) {
        self.incoming.reader.spend(len);
        if let Some(other) = self.other() {
            other.unread.set(other.unread.get().saturating_sub(len));
            other.wake_writer();
        }
    }

    pub(super) fn clog(&self, room: usize) {
        self.room.set(room);
    }

    pub(super) fn unclog(&self) {
        self.room.set(usize::MAX);
        self.wake_writer();
    }

    /// The other end is closed: what is written from now on finds that out on the way.
    pub(super) fn peer_left(&self) {
        let has_unread = self.unread.get() > 0;
        self.peer_left.set(Some(if has_unread { Leaving::Unread } else { Leaving::AllRead }));
    }

    /// The news of it have arrived: nothing is waited for any more.
    pub(super) fn hear_of_peer(&self) {
        self.window.set(usize::MAX);
        self.unclog();
    }

    /// From now on nothing arrives, in either direction.
    pub(super) fn forget(&self) {
        if self.is_alive() {
            self.fate.set(Fate::Forgotten);
        }
    }

    pub(super) fn reset(&self) {
        if self.fate.get() != Fate::Told {
            self.fate.set(Fate::Reset);
        }
        self.wake();
    }
}

fn park(place: &RefCell<Option<Waker>>, context: &Context<'_>) {
    let mut place = place.borrow_mut();
    if !place.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
        *place = Some(context.waker().clone());
    }
}
