//! The task of one client connection.
//!
//! ```text
//! socket -> Remainder -> Session -> Pool         one turn: take replies, read, send, write once
//! socket <- Output <---- Session <- Receiver<ToClient>
//! ```
//!
//! - `borrow`: the connection that it has on loan
//! - `facts`: what commands tell that the proxy answers itself
//! - `remainder`: what was read and is not taken
//! - `patience`: when a client is closed for what it does not do
//! - `shared`: what clients have in common
//! - `remains`: what is still held once it has gone
//! - `subscriber`: what it hears of beside replies
//! - `timer`: what wakes the task

mod borrow;
mod facts;
mod patience;
mod remainder;
mod remains;
mod shared;
mod subscriber;
mod timer;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use self::borrow::Pending;
use self::patience::{Lapse, Patience, Seen};
use self::remainder::Remainder;
use self::remains::Remains;
pub(crate) use self::shared::{Listening, Shared};
use self::timer::Timer;
use crate::io::{now, write_some};
use crate::lease::Lease;
use crate::limits::{
    CLIENT_EARLY_WRITE_BYTES_MIN, LINGER_MS, READ_AHEAD_BYTES_MAX, READ_BYTES_MIN,
    READS_PER_TURN_MAX,
};
use crate::memory::{Held, Share};
use crate::mutant::planted;
use crate::net::Net;
use crate::proto::command::{Identity, Row};
use crate::proto::pipeline::Request;
use crate::proto::reply::Cause;
use crate::proto::session::{Session, Tally, Transmit, Turn, Way};
use crate::pubsub::Seat;
use crate::queue::{Receiver, Sender};
use crate::registry::Presence;
use crate::reply_to::{ReplyTo, ToClient};
use crate::stats::ClientEnd;

/// Why a client's task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Everything that was asked is answered and written.
    Finished,
    /// The client is gone.
    Lost,
    /// It has said nothing for too long.
    Idle,
    /// It has taken nothing for too long.
    Stalled,
    /// It leaves too much unread.
    Overflown,
    /// All buffers together are too large, and it can give back most.
    Evicted,
    /// Another client wants it.
    Killed,
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
    /// The connection that it has on loan.
    lease: Option<Lease>,
    /// What waits for one to borrow, and until when.
    pending: Option<Pending>,
    /// How often its node may still be told that it waits no longer.
    wakes_left: u8,
    /// What was read and is not yet taken: part of a command, or commands that have to wait.
    rest: Remainder,
    patience: Patience,
    /// What happened in this turn.
    seen: Seen,
    /// Why it will have been closed, if the proxy has told it to go.
    refused: Option<ClientEnd>,
    /// Its place among all clients.
    presence: Presence,
    /// What its buffers hold.
    share: Share,
    timer: Option<Timer>,
    /// Where it is subscribed to what it is subscribed to.
    seat: Option<Seat>,
}

/// Serves one client until it ends.
pub(crate) async fn serve<N: Net>(
    shared: Rc<Shared>,
    listening: Listening<N>,
    stream: N::Stream,
    identity: Identity,
    (myself, inbox): (Sender<ToClient>, Receiver<ToClient>),
) -> Option<Remains> {
    let number = shared.served.replace(shared.served.get() + 1);
    let bounds = shared.bounds;
    let common_bytes = shared.common_reply.borrow().bytes();
    let (registry, worker) = &shared.registry;
    let database = listening.backend.policy.database;
    let mut client = Client {
        presence: registry.enter(*worker, &identity, database),
        share: shared.memory.share_of(myself.clone()),
        shared,
        listening,
        stream,
        number,
        session: Session::new(identity, bounds.output_bytes_max, common_bytes)
            .with_subscriber_output(bounds.subscriber_output_bytes_max),
        inbox,
        myself,
        input: Input::Open,
        lease: None,
        pending: None,
        wakes_left: 0,
        rest: Remainder::default(),
        patience: Patience::new(&bounds, now()),
        seen: Seen::default(),
        refused: None,
        timer: None,
        seat: None,
    };
    let end = poll_fn(|cx| client.poll(cx)).await;
    client.leave_lease();
    client.seat = None;
    client.count_end(end);
    if end == End::Finished {
        client.share.set(Held::default());
        let limit = Duration::from_millis(LINGER_MS);
        // The client reads what was written, or does not; either way this ends.
        let _: Result<(), _> = timeout(limit, client.linger()).await;
    }
    client.remains()
}

