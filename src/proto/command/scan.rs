//! `SCAN` over all primaries of a cluster, one after the other.
//!
//! The cursor that a client gets says all there is to know; nothing is kept between two calls, so
//! any worker, and any other Redpoll before the same cluster, can go on.
//!
//! ```text
//! 63 bits, as clients take integers with a sign:
//! | shape: 9 bits | primary: 10 bits | cursor of that primary: 44 bits |
//! ```
//!
//! The shape is a digest of who serves which slot. Once that has changed, keys may have gone from
//! a primary still to come to one that is done; so the scan begins again with the first, and some
//! keys are given twice, which Redis allows, and none that was there all along is left out.

use bytes::Bytes;

use super::super::cluster::Primaries;
use super::super::resp::{Protocol, Writer, elements};
use super::{Command, Split};

/// Bits of a primary's own cursor: Redis' is below the size of its hash table, in cluster mode of
/// later versions times 16,384 slots.
const CURSOR_BITS: u32 = 44;
/// Bits of a primary's number.
const NUMBER_BITS: u32 = 10;
const SHAPE_BITS: u32 = 9;
const CURSOR_MAX: u64 = (1 << CURSOR_BITS) - 1;
const PRIMARIES_MAX: usize = 1 << NUMBER_BITS;

/// Where a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    shape: u64,
    /// Which of the primaries is asked.
    number: usize,
    /// How many there are.
    count: usize,
}

/// Why a scan goes nowhere, in words for the client.
const NO_CURSOR: &str = "ERR invalid cursor";
const TOO_MANY: &str = "ERR redpoll scans at most 1024 primaries";

impl Walk {
    /// The part of a `SCAN` for the primary that its cursor names.
    ///
    /// # Errors
    /// The error for the client: the cursor is no number, there are too many primaries, or none.
    pub fn step(command: &Command<'_>, primaries: &Primaries) -> Result<Split, &'static str> {
        let cursor = as_number(command.arg(1)).ok_or(NO_CURSOR)?;
        let count = primaries.found.len();
        if count > PRIMARIES_MAX {
            return Err(TOO_MANY);
        }
        let shape = primaries.digest & ((1 << SHAPE_BITS) - 1);
        let number = usize::try_from(cursor >> CURSOR_BITS).unwrap_or(0) % PRIMARIES_MAX;
        let is_of_this_shape = cursor >> (CURSOR_BITS + NUMBER_BITS) == shape && number < count;
        let (number, own) = if is_of_this_shape { (number, cursor & CURSOR_MAX) } else { (0, 0) };
        let primary = primaries.found.get(number).ok_or("CLUSTERDOWN Hash slot not served")?;
        let mut frame = Vec::with_capacity(command.frame.len() + 24);
        let mut writer = Writer::new(&mut frame, Protocol::Resp2);
        writer.array(command.len());
        writer.bulk(command.arg(0));
        writer.bulk(own.to_string().as_bytes());
        command.args().skip(2).for_each(|arg| writer.bulk(arg));
        Ok(Split::step(Walk { shape, number, count }, &Bytes::from(frame), primary))
    }

    /// The reply for the client, of that of the primary.
    pub(super) fn onward(self, frames: &[&Bytes]) -> Option<Bytes> {
        let mut parts = elements(frames.first()?)?;
        let (cursor, keys) = (parts.next()?, parts.next()?);
        let digits = cursor.strip_prefix(b"$")?.strip_suffix(b"\r\n")?;
        let digits = &digits[memchr::memchr(b'\n', digits)? + 1..];
        let own: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let next = match own {
            0 if self.number + 1 == self.count => 0,
            0 => self.cursor(self.number + 1, 0),
            1..=CURSOR_MAX => self.cursor(self.number, own),
            _ => return None,
        };
        let mut reply = Vec::with_capacity(32 + keys.len());
        let mut writer = Writer::new(&mut reply, Protocol::Resp2);
        writer.array(2);
        writer.bulk(next.to_string().as_bytes());
        writer.raw(keys);
        Some(Bytes::from(reply))
    }

    fn cursor(self, number: usize, own: u64) -> u64 {
        (self.shape << NUMBER_BITS | number as u64) << CURSOR_BITS | own
    }
}

/// A cursor as Redis reads it, with C's `strtoul`; `None` if it is none.
fn as_number(arg: &[u8]) -> Option<u64> {
    let text = &arg[..memchr::memchr(0, arg).unwrap_or(arg.len())];
    if text.is_empty() {
        return Some(0);
    }
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let is_signed_twice = digits.starts_with(b"+");
    let text = std::str::from_utf8(digits).ok().filter(|_| !is_signed_twice)?;
    let number: u64 = text.parse().ok()?;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::super::rig::written;
    use super::*;
    use crate::proto::cluster::{Router, Topology};

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of a story")]
    fn primaries(ranges: &[(u16, u16, u16)]) -> Primaries {
        let mut router = Router::cluster(9);
        router.adopt(&Topology::of(ranges), std::time::Instant::now());
        router.primaries().unwrap()
    }

    fn step(line: &str, primaries: &Primaries) -> Result<Split, &'static str> {
        Walk::step(&written(line).parse().unwrap(), primaries)
    }

