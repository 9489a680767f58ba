//! Members ordered by score, then by their bytes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A score: any double but NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Score(f64);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Score) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    /// As C compares doubles, so that `-0` equals `0`.
    fn cmp(&self, other: &Score) -> Ordering {
        self.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal)
    }
}

/// A sorted set: each member has one score.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SortedSet {
    scores: BTreeMap<Vec<u8>, f64>,
    order: BTreeSet<(Score, Vec<u8>)>,
}

/// Members with their scores, in some order.
pub(super) type Scored = Vec<(Vec<u8>, f64)>;

impl SortedSet {
    /// Members in it.
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether it has no member.
    pub(super) fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// The score of a member.
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).copied()
    }

    /// Gives a member its score; the score it had before is returned. `score` is not NaN. Zero has
    /// one sign, as in the compact form in which Redis keeps small sets.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        self.insert_signed(member, score + 0.0)
    }

    /// The same in a set that is not to be kept, where zero keeps its sign.
    pub(super) fn insert_signed(&mut self, member: &[u8], score: f64) -> Option<f64> {
        debug_assert!(!score.is_nan());
        let before = self.remove(member);
        self.scores.insert(member.to_vec(), score);
        self.order.insert((Score(score), member.to_vec()));
        before
    }

    /// Takes a member out; its score is returned.
    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (member, score) = self.scores.remove_entry(member)?;
        self.order.remove(&(Score(score), member));
        Some(score)
    }

    /// Members and scores, the lowest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> {
        self.order.iter().map(|(score, member)| (member.as_slice(), score.0))
    }

    /// How many members come before this one.
    pub(super) fn rank(&self, member: &[u8]) -> Option<usize> {
        let score = self.score(member)?;
        Some(self.order.range(..(Score(score), member.to_vec())).count())
    }
}
