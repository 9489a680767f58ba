//! What became of commands, from asking to hearing: states that many things must come together for.

use std::collections::{BTreeMap, BTreeSet};

use super::{Tally, count};
use crate::history::{Call, Execution, History, Lost, Sending, Verdict};
use crate::resp::error_code;
use crate::workload::Id;

/// What nodes say that cannot execute a command now.
const REFUSALS: [&str; 5] = ["LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY"];

pub(super) fn see(history: &History, tally: &mut Tally) {
    let executions = || history.executions.iter();
    tally.see("executions", executions().count() as u64);
    let said = |codes: &[&str]| {
        count(executions(), |seen: &&Execution| codes.contains(&error_code(&seen.reply)))
    };
    tally.see("moved", said(&["MOVED"]));
    tally.see("asked", said(&["ASK"]));
    tally.see("refused_by_nodes", said(&REFUSALS));
    tally.see("cut_off", count(&history.sendings, |sending| !sending.is_whole));
    tally.see("sent_with_asking", count(&history.sendings, |sending| sending.asking));
    tally.see("failovers", history.failovers.len() as u64);
    tally.see("failovers_that_lose", count(&history.losses, |l| matches!(l.what, Lost::Node(_))));
    tally.see("retirements", history.retirements.len() as u64);
    let lives = Lives::of(history);
    for conversation in &history.conversations {
        for call in &conversation.calls {
            lives.of_call(call, history, tally);
        }
        tally.see("parked_behind_a_redirect", lives.parked(&conversation.calls));
    }
}

/// What happened to commands that carry a number.
struct Lives<'a> {
    sendings: BTreeMap<Id, Vec<&'a Sending>>,
    executions: BTreeMap<Id, Vec<&'a Execution>>,
    /// Streams that carried something after a time, by their last.
    last_sent: BTreeMap<u64, std::time::Duration>,
}

impl<'a> Lives<'a> {
    fn of(history: &'a History) -> Lives<'a> {
        let mut lives = Lives {
            sendings: BTreeMap::new(),
            executions: BTreeMap::new(),
            last_sent: BTreeMap::new(),
        };
        for sending in &history.sendings {
            lives.last_sent.insert(sending.stream, sending.at);
            if let Some(id) = Id::of_command(&sending.args) {
                lives.sendings.entry(id).or_default().push(sending);
            }
        }
        for seen in &history.executions {
            if let Some(id) = Id::of_command(&seen.args) {
                lives.executions.entry(id).or_default().push(seen);
            }
        }
        lives
    }

    fn sent(&self, call: &Call) -> &[&'a Sending] {
        self.sendings.get(&call.id).map_or(&[], Vec::as_slice)
    }

    fn executed(&self, call: &Call) -> &[&'a Execution] {
        self.executions.get(&call.id).map_or(&[], Vec::as_slice)
    }

    fn of_call(&self, call: &Call, history: &History, tally: &mut Tally) {
        let (sent, executed) = (self.sent(call), self.executed(call));
        let is_done = call.verdict() == Verdict::Done;
        let said =
            |codes: &[&str]| count(executed, |seen| codes.contains(&error_code(&seen.reply)));
        let keys: BTreeSet<&[u8]> = call.keys().collect();
        let is_single = keys.len() == 1;
        let see = |tally: &mut Tally, name, is_so: bool| tally.see(name, u64::from(is_so));

        let redirects = said(&["MOVED", "ASK"]);
        see(tally, "two_redirects_in_a_chain", is_single && is_done && redirects >= 2);
        see(
            tally,
            "ask_followed",
            is_single && is_done && sent.iter().any(|sending| sending.asking),
        );
        see(tally, "done_after_a_refusal", is_single && is_done && said(&REFUSALS) > 0);
        let again = is_single && is_done && sent.len() as u64 > 1 + redirects + said(&REFUSALS);
        see(tally, "read_sent_again", again && !call.writes());
        let in_part = sent.iter().any(|sending| !sending.is_whole);
        let is_unsure = call.verdict() == Verdict::Unsure;
        see(
            tally,
            "write_not_sent_again_after_a_part_of_it",
            in_part && is_unsure && call.writes(),
        );
        let known = history.looks.first().map(|look| look.at);
        see(tally, "waited_for_the_topology", is_done && known.is_some_and(|at| call.sent < at));
        // Its place was kept: what came behind it on the stream was answered properly.
        let told = call.reply.as_ref().map(|(at, _)| *at);
        let outlived = |sending: &Sending| {
            told.is_some_and(|told| self.last_sent.get(&sending.stream) > Some(&told))
        };
        Lives::of_queued(call, (said(&["MOVED"]), said(&["ASK", "TRYAGAIN"])), tally);
        let is_late = is_unsure && executed.iter().any(|seen| seen.is_done());
        see(tally, "late_reply_discarded", is_late && sent.iter().any(|s| outlived(s)));
    }

    /// What became of a command of a transaction, which was redirected and put off so many times.
    fn of_queued(call: &Call, (moved, put_off): (u64, u64), tally: &mut Tally) {
        let is_queued = call.queued.is_some();
        let is_done = is_queued && call.verdict() == Verdict::Done;
        let is_unsure = is_queued && call.verdict() == Verdict::Unsure;
        let is_aborted = call.frame().is_some_and(|frame| error_code(frame) == "EXECABORT");
        tally.see("queued_moved_and_done", u64::from(is_done && moved > 0));
        tally.see("queued_put_off_and_done", u64::from(is_done && put_off > 0));
        tally.see("queued_unsure", u64::from(is_unsure));
        tally.see("queued_aborted", u64::from(is_queued && is_aborted));
    }

    /// Commands that were sent only when an earlier one for the same key, which was redirected, had
    /// been executed.
    fn parked(&self, calls: &[Call]) -> u64 {
        let mut redirected: BTreeMap<&[u8], &Execution> = BTreeMap::new();
        let mut parked = 0;
        for call in calls {
            let Some(key) = call.keys().next() else { continue };
            let first_sent = self.sent(call).first().map(|sending| sending.at);
            if let (Some(done), Some(sent)) = (redirected.get(key), first_sent) {
                parked += u64::from(call.sent < done.at && sent >= done.at);
            }
            let executed = self.executed(call);
            let is_moved = executed.iter().any(|seen| error_code(&seen.reply) == "MOVED");
            if let Some(done) = executed.iter().rfind(|seen| seen.is_done()).filter(|_| is_moved) {
                redirected.insert(key, done);
            }
        }
        parked
    }
}
