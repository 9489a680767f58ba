//! How many replicas have what a client wrote: `WAIT` and `WAITAOF`.
//!
//! ```text
//! a write that may have run -> Written: the primaries that it was sent to
//! WAIT n t --alone, on a lease--> a mark and WAIT n t, at the first of them
//!             '-- one after the other, in the time that is left --> the least of what they say
//! ```
//!
//! A node counts from the last write of the connection that asks, and a lease is not the connection
//! that the client wrote on: that is everybody's, and who waits there keeps all waiting. So a mark
//! goes first, a write without effect (see `Form::Marked`): whoever has the mark has what was
//! executed before it, which is all that the client was told of.
//!
//! What a node took that is no primary any more may be gone with it, and no other can count it. The
//! client is told so, once.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Session;
use super::busy::Busy;
use super::part::{Own, Part};
use super::ring::Ticket;
use super::turn::Turn;
use crate::limits::{WAIT_S_MAX, WRITTEN_NODES_MAX};
use crate::mutant::planted;
use crate::proto::cluster::{Address, Node, Redirect, Route, Router};
use crate::proto::command::{Access, Command, Outcome, Row};
use crate::proto::reply::{Progress, Reply};
use crate::proto::resp::{Protocol, Writer, parse_integer};

/// Where a client has written, and what it asks of that.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Primaries that took writes.
    nodes: Vec<Node>,
    /// Those of before a new configuration, whose nodes have other numbers; `None`: one that was
    /// forgotten since.
    earlier: Vec<Option<Address>>,
    /// Others may have, too.
    elsewhere: bool,
    /// What is being asked.
    count: Option<Box<Count>>,
}

/// A question that goes from node to node.
#[derive(Debug)]
pub(super) struct Count {
    /// The command, without its time.
    words: Vec<Bytes>,
    /// How long it may take; `None`: for ever.
    time: Option<Duration>,
    /// When that is over, once it has begun.
    until: Option<Instant>,
    /// Whom it goes to from here, the next one last.
    next: Vec<Node>,
    /// The least that was said so far.
    least: Vec<i64>,
}

impl Written {
    fn note(&mut self, node: Node) {
        if self.nodes.contains(&node) {
            return;
        }
        if self.nodes.len() < WRITTEN_NODES_MAX {
            self.nodes.push(node);
        } else {
            self.elsewhere = true;
        }
    }

    /// The nodes are others from now on than those that `router` knows.
    pub(super) fn receive_move(&mut self, router: &Router) {
        for node in self.nodes.drain(..).filter(|_| !planted("reload-forgets-writes")) {
            let address = router.address(node).cloned();
            if self.earlier.contains(&address) {
                continue;
            }
            if self.earlier.len() < WRITTEN_NODES_MAX {
                self.earlier.push(address);
            } else {
                self.elsewhere = true;
            }
        }
    }

    /// What is asked has no time left.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.count.iter_mut().for_each(|count| count.until = Some(now));
    }

    /// Nothing is asked any more.
    pub(super) fn end_count(&mut self) {
        self.count = None;
    }

    /// Those that are to be asked; none if nothing was written.
    ///
    /// # Errors
    /// Where one is that took writes and is no primary any more. All such are forgotten.
    fn asked(&mut self, router: &Router) -> Result<Vec<Node>, String> {
        let found = router.primaries().map(|primaries| primaries.found).unwrap_or_default();
        let primaries: Vec<Node> = found.iter().map(|primary| primary.node).collect();
        let mut lost = None;
        for earlier in std::mem::take(&mut self.earlier) {
            let is_there =
                |node: &&Node| earlier.is_some() && router.address(**node) == earlier.as_ref();
            match primaries.iter().find(is_there) {
                Some(node) => self.note(*node),
                None => lost = lost.or_else(|| Some(name(earlier.as_ref()))),
            }
        }
        let mut gone = self.nodes.iter().filter(|node| !primaries.contains(node));
        lost = lost.or_else(|| gone.next().map(|node| address(*node, router)));
        self.nodes.retain(|node| primaries.contains(node));
        match lost {
            Some(lost) if !planted("lost-writes-counted") => Err(lost),
            Some(_) | None if self.elsewhere => Ok(primaries),
            Some(_) | None => Ok(self.nodes.clone()),
        }
    }
}

impl Count {
    /// The question of a command.
    pub(super) fn new(command: &Command<'_>) -> Count {
        let words = command.args().take(command.len() - 1).map(Bytes::copy_from_slice).collect();
        let time = command.waits().filter(|time| *time < Duration::from_secs(WAIT_S_MAX));
        Count { words, time, until: None, next: Vec::new(), least: Vec::new() }
    }

    /// It is asked from now on, of these nodes.
    fn begin(&mut self, nodes: Vec<Node>, now: Instant) {
        self.next = nodes;
        self.until = self.time.map(|time| now + time);
    }

    /// The time that is left: what is spent still leaves a millisecond, because 0 is for ever.
    fn left(&self, now: Instant) -> Duration {
        let left = |until: Instant| until.saturating_duration_since(now);
        let most = Duration::from_secs(WAIT_S_MAX);
        self.until.map_or(most, |until| left(until).max(Duration::from_millis(1)))
    }

    /// The command for the next node.
    fn frame(&self, now: Instant) -> Bytes {
        let ms = self.until.map_or(0, |_| self.left(now).as_millis());
        let mut frame = Vec::new();
        let mut writer = Writer::new(&mut frame, Protocol::Resp2);
        writer.array(self.words.len() + 1);
        self.words.iter().for_each(|word| writer.bulk(word));
        writer.bulk(ms.to_string().as_bytes());
        frame.into()
    }