    /// What is asked of which primary with this cursor, and the cursor for the client if the
    /// primary's next is `own`.
    fn told(cursor: &str, own: &str, primaries: &Primaries) -> (usize, String, String) {
        let split = step(&format!("scan {cursor} count 7"), primaries).unwrap();
        let share = &split.shares[0];
        let node = primaries.found.iter().position(|it| Some(it.node) == share.node).unwrap();
        let asked: Vec<_> = elements(&share.frame).unwrap().collect();
        assert_eq!([asked[0], asked[2]], [&b"$4\r\nscan\r\n"[..], b"$5\r\ncount\r\n"]);
        let reply = format!("*2\r\n${}\r\n{own}\r\n*1\r\n$1\r\nk\r\n", own.len());
        let Outcome::Frame(frame) = split.merge(&[Outcome::Frame(Bytes::from(reply))]) else {
            panic!("a scan that works");
        };
        let parts: Vec<_> = elements(&frame).unwrap().collect();
        assert_eq!(parts[1], b"*1\r\n$1\r\nk\r\n");
        let bulk = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let inner = |bytes: &[u8]| bulk(bytes).split("\r\n").nth(1).unwrap().to_owned();
        (node, inner(asked[1]), inner(parts[0]))
    }

    #[test]
    fn a_scan_goes_from_one_primary_to_the_next_and_ends_after_the_last() {
        let three = primaries(&[(0, 99, 1), (100, 199, 2), (200, 299, 3)]);
        let (mut cursor, mut asked) = ("0".to_owned(), Vec::new());
        for own in ["17", "0", "0", "5", "17592186044415", "0"] {
            let (node, given, next) = told(&cursor, own, &three);
            assert!(next.parse::<i64>().is_ok(), "integers have a sign with many clients: {next}");
            asked.push((node, given));
            cursor = next;
        }
        assert_eq!(cursor, "0");
        let expected = [(0, "0"), (0, "17"), (1, "0"), (2, "0"), (2, "5"), (2, "17592186044415")];
        assert_eq!(asked, expected.map(|(node, own)| (node, own.to_owned())));
    }

    #[test]
    fn a_scan_begins_again_once_a_slot_has_changed_hands() {
        let before = primaries(&[(0, 99, 1), (100, 199, 2)]);
        let (_, _, cursor) = told("0", "0", &before);
        assert_eq!(told(&cursor, "0", &before).0, 1);
        let after = primaries(&[(0, 98, 1), (99, 199, 2)]);
        assert_eq!(told(&cursor, "9", &after).0, 0);
        assert_eq!(told(&cursor, "9", &after).1, "0");
    }

    #[test]
    fn any_number_is_a_cursor_as_redis_reads_it_and_nothing_else_is() {
        let one = primaries(&[(0, 16_383, 1)]);
        let most = "18446744073709551615";
        for cursor in ["1", most, "9223372036854775807", "-1", "+1", "007", "''", "\"1\\x00x\""] {
            assert_eq!(told(cursor, "0", &one).2, "0", "{cursor}");
        }
        for cursor in
            ["x", "18446744073709551616", "1.5", "' 1'", "1x", "+", "-", "--1", "+-1", "++1", "-+1"]
        {
            let error = step(&format!("scan {cursor}"), &one).unwrap_err();
            assert_eq!(error, "ERR invalid cursor", "{cursor}");
        }
        let none = Primaries { found: Vec::new(), digest: 0 };
        assert!(step("scan 0", &none).unwrap_err().starts_with("CLUSTERDOWN"));
        let many = Primaries { found: vec![one.found[0]; 1_025], digest: 0 };
        assert!(step("scan 0", &many).unwrap_err().contains("1024"));
    }

    #[test]
    fn what_is_no_reply_to_a_scan_is_no_panic() {
        let one = primaries(&[(0, 16_383, 1)]);
        for reply in ["+OK", "*0", "*2\r\n:1\r\n*0", "*2\r\n$20\r\n18446744073709551615\r\n*0"] {
            let split = step("scan 0", &one).unwrap();
            let reply = Outcome::Frame(Bytes::from(format!("{reply}\r\n")));
            assert!(matches!(split.merge(&[reply]), Outcome::Failed { .. }));
        }
    }
}
