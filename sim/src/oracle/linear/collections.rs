//! Lists, hashes, sets and sorted sets, as [`model`](super::model) has them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::answer::Answer;
use super::model::{Step, Value, digits, number, same};

/// Commands for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnList<'a> {
    All,
    Len,
    PopFirst,
    /// The same, and the answer names the key.
    PopFirstOf,
    PushFirst(&'a [u8]),
    PushLast(&'a [u8]),
}

/// Commands for hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnHash<'a> {
    All,
    Get(&'a [Vec<u8>]),
    Set(&'a [u8], &'a [u8]),
    Add(&'a [u8], i64),
    Delete(&'a [Vec<u8>]),
}

/// Commands for sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnSet<'a> {
    Len,
    Has(&'a [u8]),
    Add(&'a [u8]),
    Remove(&'a [u8]),
}

/// Commands for sorted sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnSorted<'a> {
    All,
    Len,
    Score(&'a [u8]),
    Set(&'a [u8], i64),
    Add(&'a [u8], i64),
}

impl OnHash<'_> {
    /// [`Action::commutes_with`](super::model::Action::commutes_with).
    pub(super) fn commutes_with(&self, other: &OnHash<'_>) -> bool {
        match (self, other) {
            (OnHash::Add(..), OnHash::Add(..)) => true,
            (
                OnHash::Set(one, _) | OnHash::Add(one, _),
                OnHash::Set(other, _) | OnHash::Add(other, _),
            ) => one != other,
            (_, _) => false,
        }
    }
}

impl OnSet<'_> {
    /// [`Action::commutes_with`](super::model::Action::commutes_with).
    pub(super) fn commutes_with(&self, other: &OnSet<'_>) -> bool {
        match (self, other) {
            (OnSet::Add(_), OnSet::Add(_)) | (OnSet::Remove(_), OnSet::Remove(_)) => true,
            (OnSet::Add(one) | OnSet::Remove(one), OnSet::Add(other) | OnSet::Remove(other)) => {
                one != other
            }
            (_, _) => false,
        }
    }
}

impl OnSorted<'_> {
    /// [`Action::commutes_with`](super::model::Action::commutes_with).
    pub(super) fn commutes_with(&self, other: &OnSorted<'_>) -> bool {
        match (self, other) {
            (OnSorted::Add(..), OnSorted::Add(..)) => true,
            (
                OnSorted::Set(one, _) | OnSorted::Add(one, _),
                OnSorted::Set(other, _) | OnSorted::Add(other, _),
            ) => one != other,
            (_, _) => false,
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn act_on_list(&self, on: &OnList<'a>, answer: &Answer<'a>) -> Option<Step<'a>> {
        let none = VecDeque::new();
        let items = match self {
            Value::Absent => &none,
            Value::List(items) => items,
            Value::Text(_) | Value::Hash(_) | Value::Set(_) | Value::Sorted(_) => return None,
        };
        let changed = |change: &dyn Fn(&mut VecDeque<&'a [u8]>)| {
            let mut items = items.clone();
            change(&mut items);
            Step::Next(if items.is_empty() { Value::Absent } else { Value::List(items) })
        };
        let grows = answer.is_integer(items.len() as i64 + 1);
        match on {
            OnList::All => same(answer.are_texts(items.iter().copied())),
            OnList::Len => same(answer.is_integer(items.len() as i64)),
            OnList::PushFirst(item) => grows.then(|| changed(&|items| items.push_front(item))),
            OnList::PushLast(item) => grows.then(|| changed(&|items| items.push_back(item))),
            OnList::PopFirst | OnList::PopFirstOf => {
                let Some(first) = items.front() else { return same(answer.is_none()) };
                let is_it = match (on, answer) {
                    (OnList::PopFirstOf, Answer::Items(said)) => {
                        said.len() == 2 && said[1] == Answer::Text(first)
                    }
                    (_, answer) => answer.is_text(&[Cow::Borrowed(first)]),
                };
                is_it.then(|| {
                    changed(&|items| {
                        items.pop_front();
                    })
                })
            }
        }
    }

    pub(super) fn act_on_hash(&self, on: &OnHash<'a>, answer: &Answer<'a>) -> Option<Step<'a>> {
        let none = BTreeMap::new();
        let fields = match self {
            Value::Absent => &none,
            Value::Hash(fields) => fields,
            Value::Text(_) | Value::List(_) | Value::Set(_) | Value::Sorted(_) => return None,
        };
        let put = |field: &'a [u8], value: Cow<'a, [u8]>| {
            let mut fields = fields.clone();
            fields.insert(field, value);
            Step::Next(Value::Hash(fields))
        };
        match on {
            OnHash::All => same(answer.are_pairs(fields)),
            OnHash::Get(names) => {
                let values = names.iter().map(|name| fields.get(&name[..]).map(|value| &value[..]));
                same(answer.are_texts_or_none(values))
            }
            OnHash::Set(field, value) => {
                let is_so = answer.counts(!fields.contains_key(field));
                is_so.then(|| put(field, Cow::Borrowed(value)))
            }
            OnHash::Add(field, by) => {
                let sum = fields.get(field).map_or(Some(0), |value| number(value))? + by;
                answer.is_integer(sum).then(|| put(field, digits(sum)))
            }
            OnHash::Delete(names) => {
                let mut left = fields.clone();
                left.retain(|name, _| !names.iter().any(|other| other == name));
                let gone = fields.len() - left.len();
                if !answer.is_integer(gone as i64) {
                    return None;
                }
                let is_empty = left.is_empty();
                let left = || if is_empty { Value::Absent } else { Value::Hash(left) };
                Some(if gone == 0 { Step::Same } else { Step::Next(left()) })
            }
        }
    }

    pub(super) fn act_on_set(&self, on: &OnSet<'a>, answer: &Answer<'a>) -> Option<Step<'a>> {
        let none = BTreeSet::new();
        let members = match self {
            Value::Absent => &none,
            Value::Set(members) => members,
            Value::Text(_) | Value::List(_) | Value::Hash(_) | Value::Sorted(_) => return None,
        };
        let changed = |change: &dyn Fn(&mut BTreeSet<&'a [u8]>)| {
            let mut members = members.clone();
            change(&mut members);
            Step::Next(if members.is_empty() { Value::Absent } else { Value::Set(members) })
        };
        let is_changed = answer.counts(true);
        match on {
            OnSet::Len => same(answer.is_integer(members.len() as i64)),
            OnSet::Has(one) => same(answer.counts(members.contains(one))),
            OnSet::Add(one) if members.contains(one) => same(answer.counts(false)),
            OnSet::Add(one) => is_changed.then(|| {
                changed(&|members| {
                    members.insert(one);
                })
            }),
            OnSet::Remove(one) if !members.contains(one) => same(answer.counts(false)),
            OnSet::Remove(one) => is_changed.then(|| {
                changed(&|members| {
                    members.remove(one);
                })
            }),
        }
    }

    pub(super) fn act_on_sorted_set(
        &self,
        on: &OnSorted<'a>,
        answer: &Answer<'a>,
    ) -> Option<Step<'a>> {
        let none = BTreeMap::new();
        let scores = match self {
            Value::Absent => &none,
            Value::Sorted(scores) => scores,
            Value::Text(_) | Value::List(_) | Value::Hash(_) | Value::Set(_) => return None,
        };
        let put = |member: &'a [u8], score: i64| {
            let mut scores = scores.clone();
            scores.insert(member, score);
            Step::Next(Value::Sorted(scores))
        };
        match on {
            OnSorted::All => same(answer.is_long(scores.len()) && are_ranked(scores, answer)),
            OnSorted::Len => same(answer.is_integer(scores.len() as i64)),
            OnSorted::Score(member) => same(match scores.get(member) {
                Some(score) => answer.is_score(*score),
                None => answer.is_none(),
            }),
            OnSorted::Set(member, score) => {
                let is_so = answer.counts(!scores.contains_key(member));
                is_so.then(|| put(member, *score))
            }
            OnSorted::Add(member, by) => {
                let sum = scores.get(member).unwrap_or(&0) + by;
                answer.is_score(sum).then(|| put(member, sum))
            }
        }
    }
}

/// Whether these are all members, in the order of their scores and then of their names.
fn are_ranked(scores: &BTreeMap<&[u8], i64>, answer: &Answer<'_>) -> bool {
    let mut ranked: Vec<_> = scores.iter().map(|(member, score)| (*score, *member)).collect();
    ranked.sort_unstable();
    answer.are_texts(ranked.into_iter().map(|(_, member)| member))
}
