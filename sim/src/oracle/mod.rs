//! Whether what happened was right: one checker a promise, each a function of the [`History`].
//!
//! Each checker is shown by its tests to fail on a history that breaks its promise.

mod answers;
mod asking;
pub mod catalogue;
mod connects;
mod content;
mod counters;
mod deadline;
mod deposed;
mod dialect;
mod drain;
mod durable;
mod goodbye;
mod halves;
mod hops;
mod index;
mod memory;
mod neighbours;
mod news;
mod once;
mod order;
mod quiet;
mod refreshes;
mod rest;
mod retired;
mod retries;
mod sends;
mod silent;
mod spells;
#[cfg(test)]
mod story;
mod unread;
mod words;

use std::fmt;
use std::time::Duration;

use crate::history::{Call, History};
use crate::resp::{shown, shown_command};

use index::Index;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the promise.
    pub promise: &'static str,
    /// When it was broken, in virtual time.
    pub at: Duration,
    /// How.
    pub what: String,
}

/// What a checker finds.
pub type Verdict = Result<(), Violation>;

/// A checker: its promise, and the function that checks it.
pub struct Checker {
    /// The promise, in a word.
    pub promise: &'static str,
    check: for<'a> fn(&'a History, &Index<'a>) -> Verdict,
}

/// All checkers.
pub const CHECKERS: [Checker; 27] = [
    Checker { promise: answers::PROMISE, check: answers::check },
    Checker { promise: content::PROMISE, check: content::check },
    Checker { promise: dialect::PROMISE, check: dialect::check },
    Checker { promise: words::PROMISE, check: words::check },
    Checker { promise: once::PROMISE, check: once::check },
    Checker { promise: sends::PROMISE, check: sends::check },
    Checker { promise: halves::PROMISE, check: halves::check },
    Checker { promise: order::PROMISE, check: order::check },
    Checker { promise: deadline::PROMISE, check: deadline::check },
    Checker { promise: drain::PROMISE, check: drain::check },
    Checker { promise: goodbye::PROMISE, check: goodbye::check },
    Checker { promise: durable::PROMISE, check: durable::check },
    Checker { promise: asking::PROMISE, check: asking::check },
    Checker { promise: hops::PROMISE, check: hops::check },
    Checker { promise: news::PROMISE, check: news::check },
    Checker { promise: refreshes::PROMISE, check: refreshes::check },
    Checker { promise: neighbours::PROMISE, check: neighbours::check },
    Checker { promise: retired::PROMISE, check: retired::check },
    Checker { promise: silent::PROMISE, check: silent::check },
    Checker { promise: deposed::PROMISE, check: deposed::check },
    Checker { promise: connects::PROMISE, check: connects::check },
    Checker { promise: retries::PROMISE, check: retries::check },
    Checker { promise: memory::PROMISE, check: memory::check },
    Checker { promise: unread::PROMISE, check: unread::check },
    Checker { promise: rest::PROMISE, check: rest::check },
    Checker { promise: counters::PROMISE, check: counters::check },
    Checker { promise: quiet::PROMISE, check: quiet::check },
];

/// All promises that were broken: of each, the first time.
#[must_use]
pub fn judge(history: &History) -> Vec<Violation> {
    let index = Index::new(history);
    CHECKERS.iter().filter_map(|checker| (checker.check)(history, &index).err()).collect()
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:.3}s: {}", self.promise, self.at.as_secs_f64(), self.what)
    }
}

/// A violation that concerns one command.
fn broken(promise: &'static str, call: &Call, what: &str) -> Violation {
    let at = call.reply.as_ref().map_or(call.sent, |(at, _)| *at);
    let reply = call.frame().map_or_else(|| "no reply".to_owned(), shown);
    let command = format!("{} ({}) -> {reply}", shown_command(&call.args), call.id);
    Violation { promise, at, what: format!("{command}: {what}") }
}
