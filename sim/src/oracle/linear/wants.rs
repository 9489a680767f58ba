//! Strings that clients have read: each must be there when its time comes. A value is set by few
//! commands, for most carry a number of their own; once these are done and something else is there,
//! it cannot come back, and a search that got there need not go on.

use std::borrow::Cow;

use super::answer::Answer;
use super::model::{Action, OnText, Value};
use super::ops::Op;

/// What was read of a key, if it is a string and no number.
pub(super) struct Wants<'a>(Vec<Want<'a>>);

/// Something that was read.
struct Want<'a> {
    /// By whom.
    reader: usize,
    text: &'a [u8],
    /// Who may have set it, or begun to.
    makers: Vec<usize>,
}

impl<'a> Wants<'a> {
    pub(super) fn of(ops: &[Op<'a>]) -> Wants<'a> {
        if ops.iter().any(|op| matches!(op.action, Action::Text(OnText::Add(_)))) {
            return Wants(Vec::new());
        }
        let readers = ops.iter().enumerate().filter(|(_, op)| op.is_sure && tells_all(&op.action));
        let wants = readers.filter_map(|(reader, op)| {
            let Answer::Text(text) = op.answer else { return None };
            let begins =
                |(_, op): &(usize, &Op<'a>)| made(op).is_some_and(|made| text.starts_with(made));
            let makers = ops.iter().enumerate().filter(begins).map(|(maker, _)| maker).collect();
            (!text.is_empty()).then_some(Want { reader, text, makers })
        });
        Wants(wants.collect())
    }

    /// Whether something that was read can never be there any more.
    pub(super) fn are_in_vain(&self, done: &[bool], value: &Value<'a>) -> bool {
        let pieces: &[Cow<'a, [u8]>] = if let Value::Text(pieces) = value { pieces } else { &[] };
        self.0.iter().filter(|want| !done[want.reader]).any(|want| {
            let may_be_made =
                want.makers.iter().any(|maker| !done[*maker] && *maker != want.reader);
            !may_be_made && (pieces.is_empty() || !begins_with(want.text, pieces))
        })
    }
}

/// Whether a command is answered with the string that was there.
fn tells_all(action: &Action<'_>) -> bool {
    matches!(action, Action::Text(OnText::Get | OnText::Range | OnText::GetSet(_)))
}

/// What a command sets a string to, or appends.
fn made<'a>(op: &Op<'a>) -> Option<&'a [u8]> {
    match op.action {
        Action::Set(text)
        | Action::Text(OnText::SetIfAbsent(text) | OnText::GetSet(text) | OnText::Append(text)) => {
            Some(text)
        }
        Action::Text(OnText::Get | OnText::Range | OnText::Strlen | OnText::Add(_))
        | Action::Type
        | Action::Exists
        | Action::Delete
        | Action::Vanish
        | Action::List(_)
        | Action::Hash(_)
        | Action::Members(_)
        | Action::Sorted(_) => None,
    }
}

fn begins_with(text: &[u8], pieces: &[Cow<'_, [u8]>]) -> bool {
    let mut rest = text;
    pieces.iter().all(|piece| match rest.strip_prefix(&piece[..]) {
        Some(left) => {
            rest = left;
            true
        }
        None => false,
    })
}
