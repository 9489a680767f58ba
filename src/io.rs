//! What every task does with a socket and the clock.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::AsyncWrite;

use crate::limits::WRITE_SLICES_MAX;
use crate::mutant::planted;
use crate::proto::output::Output;

/// Writes once, as much as the socket takes.
pub(crate) fn write_some(
    stream: &mut (impl AsyncWrite + Unpin),
    output: &mut Output,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let stream = Pin::new(stream);
    let written = match output.single() {
        Some(bytes) => ready!(stream.poll_write(cx, bytes))?,
        None => {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
            let filled = output.slices(&mut slices);
            ready!(stream.poll_write_vectored(cx, &slices[..filled]))?
        }
    };
    if written == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    let short = planted("short-write-taken-for-whole");
    output.advance(if short { output.len() } else { written });
    Poll::Ready(Ok(()))
}

/// The time, from the one clock.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
