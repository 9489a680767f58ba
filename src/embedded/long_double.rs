//! The 80-bit `long double` of x86, in which `INCRBYFLOAT` and `HINCRBYFLOAT` add, so that sums end
//! in the very digits that Redis gives.

use std::fmt;

use super::args::is;
use super::error::Error;
use super::hexadecimal::Hexadecimal;
use super::wide::Wide;

/// A finite number `± mantissa * 2^exponent`; the mantissa's highest bit is set, unless it is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LongDouble {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

/// Longest text that is read, in bytes. Redis' `MAX_LONG_DOUBLE_CHARS`.
const TEXT_BYTES_MAX: usize = 5 * 1024;

/// Exponents of ten beyond this give no finite number, or none but zero.
const DECIMAL_EXPONENT_MAX: i32 = 5000;

/// The largest exponent of a finite `long double` whose mantissa is an integer of 64 bits.
const EXPONENT_MAX: i32 = 16_384 - 64;

/// The smallest exponent of a normal one.
const EXPONENT_MIN: i32 = -16_382 - 63;

impl LongDouble {
    pub(super) const ZERO: LongDouble = LongDouble { negative: false, mantissa: 0, exponent: 0 };

    /// Reads a number as C's `strtold` does; `None` if it is none, or not finite.
    pub(super) fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        if let Some(Hexadecimal { negative, mantissa, exponent }) = Hexadecimal::parse(text) {
            return LongDouble::round(negative, mantissa, exponent);
        }
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) = split_exponent(unsigned)?;
        let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
        let fraction = mantissa.get(point + 1..).unwrap_or_default();
        let digits = [&mantissa[..point], fraction].concat();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let scale = exponent.saturating_sub(i32::try_from(fraction.len()).unwrap_or(0));
        LongDouble::from_decimal(negative, &digits, scale)
    }

    /// Reads a number as [`parse`](Self::parse) does; `None` if it is infinite.
    ///
    /// # Errors
    /// It is no number, which is `malformed`.
    pub(super) fn read(text: &[u8], malformed: Error) -> Result<Option<Self>, Error> {
        let name = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
        if is(name, "inf") || is(name, "infinity") {
            return Ok(None);
        }
        LongDouble::parse(text).map(Some).ok_or(malformed)
    }

    /// The sum, rounded to nearest, ties to even; `None` if it is not finite.
    pub(super) fn plus(self, other: LongDouble) -> Option<LongDouble> {
        if self.mantissa == 0 || other.mantissa == 0 {
            return Some(if self.mantissa == 0 { other } else { self });
        }
        let (big, small) = if (self.exponent, self.mantissa) >= (other.exponent, other.mantissa) {
            (self, other)
        } else {
            (other, self)
        };
        // 62 guard bits below the mantissa, the last of which stands for all that is shifted out.
        let wide = u128::from(big.mantissa) << 62;
        let shift = big.exponent.abs_diff(small.exponent);
        let addend = shift_right_sticky(u128::from(small.mantissa) << 62, shift);
        let sum = if big.negative == small.negative { wide + addend } else { wide - addend };
        LongDouble::round(big.negative, sum, big.exponent - 62)
    }

    fn from_decimal(negative: bool, digits: &[u8], scale: i32) -> Option<LongDouble> {
        let digits = Wide::from_digits(digits);
        if digits.is_zero() || scale < -DECIMAL_EXPONENT_MAX - 5 * 1024 {
            return Some(LongDouble { negative, ..LongDouble::ZERO });
        }
        if scale > DECIMAL_EXPONENT_MAX {
            return None;
        }
        let power = Wide::power_of_ten(scale.unsigned_abs());
        let (numerator, denominator) =
            if scale < 0 { (digits, power) } else { (digits.times(&power), Wide::from(1)) };
        // Shifted so that the quotient has 126 or 127 bits.
        let shift = 126 + denominator.bits() - numerator.bits();
        let (quotient, exact) = numerator.shifted_quotient(denominator, shift);
        LongDouble::round(negative, quotient | u128::from(!exact), -shift)
    }

    /// The number nearest to `value * 2^exponent`.
    fn round(negative: bool, value: u128, exponent: i32) -> Option<LongDouble> {
        let bits = 128 - i32::try_from(value.leading_zeros()).unwrap_or(128);
        if bits == 0 {
            return Some(LongDouble::ZERO);
        }
        // Below the smallest normal number, fewer bits are kept.
        let drop = (bits - 64).max(EXPONENT_MIN - exponent);
        let (mut mantissa, mut exponent) = (value, exponent);
        if drop > 0 {
            mantissa = shift_right_even(value, drop.unsigned_abs());
            exponent += drop;
        }
        if mantissa == 0 {
            return Some(LongDouble { negative, ..LongDouble::ZERO });
        }
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
        let mantissa = u64::try_from(mantissa).expect("at most 64 bits are left");
        let lead = i32::try_from(mantissa.leading_zeros()).unwrap_or(0);
        let exponent = exponent - lead;
        let normal = LongDouble { negative, mantissa: mantissa << lead, exponent };
        (exponent <= EXPONENT_MAX).then_some(normal)
    }
}

