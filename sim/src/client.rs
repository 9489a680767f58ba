//! A client that follows its script: pipelines, reads what comes, tells the recorder, and connects
//! again when it was cut off.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use redpoll::net::Net;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::history::End;
use crate::net::{SimNet, SimStream};
use crate::recorder::Recorder;
use crate::resp::{command, frame_len};
use crate::workload::{Id, Script};
use crate::world::ms;

/// Pause before another attempt to connect.
const RETRY: Duration = Duration::from_millis(10);

/// How long a client listens on when everything is answered: whatever comes then is too much.
const LISTENS_ON: Duration = Duration::from_millis(30);

/// What the proxy says to one for the rest of whose command it finds no room.
pub(crate) const NO_MEMORY: &[u8] = b"-ERR no memory for the command";

/// A scripted client.
pub struct Client {
    /// Its number.
    pub number: u16,
    /// The network as it sees it.
    pub net: SimNet,
    /// Where the proxy is.
    pub proxy: SocketAddr,
    /// What it does, without gaps.
    pub script: Script,
    /// The places that its commands have in the plan.
    pub places: Vec<u32>,
    /// When everything is well again.
    pub well_from: Duration,
    /// What its bursts and pauses are drawn from.
    pub dice: Dice,
    /// Whom it tells.
    pub recorder: Recorder,
    /// Told when it is to leave.
    pub leave: Rc<Notify>,
}

/// How far a connection is, shared between its two directions.
#[derive(Default)]
struct Pace {
    /// `HELLO` is answered, or was not needed.
    is_greeted: Cell<bool>,
    sent: Cell<usize>,
    answered: Cell<usize>,
    changed: Notify,
}

impl Client {
    /// Follows the script to its end, or to that of the proxy.
    pub async fn run(mut self) {
        let mut next = 0;
        while next < self.script.commands.len() {
            let Ok(stream) = self.net.connect(self.proxy).await else {
                if self.recorder.is_draining() {
                    return;
                }
                sleep(RETRY).await;
                continue;
            };
            let conversation = self.recorder.begin(self.script.resp3);
            let pace = Pace::default();
            let end = self.converse(stream, conversation, next, &pace).await;
            next += pace.sent.get();
            if end == End::Garbled || (end == End::Closed && self.recorder.is_draining()) {
                return;
            }
        }
    }

    /// One connection, from the command number `first` on.
    async fn converse(
        &mut self,
        stream: SimStream,
        conversation: usize,
        first: usize,
        pace: &Pace,
    ) -> End {
        let (read, write) = split(stream);
        let recorder = self.recorder.clone();
        let left = self.script.commands.len() - first;
        let mut ear = Ear { read, buffer: BytesMut::new(), recorder, conversation, left };
        let leave = self.leave.clone();
        let end = {
            let mut leaving = pin!(leave.notified());
            let mut talking = pin!(self.talk(write, conversation, first, pace));
            let mut hearing = pin!(ear.hear(pace));
            let mut is_silent = false;
            poll_fn(|context| {
                if leaving.as_mut().poll(context).is_ready() {
                    return Poll::Ready(End::Left);
                }
                // Where writing fails, reading soon fails too, and says more.
                is_silent = is_silent || talking.as_mut().poll(context).is_ready();
                hearing.as_mut().poll(context)
            })
            .await
        };
        // Who leaves may leave in the middle of a reply; otherwise what is left is too much.
        let rest: &[u8] = if end == End::Left { b"" } else { &ear.buffer };
        self.recorder.ended(conversation, end, rest);
        end
    }

    /// Sends commands in bursts, with no more unanswered than the script allows.
    async fn talk(
        &mut self,
        mut write: WriteHalf<SimStream>,
        conversation: usize,
        first: usize,
        pace: &Pace,
    ) -> io::Result<()> {
        if self.script.resp3 {
            write.write_all(&command(&["HELLO", "3"])).await?;
            pace.until(|| pace.is_greeted.get()).await;
        }
        pace.is_greeted.set(true);
        let late = self.script.commands.len().saturating_sub(self.script.late);
        let mut number = first;
        while number < self.script.commands.len() {
            let rest = if number < late {
                late - number
            } else {
                sleep(self.well_from.saturating_sub(self.net.now())).await;
                self.script.commands.len() - number
            };
            pace.until(|| pace.unanswered() < self.script.depth).await;
            let room = self.script.depth - pace.unanswered();
            let most = room.min(rest);
            let mut burst = Vec::new();
            for _ in 0..self.dice.within(1..=most as u64) {
                burst.extend_from_slice(&self.ask(conversation, number, pace));
                number += 1;
            }
            write.write_all(&burst).await?;
            sleep(ms(self.dice.within(0..=self.script.pause_ms))).await;
        }
        Ok(())
    }

    /// The bytes of a command, from now on counted as sent.
    fn ask(&self, conversation: usize, number: usize, pace: &Pace) -> Vec<u8> {
        let text = &self.script.commands[number];
        let args: Vec<Vec<u8>> = text.iter().map(|arg| arg.clone().into_bytes()).collect();
        let frame = command(&args);
        let id = Id { client: self.number, seq: self.places[number] };
        self.recorder.asked(conversation, id, args);
        pace.sent.set(pace.sent.get() + 1);
        frame
    }
}

impl Pace {
    fn unanswered(&self) -> usize {
        self.sent.get() - self.answered.get()
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        while !is_so() {
            self.changed.notified().await;
        }
    }
}

/// The receiving side of a client.
struct Ear {
    read: ReadHalf<SimStream>,
    buffer: BytesMut,
    recorder: Recorder,
    conversation: usize,
    /// Replies to come if all goes well.
    left: usize,
}

impl Ear {
    async fn hear(&mut self, pace: &Pace) -> End {
        loop {
            if let Err(end) = self.take(pace) {
                return end;
            }
            let is_done = pace.answered.get() == self.left;
            let reading = self.read.read_buf(&mut self.buffer);
            let outcome = if is_done {
                let Ok(outcome) = timeout(LISTENS_ON, reading).await else { return End::Finished };
                outcome
            } else {
                reading.await
            };
            if matches!(outcome, Ok(0) | Err(_)) {
                return End::Closed;
            }
        }
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
