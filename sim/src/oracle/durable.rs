//! What was added to a set is in it in the end, unless it is written down that it was lost: with a
//! node that came back empty, a slot that was taken away, a failover to a replica that had fallen
//! behind, or a key that was yet to come. And nothing else is in it.

use std::collections::BTreeMap;

use redpoll::proto::cluster::Slot;

use super::forks::forks;
use super::{Index, Verdict, Violation};
use crate::history::{Execution, History, Loss, Lost};
use crate::resp::shown_command;

pub(super) const PROMISE: &str = "durable";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let forks = forks(history, index);
    let mut added: BTreeMap<(&[u8], &[u8]), &Execution> = BTreeMap::new();
    for seen in history.executions.iter().filter(|seen| seen.is_done() && is_add(seen)) {
        added.insert((&seen.args[1], &seen.args[2]), seen);
    }
    for ((key, member), seen) in &added {
        let Some(left) = history.left.get(*key) else { continue };
        let is_lost = !left.contains(*member);
        let is_fork = || forks.iter().any(|fork| std::ptr::eq(*fork, *seen));
        if is_lost && !history.losses.iter().any(|loss| explains(loss, seen)) && !is_fork() {
            let what = format!("{} was executed, and is lost", shown_command(&seen.args));
            return Err(Violation { promise: PROMISE, at: seen.at, what });
        }
    }
    for (key, members) in &history.left {
        if let Some(member) = members.iter().find(|member| !added.contains_key(&(key, member))) {
            let (key, member) = (key.escape_ascii(), member.escape_ascii());
            let what = format!("{member} is in {key}, and nobody added it");
            return Err(Violation { promise: PROMISE, at: Default::default(), what });
        }
    }
    Ok(())
}

fn is_add(seen: &Execution) -> bool {
    seen.args[0].eq_ignore_ascii_case(b"SADD")
}

fn explains(loss: &Loss, seen: &Execution) -> bool {
    let concerns = match &loss.what {
        Lost::Node(node) => *node == seen.node,
        Lost::Slots(slots) => slots.contains(&Slot::of(&seen.args[1]).number()),
    };
    concerns && (loss.from..=loss.until).contains(&seen.at)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{Fault, NodeFault, SlotChange};

    fn added(left: &[&str]) -> Story {
        let mut story = Story::right();
        story.call(0, 5, "SADD t:0:0 {id}");
        story.execute(6, "SADD t:0:0 1000000003", ":1\r\n");
        story.answer(0, 9, ":1\r\n");
        let left = left.iter().map(|member| member.as_bytes().to_vec()).collect();
        story.history.left.insert(b"t:0:0".to_vec(), left);
        story
    }

    #[test]
    fn what_is_lost_without_a_reason_is_seen() {
        added(&["1000000003"]).passes();
        let mut story = added(&[]);
        assert!(caught(&story, PROMISE).contains("is lost"));
        let ms = Duration::from_millis;
        let mut lose = |what, from, until| {
            story.history.losses =
                vec![Loss { what, from: ms(from), until: ms(until), at: ms(until) }];
            check(&story.history, &Index::default()).is_ok()
        };
        let slot = Slot::of(b"t:0:0").number();
        assert!(lose(Lost::Node(0), 6, 9) && lose(Lost::Slots([slot].into()), 0, 6));
        assert!(!lose(Lost::Node(1), 6, 9) && !lose(Lost::Node(0), 7, 9));
        assert!(!lose(Lost::Slots([slot].into()), 0, 5) && !lose(Lost::Slots([1].into()), 0, 9));
    }

    #[test]
    fn what_nobody_added_is_seen() {
        let story = added(&["1000000003", "1000000009"]);
        assert!(caught(&story, PROMISE).contains("nobody added it"));
    }

    #[test]
    fn what_was_added_where_the_key_was_yet_to_come_may_be_lost() {
        let ms = Duration::from_millis;
        let begin = Fault::Slot(Slot::of(b"t:0:0").number(), SlotChange::BeginMigration(0));
        for (anew, is_excused) in [(2, false), (3, true), (7, true), (8, false)] {
            let mut story = Story::right();
            story.call(0, 1, "SADD t:0:0 {id}");
            story.execute(2, "SADD t:0:0 1000000003", "-ASK 1 10.0.0.1:1\r\n");
            story.send(4, "SADD t:0:0 1000000003", true);
            story.history.sendings.last_mut().expect("one was sent").asking = true;
            story.execute(7, "SADD t:0:0 1000000003", ":1\r\n");
            story.answer(0, 9, ":1\r\n");
            story.history.left.insert(b"t:0:0".to_vec(), [].into());
            story.history.faults = vec![(ms(1), begin), (ms(anew), begin)];
            let judged = check(&story.history, &Index::new(&story.history));
            assert_eq!(judged.is_ok(), is_excused, "{anew}: {judged:?}");
            // Who is isolated says what was so before.
            story.history.faults.insert(0, (ms(1), Fault::Node(0, NodeFault::Isolate)));
            let judged = check(&story.history, &Index::new(&story.history));
            assert_eq!(judged.is_ok(), anew <= 7, "{anew}, isolated: {judged:?}");
        }
    }
}
