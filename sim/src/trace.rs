//! What happened in a run: every event goes into a rolling hash, the last ones are kept to be
//! shown, and all of them if asked for. Two runs of one seed have equal hashes, or something is not
//! deterministic: [`first_difference`] names the event.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Events kept to be shown with a failure.
const LAST_EVENTS_MAX: usize = 200;

/// After so many events each the hash so far is written down: where two of these differ, the runs
/// parted in between.
pub const CHECKPOINT_EVENTS: u64 = 1_000;

/// A hash that is the same in every process, unlike the standard library's by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rolling(u64);

impl Rolling {
    /// The hash of some bytes alone.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        let mut hasher = Rolling::default();
        hasher.write(bytes);
        hasher.finish()
    }

    fn mix(&mut self, word: u64) {
        // The multiplier of FxHash with a rotation that lets high bits reach low ones.
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Rolling {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        self.mix(bytes.len() as u64);
    }

    fn finish(&self) -> u64 {
        let folded = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        folded ^ (folded >> 29)
    }
}

/// A stream's number: the order in which its ends were made.
pub type StreamId = u64;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// Virtual time since the start, to the tick.
    pub at: Duration,
    /// Where: the number of the host, or `None` for the driver of the world.
    pub host: Option<usize>,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A listener was bound.
    Bind(SocketAddr),
    /// A name was looked up, with so many addresses found.
    Resolve(Box<str>, usize),
    /// Somebody wants a connection.
    Connect(SocketAddr),
    /// There is none.
    ConnectFailed(SocketAddr, io::ErrorKind),
    /// There is one: this end of it, and the far address.
    Connected(StreamId, SocketAddr),
    /// A connection came in.
    Accept(StreamId, SocketAddr),
    /// Bytes were read: how many, and their hash.
    Read(StreamId, usize, u64),
    /// The far end has written all it will.
    EndOfStream(StreamId),
    /// Bytes were written: how many, and their hash.
    Write(StreamId, usize, u64),
    /// A read or write failed.
    Broken(StreamId, io::ErrorKind),
    /// This end is gone.
    Close(StreamId),
    /// A task was made to wait a turn.
    Yield(u64),
    /// Anything else, in words.
    Note(Box<str>),
}

/// The events of a run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: Rolling,
    count: u64,
    checkpoints: Vec<u64>,
    last: VecDeque<Event>,
    /// All of them, if that was asked for.
    all: Option<Vec<Event>>,
}

impl Trace {
    /// A trace that keeps the last events only, or all of them.
    #[must_use]
    pub fn new(keep_all: bool) -> Self {
        Trace { all: keep_all.then(Vec::new), ..Trace::default() }
    }

    /// Adds an event.
    pub fn record(&mut self, event: Event) {
        event.hash(&mut self.hash);
        self.count += 1;
        if self.count.is_multiple_of(CHECKPOINT_EVENTS) {
            self.checkpoints.push(self.hash());
        }
        if let Some(all) = &mut self.all {
            all.push(event);
            return;
        }
        if self.last.len() == LAST_EVENTS_MAX {
            self.last.pop_front();
        }
        self.last.push_back(event);
    }

    /// The hash of all events so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    /// How many events there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The hash after each [`CHECKPOINT_EVENTS`] events.
    #[must_use]
    pub fn checkpoints(&self) -> &[u64] {
        &self.checkpoints
    }

    /// The events kept, the oldest first.
    pub fn kept(&self) -> impl Iterator<Item = &Event> {
        self.all.iter().flatten().chain(&self.last)
    }
}

impl What {
    /// Whether there are so many of its kind that nobody can read the rest among them.
    #[must_use]
    pub fn is_detail(&self) -> bool {
        matches!(self, What::Read(..) | What::Write(..) | What::Yield(_))
    }
}

/// Something that happened, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Virtual time since the start, to the tick.
    pub at: Duration,
    /// When, where and what.
    pub text: String,
    /// Whether it is for those only who want to know everything.
    pub is_detail: bool,
}

impl Line {
    /// What happened there and then.
    #[must_use]
    pub fn new(at: Duration, place: &str, what: impl fmt::Display) -> Line {
        let text = format!("{:>10.3}ms {place:<9} {what}", at.as_secs_f64() * 1e3);
        Line { at, text, is_detail: false }
    }

