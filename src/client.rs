//! The task of one client connection.
//!
//! ```text
//! socket -> buffer -> Session -> Pool            one turn: take replies, read, send, write once
//! socket <- Output <- Session <- Receiver<ToClient>
//! ```

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Sleep, sleep_until, timeout};

use crate::backend::Backend;
use crate::config::Clients;
use crate::io::{now, write_some};
use crate::limits::{
    LINGER_MS, READ_BYTES, READ_BYTES_MIN, READ_GROWTH_BYTES_MAX, READS_PER_TURN_MAX,
};
use crate::net::Net;
use crate::proto::command::{Facts, Identity};
use crate::proto::pipeline::Request;
use crate::proto::session::{Session, Tally, Turn};
use crate::queue::{Receiver, Sender};
use crate::reply_to::{ReplyTo, ToClient};
use crate::stats::Own;

/// What all clients of a worker share.
pub(crate) struct Shared {
    pub(crate) count: Rc<Own>,
    /// What clients may do.
    bounds: Clients,
    started: Instant,
    /// Clients so far.
    served: Cell<u64>,
    /// What clients are read into, so that an idle one needs no buffer.
    buffer: RefCell<BytesMut>,
}

impl Shared {
    /// What the clients of a worker that starts now share.
    pub(crate) fn new(count: Rc<Own>, bounds: Clients) -> Shared {
        Shared {
            count,
            bounds,
            started: now(),
            served: Cell::new(0),
            buffer: RefCell::new(BytesMut::new()),
        }
    }
}

/// What a client connected to.
pub(crate) struct Listening<N> {
    pub(crate) backend: Rc<Backend<N>>,
    pub(crate) port: u16,
}

impl<N> Clone for Listening<N> {
    fn clone(&self) -> Self {
        Listening { backend: Rc::clone(&self.backend), port: self.port }
    }
}

/// Why a client's task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Everything that was asked is answered and written.
    Finished,
    /// The client is gone, or leaves too much unread.
    Lost,
}

/// Whether the client's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// They are.
    Open,
    /// The client sends no more.
    Finished,
    /// The proxy drains.
    Drained,
}

/// The task's state.
struct Client<N: Net> {
    shared: Rc<Shared>,
    listening: Listening<N>,
    stream: N::Stream,
    session: Session,
    /// The client's number among those of the worker, which says what connections it uses.
    number: u64,
    inbox: Receiver<ToClient>,
    /// What duties to answer are made of.
    myself: Sender<ToClient>,
    input: Input,
    /// What was read and is not yet taken: part of a command, or commands that have to wait.
    buffer: BytesMut,
    timer: Option<Pin<Box<Sleep>>>,
}

/// Serves one client until it ends.
pub(crate) async fn serve<N: Net>(
    shared: Rc<Shared>,
    listening: Listening<N>,
    stream: N::Stream,
    identity: Identity,
    (myself, inbox): (Sender<ToClient>, Receiver<ToClient>),
) {
    let number = shared.served.replace(shared.served.get() + 1);
    let output_bytes_max = shared.bounds.output_bytes_max;
    let mut client = Client {
        shared,
        listening,
        stream,
        number,
        session: Session::new(identity, output_bytes_max),
        inbox,
        myself,
        input: Input::Open,
        buffer: BytesMut::new(),
        timer: None,
    };
    let end = poll_fn(|cx| client.poll(cx)).await;
    if end == End::Finished {
        let limit = Duration::from_millis(LINGER_MS);
        // The client reads what was written, or does not; either way this ends.
        let _: Result<(), _> = timeout(limit, client.linger()).await;
    }
}

