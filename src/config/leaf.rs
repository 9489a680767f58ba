//! Single values: from what was written to what it means. Each reader says in an error what is
//! wrong; what is allowed is added from the table of keys.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use super::keys::Kind;
use super::tree::Value;
use crate::proto::cluster::Address;

/// Most worker threads.
const WORKERS_MAX: usize = 1024;

/// Shortest duration that is not zero: one tick of the runtime's timer.
const DURATION_MIN: Duration = Duration::from_millis(1);

/// Longest duration.
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

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
        return Err("user names and passwords are not supported".to_owned());
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
    fn an_address_with_a_password_is_refused_without_repeating_it() {
        let error = address(&text_value("redis://me:secret@h:1"), Kind::Address).unwrap_err();
        assert_eq!(error, "user names and passwords are not supported");
    }
}
