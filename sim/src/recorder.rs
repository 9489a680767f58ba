//! Writes the history of a run, while clients, nodes and the network tell it what they do.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use redpoll::embedded;

use crate::fault::Fault;
use crate::history::{
    Attempt, Call, Connect, Conversation, End, Execution, Half, History, Listening, Look, Loss,
    Process, Rules, Said, Sending,
};
use crate::net::{Overlay, Tap};
use crate::resp::{arguments, frame_len, leading_arguments};
use crate::trace::StreamId;
use crate::transactions::Transactions;
use crate::workload::{Effect, Id, Kind};

/// A handle of the history under construction. Clones are handles of the same.
#[derive(Clone)]
pub struct Recorder {
    overlay: Overlay,
    history: Rc<RefCell<History>>,
    processes: Rc<RefCell<Processes>>,
    transactions: Rc<RefCell<Transactions>>,
}

/// Who is who among the processes of the proxies.
#[derive(Debug, Default)]
struct Processes {
    /// The last one of each proxy, by its place in the history.
    last: Vec<usize>,
    /// Whose connections are whose, by the address at the proxy's end.
    connections: BTreeMap<SocketAddr, usize>,
    /// No proxy that is down is started again.
    are_all: bool,
}

impl Recorder {
    /// An empty history.
    #[must_use]
    pub fn new(overlay: Overlay, rules: Rules) -> Self {
        let history = History { rules, ..History::default() };
        Recorder {
            overlay,
            history: Rc::new(RefCell::new(history)),
            processes: Rc::default(),
            transactions: Rc::default(),
        }
    }

    /// There are so many proxies.
    pub fn know(&self, proxies: usize) {
        let processes = (0..proxies).map(|proxy| Process { proxy, ..Process::default() });
        self.history.borrow_mut().processes = processes.collect();
        self.processes.borrow_mut().last = (0..proxies).collect();
    }

    /// The process of a proxy was killed.
    pub fn died(&self, proxy: usize) {
        let (at, process) = (self.overlay.now(), self.process(proxy));
        self.history.borrow_mut().processes[process].died = Some(at);
    }

    /// A proxy has another process.
    pub fn born(&self, proxy: usize) {
        let (began, before) = (self.overlay.now(), self.process(proxy));
        let processes = &mut self.history.borrow_mut().processes;
        let life = processes[before].life + 1;
        self.processes.borrow_mut().last[proxy] = processes.len();
        processes.push(Process { proxy, life, began, ..Process::default() });
    }

    /// No proxy that is down is started again.
    pub fn these_are_all(&self) {
        self.processes.borrow_mut().are_all = true;
    }

    /// The last process of a proxy.
    fn process(&self, proxy: usize) -> usize {
        self.processes.borrow().last[proxy]
    }

    /// A client connected to a proxy; gives the number of its conversation.
    pub fn begin(&self, proxy: usize, resp3: bool) -> usize {
        let process = self.process(proxy);
        let conversations = &mut self.history.borrow_mut().conversations;
        conversations.push(Conversation { process, resp3, ..Conversation::default() });
        conversations.len() - 1
    }

