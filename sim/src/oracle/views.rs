//! What each process was asked, did and counted, as if there had been no other: most promises are
//! those of one process.

use std::time::Duration;

use super::{CHECKERS, Index, Judgement, Violation};
use crate::fault::Fault;
use crate::history::{History, Process};

/// Of each promise that was broken by some process, or by all together, the first time.
pub(super) fn judge_each(history: &History) -> Judgement {
    let mut found: Vec<Violation> = Vec::new();
    let views: Vec<_> = (0..history.processes.len()).map(|place| view(history, place)).collect();
    let indices: Vec<_> = views.iter().map(Index::new).collect();
    let whole = Index::new(history);
    for checker in &CHECKERS {
        if checker.is_of_all {
            found.extend((checker.check)(history, &whole).err());
            continue;
        }
        let broken = views.iter().zip(&indices).enumerate().find_map(|(place, (view, index))| {
            let Violation { promise, at, what } = (checker.check)(view, index).err()?;
            let is_alone = views.len() == 1;
            let what = if is_alone { what } else { format!("{}: {what}", history.name_of(place)) };
            Some(Violation { promise, at, what })
        });
        found.extend(broken);
    }
    let mut notes = whole.into_notes();
    for (what, count) in indices.into_iter().flat_map(Index::into_notes) {
        *notes.entry(what).or_default() += count;
    }
    Judgement { violations: found, notes }
}

/// The history of the process at this place.
fn view(history: &History, place: usize) -> History {
    History {
        rules: history.rules.clone(),
        conversations: own(&history.conversations, |talk| talk.process == place),
        executions: own(&history.executions, |seen| seen.process == place),
        sendings: own(&history.sendings, |sending| sending.process == place),
        connects: own(&history.connects, |connect| connect.process == place),
        attempts: own(&history.attempts, |attempt| attempt.process == place),
        looks: own(&history.looks, |look| look.process == place),
        faults: faults(history, &history.processes[place]),
        losses: history.losses.clone(),
        failovers: history.failovers.clone(),
        retirements: history.retirements.clone(),
        left: history.left.clone(),
        listenings: own(&history.listenings, |listening| listening.process == place),
        published: history.published.clone(),
        took: history.took,
        processes: vec![history.processes[place]],
    }
}

/// What concerns a process. How it began and ended is said of itself, and what it was configured
/// anew is said if it was there. What strikes its way to a node is for it what strikes the node;
/// what strikes that of another proxy is nothing.
fn faults(history: &History, process: &Process) -> Vec<(Duration, Fault)> {
    let concerning_at = |(at, fault): &(Duration, Fault)| {
        concerning(process, *at, *fault).map(|fault| (*at, fault))
    };
    history.faults.iter().filter_map(concerning_at).collect()
}

fn concerning(process: &Process, at: Duration, fault: Fault) -> Option<Fault> {
    match fault {
        Fault::Between(proxy, node, fault) => {
            (proxy == process.proxy).then_some(Fault::Node(node, fault))
        }
        Fault::Stop(_) | Fault::Crash(_) | Fault::Start(_) => None,
        Fault::Reload(_) => (at >= process.began).then_some(fault),
        Fault::Node(..)
        | Fault::Slot(..)
        | Fault::Leave(_)
        | Fault::Drain
        | Fault::Deaf(_)
        | Fault::Clients(_) => Some(fault),
    }
}

