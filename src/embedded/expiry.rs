//! When keys expire, as clients say it.

use super::args::{integer, is};
use super::error::Error;

/// In what a point in time is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Milliseconds of one.
    scale: i64,
    /// Counted from now, not from the Unix epoch.
    relative: bool,
}

impl Unit {
    pub(super) const EX: Unit = Unit { scale: 1000, relative: true };
    pub(super) const PX: Unit = Unit { scale: 1, relative: true };
    pub(super) const EXAT: Unit = Unit { scale: 1000, relative: false };
    pub(super) const PXAT: Unit = Unit { scale: 1, relative: false };

    /// The unit of an option of `SET` and `GETEX`.
    pub(super) fn of_option(word: &[u8]) -> Option<Unit> {
        [("EX", Unit::EX), ("PX", Unit::PX), ("EXAT", Unit::EXAT), ("PXAT", Unit::PXAT)]
            .into_iter()
            .find(|(name, _)| is(word, name))
            .map(|(_, unit)| unit)
    }

    /// The point in time that `arg` gives, in Unix milliseconds; may lie in the past.
    ///
    /// # Errors
    /// It is no integer, or out of range. `command` is named in the error.
    pub(super) fn read(self, arg: &[u8], now: i64, command: &str) -> Result<i64, Error> {
        let base = if self.relative { now } else { 0 };
        integer(arg)?
            .checked_mul(self.scale)
            .and_then(|time| time.checked_add(base))
            .ok_or_else(|| Error::expire_time(command))
    }

    /// The same for a command that allows no time below 1.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and for a time of 0 or less.
    pub(super) fn read_positive(self, arg: &[u8], now: i64, command: &str) -> Result<i64, Error> {
        if integer(arg)? <= 0 {
            return Err(Error::expire_time(command));
        }
        self.read(arg, now, command)
    }
}
