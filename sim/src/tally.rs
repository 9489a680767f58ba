//! What was seen in runs: states that are rare and must come all the same, or the runs prove
//! little.

use std::time::Duration;

use serde::Serialize;

use crate::history::{Call, Execution, History};
use crate::resp::error_code;
use crate::world::World;

/// How often things were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Runs in which nothing was broken.
    pub calm: u64,
    /// Runs in which the proxy was told to stop.
    pub drained: u64,
    /// Commands that clients sent.
    pub commands: u64,
    /// Replies that they got.
    pub replies: u64,
    /// Replies `UNSENT`.
    pub unsent: u64,
    /// Replies `UNSURE`.
    pub unsure: u64,
    /// Replies `CLUSTERDOWN`.
    pub cluster_down: u64,
    /// Commands that nodes executed or refused.
    pub executions: u64,
    /// Redirects that nodes gave: `MOVED`.
    pub moved: u64,
    /// Redirects that nodes gave: `ASK`.
    pub asked: u64,
    /// Commands that the proxy sent again after their connection failed.
    pub retries: u64,
    /// Commands of which only a part left the proxy.
    pub cut_off: u64,
    /// Connections that the proxy made to nodes.
    pub connections: u64,
    /// Connections that it could not make.
    pub connect_failures: u64,
}

impl Tally {
    /// That of one run.
    #[must_use]
    pub fn of(history: &History, world: &World) -> Tally {
        let calls = || history.conversations.iter().flat_map(|conversation| &conversation.calls);
        let told = |code: &str| {
            count(calls(), |call: &&Call| call.frame().is_some_and(|f| error_code(f) == code))
        };
        let executions = history.executions.iter();
        let said = |code: &str| {
            count(executions.clone(), |seen: &&Execution| error_code(&seen.reply) == code)
        };
        let stats = &world.stats;
        Tally {
            runs: 1,
            calm: u64::from(history.rules.quiet_from == Some(Duration::ZERO)),
            drained: u64::from(history.rules.drained.is_some()),
            commands: count(calls(), |_| true),
            replies: count(calls(), |call| call.reply.is_some()),
            unsent: told("UNSENT"),
            unsure: told("UNSURE"),
            cluster_down: told("CLUSTERDOWN"),
            executions: history.executions.len() as u64,
            moved: said("MOVED"),
            asked: said("ASK"),
            retries: stats.sum(|worker| &worker.retries_total),
            cut_off: count(history.sendings.iter(), |sending| !sending.is_whole),
            connections: stats.sum(|worker| &worker.upstream_connections_total),
            connect_failures: stats.sum(|worker| &worker.upstream_connect_failures_total),
        }
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Tally) {
        for (mine, (_, theirs)) in self.fields_mut().into_iter().zip(other.fields()) {
            *mine += theirs;
        }
    }

    /// What was never seen.
    #[must_use]
    pub fn unseen(&self) -> Vec<&'static str> {
        self.fields().into_iter().filter(|(_, seen)| *seen == 0).map(|(name, _)| name).collect()
    }

    fn fields(&self) -> [(&'static str, u64); 15] {
        [
            ("runs", self.runs),
            ("calm", self.calm),
            ("drained", self.drained),
            ("commands", self.commands),
            ("replies", self.replies),
            ("unsent", self.unsent),
            ("unsure", self.unsure),
            ("cluster_down", self.cluster_down),
            ("executions", self.executions),
            ("moved", self.moved),
            ("asked", self.asked),
            ("retries", self.retries),
            ("cut_off", self.cut_off),
            ("connections", self.connections),
            ("connect_failures", self.connect_failures),
        ]
    }

    fn fields_mut(&mut self) -> [&mut u64; 15] {
        [
            &mut self.runs,
            &mut self.calm,
            &mut self.drained,
            &mut self.commands,
            &mut self.replies,
            &mut self.unsent,
            &mut self.unsure,
            &mut self.cluster_down,
            &mut self.executions,
            &mut self.moved,
            &mut self.asked,
            &mut self.retries,
            &mut self.cut_off,
            &mut self.connections,
            &mut self.connect_failures,
        ]
    }
}

fn count<T>(items: impl Iterator<Item = T>, is_it: impl FnMut(&T) -> bool) -> u64 {
    items.filter(is_it).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_like_with_like_and_what_is_missing_has_a_name() {
        let mut sum = Tally { runs: 1, moved: 2, ..Tally::default() };
        sum.add(&Tally { runs: 1, asked: 3, connect_failures: 4, ..Tally::default() });
        let expected =
            Tally { runs: 2, moved: 2, asked: 3, connect_failures: 4, ..Tally::default() };
        assert_eq!(sum, expected);
        assert!(sum.unseen().contains(&"unsure") && !sum.unseen().contains(&"asked"));
        assert_eq!(sum.unseen().len(), 11);
    }
}
