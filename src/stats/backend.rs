//! What one worker counts for one upstream, whatever the node.

use std::sync::OnceLock;
use std::time::Duration;

use super::counter::kinds;
use super::{By, Counter, Histogram};
use crate::proto::command::table::{self, Row};

kinds!(
    /// A redirect.
    Redirect {
        /// Another node serves the slot.
        Moved = "moved",
        /// Another node has the key while the slot moves.
        Ask = "ask",
    }
);

kinds!(
    /// Why a request was sent again.
    RetryReason {
        /// Its connection failed.
        Connection = "connection",
        /// `TRYAGAIN`: its keys are on two nodes while the slot moves.
        TryAgain = "tryagain",
        /// `LOADING`: the node reads its data.
        Loading = "loading",
        /// `CLUSTERDOWN`: the node does not serve the slot now.
        ClusterDown = "clusterdown",
        /// `MASTERDOWN`: the replica has lost its master.
        MasterDown = "masterdown",
        /// `READONLY`: the node is a replica now.
        ReadOnly = "readonly",
        /// `NOSCRIPT`: the node does not have the script, and Redpoll does.
        NoScript = "noscript",
    }
);

kinds!(
    /// The code of an error that the proxy answers with.
    ErrorCode {
        /// The command was not executed.
        Unsent = "unsent",
        /// It may have been.
        Unsure = "unsure",
    }
);

/// What one worker counts for one upstream. Aligned, so that no two workers share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct BackendStats {
    /// Requests given to node connections: a command split over nodes counts each part, and what is
    /// redirected or retried counts each time.
    pub requests: Counter,
    /// Redirects followed.
    pub redirects: By<Redirect>,
    /// Redirects that were one too many for their command.
    pub redirects_over_limit: Counter,
    /// Redirects that were not followed because too many nodes are known from redirects alone.
    pub redirects_to_unknown: Counter,
    /// Requests sent again.
    pub retries: By<RetryReason>,
    /// Requests not sent again because too large a share of the traffic is retries.
    pub retry_budget_exhausted: Counter,
    /// Requests answered with such an error.
    pub failed: By<ErrorCode>,
    /// Connections that are lent to clients now.
    pub leases: Counter,
    /// Times that a client got one that was idle.
    pub leases_reused: Counter,
    /// Times that a client had to wait for one.
    pub lease_waits: Counter,
    /// Nodes that the topology does not list now: known from redirects, or gone a while ago.
    pub unknown_nodes: Counter,
    /// Such nodes that were forgotten.
    pub unknown_nodes_forgotten: Counter,
    /// Channels, patterns and shard channels that clients are subscribed to now.
    pub subscriptions: Counter,
    /// Times that one of them was without its subscription at a node for a while.
    pub subscription_gaps: Counter,
    /// Messages heard from nodes.
    pub messages: Counter,
    commands: OnceLock<Commands>,
}

impl BackendStats {
    /// From now on, latencies are counted by command, too.
    pub fn enable_commands(&self) {
        self.commands.get_or_init(Commands::default);
    }

    /// The latencies by command, if they are counted.
    #[must_use]
    pub fn commands(&self) -> Option<&Commands> {
        self.commands.get()
    }
}

/// From reading a command to its last reply or failure, by command; subcommands count for their
/// container. What the proxy answers itself does not count.
#[derive(Debug)]
pub struct Commands(Box<[Histogram]>);

impl Default for Commands {
    fn default() -> Self {
        Commands((0..table::rows().count()).map(|_| Histogram::default()).collect())
    }
}

impl Commands {
    /// Counts a command. Only the one writer may call this.
    pub fn observe(&self, row: &Row, took: Duration) {
        if let Some(histogram) = table::number(row).and_then(|number| self.0.get(number)) {
            histogram.observe(took);
        }
    }

    /// Every command of the table with its latencies, always in the same order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Row, &Histogram)> {
        table::rows().zip(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_counted_in_its_row_and_nowhere_else() {
        let stats = BackendStats::default();
        assert!(stats.commands().is_none());
        stats.enable_commands();
        let commands = stats.commands().unwrap();
        for name in ["get", "object|freq", "zunionstore"] {
            let row = table::find_full(name.as_bytes()).unwrap();
            commands.observe(row, Duration::from_millis(1));
        }
        let counted = commands.iter().filter(|(_, histogram)| histogram.count() == 1);
        let names: Vec<_> = counted.map(|(row, _)| row.name).collect();
        assert_eq!(names, ["object", "zunionstore", "get"]);
        assert_eq!(commands.iter().map(|(_, histogram)| histogram.count()).sum::<u64>(), 3);
    }
}
