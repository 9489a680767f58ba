//! Chance, for the commands that pick at random.

/// SplitMix64 (Steele, Lea and Flood, 2014): eight bytes of state, so a write is replicated
/// together with the state it drew from.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// The sequence of this seed.
    pub(super) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// Any number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0. The bias of the modulo is below 2^-32 for any
    /// collection that fits in memory.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        debug_assert!(bound > 0);
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    /// `count` different indices below `len`, at most `len` of them, in ascending order (Floyd's
    /// algorithm).
    pub(super) fn distinct(
        &mut self,
        count: usize,
        len: usize,
    ) -> std::collections::BTreeSet<usize> {
        let mut picked = std::collections::BTreeSet::new();
        for last in len.saturating_sub(count)..len {
            let drawn = self.below(last + 1);
            if !picked.insert(drawn) {
                picked.insert(last);
            }
        }
        picked
    }
}
