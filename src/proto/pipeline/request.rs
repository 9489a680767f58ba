//! What goes into a pipeline, and how it is used.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::proto::handshake::Greeting;

/// The right and the duty to answer one request; answering consumes it.
pub trait Duty {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
}

/// A command for one node.
#[derive(Debug)]
pub struct Request<D> {
    /// One whole command, as it is to be sent; or a transaction.
    pub frame: Bytes,
    /// What goes with it.
    pub form: Form,
    /// When it was given to the connection.
    pub since: Instant,
    /// When it must be answered at the latest.
    pub deadline: Instant,
    /// Whom to answer.
    pub reply_to: D,
}

/// How many commands a request is for the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One.
    Plain,
    /// One, and `ASKING` goes directly before it.
    Asking,
    /// One, and `UNWATCH` goes directly before it: it begins a conversation of its own.
    Fresh,
    /// One, and directly before it a write without effect, which the node passes on to its
    /// replicas: `FUNCTION RESTORE` of no functions. What counts who has the last write of the
    /// connection then counts from there. If it is refused, so is the request.
    Marked,
    /// `MULTI`, so many commands, and `EXEC`, whose reply is the reply. If one of the commands is
    /// refused, and with it all, the refusal is.
    Transaction(u32),
}

const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";
const UNWATCH: &[u8] = b"*1\r\n$7\r\nUNWATCH\r\n";
/// What it restores is what `FUNCTION DUMP` gives where there are no functions: the version of the
/// format, which later servers read, too, and a checksum.
const MARK: &[u8] = b"*4\r\n$8\r\nFUNCTION\r\n$7\r\nRESTORE\r\n\
    $10\r\n\x0a\x00\x5d\x9b\x5c\x40\x0f\x7f\xa2\xda\r\n$6\r\nAPPEND\r\n";

impl Form {
    /// What goes before the request.
    pub(super) fn prelude(self) -> &'static [u8] {
        match self {
            Form::Asking => ASKING,
            Form::Fresh => UNWATCH,
            Form::Marked => MARK,
            Form::Plain | Form::Transaction(_) => b"",
        }
    }

    /// How many replies come before that of the request.
    pub(super) fn replies_before(self) -> u32 {
        match self {
            Form::Plain => 0,
            Form::Asking | Form::Fresh | Form::Marked => 1,
            Form::Transaction(queued) => 1 + queued,
        }
    }
}

/// How a connection is used.
#[derive(Clone, Debug)]
pub struct Options {
    /// What comes before the first command.
    pub greeting: Greeting,
    /// Requests in flight, at most.
    pub requests_max: usize,
    /// When requests are written; `None`: at once.
    pub flush: Option<Flush>,
    /// How long the node may send nothing while it owes something; `None`: for ever.
    pub stall_timeout: Option<Duration>,
}

/// When buffered requests are written: once there are so many bytes, or so long after the first of
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush {
    /// Envoy's `max_buffer_size_before_flush`.
    pub bytes: usize,
    /// Envoy's `buffer_flush_timeout`.
    pub timeout: Duration,
}
