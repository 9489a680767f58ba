//! Hexadecimal numbers such as `0x1.8p3`, which C's `strtod` and `strtold` read, and so does Redis.

/// `± mantissa * 2^exponent`. The last bit of a mantissa of more than 120 bits stands for all that
/// were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hexadecimal {
    pub(super) negative: bool,
    pub(super) mantissa: u128,
    pub(super) exponent: i32,
}

/// Exponents beyond this give no finite number, or none but zero.
const EXPONENT_MAX: i32 = 1_000_000;

impl Hexadecimal {
    /// Reads a number, the whole text; `None` if it is none.
    pub(super) fn parse(text: &[u8]) -> Option<Hexadecimal> {
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let digits = unsigned.strip_prefix(b"0x").or(unsigned.strip_prefix(b"0X"))?;
        let (digits, exponent) = match digits.iter().position(|byte| matches!(byte, b'p' | b'P')) {
            Some(at) => (&digits[..at], power(&digits[at + 1..])?),
            None => (digits, 0),
        };
        let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
        let fraction = digits.get(point + 1..).unwrap_or_default();
        let number = Hexadecimal { negative, mantissa: 0, exponent };
        let number =
            digits[..point].iter().try_fold(number, |number, digit| number.then(*digit, 0))?;
        let number = fraction.iter().try_fold(number, |number, digit| number.then(*digit, -4))?;
        (point + fraction.len() > 0).then_some(number)
    }

    /// The nearest double; infinite if it is too large.
    pub(super) fn to_double(self) -> f64 {
        // In two steps, neither of which overflows where the result does not.
        let half = self.exponent / 2;
        #[expect(clippy::cast_precision_loss, reason = "rounded to nearest")]
        let value = self.mantissa as f64 * 2_f64.powi(half) * 2_f64.powi(self.exponent - half);
        if self.negative { -value } else { value }
    }

    /// With one more digit, which moves the point by so many bits.
    fn then(self, digit: u8, shift: i32) -> Option<Hexadecimal> {
        let digit = u128::from(char::from(digit).to_digit(16)?);
        let exponent = self.exponent.saturating_add(shift);
        Some(if self.mantissa >> 116 == 0 {
            Hexadecimal { mantissa: self.mantissa << 4 | digit, exponent, ..self }
        } else {
            let mantissa = self.mantissa | u128::from(digit != 0);
            Hexadecimal { mantissa, exponent: exponent.saturating_add(4), ..self }
        })
    }
}

/// A power of two: a decimal number.
fn power(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let power = digits.iter().fold(0_i32, |power, digit| {
        power.saturating_mul(10).saturating_add(i32::from(digit - b'0')).min(EXPONENT_MAX)
    });
    Some(if negative { -power } else { power })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_numbers_are_read_whole_or_not_at_all() {
        for (text, value) in [
            ("0x10", Some(16.0)),
            ("-0XfF", Some(-255.0)),
            ("0x1.8p1", Some(3.0)),
            ("0x.8", Some(0.5)),
            ("0x1p-1074", Some(5e-324)),
            ("0x1p1024", Some(f64::INFINITY)),
            ("0x20000000000001", Some(9_007_199_254_740_992.0)),
            ("0x200000000000010000000000000000000000001", Some(1.141_798_154_164_768_2e46)),
            ("0x", None),
            ("0x.", None),
            ("0xg", None),
            ("0x1p", None),
            ("0x1.2.3", None),
            ("16", None),
        ] {
            let read = Hexadecimal::parse(text.as_bytes());
            assert_eq!(read.map(Hexadecimal::to_double), value, "{text}");
        }
    }
}
