//! What passed the proxies, stream by stream: read along when a run is to be looked at closely.
//! When exactly a command came, and its reply left, no checker needs to know, but whoever wants to
//! understand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::net::{Overlay, Tap};
use crate::recorder::Outgoing;
use crate::resp::{arguments, frame_len, leading_arguments};
use crate::trace::StreamId;

/// One stream of a proxy's.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// Its number.
    pub stream: StreamId,
    /// The number of the proxy.
    pub proxy: usize,
    /// The node at its other end; `None` if a client is there.
    pub node: Option<usize>,
    /// What the proxy read.
    pub read: Flow,
    /// What it wrote.
    pub wrote: Flow,
}

/// Bytes that went one way, and when.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    bytes: Vec<u8>,
    /// How many bytes there were at which times.
    times: Vec<(usize, Duration)>,
}

/// A command that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// When its last byte did.
    pub at: Duration,
    /// Its arguments; as many as passed, if the rest did not.
    pub args: Vec<Vec<u8>>,
    /// Whether all of it did.
    pub is_whole: bool,
}

impl Flow {
    fn add(&mut self, at: Duration, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.times.push((self.bytes.len(), at));
    }

    /// When the byte before this place passed.
    fn time(&self, place: usize) -> Duration {
        let piece = self.times.partition_point(|(len, _)| *len < place);
        self.times.get(piece).map_or(Duration::ZERO, |(_, at)| *at)
    }

    /// The commands in it, inline ones left out.
    #[must_use]
    pub fn commands(&self) -> Vec<Passed> {
        let (mut found, mut place) = (Vec::new(), 0);
        while let Some(len) = self.next_len(place).filter(|_| place < self.bytes.len()) {
            if let Some(args) = arguments(&self.bytes[place..place + len]) {
                found.push(Passed { at: self.time(place + len), args, is_whole: true });
            }
            place += len;
        }
        let rest = &self.bytes[place..];
        if rest.starts_with(b"*") {
            let args = leading_arguments(rest);
            found.push(Passed { at: self.time(self.bytes.len()), args, is_whole: false });
        }
        found
    }

    /// The replies in it, until the first that is none; what nobody asked for is left out.
    #[must_use]
    pub fn replies(&self) -> Vec<(Duration, &[u8])> {
        let (mut found, mut place) = (Vec::new(), 0);
        while let Ok(Some(len)) = frame_len(&self.bytes[place..]) {
            if self.bytes[place] != b'>' {
                found.push((self.time(place + len), &self.bytes[place..place + len]));
            }
            place += len;
        }
        found
    }

    /// The length of the command at this place.
    fn next_len(&self, place: usize) -> Option<usize> {
        let bytes = &self.bytes[place..];
        if bytes.first().is_some_and(|first| *first != b'*') {
            return bytes.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
        }
        frame_len(bytes).ok().flatten()
    }
}

/// All streams of the proxies, as far as they were read along. Clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct Wires(Rc<RefCell<BTreeMap<StreamId, Wire>>>);

impl Wires {
    /// What there is, in the order in which the streams were made.
    #[must_use]
    pub fn take(&self) -> Vec<Wire> {
        self.0.take().into_values().collect()
    }
}

/// Reads along what the proxy reads and writes, and lets the recorder do so.
pub struct Wiretap {
    outgoing: Outgoing,
    nodes: BTreeMap<SocketAddr, usize>,
    overlay: Overlay,
    wires: Wires,
}

impl Wiretap {
    /// Reads along beside `outgoing`; `nodes` are at these addresses.
    #[must_use]
    pub fn new(
        outgoing: Outgoing,
        nodes: BTreeMap<SocketAddr, usize>,
        overlay: Overlay,
        wires: Wires,
    ) -> Self {
        Wiretap { outgoing, nodes, overlay, wires }
    }

    fn add(&self, stream: StreamId, peer: SocketAddr, way: fn(&mut Wire) -> &mut Flow, to: &[u8]) {
        let node = self.nodes.get(&peer).copied();
        let proxy = self.outgoing.proxy();
        let mut wires = self.wires.0.borrow_mut();
        let new = || Wire { stream, proxy, node, ..Wire::default() };
        let wire = wires.entry(stream).or_insert_with(new);
        way(wire).add(self.overlay.now(), to);
    }
}

impl Tap for Wiretap {
    fn connecting(&self, peer: SocketAddr) {
        self.outgoing.connecting(peer);
    }

    fn connected(&self, local: SocketAddr) {
        self.outgoing.connected(local);
    }

    fn attempted(&self, peer: SocketAddr, since: Duration) {
        self.outgoing.attempted(peer, since);
    }

    fn wrote(&self, stream: StreamId, peer: SocketAddr, bytes: &[u8]) {
        self.add(stream, peer, |wire| &mut wire.wrote, bytes);
        self.outgoing.wrote(stream, peer, bytes);
    }

    fn read(&self, stream: StreamId, peer: SocketAddr, bytes: &[u8]) {
        self.add(stream, peer, |wire| &mut wire.read, bytes);
    }

    fn closed(&self, stream: StreamId) {
        self.outgoing.closed(stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::command;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_command_passed_when_its_last_byte_did() {
        let (get, set) = (command(&["GET", "a"]), command(&["SET", "a", "1"]));
        let mut flow = Flow::default();
        flow.add(ms(1), b"CLUSTER SLOTS\r\n");
        flow.add(ms(2), &[&get[..], &set[..5]].concat());
        flow.add(ms(7), &[&set[5..], &get[..get.len() - 3]].concat());
        let told = flow.commands().into_iter().map(|c| (c.at, c.args.len(), c.is_whole));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [(ms(2), 2, true), (ms(7), 3, true), (ms(7), 2, false)]
        );
    }

    #[test]
    fn replies_are_told_apart_and_pushes_are_none() {
        let mut flow = Flow::default();
        flow.add(ms(1), b"+OK\r\n>1\r\n+hint\r\n$1\r");
        flow.add(ms(3), b"\na\r\nrubbish");
        assert_eq!(flow.replies(), [(ms(1), &b"+OK\r\n"[..]), (ms(3), &b"$1\r\na\r\n"[..])]);
    }
}
