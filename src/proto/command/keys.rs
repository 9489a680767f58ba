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
    /// than what follows. Such a command can be sent to any node: none runs it, and the server's
    /// error says what is wrong in the words of that command.
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
            // Redis does not step over it, so neither does a node that checks the slots.
            found = Found { first: at + 1, count: 1, step: 1 };
        } else if let Some((_, own)) = skip.iter().find(|(other, _)| is(other)) {
            at += usize::from(*own);
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::rig::{any_arg, array, written};
    use super::super::table;

    /// The keys of a command, each with a space before it.
    fn keys(line: &str) -> String {
        let written = written(line);
        let command = written.parse().unwrap();
        assert_eq!(command.first_key(), command.keys().next(), "{line}");
        let show = |key| format!(" {}", command.arg(key).escape_ascii());
        command.keys().map(show).collect()
    }

    proptest! {
        #[test]
        fn keys_are_arguments_whatever_the_arguments_are(
            row in select(table::rows().collect::<Vec<_>>()),
            args in vec(any_arg(), 0..6),
        ) {
            let mut frame = vec![row.name.as_bytes()];
            frame.extend(args.iter().map(Vec::as_slice));
            let written = written(array(&frame));
            if let Ok(command) = written.parse() {
                let keys: Vec<_> = command.keys().collect();
                prop_assert_eq!(command.first_key(), keys.first().copied());
                prop_assert!(keys.iter().all(|key| (1..command.len()).contains(key)));
                let missing = !command.row.keys.is_empty() && keys.is_empty();
                prop_assert!(!missing || command.has_malformed_keys());
            }
        }
    }

    #[test]
    fn ranges_end_where_their_row_says() {
        for (line, found) in [
            ("get a", " a"),
            ("set a b ex 10", " a"),
            ("ping a", ""),
            ("mget a b c", " a b c"),
            ("mset a 1 b 2", " a b"),
            ("msetnx a 1", " a"),
            ("del a a", " a a"),
            ("rename a b", " a b"),
            ("smove a b member", " a b"),
            ("lmove a b left right", " a b"),
            ("sdiffstore a b c", " a b c"),
            ("object freq a", " a"),
            ("lcs a b len", " a b"),
            ("copy a b replace", " a b"),
        ] {
            assert_eq!(keys(line), found, "{line}");
        }
    }

    #[test]
    fn counted_keys_are_as_many_as_the_command_says() {
        for (line, found) in [
            ("zunion 2 a b weights 1 2", " a b"),
            ("zinterstore to 1 a aggregate max", " to a"),
            ("sintercard 3 a b c limit 1", " a b c"),
            ("lmpop 1 a left", " a"),
            ("zmpop 2 a b min count 3", " a b"),
        ] {
            assert_eq!(keys(line), found, "{line}");
            assert!(!written(line).parse().unwrap().has_malformed_keys());
        }
    }

    #[test]
    fn a_malformed_count_has_no_keys() {
        for (line, found) in [
            ("zunion 0 a", ""),
            ("zunion -1 a", ""),
            ("zunion 3 a b", ""),
            ("zunion x a", ""),
            ("zunion 01 a", ""),
            ("zunion 9223372036854775807 a", ""),
            ("zunion 9223372036854775808 a", ""),
            ("zunionstore to 7 a", " to"),
        ] {
            assert_eq!(keys(line), found, "{line}");
            assert!(written(line).parse().unwrap().has_malformed_keys());
        }
    }

    #[test]
    fn a_keyword_is_not_found_among_the_arguments_of_another() {
        for (line, found) in [
            ("sort a", " a"),
            ("sort a STORE b", " a b"),
            ("sort a limit 0 store b", " a"),
            ("sort a by store store b", " a b"),
            ("sort a get store desc store b", " a b"),
            ("sort a store b store c", " a c"),
            ("sort a desc store", " a"),
            ("sort_ro a store b", " a"),
        ] {
            assert_eq!(keys(line), found, "{line}");
        }
    }
}