    /// A client is about to send a command.
    pub fn asked(&self, conversation: usize, id: Id, args: Vec<Vec<u8>>) {
        let call = Call { id, args, sent: self.overlay.now(), reply: None, queued: None };
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

    /// Whether any client got a reply at this time or later.
    #[must_use]
    pub fn has_answered_since(&self, then: Duration) -> bool {
        let history = self.history.borrow();
        let mut calls = history.conversations.iter().flat_map(|one| &one.calls);
        calls.any(|call| call.reply.as_ref().is_some_and(|(at, _)| *at >= then))
    }

    /// A client shut its writing side down.
    pub fn shut(&self, conversation: usize) {
        let at = self.overlay.now();
        self.history.borrow_mut().conversations[conversation].shut = Some(at);
    }

    /// A client reads little at a time, and has since then.
    pub fn read_slowly(&self, conversation: usize, since: Duration) {
        let at = self.overlay.now();
        let slow = &mut self.history.borrow_mut().conversations[conversation].slow;
        *slow = Some((slow.map_or(since, |(from, _)| from), at));
    }

    /// A client is about to leave without reading; `half` is what it sends a part of only.
    pub fn abandons(&self, conversation: usize, half: Option<Half>) {
        let conversation = &mut self.history.borrow_mut().conversations[conversation];
        (conversation.is_abandoned, conversation.half) = (true, half);
    }

    /// A client's connection ended; `rest` is what it got and could not understand.
    pub fn ended(&self, conversation: usize, end: End, rest: &[u8]) {
        let at = self.overlay.now();
        let conversation = &mut self.history.borrow_mut().conversations[conversation];
        conversation.surplus.extend_from_slice(rest);
        conversation.end = Some((at, end));
    }

    /// A client that listens connected to a proxy; gives the number of its connection.
    pub fn listens(&self, proxy: usize, resp3: bool) -> usize {
        let process = self.process(proxy);
        let listenings = &mut self.history.borrow_mut().listenings;
        listenings.push(Listening { process, resp3, ..Listening::default() });
        listenings.len() - 1
    }

    /// A client that listens is about to send a command.
    pub fn listener_asks(&self, listening: usize, words: &[String]) {
        let said = (self.overlay.now(), Said::Asked(words.to_vec()));
        self.history.borrow_mut().listenings[listening].log.push(said);
    }

    /// A client that listens heard something.
    pub fn heard(&self, listening: usize, frame: Bytes) {
        let said = (self.overlay.now(), Said::Heard(frame));
        self.history.borrow_mut().listenings[listening].log.push(said);
    }

    /// The connection of a client that listens ended; it was done, or was cut off.
    pub fn listened_to_the_end(&self, listening: usize, is_done: bool) {
        let end = Some((self.overlay.now(), is_done));
        self.history.borrow_mut().listenings[listening].end = end;
    }

    /// The message that comes next.
    #[must_use]
    pub fn next_message(&self) -> usize {
        self.history.borrow().published.len()
    }

    /// That was published on this channel.
    pub fn published(&self, channel: &str) {
        let published = (self.overlay.now(), channel.to_owned());
        self.history.borrow_mut().published.push(published);
    }

    /// A node executed or refused a command.
    pub fn executed(&self, node: usize, seen: &embedded::Execution<'_>) {
        let (at, args) = (self.overlay.now(), seen.args);
        let process = self.process_at(seen.peer);
        let mut history = self.history.borrow_mut();
        if let [b"CLUSTER", b"SLOTS"] = args {
            history.looks.push(Look { process, at, node });
        }
        let mut transactions = self.transactions.borrow_mut();
        for (args, reply, exec) in transactions.see((node, seen.connection), seen) {
            if is_of_workload(&args) {
                let progress = (seen.offset, seen.replicas.to_vec());
                let ran = Execution { at, node, process, args, reply, progress, exec };
                history.executions.push(ran);
            }
        }
    }

    /// A fault comes.
    pub fn faulted(&self, fault: Fault) {
        self.history.borrow_mut().faults.push((self.overlay.now(), fault));
    }

    /// Writes are lost.
    pub fn lost(&self, loss: Loss) {
        self.history.borrow_mut().losses.push(loss);
    }

    /// A node has taken the place of another one.
    pub fn failed_over(&self, from: usize, to: usize) {
        self.history.borrow_mut().failovers.push((self.overlay.now(), from, to));
    }

    /// A primary has handed all its slots over.
    pub fn retired(&self, node: usize) {
        self.history.borrow_mut().retirements.push((self.overlay.now(), node));
    }

    /// All is over, and these members are left in the sets.
    pub fn left(&self, key: Vec<u8>, members: BTreeSet<Vec<u8>>) {
        self.history.borrow_mut().left.insert(key, members);
    }

    /// A proxy was told to stop.
    pub fn drained(&self, proxy: usize) {
        let (at, process) = (self.overlay.now(), self.process(proxy));
        self.history.borrow_mut().processes[process].drained.get_or_insert(at);
    }

    /// Whether all proxies were told to stop, or are down for good.
    #[must_use]
    pub fn has_nobody_left(&self) -> bool {
        let (processes, history) = (self.processes.borrow(), self.history.borrow());
        processes
            .last
            .iter()
            .map(|process| history.processes[*process])
            .all(|process| process.drained.is_some() || processes.are_all && process.died.is_some())
    }

    /// Whether this proxy was told to stop.
    #[must_use]
    pub fn is_told_to_stop(&self, proxy: usize) -> bool {
        self.history.borrow().processes[self.process(proxy)].drained.is_some()
    }

    /// The process whose connection comes from an address; the first one if it is nobody's, as the
    /// administrator's.
    fn process_at(&self, peer: &str) -> usize {
        let peer: Option<SocketAddr> = peer.parse().ok();
        let processes = self.processes.borrow();
        peer.and_then(|peer| processes.connections.get(&peer).copied()).unwrap_or(0)
    }

    /// A look at the history so far.
    pub fn with<R>(&self, look: impl FnOnce(&History) -> R) -> R {
        look(&self.history.borrow())
    }

    /// The history.
    #[must_use]
    pub fn finish(&self) -> History {
        let mut history = self.history.take();
        history.conversations.iter_mut().for_each(Conversation::resolve_transactions);
        history
    }

    fn sent(&self, sending: Sending) {
        if sending.asking || is_of_workload(&sending.args) {
            self.history.borrow_mut().sendings.push(sending);
        }
    }
}

/// Whether a client's command is behind it, not the proxy's own `HELLO`, `CLUSTER` or `ASKING`.
fn is_of_workload<A: AsRef<[u8]>>(args: &[A]) -> bool {
    Kind::of(args)
        .is_some_and(|kind| kind.effect != Effect::Local || matches!(kind.name, "WAIT" | "WATCH"))
}

/// Reads along what the proxy writes to nodes.
pub struct Outgoing {
    recorder: Recorder,
    /// The proxy that writes.
    proxy: usize,
    /// The nodes, by where they listen.
    nodes: BTreeMap<SocketAddr, usize>,
    streams: RefCell<BTreeMap<StreamId, Partial>>,
}

/// What was written to one stream and is not dealt with.
#[derive(Debug)]
struct Partial {
    node: usize,
    /// The command before was `ASKING`.
    asking: bool,
    /// Commands since `MULTI`, if a transaction is open, and when that began.
    inner: Option<(u64, Duration)>,
    /// When the first byte of the next command was written, if that was in an earlier write.
    began: Option<Duration>,
    /// What there is of the next command.
    bytes: Vec<u8>,
}

impl Outgoing {
    /// Reads along what goes from this proxy to these nodes.
    #[must_use]
    pub fn new(recorder: Recorder, proxy: usize, nodes: BTreeMap<SocketAddr, usize>) -> Self {
        Outgoing { recorder, proxy, nodes, streams: RefCell::default() }
    }

