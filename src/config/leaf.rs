//! Single values: from what was written to what it means. Each reader says in an error what is
//! wrong; what is allowed is added from the table of keys.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use super::keys::Kind;
use super::secret::{self, Secret};
use super::tree::Value;
use crate::proto::cluster::Address;

/// Most worker threads.
const WORKERS_MAX: usize = 1024;

/// Shortest duration that is not zero: one tick of the runtime's timer.
const DURATION_MIN: Duration = Duration::from_millis(1);

/// Longest duration.
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Fewest bytes that bound anything.
const BYTES_MIN: usize = 1024;

/// Most bytes.
const BYTES_MAX: usize = 1 << 40;

pub(super) fn duration(value: &Value, kind: Kind) -> Result<Duration, String> {
    let (Value::Text(text) | Value::Number(text)) = value else {
        return Err(format!("{} is not a duration", value.described()));
    };
    if text != "0" && text.parse::<f64>().is_ok() {
        return Err(format!("{text} has no unit"));
    }
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{} is not a duration: {error}", value.described()))?;
    if duration.is_zero() {
        return if kind == Kind::DurationOrZero {
            Ok(duration)
        } else {
            Err(format!("{text} is no time at all"))
        };
    }
    if duration < DURATION_MIN {
        return Err(format!("{text} is too short"));
    }
    if duration > DURATION_MAX {
        return Err(format!("{text} is too long"));
    }
    Ok(duration)
}

pub(super) fn socket_address(value: &Value, _: Kind) -> Result<SocketAddr, String> {
    let Value::Text(text) = value else {
        return Err(format!("{} is not an address", value.described()));
    };
    listen_address(text)
}

/// The address to listen on that a text names.
///
/// # Errors
/// Why it is none, and what to write instead.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| match text.rsplit_once(':') {
        Some(("", port)) if port.parse::<u16>().is_ok() => {
            format!("'{text}' has no IP address; write 0.0.0.0{text} for all of this host's")
        }
        Some(("localhost", port)) if port.parse::<u16>().is_ok() => {
            format!("'{text}' is not an IP address and port; write 127.0.0.1:{port}")
        }
        _ => format!("'{text}' is not an IP address and port"),
    })
}

pub(super) fn address(value: &Value, _: Kind) -> Result<Address, String> {
    let Value::Text(text) = value else {
        return Err(format!("{} is not an address", value.described()));
    };
    if text.contains('@') {
        return Err("user name and password have keys of their own".to_owned());
    }
    if text.contains("://") {
        return Err(format!("'{text}' is a URL"));
    }
    text.parse().map_err(|error: crate::proto::cluster::AddressError| {
        let error = error.to_string();
        error.split(';').next().unwrap_or(&error).to_owned()
    })
}

pub(super) fn workers(value: &Value, _: Kind) -> Result<NonZeroUsize, String> {
    let number = match value {
        Value::Text(text) if text == "auto" => {
            let available = available_parallelism().unwrap_or(NonZeroUsize::MIN);
            return Ok(available.min(NonZeroUsize::new(WORKERS_MAX).unwrap_or(NonZeroUsize::MIN)));
        }
        Value::Number(text) => text.parse::<NonZeroUsize>().ok(),
        Value::Text(_) | Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    };
    number
        .filter(|number| number.get() <= WORKERS_MAX)
        .ok_or_else(|| format!("{} is not a number of threads", value.described()))
}

/// A duration of which zero means none.
pub(super) fn duration_or_none(value: &Value, kind: Kind) -> Result<Option<Duration>, String> {
    duration(value, kind).map(|duration| (!duration.is_zero()).then_some(duration))
}

pub(super) fn number(value: &Value, kind: Kind) -> Result<u32, String> {
    let (min, max) = if let Kind::Number(min, max) = kind { (min, max) } else { (0, u32::MAX) };
    let number = match value {
        Value::Number(text) | Value::Text(text) => text.parse::<u32>().ok(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    };
    number
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| format!("{} is not such a number", value.described()))
}

pub(super) fn bytes(value: &Value, kind: Kind) -> Result<usize, String> {
    let (Value::Text(text) | Value::Number(text)) = value else {
        return Err(format!("{} is not a number of bytes", value.described()));
    };
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "B" => Some(0),
        "KiB" => Some(10),
        "MiB" => Some(20),
        "GiB" => Some(30),
        "TiB" => Some(40),
        _ => None,
    };
    let bytes = shift.and_then(|shift| number.parse::<usize>().ok()?.checked_mul(1 << shift));
    let Some(bytes) = bytes else {
        return Err(format!("{} is not a number of bytes", value.described()));
    };
    if bytes > BYTES_MAX {
        return Err(format!("{text} is too much"));
    }
    if kind == Kind::Bytes && bytes < BYTES_MIN {
        return Err(format!("{text} is too little"));
    }
    Ok(bytes)
}

pub(super) fn boolean(value: &Value, _: Kind) -> Result<bool, String> {
    match value {
        Value::Bool(value) => Ok(*value),
        // A default is written as a text.
        Value::Text(text) if text == "true" => Ok(true),
        Value::Text(text) if text == "false" => Ok(false),
        Value::Text(_) | Value::Number(_) | Value::Null | Value::List(_) | Value::Map(_) => {
            Err(format!("{} is neither", value.described()))
        }
    }
}

