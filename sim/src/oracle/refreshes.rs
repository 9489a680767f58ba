//! The topology is looked at no more often than configured, however much goes wrong; and while
//! nothing does, only at the regular interval.

use std::time::Duration;

use super::spells::renewals;
use super::{Index, Verdict, Violation};
use crate::history::History;

pub(super) const PROMISE: &str = "refreshes";

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    let rules = &history.rules;
    let is_calm = history.faults.is_empty() && !rules.is_narrow;
    let interval = if is_calm { rules.refresh } else { rules.refresh_min };
    if interval.is_zero() {
        return Ok(());
    }
    // From the end of one to the beginning of the next, a quarter shorter at most.
    let looks_in = |time: Duration| 1 + time.as_micros() / (interval * 3 / 4).as_micros();
    // A new configuration begins with a look, and some clients are left to the old one for a while.
    let of_renewals = renewals(history).map(|renewal| looks_in(renewal.until - renewal.from));
    let most = looks_in(history.lifetime()) + of_renewals.sum::<u128>();
    let rounds = u128::from(history.own().counted.refreshes);
    if rounds <= most {
        return Ok(());
    }
    let what = format!("{rounds} looks at the topology, where {most} are allowed");
    Err(Violation { promise: PROMISE, at: Duration::ZERO, what })
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{ConfigChange, Fault};

    #[test]
    fn looks_that_come_too_often_are_seen() {
        let mut story = Story::right();
        story.history.took = Duration::from_millis(6_000);
        story.history.rules.refresh = Duration::from_millis(1_000);
        story.history.rules.refresh_min = Duration::from_millis(100);
        story.history.processes[0].counted.refreshes = 9;
        story.passes();
        story.history.processes[0].counted.refreshes = 10;
        assert!(caught(&story, PROMISE).contains("10 looks"));
        story.history.faults.push((Duration::ZERO, Fault::Leave(0)));
        story.passes();
        story.history.processes[0].counted.refreshes = 82;
        assert!(caught(&story, PROMISE).contains("81 are allowed"));
        let change = Fault::Reload(ConfigChange::CommandStats(true));
        story.history.faults.push((Duration::from_millis(9), change));
        story.passes();
        story.history.processes[0].counted.refreshes = 84;
        assert!(caught(&story, PROMISE).contains("82 are allowed"));
    }
}
