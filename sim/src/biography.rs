//! All that happened to one key, in the order of time: what a failure is understood from.

use std::time::Duration;

use crate::history::History;
use crate::resp::{shown, shown_command};

/// The life of a key, a line an event.
#[must_use]
pub fn of_key(history: &History, key: &[u8]) -> Vec<String> {
    let concerns = |args: &[Vec<u8>]| args.iter().skip(1).any(|arg| arg == key);
    let mut events: Vec<(Duration, String)> = Vec::new();
    for (number, conversation) in history.conversations.iter().enumerate() {
        for call in conversation.calls.iter().filter(|call| concerns(&call.args)) {
            let command = format!("{} ({})", shown_command(&call.args), call.id);
            events.push((call.sent, format!("connection {number} asks {command}")));
            if let Some((at, frame)) = &call.reply {
                let reply = shown(frame);
                events.push((*at, format!("connection {number} hears of {}: {reply}", call.id)));
            }
        }
    }
    for sending in history.sendings.iter().filter(|sending| concerns(&sending.args)) {
        let command = shown_command(&sending.args);
        let part = if sending.is_whole { "" } else { "part of " };
        events.push((sending.at, format!("#{} sends {part}{command}", sending.stream)));
    }
    for seen in history.executions.iter().filter(|seen| concerns(&seen.args)) {
        let (command, reply) = (shown_command(&seen.args), shown(&seen.reply));
        events.push((seen.at, format!("node-{} is asked {command}: {reply}", seen.node)));
    }
    events.sort_by_key(|(at, _)| *at);
    events.into_iter().map(|(at, what)| format!("{:>10}ms {what}", at.as_millis())).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::history::{Call, Conversation, Execution};
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
        };
        let reply = Some((ms(9), Bytes::from_static(b"$1\r\na\r\n")));
        let calls = vec![call("a", reply), call("b", None)];
        let seen =
            Execution { at: ms(5), node: 2, args: args("GET a"), reply: Bytes::from_static(b"_") };
        let history = History {
            conversations: vec![Conversation { calls, ..Conversation::default() }],
            executions: vec![seen],
            ..History::default()
        };
        let told: Vec<_> = of_key(&history, b"a");
        let told: Vec<_> = told.iter().map(|line| line.trim()).collect();
        assert_eq!(
            told,
            [
                "1ms connection 0 asks GET a (1000000000)",
                "5ms node-2 is asked GET a: _",
                "9ms connection 0 hears of 1000000000: $1\\r\\na\\r\\n"
            ]
        );
    }
}
