//! Who waits until a node has read a mark.

use std::collections::{BTreeMap, BTreeSet};

use super::place::Place;
use crate::proto::pubsub::Topic;

/// Clients and the topics that they wait for, by the line and the number of the mark.
#[derive(Debug, Default)]
pub(super) struct Marks(BTreeMap<(Place, u64), BTreeSet<(u64, Topic)>>);

impl Marks {
    /// A client waits for a mark to hear of a topic.
    pub(super) fn wait(&mut self, at: (Place, u64), client: u64, topic: &Topic) {
        self.0.entry(at).or_default().insert((client, topic.clone()));
    }

    /// It does not wait any more.
    pub(super) fn leave(&mut self, at: (Place, u64), client: u64, topic: &Topic) {
        if let Some(waiting) = self.0.get_mut(&at) {
            waiting.remove(&(client, topic.clone()));
        }
    }

    /// A mark is read: who has waited for it.
    pub(super) fn pass(&mut self, at: (Place, u64)) -> BTreeSet<(u64, Topic)> {
        self.0.remove(&at).unwrap_or_default()
    }

    /// No mark that was sent on this line will be read: who has waited for one.
    pub(super) fn lose(&mut self, place: Place) -> BTreeSet<(u64, Topic)> {
        let lost = self.0.extract_if((place, 0)..=(place, u64::MAX), |_, _| true);
        lost.flat_map(|(_, waiting)| waiting).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::proto::pubsub::Kind;

    #[test]
    fn who_waits_is_told_of_its_mark_or_of_the_end_of_its_line() {
        let topic = Topic { kind: Kind::Channel, name: Bytes::from_static(b"news") };
        let mut marks = Marks::default();
        for (mark, client) in [(1, 7), (1, 8), (2, 9), (3, 7)] {
            marks.wait((Place::Common, mark), client, &topic);
        }
        marks.leave((Place::Common, 1), 8, &topic);
        assert_eq!(marks.pass((Place::Common, 1)), [(7, topic.clone())].into());
        assert!(marks.pass((Place::Common, 1)).is_empty());
        assert_eq!(marks.lose(Place::Common), [(7, topic.clone()), (9, topic)].into());
        assert!(marks.0.is_empty());
    }
}