    fn take(&mut self, said: Vec<i64>) {
        if self.least.is_empty() || planted("count-of-the-last-node") {
            self.least = said;
        } else {
            self.least.iter_mut().zip(said).for_each(|(least, said)| *least = said.min(*least));
        }
    }

    fn reply(&self) -> Bytes {
        let mut reply = Vec::new();
        let mut writer = Writer::new(&mut reply, Protocol::Resp2);
        if self.least.len() > 1 {
            writer.array(self.least.len());
        }
        self.least.iter().for_each(|number| writer.integer(*number));
        reply.into()
    }
}

impl Session {
    /// Takes note of where a part went that may have written.
    pub(super) fn note_written(&mut self, node: Node, reply: &Reply) {
        let is_elsewhere = |frame| Redirect::parse(frame).is_some() || Busy::parse(frame).is_some();
        let may_have_run = match reply {
            Reply::Frame(frame) => frame[0] != b'-' || !is_elsewhere(frame),
            Reply::Failure(failure) => failure.progress == Progress::Sent,
        };
        if may_have_run && !planted("writes-not-counted") {
            self.written.note(node);
        }
    }

    /// Takes in a `WAIT` or `WAITAOF`, read at `since`; where it is malformed the node says so.
    pub(super) fn admit_count(
        &mut self,
        (frame, mut count): (Bytes, Count),
        row: &'static Row,
        since: Instant,
        turn: &mut Turn<'_>,
    ) {
        let mut nodes = match self.written.asked(turn.router) {
            Ok(nodes) => nodes,
            Err(lost) => {
                turn.tally.unsure += 1;
                return self.push_ready(is_lost(&lost), turn.now);
            }
        };
        // Without a write any node can say how many replicas there are.
        let marked = !nodes.is_empty() && !planted("counted-without-a-mark");
        let home = self.identity.home();
        if nodes.is_empty() {
            nodes.extend(match turn.router.route(home) {
                Route::To(node) => Some(node),
                Route::Uncovered | Route::Unknown => None,
            });
        }
        let only = nodes.pop();
        count.begin(nodes, turn.now);
        let own = Own::Count { time: count.left(turn.now), marked };
        self.written.count = Some(Box::new(count));
        let part = Part::new(frame, home, Access::None, self.identity.choice());
        self.admit_own(Part { only, own, ..part }, row, since, turn);
    }

    /// Takes what a node says to that: it goes on to the next one, or is answered. Gives back what
    /// means what it always does.
    pub(super) fn answer_count(
        &mut self,
        ticket: Ticket,
        node: Node,
        reply: Reply,
        turn: &mut Turn<'_>,
    ) -> Option<Reply> {
        let Reply::Frame(frame) = reply else { return Some(reply) };
        let (Some(numbers), Some(count)) = (numbers(&frame), &mut self.written.count) else {
            let words = self.count_refused(node, frame, turn);
            self.finish(ticket, Outcome::Frame(words), turn);
            return None;
        };
        count.take(numbers);
        let Some(next) = count.next.pop() else {
            let reply = count.reply();
            self.finish(ticket, Outcome::Frame(reply), turn);
            return None;
        };
        let (frame, time) = (count.frame(turn.now), count.left(turn.now));
        // All of them together have the time of one.
        let deadline = count.until.unwrap_or(turn.now) + turn.policy.op_timeout;
        let (part, _) = self.ring.part(ticket)?;
        part.frame = frame;
        part.only = Some(next);
        part.own = Own::Count { time, marked: true };
        part.send_again();
        self.ring.extend(ticket, deadline);
        self.park(1);
        None
    }

    /// What the client is told where a node has no count.
    fn count_refused(&mut self, node: Node, frame: Bytes, turn: &mut Turn<'_>) -> Bytes {
        if Busy::parse(&frame).is_some_and(Busy::hints_at_new_topology) {
            turn.tally.refresh_failures += 1;
            turn.tally.unsure += 1;
            self.written.nodes.retain(|own| *own != node);
            return is_lost(&address(node, turn.router));
        }
        if !frame.starts_with(b"-NOPERM") && !frame.starts_with(b"-ERR unknown command") {
            return frame;
        }
        let said = String::from_utf8_lossy(&frame[1..]);
        let node = address(node, turn.router);
        let words = "ERR redpoll asks with FUNCTION RESTORE, of no functions, and WAIT or WAITAOF;";
        Bytes::from(format!("-{words} {node} says: {}\r\n", said.trim_end()))
    }
}

fn is_lost(node: &str) -> Bytes {
    Bytes::from(format!(
        "-UNSURE {node} took writes of this connection and is no primary any more: whether \
         replicas have them is not known; what is written from now on is counted\r\n"
    ))
}

fn address(node: Node, router: &Router) -> String {
    name(router.address(node))
}

fn name(address: Option<&Address>) -> String {
    address.map_or_else(|| "a node that has left".to_owned(), Address::to_string)
}

/// The number, or the numbers of an array, that a reply is.
fn numbers(frame: &[u8]) -> Option<Vec<i64>> {
    let text = frame.strip_suffix(b"\r\n")?;
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end());
    let lines: Vec<&[u8]> = match frame[0] {
        b':' => lines.collect(),
        b'*' => lines.by_ref().skip(1).collect(),
        _ => return None,
    };
    let number = |line: &[u8]| parse_integer(line.strip_prefix(b":")?);
    lines.into_iter().map(number).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}
