//! Whether what happened was right: one checker a promise, each a function of the [`History`].
//!
//! Each checker is shown by its tests to fail on a history that breaks its promise.

mod answers;
mod asking;
pub mod catalogue;
mod connects;
mod content;
mod counted;
mod counters;
mod deadline;
mod deposed;
mod dialect;
mod drain;
mod durable;
mod farewell;
mod forks;
mod goodbye;
mod halves;
mod heard;
mod hops;
mod index;
mod linear;
mod memory;
mod neighbours;
mod news;
mod once;
mod order;
mod orphans;
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
mod views;
mod watched;
mod whole;
mod words;

use std::collections::BTreeMap;
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
    check: Check,
    /// Whether it looks at what all proxies did, and not at each alone.
    is_of_all: bool,
}

type Check = for<'a> fn(&'a History, &Index<'a>) -> Verdict;

const fn of_one(promise: &'static str, check: Check) -> Checker {
    Checker { promise, check, is_of_all: false }
}

const fn of_all(promise: &'static str, check: Check) -> Checker {
    Checker { promise, check, is_of_all: true }
}

/// All checkers.
pub const CHECKERS: [Checker; 34] = [
    of_one(answers::PROMISE, answers::check),
    of_one(content::PROMISE, content::check),
    of_one(dialect::PROMISE, dialect::check),
    of_one(words::PROMISE, words::check),
    of_one(once::PROMISE, once::check),
    of_one(sends::PROMISE, sends::check),
    of_one(halves::PROMISE, halves::check),
    of_one(watched::PROMISE, watched::check),
    of_one(whole::PROMISE, whole::check),
    of_one(order::PROMISE, order::check),
    of_one(deadline::PROMISE, deadline::check),
    of_one(drain::PROMISE, drain::check),
    of_one(farewell::PROMISE, farewell::check),
    of_one(goodbye::PROMISE, goodbye::check),
    of_one(heard::PROMISE, heard::check),
    of_one(orphans::PROMISE, orphans::check),
    of_one(counted::PROMISE, counted::check),
    of_all(durable::PROMISE, durable::check),
    of_one(asking::PROMISE, asking::check),
    of_one(hops::PROMISE, hops::check),
    of_one(news::PROMISE, news::check),
    of_one(refreshes::PROMISE, refreshes::check),
    of_one(neighbours::PROMISE, neighbours::check),
    of_one(retired::PROMISE, retired::check),
    of_one(silent::PROMISE, silent::check),
    of_one(deposed::PROMISE, deposed::check),
    of_one(connects::PROMISE, connects::check),
    of_one(retries::PROMISE, retries::check),
    of_one(memory::PROMISE, memory::check),
    of_one(unread::PROMISE, unread::check),
    of_one(rest::PROMISE, rest::check),
    of_one(counters::PROMISE, counters::check),
    of_one(quiet::PROMISE, quiet::check),
    of_all(linear::PROMISE, linear::check),
];

/// What the checkers found, all together.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// All promises that were broken: of each, the first time.
    pub violations: Vec<Violation>,
    /// What the checkers looked at, and how often, where they may have to leave something out.
    pub notes: BTreeMap<&'static str, u64>,
}

/// Has everything checked.
#[must_use]
pub fn judge(history: &History) -> Judgement {
    views::judge_each(history)
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
