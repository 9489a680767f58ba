//! The task of one node connection: requests in, replies out, one socket at a time.
//!
//! ```text
//! Receiver<Request> -> Pipeline -> Output -> socket        one write a turn
//!           ReplyTo <- Pipeline <- bytes  <- socket
//! ```
//!
//! The task lives until it is retired, or the pool drops its queue's sender, and nothing is owed.
//! Without a connection it makes one when there is something to send; a connection that ends fails
//! what is in flight, and the next request makes the next one. After a failed attempt, requests
//! fail at once until the next attempt is due.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::time::{Sleep, sleep_until};

use crate::io::{now, write_some};
use crate::limits::{
    CONNECT_BACKOFF_MS_MAX, CONNECT_BACKOFF_MS_MIN, READ_GROWTH_BYTES_MAX, UPSTREAM_READ_BYTES,
};
use crate::net::Net;
use crate::proto::cluster::Address;
use crate::proto::pipeline::Pipeline;
use crate::proto::reply::{Cause, Reply};
use crate::proto::resp::Protocol;
use crate::queue::Receiver;
use crate::reply_to::{ReplyTo, ToUpstream};
use crate::stats::Own;

/// What a node connection is made from.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The node.
    pub(crate) address: Address,
    /// The protocol to speak.
    pub(crate) protocol: Protocol,
    /// How long an attempt to connect may take.
    pub(crate) connect_timeout: Duration,
}

type Connecting<S> = Pin<Box<dyn Future<Output = Result<S, Cause>>>>;

/// The socket, if there is one.
enum Link<S> {
    /// None.
    Down,
    /// An attempt is under way.
    Connecting(Connecting<S>),
    /// There is.
    Up(S),
}

/// The task's state.
struct Upstream<N: Net> {
    net: N,
    plan: Plan,
    count: Rc<Own>,
    requests: Receiver<ToUpstream>,
    /// The node is not listed any more, and nothing was asked of it since.
    retired: bool,
    pipeline: Pipeline<ReplyTo>,
    link: Link<N::Stream>,
    buffer: BytesMut,
    timer: Pin<Box<Sleep>>,
    /// When the timer fires.
    timer_at: Option<Instant>,
    /// Whether the connection there is has answered anything.
    proven: bool,
    /// Whether the log says that there is no use of the node.
    complained: bool,
    /// Attempts since a connection last answered.
    failures: u32,
    /// No attempt before this.
    retry_at: Option<Instant>,
}

/// Serves `requests` until the queue has ended and nothing is owed any more.
pub(crate) async fn serve<N: Net>(
    net: N,
    plan: Plan,
    count: Rc<Own>,
    requests: Receiver<ToUpstream>,
) {
    let mut upstream = Upstream {
        pipeline: Pipeline::new(plan.protocol),
        net,
        plan,
        count,
        requests,
        retired: false,
        link: Link::Down,
        buffer: BytesMut::new(),
        timer: Box::pin(sleep_until(tokio::time::Instant::now())),
        timer_at: None,
        proven: false,
        complained: false,
        failures: 0,
        retry_at: None,
    };
    poll_fn(|cx| upstream.poll(cx)).await;
    if matches!(upstream.link, Link::Up(_)) {
        upstream.count.worker().upstream_connections.sub(1);
    }
}

