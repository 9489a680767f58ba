//! An element that a client waits for is not given to it once it has left: the connection on which
//! it is waited for is closed then, and the next who asks has the element.

use super::spells::{delays_clients, delays_of, slow_spell, spells};
use super::{Index, Verdict, broken};
use crate::fault::{ClientFault, Fault, LinkFault, NodeFault};
use crate::history::{Conversation, End, Execution, History};
use crate::resp::elements;
use crate::workload::{Id, patience};

pub(super) const PROMISE: &str = "orphans";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    // Where the proxy has no memory to read more, it does not see who has left.
    if history.rules.is_tight {
        return Ok(());
    }
    let is_gift = |seen: &&Execution| {
        !patience(&seen.args).is_zero() && elements(&seen.reply).is_some_and(|both| both.len() == 2)
    };
    for gift in history.executions.iter().filter(is_gift) {
        let Some(id) = Id::of_command(&gift.args) else { continue };
        let has_asked =
            |conversation: &&Conversation| conversation.calls.iter().any(|call| call.id == id);
        let Some(conversation) = history.conversations.iter().find(has_asked) else { continue };
        let Some((left, End::Left)) = conversation.end else { continue };
        let Some((last, leaving)) = conversation.leaving(&history.rules).last() else { continue };
        // The end comes behind all that was asked; and it is told to the node, which may be giving.
        let seen = left.max(last.sent.saturating_add(leaving)) + 2 * history.rules.slack;
        let mut delays = spells(history, delays_clients);
        delays.extend(slow_spell(conversation));
        delays.extend(delays_of(history, gift.node));
        // Nobody hears of the end of a connection that the network has forgotten.
        let is_forgotten =
            history.faults.iter().any(|(at, fault)| *at <= gift.at && forgets(fault));
        let is_delayed =
            is_forgotten || delays.iter().any(|spell| spell.touches(last.sent, gift.at));
        if gift.at > seen && !is_delayed {
            let call = conversation.calls.iter().find(|call| call.id == id).unwrap_or(last);
            let what = format!("its client left at {left:?}, and got an element at {:?}", gift.at);
            return Err(broken(PROMISE, call, &what));
        }
    }
    Ok(())
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
        let given = |at: std::time::Duration| {
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
