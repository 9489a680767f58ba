//! `redis://user:password@host:port/database` and `redis-cluster://a:1,b:2`, as the command line
//! takes them.

use percent_encoding::percent_decode_str;

use super::{Credentials, Secret, Target};
use crate::proto::cluster::Address;

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 6379;

/// What a URL says of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Where it is.
    pub target: Target,
    /// Who Redpoll is to it.
    pub credentials: Option<Credentials>,
    /// The database.
    pub database: u32,
}

/// Why a text is not the URL of an upstream. No message repeats the text: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The scheme is unknown, or there is none.
    #[error("write redis://host:port, or redis-cluster://host:port,host:port")]
    Scheme,
    /// The scheme is one for TLS.
    #[error("TLS (rediss://) is not supported")]
    Tls,
    /// What comes before the `@` is not `user:password`.
    #[error("write user:password@ or :password@, with %40 for @, %2F for /, %3A for :")]
    Credentials,
    /// There is a `?query` or a `#fragment`.
    #[error("parameters in the URL (?…) are not supported; use --set KEY=VALUE")]
    Query,
    /// The path is not the number of a database, or a cluster's is not 0.
    #[error("after the host comes /N, the number of a database; a cluster has only 0")]
    Database,
    /// There is more than one address where one is allowed.
    #[error("redis:// names one server; for a cluster, write redis-cluster://host:port,host:port")]
    TooMany,
    /// An address is not one.
    #[error("'{0}' is not host:port")]
    Address(String),
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with the URL, or not supported.
    pub fn parse(url: &str) -> Result<Url, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let cluster = match scheme {
            "redis" | "valkey" => false,
            "redis-cluster" | "valkey-cluster" => true,
            "rediss" | "valkeys" | "rediss-cluster" => return Err(UrlError::Tls),
            _ => return Err(UrlError::Scheme),
        };
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (credentials(user)?, rest),
            None => (None, rest),
        };
        if rest.contains(['?', '#']) {
            return Err(UrlError::Query);
        }
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let database = if path.is_empty() { Some(0) } else { path.parse().ok() };
        let database = database.filter(|number| !cluster || *number == 0);
        let mut addresses = hosts.split(',').map(address).collect::<Result<Vec<_>, _>>()?;
        let target = match (cluster, addresses.len()) {
            (true, _) => Target::Cluster(addresses),
            (false, 1) => Target::Server(addresses.remove(0)),
            (false, _) => return Err(UrlError::TooMany),
        };
        Ok(Url { target, credentials, database: database.ok_or(UrlError::Database)? })
    }
}

/// `user:password`, `:password` or nothing; a `/`, `@` or `:` in them is percent-encoded.
fn credentials(text: &str) -> Result<Option<Credentials>, UrlError> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.contains(['/', '@', '?', '#']) {
        return Err(UrlError::Credentials);
    }
    let (user, password) = text.split_once(':').ok_or(UrlError::Credentials)?;
    let decode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(String::from).map_err(|_| UrlError::Credentials)
    };
    let (user, password) = (decode(user)?, decode(password)?);
    if password.is_empty() {
        return Err(UrlError::Credentials);
    }
    let username = (!user.is_empty()).then_some(user);
    Ok(Some(Credentials { username, password: Secret::new(password) }))
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
            ("redis://@h:1", Target::Server(address("h:1"))),
            ("redis-cluster://a:1,b", Target::Cluster(vec![address("a:1"), address("b:6379")])),
        ] {
            let expected = Url { target: expected, credentials: None, database: 0 };
            assert_eq!(Url::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn a_url_says_who_redpoll_is_and_which_database_it_wants() {
        let url = Url::parse("redis://me:s%40%2Fe%3At@h:1/7").unwrap();
        let expected = Credentials { username: Some("me".into()), password: Secret::new("s@/e:t") };
        assert_eq!((url.credentials, url.database), (Some(expected), 7));
        let url = Url::parse("redis-cluster://:secret@a:1,b:2/0").unwrap();
        let expected = Credentials { username: None, password: Secret::new("secret") };
        assert_eq!((url.credentials, url.database), (Some(expected), 0));
    }

    #[test]
    fn urls_that_ask_for_more_than_there_is_say_what() {
        for (url, expected) in [
            ("10.0.0.1:6379", UrlError::Scheme),
            ("http://a", UrlError::Scheme),
            ("rediss://a", UrlError::Tls),
            ("redis://secret@a:1", UrlError::Credentials),
            ("redis://me:@a:1", UrlError::Credentials),
            ("redis://:se/c?ret@a:1", UrlError::Credentials),
            ("redis://a:1/two", UrlError::Database),
            ("redis-cluster://a:1/2", UrlError::Database),
            ("redis://a:1/0?timeout=1s", UrlError::Query),
            ("redis://a:1,b:2", UrlError::TooMany),
            ("redis://", UrlError::Address(String::new())),
            ("redis-cluster://a:1,", UrlError::Address(String::new())),
            ("redis://a:70000", UrlError::Address("a:70000".to_owned())),
        ] {
            assert_eq!(Url::parse(url), Err(expected), "{url}");
        }
    }
}
