//! What a client was told, taken apart once, in whichever version of RESP it was told.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::resp::{content, elements, integer};

/// What a client was told of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer<'a> {
    /// Nothing, or nothing of this key alone: whatever is so fits.
    Anything,
    None,
    Word(&'a [u8]),
    Integer(i64),
    Text(&'a [u8]),
    Items(Vec<Answer<'a>>),
    /// What no command of the workload is answered with.
    Odd,
}

impl<'a> Answer<'a> {
    pub(super) fn of(frame: &'a [u8]) -> Answer<'a> {
        let line = || frame.get(1..frame.len().saturating_sub(2)).unwrap_or_default();
        match frame.first() {
            Some(b'_') => Answer::None,
            Some(b'$' | b'*') if line() == b"-1" => Answer::None,
            Some(b'+') => Answer::Word(line()),
            Some(b',') => Answer::Text(line()),
            Some(b':') => integer(frame).map_or(Answer::Odd, Answer::Integer),
            Some(b'$') => content(frame).map_or(Answer::Odd, Answer::Text),
            _ => elements(frame).map_or(Answer::Odd, |items| {
                Answer::Items(items.into_iter().map(Answer::of).collect())
            }),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Answer::Anything | Answer::None)
    }

    pub(super) fn is_word(&self, word: &[u8]) -> bool {
        self.is_anything() || *self == Answer::Word(word)
    }

    pub(super) fn is_integer(&self, number: i64) -> bool {
        self.is_anything() || *self == Answer::Integer(number)
    }

    /// One if it is so, else zero.
    pub(super) fn counts(&self, is_so: bool) -> bool {
        self.is_integer(i64::from(is_so))
    }

    pub(super) fn is_score(&self, score: i64) -> bool {
        let Answer::Text(said) = self else { return self.is_anything() };
        let said = std::str::from_utf8(said).ok().and_then(|said| said.parse::<f64>().ok());
        said == Some(score as f64)
    }

    /// A text in pieces.
    pub(super) fn is_text(&self, pieces: &[Cow<'_, [u8]>]) -> bool {
        let Answer::Text(said) = self else { return self.is_anything() };
        let mut rest = *said;
        for piece in pieces {
            let Some(left) = rest.strip_prefix(&piece[..]) else { return false };
            rest = left;
        }
        rest.is_empty()
    }

    /// So many items.
    pub(super) fn is_long(&self, len: usize) -> bool {
        let Answer::Items(items) = self else { return self.is_anything() };
        items.len() == len
    }

    pub(super) fn are_texts<'b>(&self, texts: impl ExactSizeIterator<Item = &'b [u8]>) -> bool {
        self.are_texts_or_none(texts.map(Some))
    }

    pub(super) fn are_texts_or_none<'b>(
        &self,
        texts: impl ExactSizeIterator<Item = Option<&'b [u8]>>,
    ) -> bool {
        let Answer::Items(items) = self else { return self.is_anything() };
        let fits = |(item, text): (&Answer<'_>, Option<&[u8]>)| match text {
            Some(text) => *item == Answer::Text(text),
            None => *item == Answer::None,
        };
        items.len() == texts.len() && items.iter().zip(texts).all(fits)
    }

    /// Names and values in turn, in any order of the names.
    pub(super) fn are_pairs(&self, pairs: &BTreeMap<&[u8], Cow<'_, [u8]>>) -> bool {
        let Answer::Items(items) = self else { return self.is_anything() };
        let is_there = |item: &[Answer<'_>]| {
            let [Answer::Text(name), Answer::Text(value)] = item else { return false };
            pairs.get(name).is_some_and(|held| held[..] == **value)
        };
        items.len() == 2 * pairs.len() && items.chunks(2).all(is_there)
    }

    fn is_anything(&self) -> bool {
        matches!(self, Answer::Anything)
    }
}
