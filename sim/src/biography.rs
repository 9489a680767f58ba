//! What happened, in the order of time and in words: what a failure is understood from.

use crate::history::{Conversation, End, Execution, History, Look, Sending};
use crate::resp::{shown, shown_command};
use crate::run::Outcome;
use crate::trace::Line;

/// All that happened in a run, without the details of the network.
#[must_use]
pub fn of_run(outcome: &Outcome) -> Vec<Line> {
    let network = outcome.trace.iter().filter(|line| !line.is_detail).cloned();
    let told = commands(&outcome.history, |_| true).into_iter().chain(looks(&outcome.history));
    in_order(network.chain(told).collect())
}

/// The life of a key.
#[must_use]
pub fn of_key(history: &History, key: &[u8]) -> Vec<Line> {
    in_order(commands(history, |args| args.iter().skip(1).any(|arg| arg == key)))
}

/// What was asked, sent, executed and heard of the commands that matter.
fn commands(history: &History, matters: impl Fn(&[Vec<u8>]) -> bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for (number, conversation) in history.conversations.iter().enumerate() {
        let name = if history.processes.len() > 1 {
            format!("{number} with {}", history.name_of(conversation.process))
        } else {
            number.to_string()
        };
        lines.extend(of_conversation(&name, conversation, &matters));
    }
    let sendings = history.sendings.iter().filter(|sending| matters(&sending.args));
    lines.extend(sendings.map(|sending| of_sending(sending, &history.proxy_of(sending.process))));
    let executions = history.executions.iter().filter(|seen| matters(&seen.args));
    lines.extend(executions.map(of_execution));
    lines
}

/// The topology as nodes were asked for it.
fn looks(history: &History) -> impl Iterator<Item = Line> {
    let looks = history.looks.iter();
    looks.map(|Look { at, node, .. }| {
        Line::new(*at, &format!("node-{node}"), "is asked for the topology")
    })
}

fn of_conversation(
    number: &str,
    conversation: &Conversation,
    matters: impl Fn(&[Vec<u8>]) -> bool,
) -> Vec<Line> {
    let Some(first) = conversation.calls.first() else { return Vec::new() };
    let place = format!("client-{}", first.id.client);
    let mut lines = Vec::new();
    for call in conversation.calls.iter().filter(|call| matters(&call.args)) {
        let command = shown_command(&call.args);
        let asks = format!("asks {command} ({}, connection {number})", call.id);
        lines.push(Line::new(call.sent, &place, asks));
        if let Some((at, frame)) = &call.reply {
            let hears = format!("hears of {}: {}", call.id, shown(frame));
            lines.push(Line::new(*at, &place, hears));
        }
    }
    let ended = conversation.end.filter(|_| !lines.is_empty());
    if let Some((at, end)) = ended {
        let what = match end {
            End::Finished => "has heard everything and leaves",
            End::Left => "leaves before it has heard everything",
            End::Closed => "is closed by the proxy",
            End::Garbled => "hears what it cannot understand, and leaves",
            End::Unended => "has said that it asks no more, and is not closed",
        };
        lines.push(Line::new(at, &place, format!("{what} (connection {number})")));
    }
    lines
}

fn of_sending(sending: &Sending, proxy: &str) -> Line {
    let command = shown_command(&sending.args);
    let part = if sending.is_whole { "" } else { "part of " };
    let asking = if sending.asking { ", after ASKING" } else { "" };
    let Sending { at, node, stream, .. } = sending;
    Line::new(*at, proxy, format!("sends node-{node} {part}{command} (#{stream}{asking})"))
}

fn of_execution(seen: &Execution) -> Line {
    let (command, reply) = (shown_command(&seen.args), shown(&seen.reply));
    Line::new(seen.at, &format!("node-{}", seen.node), format!("is asked {command}: {reply}"))
}

fn in_order(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| line.at);
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::history::Call;
    use crate::plan::Plan;
    use crate::run::run;
    use crate::workload::Id;

    #[test]
    fn a_key_s_life_is_told_in_order_and_other_keys_are_left_out() {
        let args = |text: &str| text.split(' ').map(|arg| arg.as_bytes().to_vec()).collect();
        let ms = Duration::from_millis;
        let call = |key: &str, reply| Call {
            id: Id { client: 0, seq: 0 },
            args: args(&format!("GET {key}")),
            sent: ms(1),
            reply,
            queued: None,
        };
        let reply = Some((ms(9), Bytes::from_static(b"$1\r\na\r\n")));
        let calls = vec![call("a", reply), call("b", None)];
        let seen = Execution {
            at: ms(5),
            node: 2,
            process: 0,
            args: args("GET a"),
            reply: Bytes::from_static(b"_"),
            progress: (0, Vec::new()),
            exec: None,
        };
        let end = Some((ms(10), End::Left));
        let history = History {
            conversations: vec![Conversation { calls, end, ..Conversation::default() }],
            executions: vec![seen],
            ..History::default()
        };
        let told: Vec<_> = of_key(&history, b"a").iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "     1.000ms client-0  asks GET a (1000000000, connection 0)",
                "     5.000ms node-2    is asked GET a: _",
                "     9.000ms client-0  hears of 1000000000: $1\\r\\na\\r\\n",
                "    10.000ms client-0  leaves before it has heard everything (connection 0)",
            ]
        );
    }

    #[test]
    fn a_run_is_told_with_its_commands_its_faults_and_its_connections() {
        let plan = (0..).map(Plan::draw).find(|plan| plan.faults.len() > 5).unwrap();
        let outcome = run(&plan, true);
        let told = of_run(&outcome);
        assert!(told.is_sorted_by_key(|line| line.at));
        let commands: usize = outcome.history.conversations.iter().map(|c| c.calls.len()).sum();
        let with = |part: &str| told.iter().filter(|line| line.text.contains(part)).count();
        assert_eq!(with(" asks "), commands);
        assert!(with("proxy     sends node-") > 0 && with(" accepted from ") > 0);
        assert_eq!(with(" is asked for the topology"), outcome.history.looks.len());
        let faults = told.iter().filter(|line| line.text.contains(" world ")).count();
        assert!(faults >= outcome.history.faults.len(), "{faults} faults told");
        assert_eq!(with(" bytes ("), 0, "reads and writes are details");
    }
}
