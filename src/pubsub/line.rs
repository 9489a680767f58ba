//! A connection on which a node says what is published.
//!
//! ```text
//! Feed -> Output -> socket          a connection is made as long as there is something to hear
//! Heard <- Feed <- bytes <- socket  one that ends is made again, after a pause that doubles
//! ```

use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::AsyncReadExt;

use crate::io::write_some;
use crate::limits::{UPSTREAM_READ_BYTES, UPSTREAM_TURN_BYTES_MAX};
use crate::net::Net;
use crate::proto::cluster::{Address, Node};
use crate::proto::pubsub::{Feed, Heard, Topic};
use crate::proto::reply::Cause;
use crate::room::make_room;
use crate::stats::{CloseCause, Complaint};
use crate::upstream::{Backoff, Count, Link, Means, Throttle, connect};

/// What happens on a line.
pub(super) enum Event {
    /// The node said something.
    Heard(Heard),
    /// The connection ended, or there was none to be had; these topics were live on it.
    Broken(Vec<Topic>),
}

/// A connection to be subscribed on, and what it is subscribed to.
pub(super) struct Line<N: Net> {
    pub(super) feed: Feed,
    link: Link<N::Stream>,
    /// Whom the connection that there is, or that is being made, leads to.
    peer: Option<Peer>,
    buffer: BytesMut,
    backoff: Backoff,
    /// That of the node that was tried last.
    throttle: Option<Rc<RefCell<Throttle>>>,
    /// The next attempt waits for the throttle, until then.
    throttled: Option<Instant>,
    /// Whether the node has agreed on who asks.
    proven: bool,
    /// Since when there has been nothing to hear.
    idle_since: Option<Instant>,
    /// Bytes read in this turn.
    received: usize,
    /// The node that was of no use last.
    avoided: Option<Node>,
    /// The mark that was asked for in this turn.
    mark: Option<u64>,
}

/// A node.
struct Peer {
    node: Node,
    address: Address,
    count: Count,
    complaint: Complaint,
}

impl<N: Net> Line<N> {
    /// A line that leads nowhere yet.
    pub(super) fn new(means: &mut Means<N>) -> Line<N> {
        Line {
            feed: Feed::new(&means.options.greeting, means.options.stall_timeout),
            link: Link::Down,
            peer: None,
            buffer: BytesMut::new(),
            backoff: Backoff::new(StdRng::seed_from_u64(means.rng.random())),
            throttle: None,
            throttled: None,
            proven: false,
            idle_since: None,
            received: 0,
            avoided: None,
            mark: None,
        }
    }

    /// A turn begins.
    pub(super) fn begin_turn(&mut self) {
        self.received = 0;
    }

