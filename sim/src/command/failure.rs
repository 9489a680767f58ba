//! What is to be known of a run that fails: what, when, at which commit, what came before, and how
//! to see it again.

use redpoll_sim::biography;
use redpoll_sim::oracle::catalogue::with_numbers;
use redpoll_sim::plan::Plan;
use redpoll_sim::resp::shown_command;
use redpoll_sim::run::{Failure, Outcome};
use redpoll_sim::shrink::peculiarities;
use redpoll_sim::trace::Line;
use redpoll_sim::world::Setup;
use serde_json::json;

use super::plan::Origin;
use super::revision::revision;

/// Events shown before a violation, and after it.
const EVENTS_BEFORE: usize = 30;
const EVENTS_AFTER: usize = 8;

/// Commands of a plan that are shown.
const COMMANDS_SHOWN: usize = 40;

/// A failed run in words, a line each.
pub(crate) fn describe(origin: &Origin, outcome: &Outcome) -> Vec<String> {
    let Some(first) = outcome.failures.first() else { return Vec::new() };
    let name = origin.name();
    let mut lines = vec![format!("{name} failed: {}", with_numbers(first.kind()))];
    for failure in &outcome.failures {
        let at = failure.at().as_secs_f64() * 1e3;
        lines.push(format!("  {} at {at:.3}ms: {}", failure.kind(), failure.what()));
    }
    let (took, hash) = (outcome.took.as_secs_f64(), outcome.hash);
    let events = outcome.events;
    lines.push(format!("  commit {}: {events} events in {took:.3}s, hash {hash:016x}", revision()));
    lines.push(format!("  what happened around the time of {}:", first.kind()));
    lines.extend(around(&biography::of_run(outcome), first).map(|line| format!("  {line}")));
    lines.push(format!("  repeat it: {}", origin.command_to_repeat()));
    lines.push(format!("  see it:    {} --html run.html", origin.command_to_repeat()));
    lines.push(format!("  shrink it: {}", origin.command_to_shrink()));
    lines
}

/// The events around a failure, which is marked.
fn around(story: &[Line], failure: &Failure) -> impl Iterator<Item = String> {
    let place = story.partition_point(|line| line.at <= failure.at());
    let before = story[place.saturating_sub(EVENTS_BEFORE)..place].iter();
    let after = story[place..].iter().take(EVENTS_AFTER);
    let mark = format!(">> {}", Line::new(failure.at(), "BROKEN", failure.kind()));
    let shown = |line: &Line| format!("   {line}");
    before.map(shown).chain([mark]).chain(after.map(shown)).collect::<Vec<_>>().into_iter()
}

/// A plan in words: its faults, and its commands client by client.
pub(crate) fn describe_plan(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<_> = plan
        .faults
        .iter()
        .map(|timed| format!("{:>6} ms  {:?}", timed.at_ms, timed.fault))
        .collect();
    let total = plan.commands().count();
    for (client, place) in plan.commands().take(COMMANDS_SHOWN) {
        let args = &plan.scripts[client].commands[place];
        let args: Vec<_> = args.iter().map(|arg| arg.clone().into_bytes()).collect();
        lines.push(format!("client-{client}  {}", shown_command(&args)));
    }
    if total > COMMANDS_SHOWN {
        lines.push(format!("and {} commands more", total - COMMANDS_SHOWN));
    }
    let Setup { primaries, replicas, .. } = plan.setup;
    let peculiar = peculiarities(&plan.setup).join(", ");
    let peculiar = if peculiar.is_empty() { "nothing" } else { &peculiar };
    lines
        .push(format!("primaries {primaries}, replicas of each {replicas}; not plain: {peculiar}"));
    lines
}

/// A failed run as JSON.
pub(crate) fn as_json(origin: &Origin, outcome: &Outcome) -> serde_json::Value {
    let numbers = |failure: &Failure| {
        redpoll_sim::oracle::catalogue::broken_by(failure.kind())
            .map(|invariant| invariant.number)
            .collect::<Vec<_>>()
    };
    let failures = outcome.failures.iter().map(|failure| {
        json!({
            "kind": failure.kind(),
            "invariants": numbers(failure),
            "at_ms": failure.at().as_millis() as u64,
            "what": failure.what(),
        })
    });
    let seed = if let Origin::Seed(seed) = origin { Some(seed) } else { None };
    json!({
        "seed": seed,
        "commit": revision(),
        "virtual_ms": outcome.took.as_millis() as u64,
        "events": outcome.events,
        "hash": format!("{:016x}", outcome.hash),
        "failures": failures.collect::<Vec<_>>(),
        "repeat": origin.command_to_repeat(),
        "shrink": origin.command_to_shrink(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_violation_is_marked_between_what_came_before_and_after() {
        let ms = Duration::from_millis;
        let story: Vec<_> = (0..100).map(|at| Line::new(ms(at), "proxy", "works")).collect();
        let failure = Failure::Error { at: ms(50), what: "it broke".to_owned() };
        let told: Vec<_> = around(&story, &failure).collect();
        assert_eq!(told.len(), EVENTS_BEFORE + 1 + EVENTS_AFTER);
        assert_eq!(told[EVENTS_BEFORE - 1].trim(), "50.000ms proxy     works");
        assert_eq!(told[EVENTS_BEFORE], ">>     50.000ms BROKEN    error");
        assert_eq!(told[EVENTS_BEFORE + 1].trim(), "51.000ms proxy     works");
    }
}
