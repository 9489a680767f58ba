//! A client that follows its script: pipelines, reads what comes, tells the recorder, and connects
//! again when it was cut off, or has left for its manners.
//!
//! - `ear`: its receiving side

mod ear;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use redpoll::net::Net;
use tokio::io::{AsyncWriteExt, WriteHalf, split};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::history::{End, Half};
use crate::net::{SimNet, SimStream};
use crate::recorder::Recorder;
use crate::resp::command;
use crate::workload::{Exit, Id, Script};
use crate::world::ms;
use ear::Ear;

pub(crate) use ear::NO_MEMORY;

/// Pause before another attempt to connect.
const RETRY: Duration = Duration::from_millis(10);

/// How long an attempt to connect may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(1);

/// From then on a client whose connection ended does not come back, if the proxies answer anybody
/// at all: in little memory a long script takes longer than a run may.
const WEARY_FROM: Duration = Duration::from_secs(90);

/// Within how long somebody was answered, if the proxies answer at all.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// How long one that leaves tries to send what it sends last.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A scripted client.
pub struct Client {
    /// Its number.
    pub number: u16,
    /// The network as it sees it.
    pub net: SimNet,
    /// Where the proxies are.
    pub proxies: Vec<SocketAddr>,
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
    /// The writing side is shut down.
    is_shut: Cell<bool>,
    /// It leaves, and reads no more.
    is_leaving: Cell<bool>,
    /// Commands that were sent in part.
    halves: Cell<usize>,
    changed: Notify,
}

impl Client {
    /// Follows the script to its end, or to that of the proxy.
    pub async fn run(mut self) {
        let mut next = 0;
        let mut proxy = usize::from(self.number) % self.proxies.len();
        while next < self.script.commands.len() {
            // On turmoil, one to a host that was killed meanwhile would be waited for for ever.
            let connecting = timeout(CONNECTS_WITHIN, self.net.connect(self.proxies[proxy]));
            let Ok(Ok(stream)) = connecting.await else {
                if self.recorder.has_nobody_left() {
                    return;
                }
                sleep(RETRY).await;
                proxy = (proxy + 1) % self.proxies.len();
                continue;
            };
            let conversation = self.recorder.begin(proxy, self.script.resp3);
            let pace = Pace::default();
            let end = self.converse(stream, conversation, next, &pace).await;
            next += pace.sent.get() + pace.halves.get();
            if end == End::Garbled || (end == End::Closed && self.recorder.has_nobody_left()) {
                return;
            }
            if self.is_weary() {
                return;
            }
            if end == End::Closed {
                proxy = (proxy + 1) % self.proxies.len();
            }
        }
    }

    /// Whether it has tried for long enough, without being shut out.
    fn is_weary(&self) -> bool {
        let now = self.net.now();
        now > WEARY_FROM && self.recorder.has_answered_since(now - ANSWERS_WITHIN)
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
        let (net, slow) = (self.net.clone(), self.script.manners.slow);
        let buffer = BytesMut::new();
        let mut ear = Ear { read, net, recorder, conversation, left, slow, buffer };
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
                match (pace.is_leaving.get(), is_silent) {
                    (true, true) => Poll::Ready(End::Left),
                    (true, false) => Poll::Pending,
                    (false, _) => hearing.as_mut().poll(context),
                }
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
            if let Some((last, exit)) = self.exit_within(number, most) {
                let half = exit.bytes.map(|bytes| self.half(last, bytes));
                let whole = number..last + usize::from(half.is_none());
                let words = [self.ask(conversation, whole, pace), start_of(half.as_ref())].concat();
                self.abandon(conversation, half, pace);
                return leave(write, &words, ms(exit.stays_ms)).await;
            }
            let burst = self.dice.within(1..=most as u64);
            let until = number + usize::try_from(burst).expect("no more than there is room for");
            write.write_all(&self.ask(conversation, number..until, pace)).await?;
            number = until;
            if number < self.script.commands.len() {
                sleep(ms(self.dice.within(0..=self.script.pause_ms))).await;
            }
        }
        if self.script.manners.half_closes {
            write.shutdown().await?;
            self.recorder.shut(conversation);
            pace.is_shut.set(true);
        }
        Ok(())
    }

    /// The command among the next ones with which it leaves: its number, and how.
    fn exit_within(&self, number: usize, most: usize) -> Option<(usize, Exit)> {
        let exit_at = |place: &u32| {
            let exits = &self.script.manners.exits;
            exits.binary_search_by_key(place, |exit| exit.place).ok().map(|found| exits[found])
        };
        let places = self.places.iter().enumerate().skip(number).take(most);
        places.filter_map(|(number, place)| Some((number, exit_at(place)?))).next()
    }

    /// The bytes of these commands, from now on counted as sent.
    fn ask(&self, conversation: usize, numbers: Range<usize>, pace: &Pace) -> Vec<u8> {
        let mut frames = Vec::new();
        for number in numbers {
            let args = self.args(number);
            frames.extend_from_slice(&command(&args));
            self.recorder.asked(conversation, self.id(number), args);
            pace.sent.set(pace.sent.get() + 1);
        }
        frames
    }

    /// A command of which it sends so many bytes.
    fn half(&self, number: usize, bytes: usize) -> Half {
        Half { id: self.id(number), args: self.args(number), bytes }
    }

    /// Reads no more from now on, with this command said in part.
    fn abandon(&self, conversation: usize, half: Option<Half>, pace: &Pace) {
        pace.halves.set(usize::from(half.is_some()));
        pace.is_leaving.set(true);
        self.recorder.abandons(conversation, half);
    }

    fn args(&self, number: usize) -> Vec<Vec<u8>> {
        self.script.commands[number].iter().map(|arg| arg.clone().into_bytes()).collect()
    }

    fn id(&self, number: usize) -> Id {
        Id { client: self.number, seq: self.places[number] }
    }
}

/// The bytes that are sent of a command that is said in part.
fn start_of(half: Option<&Half>) -> Vec<u8> {
    half.map_or_else(Vec::new, |half| command(&half.args)[..half.bytes].to_vec())
}

/// Says something, and stays for a while; whether anybody takes it or not.
async fn leave(mut write: WriteHalf<SimStream>, words: &[u8], stays: Duration) -> io::Result<()> {
    if let Ok(outcome) = timeout(LAST_WORDS, write.write_all(words)).await {
        outcome?;
    }
    sleep(stays).await;
    Ok(())
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
