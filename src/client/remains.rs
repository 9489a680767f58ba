//! What is still held for a client that has gone: a node connection keeps what was sent to it until
//! it is answered or due, whoever waits for that.

use std::time::Instant;

use tokio::time::sleep_until;

use crate::memory::Share;
use crate::mutant::planted;

/// The commands that were sent and are unanswered.
pub(crate) struct Remains {
    share: Share,
    until: Instant,
}

impl Remains {
    /// Those of the client that has had `share`: so many bytes, the last of them due at `until`.
    pub(super) fn new(mut share: Share, bytes: usize, until: Instant) -> Remains {
        share.outlive();
        share.set(bytes.into());
        Remains { share, until }
    }

    /// Ends when nothing is held any more.
    pub(crate) async fn rot(self) {
        if planted("leaver-remembered-for-ever") {
            std::future::pending::<()>().await;
        }
        sleep_until(self.until.into()).await;
        drop(self.share);
    }
}
