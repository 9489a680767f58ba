//! The commands, a line each: what may follow the name, in the notation of `syntax`, and what of
//! the reply has to be the same.

use crate::exceptions::{NOT_QUEUED, ROWS};
use crate::story::Command;

macro_rules! lines {
    ($name:ident, $group:expr, { $($command:literal $syntax:literal $($compare:ident)?,)* }) => {
        pub(super) const $name: &[Line] = &[
            $(lines!(@line line($command, $syntax, $group) $(, $compare)?),)*
        ];
    };
    (@line $line:expr) => { $line };
    (@line $line:expr, $compare:ident) => { as_to(Compare::$compare, $line) };
}

mod collections;
mod connection;
mod geo;
mod keys;
mod pubsub;
mod scripting;
mod server;
mod stream;
mod strings;
mod transactions;

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Bitmap,
    Connection,
    Generic,
    Geo,
    Hash,
    HyperLogLog,
    List,
    PubSub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transaction,
}

/// What of two replies has to be the same. Errors and nulls always have to be, to the byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// Every byte.
    Bytes,
    /// The elements, in any order.
    Unordered,
    /// As many elements, all of the key's own, which the command before asks for.
    Drawn,
    /// The elements of a scan that began at the beginning and came to the end.
    Scanned,
    /// A time of so many seconds: about the same.
    Seconds,
    /// The same in milliseconds.
    Millis,
    /// All but numbers, which are ages and times in milliseconds: about the same.
    Ages,
    /// All but the number of the connection.
    Greeting,
    /// Types and lengths, all the way down; of strings only that they are.
    Shape,
    /// Nothing.
    Nothing,
}

/// A command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// In lower case; a subcommand as `family|name`.
    pub(crate) name: &'static str,
    /// What may follow.
    pub(crate) syntax: &'static str,
    pub(crate) group: Group,
    pub(crate) compare: Compare,
}

impl Line {
    /// How often it comes up, beside others. Data is of more interest than connections are.
    pub(crate) fn weight(&self) -> u32 {
        match self.group {
            Group::Connection | Group::PubSub | Group::Server => 1,
            // So that a transaction is some commands long.
            Group::Transaction => 10,
            Group::Generic => 3,
            Group::Bitmap
            | Group::Geo
            | Group::Hash
            | Group::HyperLogLog
            | Group::List
            | Group::Scripting
            | Group::Set
            | Group::SortedSet
            | Group::Stream
            | Group::String => 6,
        }
    }

    /// Whether a word of it may be wrong, or left out. Not the name of `UNSUBSCRIBE`: without it
    /// there is a reply for each subscription. Not that of `PUBLISH`: a client could hear itself.
    /// Not the `ALPHA` of `SORT`: without it Redis looks at an old `errno`, and refuses good
    /// numbers once another command has met one out of range. Not how long `CLIENT PAUSE` has
    /// everybody wait, nor for how many replicas `WAIT` does.
    pub(crate) fn may_be_spoilt(&self) -> bool {
        !matches!(self.name, "sort" | "sort_ro" | "client|pause" | "wait" | "waitaof")
            && self.group != Group::PubSub
    }

    /// Whether it is queued, or ends or begins what is queued, whoever is asked, and its reply is
    /// the same to the byte.
    pub(crate) fn is_alike_in_a_transaction(&self) -> bool {
        let is_data = !matches!(
            self.group,
            Group::Connection | Group::PubSub | Group::Server | Group::Scripting
        );
        let is_another = ROWS.iter().any(|(name, _)| *name == self.name);
        let is_meant = NOT_QUEUED.iter().any(|(name, _)| *name == self.name);
        is_data && self.compare == Compare::Bytes && !is_another && !is_meant
    }
}

/// The line of a command; `None` if it has none.
pub(crate) fn line_of(command: &Command) -> Option<&'static Line> {
    let word = |at: usize| command.get(at).map(|word| String::from_utf8_lossy(word).to_lowercase());
    let name = word(0)?;
    let full = word(1).map(|sub| format!("{name}|{sub}")).unwrap_or_default();
    let mut all = lines();
    all.find(|line| line.name == name || line.name == full)
}

/// All lines.
pub(crate) fn lines() -> impl Iterator<Item = &'static Line> {
    GROUPS.iter().copied().flatten()
}

const GROUPS: [&[Line]; 15] = [
    connection::CONNECTION,
    keys::GENERIC,
    collections::HASHES,
    collections::LISTS,
    collections::SETS,
    collections::SORTED_SETS,
    geo::GEO,
    pubsub::PUBSUB,
    scripting::SCRIPTING,
    server::SERVER,
    stream::STREAMS,
    strings::BITMAPS,
    strings::HYPERLOGLOGS,
    strings::STRINGS,
    transactions::TRANSACTIONS,
];

const fn line(name: &'static str, syntax: &'static str, group: Group) -> Line {
    Line { name, syntax, group, compare: Compare::Bytes }
}

const fn as_to(compare: Compare, line: Line) -> Line {
    Line { compare, ..line }
}
