//! Bugs that can be planted, to prove that the simulator finds them.
//!
//! Where a bug would be, the code asks `planted("name-of-the-bug")`: false, and gone once compiled,
//! unless everything is built with `--cfg redpoll_mutant`, as `make mutants` does. Then it is true
//! in a thread that has planted that bug. What each of them is, and which promise it breaks, is
//! written in `docs/simulation.md`.

/// Whether the bug of this name is planted: never, in this build.
#[cfg(not(redpoll_mutant))]
#[inline(always)]
pub(crate) const fn planted(_name: &str) -> bool {
    false
}

#[cfg(redpoll_mutant)]
pub(crate) use self::chosen::planted;
#[cfg(redpoll_mutant)]
pub use self::chosen::{end_when, plant};

#[cfg(redpoll_mutant)]
mod chosen {
    use std::cell::{Cell, OnceCell};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::panicking;

    thread_local! {
        /// Whether this thread was given up.
        static IS_GIVEN_UP: OnceCell<Arc<AtomicBool>> = const { OnceCell::new() };

        /// The bug that this thread has; none if it is empty.
        static CHOSEN: Cell<&'static str> = const { Cell::new("") };
    }

    /// Plants the bug of this name, and no other, in whatever this thread runs from now on.
    pub fn plant(name: &'static str) {
        CHOSEN.set(name);
    }

    /// Has this thread panic where it comes past a place for a bug, once it is given up: a bug that
    /// goes round in a circle would never end by itself.
    pub fn end_when(is_given_up: Arc<AtomicBool>) {
        IS_GIVEN_UP.with(|flag| drop(flag.set(is_given_up)));
    }

    /// Whether the bug of this name is planted.
    pub(crate) fn planted(name: &str) -> bool {
        let is_given_up =
            IS_GIVEN_UP.with(|flag| flag.get().is_some_and(|flag| flag.load(Ordering::Relaxed)));
        assert!(!is_given_up || panicking(), "this thread was given up");
        CHOSEN.get() == name
    }
}
