//! What clients have in common, as far as stories need it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::proto::command::{Card, Directory, Wake};
use crate::proto::pubsub::{Audience, Topic};
use crate::proto::scripts::{Digest, Library, Scripts};

/// The pause that a client asked for.
#[derive(Default)]
pub(super) struct Hall(pub(super) RefCell<Option<(Duration, bool)>>);

impl Directory for Hall {
    fn all(&self) -> Vec<Card> {
        Vec::new()
    }

    fn close(&self, _: u64) {}

    fn wake(&self, _: u64, _: Wake) -> bool {
        false
    }

    fn pause(&self, length: Duration, all: bool) {
        self.0.replace(Some((length, all)));
    }

    fn resume(&self) {
        self.0.replace(None);
    }
}

/// The scripts that were seen.
#[derive(Default)]
pub(super) struct Shelf(RefCell<Scripts>);

impl Library for Shelf {
    fn learn(&self, body: &[u8]) {
        self.0.borrow_mut().learn(body);
    }

    fn find(&self, digest: Digest) -> Option<Bytes> {
        self.0.borrow_mut().find(digest)
    }

    fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// Who hears of topics, beside those that servers see.
#[derive(Default)]
pub(super) struct Crowd(pub(super) BTreeMap<Topic, i64>);

impl Audience for Crowd {
    fn unseen(&self, topic: &Topic) -> i64 {
        self.0.get(topic).copied().unwrap_or(0)
    }
}
