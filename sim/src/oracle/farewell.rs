//! A drain keeps nobody in the dark: who is subscribed sees the end of its connection as soon as
//! nothing is owed to it, and who waits for an element is told how that ended.

use std::time::Duration;

use super::index::handles;
use super::spells::{delays_clients, spells, was_cut_off, was_left_behind};
use super::{Index, Verdict, Violation, broken};
use crate::history::{End, History, Listening, Said};
use crate::listening::words;
use crate::resp::is_error;
use crate::workload::patience;

pub(super) const PROMISE: &str = "farewell";

pub(super) fn check<'a>(history: &'a History, index: &Index<'a>) -> Verdict {
    let Some(drained) = history.own().drained else { return Ok(()) };
    history.listenings.iter().try_for_each(|ear| is_closed(history, index, ear, drained))?;
    for conversation in &history.conversations {
        let Some((at, End::Closed)) = conversation.end else { continue };
        if at < drained
            || history.rules.may_close
            || was_cut_off(history, at)
            || was_left_behind(history, conversation, at)
        {
            continue;
        }
        for call in conversation.calls.iter().filter(|call| !patience(&call.args).is_zero()) {
            let parts = handles(&call.args);
            let is_it = |args: &[Vec<u8>]| handles(args).iter().any(|part| parts.contains(part));
            let waits = history.sendings.iter().any(|sending| is_it(&sending.args));
            if waits && call.reply.is_none() {
                return Err(broken(PROMISE, call, "waited, and was told nothing of the end"));
            }
            index.note_times("waits_told_of_a_drain", waits.into());
        }
    }
    Ok(())
}

/// Whether a connection that could listen at `drained` ends soon after that.
fn is_closed(history: &History, index: &Index<'_>, ear: &Listening, drained: Duration) -> Verdict {
    let (end, _) = ear.end.unwrap_or((history.took, false));
    // Only who has heard something was accepted for sure.
    let was_there =
        ear.log.iter().any(|(at, said)| *at < drained && matches!(said, Said::Heard(_)));
    let is_deaf = spells(history, delays_clients).iter().any(|spell| spell.touches(drained, end));
    if !was_there || end < drained || is_deaf || was_cut_off(history, end) {
        return Ok(());
    }
    let rules = &history.rules;
    let answered = if is_owed(ear, drained) {
        rules.longest_timeout().min(rules.drain_timeout)
    } else {
        Duration::ZERO
    };
    let latest = drained.saturating_add(answered + rules.slack);
    if end > latest {
        let what = format!(
            "a subscriber was told at {end:?} that the proxy drains, {latest:?} is \
                            the limit"
        );
        return Err(Violation { promise: PROMISE, at: end, what });
    }
    index.note("listeners_told_of_a_drain");
    Ok(())
}

/// Whether its last command was still to be answered at that time.
fn is_owed(ear: &Listening, at: Duration) -> bool {
    let log: Vec<_> =
        ear.log.iter().filter(|(said, _)| *said <= at).map(|(_, said)| said).collect();
    let is_question = |said: &&Said| matches!(said, Said::Asked(_));
    let Some(last) = log.iter().rposition(is_question) else { return false };
    let Said::Asked(asked) = log[last] else { return false };
    let name = asked[0].to_ascii_lowercase();
    let is_answer = |said: &&&Said| {
        let Said::Heard(frame) = said else { return false };
        frame[0] == b'%' || words(frame).is_some_and(|words| words[0] == name.as_bytes())
    };
    let is_refused = |said: &&Said| matches!(said, Said::Heard(frame) if is_error(frame));
    let answers = &log[last + 1..];
    let due = if name == "hello" { 1 } else { asked.len().max(2) - 1 };
    !answers.iter().any(is_refused) && answers.iter().filter(is_answer).count() < due
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{ClientFault, Fault};
    use crate::world::ms;

    /// A subscriber of a proxy that drains at 100 ms, until then; what it says and hears.
    fn story(log: &[(u64, &str)], end: u64) -> Story {
        let mut story = Story::right();
        story.listen(log, (end, false));
        story.history.processes[0].drained = Some(ms(100));
        story.history.rules.drain_timeout = ms(50);
        story
    }

    #[test]
    fn a_subscriber_that_outlives_the_drain_is_seen() {
        const SAID: [(u64, &str); 2] =
            [(10, "> SUBSCRIBE news:0"), (20, "*3|$9|subscribe|$6|news:0|:1|")];
        story(&SAID, 110).passes();
        let late = story(&SAID, 111);
        assert!(caught(&late, PROMISE).contains("told at 111ms"));
        let mut clogged = late.clone();
        let clog = Fault::Clients(ClientFault::ReadSlowly(1));
        clogged.history.faults.push((ms(90), clog));
        assert_eq!(check(&clogged.history, &Index::default()), Ok(()));
        let mut died = late;
        died.history.processes[0].died = Some(ms(105));
        died.passes();
        // Nobody has answered it: it may never have been accepted.
        story(&SAID[..1], 170).passes();
        let owed = [&SAID[..], &[(90, "> SUBSCRIBE news:1 news:2")]].concat();
        story(&owed, 160).passes();
        assert!(caught(&story(&owed, 161), PROMISE).contains("160ms is the limit"));
        let refused = [&owed[..], &[(95, "-UNSENT no|")]].concat();
        assert!(caught(&story(&refused, 111), PROMISE).contains("110ms is the limit"));
    }

    #[test]
    fn one_that_waits_and_is_not_told_of_the_end_is_seen() {
        const ASKED: &str = "BLPOP l:0:0 {l:0:0}#1000000003 0.400";
        let mut story = Story::right();
        story.history.processes[0].drained = Some(ms(100));
        story.call(0, 50, "BLPOP l:0:0 {l:0:0}#{id} 0.400");
        story.history.conversations[0].end = Some((ms(150), End::Closed));
        assert_eq!(check(&story.history, &Index::default()), Ok(()), "the proxy has not seen it");
        story.send(51, ASKED, true);
        assert!(caught(&story, PROMISE).contains("was told nothing of the end"));
        let mut told = story.clone();
        told.answer(0, 150, "-UNSURE a:1: the proxy stops\r\n");
        assert_eq!(check(&told.history, &Index::default()), Ok(()));
        story.history.faults.push((ms(140), Fault::Clients(ClientFault::Reset)));
        assert_eq!(check(&story.history, &Index::default()), Ok(()));
    }
}