/// Those that are its own.
fn own<T: Clone>(all: &[T], is_its_own: impl Fn(&T) -> bool) -> Vec<T> {
    all.iter().filter(|one| is_its_own(one)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::story::Story;
    use super::*;
    use crate::fault::{ConfigChange, NodeFault};
    use crate::history::{Conversation, End, Look};

    /// Two proxies; what is told of the story's only client is with the second.
    fn of_two() -> Story {
        let mut story = Story::right();
        let history = &mut story.history;
        let counted = history.own().counted;
        let second = Process { proxy: 1, counted, ..Process::default() };
        history.processes = vec![Process::default(), second];
        history.conversations.iter_mut().for_each(|talk| talk.process = 1);
        history.executions.iter_mut().for_each(|seen| seen.process = 1);
        history.sendings.iter_mut().for_each(|sending| sending.process = 1);
        story.passes();
        story
    }

    #[test]
    fn what_one_proxy_counts_is_no_excuse_for_another() {
        let mut story = of_two();
        let [first, second] = &mut story.history.processes[..] else { unreachable!("two") };
        std::mem::swap(&mut first.counted, &mut second.counted);
        let broken = judge(&story.history).violations;
        assert_eq!(broken[0].promise, "counters");
        assert_eq!(broken[0].what, "proxy-0: commands read: 3, which cannot be more than 0");
    }

    #[test]
    fn a_proxy_may_close_connections_when_it_was_told_to_stop_and_not_when_another_was() {
        let ms = Duration::from_millis;
        let mut story = of_two();
        let end = Some((ms(50), End::Closed));
        let closed = Conversation { process: 0, end, ..Conversation::default() };
        story.history.conversations.push(closed);
        story.history.processes[0].drained = Some(ms(40));
        story.passes();
        story.history.conversations[1].process = 1;
        let broken = judge(&story.history).violations;
        assert!(broken[0].what.starts_with("proxy-1: the proxy closed"), "{broken:?}");
    }

    /// One proxy that is killed at 500 and started again at 600; nobody is with the second process.
    fn of_two_lives() -> Story {
        let ms = Duration::from_millis;
        let mut story = Story::right();
        story.history.processes[0].died = Some(ms(500));
        story.history.processes.push(Process { life: 1, began: ms(600), ..Process::default() });
        story.history.faults = vec![(ms(500), Fault::Crash(0)), (ms(600), Fault::Start(0))];
        story.passes();
        story
    }

    #[test]
    fn what_was_asked_of_a_process_that_was_killed_is_not_executed_by_its_successor() {
        let mut story = of_two_lives();
        story.call(0, 490, "SET s:0:7 {id}");
        story.history.conversations[0].end = Some((Duration::from_millis(501), End::Closed));
        story.execute(505, "SET s:0:7 1000000003", "+OK\r\n");
        story.passes();
        story.history.executions.last_mut().expect("one was executed").process = 1;
        let broken = judge(&story.history).violations;
        assert_eq!(broken[0].promise, "once");
        assert!(broken[0].what.starts_with("proxy, life 2: SET s:0:7"), "{broken:?}");
    }

    #[test]
    fn who_is_killed_owes_nothing_from_then_on_and_its_successor_all() {
        let ms = Duration::from_millis;
        let mut story = of_two_lives();
        story.history.took = ms(900);
        story.history.rules.mended_from = Some(ms(800));
        story.history.processes[0].counted.in_flight = 1;
        story.history.conversations[0].end = Some((ms(500), End::Closed));
        story.passes();
        let mut early = story.clone();
        early.history.conversations[0].end = Some((ms(499), End::Closed));
        let broken = judge(&early.history).violations;
        assert!(broken[0].what.contains("without need"), "{broken:?}");
        let end = Some((ms(700), End::Closed));
        let closed = Conversation { process: 1, end, ..Conversation::default() };
        story.history.conversations.push(closed);
        story.history.processes[1].counted.in_flight = 1;
        let broken: Vec<_> = judge(&story.history).violations;
        let promises: Vec<_> = broken.iter().map(|it| it.promise).collect();
        assert_eq!(promises, ["drain", "rest"], "{broken:?}");
        assert!(broken.iter().all(|it| it.what.starts_with("proxy, life 2: ")), "{broken:?}");
    }

    #[test]
    fn a_process_may_look_at_the_topology_as_often_as_it_has_time_for() {
        let ms = Duration::from_millis;
        let mut story = of_two_lives();
        story.history.took = ms(1_200);
        story.history.rules.refresh = ms(100);
        story.history.processes[0].counted.refreshes = 7;
        story.history.processes[1].counted.refreshes = 9;
        story.passes();
        let mut first = story.clone();
        first.history.processes[0].counted.refreshes = 8;
        let broken = judge(&first.history).violations;
        assert!(broken[0].what.starts_with("proxy: 8 looks"), "{broken:?}");
        story.history.processes[1].counted.refreshes = 10;
        let broken = judge(&story.history).violations;
        assert!(broken[0].what.starts_with("proxy, life 2: 10 looks"), "{broken:?}");
    }

    #[test]
    fn what_strikes_the_way_of_one_proxy_to_a_node_excuses_no_other() {
        let ms = Duration::from_millis;
        let mut story = of_two();
        story.history.rules.are_apart = true;
        story.history.looks.push(Look { process: 1, at: ms(1), node: 0 });
        story.call(0, 20, "SET s:0:9 {id}");
        story.execute(60, "SET s:0:9 1000000003", "+OK\r\n");
        story.history.executions.last_mut().expect("one was executed").process = 1;
        story.answer(0, 90, "-UNSURE it\r\n");
        let [first, second] = &mut story.history.processes[..] else { unreachable!("two") };
        (second.counted.commands, second.counted.unsure) = (4, first.counted.unsure);
        (first.counted.commands, first.counted.unsure) = (0, 0);
        for (struck, is_excused) in [(0, false), (1, true)] {
            let stall = Fault::Between(struck, 0, NodeFault::Stall);
            story.history.faults = vec![(ms(15), stall)];
            let broken = judge(&story.history).violations;
            let promises: Vec<_> = broken.iter().map(|it| it.promise).collect();
            let expected: &[_] = if is_excused { &[] } else { &["neighbours"] };
            assert_eq!(promises, expected, "{broken:?}");
        }
    }

    #[test]
    fn what_befell_the_process_before_is_no_excuse_for_its_successor() {
        let ms = Duration::from_millis;
        let second = Process { life: 1, began: ms(600), ..Process::default() };
        let reload = Fault::Reload(ConfigChange::CommandStats(true));
        let concerning = |at, fault| concerning(&second, ms(at), fault);
        assert_eq!(concerning(599, reload), None);
        assert_eq!(concerning(600, reload), Some(reload));
        let stall = Fault::Node(1, NodeFault::Stall);
        assert_eq!(concerning(1, stall), Some(stall), "it may last");
        assert_eq!(concerning(700, Fault::Crash(0)), None);
    }

    #[test]
    fn what_is_executed_through_a_proxy_that_was_not_asked_is_seen() {
        let mut story = of_two();
        story.history.executions[0].process = 0;
        let broken = judge(&story.history).violations;
        assert!(broken.iter().any(|it| it.what.contains("nobody asked")), "{broken:?}");
    }
}
