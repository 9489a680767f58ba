//! The task of one node connection: requests in, replies out, one socket at a time.
//!
//! ```text
//! Receiver<Request> -> Pipeline -> Output -> socket        one write a turn
//!           ReplyTo <- Pipeline <- bytes  <- socket
//! ```
//!
//! The task lives until it has been without work for `idle_timeout`, or is retired, or the pool
//! drops its queue's sender, and nothing is owed. Without a connection it makes one when there is
//! something to send, at the pace of `connection_rate_limit`; a connection that ends fails what is
//! in flight, and the next request makes the next one. After a failed attempt, requests fail at
//! once until the next attempt is due.

mod count;
mod link;
mod means;
mod plan;
mod throttle;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::time::{Sleep, sleep_until};

pub(crate) use self::count::Count;
pub(crate) use self::link::{Backoff, Link, connect};
pub(crate) use self::means::Means;
pub(crate) use self::plan::{Plan, Settings};
pub(crate) use self::throttle::{Throttle, Throttles};
use crate::io::{now, write_some};
use crate::limits::{UPSTREAM_READ_BYTES, UPSTREAM_TURN_BYTES_MAX};
use crate::memory::Share;
use crate::mutant::planted;
use crate::net::Net;
use crate::proto::cluster::Address;
use crate::proto::pipeline::{Form, Pipeline};
use crate::proto::reply::{Cause, Failure, Reply};
use crate::queue::Receiver;
use crate::reply_to::{ReplyTo, ToUpstream};
use crate::room::make_room;
use crate::stats::{CloseCause, Complaint, DrainEnd, NodeStats};

/// The task's state.
struct Upstream<N: Net> {
    net: N,
    address: Address,
    settings: Settings,
    throttle: Rc<RefCell<Throttle>>,
    count: Count,
    requests: Receiver<ToUpstream>,
    number: Rc<Cell<Option<u64>>>,
    /// When the turn began.
    now: Instant,
    /// Set once the connection is to end.
    leaving: Option<Leaving>,
    /// The connection that there was, if there may be no other, has ended, or is to end at once.
    is_spent: bool,
    pipeline: Pipeline<ReplyTo>,
    link: Link<N::Stream>,
    buffer: BytesMut,
    timer: Pin<Box<Sleep>>,
    /// When the timer fires; there may be nothing to do then.
    timer_at: Option<Instant>,
    /// Whether the connection there is has answered anything.
    proven: bool,
    complaint: Complaint,
    backoff: Backoff,
    /// The next attempt waits for the throttle, until then.
    throttled: Option<Instant>,
    /// When there was work last.
    busy_at: Instant,
    /// Whether there was work at the end of the turn before.
    was_busy: bool,
    share: Share,
}

/// The end of a connection that finishes what it has begun.
#[derive(Clone, Copy)]
struct Leaving {
    /// When to end at the latest.
    until: Instant,
    /// Why.
    cause: Cause,
    /// One whose node has only left the list stays if it is asked for more.
    for_good: bool,
}

/// Serves `plan.requests` until the queue has ended and nothing is owed any more.
pub(crate) async fn serve<N: Net>(net: N, plan: Plan, count: Arc<NodeStats>) {
    let Plan { address, options, settings, throttle, rng, requests, number, share, complaint } =
        plan;
    let now = now();
    let mut upstream = Upstream {
        net,
        address,
        settings,
        throttle,
        count: Count::new(count),
        requests,
        number,
        now,
        leaving: None,
        is_spent: false,
        pipeline: Pipeline::new(options),
        link: Link::Down,
        buffer: BytesMut::new(),
        timer: Box::pin(sleep_until(now.into())),
        timer_at: None,
        proven: false,
        complaint,
        backoff: Backoff::new(rng),
        throttled: None,
        busy_at: now,
        was_busy: false,
        share,
    };
    poll_fn(|cx| upstream.poll(cx)).await;
    upstream.refuse_rest();
    if matches!(upstream.link, Link::Up(_)) {
        upstream.count.closed(if upstream.is_spent {
            CloseCause::Released
        } else if upstream.leaving.is_some() {
            CloseCause::Drained
        } else if upstream.requests.is_ended() {
            CloseCause::Stopping
        } else {
            CloseCause::Idle
        });
    }
}

