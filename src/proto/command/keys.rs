//! Where the keys of a command are.

use super::super::cluster::Slot;
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
    /// What follows a keyword.
    Keyword {
        /// The keyword, in lower case.
        word: &'static str,
        /// Position from which it is looked for; negative: from the end, backwards.
        from: i8,
        /// How much of what follows.
        take: Take,
        /// Other keywords with how many arguments belong to each: these are stepped over.
        skip: &'static [(&'static str, u8)],
    },
}

/// How much of what follows a keyword is keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// One argument. Where the keyword is repeated, the last one counts.
    One,
    /// One argument, unless another of the keywords that are stepped over comes later: of all of
    /// them, each with one argument, the last one counts.
    Latest,
    /// The first half of all: as many others belong to them. Nothing may stand before the keyword
    /// but keywords that are stepped over.
    Half,
    /// All.
    Rest,
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

    /// The positions of the keys, each with its flags as they are in the table.
    pub(super) fn keys_with_flags(&self) -> impl Iterator<Item = (usize, &'static str)> {
        self.row.keys.iter().zip(self.row.key_flags).flat_map(|(spec, flags)| {
            let found = spec.find(self);
            (0..found.count).map(move |number| (found.first + number * found.step, *flags))
        })
    }

    /// The slot whose number is the argument after the subcommand, if there is such a slot.
    #[must_use]
    pub fn named_slot(&self) -> Option<Slot> {
        Slot::new(u16::try_from(parse_integer(self.arg(2))?).ok()?)
    }

    /// The position of the first key: what [`keys`](Self::keys) yields first.
    #[must_use]
    pub fn first_key(&self) -> Option<usize> {
        match self.row.keys {
            [] => None,
            // Nearly all commands are of this kind, and the arity of most makes sure that it is
            // there.
            [KeySpec::Range { first, .. }, ..] => {
                Some(usize::from(*first)).filter(|first| *first < self.len())
            }
            [KeySpec::Count { .. } | KeySpec::Keyword { .. }, ..] => self.keys().next(),
        }
    }

    /// Whether the argument that says how many keys there are is not a number, below 1, or larger
    /// than what follows; or what follows a keyword cannot be halved. Such a command can be sent to
    /// any node: none runs it, and the server's error says what is wrong in the words of that
    /// command.
    #[must_use]
    pub fn has_malformed_keys(&self) -> bool {
        let is_malformed = |spec: &KeySpec| match *spec {
            KeySpec::Count { at, .. } => {
                let is_none = self.row.may_be_keyless() && self.arg(usize::from(at)) == b"0";
                spec.find(self) == NONE && !is_none
            }
            KeySpec::Keyword { take: Take::Half, .. } => spec.find(self) == NONE,
            KeySpec::Keyword { .. } | KeySpec::Range { .. } => false,
        };
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
            KeySpec::Keyword { word, from, take: Take::One, skip } => {
                last_after(command, word, usize::from(from.unsigned_abs()), skip)
            }
            KeySpec::Keyword { word, from, take: Take::Latest, skip } => {
                latest_after(command, word, usize::from(from.unsigned_abs()), skip)
            }
            KeySpec::Keyword { word, take: Take::Half, skip, .. } => {
                half_after(command, word, skip)
            }
            KeySpec::Keyword { word, from, take: Take::Rest, .. } => {
                rest_after(command, word, from)
            }
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

fn last_after(command: &Command<'_>, word: &str, from: usize, skip: &[(&str, u8)]) -> Found {
    let mut found = NONE;
    let mut at = from;
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

/// As Redis' `georadiusGetKeys` finds them.
fn latest_after(command: &Command<'_>, word: &str, from: usize, all: &[(&str, u8)]) -> Found {
    let mut found = NONE;
    let mut at = from;
    while at + 1 < command.len() {
        let arg = command.arg(at);
        let is = |word: &str| arg.eq_ignore_ascii_case(word.as_bytes());
        if all.iter().any(|(one, _)| is(one)) {
            found = if is(word) { Found { first: at + 1, count: 1, step: 1 } } else { NONE };
            at += 1;
        }
        at += 1;
    }
    found
}

/// As Redis' `xreadGetKeys` finds them: it looks at every word, whatever the key specification
/// that it tells clients begins with.
fn half_after(command: &Command<'_>, word: &str, skip: &[(&str, u8)]) -> Found {
    let mut at = 1;
    while at < command.len() {
        let is = |word: &str| command.arg(at).eq_ignore_ascii_case(word.as_bytes());
        if is(word) {
            let rest = command.len() - at - 1;
            let is_even = rest > 0 && rest.is_multiple_of(2);
            return if is_even { Found { first: at + 1, count: rest / 2, step: 1 } } else { NONE };
        }
        let Some((_, own)) = skip.iter().find(|(other, _)| is(other)) else { return NONE };
        at += 1 + usize::from(*own);
    }
    NONE
}

fn rest_after(command: &Command<'_>, word: &str, from: i8) -> Found {
    let is = |at: &usize| command.arg(*at).eq_ignore_ascii_case(word.as_bytes());
    let from_end = usize::from(from.unsigned_abs());
    let at = if from < 0 {
        (1..=command.len().saturating_sub(from_end)).rev().find(is)
    } else {
        (from_end..command.len()).find(is)
    };
    at.map_or(NONE, |at| Found { first: at + 1, count: command.len() - at - 1, step: 1 })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::rig::{any_arg, array, draws, written};
    use super::super::table::{self, Spread};
    use super::{KeySpec, Take};

    /// The keys of a command, each with a space before it.
    fn keys(line: &str) -> String {
        let written = written(line);
        let command = written.parse().unwrap();
        assert_eq!(command.first_key(), command.keys().next(), "{line}");
        let show = |key| format!(" {}", command.arg(key).escape_ascii());
        command.keys().map(show).collect()
    }

    proptest! {
        #![proptest_config(draws())]

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
                let row = command.row;
                let is_meant = row.may_be_keyless() || row.spread == Spread::Subscription;
                prop_assert!(!missing || is_meant || command.has_malformed_keys());
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
            ("sunsubscribe", ""),
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
            ("georadius a 0 0 1 m store b", " a b"),
            ("georadius a 0 0 1 m count 3 storedist b", " a b"),
            ("georadius a 0 0 1 m store storedist", " a storedist"),
            ("georadius a 0 0 1 m store b storedist c", " a c"),
            ("georadius a 0 0 1 m storedist b store c", " a c"),
            ("georadius a 0 0 1 m store b storedist", " a b"),
            ("georadius a 0 0 1 m store store b", " a store"),
            ("georadiusbymember a m 1 m asc store b", " a b"),
        ] {
            assert_eq!(keys(line), found, "{line}");
        }
    }

    #[test]
    fn streams_are_the_first_half_of_what_follows_their_word() {
        for (line, found) in [
            ("xread streams a 0", " a"),
            ("xread count 2 streams a b 0 0", " a b"),
            ("xread COUNT streams STREAMS a 0", " a"),
            ("xreadgroup group streams c streams a b > >", " a b"),
            ("xreadgroup group g c noack count 1 streams a >", " a"),
            ("xreadgroup noack group g c streams a >", " a"),
            ("xreadgroup what g c streams a >", ""),
            ("xread streams a b 0", ""),
            ("xread count 2 streams", ""),
            ("xread what streams a 0", ""),
            ("xread count 1 block", ""),
        ] {
            assert_eq!(keys(line), found, "{line}");
            let is_malformed = written(line).parse().unwrap().has_malformed_keys();
            assert_eq!(is_malformed, found.is_empty(), "{line}");
        }
    }

    #[test]
    fn a_script_may_have_no_keys() {
        for (line, found, is_malformed) in [
            ("eval s 0", "", false),
            ("eval s 0 a", "", false),
            ("eval s 1 a b", " a", false),
            ("evalsha s 2 a b c", " a b", false),
            ("eval_ro s 3 a b", "", true),
            ("fcall f -1 a", "", true),
            ("fcall_ro f x a", "", true),
        ] {
            assert_eq!(keys(line), found, "{line}");
            assert_eq!(written(line).parse().unwrap().has_malformed_keys(), is_malformed, "{line}");
        }
    }

    #[test]
    fn the_rest_of_a_command_is_its_keys_after_a_word_that_is_last_found() {
        let spec = KeySpec::Keyword { word: "keys", from: -2, take: Take::Rest, skip: &[] };
        for (line, first, count) in [
            ("set h 1 keys a b", 4, 2),
            ("set keys keys a", 3, 1),
            ("set h 1 keys", 0, 0),
            ("set h 1", 0, 0),
        ] {
            let found = spec.find(&written(line).parse().unwrap());
            assert_eq!((found.first, found.count), (first, count), "{line}");
        }
    }
}
