//! Histories told by hand, for the checkers' tests.

use std::time::Duration;

use bytes::Bytes;

use super::{CHECKERS, Index, judge, linear};
use crate::history::{Call, Conversation, End, Execution, History, Listening, Look, Process};
use crate::history::{Rules, Said, Sending, Verdict};
use crate::workload::Id;

/// A history under construction. Times are in ms; `{id}` stands for the command's own number.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) history: History,
}

impl Story {
    /// A short history in which all is well: one client, three commands answered, the third split.
    pub(super) fn right() -> Story {
        let rules = Rules {
            op_timeout: Duration::from_millis(100),
            slack: Duration::from_millis(10),
            follows: true,
            redirects_max: 5,
            ..Rules::default()
        };
        let end = Some((Duration::from_secs(1), End::Finished));
        let conversations = vec![Conversation { end, ..Conversation::default() }];
        let processes = vec![Process::default()];
        let history = History { rules, conversations, processes, ..History::default() };
        let mut story = Story { history };
        story.call(0, 1, "SET s:0:9 {id}");
        story.call(0, 1, "GET s:0:9");
        story.call(0, 1, "MGET s:0:8 {s:0:8}#{id} s:0:9 {s:0:9}#{id}");
        story.send(1, "SET s:0:9 1000000000", true);
        story.execute(2, "SET s:0:9 1000000000", "+OK\r\n");
        story.execute(2, "GET s:0:9", "$10\r\n1000000000\r\n");
        story.execute(2, "MGET s:0:8 {s:0:8}#1000000002", "*2\r\n$-1\r\n$-1\r\n");
        let nine = "*2\r\n$10\r\n1000000000\r\n$-1\r\n";
        story.execute(3, "MGET s:0:9 {s:0:9}#1000000002", nine);
        story.answer(0, 3, "+OK\r\n");
        story.answer(0, 3, "$10\r\n1000000000\r\n");
        story.answer(0, 4, "*4\r\n$-1\r\n$-1\r\n$10\r\n1000000000\r\n$-1\r\n");
        story.passes();
        story
    }

    pub(super) fn call(&mut self, client: u16, sent: u64, command: &str) {
        let calls = &mut self.history.conversations[usize::from(client)].calls;
        let id = Id { client, seq: u32::try_from(calls.len()).unwrap() };
        let args = args(&command.replace("{id}", &id.to_string()));
        calls.push(Call { id, args, sent: Duration::from_millis(sent), reply: None, queued: None });
        self.history.processes[0].counted.commands += 1;
    }

    /// Answers the client's first unanswered command.
    pub(super) fn answer(&mut self, client: u16, at: u64, reply: &str) {
        let calls = &mut self.history.conversations[usize::from(client)].calls;
        let call = calls.iter_mut().find(|call| call.reply.is_none()).unwrap();
        call.reply = Some((Duration::from_millis(at), Bytes::from(reply.to_owned())));
        match call.verdict() {
            Verdict::NotDone => self.history.processes[0].counted.unsent += 1,
            Verdict::Unsure => self.history.processes[0].counted.unsure += 1,
            Verdict::Done | Verdict::Refused | Verdict::Silence => {}
        }
    }

    /// A client listens until then, and is done or not; what it says, after `> `, and hears, with
    /// `|` for the end of a line.
    pub(super) fn listen(&mut self, log: &[(u64, &str)], (end, is_done): (u64, bool)) {
        let said = log.iter().map(|(at, what)| {
            let said = match what.strip_prefix("> ") {
                Some(words) => Said::Asked(words.split(' ').map(str::to_owned).collect()),
                None => Said::Heard(Bytes::from(what.replace('|', "\r\n"))),
            };
            (Duration::from_millis(*at), said)
        });
        let (log, end) = (said.collect::<Vec<_>>(), Some((Duration::from_millis(end), is_done)));
        let asked = log.iter().filter(|(_, said)| matches!(said, Said::Asked(_))).count();
        self.history.processes[0].counted.commands += asked as u64;
        self.history.listenings.push(Listening { log, end, ..Listening::default() });
    }

    /// The client leaves.
    pub(super) fn leave(&mut self, client: u16, at: u64) {
        let end = Some((Duration::from_millis(at), End::Left));
        self.history.conversations[usize::from(client)].end = end;
    }

    pub(super) fn execute(&mut self, at: u64, command: &str, reply: &str) {
        self.history.executions.push(Execution {
            at: Duration::from_millis(at),
            node: 0,
            process: 0,
            args: args(command),
            reply: Bytes::from(reply.to_owned()),
            progress: (0, Vec::new()),
            exec: None,
        });
    }

    pub(super) fn send(&mut self, at: u64, command: &str, is_whole: bool) {
        let at = Duration::from_millis(at);
        let (began, stream, node, asking, args) = (at, 1, 0, false, args(command));
        self.history.processes[0].counted.sent += 1;
        let process = 0;
        self.history.sendings.push(Sending {
            began,
            at,
            process,
            stream,
            node,
            asking,
            args,
            is_whole,
            is_further: false,
        });
    }

    /// A node is asked for the topology.
    pub(super) fn look(&mut self, at: u64, node: usize) {
        self.history.looks.push(Look { process: 0, at: Duration::from_millis(at), node });
    }

    /// Nothing is wrong; but a story need not tell how what is read came to be there.
    #[track_caller]
    pub(super) fn passes(&self) {
        let mut violations = judge(&self.history).violations;
        violations.retain(|violation| violation.promise != linear::PROMISE);
        assert_eq!(violations, []);
    }
}

/// What the checker of this promise finds.
#[track_caller]
pub(super) fn caught(story: &Story, promise: &str) -> String {
    let checker = CHECKERS.iter().find(|checker| checker.promise == promise).unwrap();
    let index = Index::new(&story.history);
    (checker.check)(&story.history, &index).expect_err("the checker sees nothing").what
}

fn args(command: &str) -> Vec<Vec<u8>> {
    command.split(' ').map(|arg| arg.as_bytes().to_vec()).collect()
}
