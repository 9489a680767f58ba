//! How long things took: how many took at most so long.

use std::time::Duration;

use super::Counter;

/// The upper bounds of the buckets, inclusive, in microseconds; above the last there is one more
/// bucket.
pub const BOUNDS_US: [u32; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// The same in seconds, as they are written.
pub const BOUNDS_TEXT: [&str; BOUNDS_US.len()] = [
    "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
    "0.25", "0.5", "1", "2.5", "5", "10",
];

/// Durations that one thread observes and any thread reads, counted by size.
#[derive(Debug, Default)]
pub struct Histogram {
    /// How many were at most the bound of the same index, and above the one before.
    buckets: [Counter; BOUNDS_US.len() + 1],
    sum_ns: Counter,
}

impl Histogram {
    /// Counts a duration. Only its one writer may call this.
    pub fn observe(&self, took: Duration) {
        self.buckets[bucket(took)].add(1);
        self.sum_ns.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many durations were at most each of [`BOUNDS_US`], and last how many there were at all.
    #[must_use]
    pub fn cumulative(&self) -> [u64; BOUNDS_US.len() + 1] {
        let mut below: u64 = 0;
        std::array::from_fn(|index| {
            below = below.wrapping_add(self.buckets[index].get());
            below
        })
    }

    /// How many durations were observed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(Counter::get).fold(0, u64::wrapping_add)
    }

    /// The sum of all durations.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns.get())
    }

    /// Adds what `other` counted. Only the one writer may call this.
    pub(crate) fn absorb(&self, other: &Histogram) {
        self.buckets.iter().zip(&other.buckets).for_each(|(own, other)| own.add(other.get()));
        self.sum_ns.add(other.sum_ns.get());
    }
}

/// The index of the bucket of a duration.
fn bucket(took: Duration) -> usize {
    // Up to a whole microsecond, so that what is above a bound stays above it.
    let us = took.as_nanos().div_ceil(1_000);
    let us = u32::try_from(us).unwrap_or(u32::MAX);
    // Without a branch, these are a few vector instructions; a binary search guesses wrongly.
    BOUNDS_US.iter().map(|bound| usize::from(us > *bound)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_a_nanosecond_more_does_not() {
        for (index, bound) in BOUNDS_US.iter().enumerate() {
            let bound = Duration::from_micros(u64::from(*bound));
            let ns = Duration::from_nanos(1);
            assert_eq!(bucket(bound - ns), index);
            assert_eq!(bucket(bound), index);
            assert_eq!(bucket(bound + ns), index + 1);
        }
        assert_eq!((bucket(Duration::ZERO), bucket(Duration::MAX)), (0, BOUNDS_US.len()));
    }

    #[test]
    fn the_bounds_are_written_as_what_they_are() {
        assert!(BOUNDS_US.is_sorted_by(|one, next| one < next));
        for (us, text) in BOUNDS_US.iter().zip(BOUNDS_TEXT) {
            let seconds: f64 = text.parse().unwrap();
            assert_eq!((seconds * 1e6).round().to_string(), us.to_string());
        }
    }

    #[test]
    fn what_was_observed_is_counted_below_every_bound_above_it() {
        let histogram = Histogram::default();
        for ms in [0, 1, 30, 30, 20_000] {
            histogram.observe(Duration::from_millis(ms));
        }
        let expected = [1, 1, 1, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 5];
        assert_eq!(histogram.cumulative(), expected);
        assert_eq!((histogram.count(), histogram.sum()), (5, Duration::from_millis(20_061)));
        let sum = Histogram::default();
        sum.absorb(&histogram);
        sum.absorb(&histogram);
        assert_eq!(sum.cumulative(), expected.map(|count| 2 * count));
        assert_eq!(sum.sum(), 2 * histogram.sum());
    }
}
