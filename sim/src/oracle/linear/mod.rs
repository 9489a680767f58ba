//! A second opinion: of each key there is an order of all that clients asked in which every answer
//! is true, one command after the other, none before it was asked or after it was answered
//! (linearizability), and those of one connection in the order in which they were asked.
//!
//! What nodes did is not looked at. What is `UNSURE`, or was never answered, may have happened at
//! any later time, or not at all; what is `UNSENT` or was refused did not. A command of several
//! keys counts for each of them apart, for the proxy splits it.
//!
//! - `ops`: what was asked of each key, and what was answered
//! - `answer`, `model`, `collections`: what a key holds, and what commands make of it
//! - `excuses`: what the cluster itself is to blame for
//! - `search`: whether there is such an order; `wants`: where it need not look

mod answer;
mod collections;
mod excuses;
#[cfg(test)]
mod exhaustive;
mod model;
mod ops;
mod search;
mod wants;

use super::{Index, Verdict, Violation};
use crate::history::History;
use crate::resp::{shown, shown_command};

use excuses::Excuses;
use ops::{Op, count_sure};
use search::{Finding, STEPS_MAX, Stuck};

pub(super) const PROMISE: &str = "linear";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let excuses = Excuses::of(history, index);
    let mut verdict = Ok(());
    for (key, asked) in ops::by_key(history) {
        let all = count_sure(&asked.ops) + asked.riddles;
        let is_understood = !asked.is_lost_track_of;
        let left = is_understood.then(|| excuses.apply(key, asked.ops)).flatten();
        let sure = left.as_deref().map_or(0, count_sure);
        index.note_times("linear_ops_excused", all - sure);
        let Some(ops) = left else {
            index.note("linear_keys_excused");
            continue;
        };
        match search::find(&ops, STEPS_MAX) {
            Finding::Order => {
                index.note("linear_keys_in_order");
                index.note_times("linear_ops_judged", sure);
            }
            Finding::GaveUp => {
                index.note("linear_keys_given_up");
                index.note_times("linear_ops_given_up", sure);
            }
            Finding::None(stuck) => verdict = verdict.and_then(|()| Err(broken(key, &ops, stuck))),
        }
    }
    verdict
}

