//! What one connection to a node counts, over all the sockets it has in its life.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::counter::kinds;
use super::{By, Counter, Histogram};

kinds!(
    /// Why a connection to a node was closed.
    CloseCause {
        /// Nothing was asked of it for `idle_timeout`.
        Idle = "idle",
        /// Its node left the topology or its upstream has another configuration; its drain is over.
        Drained = "drained",
        /// The node closed it.
        Remote = "remote",
        /// The node sent what is not RESP, or what nobody asked for.
        Garbled = "garbled",
        /// The node owed replies and sent nothing for `stall_timeout`.
        Stalled = "stalled",
        /// The node refused the handshake, or did not finish it in time.
        HandshakeRefused = "handshake",
        /// The proxy stops.
        Stopping = "stopping",
        /// It was on loan, and its client left, or a command on it failed.
        Released = "released",
    }
);

kinds!(
    /// Why an attempt to connect failed.
    ConnectFailure {
        /// The node refused it, or cannot be reached.
        Refused = "refused",
        /// The node's host name has no address.
        Unresolved = "unresolved",
        /// It took longer than `connect_timeout`.
        Timeout = "timeout",
    }
);

kinds!(
    /// How far a request got before its deadline.
    Stage {
        /// There was no connection yet.
        Connect = "connect",
        /// There was one, whose handshake was not over.
        Handshake = "handshake",
        /// It waited to be written.
        Queue = "queue",
        /// A byte of it had left, and the reply was awaited.
        Reply = "reply",
    }
);

kinds!(
    /// What had requests written.
    FlushTrigger {
        /// The end of a turn of the event loop.
        Turn = "turn",
        /// `max_buffer_size_before_flush` was reached.
        Size = "size",
        /// `buffer_flush_timeout` was over.
        Timer = "timer",
    }
);

kinds!(
    /// How the drain of a connection ended.
    DrainEnd {
        /// All that was in flight was answered.
        Finished = "finished",
        /// `drain_timeout` came first.
        TimedOut = "timeout",
        /// The node came back.
        Resumed = "resumed",
    }
);

/// What one connection to a node counts. Aligned, so that no two workers share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct NodeStats {
    /// Sockets connected now: 0 or 1.
    pub connections: Counter,
    /// Sockets connected.
    pub connections_opened: Counter,
    /// Sockets closed.
    pub connections_closed: By<CloseCause>,
    /// Attempts to connect that failed.
    pub connect_failures: By<ConnectFailure>,
    /// Attempts to connect that had to wait for `connection_rate_limit`.
    pub rate_limited: Counter,
    /// Requests that failed at once because an attempt to connect had failed a moment before.
    pub backoff_failures: Counter,
    /// Handshakes that the node refused.
    pub handshakes_refused: Counter,
    /// Attempts to connect before a command needed that.
    pub preconnects: Counter,
    /// Times that it began to drain: the node left the topology, or the configuration changed.
    pub drains_started: Counter,
    /// Drains that are over.
    pub drains_ended: By<DrainEnd>,
    /// Requests of which a byte was written.
    pub requests_sent: Counter,
    /// Requests that the node replied to in time.
    pub requests_answered: Counter,
    /// Requests answered by the proxy because their deadline had come.
    pub requests_expired: By<Stage>,
    /// Requests not sent because the client had gone.
    pub requests_abandoned: Counter,
    /// Replies that came after their deadline.
    pub replies_discarded: Counter,
    /// Requests that were sent and are not replied to now.
    pub in_flight: Counter,
    /// Since when the oldest of them has been waiting for its reply.
    pub oldest: Since,
    /// Bytes of requests that wait to be written now.
    pub buffered_bytes: Counter,
    /// Times that requests were written.
    pub flushes: By<FlushTrigger>,
    /// Bytes read.
    pub read_bytes: Counter,
    /// Bytes written.
    pub written_bytes: Counter,
    /// From being given to the connection to the first byte written.
    pub queue: Histogram,
    /// From the first byte written to the reply.
    pub wire: Histogram,
}

impl NodeStats {
    /// A connection's, at zero. `began` is the beginning of the time that instants are counted in.
    pub(super) fn new(began: Instant) -> NodeStats {
        NodeStats { oldest: Since::new(began), ..NodeStats::default() }
    }

