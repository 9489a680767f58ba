//! Executions, found by what the checkers look for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Call, Execution, History};
use crate::resp::{error_code, is_error};
use crate::workload::{Effect, Id, Kind, Shape};

/// What ties an execution to a command: its id and one of its keys, or all its arguments if it
/// carries no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Handle<'a> {
    Part(Id, &'a [u8]),
    Whole(&'a [Vec<u8>]),
}

impl Handle<'_> {
    /// Whether it means one command of one client.
    pub(super) fn has_id(self) -> bool {
        matches!(self, Handle::Part(..))
    }
}

/// Executions by handle; each with its place in the order of all.
#[derive(Debug, Default)]
pub(super) struct Index<'a> {
    by_handle: BTreeMap<Handle<'a>, Vec<(usize, &'a Execution)>>,
    /// Commands for one key that carry no id, though such commands of clients do: what is left of
    /// one that was split key by key. By name, in lower case, and key.
    lone: BTreeMap<(Vec<u8>, &'a [u8]), Vec<&'a Execution>>,
    /// What the checkers did, for the [`Tally`](crate::tally::Tally), and how often.
    notes: RefCell<BTreeMap<&'static str, u64>>,
}

impl<'a> Index<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        let mut index = Index::default();
        for (place, execution) in history.executions.iter().enumerate() {
            for handle in handles(&execution.args) {
                index.by_handle.entry(handle).or_default().push((place, execution));
            }
            if let [name, key] = &execution.args[..]
                && Id::of_command(&execution.args).is_none()
                && Kind::of(&execution.args).is_some_and(|kind| kind.shape != Shape::Single)
            {
                let place = (name.to_ascii_lowercase(), &key[..]);
                index.lone.entry(place).or_default().push(execution);
            }
        }
        index
    }

    /// What nodes did about a command, or about the part of it that a key is in.
    pub(super) fn executions(&self, handle: Handle<'a>) -> &[(usize, &'a Execution)] {
        self.by_handle.get(&handle).map_or(&[], Vec::as_slice)
    }

    /// What nodes did about a key alone that is one of several of a command: for this command, or
    /// for another one of that name.
    pub(super) fn lone(&self, call: &Call, key: &'a [u8]) -> impl Iterator<Item = &'a Execution> {
        let found = self.lone.get(&(call.args[0].to_ascii_lowercase(), key));
        found.into_iter().flatten().copied()
    }

    /// Notes that a checker did something once more.
    pub(super) fn note(&self, what: &'static str) {
        self.note_times(what, 1);
    }

    /// Notes that a checker did something so many times more.
    pub(super) fn note_times(&self, what: &'static str, times: u64) {
        *self.notes.borrow_mut().entry(what).or_default() += times;
    }

    /// What was noted, and how often.
    pub(super) fn into_notes(self) -> BTreeMap<&'static str, u64> {
        self.notes.into_inner()
    }

    /// How often it was really executed.
    pub(super) fn done(&self, handle: Handle<'a>) -> impl Iterator<Item = (usize, &'a Execution)> {
        self.executions(handle).iter().copied().filter(|(_, execution)| execution.is_done())
    }

    /// How often a node refused it in a way that invites to send it again.
    pub(super) fn turned_away(&self, handle: Handle<'a>) -> usize {
        self.executions(handle).iter().filter(|(_, execution)| is_turned_away(execution)).count()
    }

    /// How often a node refused it, whatever it said.
    pub(super) fn refused(&self, handle: Handle<'a>) -> usize {
        self.executions(handle).iter().filter(|(_, execution)| is_error(&execution.reply)).count()
    }
}

/// Whether a node did not execute a command, and said where or that it can be tried again.
pub(super) fn is_turned_away(execution: &Execution) -> bool {
    const CODES: [&str; 7] =
        ["MOVED", "ASK", "TRYAGAIN", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "READONLY"];
    CODES.contains(&error_code(&execution.reply))
}

/// The handles of a command or of a part of one; none if the workload has no such command.
pub(super) fn handles(args: &[Vec<u8>]) -> Vec<Handle<'_>> {
    let Some(kind) = Kind::of(args) else { return Vec::new() };
    if kind.effect == Effect::Local {
        return Vec::new();
    }
    let Some(id) = Id::of_command(args) else { return vec![Handle::Whole(args)] };
    let mut keys: BTreeSet<&[u8]> = kind.keys(args).filter(|key| !is_marker(key)).collect();
    if keys.is_empty() {
        // What is left of a command that was split key by key.
        keys.extend(kind.keys(args));
    }
    keys.into_iter().map(|key| Handle::Part(id, key)).collect()
}

/// Whether a key stands in a command only to carry its id.
pub(super) fn is_marker(key: &[u8]) -> bool {
    key.contains(&b'#')
}

/// How often a command names a key: so often it is executed if it is split key by key.
pub(super) fn times_named(call: &Call, key: &[u8]) -> usize {
    call.keys().filter(|other| *other == key).count()
}

/// Whether the command may go to several nodes, in parts.
pub(super) fn may_be_split(call: &Call) -> bool {
    call.kind().shape != Shape::Single
}
