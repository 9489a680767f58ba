//! Where the keys of a command are.

use super::super::resp::parse_integer;
use super::Command;

/// Where keys stand among the arguments. The command's name is at position 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySpec {
    /// Every `step`-th argument from `first` to `last`.
    Range {
        /// Position of the first key.
        first: u8,
        /// Position of the last key; negative counts from the end, -1 being the last argument.
        last: i16,
        /// From one key to the next: 2 where values stand between.
        step: u8,
    },
    /// As many keys as an argument says.
    Count {
        /// Position of the argument that says how many.
        at: u8,
        /// Position of the first key.
        first: u8,
        /// From one key to the next.
        step: u8,
    },
    /// The one argument after a keyword. Where the keyword is repeated, the last one counts.
    Keyword {
        /// The keyword, in lower case.
        word: &'static str,
        /// Position from which it is looked for.
        from: u8,
        /// Other keywords with how many arguments belong to each: these are stepped over.
        skip: &'static [(&'static str, u8)],
    },
}

/// The positions of a command's keys, in the order of its [`KeySpec`]s.
#[derive(Clone, Debug)]
pub struct Keys<'a> {
    command: Command<'a>,
    /// What is left after the present spec.
    specs: &'static [KeySpec],
    next: usize,
    /// How many keys the present spec still has.
    left: usize,
    step: usize,
}

/// What one spec comes to in one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    first: usize,
    count: usize,
    step: usize,
}

const NONE: Found = Found { first: 0, count: 0, step: 1 };

impl<'a> Command<'a> {
    /// The positions of the keys; allocates nothing.
    ///
    /// Where the number of keys is malformed, its keys are left out: see
    /// [`has_malformed_keys`](Self::has_malformed_keys).
    #[must_use]
    pub fn keys(&self) -> Keys<'a> {
        Keys { command: *self, specs: self.row.keys, next: 0, left: 0, step: 1 }
    }

    /// The position of the first key: what [`keys`](Self::keys) yields first.
    #[must_use]
    pub fn first_key(&self) -> Option<usize> {
        match self.row.keys {
            [] => None,
            // The arity makes sure that it is there; nearly all commands are of this kind.
            [KeySpec::Range { first, .. }, ..] => Some(usize::from(*first)),
            [KeySpec::Count { .. } | KeySpec::Keyword { .. }, ..] => self.keys().next(),
        }
    }

    /// Whether the argument that says how many keys there are is not a number, below 1, or larger
    /// than what follows. Such a command can be sent to any node: none runs it, and the server's error
    /// says what is wrong in the words of that command.
    #[must_use]
    pub fn has_malformed_keys(&self) -> bool {
        let is_malformed =
            |spec: &KeySpec| matches!(spec, KeySpec::Count { .. }) && spec.find(self) == NONE;
        self.row.keys.iter().any(is_malformed)
    }
}

impl Iterator for Keys<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            let (spec, rest) = self.specs.split_first()?;
            let found = spec.find(&self.command);
            (self.specs, self.next, self.left, self.step) =
                (rest, found.first, found.count, found.step);
        }
        let key = self.next;
        self.next += self.step;
        self.left -= 1;
        Some(key)
    }
}

impl KeySpec {
    fn find(&self, command: &Command<'_>) -> Found {
        match *self {
            KeySpec::Range { first, last, step } => range(command.len(), first, last, step),
            KeySpec::Count { at, first, step } => {
                count(command, usize::from(at), first, step).unwrap_or(NONE)
            }
            KeySpec::Keyword { word, from, skip } => keyword(command, word, from, skip),
        }
    }
}

fn range(len: usize, first: u8, last: i16, step: u8) -> Found {
    let (first, step) = (usize::from(first), usize::from(step));
    let end = match usize::try_from(last) {
        Ok(last) => (last + 1).min(len),
        Err(_) => (len + 1).saturating_sub(usize::from(last.unsigned_abs())),
    };
    Found { first, count: end.saturating_sub(first).div_ceil(step), step }
}

fn count(command: &Command<'_>, at: usize, first: u8, step: u8) -> Option<Found> {
    let (first, step) = (usize::from(first), usize::from(step));
    let count = usize::try_from(parse_integer(command.arg(at))?).ok()?;
    let room = command.len().checked_sub(first)? / step;
    (1..=room).contains(&count).then_some(Found { first, count, step })
}

fn keyword(command: &Command<'_>, word: &str, from: u8, skip: &[(&str, u8)]) -> Found {
    let mut found = NONE;
    let mut at = usize::from(from);
    while at < command.len() {
        let arg = command.arg(at);
        let is = |word: &str| arg.eq_ignore_ascii_case(word.as_bytes());
        if is(word) && at + 1 < command.len() {
            at += 1;
            found = Found { first: at, count: 1, step: 1 };
        } else if let Some((_, own)) = skip.iter().find(|(other, _)| is(other)) {
            at += usize::from(*own);
        }
        at += 1;
    }
    found
}
