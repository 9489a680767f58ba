//! What clients asked of each key, and what they know of the answers: nothing else is looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answer::Answer;
use super::model::Action;
use crate::history::{Call, History, Verdict as Outcome};
use crate::oracle::index::is_marker;
use crate::resp::{elements, integer};
use crate::workload::{Effect, Kind, Shape};

/// What was, or may have been, done with one key.
#[derive(Clone, Debug)]
pub(super) struct Op<'a> {
    /// The command that it is, or a part of; none if it is none.
    pub(super) call: Option<&'a Call>,
    /// The connection that it was asked on.
    pub(super) session: usize,
    pub(super) action: Action<'a>,
    pub(super) answer: Answer<'a>,
    /// It happened no earlier than that.
    pub(super) from: Duration,
    /// It happened no later than that.
    pub(super) until: Duration,
    /// It happened. Of others nobody knows.
    pub(super) is_sure: bool,
    pub(super) writes: bool,
    /// What is asked later on its connection happens later, unless both only read.
    pub(super) holds: bool,
}

/// How much of it certainly happened.
pub(super) fn count_sure(ops: &[Op<'_>]) -> u64 {
    ops.iter().filter(|op| op.is_sure).count() as u64
}

/// What was done with one key, connection after connection.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    pub(super) ops: Vec<Op<'a>>,
    /// How much was done beside that which is not understood here.
    pub(super) riddles: u64,
    /// Some of that may have changed the key.
    pub(super) is_lost_track_of: bool,
}

/// What was done with each key.
pub(super) fn by_key(history: &History) -> BTreeMap<&[u8], Asked<'_>> {
    let mut found: BTreeMap<_, Asked<'_>> = BTreeMap::new();
    for (session, conversation) in history.conversations.iter().enumerate() {
        for call in &conversation.calls {
            let kind = call.kind();
            let Some(told) = Told::of(call, kind) else { continue };
            for (place, key) in keys(call, kind) {
                let asked = found.entry(key).or_default();
                if let Some(op) = told.op(call, kind, place, session) {
                    asked.ops.push(op);
                } else {
                    asked.riddles += u64::from(!matches!(told, Told::Nothing));
                    asked.is_lost_track_of |= kind.effect == Effect::Write;
                }
            }
        }
    }
    found
}

/// The keys of a command that may hold something, and which arguments they are.
fn keys<'a>(call: &'a Call, kind: &Kind) -> impl Iterator<Item = (usize, &'a [u8])> {
    let step = if kind.shape == Shape::Pairs { 2 } else { 1 };
    let places = (1..).step_by(step).zip(kind.keys(&call.args));
    places.filter(|(_, key)| !is_marker(key))
}

/// What a client was told of a command.
enum Told<'a> {
    /// It may have been executed, or may still be, in part or as a whole.
    Nothing,
    /// It was executed, and this is said of each of its keys.
    Each(Answer<'a>),
    /// It was executed, and this is said of its keys, one after the other.
    Apart(Vec<Answer<'a>>),
}

impl<'a> Told<'a> {
    /// `None` if nothing was done, or nothing is known of what was only read.
    fn of(call: &'a Call, kind: &Kind) -> Option<Told<'a>> {
        if kind.effect == Effect::Local {
            return None;
        }
        match call.verdict() {
            Outcome::NotDone => None,
            Outcome::Refused if kind.shape == Shape::Single => None,
            Outcome::Refused | Outcome::Unsure | Outcome::Silence => {
                (kind.effect == Effect::Write).then_some(Told::Nothing)
            }
            Outcome::Done => {
                let frame = call.frame().unwrap_or_default();
                Some(match kind.shape {
                    Shape::Single | Shape::Pairs => Told::Each(Answer::of(frame)),
                    Shape::Sum => Told::Each(count(call, kind, frame)),
                    Shape::Positions => {
                        let items = elements(frame).unwrap_or_default();
                        Told::Apart(items.into_iter().map(Answer::of).collect())
                    }
                })
            }
        }
    }

    /// What was done with the key that is the argument `place`; `None` if that is not understood.
    fn op(&self, call: &'a Call, kind: &Kind, place: usize, session: usize) -> Option<Op<'a>> {
        let answer = match self {
            Told::Nothing => Answer::Anything,
            Told::Each(answer) => answer.clone(),
            Told::Apart(answers) => answers.get(place - 1).cloned().unwrap_or(Answer::Odd),
        };
        let is_done = !matches!(self, Told::Nothing);
        let is_sure = is_done && !is_done_before(call, kind, place);
        let until = call.reply.as_ref().filter(|_| is_done).map_or(Duration::MAX, |(at, _)| *at);
        Some(Op {
            call: Some(call),
            session,
            action: Action::of(&call.args, place)?,
            answer,
            from: call.sent,
            until,
            is_sure,
            writes: kind.effect == Effect::Write,
            holds: is_sure,
        })
    }
}

/// Whether a `DEL` names its key before, so that it may do it once, or one time after the other if
/// its keys have parted.
fn is_done_before(call: &Call, kind: &Kind, place: usize) -> bool {
    let is_sum = kind.effect == Effect::Write && kind.shape == Shape::Sum;
    is_sum && call.args[1..place].contains(&call.args[place])
}

/// What a sum says of each key: if it is as small or as large as can be, all.
fn count<'a>(call: &Call, kind: &Kind, frame: &[u8]) -> Answer<'a> {
    let all: Vec<_> = keys(call, kind).map(|(_, key)| key).collect();
    let is_repeated = (1..all.len()).any(|place| all[..place].contains(&all[place]));
    match integer(frame) {
        None => Answer::Odd,
        Some(0) => Answer::Integer(0),
        Some(sum) if sum == all.len() as i64 && !(kind.effect == Effect::Write && is_repeated) => {
            Answer::Integer(1)
        }
        Some(_) => Answer::Anything,
    }
}
