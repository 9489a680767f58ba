//! A write is never sent again once a byte of it may have left, unless a node has said that it did
//! not execute it. What counts is what left the proxy, not only what arrived.

use std::collections::BTreeMap;

use super::index::{Handle, handles, times_named};
use super::{Index, Verdict, broken};
use crate::history::{Call, History};

pub(super) const PROMISE: &str = "sends";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let mut sent: BTreeMap<Handle<'_>, usize> = BTreeMap::new();
    for handle in history.sendings.iter().flat_map(|sending| handles(&sending.args)) {
        *sent.entry(handle).or_default() += 1;
    }
    let mut asked: BTreeMap<Handle<'_>, Vec<&Call>> = BTreeMap::new();
    for conversation in &history.conversations {
        for call in conversation.calls.iter().filter(|call| call.writes()) {
            for handle in handles(&call.args) {
                asked.entry(handle).or_default().push(call);
            }
        }
    }
    for (handle, calls) in asked {
        let times = sent.get(&handle).copied().unwrap_or(0);
        let asked = |call: &&Call| match handle {
            Handle::Part(_, key) => times_named(call, key).max(1),
            Handle::Whole(_) => 1,
        };
        // A transaction is sent again if one of its commands was turned away, also the others.
        let is_queued = calls.iter().any(|call| call.queued.is_some());
        let refused = if is_queued { index.refused(handle) } else { index.turned_away(handle) };
        let allowed = calls.iter().map(asked).sum::<usize>() + refused;
        if times > allowed {
            let what = format!("sent {times} times where {allowed} are allowed");
            return Err(broken(PROMISE, calls[0], &what));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::history::Queued;

    fn sent(times: usize, redirected: bool) -> Story {
        let mut story = Story::right();
        story.call(0, 5, "INCRBY c:0:0 {id}");
        for _ in 0..times {
            story.send(6, "INCRBY c:0:0 1000000003", true);
        }
        if redirected {
            story.execute(6, "INCRBY c:0:0 1000000003", "-MOVED 1 10.0.0.1:1\r\n");
        }
        story.execute(7, "INCRBY c:0:0 1000000003", ":1000000003\r\n");
        story.answer(0, 9, ":1000000003\r\n");
        story
    }

    #[test]
    fn a_transaction_may_be_sent_again_whatever_was_said_of_one_command_of_it() {
        let mut story = sent(2, false);
        story.execute(6, "INCRBY c:0:0 1000000003", "-BUSY a script runs\r\n");
        assert!(caught(&story, PROMISE).contains("sent 2 times"));
        let calls = &mut story.history.conversations[0].calls;
        let queued = Queued { multi: 0, exec: None, told: None };
        calls.last_mut().expect("it is asked").queued = Some(queued);
        assert_eq!(check(&story.history, &Index::new(&story.history)), Ok(()));
    }

    #[test]
    fn a_write_sent_twice_is_seen_even_if_one_of_them_never_arrived() {
        sent(1, false).passes();
        assert!(caught(&sent(2, false), PROMISE).contains("sent 2 times where 1"));
    }

    #[test]
    fn a_redirect_allows_one_more_and_not_two() {
        sent(2, true).passes();
        assert!(caught(&sent(3, true), PROMISE).contains("sent 3 times where 2"));
    }

    #[test]
    fn half_a_command_counts_as_sent() {
        let mut story = sent(1, false);
        story.send(6, "INCRBY c:0:0 1000000003", false);
        assert!(caught(&story, PROMISE).contains("sent 2 times"));
    }
}