impl<N: Net> Upstream<N> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.requests.register(cx);
        while let Some(message) = self.requests.take() {
            self.retired = matches!(message, ToUpstream::Retire);
            if let ToUpstream::Request(request) = message {
                self.pipeline.push(request);
            }
        }
        self.poll_link(cx);
        self.answer();
        // Answers never fill the queue of this task in the same turn, so its end is final.
        if (self.retired || self.requests.is_ended()) && self.pipeline.is_idle() {
            return Poll::Ready(());
        }
        self.poll_timer(cx);
        Poll::Pending
    }

    /// Does with the socket what can be done now.
    fn poll_link(&mut self, cx: &mut Context<'_>) {
        loop {
            match &mut self.link {
                Link::Down => {
                    if !self.pipeline.wants_connection() {
                        return;
                    }
                    if self.retry_at.is_some_and(|at| now() < at) {
                        self.pipeline.receive_end(Cause::Backoff);
                        return;
                    }
                    self.link = Link::Connecting(connect(&self.net, &self.plan));
                }
                Link::Connecting(attempt) => {
                    let Poll::Ready(result) = attempt.as_mut().poll(cx) else { return };
                    self.connected(result);
                }
                Link::Up(_) => {
                    let Poll::Ready(cause) = self.poll_socket(cx) else { return };
                    self.disconnected(cause);
                    self.answer();
                    return;
                }
            }
        }
    }

    fn connected(&mut self, result: Result<N::Stream, Cause>) {
        let stats = self.count.worker();
        match result {
            Ok(stream) => {
                stats.upstream_connections.add(1);
                stats.upstream_connections_total.add(1);
                self.retry_at = None;
                self.link = Link::Up(stream);
                let deadline = now() + self.plan.connect_timeout;
                self.pipeline.receive_connection(deadline);
            }
            Err(cause) => {
                stats.upstream_connect_failures_total.add(1);
                self.complain(cause);
                self.back_off();
                self.link = Link::Down;
                self.pipeline.receive_end(cause);
            }
        }
    }

    fn disconnected(&mut self, cause: Cause) {
        self.count.worker().upstream_connections.sub(1);
        // A connection that never answered is no better than none, unless it is the first.
        if std::mem::take(&mut self.proven) {
            self.failures = 0;
        } else if cause == Cause::Closed && self.failures == 0 {
            self.failures = 1;
        } else {
            self.complain(cause);
            self.back_off();
        }
        self.link = Link::Down;
        self.buffer = BytesMut::new();
        self.pipeline.receive_end(cause);
    }

    /// Says what is wrong with the node, once until it answers again.
    fn complain(&mut self, cause: Cause) {
        let node = &self.plan.address;
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(%node, "no use of the node: {}; trying again", cause.describe());
        }
    }

    /// Notes that the connection there is has answered.
    fn approve(&mut self) {
        self.proven = true;
        if std::mem::take(&mut self.complained) {
            tracing::info!(node = %self.plan.address, "the node answers again");
        }
    }

    fn back_off(&mut self) {
        let ms = CONNECT_BACKOFF_MS_MIN << self.failures.min(16);
        self.failures += 1;
        self.retry_at = Some(now() + Duration::from_millis(ms.min(CONNECT_BACKOFF_MS_MAX)));
    }

    /// Reads and writes; ready with the reason once the connection is useless.
    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<Cause> {
        loop {
            if let Err(cause) = self.poll_write(cx) {
                return Poll::Ready(cause);
            }
            let Link::Up(stream) = &mut self.link else { return Poll::Pending };
            // Room for what is expected; a long reply doubles it as it arrives.
            let room = UPSTREAM_READ_BYTES.max(self.buffer.len());
            let was_large = self.buffer.len() > UPSTREAM_READ_BYTES;
            self.buffer.reserve(room.min(READ_GROWTH_BYTES_MAX));
            match ready!(pin!(stream.read_buf(&mut self.buffer)).poll(cx)) {
                Ok(0) | Err(_) => {
                    return Poll::Ready(Cause::Closed);
                }
                Ok(_) => {
                    if let Err(cause) = self.take_answers() {
                        return Poll::Ready(cause);
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
        while let Some(output) = self.pipeline.poll_transmit() {
            match write_some(stream, output, cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(Cause::Closed),
            }
        }
        Ok(())
    }

    fn take_answers(&mut self) -> Result<(), Cause> {
        while let Some((reply_to, reply)) = self.pipeline.poll_answer(&mut self.buffer)? {
            if !self.proven && matches!(reply, Reply::Frame(_)) {
                self.approve();
            }
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

    fn poll_timer(&mut self, cx: &mut Context<'_>) {
        while let Some(at) = self.pipeline.poll_timeout() {
            if self.timer_at != Some(at) {
                self.timer_at = Some(at);
                self.timer.as_mut().reset(at.into());
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.timer_at = None;
            if let Err(cause) = self.pipeline.handle_timeout(now()) {
                self.disconnected(cause);
            }
            self.answer();
        }
    }
}

/// Resolves and connects, trying one address after the other.
fn connect<N: Net>(net: &N, plan: &Plan) -> Connecting<N::Stream> {
    let (net, address, limit) = (net.clone(), plan.address.clone(), plan.connect_timeout);
    let attempt = async move {
        let found = net.resolve(address.host(), address.port()).await;
        let found = found.map_err(|_| Cause::Unresolved)?;
        let mut result = Err(Cause::Unresolved);
        for socket_address in found {
            result = net.connect(socket_address).await.map_err(|_| Cause::Unreachable);
            if result.is_ok() {
                break;
            }
        }
        result
    };
    Box::pin(async move {
        tokio::time::timeout(limit, attempt).await.unwrap_or(Err(Cause::ConnectTimeout))
    })
}
