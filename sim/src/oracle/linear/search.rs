//! Whether there is an order of all that was done with a key in which each answer is true: the
//! search of Wing and Gong, with Lowe's memory of what was in vain before.
//!
//! What changes nothing and is true is put in order as soon as it can be, without a choice: it is
//! in nobody's way. Of what nobody knows whether it happened, as little as possible happens: what
//! was in vain with less is in vain with more.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::answer::Answer;
use super::model::{Step, Value};
use super::ops::Op;
use super::wants::Wants;

/// Steps that a key may take: a matter of milliseconds.
pub(super) const STEPS_MAX: u32 = 2_000;

/// What came of a search.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding<'a> {
    /// There is such an order.
    Order,
    /// It would take too long.
    GaveUp,
    /// There is none.
    None(Stuck<'a>),
}

/// As far as one gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stuck<'a> {
    /// How much of what is sure is left.
    pub(super) left: usize,
    /// What the key holds then.
    pub(super) holds: Value<'a>,
    /// What had to come next, and cannot, by its number.
    pub(super) on: usize,
}

/// Searches an order of these, which are sorted by when they were asked.
pub(super) fn find<'a>(ops: &[Op<'a>], steps_max: u32) -> Finding<'a> {
    let sessions = ops.iter().map(|op| op.session).collect::<BTreeSet<_>>();
    let sessions: Vec<_> = sessions.into_iter().collect();
    let session = |op: &Op<'_>| sessions.binary_search(&op.session).unwrap_or_default();
    let deadlines = ops.iter().enumerate();
    let deadlines = deadlines.filter(|(_, op)| !op.is_sure && op.until < Duration::MAX);
    let mut search = Search {
        ops,
        sessions: ops.iter().map(session).collect(),
        waits: vec![(0, false, false); sessions.len()],
        round: 0,
        with_deadline: deadlines.map(|(place, _)| place).collect(),
        unsure: (0..ops.len()).filter(|place| !ops[*place].is_sure).collect(),
        done: vec![false; ops.len()],
        value: Value::Absent,
        latest: Duration::ZERO,
        low: 0,
        left: ops.iter().filter(|op| op.is_sure).count(),
        trail: Vec::new(),
        in_vain: BTreeMap::new(),
        best: None,
        wants: Wants::of(ops),
    };
    search.run(steps_max)
}

struct Search<'s, 'a> {
    ops: &'s [Op<'a>],
    /// The session of each, numbered without gaps.
    sessions: Vec<usize>,
    /// Of each session: the round that this is of, whether something waits, whether a write does.
    waits: Vec<(u32, bool, bool)>,
    round: u32,
    /// What may have happened.
    unsure: Vec<usize>,
    /// That of it which happened no later than some time.
    with_deadline: Vec<usize>,
    /// What is in order.
    done: Vec<bool>,
    value: Value<'a>,
    /// When the last asked of it was asked.
    latest: Duration,
    /// All that is sure is in order below that.
    low: usize,
    /// How much of what is sure is not.
    left: usize,
    trail: Vec<Undo<'a>>,
    in_vain: BTreeMap<(u64, u64), Vec<Box<[usize]>>>,
    wants: Wants<'a>,
    /// The furthest that it got.
    best: Option<Stuck<'a>>,
}

/// What it takes to take a step back.
struct Undo<'a> {
    op: usize,
    value: Option<Value<'a>>,
    latest: Duration,
    low: usize,
}

/// A choice: how long the trail was when it came, and what may come next, the best last.
struct Choice<'a> {
    trail: usize,
    next: Vec<(usize, Step<'a>)>,
}