    /// Does with the socket what can be done now; a connection that is needed is made to the node
    /// that `pick` gives, if it can not the one that was of no use last.
    pub(super) fn poll(
        &mut self,
        (means, cx): (&mut Means<N>, &mut Context<'_>),
        pick: impl Fn(Option<Node>, &mut StdRng) -> Option<(Node, Address)>,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        // Who comes from now on may come too late for that.
        self.mark = None;
        loop {
            match &mut self.link {
                Link::Down => {
                    if !self.begin_to_connect(means, &pick, now) {
                        return;
                    }
                }
                Link::Connecting(attempt) => {
                    let Poll::Ready(result) = attempt.as_mut().poll(cx) else { return };
                    match result {
                        Ok(stream) => self.connected(stream, means, now),
                        Err(cause) => self.end(cause, now, events),
                    }
                }
                Link::Up(_) => {
                    let Poll::Ready(cause) = self.poll_socket(cx, now, events) else { return };
                    self.end(cause, now, events);
                }
            }
        }
    }

    /// Does what only time had to pass for.
    pub(super) fn handle_timeout(&mut self, now: Instant, events: &mut Vec<Event>) {
        if let Err(cause) = self.feed.handle_timeout(now) {
            self.end(cause, now, events);
        }
    }

    /// The number of a mark that the node reads after all that it has said until now: one for all
    /// who come at once. `None` if there is no node that could have said something.
    pub(super) fn mark(&mut self, now: Instant) -> Option<u64> {
        if self.mark.is_none() {
            self.mark = self.feed.mark(now);
        }
        self.mark
    }

    /// When something is to be done at the latest, if nothing happens before.
    pub(super) fn poll_timeout(
        &self,
        idle_timeout: Option<Duration>,
        now: Instant,
    ) -> Option<Instant> {
        let again = match self.link {
            Link::Down if !self.feed.is_idle() => self.throttled.or(self.backoff.until(now)),
            Link::Down | Link::Connecting(_) | Link::Up(_) => None,
        };
        let idle = self.idle_since.zip(idle_timeout).map(|(since, limit)| since + limit);
        [self.feed.poll_timeout(), again, idle].into_iter().flatten().min()
    }

    /// The node that the connection leads to.
    pub(super) fn node(&self) -> Option<Node> {
        self.peer.as_ref().map(|peer| peer.node)
    }

    /// Leads elsewhere from now on.
    pub(super) fn hang_up(&mut self, now: Instant, events: &mut Vec<Event>) {
        self.end(Cause::Retired, now, events);
    }

    /// Whether there has been nothing to hear for so long that the connection is not kept.
    pub(super) fn is_over(&mut self, idle_timeout: Option<Duration>, now: Instant) -> bool {
        if !self.feed.is_idle() {
            self.idle_since = None;
            return false;
        }
        let since = *self.idle_since.get_or_insert(now);
        matches!(self.link, Link::Down) || idle_timeout.is_some_and(|limit| since + limit <= now)
    }

    /// What its buffers hold.
    pub(super) fn held_bytes(&self) -> usize {
        let incomplete = if self.buffer.is_empty() { 0 } else { self.buffer.capacity() };
        incomplete + self.feed.copied_bytes()
    }

    /// Ends the connection that there may be, for good.
    pub(super) fn close(mut self, cause: CloseCause) {
        if let (Link::Up(_), Some(peer)) = (&self.link, self.peer.take()) {
            peer.count.closed(cause);
        }
    }

    /// Begins an attempt if one is wanted and may be made; false if none is under way then.
    fn begin_to_connect(
        &mut self,
        means: &mut Means<N>,
        pick: &impl Fn(Option<Node>, &mut StdRng) -> Option<(Node, Address)>,
        now: Instant,
    ) -> bool {
        if self.feed.is_idle() || self.backoff.until(now).is_some() {
            return false;
        }
        // Also where there is no node to go to: what was waited for is over.
        let has_waited = self.throttled.take().is_some();
        let Some((node, address)) = pick(self.avoided, &mut means.rng) else { return false };
        let count = Count::new(means.count.node(&address));
        let throttle = self.throttle.insert(means.throttles.of(&address));
        let allowed = throttle.borrow_mut().take(now);
        if let Err(until) = allowed {
            self.throttled = Some(until);
            if !has_waited {
                count.throttled();
            }
            return false;
        }
        count.attempt(false);
        self.link = Link::Connecting(connect(&means.net, &address, &means.settings));
        let complaint = means.count.complaint(&address);
        self.peer = Some(Peer { node, address, count, complaint });
        true
    }

    fn connected(&mut self, stream: N::Stream, means: &Means<N>, now: Instant) {
        self.link = Link::Up(stream);
        self.feed.receive_connection(now, now + means.settings.connect_timeout);
        if let Some(peer) = &self.peer {
            peer.count.opened();
        }
    }

    /// Reads and writes; ready with the reason once the connection is useless.
    fn poll_socket(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Poll<Cause> {
        loop {
            if let Err(cause) = self.poll_write(cx) {
                return Poll::Ready(cause);
            }
            if self.received >= UPSTREAM_TURN_BYTES_MAX {
                // There may be more; who has got messages takes them first.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Link::Up(stream) = &mut self.link else { return Poll::Pending };
            make_room(&mut self.buffer, self.feed.frame_bytes(), UPSTREAM_READ_BYTES);
            let bytes = match pin!(stream.read_buf(&mut self.buffer)).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(bytes @ 1..)) => bytes,
                Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(Cause::Closed),
            };
            self.received += bytes;
            self.feed.receive_bytes(now);
            if let Err(cause) = self.take_heard(now, events) {
                return Poll::Ready(cause);
            }
            self.count_read(bytes);
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Cause> {
        let Link::Up(stream) = &mut self.link else { return Ok(()) };
        let output = self.feed.output();
        let before = output.written();
        while !output.is_empty() {
            match write_some(stream, output, cx) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(Cause::Closed),
            }
        }
        let written = output.written() - before;
        if let Some(peer) = &self.peer {
            peer.count.written(written);
        }
        Ok(())
    }

    fn take_heard(&mut self, now: Instant, events: &mut Vec<Event>) -> Result<(), Cause> {
        while let Some(heard) = self.feed.poll_heard(&mut self.buffer, now)? {
            events.push(Event::Heard(heard));
        }
        Ok(())
    }

    fn count_read(&mut self, bytes: usize) {
        let Some(peer) = &mut self.peer else { return };
        peer.count.read(bytes);
        if !self.proven && self.feed.is_up() {
            self.proven = true;
            if peer.complaint.over() {
                tracing::info!(node = %peer.address, "the node answers again");
            }
        }
    }

    /// There is no connection any more, because of `cause`.
    fn end(&mut self, cause: Cause, now: Instant, events: &mut Vec<Event>) {
        let refusal = self.feed.take_refusal();
        if let Some(peer) = &mut self.peer {
            self.avoided = Some(peer.node);
            match self.link {
                Link::Up(_) => peer.count.broken(cause),
                Link::Connecting(_) if cause != Cause::Retired => peer.count.failed(cause),
                Link::Connecting(_) | Link::Down => {}
            }
            if !self.proven && cause != Cause::Retired && peer.complaint.met(cause) {
                let (node, what) = (&peer.address, cause.describe());
                let words = refusal.unwrap_or_default();
                tracing::warn!(%node, words, "no subscription at the node: {what}; trying again");
            }
        }
        self.link = Link::Down;
        self.buffer = BytesMut::new();
        if mem::take(&mut self.proven) || cause == Cause::Retired {
            self.backoff.succeed();
        } else {
            self.backoff.fail(cause, now);
        }
        events.push(Event::Broken(self.feed.receive_end()));
    }
}
