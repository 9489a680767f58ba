//! How many clients of one upstream hear of what, beside those that servers see; shared by its
//! workers.
//!
//! ```text
//! worker: listeners - 1 if subscribed -> Unseen -> the sum of all workers -> PUBSUB NUMSUB
//! ```
//!
//! Servers see a worker and not the clients for which it is subscribed. The lock is taken where a
//! client begins or ends to hear of something, and for `NUMSUB`; messages do not come past it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::proto::pubsub::{Audience, Topic};

/// What the workers tell each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedAudience(Arc<Mutex<BTreeMap<Topic, i64>>>);

/// What a worker tells of a topic. Once dropped, it tells nothing.
#[derive(Debug)]
pub(crate) struct Unseen {
    audience: SharedAudience,
    topic: Topic,
    told: i64,
}

impl SharedAudience {
    /// To tell of a topic; of nobody, to begin with.
    pub(crate) fn unseen(&self, topic: Topic) -> Unseen {
        Unseen { audience: self.clone(), topic, told: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Topic, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audience for SharedAudience {
    fn unseen(&self, topic: &Topic) -> i64 {
        self.lock().get(topic).copied().unwrap_or(0)
    }
}

impl Unseen {
    /// So many hear of it, less the one that servers see, if they do.
    pub(crate) fn set(&mut self, count: i64) {
        let more = count - std::mem::replace(&mut self.told, count);
        if more == 0 {
            return;
        }
        let mut all = self.audience.lock();
        let sum = all.get(&self.topic).copied().unwrap_or(0) + more;
        if sum == 0 {
            all.remove(&self.topic);
        } else {
            all.insert(self.topic.clone(), sum);
        }
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::pubsub::Kind;

    #[test]
    fn what_workers_tell_of_a_topic_adds_up_until_they_tell_of_it_no_more() {
        let audience = SharedAudience::default();
        let topic = |kind| Topic { kind, name: "a".into() };
        let count = || Audience::unseen(&audience, &topic(Kind::Channel));
        let [mut first, mut second] = [(); 2].map(|()| audience.unseen(topic(Kind::Channel)));
        let mut shard = audience.unseen(topic(Kind::Shard));
        shard.set(9);
        first.set(3);
        second.set(-1);
        assert_eq!(count(), 2);
        first.set(5);
        assert_eq!(count(), 4);
        drop(first);
        assert_eq!(count(), -1);
        drop(second);
        assert_eq!((count(), audience.lock().len()), (0, 1), "the shard channel");
    }
}
