//! An element that a client waits for is not given to it once it has left: the connection on which
//! it is waited for is closed then, and the next who asks has the element.

use std::time::Duration;

use super::index::handles;
use super::spells::{delays_clients, delays_of, slow_spell, spells};
use super::{Index, Verdict, broken};
use crate::fault::{ClientFault, Fault, LinkFault, NodeFault};
use crate::history::{Conversation, End, Execution, History};
use crate::resp::elements;
use crate::workload::patience;

pub(super) const PROMISE: &str = "orphans";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    // Where the proxy has no memory to read more, it does not see who has left.
    if history.rules.is_tight {
        return Ok(());
    }
    for conversation in &history.conversations {
        let Some((left, End::Left)) = conversation.end else { continue };
        let Some((last, leaving)) = conversation.leaving(&history.rules).last() else { continue };
        // The end comes behind all that was asked; and it is told to the node, which may be giving.
        let known = left.max(last.sent.saturating_add(leaving)) + 2 * history.rules.slack;
        for call in conversation.calls.iter().filter(|call| !patience(&call.args).is_zero()) {
            let mut given = handles(&call.args).into_iter().flat_map(|part| index.executions(part));
            let late = |(_, seen): &&(usize, &Execution)| is_gift(seen) && seen.at > known;
            let Some((_, gift)) = given.find(late) else { continue };
            if !may_be_unseen(history, conversation, (last.sent, gift)) {
                let at = gift.at;
                let what = format!("its client left at {left:?}, and got an element at {at:?}");
                return Err(broken(PROMISE, call, &what));
            }
        }
    }
    Ok(())
}

fn is_gift(seen: &Execution) -> bool {
    elements(&seen.reply).is_some_and(|both| both.len() == 2)
}

/// Whether something was in the way of the news, since the client asked last, that it has left.
fn may_be_unseen(
    history: &History,
    conversation: &Conversation,
    (since, gift): (Duration, &Execution),
) -> bool {
    let mut delays = spells(history, delays_clients);
    delays.extend(slow_spell(conversation));
    delays.extend(delays_of(history, gift.node));
    let mut faults = history.faults.iter();
    // Nobody hears of the end of a connection that the network has forgotten.
    faults.any(|(at, fault)| *at <= gift.at && forgets(fault))
        || delays.iter().any(|spell| spell.touches(since, gift.at))
}

fn forgets(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Clients(ClientFault::Forget) | Fault::Node(_, NodeFault::Link(LinkFault::Forget))
    )
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::world::ms;

    #[test]
    fn an_element_for_a_client_that_has_left_is_seen() {
        const ASKED: &str = "BLPOP l:0:0 {l:0:0}#1000000003 0.400";
        let mut story = Story::right();
        story.history.rules.are_apart = true;
        story.call(0, 5, "BLPOP l:0:0 {l:0:0}#{id} 0.400");
        story.leave(0, 50);
        let slack = story.history.rules.slack;
        let given = |at: Duration| {
            let mut story = story.clone();
            let at = u64::try_from(at.as_millis()).expect("it is short");
            story.execute(at, ASKED, "*2\r\n$5\r\nl:0:0\r\n$1\r\nx\r\n");
            story
        };
        given(ms(50) + 2 * slack).passes();
        let late = given(ms(51) + 2 * slack);
        assert!(caught(&late, PROMISE).contains("left at 50ms"));
        let mut delayed = late.clone();
        delayed.history.faults.push((ms(40), Fault::Node(0, NodeFault::ClogReplies)));
        delayed.passes();
        let mut forgotten = late.clone();
        forgotten.history.faults.push((ms(40), Fault::Clients(ClientFault::Forget)));
        forgotten.passes();
        let mut tight = late;
        tight.history.rules.is_tight = true;
        tight.passes();
        let mut nothing = story.clone();
        nothing.execute(300, ASKED, "*-1\r\n");
        nothing.passes();
    }
}
