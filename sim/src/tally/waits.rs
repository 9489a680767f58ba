//! What became of commands that wait for an element.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Tally;
use crate::history::{Call, Conversation, End, Execution, History};
use crate::transactions::is_nil;
use crate::workload::{Id, patience};

/// Longer than this it does not take from the proxy to a node that is well.
const JOURNEY: Duration = Duration::from_millis(20);

pub(super) fn see(history: &History, tally: &mut Tally) {
    let ids = |args: &[Vec<u8>]| Id::of_command(args).filter(|_| !patience(args).is_zero());
    let sendings = history.sendings.iter();
    let sent: BTreeMap<Id, Duration> =
        sendings.filter_map(|sending| Some((ids(&sending.args)?, sending.at))).collect();
    let executions = history.executions.iter().filter(|seen| seen.is_done());
    let executed: BTreeMap<Id, &Execution> =
        executions.filter_map(|seen| Some((ids(&seen.args)?, seen))).collect();
    for name in ["waits_served_at_once", "waits_served", "waits_timed_out", "waits_left"] {
        tally.see(name, 0);
    }
    for conversation in &history.conversations {
        for call in conversation.calls.iter().filter(|call| !patience(&call.args).is_zero()) {
            let (sent, executed) = (sent.get(&call.id), executed.get(&call.id));
            if let Some(name) = name(conversation, call, (sent.copied(), executed.copied())) {
                tally.see(name, 1);
            }
        }
    }
}

/// What to call it that became of one that was sent on then, and executed so.
fn name(
    conversation: &Conversation,
    call: &Call,
    (sent, executed): (Option<Duration>, Option<&Execution>),
) -> Option<&'static str> {
    let sent = sent?;
    match executed {
        Some(seen) if is_nil(&seen.reply) => Some("waits_timed_out"),
        Some(seen) if seen.at > sent + JOURNEY => Some("waits_served"),
        Some(_) => Some("waits_served_at_once"),
        None if call.reply.is_some() => None,
        None => matches!(conversation.end, Some((_, End::Left))).then_some("waits_left"),
    }
}
