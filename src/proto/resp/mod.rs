//! RESP, sans I/O, after the RESP specification (RESP2 and RESP3) and Redis' `networking.c`.
//!
//! ```text
//! client bytes -> RequestDecoder -> frame + argument spans   (arrays of bulks, inline commands)
//! node bytes   -> ReplyDecoder   -> frame                    (every type, nested)
//! frame        -> Value, elements                            (a look inside)
//! Writer       -> bytes                                      (what the proxy says, RESP2 or 3)
//! ```
//!
//! Both decoders are incremental: they keep their place, so a byte is looked at a bounded number of
//! times however the bytes are cut, and they allocate nothing because a header announces it.

mod encode;
mod number;
pub mod property;
mod reply;
mod request;
mod value;

pub use encode::Writer;
pub use number::parse_integer;
pub use reply::ReplyDecoder;
pub use request::{RequestDecoder, Span};
pub use value::{Value, elements};

/// The version of RESP a connection speaks, as chosen with `HELLO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// RESP2: what a connection speaks until `HELLO 3`.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

/// How far a decoder is in the bytes of a frame that is not complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Progress {
    /// Never looked at again: the bytes before this one, as far as they have arrived.
    done: usize,
    /// Searched for the end of their value, and read once more when it is found.
    searched: std::ops::Range<usize>,
}

/// Why bytes are not RESP. A connection that sent them cannot be understood any further.
///
/// `Display` gives Redis' own words where Redis has words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The count of an array of arguments is not a number, or too large.
    #[error("Protocol error: invalid multibulk length")]
    InvalidMultibulkLength,
    /// The length of a bulk string is not a number, negative, or too large.
    #[error("Protocol error: invalid bulk length")]
    InvalidBulkLength,
    /// An argument that is not a bulk string; holds the byte found.
    #[error("Protocol error: expected '$', got '{}'", .0.escape_ascii())]
    ExpectedBulk(u8),
    /// No line end within the limit.
    #[error("Protocol error: too big inline request")]
    TooBigInline,
    /// Quotes of an inline command are not closed, or not followed by a space.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// Redis itself skips these two bytes unseen; a proxy that did so would let one client's bytes
    /// break a connection that others share.
    #[error("Protocol error: expected CRLF after bulk string")]
    ExpectedCrlf,
    /// A whole command or reply larger than the limit.
    #[error("Protocol error: frame too large")]
    FrameTooLarge,
    /// Aggregates nested deeper than the limit.
    #[error("Protocol error: nesting too deep")]
    NestingTooDeep,
    /// A byte that begins no RESP type, or not here.
    #[error("Protocol error: unexpected byte '{}'", .0.escape_ascii())]
    UnexpectedByte(u8),
    /// A number, boolean, null or verbatim string whose content is malformed.
    #[error("Protocol error: malformed value")]
    MalformedValue,
}
