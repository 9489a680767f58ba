//! What each of several proxies was asked, did and counted, as if it had been the only one: most
//! promises are those of one process.

use super::{CHECKERS, Index, Judgement, Violation};
use crate::history::{History, OfProxy, Rules};
use crate::proxies::name_of;

/// Of each promise that was broken by some proxy, or by all together, the first time.
pub(super) fn judge_each(history: &History) -> Judgement {
    let mut found: Vec<Violation> = Vec::new();
    let views: Vec<_> = (0..history.proxies.len()).map(|proxy| view(history, proxy)).collect();
    let indices: Vec<_> = views.iter().map(Index::new).collect();
    let whole = Index::new(history);
    for checker in &CHECKERS {
        if checker.is_of_all {
            found.extend((checker.check)(history, &whole).err());
            continue;
        }
        let broken = views.iter().zip(&indices).enumerate().find_map(|(proxy, (view, index))| {
            let Violation { promise, at, what } = (checker.check)(view, index).err()?;
            let what = format!("{}: {what}", name_of(proxy, views.len()));
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

/// The history of one proxy.
fn view(history: &History, proxy: usize) -> History {
    let OfProxy { connects, attempts, looks, counted, drained } = history.proxies[proxy].clone();
    let talks = history.conversations.iter().filter(|talk| talk.proxy == proxy);
    let executions = history.executions.iter().filter(|seen| seen.proxy == proxy);
    let sendings = history.sendings.iter().filter(|sending| sending.proxy == proxy);
    History {
        rules: Rules { drained, ..history.rules.clone() },
        conversations: talks.cloned().collect(),
        executions: executions.cloned().collect(),
        sendings: sendings.cloned().collect(),
        connects,
        attempts,
        looks,
        counted,
        faults: history.faults.clone(),
        losses: history.losses.clone(),
        failovers: history.failovers.clone(),
        retirements: history.retirements.clone(),
        left: history.left.clone(),
        took: history.took,
        proxies: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::judge;
    use super::super::story::Story;
    use super::*;
    use crate::history::{Conversation, End};

    /// Two proxies; what is told of the story's only client is with the second.
    fn of_two() -> Story {
        let mut story = Story::right();
        let history = &mut story.history;
        let counted = history.counted;
        history.proxies = vec![OfProxy::default(), OfProxy { counted, ..OfProxy::default() }];
        history.conversations.iter_mut().for_each(|talk| talk.proxy = 1);
        history.executions.iter_mut().for_each(|seen| seen.proxy = 1);
        history.sendings.iter_mut().for_each(|sending| sending.proxy = 1);
        story.passes();
        story
    }

    #[test]
    fn what_one_proxy_counts_is_no_excuse_for_another() {
        let mut story = of_two();
        story.history.proxies.swap(0, 1);
        let broken = judge(&story.history).violations;
        assert_eq!(broken[0].promise, "counters");
        assert_eq!(broken[0].what, "proxy-0: commands read: 3, which cannot be more than 0");
    }

    #[test]
    fn a_proxy_may_close_connections_when_it_was_told_to_stop_and_not_when_another_was() {
        let ms = Duration::from_millis;
        let mut story = of_two();
        let end = Some((ms(50), End::Closed));
        let closed = Conversation { proxy: 0, end, ..Conversation::default() };
        story.history.conversations.push(closed);
        story.history.proxies[0].drained = Some(ms(40));
        story.passes();
        story.history.conversations[1].proxy = 1;
        let broken = judge(&story.history).violations;
        assert!(broken[0].what.starts_with("proxy-1: the proxy closed"), "{broken:?}");
    }

    #[test]
    fn what_is_executed_through_a_proxy_that_was_not_asked_is_seen() {
        let mut story = of_two();
        story.history.executions[0].proxy = 0;
        let broken = judge(&story.history).violations;
        assert!(broken.iter().any(|it| it.what.contains("nobody asked")), "{broken:?}");
    }
}
