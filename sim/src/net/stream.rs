//! A byte stream over a carrier's, which delivers each write whole, as one read; here reads and
//! writes end anywhere, several writes arrive as one read, and a stream can be reset.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::carrier::Socket;
use super::effect::Effect;
use super::end::End;
use super::overlay::{Overlay, Tap};
use crate::dice::Dice;
use crate::trace::{Rolling, StreamId, What};

/// What one write takes at most, in bytes: the send buffer of a socket.
const WRITE_BYTES_MAX: usize = 256 * 1024;

/// What one read gives at most, in bytes.
const READ_BYTES_MAX: usize = 256 * 1024;

/// One end of a connection.
pub struct SimStream {
    inner: Socket,
    overlay: Overlay,
    end: Rc<End>,
    dice: Dice,
    tap: Option<Rc<dyn Tap>>,
    /// The first bytes of a vectored write, gathered; kept for its allocation.
    gathered: Vec<u8>,
    /// The writing side was shut down.
    is_shutdown: bool,
}

impl SimStream {
    pub(super) fn new(inner: Socket, overlay: Overlay, end: Rc<End>) -> Self {
        let dice = overlay.dice("stream", end.id);
        let tap = overlay.tap(end.host);
        let gathered = Vec::new();
        SimStream { inner, overlay, end, dice, tap, gathered, is_shutdown: false }
    }

