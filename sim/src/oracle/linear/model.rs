//! One key as a client may think of it: what it holds, what a command makes of that, and whether
//! what was replied is then true.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::answer::Answer;
use super::collections::{OnHash, OnList, OnSet, OnSorted};
use crate::resp::shown;

/// What a key holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Value<'a> {
    #[default]
    Absent,
    /// In pieces, as it was appended to.
    Text(Vec<Cow<'a, [u8]>>),
    List(VecDeque<&'a [u8]>),
    Hash(BTreeMap<&'a [u8], Cow<'a, [u8]>>),
    Set(BTreeSet<&'a [u8]>),
    /// Members and their scores.
    Sorted(BTreeMap<&'a [u8], i64>),
}

/// What a command does with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action<'a> {
    Type,
    Exists,
    Delete,
    /// It holds that, whatever it held.
    Set(&'a [u8]),
    /// No command: the node that has the key starts again without its data.
    Vanish,
    Text(OnText<'a>),
    List(OnList<'a>),
    Hash(OnHash<'a>),
    Members(OnSet<'a>),
    Sorted(OnSorted<'a>),
}

/// Commands for strings, and for numbers, which are strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnText<'a> {
    Get,
    /// The same, though what is not there is an empty string.
    Range,
    Strlen,
    SetIfAbsent(&'a [u8]),
    GetSet(&'a [u8]),
    Append(&'a [u8]),
    Add(i64),
}

/// What comes of a command that may have been replied to so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// The key holds what it held.
    Same,
    /// It holds this.
    Next(Value<'a>),
}

impl<'a> Action<'a> {
    /// What a command does with the key that is its argument of this number; `None` if that is not
    /// known here.
    pub(super) fn of(args: &'a [Vec<u8>], key: usize) -> Option<Action<'a>> {
        let name = args[0].to_ascii_uppercase();
        let rest = &args[key + 1..];
        match (&name[..], rest) {
            (b"MGET", _) | (b"GET", []) => Some(Action::Text(OnText::Get)),
            (b"EXISTS" | b"TOUCH", _) => Some(Action::Exists),
            (b"DEL" | b"UNLINK", _) => Some(Action::Delete),
            (b"MSET", [value, ..]) | (b"SET", [value]) => Some(Action::Set(value)),
            (b"STRLEN", []) => Some(Action::Text(OnText::Strlen)),
            (b"TYPE", []) => Some(Action::Type),
            (b"INCR", []) => Some(Action::Text(OnText::Add(1))),
            (b"DECR", []) => Some(Action::Text(OnText::Add(-1))),
            (b"LPOP", []) => Some(Action::List(OnList::PopFirst)),
            (b"LLEN", []) => Some(Action::List(OnList::Len)),
            (b"HGETALL", []) => Some(Action::Hash(OnHash::All)),
            (b"SCARD", []) => Some(Action::Members(OnSet::Len)),
            (b"ZCARD", []) => Some(Action::Sorted(OnSorted::Len)),
            (b"HMGET", fields) => Some(Action::Hash(OnHash::Get(fields))),
            (b"HDEL", fields) => Some(Action::Hash(OnHash::Delete(fields))),
            (_, [one]) => Action::with_one(&name, one),
            (_, [one, other]) => Action::with_two(&name, one, other),
            _ => None,
        }
    }

    fn with_one(name: &[u8], one: &'a [u8]) -> Option<Action<'a>> {
        match name {
            b"SETNX" => Some(Action::Text(OnText::SetIfAbsent(one))),
            b"GETSET" => Some(Action::Text(OnText::GetSet(one))),
            b"APPEND" => Some(Action::Text(OnText::Append(one))),
            b"INCRBY" => number(one).map(OnText::Add).map(Action::Text),
            b"LPUSH" => Some(Action::List(OnList::PushFirst(one))),
            b"RPUSH" => Some(Action::List(OnList::PushLast(one))),
            b"SISMEMBER" => Some(Action::Members(OnSet::Has(one))),
            b"SADD" => Some(Action::Members(OnSet::Add(one))),
            b"SREM" => Some(Action::Members(OnSet::Remove(one))),
            b"ZSCORE" => Some(Action::Sorted(OnSorted::Score(one))),
            _ => None,
        }
    }

    fn with_two(name: &[u8], one: &'a [u8], other: &'a [u8]) -> Option<Action<'a>> {
        match name {
            b"GETRANGE" if is_whole(one, other) => Some(Action::Text(OnText::Range)),
            b"LRANGE" if is_whole(one, other) => Some(Action::List(OnList::All)),
            b"ZRANGE" if is_whole(one, other) => Some(Action::Sorted(OnSorted::All)),
            b"BLPOP" => Some(Action::List(OnList::PopFirstOf)),
            b"HSET" => Some(Action::Hash(OnHash::Set(one, other))),
            b"HINCRBY" => Some(Action::Hash(OnHash::Add(one, number(other)?))),
            b"ZADD" => Some(Action::Sorted(OnSorted::Set(other, number(one)?))),
            b"ZINCRBY" => Some(Action::Sorted(OnSorted::Add(other, number(one)?))),
            _ => None,
        }
    }
}

impl Action<'_> {
    /// Whether it makes no difference what the key held.
    pub(super) fn overwrites(&self) -> bool {
        matches!(
            self,
            Action::Set(_) | Action::Delete | Action::Vanish | Action::Text(OnText::GetSet(_))
        )
    }

    /// Whether it makes no difference which of two comes first, as long as nobody hears of it.
    pub(super) fn commutes_with(&self, other: &Action<'_>) -> bool {
        match (self, other) {
            (Action::Text(OnText::Add(_)), Action::Text(OnText::Add(_))) => true,
            (Action::Hash(one), Action::Hash(other)) => one.commutes_with(other),
            (Action::Members(one), Action::Members(other)) => one.commutes_with(other),
            (Action::Sorted(one), Action::Sorted(other)) => one.commutes_with(other),
            (_, _) => false,
        }
    }
}

/// A range that goes from the start to so far that nothing in the workload is longer.
fn is_whole(start: &[u8], stop: &[u8]) -> bool {
    const LONGER_THAN_ALL: i64 = 1_000_000_000;
    start == b"0" && number(stop).is_some_and(|stop| stop >= LONGER_THAN_ALL)
}

/// A number as commands and values have it.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number as values have it.
pub(super) fn digits<'a>(number: i64) -> Cow<'a, [u8]> {
    Cow::Owned(number.to_string().into_bytes())
}

impl<'a> Value<'a> {
    /// What the key holds after a command that was answered so; `None` if that answer is not true.
    pub(super) fn act(&self, action: &Action<'a>, answer: &Answer<'a>) -> Option<Step<'a>> {
        let is_absent = matches!(self, Value::Absent);
        match action {
            Action::Exists => same(answer.counts(!is_absent)),
            Action::Type => same(answer.is_word(self.type_name())),
            Action::Delete if is_absent => same(answer.counts(false)),
            Action::Delete => answer.counts(true).then_some(Step::Next(Value::Absent)),
            Action::Vanish => Some(Step::Next(Value::Absent)),
            Action::Set(value) => answer.is_word(b"OK").then(|| Step::text(value)),
            Action::Text(on) => self.act_on_text(on, answer),
            Action::List(on) => self.act_on_list(on, answer),
            Action::Hash(on) => self.act_on_hash(on, answer),
            Action::Members(on) => self.act_on_set(on, answer),
            Action::Sorted(on) => self.act_on_sorted_set(on, answer),
        }
    }

    fn type_name(&self) -> &'static [u8] {
        match self {
            Value::Absent => b"none",
            Value::Text(_) => b"string",
            Value::List(_) => b"list",
            Value::Hash(_) => b"hash",
            Value::Set(_) => b"set",
            Value::Sorted(_) => b"zset",
        }
    }

    fn act_on_text(&self, on: &OnText<'a>, answer: &Answer<'a>) -> Option<Step<'a>> {
        let pieces: &[Cow<'a, [u8]>] = match self {
            Value::Absent => &[],
            Value::Text(pieces) => pieces,
            Value::List(_) | Value::Hash(_) | Value::Set(_) | Value::Sorted(_) => return None,
        };
        let is_absent = matches!(self, Value::Absent);
        let says_all = || if is_absent { answer.is_none() } else { answer.is_text(pieces) };
        let len = || pieces.iter().map(|piece| piece.len()).sum::<usize>();
        match on {
            OnText::Get => same(says_all()),
            OnText::Range => same(answer.is_text(pieces)),
            OnText::Strlen => same(answer.is_integer(len() as i64)),
            OnText::SetIfAbsent(_) if !is_absent => same(answer.counts(false)),
            OnText::SetIfAbsent(value) => answer.counts(true).then(|| Step::text(value)),
            OnText::GetSet(value) => says_all().then(|| Step::text(value)),
            OnText::Append(more) => answer.is_integer((len() + more.len()) as i64).then(|| {
                let more = Cow::Borrowed(*more);
                Step::Next(Value::Text(pieces.iter().cloned().chain([more]).collect()))
            }),
            OnText::Add(by) => {
                let sum = if is_absent { Some(0) } else { number(&pieces.concat()) }? + by;
                answer.is_integer(sum).then(|| Step::Next(Value::Text(vec![digits(sum)])))
            }
        }
    }
}

/// As it is shown to people.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        match self {
            Value::Absent => f.write_str("nothing"),
            Value::Text(pieces) => f.write_str(&shown(&pieces.concat())),
            Value::List(items) => {
                f.debug_list().entries(items.iter().map(|item| text(item))).finish()
            }
            Value::Hash(fields) => {
                let fields = fields.iter().map(|(name, value)| (text(name), text(value)));
                f.debug_map().entries(fields).finish()
            }
            Value::Set(members) => {
                f.debug_set().entries(members.iter().map(|member| text(member))).finish()
            }
            Value::Sorted(scores) => {
                let scores = scores.iter().map(|(member, score)| (text(member), score));
                f.debug_map().entries(scores).finish()
            }
        }
    }
}

impl<'a> Step<'a> {
    fn text(value: &'a [u8]) -> Step<'a> {
        Step::Next(Value::Text(vec![Cow::Borrowed(value)]))
    }
}

/// Nothing changes, if that is so.
pub(super) fn same<'a>(is_so: bool) -> Option<Step<'a>> {
    is_so.then_some(Step::Same)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a key holds after commands and their replies; `None` if one is not true.
    fn told(told: &[(&str, &str)]) -> Option<()> {
        let args: Vec<Vec<Vec<u8>>> = told
            .iter()
            .map(|(command, _)| command.split(' ').map(|arg| arg.as_bytes().to_vec()).collect())
            .collect();
        let mut value = Value::default();
        for (args, (_, reply)) in args.iter().zip(told) {
            let action = Action::of(args, 1).expect("it is known");
            if let Step::Next(next) = value.act(&action, &Answer::of(reply.as_bytes()))? {
                value = next;
            }
        }
        Some(())
    }

    /// All of it is true, but not with `wrong` as the last reply.
    #[track_caller]
    fn only(story: &[(&str, &str)], wrong: &str) {
        assert!(told(story).is_some(), "{story:?}");
        let mut false_story = story.to_vec();
        false_story.last_mut().expect("it has an end").1 = wrong;
        assert!(told(&false_story).is_none(), "{false_story:?}");
    }

    #[test]
    fn strings_hold_what_was_set_and_appended() {
        only(&[("SET k ab", "+OK\r\n"), ("GET k", "$2\r\nab\r\n")], "$2\r\nac\r\n");
        only(&[("APPEND k ab", ":2\r\n"), ("STRLEN k", ":2\r\n")], ":3\r\n");
        let appended = [("SET k ab", "+OK\r\n"), ("append k c", ":3\r\n")];
        let read = ("GETRANGE k 0 1000000001", "$3\r\nabc\r\n");
        only(&[&appended[..], &[read]].concat(), "$2\r\nab\r\n");
        only(&[("GETRANGE k 0 1000000001", "$0\r\n\r\n")], "$-1\r\n");
        only(&[("SETNX k a", ":1\r\n"), ("GETSET k b", "$1\r\na\r\n")], "_\r\n");
        only(&[("SETNX k a", ":1\r\n"), ("SETNX k b", ":0\r\n")], ":1\r\n");
        only(&[("INCRBY k 7", ":7\r\n"), ("DECR k", ":6\r\n"), ("GET k", "$1\r\n6\r\n")], "_\r\n");
        only(&[("SET k a", "+OK\r\n"), ("TYPE k", "+string\r\n")], "+none\r\n");
        only(&[("SET k a", "+OK\r\n"), ("DEL k", ":1\r\n"), ("EXISTS k", ":0\r\n")], ":1\r\n");
    }

    #[test]
    fn collections_hold_what_was_put_into_them() {
        let list = [("RPUSH k b", ":1\r\n"), ("LPUSH k a", ":2\r\n")];
        let all = ("LRANGE k 0 1000000001", "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
        only(&[&list[..], &[all]].concat(), "*2\r\n$1\r\nb\r\n$1\r\na\r\n");
        only(&[&list[..], &[("LPOP k", "$1\r\na\r\n")]].concat(), "$1\r\nb\r\n");
        let hash = [("HSET k f a", ":1\r\n"), ("HINCRBY k n 3", ":3\r\n")];
        let all = ("HGETALL k", "%2\r\n$1\r\nn\r\n$1\r\n3\r\n$1\r\nf\r\n$1\r\na\r\n");
        only(&[&hash[..], &[all]].concat(), "*4\r\n$1\r\nf\r\n$1\r\na\r\n$1\r\nn\r\n$1\r\n4\r\n");
        only(&[&hash[..], &[("HMGET k f x", "*2\r\n$1\r\na\r\n_\r\n")]].concat(), "*0\r\n");
        only(&[&hash[..], &[("HDEL k f x", ":1\r\n")]].concat(), ":2\r\n");
        let set = [("SADD k a", ":1\r\n"), ("SADD k a", ":0\r\n"), ("SREM k b", ":0\r\n")];
        only(&[&set[..], &[("SCARD k", ":1\r\n")]].concat(), ":2\r\n");
        only(&[&set[..], &[("SISMEMBER k a", ":1\r\n")]].concat(), ":0\r\n");
        let ranked = [("ZADD k 5 b", ":1\r\n"), ("ZINCRBY k 7 a", "$1\r\n7\r\n")];
        let all = ("ZRANGE k 0 1000000001", "*2\r\n$1\r\nb\r\n$1\r\na\r\n");
        only(&[&ranked[..], &[all]].concat(), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
        only(&[&ranked[..], &[("ZSCORE k a", ",7\r\n")]].concat(), ",8\r\n");
        only(&[&ranked[..], &[("ZCARD k", ":2\r\n")]].concat(), ":1\r\n");
    }
}
