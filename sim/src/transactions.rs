//! What became of each command of a transaction: written down as if it had been asked by itself, so
//! that what is promised of commands is checked of these, too.
//!
//! - Of a node: a command that is queued is done when `EXEC` runs it, or refused as its transaction
//!   is.
//! - Of a client: a command that is told `QUEUED` is asked when `EXEC` is, and told what that says
//!   of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use redpoll::embedded::Execution;

use crate::history::Conversation;
use crate::resp::{elements, is_error};

const QUEUED: &[u8] = b"+QUEUED\r\n";

/// What a client is told of what it queued and never had executed.
const DISCARDED: &[u8] = b"-EXECABORT there was no EXEC\r\n";

/// What it is told of what was not executed for the sake of what it watched.
pub(crate) const UNDONE: &[u8] = b"-EXECABORT what is watched has changed\r\n";

/// Whether `EXEC` says that what was watched has changed.
pub(crate) fn is_nil(reply: &[u8]) -> bool {
    matches!(reply, b"*-1\r\n" | b"_\r\n")
}

/// A command that waited for an `EXEC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The place of `MULTI` among the calls of its conversation.
    pub multi: usize,
    /// The place of `EXEC`; `None` if its client never said that.
    pub exec: Option<usize>,
    /// What it was told when it came.
    pub told: Option<Bytes>,
}

/// What nodes have queued, by node and connection.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    open: BTreeMap<(usize, u64), Open>,
    /// `EXEC`s that ran what was queued.
    execs: u64,
}

/// What is queued on a connection.
#[derive(Debug, Default)]
struct Open {
    queue: Vec<Vec<Vec<u8>>>,
    /// The first refusal.
    refusal: Option<Bytes>,
}

/// A command, what it came to, and the number of the `EXEC` that ran it.
pub(crate) type Outcome = (Vec<Vec<u8>>, Bytes, Option<u64>);

impl Transactions {
    /// What is known of commands once a node has replied this on that connection.
    pub(crate) fn see(&mut self, place: (usize, u64), seen: &Execution<'_>) -> Vec<Outcome> {
        let args: Vec<_> = seen.args.iter().map(|arg| arg.to_vec()).collect();
        let reply = Bytes::copy_from_slice(seen.reply);
        if seen.is_queued {
            return vec![(args, reply, Some(self.execs))];
        }
        match seen.args {
            [b"MULTI"] => drop(self.open.insert(place, Open::default())),
            [b"EXEC"] => {
                self.execs += 1;
                let is_undone = is_nil(&reply);
                let open = self.open.remove(&place).filter(|_| is_error(&reply) || is_undone);
                let Open { queue, refusal } = open.unwrap_or_default();
                let reply = if is_undone { Bytes::from_static(UNDONE) } else { reply };
                let why = refusal.unwrap_or(reply);
                return queue.into_iter().map(|args| (args, why.clone(), None)).collect();
            }
            _ => {}
        }
        if let Some(open) = self.open.get_mut(&place) {
            if reply == QUEUED {
                open.queue.push(args);
                return Vec::new();
            }
            if is_error(&reply) {
                open.refusal.get_or_insert(reply.clone());
            }
        }
        vec![(args, reply, None)]
    }
}

impl Conversation {
    /// Tells each command of a transaction what became of it.
    pub(crate) fn resolve_transactions(&mut self) {
        let mut open: Option<(usize, Vec<usize>)> = None;
        for place in 0..self.calls.len() {
            let call = &self.calls[place];
            let is_refused = call.frame().is_some_and(is_error);
            match (call.kind().name, &mut open) {
                ("MULTI", None) if !is_refused => open = Some((place, Vec::new())),
                ("EXEC", Some(_)) => {
                    let (multi, inner) = open.take().unwrap_or_default();
                    self.resolve(multi, &inner, Some(place));
                }
                (_, Some((_, inner))) => inner.push(place),
                (_, None) => {}
            }
        }
        if let Some((multi, inner)) = open {
            self.resolve(multi, &inner, None);
        }
    }

    fn resolve(&mut self, multi: usize, inner: &[usize], exec: Option<usize>) {
        let last = exec.map(|exec| self.calls[exec].clone());
        for (number, place) in inner.iter().enumerate() {
            let call = &mut self.calls[*place];
            let told = call.reply.take();
            call.reply = match &last {
                Some(last) => last.reply.as_ref().map(|(at, frame)| {
                    if is_nil(frame) {
                        return (*at, Bytes::from_static(UNDONE));
                    }
                    let own = elements(frame).and_then(|all| all.get(number).copied());
                    (*at, own.map_or_else(|| frame.clone(), |own| frame.slice_ref(own)))
                }),
                None => {
                    let at = told.as_ref().map_or(call.sent, |(at, _)| *at);
                    Some((at, Bytes::from_static(DISCARDED)))
                }
            };
            call.sent = last.as_ref().map_or(call.sent, |last| last.sent);
            call.queued = Some(Queued { multi, exec, told: told.map(|(_, frame)| frame) });
        }
    }
}
