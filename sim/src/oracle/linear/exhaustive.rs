//! The search against one that leaves nothing out: few commands, drawn at random, in all orders.
//!
//! What is drawn is what clients may have asked of one key, with replies that are true in some
//! order, but for a few. As in the workload, a key is of one type.

use std::time::Duration;

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;

use super::answer::Answer;
use super::model::{Action, Step, Value};
use super::ops::Op;
use super::search::{Finding, find};
use crate::workload::{Effect, Kind, Shape};

const OPS_MAX: usize = 7;

/// Commands for keys of one type.
type Words = &'static [&'static str];

const STRINGS: Words = &[
    "GET k",
    "GET k",
    "GETRANGE k 0 1000000001",
    "STRLEN k",
    "EXISTS k",
    "SET k a",
    "SET k ab",
    "SETNX k b",
    "GETSET k c",
    "APPEND k b",
    "APPEND k c",
    "DEL k",
    "DEL k",
];
const NUMBERS: Words =
    &["GET k", "GET k", "TYPE k", "INCR k", "DECR k", "INCRBY k 2", "SET k 3", "DEL k"];
const LISTS: Words = &[
    "LRANGE k 0 1000000001",
    "LLEN k",
    "LPUSH k a",
    "LPUSH k b",
    "RPUSH k a",
    "RPUSH k b",
    "LPOP k",
    "DEL k",
];
const HASHES: Words = &[
    "HMGET k f g",
    "HMGET k f g",
    "HSET k f 1",
    "HSET k g 2",
    "HINCRBY k f 1",
    "HINCRBY k g 1",
    "HDEL k f",
    "DEL k",
];
const SETS: Words = &[
    "SISMEMBER k a",
    "SISMEMBER k b",
    "SCARD k",
    "SADD k a",
    "SADD k b",
    "SREM k a",
    "SREM k b",
    "DEL k",
];
const SORTED_SETS: Words = &[
    "ZSCORE k a",
    "ZRANGE k 0 1000000001",
    "ZADD k 1 a",
    "ZADD k 2 b",
    "ZINCRBY k 1 a",
    "ZINCRBY k 1 b",
    "DEL k",
];

/// What may be replied; of those that are true, the first is taken.
const REPLIES: &[&str] = &[
    "$-1\r\n",
    "+OK\r\n",
    "+none\r\n",
    "+string\r\n",
    ":0\r\n",
    ":1\r\n",
    ":2\r\n",
    ":3\r\n",
    ":4\r\n",
    ":5\r\n",
    ":-1\r\n",
    ":-2\r\n",
    "$0\r\n\r\n",
    "$1\r\na\r\n",
    "$1\r\nb\r\n",
    "$1\r\nc\r\n",
    "$2\r\nab\r\n",
    "$2\r\nac\r\n",
    "$2\r\nbc\r\n",
    "$2\r\ncb\r\n",
    "$3\r\nabb\r\n",
    "$3\r\nabc\r\n",
    "$3\r\nacb\r\n",
    "$1\r\n1\r\n",
    "$1\r\n2\r\n",
    "$1\r\n3\r\n",
    "$1\r\n4\r\n",
    "*0\r\n",
    "*1\r\n$1\r\na\r\n",
    "*1\r\n$1\r\nb\r\n",
    "*2\r\n$1\r\na\r\n$1\r\na\r\n",
    "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    "*2\r\n$1\r\nb\r\n$1\r\na\r\n",
    "*2\r\n$-1\r\n$-1\r\n",
    "*2\r\n$1\r\n1\r\n$-1\r\n",
    "*2\r\n$-1\r\n$1\r\n1\r\n",
    "*2\r\n$-1\r\n$1\r\n2\r\n",
    "*2\r\n$1\r\n1\r\n$1\r\n1\r\n",
    "*2\r\n$1\r\n1\r\n$1\r\n2\r\n",
    "*2\r\n$1\r\n2\r\n$1\r\n2\r\n",
];

/// What its client knows of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It happened, and what is asked later on its connection happens later.
    Sure,
    /// It happened, sooner or later than its neighbours.
    Loose,
    /// It may have happened, or may still.
    Unsure,
    /// It may have happened in its time.
    Then,
}

#[derive(Clone, Debug)]
struct Drawn {
    args: Vec<Vec<u8>>,
    session: usize,
    from: u64,
    lasts: u64,
    known: Known,
    /// It is a part of a command of several keys, of which only a sum is told.
    is_part: bool,
    /// It is the administrator's, and empties the key.
    is_vanish: bool,
    /// When it really happens, among the others; if it is unsure, some never do.
    turn: u8,
    /// What is replied in place of what is true, for once.
    lie: Option<Index>,
}

fn drawn(words: Words) -> impl Strategy<Value = Drawn> {
    use Known::{Loose, Sure, Then, Unsure};
    let known = select(&[Sure, Sure, Sure, Sure, Loose, Unsure, Unsure, Unsure, Then][..]);
    let times = (0..12_u64, 0..8_u64);
    let rare = proptest::option::weighted(0.06, any::<Index>());
    let odd = (weighted(0.3), weighted(0.05));
    (select(words), 0..3_usize, times, known, odd, any::<u8>(), rare).prop_map(
        |(words, session, (from, lasts), known, (is_part, is_vanish), turn, lie)| {
            let args: Vec<_> = words.split(' ').map(|arg| arg.as_bytes().to_vec()).collect();
            let is_part = is_part && Kind::of(&args).is_some_and(|kind| kind.shape == Shape::Sum);
            Drawn { args, session, from, lasts, known, is_part, is_vanish, turn, lie }
        },
    )
}