impl<N: Net> Upstream<N> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.requests.register(cx);
        loop {
            self.now = now();
            self.take_requests();
            self.poll_link(cx);
            self.answer();
            self.number.set(self.pipeline.number());
            let is_over = self.is_over();
            self.count.turn(&mut self.pipeline);
            if is_over {
                return Poll::Ready(());
            }
            if !self.is_timer_due(cx) {
                self.pipeline.shrink();
                self.share.set(self.held_bytes().into());
                return Poll::Pending;
            }
        }
    }

    /// What is held beside requests, which count where they come from.
    fn held_bytes(&self) -> usize {
        let incomplete = if self.buffer.is_empty() { 0 } else { self.buffer.capacity() };
        incomplete + self.pipeline.copied_bytes()
    }

    /// Answers what came when it was too late: only to one that is spent does anything.
    fn refuse_rest(&mut self) {
        while let Some(message) = self.requests.take() {
            if let ToUpstream::Request(request) = message {
                request.reply_to.answer(Reply::Failure(Failure::unsent(Cause::LeaseLost)));
            }
        }
    }

    fn take_requests(&mut self) {
        while let Some(message) = self.requests.take() {
            match message {
                ToUpstream::Request(mut request) => {
                    if planted("ask-taken-for-good") {
                        request.form = Form::Asking;
                    }
                    if self.leaving.take_if(|leaving| !leaving.for_good).is_some() {
                        self.count.drain_ended(DrainEnd::Resumed);
                    }
                    self.pipeline.push(request);
                }
                ToUpstream::Close => self.is_spent = true,
                ToUpstream::Retire => {
                    let until = self.now + self.settings.drain_timeout;
                    self.leave(Leaving { until, cause: Cause::Retired, for_good: false });
                    // What has not begun to leave goes to whoever took over.
                    if !planted("retired-keeps-commands") {
                        self.pipeline.receive_unwanted(Cause::Retired);
                    }
                }
                ToUpstream::Replace(until) => {
                    self.leave(Leaving { until, cause: Cause::Replaced, for_good: true });
                }
            }
        }
    }

    /// Notes that the connection is to end, if it is not: of what is said with every view, the
    /// first time counts.
    fn leave(&mut self, leaving: Leaving) {
        match &mut self.leaving {
            None => {
                self.count.drain_began();
                self.leaving = Some(leaving);
            }
            // From a new configuration there is no way back.
            Some(known) => known.for_good |= leaving.for_good,
        }
    }

    /// Whether there is no work and none will come, or too late.
    fn is_over(&mut self) -> bool {
        let was_idle = self.pipeline.is_idle();
        if let Some(leaving) = self.leaving
            && (leaving.until <= self.now || planted("retired-cut-off"))
        {
            self.pipeline.receive_end(leaving.cause);
            self.answer();
        }
        if self.is_spent {
            self.pipeline.receive_end(Cause::LeaseLost);
            self.answer();
            return true;
        }
        let is_busy = !self.pipeline.is_idle();
        if is_busy || self.was_busy {
            self.busy_at = self.now;
        }
        self.was_busy = is_busy;
        if is_busy {
            return false;
        }
        // Answers never fill the queue of this task in the same turn, so its end is final.
        if self.leaving.is_some() {
            self.count.drain_ended(if was_idle { DrainEnd::Finished } else { DrainEnd::TimedOut });
        }
        let is_idle = self.idle_until().is_some_and(|until| until <= self.now);
        is_idle || self.leaving.is_some() || self.requests.is_ended()
    }

    /// When to end for want of work.
    fn idle_until(&self) -> Option<Instant> {
        if self.settings.eager || planted("idle-never-closed") {
            return None;
        }
        self.settings.idle_timeout.map(|limit| self.busy_at + limit)
    }

    /// Does with the socket what can be done now.
    fn poll_link(&mut self, cx: &mut Context<'_>) {
        loop {
            match &mut self.link {
                Link::Down if self.is_spent => return,
                Link::Down => {
                    if !self.begin_to_connect() {
                        return;
                    }
                }
                Link::Connecting(attempt) => {
                    let Poll::Ready(result) = attempt.as_mut().poll(cx) else { return };
                    self.connected(result);
                }
                Link::Up(_) => {
                    let Poll::Ready(cause) = self.poll_socket(cx) else { return };
                    self.disconnected(cause);
                    self.answer();
                }
            }
        }
    }

    /// Begins an attempt if one is wanted and may be made; false if none is under way then.
    fn begin_to_connect(&mut self) -> bool {
        let has_waited = self.throttled.take().is_some();
        let is_ahead = self.settings.eager && self.leaving.is_none();
        if !is_ahead && !self.pipeline.wants_connection() {
            return false;
        }
        if let Some(cause) = self.backoff.cause(self.now) {
            self.pipeline.receive_end(cause);
            return false;
        }
        let allowed = self.throttle.borrow_mut().take(self.now);
        self.throttled = allowed.err();
        if self.throttled.is_some() {
            if !has_waited {
                self.count.throttled();
            }
            return false;
        }
        self.count.attempt(!self.pipeline.wants_connection());
        self.link = Link::Connecting(connect(&self.net, &self.address, &self.settings));
        true
    }

    fn connected(&mut self, result: Result<N::Stream, Cause>) {
        match result {
            Ok(stream) => {
                self.count.opened();
                self.link = Link::Up(stream);
                self.pipeline.receive_connection(self.now + self.settings.connect_timeout);
            }
            Err(cause) => {
                self.count.failed(cause);
                self.complain(cause);
                self.backoff.fail(cause, self.now);
                self.link = Link::Down;
                self.pipeline.receive_end(cause);
                self.is_spent |= self.settings.is_single;
            }
        }
    }

    fn disconnected(&mut self, cause: Cause) {
        self.count.broken(cause);
        // A connection that never answered is no better than none, unless it is the first.
        if std::mem::take(&mut self.proven) {
            self.backoff.succeed();
        } else if cause != Cause::Closed || !self.backoff.forgive_once() {
            self.complain(cause);
            self.backoff.fail(cause, self.now);
        }
        self.link = Link::Down;
        self.is_spent |= self.settings.is_single;
        if !planted("bytes-of-the-last-connection") {
            self.buffer = BytesMut::new();
        }
        self.pipeline.receive_end(cause);
    }

    /// Says what is wrong with the node, unless that was said since it answered last.
    fn complain(&mut self, cause: Cause) {
        let node = &self.address;
        let refusal = self.pipeline.take_refusal();
        if !self.complaint.met(cause) {
            return;
        }
        let what = cause.describe();
        match refusal {
            Some(words) => {
                tracing::warn!(%node, "no use of the node: {what}: {words}; trying again");
            }
            None => tracing::warn!(%node, "no use of the node: {what}; trying again"),
        }
    }

    /// Notes that the connection there is has answered.
    fn approve(&mut self) {
        self.proven = true;
        if self.complaint.over() {
            tracing::info!(node = %self.address, "the node answers again");
        }
    }

    /// Reads and writes; ready with the reason once the connection is useless.
    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<Cause> {
        let mut received = 0;
        loop {
            if let Err(cause) = self.poll_write(cx) {
                return Poll::Ready(cause);
            }
            if received >= UPSTREAM_TURN_BYTES_MAX {
                // There may be more; who has got replies takes them first.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Link::Up(stream) = &mut self.link else { return Poll::Pending };
            let was_large = self.buffer.len() > UPSTREAM_READ_BYTES;
            make_room(&mut self.buffer, self.pipeline.frame_bytes(), UPSTREAM_READ_BYTES);
            match ready!(pin!(stream.read_buf(&mut self.buffer)).poll(cx)) {
                Ok(0) | Err(_) => {
                    return Poll::Ready(Cause::Closed);
                }
                Ok(bytes) => {
                    self.count.read(bytes);
                    received += bytes;
                    self.pipeline.receive_bytes(self.now);
                    if let Err(cause) = self.take_answers() {
                        return Poll::Ready(cause);
                    }
                    if !self.proven && self.pipeline.is_up() {
                        self.approve();
                    }
                    if was_large && self.buffer.len() <= UPSTREAM_READ_BYTES {
                        // A long reply was taken; what it needed is given back.
                        self.buffer = BytesMut::from(&self.buffer[..]);
                    }
                }
            }
        }
    }

    /// Writes all there is, as far as the socket takes it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Cause> {
        let Link::Up(stream) = &mut self.link else { return Ok(()) };
        while let Some(output) = self.pipeline.poll_transmit(self.now) {
            let before = output.written();
            let written = write_some(stream, output, cx);
            self.count.written(output.written() - before);
            match written {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) => self.pipeline.receive_written(self.now),
                Poll::Ready(Err(_)) => return Err(Cause::Closed),
            }
        }
        Ok(())
    }

    fn take_answers(&mut self) -> Result<(), Cause> {
        while let Some((reply_to, reply)) = self.pipeline.poll_answer(&mut self.buffer)? {
            self.count.answered(&reply);
            reply_to.answer(reply);
        }
        Ok(())
    }

    /// Hands on the failures there are.
    fn answer(&mut self) {
        if let Err(cause) = self.take_answers() {
            // The bytes received last were looked at when they came; nothing new can be wrong.
            debug_assert!(false, "{}", cause.describe());
        }
    }

    /// Whether there is something to do now for which only time had to pass; if not, the task is
    /// woken when there is.
    fn is_timer_due(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(at) = self.wakes_at() {
            // A timer that fires too early is cheaper than one that is set anew for every command.
            if self.timer_at.is_none_or(|set| at < set) {
                self.timer_at = Some(at);
                self.timer.as_mut().reset(at.into());
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.timer_at = None;
            self.now = now();
            if at <= self.now {
                if let Err(cause) = self.pipeline.handle_timeout(self.now) {
                    self.disconnected(cause);
                }
                return true;
            }
        }
        false
    }

    /// The first moment at which something is to be done, whatever happens before.
    fn wakes_at(&self) -> Option<Instant> {
        let reconnect = match self.link {
            Link::Down if self.settings.eager => self.backoff.until(self.now),
            Link::Down | Link::Connecting(_) | Link::Up(_) => None,
        };
        let idle = if self.pipeline.is_idle() { self.idle_until() } else { None };
        let end = self.leaving.map(|leaving| leaving.until);
        let times = [self.pipeline.poll_timeout(), self.throttled, reconnect, end, idle];
        times.into_iter().flatten().min()
    }
}
