//! What the network did to those who use it: shows that a fault was more than announced.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Something that the network did to a read, a write, or a connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// A write waited because its reader does not read.
    WindowFull,
    /// A write waited for a narrow link.
    NarrowLink,
    /// A read gave less than there may be because its host reads slowly.
    SlowRead,
    /// A read waited because its host does nothing.
    FrozenRead,
    /// A connection was made that nobody accepts.
    Unaccepted,
    /// A connect waited because too many before it are not accepted.
    BacklogFull,
    /// Bytes were written into a cut, while the other direction works.
    LostOneWay,
    /// Bytes were written into a stream that nobody knows any more.
    Forgotten,
    /// A connect waited for an address that does not answer.
    Hanging,
    /// A connection was reset that waited for a listener that is gone.
    Orphaned,
}

/// How often each was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects(RefCell<BTreeMap<Effect, u64>>);

impl Effects {
    pub(super) fn add(&self, effect: Effect) {
        *self.0.borrow_mut().entry(effect).or_default() += 1;
    }

    pub(super) fn count(&self, effect: Effect) -> u64 {
        self.0.borrow().get(&effect).copied().unwrap_or(0)
    }
}