/// One of the words that the key allows.
pub(super) fn choice(value: &Value, kind: Kind) -> Result<String, String> {
    let Kind::OneOf(words) = kind else { return Err("no choice is there".to_owned()) };
    if let Value::Text(text) = value
        && words.contains(&text.as_str())
    {
        return Ok(text.clone());
    }
    Err(format!("{} is none of them", value.described()))
}

/// A whole number, perhaps below zero, within the key's bounds.
pub(super) fn integer(value: &Value, kind: Kind) -> Result<i64, String> {
    let Kind::Integer(min, max) = kind else { return Err("no number is there".to_owned()) };
    let (Value::Text(text) | Value::Number(text)) = value else {
        return Err(format!("{} is not a number", value.described()));
    };
    let number = text.parse().map_err(|_| format!("{} is no whole number", value.described()))?;
    let is_within = (i64::from(min)..=i64::from(max)).contains(&number);
    if is_within { Ok(number) } else { Err(format!("{number} is out of bounds")) }
}

pub(super) fn name_or_none(value: &Value, _: Kind) -> Result<Option<String>, String> {
    match value {
        Value::Null | Value::Bool(false) => Ok(None),
        Value::Text(text) | Value::Number(text) => {
            let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            if valid { Ok(Some(text.clone())) } else { Err(format!("'{text}' is no such name")) }
        }
        Value::Bool(true) | Value::List(_) | Value::Map(_) => {
            Err(format!("{} is not a name", value.described()))
        }
    }
}

pub(super) fn secret(value: &Value, _: Kind) -> Result<Secret, String> {
    secret::referred(value)
}

pub(super) fn text(value: &Value, _: Kind) -> Result<String, String> {
    match value {
        Value::Text(text) | Value::Number(text) => Ok(text.clone()),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
            Err(format!("{} is not a name", value.described()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_value(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn durations_have_a_unit_and_a_range() {
        for (text, expected) in [
            ("1s", Ok(Duration::from_secs(1))),
            ("500ms", Ok(Duration::from_millis(500))),
            ("2m", Ok(Duration::from_secs(120))),
            ("1m 30s", Ok(Duration::from_secs(90))),
            ("0s", Err("0s is no time at all")),
            ("0", Err("0 is no time at all")),
            ("5", Err("5 has no unit")),
            ("1.5", Err("1.5 has no unit")),
            ("10us", Err("10us is too short")),
            ("25h", Err("25h is too long")),
            ("soon", Err("'soon' is not a duration: expected number at 0")),
        ] {
            let expected = expected.map_err(ToOwned::to_owned);
            assert_eq!(duration(&text_value(text), Kind::Duration), expected, "{text}");
        }
        assert_eq!(duration(&text_value("0s"), Kind::DurationOrZero), Ok(Duration::ZERO));
        assert!(duration(&Value::Bool(true), Kind::Duration).is_err());
    }

    #[test]
    fn a_listening_address_without_an_ip_address_is_told_which_to_write() {
        let error =
            |text: &str| socket_address(&text_value(text), Kind::SocketAddress).unwrap_err();
        assert_eq!(
            error(":6380"),
            "':6380' has no IP address; write 0.0.0.0:6380 for all of this host's"
        );
        assert_eq!(
            error("localhost:6380"),
            "'localhost:6380' is not an IP address and port; write 127.0.0.1:6380"
        );
        assert_eq!(error("10.0.0.1"), "'10.0.0.1' is not an IP address and port");
    }

    #[test]
    fn workers_are_a_number_within_bounds_or_auto() {
        assert!(workers(&text_value("auto"), Kind::Workers).is_ok());
        let number = |text: &str| workers(&Value::Number(text.to_owned()), Kind::Workers);
        assert_eq!(number("2"), Ok(NonZeroUsize::new(2).unwrap()));
        for wrong in ["0", "-1", "1.5", "1025", "99999999999999999999999"] {
            assert_eq!(number(wrong), Err(format!("{wrong} is not a number of threads")));
        }
    }

    #[test]
    fn bytes_have_a_unit_of_two_to_the_ten_and_a_range() {
        for (text, expected) in [
            ("65536", Ok(65_536)),
            ("64KiB", Ok(65_536)),
            ("64 KiB", Ok(65_536)),
            ("2GiB", Ok(2 << 30)),
            ("0", Err("0 is too little")),
            ("2TiB", Err("2TiB is too much")),
            ("64KB", Err("'64KB' is not a number of bytes")),
            ("-1", Err("'-1' is not a number of bytes")),
            ("99999999999999999999GiB", Err("'99999999999999999999GiB' is not a number of bytes")),
        ] {
            let expected = expected.map_err(ToOwned::to_owned);
            assert_eq!(bytes(&text_value(text), Kind::Bytes), expected, "{text}");
        }
        assert_eq!(bytes(&text_value("0"), Kind::BytesOrZero), Ok(0));
    }

    #[test]
    fn an_address_with_a_password_is_refused_without_repeating_it() {
        let error = address(&text_value("redis://me:secret@h:1"), Kind::Address).unwrap_err();
        assert_eq!(error, "user name and password have keys of their own");
    }
}
