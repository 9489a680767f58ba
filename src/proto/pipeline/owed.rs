//! What is owed for a request that was sent.

use std::time::Instant;

use bytes::Bytes;

use super::request::Form;
use crate::proto::reply::{Cause, Failure, Reply};

/// A request that was sent, or is in the output buffer.
#[derive(Debug)]
pub(super) struct Owed<D> {
    pub(super) frame: Bytes,
    pub(super) form: Form,
    /// Replies to come before its own.
    pub(super) skip: u32,
    /// The first of them that is an error, if it matters.
    pub(super) refusal: Option<Box<Bytes>>,
    /// When it was given to the connection; once a byte of it has left, when that was.
    pub(super) since: Instant,
    pub(super) deadline: Instant,
    /// Where it starts, as `Output` counts.
    pub(super) start: u64,
    /// `None` once it is answered: its reply is still to come, and nobody's.
    pub(super) reply_to: Option<D>,
}

impl<D> Owed<D> {
    /// Takes note of a reply before its own: in a transaction, the first error counts.
    pub(super) fn note_refusal(&mut self, reply: Bytes) {
        let is_error = reply[0] == b'-' && matches!(self.form, Form::Transaction(_));
        if is_error && self.refusal.is_none() {
            self.refusal = Some(Box::new(reply));
        }
    }
}

/// The reply to a request, given its last frame and what was refused before that.
pub(super) fn reply(frame: Bytes, refusal: Option<Box<Bytes>>) -> Reply {
    match refusal {
        None => Reply::Frame(frame),
        // The node executed nothing because of that.
        Some(refusal) if frame.starts_with(b"-EXECABORT") => Reply::Frame(*refusal),
        // `MULTI` was refused; what followed ran one by one, perhaps.
        Some(_) => Reply::Failure(Failure::sent(Cause::NoTransaction)),
    }
}
