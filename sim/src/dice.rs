//! Chance. Every component throws dice of its own, forked from the seed by name, so that one more
//! throw in one place changes nothing elsewhere.

use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::trace::Rolling;

/// A stream of chance.
#[derive(Clone, Debug)]
pub struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The dice of the component called `name`, the `index`-th of that name, in the run of `seed`.
    #[must_use]
    pub fn fork(seed: u64, name: &str, index: u64) -> Self {
        let mut hasher = Rolling::default();
        (seed, name, index).hash(&mut hasher);
        Dice(Xoshiro256PlusPlus::seed_from_u64(hasher.finish()))
    }

    /// Whether something happens that happens with this probability, from 0 to 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.0.random_bool(probability.min(1.0))
    }

    /// A number of the range, each as likely.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.random_range(range)
    }

    /// An index below `len`.
    ///
    /// # Panics
    /// There is none: `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.0.random_range(0..len)
    }

    /// One of the items, each as likely.
    ///
    /// # Panics
    /// There is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// A length from 1 to `max`, as a socket might cut it: often one byte, sometimes a few,
    /// otherwise anything.
    ///
    /// # Panics
    /// `max` is 0.
    pub fn cut(&mut self, max: usize) -> usize {
        match self.0.random_range(0..4) {
            0 => 1,
            1 => self.0.random_range(1..=max.min(8)),
            _ => self.0.random_range(1..=max),
        }
    }

    /// A seed for a component that has chance of its own.
    pub fn seed(&mut self) -> u64 {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_of_one_name_repeat_and_of_another_differ() {
        let throw = |seed, name, index| {
            let mut dice = Dice::fork(seed, name, index);
            [dice.seed(), dice.seed()]
        };
        assert_eq!(throw(1, "stream", 0), throw(1, "stream", 0));
        for other in [throw(2, "stream", 0), throw(1, "task", 0), throw(1, "stream", 1)] {
            assert_ne!(throw(1, "stream", 0), other);
        }
    }

    #[test]
    fn a_cut_is_never_empty_and_reaches_both_ends() {
        let mut dice = Dice::fork(7, "cut", 0);
        let cuts: Vec<usize> = (0..2_000).map(|_| dice.cut(10)).collect();
        assert!(cuts.iter().all(|cut| (1..=10).contains(cut)));
        assert!(cuts.contains(&1) && cuts.contains(&10));
    }
}
