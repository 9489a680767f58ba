//! Why a command fails, in the words of Redis 7.0.

use std::borrow::Cow;

/// An error reply: its code, then what went wrong. It may quote any bytes of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Error(Cow<'static, [u8]>);

/// What executing a command comes to. On success the reply has been written; on failure, whatever
/// was written of it is taken back and the error is the reply.
pub(super) type Outcome = Result<(), Error>;

impl Error {
    pub(super) const SYNTAX: Error = Error::new("ERR syntax error");
    pub(super) const WRONG_TYPE: Error =
        Error::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub(super) const NOT_INTEGER: Error = Error::new("ERR value is not an integer or out of range");
    pub(super) const NOT_FLOAT: Error = Error::new("ERR value is not a valid float");
    pub(super) const NOT_POSITIVE: Error =
        Error::new("ERR value is out of range, must be positive");
    pub(super) const OUT_OF_SYMMETRIC_RANGE: Error = Error::new(
        "ERR value is out of range, value must between \
         -9223372036854775807 and 9223372036854775807",
    );
    pub(super) const OUT_OF_RANGE: Error = Error::new("ERR value is out of range");
    pub(super) const NO_SUCH_KEY: Error = Error::new("ERR no such key");
    pub(super) const OVERFLOW: Error = Error::new("ERR increment or decrement would overflow");
    pub(super) const NOT_FINITE: Error = Error::new("ERR increment would produce NaN or Infinity");
    pub(super) const NOT_A_NUMBER: Error = Error::new("ERR resulting score is not a number (NaN)");
    pub(super) const STRING_TOO_LONG: Error =
        Error::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    pub(super) const NO_AUTH: Error = Error::new("NOAUTH Authentication required.");
    pub(super) const WRONG_PASS: Error =
        Error::new("WRONGPASS invalid username-password pair or user is disabled.");
    pub(super) const READ_ONLY: Error =
        Error::new("READONLY You can't write against a read only replica.");

    /// An error of fixed words.
    pub(super) const fn new(text: &'static str) -> Error {
        Error(Cow::Borrowed(text.as_bytes()))
    }

    /// A command whose number of arguments does not fit.
    pub(super) fn arity(command: &str) -> Error {
        Error::from(format!("ERR wrong number of arguments for '{command}' command"))
    }

    /// What quotes an argument between two texts, as C prints it: up to the first zero.
    pub(super) fn quoting(before: &str, arg: &[u8], after: &str) -> Error {
        let end = memchr::memchr(0, arg).unwrap_or(arg.len());
        Error(Cow::Owned([before.as_bytes(), &arg[..end], after.as_bytes()].concat()))
    }

    /// A time to live that cannot be.
    pub(super) fn expire_time(command: &str) -> Error {
        Error::from(format!("ERR invalid expire time in '{command}' command"))
    }

    /// The whole text, its code first.
    pub(super) fn text(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Error {
    fn from(text: Vec<u8>) -> Error {
        Error(Cow::Owned(text))
    }
}

impl From<String> for Error {
    fn from(text: String) -> Error {
        Error(Cow::Owned(text.into_bytes()))
    }
}
