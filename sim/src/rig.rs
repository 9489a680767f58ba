//! A world to tell stories in: clients that are led by hand, line by line, while faults come when
//! the story says so.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use redpoll::net::Net;
use redpoll::proto::cluster::Slot;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::sync::mpsc;

use crate::history::{Execution, Sending};
use crate::net::SimNet;
use crate::proxies::Proxy;
use crate::resp::{command, content, elements, frame_len};
use crate::trap::PanicTrap;
use crate::world::{Setup, World, ms};

/// What a story waits for at most, in virtual time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A world and its clock, in the hands of a test.
pub struct Rig {
    /// The world, to break it.
    pub world: World,
}

/// A client led by hand.
#[derive(Clone, Debug)]
pub struct Hand {
    /// Bytes to be sent; when this is dropped, the client leaves.
    outgoing: Outgoing,
    heard: Rc<Heard>,
}

type Outgoing = Rc<RefCell<Option<mpsc::UnboundedSender<Vec<u8>>>>>;

/// What a client has got so far.
#[derive(Debug, Default)]
struct Heard {
    is_connected: Cell<bool>,
    replies: RefCell<Vec<String>>,
    is_closed: Cell<bool>,
}

impl Rig {
    /// A world that has just begun.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        Rig { world: World::new(1, setup, false) }
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.world.network.now()
    }

    /// The only proxy, or the first one.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.world.proxies[0]
    }

    /// Connects a client.
    ///
    /// # Panics
    /// It is not connected in reasonable time.
    pub fn client(&mut self) -> Hand {
        let hand = self.client_later();
        self.until("connected", || hand.heard.is_connected.get());
        hand
    }

    /// A client that connects when it can.
    pub fn client_later(&mut self) -> Hand {
        let (outgoing, lines) = mpsc::unbounded_channel();
        let heard = Rc::<Heard>::default();
        let (address, its_heard) = (self.proxy().address, Rc::clone(&heard));
        self.world.spawn(|net| async move {
            follow(net, address, lines, &its_heard).await;
            its_heard.is_closed.set(true);
        });
        Hand { outgoing: Rc::new(RefCell::new(Some(outgoing))), heard }
    }

    /// Lets virtual ms pass.
    ///
    /// # Panics
    /// Something in the world panicked or failed.
    pub fn wait(&mut self, time_ms: u64) {
        let until = self.now() + ms(time_ms);
        while self.now() < until {
            self.step();
        }
    }

    /// Lets time pass until something is true.
    ///
    /// # Panics
    /// It is not true in reasonable time, or something in the world panicked or failed.
    pub fn until(&mut self, what: &str, is_true: impl Fn() -> bool) {
        let until = self.now() + PATIENCE;
        while !is_true() {
            assert!(
                self.now() < until,
                "after {PATIENCE:?} it is not {what}\n{}",
                self.last_events()
            );
            self.step();
        }
    }

    /// Sends a command and waits for the next reply.
    ///
    /// # Panics
    /// None comes in reasonable time.
    pub fn ask(&mut self, hand: &Hand, line: &str) -> String {
        let before = hand.heard.replies.borrow().len();
        hand.send(line);
        self.replies(hand, before + 1).swap_remove(before)
    }

    /// Waits until a client has got so many replies in all, and gives them all.
    ///
    /// # Panics
    /// They do not come in reasonable time.
    pub fn replies(&mut self, hand: &Hand, count: usize) -> Vec<String> {
        self.until("answered", || hand.heard.replies.borrow().len() >= count);
        hand.replies()
    }

    /// Keys that a node serves now, so many.
    #[must_use]
    pub fn keys_on(&self, node: usize, count: usize) -> Vec<String> {
        let keys = (0..).map(|n| format!("key-{n}"));
        let is_on = |key: &String| self.world.cluster.owner(Slot::of(key.as_bytes())) == Some(node);
        keys.filter(is_on).take(count).collect()
    }

    /// A key that a node serves now.
    #[must_use]
    pub fn key_on(&self, node: usize) -> String {
        self.keys_on(node, 1).swap_remove(0)
    }

    /// What nodes did about a key, as `node: command -> reply`.
    #[must_use]
    pub fn executions_of(&self, key: &str) -> Vec<String> {
        let is_of = |seen: &&Execution| seen.args[1..].iter().any(|arg| arg == key.as_bytes());
        let shown = |seen: &Execution| {
            format!("{}: {} -> {}", seen.node, words(&seen.args), shown(&seen.reply))
        };
        self.world
            .recorder
            .with(|history| history.executions.iter().filter(is_of).map(shown).collect())
    }

    /// How often a command left the proxy, in whole or in part.
    #[must_use]
    pub fn times_sent(&self, line: &str) -> usize {
        let is_it = |sending: &&Sending| words(&sending.args) == line;
        self.world.recorder.with(|history| history.sendings.iter().filter(is_it).count())
    }

    fn step(&mut self) {
        // Only while the world runs: the story's own assertions are its own.
        let trap = PanicTrap::set();
        let stepped = self.world.network.step();
        let caught = trap.caught();
        drop(trap);
        assert!(caught.is_empty(), "a panic in the world: {caught:#?}\n{}", self.last_events());
        stepped.expect("nothing in the world fails");
    }

    /// The last events, to be shown with a failure.
    #[must_use]
    pub fn last_events(&self) -> String {
        let overlay = self.world.network.overlay();
        overlay.with_trace(|trace| {
            let lines: Vec<_> = trace.kept().map(|event| overlay.describe(event).text).collect();
            lines[lines.len().saturating_sub(40)..].join("\n")
        })
    }
}

