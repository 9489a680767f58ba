//! What clients that listen say and hear.

use std::time::Duration;

use bytes::Bytes;

/// A connection of a client that listened.
#[derive(Clone, Debug, Default)]
pub struct Listening {
    /// The process that it was made to.
    pub process: usize,
    /// Whether it says `HELLO 3` first.
    pub resp3: bool,
    /// What it said and heard, in that order.
    pub log: Vec<(Duration, Said)>,
    /// When it ended, and whether the client was done.
    pub end: Option<(Duration, bool)>,
}

/// What is said on such a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// By the client: a command.
    Asked(Vec<String>),
    /// By the proxy: a frame.
    Heard(Bytes),
}
