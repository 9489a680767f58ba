//! What each process was asked, did and counted, as if there had been no other: most promises are
//! those of one process.

use super::{CHECKERS, Index, Judgement, Violation};
use crate::history::History;

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
            let what = format!("{}: {what}", history.name_of(place));
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
        faults: history.faults.clone(),
        losses: history.losses.clone(),
        failovers: history.failovers.clone(),
        retirements: history.retirements.clone(),
        left: history.left.clone(),
        took: history.took,
        processes: vec![history.processes[place]],
    }
}

/// Those that are its own.
fn own<T: Clone>(all: &[T], is_its_own: impl Fn(&T) -> bool) -> Vec<T> {
    all.iter().filter(|one| is_its_own(one)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::judge;
    use super::super::story::Story;
    use crate::history::{Conversation, End, Process};

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

    #[test]
    fn what_is_executed_through_a_proxy_that_was_not_asked_is_seen() {
        let mut story = of_two();
        story.history.executions[0].process = 0;
        let broken = judge(&story.history).violations;
        assert!(broken.iter().any(|it| it.what.contains("nobody asked")), "{broken:?}");
    }
}