    /// The number of the proxy that writes.
    #[must_use]
    pub fn proxy(&self) -> usize {
        self.proxy
    }

    fn process(&self) -> usize {
        self.recorder.process(self.proxy)
    }

    fn sent(&self, stream: StreamId, partial: &mut Partial, args: Vec<Vec<u8>>, is_whole: bool) {
        let is_asking = args.iter().map(Vec::as_slice).eq([b"ASKING"]);
        let asking = std::mem::replace(&mut partial.asking, is_asking);
        let at = self.recorder.overlay.now();
        let node = partial.node;
        let own = partial.began.take().unwrap_or(at);
        // A transaction is sent as one: what has begun with `MULTI` goes on.
        let began = partial.inner.map_or(own, |(_, began)| began);
        let process = self.process();
        let is_further = partial.inner.is_some_and(|(inner, _)| inner > 0);
        partial.inner = match args.first().map(Vec::as_slice) {
            Some(b"MULTI") => Some((0, began)),
            Some(b"EXEC") => None,
            Some(_) | None => partial.inner.map(|(inner, began)| (inner + 1, began)),
        };
        self.recorder.sent(Sending {
            began,
            at,
            process,
            stream,
            node,
            asking,
            args,
            is_whole,
            is_further,
        });
    }
}

impl Tap for Outgoing {
    fn connecting(&self, peer: SocketAddr) {
        if let Some(node) = self.nodes.get(&peer) {
            let (process, at) = (self.process(), self.recorder.overlay.now());
            let connect = Connect { process, at, node: *node };
            self.recorder.history.borrow_mut().connects.push(connect);
        }
    }

