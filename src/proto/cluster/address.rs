//! Where a node is: a host and a port.

use std::fmt;
use std::str::FromStr;

/// Where a node is: a host name or literal IP address, and a port. The host is resolved each time a
/// connection is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    host: Box<str>,
    port: u16,
}

/// Why a text is not an [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `:port`.
    #[error("'{0}' has no port; write host:port, for example 10.0.0.1:6379")]
    NoPort(String),
    /// The port is not a number from 1 to 65535.
    #[error("'{0}' has no valid port; a port is a number from 1 to 65535")]
    InvalidPort(String),
    /// The host is empty or cannot be one.
    #[error("'{0}' has no valid host; write host:port, or [address]:port for IPv6")]
    InvalidHost(String),
}

impl Address {
    /// An address from its parts; `None` if `host` is empty, longer than a DNS name can be, or
    /// holds what no host name and no IP address holds, or if `port` is 0. An IPv6 address may
    /// stand in brackets.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Option<Address> {
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let plausible = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
        let valid = !host.is_empty() && host.len() <= 253 && host.bytes().all(plausible);
        (valid && port != 0).then(|| Address { host: host.into(), port })
    }

    /// The host, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `host:port` or `[IPv6]:port`; Redis' own `IPv6:port`, without brackets, is read too.
    fn from_str(text: &str) -> Result<Address, AddressError> {
        let (host, port) =
            text.rsplit_once(':').ok_or_else(|| AddressError::NoPort(text.to_owned()))?;
        let port = port.parse().map_err(|_| AddressError::InvalidPort(text.to_owned()))?;
        if port == 0 {
            return Err(AddressError::InvalidPort(text.to_owned()));
        }
        Address::new(host, port).ok_or_else(|| AddressError::InvalidHost(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_they_are_shown() {
        for (text, shown) in [
            ("10.0.0.1:6379", "10.0.0.1:6379"),
            ("redis-0.redis.svc:6379", "redis-0.redis.svc:6379"),
            ("[::1]:7000", "[::1]:7000"),
            ("::1:7000", "[::1]:7000"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse(), Ok(address));
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, part) in [
            ("localhost", "no port"),
            ("localhost:", "no valid port"),
            ("localhost:0", "no valid port"),
            ("localhost:65536", "no valid port"),
            (":6379", "no valid host"),
            ("a b:6379", "no valid host"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(text), "{error}");
        }
    }
}
