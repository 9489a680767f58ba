//! Integers as RESP writes them.

/// Parses a decimal integer as strictly as Redis' `string2ll`: no plus sign, no leading zero, no
/// `-0`, no space, nothing outside `i64`.
#[must_use]
pub fn parse_integer(digits: &[u8]) -> Option<i64> {
    let (negative, digits) = match digits {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value: u64 = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    if negative { 0_i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

/// A number between a type byte and CRLF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// The line is not complete yet.
    Partial,
    /// The number and the bytes that it and its CRLF take.
    Complete(i64, usize),
    /// No number can come of it.
    Malformed,
}

/// Longest number there is, `-9223372036854775808`, in bytes.
const NUMBER_BYTES_MAX: usize = 20;

/// Reads the number at the start of `bytes`, up to and including its CRLF.
pub(super) fn parse_header(bytes: &[u8]) -> Header {
    // One digit and its CRLF: nearly every header there is.
    if let [digit @ b'0'..=b'9', b'\r', b'\n', ..] = bytes {
        return Header::Complete(i64::from(digit - b'0'), 3);
    }
    let window = &bytes[..bytes.len().min(NUMBER_BYTES_MAX + 1)];
    let Some(end) = window.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-')) else {
        return if window.len() > NUMBER_BYTES_MAX { Header::Malformed } else { Header::Partial };
    };
    if window[end] != b'\r' {
        return Header::Malformed;
    }
    let Some(value) = parse_integer(&window[..end]) else { return Header::Malformed };
    match bytes.get(end + 1) {
        None => Header::Partial,
        Some(b'\n') => Header::Complete(value, end + 2),
        Some(_) => Header::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_strict_as_redis() {
        for (text, value) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("42", Some(42)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("99999999999999999999", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("+1", None),
            ("01", None),
            ("1 ", None),
            ("1-", None),
        ] {
            assert_eq!(parse_integer(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn a_header_wants_more_until_its_line_feed() {
        let line = b"-9223372036854775808\r\n";
        for cut in 0..line.len() {
            assert_eq!(parse_header(&line[..cut]), Header::Partial, "{cut}");
        }
        assert_eq!(parse_header(line), Header::Complete(i64::MIN, line.len()));
        for bad in [&b"1x\r\n"[..], b"\r\n", b"1\rx", b"123456789012345678901", b"x"] {
            assert_eq!(parse_header(bad), Header::Malformed);
        }
    }
}
