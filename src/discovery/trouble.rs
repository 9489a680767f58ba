//! Nodes that gave no view when they were asked last: said once, and asked last for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::AskError;
use crate::limits::TOPOLOGY_AVOID_MS;
use crate::proto::cluster::Address;
use crate::stats::{Complaint, Complaints};

/// The nodes in trouble, and what it is.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    nodes: BTreeMap<Address, Trouble>,
    complaints: Complaints,
}

#[derive(Debug)]
struct Trouble {
    /// In the words of the log.
    text: String,
    /// Until when others are asked before it.
    until: Instant,
    complaint: Complaint,
}

impl Troubles {
    /// None; `complaints` is what the log says of the upstream's nodes.
    pub(super) fn new(complaints: Complaints) -> Troubles {
        Troubles { nodes: BTreeMap::new(), complaints }
    }

    /// Notes that `node` of `upstream` gave no view; `loudly` if this keeps every client waiting.
    pub(super) fn note(&mut self, upstream: &str, node: &Address, error: &AskError, loudly: bool) {
        let text = error.to_string();
        let known = self.nodes.remove(node);
        let is_news = loudly && known.as_ref().is_none_or(|known| known.text != text);
        let complaint = known.map(|known| known.complaint);
        let complaint = complaint.unwrap_or_else(|| self.complaints.of(node));
        if error.is_news(is_news, &complaint) {
            tracing::warn!(upstream, %node, "no topology: {text}");
        } else {
            tracing::debug!(upstream, %node, "no topology: {text}");
        }
        let until = Instant::now() + Duration::from_millis(TOPOLOGY_AVOID_MS);
        self.nodes.insert(node.clone(), Trouble { text, until, complaint });
    }

    /// Notes that `node` gave one.
    pub(super) fn clear(&mut self, node: &Address) {
        if let Some(trouble) = self.nodes.remove(node) {
            trouble.complaint.over();
        }
    }

    /// Forgets the nodes of whom there is no use in knowing.
    pub(super) fn forget_all_but(&mut self, is_known: impl Fn(&Address) -> bool) {
        let now = Instant::now();
        self.nodes.retain(|node, trouble| trouble.until > now || is_known(node));
    }

    /// Whether `node` gave no view when it was asked, not long ago.
    pub(super) fn contains(&self, node: &Address) -> bool {
        self.nodes.get(node).is_some_and(|trouble| trouble.until > Instant::now())
    }

    /// All of them, in words.
    pub(super) fn describe(&self) -> String {
        let now = Instant::now();
        let recent = self.nodes.iter().filter(|(_, trouble)| trouble.until > now);
        let words = recent.map(|(node, trouble)| format!("{node}: {}", trouble.text));
        words.collect::<Vec<_>>().join(", ")
    }
}
