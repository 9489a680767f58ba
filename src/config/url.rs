//! `redis://host:port` and `redis-cluster://a:1,b:2`, as the command line takes them.

use super::Target;
use crate::proto::cluster::Address;

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 6379;

/// Why a text is not the URL of an upstream. No message repeats the text: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The scheme is unknown, or there is none.
    #[error("write redis://host:port, or redis-cluster://host:port,host:port")]
    Scheme,
    /// The scheme is one for TLS.
    #[error("TLS (rediss://) is not supported")]
    Tls,
    /// There is a `user:password@`.
    #[error("user names and passwords are not supported")]
    Credentials,
    /// There is a `?query` or a `#fragment`.
    #[error("parameters in the URL (?…) are not supported; use --set KEY=VALUE")]
    Query,
    /// There is a path other than `/` or `/0`.
    #[error("databases other than 0 are not supported")]
    Database,
    /// There is more than one address where one is allowed.
    #[error("redis:// names one server; for a cluster, write redis-cluster://host:port,host:port")]
    TooMany,
    /// An address is not one.
    #[error("'{0}' is not host:port")]
    Address(String),
}

impl Target {
    /// The target that a URL names.
    ///
    /// # Errors
    /// What is wrong with the URL, or not supported.
    pub fn from_url(url: &str) -> Result<Target, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let cluster = match scheme {
            "redis" | "valkey" => false,
            "redis-cluster" | "valkey-cluster" => true,
            "rediss" | "valkeys" | "rediss-cluster" => return Err(UrlError::Tls),
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains('@') {
            return Err(UrlError::Credentials);
        }
        if rest.contains(['?', '#']) {
            return Err(UrlError::Query);
        }
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !matches!(path, "" | "0") {
            return Err(UrlError::Database);
        }
        let mut addresses = hosts.split(',').map(address).collect::<Result<Vec<_>, _>>()?;
        match (cluster, addresses.len()) {
            (true, _) => Ok(Target::Cluster(addresses)),
            (false, 1) => Ok(Target::Server(addresses.remove(0))),
            (false, _) => Err(UrlError::TooMany),
        }
    }
}

fn address(text: &str) -> Result<Address, UrlError> {
    let has_port = text.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let address = if has_port { text.parse().ok() } else { Address::new(text, DEFAULT_PORT) };
    address.ok_or_else(|| UrlError::Address(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_server_or_a_cluster() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        for (url, expected) in [
            ("redis://10.0.0.1:7000", Target::Server(address("10.0.0.1:7000"))),
            ("redis://redis.example.com", Target::Server(address("redis.example.com:6379"))),
            ("redis://[::1]", Target::Server(address("[::1]:6379"))),
            ("redis://h:1/0", Target::Server(address("h:1"))),
            ("redis-cluster://a:1,b", Target::Cluster(vec![address("a:1"), address("b:6379")])),
        ] {
            assert_eq!(Target::from_url(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn urls_that_ask_for_more_than_there_is_say_what() {
        for (url, expected) in [
            ("10.0.0.1:6379", UrlError::Scheme),
            ("http://a", UrlError::Scheme),
            ("rediss://a", UrlError::Tls),
            ("redis://me:secret@a:1", UrlError::Credentials),
            ("redis://:se/c?ret@a:1", UrlError::Credentials),
            ("redis://a:1/2", UrlError::Database),
            ("redis://a:1/0?timeout=1s", UrlError::Query),
            ("redis://a:1,b:2", UrlError::TooMany),
            ("redis://", UrlError::Address(String::new())),
            ("redis-cluster://a:1,", UrlError::Address(String::new())),
            ("redis://a:70000", UrlError::Address("a:70000".to_owned())),
        ] {
            assert_eq!(Target::from_url(url), Err(expected), "{url}");
        }
    }
}
