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
        let Tally {
            runs,
            calm,
            drained,
            commands,
            replies,
            unsent,
            unsure,
            cluster_down,
            executions,
            moved,
            asked,
            retries,
            cut_off,
            connections,
            connect_failures,
        } = self;
        *runs += other.runs;
        *calm += other.calm;
        *drained += other.drained;
        *commands += other.commands;
        *replies += other.replies;
        *unsent += other.unsent;
        *unsure += other.unsure;
        *cluster_down += other.cluster_down;
        *executions += other.executions;
        *moved += other.moved;
        *asked += other.asked;
        *retries += other.retries;
        *cut_off += other.cut_off;
        *connections += other.connections;
        *connect_failures += other.connect_failures;
    }
}

fn count<T>(items: impl Iterator<Item = T>, is_it: impl FnMut(&T) -> bool) -> u64 {
    items.filter(is_it).count() as u64
}
