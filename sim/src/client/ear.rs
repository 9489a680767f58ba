//! The receiving side of a client.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::time::{sleep, timeout};

use super::Pace;
use crate::history::End;
use crate::net::{SimNet, SimStream};
use crate::recorder::Recorder;
use crate::resp::frame_len;
use crate::workload::Slow;
use crate::world::ms;

/// How long a client listens on when everything is answered: whatever comes then is too much.
const LISTENS_ON: Duration = Duration::from_millis(30);

/// How long one that has shut its writing side down waits for the end then: longer than it takes to
/// find out that nobody knows the connection any more.
const WAITS_FOR_THE_END: Duration = Duration::from_secs(3);

/// What the proxy says to one for the rest of whose command it finds no room.
pub(crate) const NO_MEMORY: &[u8] = b"-ERR no memory for the command";

/// What reads, and tells the recorder.
pub(super) struct Ear {
    pub(super) read: ReadHalf<SimStream>,
    pub(super) net: SimNet,
    pub(super) recorder: Recorder,
    pub(super) conversation: usize,
    /// Replies to come if all goes well.
    pub(super) left: usize,
    /// When little is read at a time.
    pub(super) slow: Option<Slow>,
    /// What was read and not understood.
    pub(super) buffer: BytesMut,
}

impl Ear {
    /// Hears everything, to the end.
    pub(super) async fn hear(&mut self, pace: &Pace) -> End {
        loop {
            if let Err(end) = self.take(pace) {
                return end;
            }
            let is_done = pace.answered.get() == self.left;
            // Who shuts it down does so before the last reply can come.
            let is_shut = pace.is_shut.get();
            let (patience, then) = match (is_done, is_shut) {
                (false, _) => (None, End::Closed),
                (true, false) => (Some(LISTENS_ON), End::Finished),
                (true, true) => (Some(WAITS_FOR_THE_END), End::Unended),
            };
            let Some(outcome) = within(patience, self.read_some()).await else { return then };
            match outcome {
                Ok(0) if is_done && is_shut => return End::Finished,
                Ok(0) | Err(_) => return End::Closed,
                Ok(_) => {}
            }
        }
    }

    /// Reads what there is, or little of it.
    async fn read_some(&mut self) -> io::Result<usize> {
        let since = self.net.now();
        let is_slow = |slow: &Slow| (ms(slow.from_ms)..ms(slow.until_ms)).contains(&since);
        let Some(slow) = self.slow.filter(is_slow) else {
            return self.read.read_buf(&mut self.buffer).await;
        };
        sleep(ms(slow.pause_ms)).await;
        // How long it waits for more than that is no matter of its own.
        self.recorder.read_slowly(self.conversation, since);
        let mut few = (&mut self.read).take(slow.bytes as u64);
        few.read_buf(&mut self.buffer).await
    }

    /// Takes the replies that are complete.
    fn take(&mut self, pace: &Pace) -> Result<(), End> {
        while let Some(len) = frame_len(&self.buffer).map_err(|_| End::Garbled)? {
            if !pace.is_greeted.get() && self.buffer[0] == b'%' {
                drop(self.buffer.split_to(len));
                pace.is_greeted.set(true);
            } else if !pace.is_greeted.get() && self.buffer.starts_with(NO_MEMORY) {
                // `HELLO` came in parts, and was given up. It closes now.
                drop(self.buffer.split_to(len));
            } else if pace.unanswered() == 0 {
                // It answers nothing, and stays in the buffer as the proof.
                return Err(End::Garbled);
            } else {
                let frame = self.buffer.split_to(len).freeze();
                self.recorder.replied(self.conversation, pace.answered.get(), frame);
                pace.answered.set(pace.answered.get() + 1);
            }
            pace.changed.notify_one();
        }
        Ok(())
    }
}

/// What comes of something in this time, if that is limited.
async fn within<T>(patience: Option<Duration>, something: impl Future<Output = T>) -> Option<T> {
    match patience {
        Some(patience) => timeout(patience, something).await.ok(),
        None => Some(something.await),
    }
}
