//! What a node connection's task counts.

use std::sync::Arc;

use crate::mutant::planted;
use crate::proto::pipeline::{Pipeline, Sample, Stage, Tally};
use crate::proto::reply::{Cause, Failure, Reply};
use crate::reply_to::ReplyTo;
use crate::stats::{CloseCause, ConnectFailure, DrainEnd, Kind, NodeStats};

/// What a node connection's task counts.
#[derive(Debug)]
pub(crate) struct Count(Arc<NodeStats>);

impl Count {
    pub(crate) fn new(stats: Arc<NodeStats>) -> Count {
        Count(stats)
    }

    /// An attempt to connect begins; nothing has to be sent yet if it is `ahead`.
    pub(crate) fn attempt(&self, ahead: bool) {
        self.0.preconnects.add(u64::from(ahead));
    }

    /// An attempt to connect has to wait for the throttle.
    pub(crate) fn throttled(&self) {
        self.0.rate_limited.add(1);
    }

    /// There is a socket.
    pub(crate) fn opened(&self) {
        self.0.connections.add(1);
        self.0.connections_opened.add(1);
    }

    /// There is no socket, because of `cause`.
    pub(crate) fn failed(&self, cause: Cause) {
        let failure = match cause {
            Cause::Unresolved => ConnectFailure::Unresolved,
            Cause::ConnectTimeout => ConnectFailure::Timeout,
            Cause::Unreachable
            | Cause::Backoff(_)
            | Cause::HandshakeRefused
            | Cause::Closed
            | Cause::Garbled
            | Cause::Stalled
            | Cause::Retired
            | Cause::Replaced
            | Cause::Timeout
            | Cause::NoTransaction
            | Cause::NoLease
            | Cause::LeaseLost
            | Cause::Stopping => ConnectFailure::Refused,
        };
        self.0.connect_failures.of(failure).add(1);
    }

    /// The socket there was is of no use any more, because of `cause`.
    pub(crate) fn broken(&self, cause: Cause) {
        self.0.handshakes_refused.add(u64::from(cause == Cause::HandshakeRefused));
        self.closed(match cause {
            Cause::Garbled => CloseCause::Garbled,
            Cause::Stalled => CloseCause::Stalled,
            Cause::Retired | Cause::Replaced => CloseCause::Drained,
            Cause::Stopping => CloseCause::Stopping,
            Cause::HandshakeRefused | Cause::ConnectTimeout => CloseCause::HandshakeRefused,
            Cause::Closed
            | Cause::Unresolved
            | Cause::Unreachable
            | Cause::Backoff(_)
            | Cause::NoTransaction
            | Cause::NoLease
            | Cause::LeaseLost
            | Cause::Timeout => CloseCause::Remote,
        });
    }

    /// The socket is closed.
    pub(crate) fn closed(&self, cause: CloseCause) {
        self.0.connections.sub(1);
        self.0.connections_closed.of(cause).add(1);
    }

    pub(crate) fn drain_began(&self) {
        self.0.drains_started.add(1);
    }

    pub(crate) fn drain_ended(&self, end: DrainEnd) {
        self.0.drains_ended.of(end).add(1);
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.0.read_bytes.add(bytes as u64);
    }

    pub(crate) fn written(&self, bytes: u64) {
        self.0.written_bytes.add(bytes);
    }

    /// A request is answered so.
    pub(crate) fn answered(&self, reply: &Reply) {
        if let Reply::Failure(Failure { cause: Cause::Backoff(_), .. }) = reply {
            self.0.backoff_failures.add(1);
        }
    }

    /// A turn is over: what happened in it, and how things are now.
    pub(crate) fn turn(&self, pipeline: &mut Pipeline<ReplyTo>) {
        let stats = &*self.0;
        let Tally { answered, late, skipped, expired, flushes, .. } = pipeline.take_tally();
        stats.requests_answered.add(answered);
        stats.replies_discarded.add(late);
        stats.requests_abandoned.add(skipped);
        for (stage, count) in crate::stats::Stage::ALL.iter().zip(expired) {
            stats.requests_expired.of(*stage).add(count);
        }
        for (trigger, count) in crate::stats::FlushTrigger::ALL.iter().zip(flushes) {
            stats.flushes.of(*trigger).add(count);
        }
        for Sample { stage, took } in pipeline.take_samples() {
            if stage == Stage::Reply {
                stats.wire.observe(took);
            } else {
                stats.requests_sent.add(u64::from(!planted("sent-not-counted")));
                stats.queue.observe(took);
            }
        }
        stats.in_flight.set(pipeline.in_flight() as u64);
        stats.oldest.set(pipeline.oldest());
        stats.buffered_bytes.set(pipeline.buffered_bytes() as u64);
    }
}
