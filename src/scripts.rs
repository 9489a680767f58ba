//! The scripts that clients of one upstream were seen to give to servers, shared by its workers.
//!
//! The lock is taken for `EVAL`, `SCRIPT LOAD` and `SCRIPT FLUSH`, and where a node lacks a script;
//! no other command comes past it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::proto::scripts::{Digest, Library, Scripts};

/// What all workers know of the scripts of one upstream.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedScripts(Arc<Mutex<Scripts>>);

impl SharedScripts {
    fn lock(&self) -> MutexGuard<'_, Scripts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Library for SharedScripts {
    fn learn(&self, body: &[u8]) {
        self.lock().learn(body);
    }

    fn find(&self, digest: Digest) -> Option<Bytes> {
        self.lock().find(digest)
    }

    fn clear(&self) {
        self.lock().clear();
    }
}
