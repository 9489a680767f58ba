//! What may stand at a key of a configuration, and how that is said.

use std::borrow::Cow;

/// What may stand at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The keys of its own rows.
    Section,
    /// The keys of its own rows, or nothing at all.
    SectionOrNull,
    /// A list of what the row `….*` says.
    List,
    /// Names that the user gives, each with what the row `….*` says.
    Names,
    /// An address to listen on.
    SocketAddress,
    /// Where a server is.
    Address,
    /// Where some servers are.
    Addresses,
    /// The name of an upstream.
    Upstream,
    /// A length of time that cannot be zero.
    Duration,
    /// A length of time that may be zero.
    DurationOrZero,
    /// A number of threads.
    Workers,
    /// A whole number within bounds, both included.
    Number(u32, u32),
    /// A number of bytes.
    Bytes,
    /// A number of bytes that may be zero.
    BytesOrZero,
    /// Yes or no.
    Bool,
    /// A text that is not shown, or where it stands.
    Secret,
    /// A user name, or where it stands.
    UserName,
    /// A name without spaces, or nothing at all.
    NameOrNull,
    /// Names of commands, each with what the row `….*` says.
    Commands,
    /// Names of commands that Redpoll does not know, each with what the rows `….*` say.
    Declarations,
    /// A list of names of commands.
    CommandNames,
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// A whole number within bounds, both included, perhaps below zero.
    Integer(i16, i16),
}

impl Kind {
    /// What is allowed, in the words of an error message and of the documentation.
    #[must_use]
    pub fn allowed(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Kind::Section => "a section of keys",
            Kind::SectionOrNull => "a section of keys, or null (in TOML: false) to turn it off",
            Kind::List => "a list of sections",
            Kind::Names => "a section of names (letters, digits, - and _), each with its own keys",
            Kind::SocketAddress => "an IP address and port, such as 127.0.0.1:6380 or [::1]:6380",
            Kind::Address => "host:port, such as 10.0.0.1:6379 or redis.example.com:6379",
            Kind::Addresses => {
                "a list of host:port, such as [\"10.0.0.1:7000\", \"10.0.0.2:7000\"]"
            }
            Kind::Upstream => "the name of an upstream",
            Kind::Duration => "a duration from 1ms to 1day, such as 500ms, 2s or 1m",
            Kind::DurationOrZero => "a duration from 0s to 1day, such as 500ms, 2s or 1m",
            Kind::Workers => "auto, or a number from 1 to 1024",
            Kind::Number(min, max) => {
                return Cow::Owned(format!("a whole number from {min} to {max}"));
            }
            Kind::Bytes => "a number of bytes from 1KiB to 1TiB, such as 65536, 64KiB or 1GiB",
            Kind::BytesOrZero => "a number of bytes from 0 to 1TiB, such as 0, 1024 or 64KiB",
            Kind::Bool => "true or false",
            Kind::Secret => "a password, {env: VARIABLE} or {file: PATH}",
            Kind::UserName => "a user name, {env: VARIABLE} or {file: PATH}",
            Kind::NameOrNull => "a name of printable ASCII characters without spaces, or null",
            Kind::Commands => "a section of command names, each with a duration",
            Kind::Declarations => "a section of command names, each with a section of keys",
            Kind::CommandNames => "a list of commands, such as [FLUSHALL, CONFIG GET]",
            Kind::OneOf(words) => return Cow::Owned(words.join(" or ")),
            Kind::Integer(min, max) => {
                return Cow::Owned(format!("a whole number from {min} to {max}"));
            }
        })
    }
}
