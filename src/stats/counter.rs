//! A number that one thread changes and any thread reads, and a row of them by kind.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread changes and any thread reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it. Only its one writer may call this.
    pub fn add(&self, amount: u64) {
        // A load and a store instead of an atomic addition: there is one writer.
        self.0.store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }

    /// Takes from it. Only its one writer may call this.
    pub fn sub(&self, amount: u64) {
        self.0.store(self.get().wrapping_sub(amount), Ordering::Relaxed);
    }

    /// Makes it another number. Only its one writer may call this.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Most kinds that a [`By`] tells apart.
const KINDS_MAX: usize = 13;

/// What a [`By`] tells apart.
pub trait Kind: Copy + Debug + 'static {
    /// All there are, in the order of their indices.
    const ALL: &'static [Self];

    /// Which of them it is.
    fn index(self) -> usize;

    /// What it is called as the value of a label.
    fn label(self) -> &'static str;

    /// What it is, in a sentence.
    fn doc(self) -> &'static str;
}

/// A counter of each kind.
#[derive(Debug)]
pub struct By<K>([Counter; KINDS_MAX], PhantomData<K>);

impl<K: Kind> Default for By<K> {
    fn default() -> Self {
        const { assert!(K::ALL.len() <= KINDS_MAX) };
        By(Default::default(), PhantomData)
    }
}

impl<K: Kind> By<K> {
    /// The counter of one kind.
    pub fn of(&self, kind: K) -> &Counter {
        &self.0[kind.index()]
    }

    /// The sum over all kinds now.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(Counter::get).fold(0, u64::wrapping_add)
    }

    /// Adds what `other` counted, kind by kind. Only the one writer may call this.
    pub(super) fn absorb(&self, other: &By<K>) {
        self.0.iter().zip(&other.0).for_each(|(own, other)| own.add(other.get()));
    }
}

/// Numbers, each with the value of a label.
pub trait Labelled {
    /// The label of a number; `None` if there are not so many.
    fn label(&self, index: usize) -> Option<&'static str>;

    /// What that is, in a sentence; empty if there are not so many.
    fn doc(&self, index: usize) -> &'static str;

    /// The number now; 0 if there are not so many.
    fn number(&self, index: usize) -> u64;
}

impl<K: Kind> Labelled for By<K> {
    fn label(&self, index: usize) -> Option<&'static str> {
        K::ALL.get(index).map(|kind| kind.label())
    }

    fn doc(&self, index: usize) -> &'static str {
        K::ALL.get(index).map_or("", |kind| kind.doc())
    }

    fn number(&self, index: usize) -> u64 {
        self.0.get(index).map_or(0, Counter::get)
    }
}

/// Declares an enum that is a [`Kind`]: each variant with the value of its label.
macro_rules! kinds {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident = $label:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $variant_doc])+ $variant,)+
        }

        impl $crate::stats::Kind for $name {
            const ALL: &'static [Self] = &[$($name::$variant),+];

            fn index(self) -> usize {
                self as usize
            }

            fn label(self) -> &'static str {
                match self {
                    $($name::$variant => $label,)+
                }
            }

            fn doc(self) -> &'static str {
                match self {
                    $($name::$variant => concat!($($variant_doc),+).trim_start(),)+
                }
            }
        }
    };
}
pub(super) use kinds;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Redirect;

    #[test]
    fn a_counter_a_kind_and_their_sum() {
        let (redirects, more) = (By::default(), By::default());
        redirects.of(Redirect::Moved).add(2);
        more.of(Redirect::Moved).add(1);
        more.of(Redirect::Ask).add(4);
        redirects.absorb(&more);
        let shown = Redirect::ALL.iter().map(|kind| (kind.label(), redirects.of(*kind).get()));
        assert_eq!(shown.collect::<Vec<_>>(), [("moved", 3), ("ask", 4)]);
        assert_eq!((redirects.total(), more.total()), (7, 5));
        assert_eq!(Redirect::Moved.doc(), "Another node serves the slot.");
    }
}