impl<'a> Search<'_, 'a> {
    fn run(&mut self, steps_max: u32) -> Finding<'a> {
        let mut choices = vec![self.choose()];
        for _ in 0..steps_max {
            if self.left == 0 {
                return Finding::Order;
            }
            let Some(choice) = choices.last_mut() else { return self.failure() };
            self.back_to(choice.trail);
            if let Some((op, step)) = choice.next.pop() {
                self.put(op, step);
                choices.push(self.choose());
            } else {
                self.note_failure();
                choices.pop();
            }
        }
        Finding::GaveUp
    }

    /// What may come next: first what makes a reply true that somebody waits for, last what nobody
    /// knows of.
    fn choose(&mut self) -> Choice<'a> {
        let next = self.go_on();
        let trail = self.trail.len();
        if self.left == 0 || self.is_in_vain() {
            return Choice { trail, next: Vec::new() };
        }
        let (writes, reads): (Vec<_>, Vec<_>) =
            next.into_iter().partition(|place| self.ops[*place].writes);
        let wanted = |value: &Value<'a>| {
            let is_true = |read: &Op<'a>| value.act(&read.action, &read.answer).is_some();
            reads.iter().any(|read| is_true(&self.ops[*read]))
        };
        let mut next = Vec::new();
        for place in writes.into_iter().chain(reads.iter().copied()) {
            let op = &self.ops[place];
            if self.makes_no_difference(place) {
                continue;
            }
            let Some(step) = self.value.act(&op.action, &op.answer) else { continue };
            match &step {
                Step::Same if !op.is_sure => {}
                Step::Same => next.push((false, place, step)),
                Step::Next(value) => next.push((!wanted(value), place, step)),
            }
        }
        let rank = |(last, place, _): &(bool, usize, Step<'a>)| {
            let op = &self.ops[*place];
            (*last, !op.is_sure, op.until)
        };
        next.sort_by_key(|option| Reverse(rank(option)));
        let next = next.into_iter().map(|(_, place, step)| (place, step));
        Choice { trail, next: next.collect() }
    }

    /// Whether, of two things of which nobody knows and which nobody heard of in between, the first
    /// comes to nothing with the second, or is tried after the second as well.
    fn makes_no_difference(&self, place: usize) -> bool {
        let Some(last) = self.trail.last().map(|undo| undo.op) else { return false };
        let (first, second) = (&self.ops[last], &self.ops[place]);
        let is_other = || place < last && first.action.commutes_with(&second.action);
        !first.is_sure && !second.is_sure && (second.action.overwrites() || is_other())
    }

    /// Puts what is true and changes nothing in order, and gives what else may come next.
    fn go_on(&mut self) -> Vec<usize> {
        loop {
            let before = self.trail.len();
            let next = self.look();
            if self.trail.len() == before || self.left == 0 {
                return next;
            }
        }
    }

    fn look(&mut self) -> Vec<usize> {
        self.round += 1;
        let deadline = self.with_deadline.iter().filter(|op| !self.done[**op]);
        let deadline = deadline.map(|op| self.ops[*op].until).min().unwrap_or(Duration::MAX);
        let mut horizon = Duration::MAX;
        let passed_over = self.unsure.iter().take_while(|place| **place < self.low);
        let mut next: Vec<_> = passed_over.copied().filter(|op| self.may_happen(*op)).collect();
        for place in self.low..self.ops.len() {
            let op = &self.ops[place];
            if op.from > horizon {
                break;
            }
            if self.done[place] {
                continue;
            }
            if !self.must_wait(place) {
                if op.is_sure && op.from <= deadline && self.is_same(place) {
                    self.put(place, Step::Same);
                    continue;
                }
                next.extend((op.is_sure || self.may_happen(place)).then_some(place));
            }
            if op.is_sure {
                horizon = horizon.min(op.until);
            }
            if op.holds {
                self.hold(place);
            }
        }
        next
    }

    /// Whether it is not too late for what may have happened.
    fn may_happen(&self, place: usize) -> bool {
        !self.done[place] && self.ops[place].until >= self.latest
    }

    /// Whether something that was asked earlier on its connection must come before.
    fn must_wait(&self, place: usize) -> bool {
        let (round, any, write) = self.waits[self.sessions[place]];
        round == self.round && if self.ops[place].writes { any } else { write }
    }

    fn hold(&mut self, place: usize) {
        let waits = &mut self.waits[self.sessions[place]];
        if waits.0 != self.round {
            *waits = (self.round, false, false);
        }
        waits.1 = true;
        waits.2 |= self.ops[place].writes;
    }

    /// Whether it is true now and changes nothing, and would change nothing later either.
    fn is_same(&self, place: usize) -> bool {
        let op = &self.ops[place];
        let says_nothing = op.writes && op.answer == Answer::Anything;
        !says_nothing && self.value.act(&op.action, &op.answer) == Some(Step::Same)
    }

    fn put(&mut self, place: usize, step: Step<'a>) {
        let value = match step {
            Step::Same => None,
            Step::Next(value) => Some(std::mem::replace(&mut self.value, value)),
        };
        self.trail.push(Undo { op: place, value, latest: self.latest, low: self.low });
        self.done[place] = true;
        self.latest = self.latest.max(self.ops[place].from);
        self.left -= usize::from(self.ops[place].is_sure);
        while self.low < self.ops.len() && (self.done[self.low] || !self.ops[self.low].is_sure) {
            self.low += 1;
        }
    }

    /// Takes all back that came after that.
    fn back_to(&mut self, trail: usize) {
        for undo in self.trail.drain(trail..).rev() {
            self.done[undo.op] = false;
            self.left += usize::from(self.ops[undo.op].is_sure);
            (self.latest, self.low) = (undo.latest, undo.low);
            if let Some(value) = undo.value {
                self.value = value;
            }
        }
    }

    fn is_in_vain(&self) -> bool {
        self.wants.are_in_vain(&self.done, &self.value) || self.was_in_vain()
    }

    /// Whether all was tried before that may come now, with no more of what may have happened.
    fn was_in_vain(&self) -> bool {
        if self.in_vain.is_empty() {
            return false;
        }
        let Some(known) = self.in_vain.get(&self.fingerprint()) else { return false };
        let happened = self.happened();
        known.iter().any(|less| less.iter().all(|place| happened.binary_search(place).is_ok()))
    }

    fn note_failure(&mut self) {
        let (fingerprint, happened) = (self.fingerprint(), self.happened());
        self.in_vain.entry(fingerprint).or_default().push(happened);
        let is_pending = |place: &usize| self.ops[*place].is_sure && !self.done[*place];
        let pending = (self.low..self.ops.len()).filter(is_pending);
        let Some(stuck) = pending.min_by_key(|place| self.ops[*place].until) else { return };
        if self.best.as_ref().is_none_or(|best| best.left > self.left) {
            self.best = Some(Stuck { left: self.left, holds: self.value.clone(), on: stuck });
        }
    }

    /// What of that which nobody knows of is in order.
    fn happened(&self) -> Box<[usize]> {
        self.unsure.iter().copied().filter(|place| self.done[*place]).collect()
    }

    /// What is in order of that which is sure, and what the key holds: as good as certainly.
    fn fingerprint(&self) -> (u64, u64) {
        let (mut order, mut value) = (DefaultHasher::new(), DefaultHasher::new());
        self.low.hash(&mut order);
        for place in self.low..self.ops.len() {
            (self.done[place] && self.ops[place].is_sure).hash(&mut order);
        }
        self.value.hash(&mut value);
        (order.finish(), value.finish())
    }

    fn failure(&mut self) -> Finding<'a> {
        self.best.take().map_or(Finding::GaveUp, Finding::None)
    }
}