impl Hand {
    /// Sends a command, written as words.
    pub fn send(&self, line: &str) {
        self.send_raw(&command(&line.split(' ').collect::<Vec<_>>()));
    }

    /// Sends commands in one write.
    pub fn send_all(&self, lines: &[String]) {
        let frames = lines.iter().map(|line| command(&line.split(' ').collect::<Vec<_>>()));
        self.send_raw(&frames.collect::<Vec<_>>().concat());
    }

    /// Sends bytes.
    pub fn send_raw(&self, bytes: &[u8]) {
        if let Some(outgoing) = &*self.outgoing.borrow() {
            // Who was cut off sends into the void.
            drop(outgoing.send(bytes.to_vec()));
        }
    }

    /// The replies that came so far: strings as they are, `nil`, integers, errors with their `-`,
    /// and `[a, b]`.
    #[must_use]
    pub fn replies(&self) -> Vec<String> {
        self.heard.replies.borrow().clone()
    }

    /// Whether the connection is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.heard.is_closed.get()
    }

    /// Disconnects, whatever is owed.
    pub fn leave(&self) {
        *self.outgoing.borrow_mut() = None;
    }
}

/// The client's side of a connection: sends what it is told, notes what it hears.
async fn follow(
    net: SimNet,
    address: SocketAddr,
    mut lines: mpsc::UnboundedReceiver<Vec<u8>>,
    heard: &Heard,
) {
    let Ok(stream) = net.connect(address).await else { return };
    heard.is_connected.set(true);
    let (mut read, mut write) = split(stream);
    let mut buffer = BytesMut::new();
    let mut hearing = pin!(async {
        while !matches!(read.read_buf(&mut buffer).await, Ok(0) | Err(_)) {
            while let Some(len) = frame_len(&buffer).expect("clients get RESP") {
                let reply = shown(&buffer.split_to(len));
                heard.replies.borrow_mut().push(reply);
            }
        }
    });
    let mut talking = pin!(async {
        while let Some(bytes) = lines.recv().await {
            if write.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    poll_fn(|context| {
        if talking.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        hearing.as_mut().poll(context)
    })
    .await;
}

fn words(args: &[Vec<u8>]) -> String {
    args.iter().map(|arg| String::from_utf8_lossy(arg)).collect::<Vec<_>>().join(" ")
}

/// A reply as a story writes it.
fn shown(frame: &[u8]) -> String {
    if matches!(frame, b"$-1\r\n" | b"*-1\r\n" | b"_\r\n") {
        return "nil".to_owned();
    }
    if let Some(text) = content(frame) {
        return String::from_utf8_lossy(text).into_owned();
    }
    if let Some(items) = elements(frame) {
        let items: Vec<_> = items.into_iter().map(shown).collect();
        let (open, close) = if frame[0] == b'%' { ('{', '}') } else { ('[', ']') };
        return format!("{open}{}{close}", items.join(", "));
    }
    let line = String::from_utf8_lossy(frame);
    line.trim_end().trim_start_matches(['+', ':']).to_owned()
}
