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
    pub(super) refusal: Option<Box<Refusal>>,
    /// When it was given to the connection; once a byte of it has left, when that was.
    pub(super) since: Instant,
    pub(super) deadline: Instant,
    /// Where it starts, as `Output` counts.
    pub(super) start: u64,
    /// `None` once it is answered: its reply is still to come, and nobody's.
    pub(super) reply_to: Option<D>,
}

/// What a node refused of a transaction.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `MULTI`: what followed ran one by one, perhaps.
    Begin,
    /// A command, in these words, and with it all.
    Command(Bytes),
    /// The mark before it, in these words.
    Mark(Bytes),
}

impl<D> Owed<D> {
    /// Takes note of a reply before its own, after it was counted: where it matters, the first
    /// error counts.
    pub(super) fn note_refusal(&mut self, reply: Bytes) {
        if reply[0] != b'-' || self.refusal.is_some() {
            return;
        }
        let refusal = match self.form {
            Form::Transaction(queued) if self.skip == queued => Refusal::Begin,
            Form::Transaction(_) => Refusal::Command(reply),
            Form::Marked => Refusal::Mark(reply),
            Form::Plain | Form::Asking | Form::Fresh => return,
        };
        self.refusal = Some(Box::new(refusal));
    }
}

/// The reply to a request, given its last frame and what was refused before that.
pub(super) fn reply(frame: Bytes, refusal: Option<Box<Refusal>>) -> Reply {
    match refusal.map(|refusal| *refusal) {
        // The node executed nothing because of that; to `EXEC` it may say why, too.
        Some(Refusal::Mark(refusal)) => Reply::Frame(refusal),
        Some(Refusal::Command(refusal)) if frame[0] == b'-' => Reply::Frame(refusal),
        Some(Refusal::Begin) => Reply::Failure(Failure::sent(Cause::NoTransaction)),
        Some(Refusal::Command(_)) | None => Reply::Frame(frame),
    }
}
