//! Reading arguments.

use super::error::Error;
use super::number::parse_double;
use super::rng::Rng;
use crate::limits::REQUEST_ARGS_MAX;
use crate::proto::resp::parse_integer;

/// Whether an argument is this word, in whatever case.
pub(super) fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// An integer.
///
/// # Errors
/// It is none, or does not fit in 64 bits.
pub(super) fn integer(arg: &[u8]) -> Result<i64, Error> {
    parse_integer(arg).ok_or(Error::NOT_INTEGER)
}

/// The number of a database.
///
/// # Errors
/// It is none, or does not fit in 32 bits.
pub(super) fn database(arg: &[u8]) -> Result<i32, Error> {
    i32::try_from(integer(arg)?).map_err(|_| {
        Error::new("ERR value is out of range, value must between -2147483648 and 2147483647")
    })
}

/// A double.
///
/// # Errors
/// It is none.
pub(super) fn double(arg: &[u8]) -> Result<f64, Error> {
    parse_double(arg).ok_or(Error::NOT_FLOAT)
}

/// Until when a command waits that is told so many seconds at `now`, both in Unix milliseconds;
/// `None` if it is for ever.
///
/// # Errors
/// It is no such time.
pub(super) fn until(arg: &[u8], now: i64) -> Result<Option<i64>, Error> {
    let seconds = parse_double(arg);
    let seconds = seconds.ok_or(Error::new("ERR timeout is not a float or out of range"))?;
    let millis = (seconds * 1_000.0).ceil();
    #[expect(clippy::cast_precision_loss, reason = "as C does")]
    let most = i64::MAX as f64;
    if millis < 0.0 || millis > most {
        return Err(Error::new("ERR timeout is negative"));
    }
    if millis == 0.0 {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it fits")]
    let until = now.checked_add(millis as i64);
    until.map(Some).ok_or(Error::new("ERR timeout is out of range"))
}

/// An integer as C's `atoi` reads it: 0 if it is none, and only its low 32 bits.
pub(super) fn atoi(arg: &[u8]) -> i64 {
    let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = arg.iter().position(|byte| !space(byte)).unwrap_or(arg.len());
    let (negative, digits) = match &arg[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0_i64, |value, digit| {
        let digit = i64::from(digit - b'0');
        let value = value.saturating_mul(10);
        if negative { value.saturating_sub(digit) } else { value.saturating_add(digit) }
    });
    #[expect(clippy::cast_possible_truncation, reason = "as C does")]
    let low = value as i32;
    i64::from(low)
}

/// How many elements to take, not negative.
///
/// # Errors
/// It is no such number.
pub(super) fn count(arg: &[u8]) -> Result<usize, Error> {
    parse_integer(arg).and_then(|count| usize::try_from(count).ok()).ok_or(Error::NOT_POSITIVE)
}

/// A number of at least 1; `error` if it is none.
///
/// # Errors
/// It is no such number.
pub(super) fn at_least_one(arg: &[u8], error: Error) -> Result<usize, Error> {
    let number = parse_integer(arg).and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number > 0).ok_or(error)
}

/// How many elements to pick at random: with repetition if negative. Redis has no bound on the
/// latter; here it is that of a command's arguments, so that a small command has no giant reply.
///
/// # Errors
/// It is no integer, or out of bounds.
pub(super) fn pick(arg: &[u8]) -> Result<Pick, Error> {
    let count = integer(arg)?;
    if count == i64::MIN {
        return Err(Error::OUT_OF_SYMMETRIC_RANGE);
    }
    match usize::try_from(count) {
        Ok(count) => Ok(Pick::Distinct(count)),
        Err(_) if count.unsigned_abs() <= u64::from(REQUEST_ARGS_MAX) => {
            Ok(Pick::Repeated(usize::try_from(count.unsigned_abs()).unwrap_or(0)))
        }
        Err(_) => Err(Error::OUT_OF_RANGE),
    }
}

/// How elements are picked at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// Up to so many, each at most once.
    Distinct(usize),
    /// Exactly so many, each as often as it comes.
    Repeated(usize),
}

impl Pick {
    /// The same where each element comes as a pair, which halves what is allowed.
    ///
    /// # Errors
    /// It is more than that.
    pub(super) fn of_pairs(self) -> Result<Pick, Error> {
        let fits = |count: usize| i64::try_from(count).is_ok_and(|count| count <= i64::MAX / 2);
        match self {
            Pick::Distinct(count) | Pick::Repeated(count) if fits(count) => Ok(self),
            Pick::Distinct(_) | Pick::Repeated(_) => Err(Error::OUT_OF_RANGE),
        }
    }

    /// Indices below `len`.
    pub(super) fn draw(self, rng: &mut Rng, len: usize) -> Vec<usize> {
        match self {
            Pick::Repeated(_) if len == 0 => Vec::new(),
            Pick::Repeated(count) => (0..count).map(|_| rng.below(len)).collect(),
            Pick::Distinct(count) => rng.distinct(count, len).into_iter().collect(),
        }
    }
}

/// The part of `len` elements that lies from `start` to `stop`, both inclusive and negative from
/// the end, as `LRANGE`, `GETRANGE` and `ZRANGE` count.
pub(super) fn range(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let size = i64::try_from(len).unwrap_or(i64::MAX);
    let from_end = |at: i64| if at < 0 { at.saturating_add(size).max(0) } else { at };
    let (start, stop) = (from_end(start), if stop < -size { -1 } else { from_end(stop) });
    let end = stop.saturating_add(1).min(size);
    if start >= end {
        return 0..0;
    }
    usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0)
}

/// The cursor of a scan, read as C's `strtoul` reads it. Every scan gives all there is at once, so
/// its value makes no difference.
///
/// # Errors
/// It is none.
pub(super) fn cursor(arg: &[u8]) -> Result<(), Error> {
    let digits = arg.strip_prefix(b"-").or(arg.strip_prefix(b"+")).unwrap_or(arg);
    let digits = std::str::from_utf8(digits).unwrap_or("x");
    let valid = arg.is_empty() || !digits.starts_with('+') && digits.parse::<u64>().is_ok();
    if valid { Ok(()) } else { Err(Error::new("ERR invalid cursor")) }
}

/// Reads what follows the cursor of a scan, and gives the pattern of `MATCH`, which matches all if
/// there is none. `COUNT` makes no difference either.
///
/// # Errors
/// It is not valid.
pub(super) fn scan_pattern<'a>(options: &[&'a [u8]]) -> Result<&'a [u8], Error> {
    let mut pattern: &[u8] = b"*";
    for pair in options.chunks(2) {
        match pair {
            [word, value] if is(word, "COUNT") => {
                if integer(value)? < 1 {
                    return Err(Error::SYNTAX);
                }
            }
            [word, value] if is(word, "MATCH") => pattern = value,
            _ => return Err(Error::SYNTAX),
        }
    }
    Ok(pattern)
}
