//! Who leaves more replies unread than `client_output_bytes_max` is closed, and if all together
//! leave more than `memory_max`, some are: what came in for clients while they took nothing, and
//! what they got after that, was no more.

use std::collections::BTreeMap;
use std::time::Duration;

use super::index::handles;
use super::spells::{Spell, delays_of, spells};
use super::{Index, Verdict, Violation};
use crate::fault::Fault;
use crate::history::{Call, Conversation, Execution, History};

pub(super) const PROMISE: &str = "unread";

/// What may be on its way to the client and not have left the proxy in its eyes.
const UNDER_WAY_BYTES: usize = 1_024;

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let spells = spells(history, |fault| matches!(fault, Fault::Deaf(_)));
    let rules = &history.rules;
    for spell in spells.into_iter().filter(|spell| spell.until < Duration::MAX) {
        let (mut all, mut longest_of_all) = (0, 0);
        for conversation in &history.conversations {
            let replies = replies_in(conversation, spell, index, history);
            let longest = replies.iter().copied().max().unwrap_or(0);
            let held = replies.iter().sum::<usize>();
            within(spell, held, rules.output_bytes, longest, "a client")?;
            all += held;
            longest_of_all = longest.max(longest_of_all);
        }
        within(spell, all, rules.memory_max, longest_of_all, "all clients")?;
    }
    Ok(())
}

fn within(spell: Spell, held: usize, most: usize, longest: usize, whom: &str) -> Verdict {
    if held <= most + longest + UNDER_WAY_BYTES {
        return Ok(());
    }
    let what = format!(
        "{held} bytes of replies waited for {whom}, where {most} and one reply are allowed"
    );
    Err(Violation { promise: PROMISE, at: spell.until, what })
}

/// The lengths of the replies that nodes gave while nothing was read, and that were read later.
/// Those to the commands of a transaction are one.
fn replies_in<'a>(
    conversation: &'a Conversation,
    spell: Spell,
    index: &'a Index<'a>,
    history: &'a History,
) -> Vec<usize> {
    let slack = history.rules.slack;
    // What a node that is not well says may be on its way for long.
    let is_swift = move |seen: &Execution| {
        let mut spells = delays_of(history, seen.node).into_iter();
        !spells.any(|ill| ill.touches(seen.at, seen.at + slack))
    };
    let came_in = move |call: &&Call| {
        let within = handles(&call.args).into_iter().filter(|handle| handle.has_id());
        let mut done = within.flat_map(|handle| index.done(handle));
        done.any(|(_, seen)| {
            spell.from + slack < seen.at && seen.at + slack < spell.until && is_swift(seen)
        })
    };
    let is_late = move |call: &&Call| call.reply.as_ref().is_some_and(|(at, _)| *at >= spell.until);
    let calls = conversation.calls.iter().filter(is_late).filter(came_in);
    let (mut replies, mut transactions) = (Vec::new(), BTreeMap::<usize, usize>::new());
    for call in calls {
        let len = call.frame().map_or(0, <[u8]>::len);
        match &call.queued {
            Some(queued) => *transactions.entry(queued.multi).or_default() += len,
            None => replies.push(len),
        }
    }
    replies.extend(transactions.into_values());
    replies
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::NodeFault;
    use crate::history::{Queued, Rules};

    #[test]
    fn replies_that_pile_up_are_seen() {
        let ms = Duration::from_millis;
        let mut story = Story::right();
        story.history.rules.output_bytes = 2_000;
        story.history.rules.memory_max = 2_000;
        story.history.faults.push((ms(10), Fault::Deaf(true)));
        story.history.faults.push((ms(90), Fault::Deaf(false)));
        let reply = format!("$1500\r\n{}\r\n", "x".repeat(1_500));
        for seq in 3..6 {
            story.call(0, 11, "GETRANGE s:0:9 0 {id}");
            story.execute(30, &format!("GETRANGE s:0:9 0 100000000{seq}"), &reply);
        }
        for _ in 0..3 {
            story.answer(0, 95, &reply);
        }
        let mut less = story.clone();
        story.passes();
        let mut far = less.clone();
        far.history.rules.output_bytes = 1_000;
        far.history.faults.push((ms(29), Fault::Node(0, NodeFault::SetSpeed(50, 90))));
        far.passes();
        less.history.rules.output_bytes = 1_000;
        assert!(caught(&less, PROMISE).contains("4527 bytes of replies waited for a client"));
        let mut one = less.clone();
        for call in one.history.conversations[0].calls.iter_mut().rev().take(3) {
            call.queued = Some(Queued { multi: 0, exec: None, told: None });
        }
        assert_eq!(check(&one.history, &Index::new(&one.history)), Ok(()), "they are one reply");
        less.history.rules = Rules { output_bytes: 2_000, memory_max: 1_000, ..less.history.rules };
        assert!(caught(&less, PROMISE).contains("waited for all clients"));
    }
}