impl fmt::Display for LongDouble {
    /// As Redis' `ld2string` does: up to 17 decimals, without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DECIMALS: usize = 17;
        let power = 10_u128.pow(17);
        let digits = if let Ok(up) = u32::try_from(self.exponent) {
            let whole = Wide::from(self.mantissa).shifted_left(up);
            format!("{}{}", whole.to_decimal(), "0".repeat(DECIMALS))
        } else {
            let scaled = u128::from(self.mantissa) * power;
            shift_right_even(scaled, self.exponent.unsigned_abs()).to_string()
        };
        let digits = format!("{digits:0>width$}", width = DECIMALS + 1);
        let (whole, fraction) = digits.split_at(digits.len() - DECIMALS);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        let zero = whole == "0" && fraction.is_empty();
        let sign = if self.negative && !zero { "-" } else { "" };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

/// What stands before the exponent of ten, and the exponent.
fn split_exponent(text: &[u8]) -> Option<(&[u8], i32)> {
    let Some(at) = text.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return Some((text, 0));
    };
    let (negative, digits) = match &text[at + 1..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exponent = digits.iter().fold(0_i32, |exponent, digit| {
        exponent.saturating_mul(10).saturating_add(i32::from(digit - b'0')).min(1_000_000)
    });
    Some((&text[..at], if negative { -exponent } else { exponent }))
}

fn shift_right_sticky(value: u128, shift: u32) -> u128 {
    match (value.checked_shr(shift), value.checked_shl(128_u32.saturating_sub(shift))) {
        (Some(kept), Some(lost)) => kept | u128::from(lost != 0),
        (Some(kept), None) => kept,
        (None, _) => u128::from(value != 0),
    }
}

/// `value / 2^shift`, rounded to nearest, ties to even.
fn shift_right_even(value: u128, shift: u32) -> u128 {
    if shift == 0 {
        return value;
    }
    let Some(kept) = value.checked_shr(shift) else {
        // Only 2^127 and more, shifted by 128, can round up.
        return u128::from(shift == 128 && value > 1 << 127);
    };
    let lost = value << (128 - shift);
    let half = 1 << 127;
    kept + u128::from(lost > half || lost == half && kept & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let a = LongDouble::parse(a.as_bytes()).unwrap();
        a.plus(LongDouble::parse(b.as_bytes()).unwrap()).unwrap().to_string()
    }

    #[test]
    fn sums_end_in_the_digits_that_redis_gives() {
        for (a, b, expected) in [
            ("10.5", "0.1", "10.6"),
            ("0", "3", "3"),
            ("3", "-3", "0"),
            ("5.0e3", "2.0e2", "5200"),
            ("1", "1e-17", "1.00000000000000001"),
            ("1", "1e-20", "1"),
            ("1000000.1", "0", "1000000.10000000000002274"),
            ("-1.5", "0.25", "-1.25"),
            ("1e20", "1", "100000000000000000000"),
            ("0.1", "0.2", "0.3"),
        ] {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        for text in ["", "x", "1x", " 1", "1e", "1e5000", ".", "1..2", "--1"] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text}");
        }
        let huge = LongDouble::parse(b"1e4932").unwrap();
        assert_eq!(huge.plus(huge), None);
        assert_eq!(LongDouble::parse(b"1e-9999").unwrap().to_string(), "0");
    }
}
