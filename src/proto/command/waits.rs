//! How long a command may wait at its node until there is something for it.

use std::time::Duration;

use super::keys::{KeySpec, Take};
use super::table::Waits;
use super::{Command, Row};
use crate::limits::WAIT_S_MAX;

/// As good as for ever.
const WAIT_MAX: Duration = Duration::from_secs(WAIT_S_MAX);

impl Command<'_> {
    /// How long it may wait at its node, up to [`WAIT_S_MAX`], which stands for ever, too; `None`:
    /// it does not wait. Where the time is malformed it is zero: the node will say so.
    #[must_use]
    pub fn waits(&self) -> Option<Duration> {
        let time = match self.row.waits {
            Waits::No => return None,
            Waits::SecondsFirst => seconds(self.arg(1)),
            Waits::SecondsLast => seconds(self.arg(self.len() - 1)),
            Waits::MillisecondsLast => milliseconds(self.arg(self.len() - 1)),
            Waits::Block => milliseconds(self.arg(self.block()?)),
        };
        Some(time.unwrap_or_default().min(WAIT_MAX))
    }

    /// The position of the time that `BLOCK` has.
    fn block(&self) -> Option<usize> {
        let mut at = 1;
        while at + 1 < self.len() {
            let is = |word: &str| self.arg(at).eq_ignore_ascii_case(word.as_bytes());
            if is("block") {
                return Some(at + 1);
            }
            let (_, own) = options(self.row).iter().find(|(word, _)| is(word))?;
            at += 1 + usize::from(*own);
        }
        None
    }
}

/// The words that may come before the keys, and how many arguments each of them has.
fn options(row: &Row) -> &'static [(&'static str, u8)] {
    match row.keys {
        [KeySpec::Keyword { take: Take::Half, skip, .. }, ..] => skip,
        _ => &[],
    }
}

fn seconds(text: &[u8]) -> Option<Duration> {
    let seconds: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let time = Duration::try_from_secs_f64(seconds).ok()?;
    Some(if time.is_zero() { WAIT_MAX } else { time })
}

fn milliseconds(text: &[u8]) -> Option<Duration> {
    let time: u64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(if time == 0 { WAIT_MAX } else { Duration::from_millis(time) })
}

#[cfg(test)]
mod tests {
    use super::super::rig::written;
    use super::*;

    #[test]
    fn the_time_is_where_the_command_has_it() {
        let ms = Duration::from_millis;
        for (line, time) in [
            ("blpop a b 1.5", Some(ms(1_500))),
            ("BLPOP a 0", Some(WAIT_MAX)),
            ("brpoplpush a b 2", Some(ms(2_000))),
            ("blmove a b left right 0.25", Some(ms(250))),
            ("bzpopmin a x", Some(ms(0))),
            ("bzpopmin a -1", Some(ms(0))),
            ("bzpopmin a inf", Some(ms(0))),
            ("bzpopmax a 1e300", Some(ms(0))),
            ("bzpopmax a 1e9", Some(WAIT_MAX)),
            ("blmpop 3 1 a left", Some(ms(3_000))),
            ("bzmpop 0 1 a min", Some(WAIT_MAX)),
            ("xread block 0 streams a 0", Some(WAIT_MAX)),
            ("xread block x streams a 0", Some(ms(0))),
            ("xread count block streams a 0", None),
            ("xread count 1 BLOCK 5 streams a 0", Some(ms(5))),
            ("xread streams block 0", None),
            ("xreadgroup group g block streams a >", None),
            ("xreadgroup group g c block 1 streams a >", Some(ms(1))),
            ("xreadgroup block 1 group g c streams a >", Some(ms(1))),
            ("xreadgroup noack block 1 group g c streams a >", Some(ms(1))),
            ("wait 1 250", Some(ms(250))),
            ("waitaof 1 1 0", Some(WAIT_MAX)),
            ("wait 1 -1", Some(ms(0))),
            ("lpop block", None),
        ] {
            assert_eq!(written(line).parse().unwrap().waits(), time, "{line}");
        }
    }
}
