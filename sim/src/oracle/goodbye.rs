//! A client that shuts its writing side down and has been told everything sees the end: nobody
//! waits for a connection on which nothing more can be said.
//!
//! That it is told everything first is for [`deadline`](super::deadline) and
//! [`drain`](super::drain) to see.

use super::{Index, Verdict, Violation};
use crate::history::{End, History};

pub(super) const PROMISE: &str = "goodbye";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    // Where the proxy has no memory to read more, it does not see it.
    if history.rules.is_tight {
        return Ok(());
    }
    for conversation in &history.conversations {
        let (Some(shut), Some((at, End::Unended))) = (conversation.shut, conversation.end) else {
            continue;
        };
        let client = conversation.calls.first().map_or(0, |call| call.id.client);
        let what = format!("client {client} said at {shut:?} that it asks no more, and saw no end");
        return Err(Violation { promise: PROMISE, at, what });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::story::{Story, caught};
    use super::*;

    #[test]
    fn a_connection_that_is_kept_open_for_nothing_is_seen() {
        let mut story = Story::right();
        let conversation = &mut story.history.conversations[0];
        conversation.shut = Some(Duration::from_millis(5));
        let mut kept = story.clone();
        story.passes();
        let end = Some((Duration::from_secs(3), End::Unended));
        kept.history.conversations[0].end = end;
        assert!(caught(&kept, PROMISE).contains("client 0 said at 5ms"));
        kept.history.rules.is_tight = true;
        assert_eq!(check(&kept.history, &Index::default()), Ok(()));
    }
}