    pub(crate) fn detail(self) -> Line {
        Line { is_detail: true, ..self }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The first place where two runs differ: its number, from 0, and what each has there.
#[must_use]
pub fn first_difference<'a, T: PartialEq>(
    one: &'a [T],
    other: &'a [T],
) -> Option<(usize, Option<&'a T>, Option<&'a T>)> {
    let len = one.len().max(other.len());
    let differs = |place: &usize| one.get(*place) != other.get(*place);
    (0..len).find(differs).map(|place| (place, one.get(place), other.get(place)))
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Bind(address) => write!(f, "bind {address}"),
            What::Resolve(name, found) => write!(f, "resolve {name}: {found} found"),
            What::Connect(to) => write!(f, "connect {to}"),
            What::ConnectFailed(to, kind) => write!(f, "connect {to} failed: {kind}"),
            What::Connected(stream, to) => write!(f, "#{stream} connected to {to}"),
            What::Accept(stream, from) => write!(f, "#{stream} accepted from {from}"),
            What::Read(stream, len, hash) => write!(f, "#{stream} read {len} bytes ({hash:016x})"),
            What::EndOfStream(stream) => write!(f, "#{stream} read the end"),
            What::Write(stream, len, hash) => {
                write!(f, "#{stream} wrote {len} bytes ({hash:016x})")
            }
            What::Broken(stream, kind) => write!(f, "#{stream} failed: {kind}"),
            What::Close(stream) => write!(f, "#{stream} closed"),
            What::Yield(task) => write!(f, "task {task} waits a turn"),
            What::Note(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(ms: u64, what: What) -> Event {
        Event { at: Duration::from_millis(ms), host: Some(1), what }
    }

    fn hash(events: &[Event]) -> u64 {
        let mut trace = Trace::new(false);
        events.iter().cloned().for_each(|event| trace.record(event));
        trace.hash()
    }

    #[test]
    fn any_difference_between_two_runs_shows_in_the_hash() {
        let run = [event(1, What::Close(1)), event(2, What::Read(2, 3, Rolling::of(b"abc")))];
        assert_eq!(hash(&run), hash(&run.clone()));
        for other in [
            vec![run[1].clone(), run[0].clone()],
            vec![run[0].clone()],
            vec![run[0].clone(), event(3, run[1].what.clone())],
            vec![run[0].clone(), event(2, What::Read(2, 3, Rolling::of(b"abd")))],
            vec![run[0].clone(), Event { host: None, ..run[1].clone() }],
        ] {
            assert_ne!(hash(&run), hash(&other), "{other:?}");
        }
    }

    #[test]
    fn checkpoints_tell_between_which_events_two_runs_part() {
        let run = |odd_one: u64| {
            let mut trace = Trace::new(true);
            for ms in 0..3_500 {
                trace.record(event(ms, What::Close(u64::from(ms == odd_one))));
            }
            trace
        };
        let (one, other) = (run(9_999), run(2_345));
        assert_eq!(one.checkpoints().len(), 3);
        let parted = first_difference(one.checkpoints(), other.checkpoints()).unwrap();
        assert_eq!(parted.0, 2, "between event 2000 and 3000");
        let events = |trace: &Trace| trace.kept().cloned().collect::<Vec<_>>();
        let (one, other) = (events(&one), events(&other));
        assert_eq!(first_difference(&one, &other).unwrap().0, 2_345);
        assert_eq!(first_difference(&one, &one[..3_000]).unwrap().0, 3_000);
        assert_eq!(first_difference(&one, &one), None);
    }

    #[test]
    fn the_last_events_are_kept_or_all_of_them() {
        for (keep_all, kept) in [(false, LAST_EVENTS_MAX), (true, 1_000)] {
            let mut trace = Trace::new(keep_all);
            (0..1_000).for_each(|ms| trace.record(event(ms, What::Close(ms))));
            assert_eq!((trace.kept().count(), trace.count()), (kept, 1_000));
            assert_eq!(trace.kept().last().unwrap().what, What::Close(999));
        }
    }
}
