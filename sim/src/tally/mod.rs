//! What was seen in runs: states that are rare and must come all the same, or the runs prove
//! little.
//!
//! - `told`: what clients were told, by the words of it
//! - `lives`: what became of commands, from asking to hearing
//! - `manners`: how clients behaved
//! - `counted`: what the proxy counted
//! - `processes`: what happened to the processes of proxies
//! - `network`: what the network did to those who use it
//! - `waits`: what became of commands that wait

mod counted;
mod lives;
mod manners;
mod network;
mod processes;
mod told;
mod waits;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::fault::Fault;
use crate::history::{History, Process};
use crate::world::World;

/// How often things were seen, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    /// That of one run.
    #[must_use]
    pub fn of(history: &History, world: &World) -> Tally {
        let mut tally = Tally::default();
        tally.see("runs", 1);
        tally.see("calm", u64::from(history.rules.quiet_from == Some(Duration::ZERO)));
        tally.see("several_proxies", u64::from(history.proxies() > 1));
        let is_reload = |(_, fault): &&(Duration, Fault)| matches!(fault, Fault::Reload(_));
        tally.see("reloads", count(&history.faults, is_reload));
        let is_told_to_stop = |process: &Process| process.drained.is_some();
        tally.see("drained", u64::from(history.processes.iter().any(is_told_to_stop)));
        told::see(history, &mut tally);
        waits::see(history, &mut tally);
        lives::see(history, &mut tally);
        manners::see(history, &mut tally);
        processes::see(history, &mut tally);
        counted::see(world, &mut tally);
        network::see(world, &mut tally);
        tally
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Tally) {
        for (name, seen) in &other.0 {
            self.see(name, *seen);
        }
    }

    /// Adds what the checkers noted.
    pub(crate) fn note(&mut self, notes: &BTreeMap<&'static str, u64>) {
        notes.iter().for_each(|(name, times)| self.see(name, *times));
    }

    /// How often that was seen.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// What was seen how often, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(name, seen)| (*name, *seen))
    }

    /// Runs.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.count("runs")
    }

    /// What was never seen.
    #[must_use]
    pub fn unseen(&self) -> Vec<&'static str> {
        self.0.iter().filter(|(_, seen)| **seen == 0).map(|(name, _)| *name).collect()
    }

    /// That was seen so many times; a name that is given must be seen some time.
    fn see(&mut self, name: &'static str, times: u64) {
        *self.0.entry(name).or_default() += times;
    }
}

fn count<T>(items: impl IntoIterator<Item = T>, is_it: impl FnMut(&T) -> bool) -> u64 {
    items.into_iter().filter(is_it).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_like_with_like_and_what_is_missing_has_a_name() {
        let tally = |sightings: &[(&'static str, u64)]| Tally(sightings.iter().copied().collect());
        let mut sum = tally(&[("moved", 2), ("asked", 0), ("unsure", 0)]);
        sum.add(&tally(&[("moved", 1), ("asked", 3), ("unsure", 0)]));
        assert_eq!(sum, tally(&[("moved", 3), ("asked", 3), ("unsure", 0)]));
        assert_eq!((sum.unseen(), sum.count("moved")), (vec!["unsure"], 3));
    }
}
