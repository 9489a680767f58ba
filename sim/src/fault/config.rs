//! What is changed in the configuration of proxies that run: nothing that a client may notice, but
//! for what the old connections have no time for.

use std::num::NonZeroUsize;
use std::time::Duration;

use redpoll::config::{Flush, Upstream};
use serde::{Deserialize, Serialize};

/// The most connections to a node that a change asks for.
pub const CONNECTIONS_PER_NODE_MAX: usize = 3;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigChange {
    /// `connections_per_node`.
    Connections(usize),
    /// `max_buffer_size_before_flush`, in bytes, and `buffer_flush_timeout`, in ms.
    Flush(usize, u64),
    /// `pipeline_requests_max`.
    Requests(usize),
    /// `enable_command_stats`.
    CommandStats(bool),
}

impl ConfigChange {
    pub(super) fn apply(self, upstream: &mut Upstream) {
        let connections = &mut upstream.connections;
        match self {
            ConfigChange::Connections(count) => {
                connections.per_node = NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
            }
            ConfigChange::Flush(bytes, timeout_ms) => {
                let timeout = Duration::from_millis(timeout_ms);
                connections.flush = NonZeroUsize::new(bytes).map(|bytes| Flush { bytes, timeout });
            }
            ConfigChange::Requests(count) => {
                connections.requests_max = NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
            }
            ConfigChange::CommandStats(are_kept) => upstream.command_stats = are_kept,
        }
    }
}