    fn connected(&self, local: SocketAddr) {
        let process = self.process();
        self.recorder.processes.borrow_mut().connections.insert(local, process);
    }

    fn attempted(&self, peer: SocketAddr, since: Duration) {
        if let Some(node) = self.nodes.get(&peer) {
            let (process, took) = (self.process(), self.recorder.overlay.now() - since);
            let attempt = Attempt { process, since, took, node: *node };
            self.recorder.history.borrow_mut().attempts.push(attempt);
        }
    }

    fn wrote(&self, stream: StreamId, peer: SocketAddr, bytes: &[u8]) {
        let Some(node) = self.nodes.get(&peer) else { return };
        let mut streams = self.streams.borrow_mut();
        let new =
            || Partial { node: *node, asking: false, inner: None, began: None, bytes: Vec::new() };
        let partial = streams.entry(stream).or_insert_with(new);
        let mut pending = std::mem::take(&mut partial.bytes);
        pending.extend_from_slice(bytes);
        let mut done = 0;
        while let Some(len) = command_len(&pending[done..]) {
            // An inline command is the proxy's own.
            if let Some(args) = arguments(&pending[done..done + len]) {
                self.sent(stream, partial, args, true);
            }
            done += len;
        }
        pending.drain(..done);
        if !pending.is_empty() && partial.began.is_none() {
            partial.began = Some(self.recorder.overlay.now());
        }
        partial.bytes = pending;
    }

    fn closed(&self, stream: StreamId) {
        let Some(mut partial) = self.streams.borrow_mut().remove(&stream) else { return };
        if !partial.bytes.is_empty() {
            let args = leading_arguments(&partial.bytes);
            self.sent(stream, &mut partial, args, false);
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
        let node = "10.0.0.1:7000".parse().unwrap();
        let recorder = Recorder::new(overlay, Rules::default());
        recorder.know(1);
        Outgoing::new(recorder, 0, [(node, 0)].into())
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
    fn what_was_sent_by_a_process_that_is_dead_is_its_own_and_not_its_successor_s() {
        let outgoing = outgoing();
        let peer = "10.0.0.9:50000";
        outgoing.connected(peer.parse().unwrap());
        outgoing.recorder.died(0);
        outgoing.recorder.born(0);
        outgoing.connected("10.0.0.9:50001".parse().unwrap());
        for (peer, process) in [(peer, 0), ("10.0.0.9:50001", 1)] {
            assert_eq!(outgoing.recorder.process_at(peer), process);
        }
    }

    #[test]
    fn nobody_is_left_when_all_are_told_to_stop_or_dead_for_good() {
        let recorder = Recorder::new(Overlay::new(1, Grain::default(), false), Rules::default());
        recorder.know(2);
        recorder.drained(0);
        recorder.died(1);
        assert!(!recorder.has_nobody_left(), "it may be started again");
        recorder.these_are_all();
        assert!(recorder.has_nobody_left());
        recorder.born(1);
        assert!(!recorder.has_nobody_left());
    }

    #[test]
    fn what_goes_to_clients_is_not_looked_at() {
        let outgoing = outgoing();
        outgoing.wrote(1, "10.0.0.1:50000".parse().unwrap(), b"+OK\r\n");
        assert_eq!(sent(&outgoing), []);
    }
}
