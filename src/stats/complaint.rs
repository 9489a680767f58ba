//! What the log says of nodes that are of no use: each reason once, however many connections of
//! however many workers meet it.
//!
//! ```text
//! Complaint (a connection's) --met--> Complaints (the upstream's) --is it news?--> the log
//!                            --over--> all is forgotten: next time it is news again
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::proto::cluster::Address;
use crate::proto::reply::Cause;

/// What was said of the nodes of one upstream.
#[derive(Clone, Debug, Default)]
pub struct Complaints(Arc<Mutex<BTreeMap<Address, Said>>>);

/// What was said of one node.
#[derive(Debug, Default)]
struct Said {
    reasons: BTreeSet<Cause>,
    /// Who may complain of it; without any it is forgotten.
    holders: usize,
}

/// The right to complain of one node.
#[derive(Debug)]
pub struct Complaint {
    all: Complaints,
    node: Address,
}

impl Complaints {
    /// For one who is about to use `node`.
    #[must_use]
    pub fn of(&self, node: &Address) -> Complaint {
        self.lock().entry(node.clone()).or_default().holders += 1;
        Complaint { all: self.clone(), node: node.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Address, Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Complaint {
    /// Notes that the node is of no use; true if the log has not said so.
    #[must_use]
    pub fn met(&self, cause: Cause) -> bool {
        self.all.lock().entry(self.node.clone()).or_default().reasons.insert(cause)
    }

    /// Notes that the node is of use; true if the log says otherwise.
    pub fn over(&self) -> bool {
        let mut all = self.all.lock();
        let reasons = all.get_mut(&self.node).map(|said| std::mem::take(&mut said.reasons));
        reasons.is_some_and(|reasons| !reasons.is_empty())
    }
}

impl Drop for Complaint {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        let Some(said) = all.get_mut(&self.node) else { return };
        said.holders -= 1;
        if said.holders == 0 {
            all.remove(&self.node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_news_once_for_all_until_the_node_is_of_use() {
        let all = Complaints::default();
        let [here, there] = [1, 2].map(|port| Address::new("10.0.0.1", port).unwrap());
        let (one, two, other) = (all.of(&here), all.of(&here), all.of(&there));
        assert!(!two.over(), "nobody has complained");
        assert!(one.met(Cause::Unreachable));
        assert!(!one.met(Cause::Unreachable) && !two.met(Cause::Unreachable));
        assert!(other.met(Cause::Unreachable), "another node");
        assert!(two.met(Cause::HandshakeRefused), "another reason");
        assert!(one.over() && !two.over(), "that is said once, too");
        assert!(two.met(Cause::Unreachable));
    }

    #[test]
    fn a_node_that_nobody_uses_is_forgotten() {
        let all = Complaints::default();
        let node = Address::new("10.0.0.1", 1).unwrap();
        let (one, two) = (all.of(&node), all.of(&node));
        assert!(one.met(Cause::Unreachable));
        drop(one);
        assert!(!two.met(Cause::Unreachable));
        drop(two);
        assert!(all.lock().is_empty());
    }
}