    /// The number of this end.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.end.id
    }

    /// Its own address.
    pub(super) fn local(&self) -> SocketAddr {
        self.end.local
    }

    fn record(&self, what: What) {
        self.overlay.record(Some(self.end.host), what);
    }

    /// Ends it unheard: what the other end is told is that it was reset, if anything gets there.
    pub(super) fn abandon(self) {
        self.end.reset();
        if let Some(other) = self.end.other().filter(|_| !self.end.outgoing.is_cut.get()) {
            self.overlay.effect(Effect::Orphaned);
            other.reset();
        }
    }

    /// Says in the trace that the stream is broken.
    fn broken(&self, error: &io::Error) {
        self.record(What::Broken(self.id(), error.kind()));
    }

    /// Fails if the stream was reset, or this side of it shut down.
    fn check_write(&self) -> io::Result<()> {
        if self.is_shutdown {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.end.check_write().inspect_err(|error| self.broken(error))
    }

    /// Reads into `room` from as many segments as have arrived; 0 is the end of the stream.
    fn read(&mut self, context: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut filled = 0;
        while filled < room.len() {
            let mut part = ReadBuf::new(&mut room[filled..]);
            match self.inner.poll_read(context, &mut part) {
                Poll::Ready(Ok(())) if part.filled().is_empty() => break,
                Poll::Ready(Ok(())) => filled += part.filled().len(),
                // The carrier says this again the next time.
                Poll::Ready(Err(_)) | Poll::Pending if filled > 0 => break,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(self.end.broken(false))),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(filled))
    }

    /// How many of `len` bytes may be read now; none where nothing arrives, or nobody reads.
    fn readable(&mut self, context: &mut Context<'_>, len: usize) -> usize {
        if self.end.is_forgotten() {
            return 0;
        }
        if self.overlay.is_frozen(self.end.host) {
            if self.inner.has_arrived(context) {
                self.overlay.effect(Effect::FrozenRead);
            }
            return 0;
        }
        len.min(self.end.incoming.reader.left())
    }

    /// How many of `len` bytes this write takes; `None` if it must wait.
    fn accepted(&mut self, context: &Context<'_>, len: usize) -> Option<usize> {
        let grain = self.overlay.grain();
        if self.dice.chance(grain.full_buffers) {
            context.waker().wake_by_ref();
            return None;
        }
        let (window, wire) = (self.end.window(), self.end.outgoing.wire.left());
        if window == 0 {
            self.overlay.effect(Effect::WindowFull);
        } else if wire == 0 {
            self.overlay.effect(Effect::NarrowLink);
        }
        let len = len.min(WRITE_BYTES_MAX).min(self.end.room()).min(window).min(wire);
        if len == 0 || self.overlay.is_frozen(self.end.host) {
            self.end.park_writer(context);
            return None;
        }
        Some(if self.dice.chance(grain.short_writes) { self.dice.cut(len) } else { len })
    }

    /// Gives bytes to the carrier, or to nobody.
    fn pass_on(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.end.is_forgotten() {
            self.overlay.effect(Effect::Forgotten);
            return Poll::Ready(Ok(bytes.len()));
        }
        if self.end.outgoing.is_cut.get() && !self.end.incoming.is_cut.get() {
            self.overlay.effect(Effect::LostOneWay);
        }
        self.inner.poll_write(context, bytes)
    }

    fn write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = self.pass_on(context, bytes).map_err(|_| self.end.broken(true));
        match &outcome {
            Poll::Ready(Ok(len)) => {
                self.end.wrote(*len);
                let written = &bytes[..*len];
                self.record(What::Write(self.id(), *len, Rolling::of(written)));
                if let Some(tap) = &self.tap {
                    tap.wrote(self.id(), self.end.peer, written);
                }
            }
            Poll::Ready(Err(error)) => self.broken(error),
            Poll::Pending => self.end.park_writer(context),
        }
        outcome
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimStream").field("end", &self.end).finish_non_exhaustive()
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(outcome) = this.end.read_after_reset() {
            return Poll::Ready(outcome.inspect_err(|error| this.broken(error)));
        }
        let wanted = buffer.remaining().min(READ_BYTES_MAX);
        if wanted == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut wanted = this.readable(context, wanted);
        if wanted == 0 {
            this.end.park_reader(context);
            return Poll::Pending;
        }
        if this.dice.chance(this.overlay.grain().short_reads) {
            wanted = this.dice.cut(wanted);
        }
        // No more is made ready than there is to be read: buffers are large, and mostly empty.
        let wanted = wanted.min(this.inner.arrived().max(1));
        let room = buffer.initialize_unfilled_to(wanted);
        let outcome = this.read(context, room);
        match &outcome {
            Poll::Ready(Ok(0)) => this.record(What::EndOfStream(this.id())),
            Poll::Ready(Ok(len)) => {
                if *len == this.end.incoming.reader.left() {
                    this.overlay.effect(Effect::SlowRead);
                }
                this.end.has_read(*len);
                this.record(What::Read(this.id(), *len, Rolling::of(&room[..*len])));
                if let Some(tap) = &this.tap {
                    tap.read(this.id(), this.end.peer, &room[..*len]);
                }
            }
            Poll::Ready(Err(error)) => this.broken(error),
            Poll::Pending => this.end.park_reader(context),
        }
        buffer.advance(ready!(outcome)?);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_write()?;
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let Some(len) = this.accepted(context, bytes.len()) else { return Poll::Pending };
        this.write(context, &bytes[..len])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_write()?;
        let offered = slices.iter().map(|slice| slice.len()).sum();
        if offered == 0 {
            return Poll::Ready(Ok(0));
        }
        let Some(len) = this.accepted(context, offered) else { return Poll::Pending };
        let mut gathered = std::mem::take(&mut this.gathered);
        gathered.clear();
        for slice in slices {
            let wanted = slice.len().min(len - gathered.len());
            gathered.extend_from_slice(&slice[..wanted]);
        }
        let outcome = this.write(context, &gathered);
        this.gathered = gathered;
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // A socket that was reset has nothing left to shut down, and that is no error.
        if this.is_shutdown || this.end.check_write().is_err() {
            return Poll::Ready(Ok(()));
        }
        this.is_shutdown = true;
        if this.end.is_forgotten() {
            return Poll::Ready(Ok(()));
        }
        this.inner.poll_shutdown(context).map(|_| Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        if let Some(tap) = &self.tap {
            tap.closed(self.id());
        }
        self.overlay.remove_end(&self.end);
    }
}