fn broken(key: &[u8], ops: &[Op<'_>], stuck: Stuck<'_>) -> Violation {
    let op = &ops[stuck.on];
    let sure = count_sure(ops);
    let command = op.call.map_or_else(String::new, |call| {
        let reply = call.frame().map_or_else(|| "no reply".to_owned(), shown);
        format!("{} ({}) -> {reply}", shown_command(&call.args), call.id)
    });
    let what = format!(
        "no order of the {sure} commands for {} makes all replies true: with {} of them done it \
         holds {}, and then comes {command}",
        key.escape_ascii(),
        sure - stuck.left as u64,
        stuck.holds,
    );
    Violation { promise: PROMISE, at: op.until, what }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use redpoll::proto::cluster::Slot;

    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{Fault, NodeFault, SlotChange};
    use crate::history::{Conversation, End, Loss, Lost};
    use crate::plan::Plan;
    use crate::run::run;
    use crate::world::ms;

    /// Clients that ask and hear: of each command the client, when it asks, the command, when it
    /// hears, and what. Of the nodes nothing is known.
    fn told(told: &[(u16, u64, &str, u64, &str)]) -> Story {
        let mut story = Story::right();
        story.history.executions.clear();
        let clients = told.iter().map(|(client, ..)| usize::from(*client) + 1).max().unwrap_or(1);
        let end = Some((Duration::from_secs(1), End::Finished));
        story
            .history
            .conversations
            .resize(clients, Conversation { end, ..Conversation::default() });
        for (client, sent, command, heard, reply) in told {
            story.call(*client, *sent, command);
            if !reply.is_empty() {
                story.answer(*client, *heard, reply);
            }
        }
        story
    }

    #[track_caller]
    fn passes(story: &Story) {
        let index = Index::new(&story.history);
        assert_eq!(check(&story.history, &index), Ok(()));
        assert!(index.into_notes().contains_key("linear_keys_in_order"));
    }

    const SET: &str = "SET s:all:0 a";
    const GET: &str = "GET s:all:0";
    const A: &str = "$1\r\na\r\n";
    const NONE: &str = "$-1\r\n";
    const OK: &str = "+OK\r\n";

    #[test]
    fn a_read_that_misses_what_was_written_before_it_was_asked_is_seen() {
        let what = caught(&told(&[(0, 10, SET, 20, OK), (1, 21, GET, 30, NONE)]), PROMISE);
        assert!(what.ends_with(
            "with 1 of them done it holds a, and then comes GET s:all:0 (1001000000) -> $-1\\r\\n"
        ));
        for reply in [NONE, A] {
            passes(&told(&[(0, 10, SET, 20, OK), (1, 20, GET, 30, reply)]));
        }
    }

    #[test]
    fn a_value_that_was_seen_does_not_go_again() {
        let seen = [(0, 10, SET, 50, OK), (1, 20, GET, 25, A)];
        let later = |reply| told(&[seen[0], seen[1], (2, 30, GET, 35, reply)]);
        passes(&later(A));
        assert!(caught(&later(NONE), PROMISE).contains("GET s:all:0 (1002000000)"));
    }

    #[test]
    fn what_one_client_asks_happens_in_that_order_unless_both_only_read() {
        let asked = |first, told_first, second, told_second| {
            told(&[
                (1, 5, SET, 50, OK),
                (0, 10, first, 30, told_first),
                (0, 10, second, 30, told_second),
            ])
        };
        passes(&asked(GET, A, GET, NONE));
        passes(&asked("APPEND s:all:0 b", ":1\r\n", GET, A));
        assert!(
            caught(&asked("APPEND s:all:0 b", ":1\r\n", GET, NONE), PROMISE).contains("-> $-1")
        );
        let mut unsettled = asked("APPEND s:all:0 b", ":1\r\n", GET, NONE);
        unsettled.history.faults.push((ms(15), Fault::Node(0, NodeFault::FailOver)));
        passes(&unsettled);
    }

    #[test]
    fn what_is_unsure_may_happen_late_or_never_and_what_is_unsent_does_not() {
        for (told_set, may_be, reply) in [
            ("-UNSURE it\r\n", true, A),
            ("-UNSURE it\r\n", true, NONE),
            ("", true, A),
            ("-UNSENT it\r\n", true, NONE),
            ("-UNSENT it\r\n", false, A),
            ("-LOADING it\r\n", false, A),
        ] {
            let story = told(&[
                (0, 10, SET, 20, told_set),
                (1, 40, GET, 45, NONE),
                (1, 50, GET, 55, reply),
            ]);
            if may_be { passes(&story) } else { drop(caught(&story, PROMISE)) }
        }
    }

    #[test]
    fn what_is_unsure_happens_once() {
        let unsure = (0, 10, "INCR c:all:0", 20, "-UNSURE it\r\n");
        let counted = |reply| told(&[unsure, (1, 40, "INCR c:all:0", 45, reply)]);
        passes(&counted(":1\r\n"));
        passes(&counted(":2\r\n"));
        assert!(caught(&counted(":3\r\n"), PROMISE).contains("it holds 1, and then comes INCR"));
    }

    #[test]
    fn the_parts_of_a_command_count_each_for_itself() {
        let set = (0, 10, "MSET s:all:0 a s:all:1 b", 20, OK);
        let both = "MGET s:all:0 {s:all:0}#1001000000 s:all:1 {s:all:1}#1001000000";
        let seen = |reply| told(&[set, (1, 15, both, 25, reply), (2, 15, both, 25, reply)]);
        passes(&seen("*4\r\n$1\r\na\r\n$-1\r\n$-1\r\n$-1\r\n"));
        assert!(caught(&seen("*1\r\n$-1\r\n"), PROMISE).contains("MGET"));
        let gone = |sum| {
            let delete = (0, 30, "DEL s:all:0 s:all:1 s:all:2", 40, sum);
            told(&[set, delete, (1, 50, GET, 60, NONE)])
        };
        passes(&gone(":2\r\n"));
        drop(caught(&gone(":0\r\n"), PROMISE));
        drop(caught(&gone(":3\r\n"), PROMISE));
    }

    #[test]
    fn keys_that_the_cluster_lost_are_excused_and_no_others() {
        let mut story = told(&[(0, 10, SET, 20, OK), (1, 40, GET, 45, NONE)]);
        story.execute(15, SET, OK);
        drop(caught(&story, PROMISE));
        let slot = Slot::of(b"s:all:0").number();
        let mut lose = |what, from, until| {
            story.history.losses = vec![Loss { what, from, until, at: until }];
            check(&story.history, &Index::default()).is_ok()
        };
        assert!(lose(Lost::Node(0), ms(12), ms(30)), "its writes from 12 to 30 are lost");
        assert!(!lose(Lost::Node(1), ms(12), ms(30)), "another node's");
        assert!(!lose(Lost::Node(0), ms(16), ms(30)), "later ones");
        assert!(lose(Lost::Slots([slot].into()), Duration::ZERO, ms(30)), "it starts again empty");
        assert!(!lose(Lost::Slots([slot].into()), Duration::ZERO, ms(5)), "before it was written");
        assert!(!lose(Lost::Slots([slot].into()), Duration::ZERO, ms(50)), "after it was missed");
    }

    #[test]
    fn a_slot_that_was_given_away_is_excused_from_then_on_and_no_other() {
        let mut story = told(&[(0, 10, SET, 20, OK), (1, 40, GET, 45, NONE)]);
        let mut is_excused = |slot: u16, changes: &[u64]| {
            let loss = |at: &u64| {
                let (what, from, until) = (Lost::Slots([slot].into()), ms(0), Duration::MAX);
                Loss { what, from, until, at: ms(*at) }
            };
            story.history.losses = changes.iter().map(loss).collect();
            check(&story.history, &Index::default()).is_ok()
        };
        let slot = Slot::of(b"s:all:0").number();
        assert!(is_excused(slot, &[5]), "before all of it");
        assert!(is_excused(slot, &[15]), "while it was written");
        assert!(is_excused(slot, &[43]), "while it was missed");
        assert!(is_excused(slot, &[30, 60]) && is_excused(slot, &[60, 30]), "at first in between");
        assert!(!is_excused(slot, &[50]), "after it was missed");
        assert!(!is_excused(slot + 1, &[5]), "another slot");
    }

    #[test]
    fn what_was_read_where_the_key_was_yet_to_come_is_excused() {
        let mut story = told(&[(0, 10, SET, 20, OK), (1, 40, GET, 45, NONE)]);
        story.execute(41, GET, "-ASK 1 10.0.0.1:1\r\n");
        story.send(42, GET, true);
        story.history.sendings.last_mut().expect("one was sent").asking = true;
        story.execute(44, GET, NONE);
        drop(caught(&story, PROMISE));
        let begin = Fault::Slot(Slot::of(b"s:all:0").number(), SlotChange::BeginMigration(0));
        story.history.faults.push((ms(43), begin));
        assert_eq!(check(&story.history, &Index::new(&story.history)), Ok(()));
    }

    #[test]
    fn what_was_wrong_before_a_loss_is_seen_all_the_same() {
        let mut story = told(&[(0, 10, SET, 20, OK), (1, 40, GET, 45, NONE)]);
        story.execute(60, GET, NONE);
        let what = Lost::Node(0);
        story.history.losses.push(Loss { what, from: ms(50), until: ms(70), at: ms(70) });
        drop(caught(&story, PROMISE));
    }

    /// Each of so many additions may have happened or not; none makes what was read.
    fn riddle(additions: u16) -> Story {
        let adds: Vec<_> =
            (0..additions).map(|add| format!("INCRBY c:all:0 {}", 2_u32 << add)).collect();
        let asked = (0..).zip(&adds).map(|(client, add)| (client, 10, &add[..], 0, ""));
        let read = (additions, 20, "GET c:all:0", 30, "$1\r\n1\r\n");
        told(&asked.chain([read]).collect::<Vec<_>>())
    }

    #[test]
    fn a_key_that_takes_too_long_is_given_up_and_nothing_is_said_of_it() {
        assert!(caught(&riddle(6), PROMISE).contains("GET c:all:0"));
        let story = riddle(13);
        let index = Index::new(&story.history);
        assert_eq!(check(&story.history, &index), Ok(()));
        let notes = index.into_notes();
        assert_eq!(notes.get("linear_keys_given_up"), Some(&1), "{notes:?}");
        assert_eq!(notes.get("linear_ops_given_up"), Some(&1), "{notes:?}");
        let asked = ops::by_key(&story.history).remove(&b"c:all:0"[..]).expect("it was asked");
        let found = search::find(&asked.ops, u32::MAX);
        assert!(matches!(found, Finding::None(_)), "with time it is seen: {found:?}");
    }

    #[test]
    fn what_is_left_out_of_a_key_is_not_counted_as_judged() {
        let range = (1, 25, "GETRANGE s:all:0 1 1001000000", 28, "$0\r\n\r\n");
        let mut story = told(&[(0, 10, SET, 20, OK), range, (1, 40, GET, 45, NONE)]);
        let (what, from) = (Lost::Slots([Slot::of(b"s:all:0").number()].into()), ms(0));
        story.history.losses = vec![Loss { what, from, until: Duration::MAX, at: ms(30) }];
        let noted = |story: &Story| {
            let index = Index::new(&story.history);
            assert_eq!(check(&story.history, &index), Ok(()));
            let notes = index.into_notes();
            [
                "linear_keys_in_order",
                "linear_keys_excused",
                "linear_ops_judged",
                "linear_ops_excused",
            ]
            .map(|name| notes.get(name).copied().unwrap_or(0))
        };
        let (with, without) = (noted(&story), noted(&told(&[])));
        let more: Vec<_> = with.into_iter().zip(without).map(|(one, other)| one - other).collect();
        assert_eq!(more, [1, 0, 1, 2]);
    }

    #[test]
    fn nearly_all_keys_are_judged_and_nearly_all_that_was_done_with_them() {
        let mut tally = crate::tally::Tally::default();
        (0..20).for_each(|seed| tally.add(&run(&Plan::draw(seed), false).tally));
        let count = |name| tally.count(name);
        let judged = count("linear_keys_in_order");
        assert!(judged > 1_000, "{judged}");
        assert!(100 * count("linear_keys_given_up") < judged, "{tally:?}");
        assert!(5 * count("linear_keys_excused") < judged, "{tally:?}");
        let judged = count("linear_ops_judged");
        assert!(judged > 5_000, "{judged}");
        assert!(50 * count("linear_ops_given_up") < judged, "{tally:?}");
        assert!(10 * count("linear_ops_excused") < judged, "{tally:?}");
    }
}