impl<N: Net> Client<N> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.inbox.register(cx);
        let (shared, listening) = (Rc::clone(&self.shared), self.listening.clone());
        let mut router = listening.backend.router.borrow_mut();
        let mut budget = listening.backend.budget.borrow_mut();
        let facts = || facts(&shared, &listening);
        let mut turn = Turn {
            now: now(),
            router: &mut router,
            policy: &listening.backend.policy,
            budget: &mut budget,
            facts: &facts,
            tally: Tally::default(),
            timings: listening.backend.timings(),
        };
        let end = self.poll_turn(cx, &mut turn);
        let Turn { tally, timings, .. } = turn;
        drop((router, budget));
        self.tell(tally);
        listening.backend.count_timings(timings.as_deref().unwrap_or_default());
        end
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>, turn: &mut Turn<'_>) -> Poll<End> {
        self.take_inbox(turn);
        let mut buffer = std::mem::take(&mut self.buffer);
        self.pump(&mut buffer, turn);
        self.buffer = buffer;
        if self.poll_read(cx, turn).is_err() {
            return Poll::Ready(End::Lost);
        }
        if self.session.is_overflown() {
            return Poll::Ready(End::Lost);
        }
        let paused = !self.session.wants_input();
        while !self.session.output().is_empty() {
            let before = self.session.output().written();
            match write_some(&mut self.stream, self.session.output(), cx) {
                Poll::Pending => {
                    self.session.receive_pushback(turn.now);
                    break;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(End::Lost),
                Poll::Ready(Ok(())) => {
                    let written = self.session.output().written() - before;
                    self.shared.count.worker().client_written_bytes_total.add(written);
                }
            }
        }
        if (paused && self.session.wants_input())
            || (self.session.wants_room() && self.session.has_room())
        {
            // Commands may wait in the buffer, or to be sent.
            cx.waker().wake_by_ref();
        } else if self.is_finished() {
            return Poll::Ready(End::Finished);
        }
        self.poll_timer(cx, turn);
        Poll::Pending
    }

    fn take_inbox(&mut self, turn: &mut Turn<'_>) {
        while let Some(message) = self.inbox.take() {
            match message {
                ToClient::Reply(ticket, reply) => self.session.answer(ticket, reply, turn),
                ToClient::Topology => self.session.receive_topology(),
                ToClient::Drain => self.input = Input::Drained,
                ToClient::Stop => self.session.receive_stop(turn),
            }
        }
    }

    /// Sends what the session wants sent, given the bytes in `buffer`.
    fn pump(&mut self, buffer: &mut BytesMut, turn: &mut Turn<'_>) {
        let mut pool = self.listening.backend.pool.borrow_mut();
        while let Some(transmit) = self.session.poll_transmit(buffer, turn) {
            let Request { frame, asking, since, deadline, reply_to: ticket } = transmit.request;
            let reply_to = ReplyTo::new(self.myself.clone(), ticket);
            let request = Request { frame, asking, since, deadline, reply_to };
            pool.send(transmit.lane, self.number, turn.router, request);
        }
    }

    /// Reads what there is, as far as the session wants it; an error means that the client is lost.
    fn poll_read(&mut self, cx: &mut Context<'_>, turn: &mut Turn<'_>) -> std::io::Result<()> {
        for _ in 0..READS_PER_TURN_MAX {
            if self.input != Input::Open || !self.session.wants_input() {
                return Ok(());
            }
            // A worker's clients share one buffer; a client has its own only while it holds a
            // remainder.
            let shared = Rc::clone(&self.shared);
            let mut common = shared.buffer.borrow_mut();
            let own = !self.buffer.is_empty();
            let mut buffer =
                if own { std::mem::take(&mut self.buffer) } else { std::mem::take(&mut *common) };
            make_room(&mut buffer, own);
            let read = pin!(self.stream.read_buf(&mut buffer)).poll(cx);
            if let Poll::Ready(Ok(count @ 1..)) = read {
                shared.count.worker().client_read_bytes_total.add(count as u64);
                self.pump(&mut buffer, turn);
            }
            if own {
                self.buffer = if buffer.is_empty() { BytesMut::new() } else { buffer };
            } else {
                self.buffer = BytesMut::from(&buffer[..]);
                buffer.clear();
                *common = buffer;
            }
            match read {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Ready(Ok(0)) => self.input = Input::Finished,
                Poll::Ready(Ok(_)) => {}
            }
        }
        // There may be more; others first.
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Whether nothing is owed and nothing more will be asked.
    fn is_finished(&mut self) -> bool {
        let ending = self.session.is_ending() || self.input != Input::Open;
        ending && self.session.is_idle()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, turn: &mut Turn<'_>) {
        let Some(at) = self.session.poll_timeout() else {
            self.timer = None;
            return;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at.into())));
        timer.as_mut().reset(at.into());
        if timer.as_mut().poll(cx).is_ready() {
            turn.now = now();
            self.session.handle_timeout(turn);
            // What was answered just now is written in a turn of its own.
            cx.waker().wake_by_ref();
        }
    }

    /// Lets the client read what was written: a socket that is closed with bytes unread in it makes
    /// the other side lose what it has not read yet.
    async fn linger(&mut self) {
        if self.stream.shutdown().await.is_err() || self.input == Input::Finished {
            return;
        }
        loop {
            self.buffer.clear();
            self.buffer.reserve(READ_BYTES_MIN);
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// Counts what happened in a turn.
    fn tell(&self, tally: Tally) {
        if tally == Tally::default() {
            return;
        }
        let stats = self.shared.count.worker();
        stats.commands_total.add(tally.commands);
        stats.protocol_errors_total.add(tally.protocol_errors);
        self.listening.backend.count(&tally);
    }
}

/// Makes room for a read: little for small commands, more the more of a large one is there.
fn make_room(buffer: &mut BytesMut, own: bool) {
    if own {
        buffer.reserve(buffer.len().clamp(READ_BYTES_MIN, READ_GROWTH_BYTES_MAX));
    } else if buffer.capacity() - buffer.len() < READ_BYTES_MIN {
        buffer.reserve(READ_BYTES);
    }
}

fn facts<N>(shared: &Shared, listening: &Listening<N>) -> Facts {
    let stats = shared.count.all();
    let uptime = now().saturating_duration_since(shared.started);
    let process = stats.process.and_then(|ask| ask());
    Facts {
        cluster: listening.backend.is_cluster,
        port: listening.port,
        uptime_s: uptime.as_secs(),
        clients: stats.sum(|worker| &worker.clients),
        clients_max: shared.bounds.max,
        clients_total: stats.sum(|worker| &worker.clients_total),
        commands_total: stats.sum(|worker| &worker.commands_total),
        process_id: process.map(|process| process.id),
        memory_bytes: process.map(|process| process.memory_bytes),
        cpu_user_us: process.map(|process| process.cpu_user_us),
        cpu_system_us: process.map(|process| process.cpu_system_us),
    }
}
