//! Writes the history of a run, while clients, nodes and the network tell it what they do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;

use crate::history::{Call, Conversation, End, Execution, History, Rules, Sending};
use crate::net::{Overlay, Tap};
use crate::resp::{arguments, frame_len, leading_arguments};
use crate::trace::StreamId;
use crate::workload::{Effect, Id, Kind};

/// A handle of the history under construction. Clones are handles of the same.
#[derive(Clone)]
pub struct Recorder {
    overlay: Overlay,
    history: Rc<RefCell<History>>,
}

impl Recorder {
    /// An empty history.
    #[must_use]
    pub fn new(overlay: Overlay, rules: Rules) -> Self {
        let history = History { rules, ..History::default() };
        Recorder { overlay, history: Rc::new(RefCell::new(history)) }
    }

    /// A client connected; gives the number of its conversation.
    pub fn begin(&self, resp3: bool) -> usize {
        let conversations = &mut self.history.borrow_mut().conversations;
        conversations.push(Conversation { resp3, ..Conversation::default() });
        conversations.len() - 1
    }

    /// A client is about to send a command.
    pub fn asked(&self, conversation: usize, id: Id, args: Vec<Vec<u8>>) {
        let call = Call { id, args, sent: self.overlay.now(), reply: None };
        self.history.borrow_mut().conversations[conversation].calls.push(call);
    }

    /// A client got a reply: that to its command of this number, or to none if it sent fewer.
    pub fn replied(&self, conversation: usize, number: usize, frame: Bytes) {
        let at = self.overlay.now();
        let conversation = &mut self.history.borrow_mut().conversations[conversation];
        match conversation.calls.get_mut(number) {
            Some(call) => call.reply = Some((at, frame)),
            None => conversation.surplus.extend_from_slice(&frame),
        }
    }

    /// A client's connection ended; `rest` is what it got and could not understand.
    pub fn ended(&self, conversation: usize, end: End, rest: &[u8]) {
        let at = self.overlay.now();
        let conversation = &mut self.history.borrow_mut().conversations[conversation];
        conversation.surplus.extend_from_slice(rest);
        conversation.end = Some((at, end));
    }

    /// A node executed or refused a command.
    pub fn executed(&self, node: usize, args: &[&[u8]], reply: &[u8]) {
        if !is_of_workload(args) {
            return;
        }
        self.history.borrow_mut().executions.push(Execution {
            at: self.overlay.now(),
            node,
            args: args.iter().map(|arg| arg.to_vec()).collect(),
            reply: Bytes::copy_from_slice(reply),
        });
    }

    /// The proxy was told to stop.
    pub fn drained(&self) {
        self.history.borrow_mut().rules.drained = Some(self.overlay.now());
    }

    /// Whether the proxy was told to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.history.borrow().rules.drained.is_some()
    }

    /// A look at the history so far.
    pub fn with<R>(&self, look: impl FnOnce(&History) -> R) -> R {
        look(&self.history.borrow())
    }

    /// The history.
    #[must_use]
    pub fn finish(&self) -> History {
        self.history.take()
    }

    fn sent(&self, stream: StreamId, args: Vec<Vec<u8>>, is_whole: bool) {
        if is_of_workload(&args) {
            let sending = Sending { at: self.overlay.now(), stream, args, is_whole };
            self.history.borrow_mut().sendings.push(sending);
        }
    }
}

/// Whether a client's command is behind it, not the proxy's own `HELLO`, `CLUSTER` or `ASKING`.
fn is_of_workload<A: AsRef<[u8]>>(args: &[A]) -> bool {
    Kind::of(args).is_some_and(|kind| kind.effect != Effect::Local)
}

/// Reads along what the proxy writes to nodes.
pub struct Outgoing {
    recorder: Recorder,
    /// The port of all nodes.
    port: u16,
    /// What was written of a command that is not complete.
    partial: RefCell<BTreeMap<StreamId, Vec<u8>>>,
}

impl Outgoing {
    /// Reads along what goes to this port.
    #[must_use]
    pub fn new(recorder: Recorder, port: u16) -> Self {
        Outgoing { recorder, port, partial: RefCell::default() }
    }
}

impl Tap for Outgoing {
    fn wrote(&self, stream: StreamId, peer: SocketAddr, bytes: &[u8]) {
        if peer.port() != self.port {
            return;
        }
        let mut partial = self.partial.borrow_mut();
        let pending = partial.entry(stream).or_default();
        pending.extend_from_slice(bytes);
        let mut done = 0;
        while let Some(len) = command_len(&pending[done..]) {
            // An inline command is the proxy's own.
            if let Some(args) = arguments(&pending[done..done + len]) {
                self.recorder.sent(stream, args, true);
            }
            done += len;
        }
        pending.drain(..done);
    }

    fn closed(&self, stream: StreamId) {
        let pending = self.partial.borrow_mut().remove(&stream).unwrap_or_default();
        if !pending.is_empty() {
            self.recorder.sent(stream, leading_arguments(&pending), false);
        }
    }
}

/// The length of the command at the start of what is sent to a node.
fn command_len(bytes: &[u8]) -> Option<usize> {
    if bytes.first().is_some_and(|first| *first != b'*') {
        return bytes.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
    }
    frame_len(bytes).expect("the proxy sends RESP to nodes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Grain;
    use crate::resp::command;

    fn outgoing() -> Outgoing {
        let overlay = Overlay::new(1, Grain::default(), false);
        Outgoing::new(Recorder::new(overlay, Rules::default()), 7_000)
    }

    fn sent(outgoing: &Outgoing) -> Vec<(String, bool)> {
        let shown =
            |sending: &Sending| (crate::resp::shown_command(&sending.args), sending.is_whole);
        outgoing.recorder.with(|history| history.sendings.iter().map(shown).collect())
    }

    #[test]
    fn commands_are_told_apart_however_they_are_cut() {
        let get = command(&["GET", "a"]);
        let set = command(&["SET", "a", "1"]);
        let bytes = [&b"CLUSTER SLOTS\r\n"[..], &get, &command(&["ASKING"]), &set].concat();
        let node = "10.0.0.1:7000".parse().unwrap();
        for step in 1..bytes.len() {
            let outgoing = outgoing();
            bytes.chunks(step).for_each(|chunk| outgoing.wrote(1, node, chunk));
            outgoing.closed(1);
            let whole = [("GET a".to_owned(), true), ("SET a 1".to_owned(), true)];
            assert_eq!(sent(&outgoing), whole);
        }
    }

    #[test]
    fn a_command_cut_off_is_recorded_as_far_as_it_got() {
        let outgoing = outgoing();
        let bytes = command(&["APPEND", "s:0:0", "1000000001"]);
        outgoing.wrote(1, "10.0.0.1:7000".parse().unwrap(), &bytes[..bytes.len() - 1]);
        outgoing.closed(1);
        assert_eq!(sent(&outgoing), [("APPEND s:0:0 1000000001".to_owned(), false)]);
    }

    #[test]
    fn what_goes_to_clients_is_not_looked_at() {
        let outgoing = outgoing();
        outgoing.wrote(1, "10.0.0.1:50000".parse().unwrap(), b"+OK\r\n");
        assert_eq!(sent(&outgoing), []);
    }
}