impl<N: Net> Client<N> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.inbox.register(cx);
        self.follow_configuration();
        let (shared, listening) = (Rc::clone(&self.shared), self.listening.clone());
        let mut router = listening.backend.router.borrow_mut();
        let mut budget = listening.backend.budget.borrow_mut();
        let mut common_reply = shared.common_reply.borrow_mut();
        let facts = |row: &Row| facts::facts(row, &shared, &listening);
        let mut turn = Turn {
            now: now(),
            router: &mut router,
            policy: &listening.backend.policy,
            budget: &mut budget,
            common_reply: &mut common_reply,
            facts: &facts,
            directory: &shared.registry.0,
            scripts: &listening.backend.common.scripts,
            audience: &listening.backend.common.audience,
            tally: Tally::default(),
            timings: listening.backend.timings(),
        };
        self.session.receive_pause(shared.registry.0.paused(turn.now));
        let end = match self.exchange(cx, &mut turn) {
            Ok(()) => self.poll_timer(cx, &mut turn),
            Err(end) => Poll::Ready(end),
        };
        let Turn { tally, timings, now, .. } = turn;
        drop((router, budget, common_reply));
        self.tell(tally);
        self.pass_wishes();
        listening.backend.count_timings(timings.as_deref().unwrap_or_default());
        self.settle_lease();
        let held = self.held();
        self.show(held, now);
        self.share.set(held);
        end
    }

    fn held(&self) -> Held {
        let rest = self.rest.capacity();
        Held {
            bytes: self.session.held_bytes() + rest,
            loose: self.session.loose_bytes() + rest,
            // Else whole commands wait there.
            half: if self.session.wants_input() { rest } else { 0 },
            is_starving: self.seen.starved,
        }
    }

    /// Goes over to the view in force once everything asked of the one in use is answered; until
    /// then nothing more is asked.
    fn follow_configuration(&mut self) {
        let is_outdated = self.listening.is_outdated();
        if is_outdated && self.session.is_answered() {
            self.session.receive_move(&self.listening.backend.router.borrow());
            self.listening = self.listening.renewed();
            self.lease = None;
            self.change_seat();
        }
        self.session.pause_intake(is_outdated && self.listening.is_outdated());
    }

    /// Takes and gives what there is.
    fn exchange(&mut self, cx: &mut Context<'_>, turn: &mut Turn<'_>) -> Result<(), End> {
        self.seen = Seen::default();
        self.take_inbox(cx, turn)?;
        let mut bytes = std::mem::take(self.rest.bytes());
        self.pump(&mut bytes, turn);
        *self.rest.bytes() = bytes;
        self.poll_read(cx, turn).map_err(|_| End::Lost)?;
        if self.session.is_overflown() {
            return Err(End::Overflown);
        }
        let paused = !self.session.wants_input();
        self.poll_write(cx, turn)?;
        if (paused && self.session.wants_input())
            || (self.session.wants_room() && self.session.has_room())
            || (self.listening.is_outdated() && self.session.is_answered())
        {
            // Commands may wait in the buffer, or to be sent.
            cx.waker().wake_by_ref();
        } else if self.is_finished() {
            return Err(End::Finished);
        }
        let is_waiting = self.share.is_waiting() || self.session.is_paused();
        let is_owed = is_waiting || self.session.is_subscribed();
        self.seen.owed = !self.session.is_idle() || is_owed;
        self.patience.observe(self.seen, turn.now);
        Ok(())
    }

    fn take_inbox(&mut self, cx: &mut Context<'_>, turn: &mut Turn<'_>) -> Result<(), End> {
        while let Some(message) = self.inbox.take() {
            match message {
                ToClient::Reply(ticket, reply) => {
                    self.session.answer(ticket, reply, turn);
                }
                ToClient::Joined(join, refusal) => {
                    self.session.receive_joined(join, refusal, turn);
                }
                ToClient::Message(configuration, message) => self.hear(configuration, &message),
                ToClient::Topology => self.session.receive_topology(),
                ToClient::Lease => self.retry_lease(turn),
                ToClient::Wake(wake) => self.wake(wake, turn),
                ToClient::Told(ticket, reply) => self.wake_again(ticket, &reply, turn),
                // It was for that that it had to be woken.
                ToClient::Room | ToClient::Configuration => {}
                ToClient::Drain
                    if self.session.is_blocked() && planted("waiting-dropped-by-a-drain") =>
                {
                    return Err(End::Lost);
                }
                ToClient::Drain => self.input = Input::Drained,
                ToClient::Stop => {
                    self.refuse_pending(Cause::Stopping, turn);
                    self.leave_lease();
                    self.session.receive_stop(turn);
                }
                ToClient::GiveUp => self.refuse_rest(turn),
                ToClient::Evict => return Err(End::Evicted),
                ToClient::Close => return Err(End::Killed),
            }
            // However much came at once, what the client takes at once does not wait.
            if self.session.output().len() >= CLIENT_EARLY_WRITE_BYTES_MIN {
                self.poll_write(cx, turn)?;
            }
        }
        Ok(())
    }

    /// Writes what there is, as far as the client takes it.
    fn poll_write(&mut self, cx: &mut Context<'_>, turn: &Turn<'_>) -> Result<(), End> {
        self.introduce();
        while !self.session.output().is_empty() && !self.seen.unread {
            let before = self.session.output().written();
            match write_some(&mut self.stream, self.session.output(), cx) {
                Poll::Pending => {
                    self.seen.unread = true;
                    self.session.receive_pushback(turn.now);
                }
                Poll::Ready(Err(_)) => return Err(End::Lost),
                Poll::Ready(Ok(())) => {
                    self.seen.took = true;
                    let written = self.session.output().written() - before;
                    self.shared.count.worker().client_written_bytes_total.add(written);
                }
            }
        }
        Ok(())
    }

    /// Sends what the session wants sent, given the bytes in `buffer`.
    fn pump(&mut self, buffer: &mut BytesMut, turn: &mut Turn<'_>) {
        let backend = Rc::clone(&self.listening.backend);
        let mut pool = backend.pool.borrow_mut();
        while let Some(transmit) = self.session.poll_transmit(buffer, turn) {
            if transmit.lane.way == Way::Shared {
                let (lane, request) = (transmit.lane, self.due(transmit));
                pool.send(lane, self.number, turn.router, request);
            } else {
                self.send_on_lease(transmit, None, &mut pool, turn);
            }
        }
    }

    /// Makes of a request's ticket the duty to answer it.
    fn due(&self, transmit: Transmit) -> Request<ReplyTo> {
        let Request { frame, form, since, deadline, reply_to: ticket } = transmit.request;
        let reply_to = ReplyTo::new(self.myself.clone(), ticket);
        Request { frame, form, since, deadline, reply_to }
    }

    /// Reads what there is, as far as the session wants it and there is memory for it; an error
    /// means that the client is lost.
    fn poll_read(&mut self, cx: &mut Context<'_>, turn: &mut Turn<'_>) -> io::Result<()> {
        for _ in 0..READS_PER_TURN_MAX {
            // Of one that waits it is to be seen that it leaves.
            let reads_ahead = self.session.is_blocked() || self.session.is_paused();
            if self.input != Input::Open || !(self.session.wants_input() || reads_ahead) {
                return Ok(());
            }
            if reads_ahead && self.rest.len() > READ_AHEAD_BYTES_MAX {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            let frame_bytes = self.session.frame_bytes();
            if !self.share.has_room() && !self.rest.has_room(frame_bytes) {
                self.share.wait();
                self.seen.starved = !self.rest.is_empty();
                return Ok(());
            }
            let shared = Rc::clone(&self.shared);
            let mut common = shared.buffer.borrow_mut();
            let mut buffer = self.rest.lend(&mut common, frame_bytes);
            let read = pin!(self.stream.read_buf(&mut buffer)).poll(cx);
            if let Poll::Ready(Ok(count @ 1..)) = read {
                self.seen.heard = true;
                shared.count.worker().client_read_bytes_total.add(count as u64);
                self.pump(&mut buffer, turn);
            }
            if matches!(read, Poll::Ready(Ok(0))) && planted("end-of-input-ends-a-command") {
                buffer.extend_from_slice(b"\r\n");
                self.pump(&mut buffer, turn);
            }
            self.rest.give_back(buffer, &mut common);
            self.share.note(self.held());
            match read {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(error)) => return Err(error),
                // As Redis has it, who says no more does not wait for anything either.
                Poll::Ready(Ok(0)) if reads_ahead => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Poll::Ready(Ok(0)) if planted("half-closed-kept-open") => return Ok(()),
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
        if self.session.is_subscribed() && planted("subscribers-outlive-a-drain") {
            return false;
        }
        self.end_subscriptions(ending);
        let is_dropped = self.input == Input::Drained && planted("drain-drops-the-queue")
            || self.input == Input::Finished && planted("half-closed-told-nothing");
        ending && (self.session.is_idle() || is_dropped)
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, turn: &mut Turn<'_>) -> Poll<End> {
        loop {
            let pending = self.pending.as_ref().map(|pending| pending.until);
            let due = self.session.poll_timeout().into_iter().chain(self.patience.until());
            let due = due.chain(pending).min();
            let Some(due) = due else {
                self.timer.take_if(|timer| timer.at <= turn.now);
                return Poll::Pending;
            };
            let timer = self.timer.get_or_insert_with(|| Timer::new(due));
            // One that fires too early costs less than one that is set again at every turn.
            if due < timer.at || timer.at <= turn.now {
                timer.reset(due);
            }
            if timer.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            turn.now = now();
            match self.patience.lapse(turn.now) {
                Some(Lapse::Idle) => return Poll::Ready(End::Idle),
                Some(Lapse::Stalled) => return Poll::Ready(End::Stalled),
                Some(Lapse::Starved) => {
                    self.share.demand_room();
                    self.patience.extend(turn.now);
                    continue;
                }
                None if pending.is_some_and(|at| at <= turn.now) => {
                    self.refuse_pending(Cause::NoLease, turn);
                }
                None if self.session.poll_timeout().is_none_or(|at| turn.now < at) => continue,
                None => self.session.handle_timeout(turn),
            }
            // What was answered just now is written in a turn of its own.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
    }

    /// Gives up half a command for the rest of which there is no memory.
    fn refuse_rest(&mut self, turn: &Turn<'_>) {
        if self.session.wants_input() && !self.rest.is_empty() {
            self.rest.clear();
            self.session.receive_shortage(turn.now);
            self.refused = Some(ClientEnd::Starved);
        }
    }

    /// Lets the client read what was written: a socket that is closed with bytes unread in it makes
    /// the other side lose what it has not read yet.
    async fn linger(&mut self) {
        if self.stream.shutdown().await.is_err() || self.input == Input::Finished {
            return;
        }
        let mut unwanted = BytesMut::with_capacity(READ_BYTES_MIN);
        while matches!(self.stream.read_buf(&mut unwanted).await, Ok(1..)) {
            unwanted.clear();
        }
    }

    /// What is held for it once it has gone.
    fn remains(self) -> Option<Remains> {
        let (bytes, until) = self.session.unanswered()?;
        Some(Remains::new(self.share, bytes, until))
    }

    fn count_end(&self, end: End) {
        let cause = match end {
            End::Finished => self.refused.unwrap_or(ClientEnd::Finished),
            End::Lost => ClientEnd::Lost,
            End::Idle => ClientEnd::Idle,
            End::Stalled => ClientEnd::Stalled,
            End::Overflown => self.overflow(),
            End::Evicted => ClientEnd::Memory,
            End::Killed => ClientEnd::Killed,
        };
        self.shared.count.worker().clients_closed.of(cause).add(1);
    }

    /// Counts what happened in a turn.
    fn tell(&mut self, tally: Tally) {
        if tally == Tally::default() {
            return;
        }
        if tally.protocol_errors > 0 {
            self.refused = Some(ClientEnd::Protocol);
        }
        let stats = self.shared.count.worker();
        stats.commands_total.add(tally.commands);
        stats.protocol_errors_total.add(tally.protocol_errors);
        self.listening.backend.count(&tally);
    }
}
