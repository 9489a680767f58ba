//! Doubles as Redis 7.0 reads and writes them.

use super::hexadecimal::Hexadecimal;

/// A double as C's `strtod` reads it, the whole text and nothing else; `None` for NaN, for what is
/// too large for a double, and for what is too small but not zero.
pub(super) fn parse_double(text: &[u8]) -> Option<f64> {
    let value = parse_any(text)?;
    let named = text.iter().any(|byte| byte.eq_ignore_ascii_case(&b'n'));
    let hexadecimal = text.iter().any(|byte| byte.eq_ignore_ascii_case(&b'x'));
    let exponent: &[u8] = if hexadecimal { b"pP" } else { b"eE" };
    let mut mantissa = text.split(|byte| exponent.contains(byte)).next().unwrap_or(text).iter();
    let zero = mantissa.all(|byte| matches!(byte, b'+' | b'-' | b'.' | b'0' | b'x' | b'X'));
    let vanished = value == 0.0 && !zero;
    let overflowed = value.is_infinite() && !named;
    (!vanished && !overflowed).then_some(value)
}

/// The bound of a range, as C's `strtod` reads it alone: after white space, up to a zero byte, and
/// what is too large is infinite. Nothing at all is zero.
pub(super) fn parse_bound(text: &[u8]) -> Option<f64> {
    if text.first().is_none_or(|byte| *byte == 0) {
        return Some(0.0);
    }
    let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = text.iter().position(|byte| !space(byte)).unwrap_or(text.len());
    parse_any(text[start..].split(|byte| *byte == 0).next().unwrap_or_default())
}

/// The nearest double to a number; `None` for NaN.
fn parse_any(text: &[u8]) -> Option<f64> {
    if let Some(number) = Hexadecimal::parse(text) {
        return Some(number.to_double());
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

/// A double in the form of C's `%.17g`.
pub(super) fn format_double(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}inf");
    }
    let scientific = format!("{:.16e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.replace('.', "");
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        some => some,
    };
    let number = match usize::try_from(exponent) {
        Ok(whole) if whole < 17 => fixed(digits, whole + 1),
        Err(_) if exponent >= -4 => {
            format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1))
        }
        Ok(_) | Err(_) => {
            let point = if digits.len() > 1 { "." } else { "" };
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}{point}{}e{sign}{:02}", &digits[..1], &digits[1..], exponent.abs())
        }
    };
    format!("{sign}{number}")
}

/// `digits` with so many of them before the point.
fn fixed(digits: &str, whole: usize) -> String {
    if digits.len() <= whole {
        format!("{digits}{}", "0".repeat(whole - digits.len()))
    } else {
        format!("{}.{}", &digits[..whole], &digits[whole..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_redis_7_0_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (1.5, "1.5"),
            (0.1, "0.10000000000000001"),
            (-2.25, "-2.25"),
            (100.0, "100"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e21, "1e+21"),
            (1.25e300, "1.2500000000000001e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_double(value), text);
        }
    }

    #[test]
    fn doubles_are_read_whole_or_not_at_all() {
        for (text, value) in [
            ("3", Some(3.0)),
            ("+.5e1", Some(5.0)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("Infinity", Some(f64::INFINITY)),
            ("0e-999", Some(0.0)),
            ("", None),
            (" 1", None),
            ("1 ", None),
            ("nan", None),
            ("1e999", None),
            ("1e-999", None),
            ("0x1p-1080", None),
            ("0x0p-1", Some(0.0)),
            ("0x1p1080", None),
            ("1x", None),
        ] {
            assert_eq!(parse_double(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn bounds_of_ranges_are_read_with_less_care() {
        for (text, value) in [
            ("", Some(0.0)),
            ("\0x", Some(0.0)),
            (" \t1", Some(1.0)),
            ("1\0x", Some(1.0)),
            ("-1e999", Some(f64::NEG_INFINITY)),
            ("1e-999", Some(0.0)),
            (" ", None),
            ("1 ", None),
            ("nan", None),
        ] {
            assert_eq!(parse_bound(text.as_bytes()), value, "{text:?}");
        }
    }
}