fn stories() -> impl Strategy<Value = Vec<Drawn>> {
    let types = select(&[STRINGS, STRINGS, NUMBERS, LISTS, HASHES, SETS, SORTED_SETS][..]);
    types.prop_flat_map(|words| vec(drawn(words), 1..=OPS_MAX))
}

impl Drawn {
    fn writes(&self) -> bool {
        self.is_vanish || Kind::of(&self.args).is_some_and(|kind| kind.effect == Effect::Write)
    }

    /// What is only read is not looked at if nothing is known of it.
    fn op(&self) -> Op<'_> {
        let known = match self.known {
            _ if self.is_vanish => Known::Then,
            Known::Unsure | Known::Then if !self.writes() => Known::Sure,
            Known::Sure | Known::Loose | Known::Unsure | Known::Then => self.known,
        };
        let (from, lasts) = (Duration::from_millis(self.from), Duration::from_millis(self.lasts));
        let action = Action::of(&self.args, 1).expect("it is known");
        Op {
            call: None,
            session: if self.is_vanish { usize::MAX } else { self.session },
            action: if self.is_vanish { Action::Vanish } else { action },
            answer: Answer::Anything,
            from,
            until: if known == Known::Unsure { Duration::MAX } else { from + lasts },
            is_sure: matches!(known, Known::Sure | Known::Loose),
            writes: self.writes(),
            holds: known == Known::Sure,
        }
    }
}

/// What was asked, in the order of asking, and what was answered if it was done in the order of the
/// turns.
fn told(story: &[Drawn]) -> Vec<Op<'_>> {
    let mut turns: Vec<_> = story.iter().map(|drawn| (drawn, drawn.op())).collect();
    turns.sort_by_key(|(drawn, op)| {
        // The middle of its time is a good guess: most often all is in order then.
        (drawn.from + drawn.lasts * u64::from(drawn.turn) / 255, op.from)
    });
    let mut value = Value::Absent;
    for (drawn, op) in &mut turns {
        if !op.is_sure {
            if drawn.turn % 2 == 0
                && let Some(Step::Next(next)) = value.act(&op.action, &op.answer)
            {
                value = next;
            }
            continue;
        }
        let mut answers = REPLIES.iter().map(|reply| Answer::of(reply.as_bytes()));
        let truth = answers.find(|answer| value.act(&op.action, answer).is_some());
        let truth = if drawn.is_part { Some(Answer::Anything) } else { truth };
        let lie = drawn.lie.map(|lie| Answer::of(lie.get(REPLIES).as_bytes()));
        op.answer = truth.unwrap_or(Answer::Odd);
        if let Some(Step::Next(next)) = value.act(&op.action, &op.answer) {
            value = next;
        }
        op.answer = lie.unwrap_or_else(|| op.answer.clone());
    }
    let mut ops: Vec<_> = turns.into_iter().map(|(_, op)| op).collect();
    ops.sort_by_key(|op| op.from);
    ops
}

/// Whether there is an order, with any of what is not sure.
fn has_order<'a>(ops: &[Op<'a>], done: &mut Vec<usize>, value: &Value<'a>) -> bool {
    let is_left = |place: &usize| !done.contains(place);
    let left: Vec<_> = (0..ops.len()).filter(is_left).collect();
    if left.iter().all(|place| !ops[*place].is_sure) {
        return true;
    }
    left.iter().any(|place| {
        let op = &ops[*place];
        let is_late = done.iter().any(|before| ops[*before].from > op.until);
        if is_late || left.iter().any(|other| comes_before(ops, *other, *place)) {
            return false;
        }
        let next = match value.act(&op.action, &op.answer) {
            None => return false,
            Some(Step::Same) => value.clone(),
            Some(Step::Next(next)) => next,
        };
        done.push(*place);
        let is_found = has_order(ops, done, &next);
        done.pop();
        is_found
    })
}

/// Whether one that is not done yet has to be done before another.
fn comes_before(ops: &[Op<'_>], one: usize, other: usize) -> bool {
    let (first, second) = (&ops[one], &ops[other]);
    let was_asked_before = one < other && first.session == second.session;
    let is_held = was_asked_before && first.holds && (first.writes || second.writes);
    first.is_sure && (first.until < second.from || is_held)
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 30_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x5eed),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_search_finds_an_order_where_there_is_one_and_nowhere_else(story in stories()) {
        let ops = told(&story);
        let found = find(&ops, u32::MAX);
        let expected = has_order(&ops, &mut Vec::new(), &Value::Absent);
        prop_assert_eq!(found == Finding::Order, expected, "{:?} of {:#?}", found, ops);
        prop_assert!(found != Finding::GaveUp, "{ops:#?}");
        for steps_max in 0..8 {
            let in_few = find(&ops, steps_max);
            prop_assert!(in_few == Finding::GaveUp || in_few == found, "{in_few:?} of {ops:#?}");
        }
    }
}
