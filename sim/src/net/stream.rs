//! A byte stream over one of turmoil's. turmoil delivers each write whole, as one read; here reads
//! and writes end anywhere, several writes arrive as one read, and a stream can be reset.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use super::overlay::{End, Overlay, Tap};
use crate::dice::Dice;
use crate::trace::{Rolling, StreamId, What};

/// What one write takes at most, in bytes: the send buffer of a socket.
const WRITE_BYTES_MAX: usize = 256 * 1024;

/// What one read gives at most, in bytes.
const READ_BYTES_MAX: usize = 256 * 1024;

/// One end of a connection.
pub struct SimStream {
    inner: TcpStream,
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
    pub(super) fn new(inner: TcpStream, overlay: Overlay, end: Rc<End>) -> Self {
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

    fn record(&self, what: What) {
        self.overlay.record(Some(self.end.host), what);
    }

    /// Fails if the stream was reset, and says so in the trace.
    fn check(&self) -> io::Result<()> {
        self.end.check().inspect_err(|error| self.record(What::Broken(self.id(), error.kind())))
    }

    /// Reads into `room` from as many segments as have arrived; 0 is the end of the stream.
    fn read(&mut self, context: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut filled = 0;
        while filled < room.len() {
            let mut part = ReadBuf::new(&mut room[filled..]);
            match Pin::new(&mut self.inner).poll_read(context, &mut part) {
                Poll::Ready(Ok(())) if part.filled().is_empty() => break,
                Poll::Ready(Ok(())) => filled += part.filled().len(),
                // turmoil says this again the next time.
                Poll::Ready(Err(_)) | Poll::Pending if filled > 0 => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(filled))
    }

    /// How many of `len` bytes this write takes; `None` if it must wait.
    fn accepted(&mut self, context: &Context<'_>, len: usize) -> Option<usize> {
        let grain = self.overlay.grain();
        if self.dice.chance(grain.full_buffers) {
            context.waker().wake_by_ref();
            return None;
        }
        let len = len.min(WRITE_BYTES_MAX).min(self.end.room());
        if len == 0 {
            self.end.park_writer(context);
            return None;
        }
        Some(if self.dice.chance(grain.short_writes) { self.dice.cut(len) } else { len })
    }

    fn write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(context, bytes);
        match &outcome {
            Poll::Ready(Ok(len)) => {
                self.end.fill(*len);
                let written = &bytes[..*len];
                self.record(What::Write(self.id(), *len, Rolling::of(written)));
                if let Some(tap) = &self.tap {
                    tap.wrote(self.id(), self.end.peer, written);
                }
            }
            Poll::Ready(Err(error)) => self.record(What::Broken(self.id(), error.kind())),
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
        this.check()?;
        let mut wanted = buffer.remaining().min(READ_BYTES_MAX);
        if wanted == 0 {
            return Poll::Ready(Ok(()));
        }
        if this.dice.chance(this.overlay.grain().short_reads) {
            wanted = this.dice.cut(wanted);
        }
        let room = buffer.initialize_unfilled_to(wanted);
        let outcome = this.read(context, room);
        match &outcome {
            Poll::Ready(Ok(0)) => this.record(What::EndOfStream(this.id())),
            Poll::Ready(Ok(len)) => {
                this.record(What::Read(this.id(), *len, Rolling::of(&room[..*len])));
            }
            Poll::Ready(Err(error)) => this.record(What::Broken(this.id(), error.kind())),
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
        this.check()?;
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
        this.check()?;
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
        Poll::Ready(self.get_mut().check())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        if this.is_shutdown {
            return Poll::Ready(Ok(()));
        }
        this.is_shutdown = true;
        Pin::new(&mut this.inner).poll_shutdown(context)
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
