//! Who said what to whom and when, put together from what clients, the proxy and nodes saw.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Arrow, Command, Lanes, Way, ms};
use crate::history::{Call, Conversation, Execution, History, Verdict};
use crate::resp::{is_error, shown, shown_command};
use crate::wire::{Passed, Wire};
use crate::workload::{Id, Kind};

/// The commands of a run and the arrows between the lanes.
pub(super) struct Arrows<'a> {
    pub(super) commands: Vec<Command>,
    pub(super) arrows: Vec<Arrow>,
    lanes: &'a Lanes,
    /// One for each command.
    open: Vec<Open<'a>>,
}

/// A command under way, to find out whose a part of it is.
struct Open<'a> {
    call: &'a Call,
    /// When the proxy had read it.
    read: Option<Duration>,
    /// When the proxy had written its reply.
    written: Option<Duration>,
}

/// What the proxy sent to a node, a command or a part of one.
struct Part<'a> {
    wire: &'a Wire,
    node: usize,
    passed: Passed,
    reply: Option<(Duration, &'a [u8])>,
}

impl<'a> Arrows<'a> {
    pub(super) fn of(history: &'a History, wires: &[Wire], lanes: &'a Lanes) -> Arrows<'a> {
        let mut drawn =
            Arrows { commands: Vec::new(), arrows: Vec::new(), lanes, open: Vec::new() };
        let mut of_clients: Vec<_> = wires.iter().filter(|wire| wire.node.is_none()).collect();
        for (number, conversation) in history.conversations.iter().enumerate() {
            let proxy = history.processes[conversation.process].proxy;
            let wire = take_wire(&mut of_clients, proxy, conversation);
            drawn.add_conversation((number, proxy), conversation, wire);
        }
        let mut parts: Vec<_> = wires.iter().flat_map(parts).collect();
        parts.sort_by_key(|part| part.passed.at);
        let mut executions = Executions::new(history);
        for part in &parts {
            let seen = executions.take(part);
            drawn.add_part(part, seen);
        }
        drawn.arrows.sort_by(|a, b| a.at.total_cmp(&b.at));
        drawn
    }

    /// The ways from a client to the proxy and back.
    fn add_conversation(
        &mut self,
        (connection, proxy): (usize, usize),
        conversation: &'a Conversation,
        wire: Option<&Wire>,
    ) {
        let greets = usize::from(conversation.resp3);
        let read = wire.map_or_else(Vec::new, |wire| wire.read.commands());
        let replies = wire.map_or_else(Vec::new, |wire| wire.wrote.replies());
        for (place, call) in conversation.calls.iter().enumerate() {
            let came = read.get(place + greets).filter(|passed| passed.is_whole);
            let went = replies.get(place + greets);
            let read = came.map(|passed| passed.at);
            let ask = Arrow {
                way: Way::Ask,
                from: self.lanes.client(call.id.client),
                to: self.lanes.proxy(proxy),
                at: ms(call.sent),
                end: read.map(ms),
                command: Some(self.add_command(connection, call)),
                stream: wire.map(|wire| wire.stream),
                text: shown_command(&call.args),
                is_error: false,
                is_late: false,
            };
            let heard = call.reply.as_ref().map(|(at, _)| *at);
            let written = went.map(|(at, _)| *at).or(heard);
            if let Some(frame) = call.frame().or(went.map(|(_, frame)| *frame)) {
                self.arrows.push(Arrow {
                    way: Way::Reply,
                    from: ask.to,
                    to: ask.from,
                    at: written.map_or(ask.at, ms),
                    end: heard.map(ms),
                    text: shown(frame),
                    is_error: is_error(frame),
                    ..ask.clone()
                });
            }
            self.arrows.push(ask);
            self.open.push(Open { call, read, written });
        }
    }

    fn add_command(&mut self, connection: usize, call: &Call) -> usize {
        let verdict = match call.verdict() {
            Verdict::Done => "done",
            Verdict::Refused => "refused",
            Verdict::NotDone => "not done",
            Verdict::Unsure => "unsure",
            Verdict::Silence => "never answered",
        };
        self.commands.push(Command {
            id: call.id.to_string(),
            client: call.id.client,
            connection,
            text: shown_command(&call.args),
            keys: call.keys().map(shown).collect(),
            verdict,
        });
        self.commands.len() - 1
    }

    /// The ways from the proxy to a node and back.
    fn add_part(&mut self, part: &Part<'_>, seen: Option<&Execution>) {
        let command = owner(part, &self.open);
        let told = command.and_then(|command| self.open[command].written);
        let proxy = self.lanes.proxy(part.wire.proxy);
        let node = self.lanes.node(part.node);
        let cut = if part.passed.is_whole { "" } else { "part of " };
        let send = Arrow {
            way: Way::Send,
            from: proxy,
            to: node,
            at: ms(part.passed.at),
            end: seen.map(|seen| ms(seen.at)),
            command,
            stream: Some(part.wire.stream),
            text: format!("{cut}{}", shown_command(&part.passed.args)),
            is_error: false,
            is_late: false,
        };
        let Some(seen) = seen else { return self.arrows.push(send) };
        let heard = part.reply.map(|(at, _)| at);
        let answer = Arrow {
            way: Way::Answer,
            from: node,
            to: proxy,
            at: ms(seen.at),
            end: heard.map(ms),
            text: shown(&seen.reply),
            is_error: is_error(&seen.reply),
            is_late: heard.zip(told).is_some_and(|(heard, told)| heard > told),
            ..send.clone()
        };
        self.arrows.extend([send, answer]);
    }
}

