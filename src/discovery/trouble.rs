//! Nodes that gave no view when they were asked last: said once, and asked last for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::AskError;
use crate::limits::TOPOLOGY_AVOID_MS;
use crate::proto::cluster::Address;

/// The nodes in trouble, and what it is.
#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<Address, Trouble>);

#[derive(Debug)]
struct Trouble {
    /// In the words of the log.
    text: String,
    /// Until when others are asked before it.
    until: Instant,
}

impl Troubles {
    /// Notes that `node` of `upstream` gave no view; `loudly` if this keeps every client waiting.
    pub(super) fn note(&mut self, upstream: &str, node: &Address, error: &AskError, loudly: bool) {
        let text = error.to_string();
        let is_news = self.0.get(node).is_none_or(|known| known.text != text);
        let is_loud = loudly || matches!(error, AskError::Unwelcome(_));
        if is_news && is_loud {
            tracing::warn!(upstream, %node, "no topology: {text}");
        } else {
            tracing::debug!(upstream, %node, "no topology: {text}");
        }
        let until = Instant::now() + Duration::from_millis(TOPOLOGY_AVOID_MS);
        self.0.insert(node.clone(), Trouble { text, until });
    }

    /// Notes that `node` gave one.
    pub(super) fn clear(&mut self, node: &Address) {
        self.0.remove(node);
    }

    /// Forgets the nodes of whom there is no use in knowing.
    pub(super) fn forget_all_but(&mut self, is_known: impl Fn(&Address) -> bool) {
        let now = Instant::now();
        self.0.retain(|node, trouble| trouble.until > now || is_known(node));
    }

    /// Whether `node` gave no view when it was asked, not long ago.
    pub(super) fn contains(&self, node: &Address) -> bool {
        self.0.get(node).is_some_and(|trouble| trouble.until > Instant::now())
    }

    /// All of them, in words.
    pub(super) fn describe(&self) -> String {
        let now = Instant::now();
        let recent = self.0.iter().filter(|(_, trouble)| trouble.until > now);
        let words = recent.map(|(node, trouble)| format!("{node}: {}", trouble.text));
        words.collect::<Vec<_>>().join(", ")
    }
}