    /// Adds what `other` counted, which is over: what it says of now does not count any more. Only
    /// the one writer may call this.
    pub(super) fn absorb(&self, other: &NodeStats) {
        // All fields by name, so that none is forgotten.
        let NodeStats {
            connections: _,
            in_flight: _,
            oldest: _,
            buffered_bytes: _,
            connections_opened,
            connections_closed,
            connect_failures,
            rate_limited,
            backoff_failures,
            handshakes_refused,
            preconnects,
            drains_started,
            drains_ended,
            requests_sent,
            requests_answered,
            requests_expired,
            requests_abandoned,
            replies_discarded,
            flushes,
            read_bytes,
            written_bytes,
            queue,
            wire,
        } = other;
        self.connections_opened.add(connections_opened.get());
        self.connections_closed.absorb(connections_closed);
        self.connect_failures.absorb(connect_failures);
        self.rate_limited.add(rate_limited.get());
        self.backoff_failures.add(backoff_failures.get());
        self.handshakes_refused.add(handshakes_refused.get());
        self.preconnects.add(preconnects.get());
        self.drains_started.add(drains_started.get());
        self.drains_ended.absorb(drains_ended);
        self.requests_sent.add(requests_sent.get());
        self.requests_answered.add(requests_answered.get());
        self.requests_expired.absorb(requests_expired);
        self.requests_abandoned.add(requests_abandoned.get());
        self.replies_discarded.add(replies_discarded.get());
        self.flushes.absorb(flushes);
        self.read_bytes.add(read_bytes.get());
        self.written_bytes.add(written_bytes.get());
        self.queue.absorb(queue);
        self.wire.absorb(wire);
    }
}

/// Since when something has been so, if it is; one thread changes it and any thread reads.
#[derive(Debug, Default)]
pub struct Since {
    began: Option<Instant>,
    /// From `began`, in microseconds, plus 1. 0 if it is not so.
    at: AtomicU64,
}

impl Since {
    fn new(began: Instant) -> Since {
        Since { began: Some(began), at: AtomicU64::new(0) }
    }

    /// It has been so since then; `None`: it is not. Only its one writer may call this.
    pub fn set(&self, since: Option<Instant>) {
        let at = since.map_or(0, |since| self.micros(since) + 1);
        self.at.store(at, Ordering::Relaxed);
    }

    /// How long it has been so; zero if it is not.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        let at = self.at.load(Ordering::Relaxed);
        let age = at.checked_sub(1).map(|since| self.micros(now).saturating_sub(since));
        Duration::from_micros(age.unwrap_or(0))
    }

    fn micros(&self, at: Instant) -> u64 {
        let passed = self.began.map(|began| at.saturating_duration_since(began));
        passed.map_or(0, |passed| u64::try_from(passed.as_micros()).unwrap_or(u64::MAX - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Kind;

    #[test]
    fn what_is_over_is_added_and_what_was_so_then_is_not() {
        let (sum, other) = (NodeStats::default(), NodeStats::default());
        other.connections.add(1);
        other.in_flight.add(5);
        other.buffered_bytes.add(100);
        other.connections_closed.of(CloseCause::Stalled).add(2);
        other.requests_expired.of(Stage::Reply).add(3);
        other.wire.observe(Duration::from_millis(4));
        sum.absorb(&other);
        sum.absorb(&other);
        assert_eq!(
            [&sum.connections, &sum.in_flight, &sum.buffered_bytes].map(Counter::get),
            [0; 3]
        );
        assert_eq!(sum.connections_closed.of(CloseCause::Stalled).get(), 4);
        assert_eq!(sum.requests_expired.of(Stage::Reply).get(), 6);
        assert_eq!((sum.wire.count(), sum.wire.sum()), (2, Duration::from_millis(8)));
    }

    #[test]
    fn the_age_grows_until_it_is_over() {
        let began = tokio::time::Instant::now().into_std();
        let after = |ms| began + Duration::from_millis(ms);
        let oldest = Since::new(began);
        assert_eq!(oldest.age(after(10)), Duration::ZERO);
        oldest.set(Some(began));
        assert_eq!(oldest.age(after(10)), Duration::from_millis(10));
        oldest.set(Some(after(4)));
        assert_eq!(oldest.age(after(10)), Duration::from_millis(6));
        assert_eq!(oldest.age(after(3)), Duration::ZERO);
        oldest.set(None);
        assert_eq!(oldest.age(after(10)), Duration::ZERO);
    }

    #[test]
    fn labels_are_told_apart() {
        let labels: Vec<_> = CloseCause::ALL.iter().map(|cause| cause.label()).collect();
        assert!(
            labels.iter().all(|label| labels.iter().filter(|other| *other == label).count() == 1)
        );
        for (index, cause) in CloseCause::ALL.iter().enumerate() {
            assert_eq!(cause.index(), index);
        }
    }
}