/// The stream on which the proxy spoke with that client: what it read there is what was asked.
fn take_wire<'a>(
    wires: &mut Vec<&'a Wire>,
    proxy: usize,
    conversation: &Conversation,
) -> Option<&'a Wire> {
    let greets = usize::from(conversation.resp3);
    let is_it = |wire: &&Wire| {
        let read = wire.read.commands();
        let asked = read.iter().skip(greets).filter(|passed| passed.is_whole);
        let mut calls = conversation.calls.iter();
        let greeted = read.first().is_some_and(|passed| passed.args[0] == b"HELLO");
        greeted == conversation.resp3
            && wire.proxy == proxy
            && asked
                .into_iter()
                .all(|passed| calls.next().is_some_and(|call| call.args == passed.args))
    };
    let place = wires.iter().position(is_it)?;
    Some(wires.remove(place))
}

/// What went to a node on a stream, without what the proxy asks for itself, each with its reply.
fn parts(wire: &Wire) -> Vec<Part<'_>> {
    let Some(node) = wire.node else { return Vec::new() };
    let mut replies = wire.read.replies().into_iter();
    let parts = wire.wrote.commands().into_iter().map(|passed| {
        let reply = replies.next();
        Part { wire, node, passed, reply }
    });
    parts.filter(|part| Kind::of(&part.passed.args).is_some()).collect()
}

/// The command that a part belongs to: that of its number, or one with its key that is under way.
fn owner(part: &Part<'_>, open: &[Open<'_>]) -> Option<usize> {
    let Passed { at, args, .. } = &part.passed;
    if let Some(id) = Id::of_command(args) {
        return open.iter().position(|open| open.call.id == id);
    }
    open.iter().position(|open| {
        let was_read = open.read.is_some_and(|read| read <= *at);
        let is_open = open.written.is_none_or(|written| *at <= written);
        let has = |arg: &Vec<u8>| open.call.args[1..].contains(arg);
        let same = open.call.args[0].eq_ignore_ascii_case(&args[0]) && args[1..].iter().all(has);
        was_read && is_open && same && Id::of_command(&open.call.args).is_none()
    })
}

/// What nodes did, to be found by what they were sent: each time the next of that kind.
struct Executions<'a>(BTreeMap<(usize, &'a [Vec<u8>]), Vec<&'a Execution>>);

impl<'a> Executions<'a> {
    fn new(history: &'a History) -> Self {
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for seen in history.executions.iter().rev() {
            found.entry((seen.node, &seen.args[..])).or_default().push(seen);
        }
        Executions(found)
    }

    fn take(&mut self, part: &'a Part<'_>) -> Option<&'a Execution> {
        let left = self.0.get_mut(&(part.node, &part.passed.args[..]))?;
        let place = left.iter().rposition(|seen| seen.at >= part.passed.at)?;
        part.passed.is_whole.then(|| left.remove(place))
    }
}
