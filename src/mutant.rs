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
pub use self::chosen::plant;
#[cfg(redpoll_mutant)]
pub(crate) use self::chosen::planted;

#[cfg(redpoll_mutant)]
mod chosen {
    use std::cell::Cell;

    thread_local! {
        /// The bug that this thread has; none if it is empty.
        static CHOSEN: Cell<&'static str> = const { Cell::new("") };
    }

    /// Plants the bug of this name, and no other, in whatever this thread runs from now on.
    pub fn plant(name: &'static str) {
        CHOSEN.set(name);
    }

    /// Whether the bug of this name is planted.
    pub(crate) fn planted(name: &str) -> bool {
        CHOSEN.get() == name
    }
}
