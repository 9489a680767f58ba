//! Commands whose keys lie in several slots: one command a slot, and what their replies come to.
//!
//! ```text
//! MGET a b c -> [ slot of a and c: MGET a c | slot of b: MGET b ]
//!            <- merge in the order of the keys
//! ```
//!
//! The unit is the slot and not the node, because a Redis Cluster node answers CROSSSLOT to keys of
//! two slots even if it serves both. The parts for one node leave in one write all the same.
//!
//! What runs on every primary is split, too, into one part a primary, all alike.

use bytes::Bytes;

use super::super::cluster::{Node, Primary, Slot};
use super::super::reply::Progress;
use super::super::resp::{Protocol, Writer, elements};
use super::refusal::shown;
use super::scan::Walk;
use super::{Command, KeySpec, Merge, merge};
use crate::mutant::planted;

/// What became of a command, or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What a server said.
    Frame(Bytes),
    /// It failed.
    Failed {
        /// How far it got.
        progress: Progress,
        /// Why.
        reason: String,
    },
}

/// One part of a split command.
#[derive(Debug)]
pub struct Share {
    /// The slot of all its keys; without keys, one of the node's.
    pub slot: Slot,
    /// The only node that it is for, if it has no keys.
    pub node: Option<Node>,
    /// The command to send.
    pub frame: Bytes,
    /// Where its keys stand in `Split::order`; nowhere if it was divided.
    keys: std::ops::Range<usize>,
}

/// A command split by slot.
#[derive(Debug)]
pub struct Split {
    merge: Merge,
    /// Where a scan is, if it is one.
    walk: Option<Walk>,
    /// What stands above the text of each part, if that is how they are merged.
    heads: Vec<String>,
    /// What is merged with the replies to the parts.
    beside: Option<Bytes>,
    /// How many keys there are.
    keys: usize,
    /// Positions of the keys among all keys, grouped by part.
    order: Vec<usize>,
    /// The parts.
    pub shares: Vec<Share>,
}

impl Split {
    /// Splits a command whose row says that it can be, by slot.
    #[must_use]
    pub fn new(command: &Command<'_>) -> Split {
        Split::by(command, |a, b| a == b)
    }

    /// Splits a command whose row says that it can be, into one part a key.
    #[must_use]
    pub fn by_key(command: &Command<'_>) -> Split {
        Split::by(command, |_, _| false)
    }

    /// A part for each of these primaries.
    #[must_use]
    pub fn over(command: &Command<'_>, primaries: &[Primary]) -> Split {
        Split::alike(command.row.merge, command.frame, primaries)
    }

    /// A step of a scan: one part, for one primary.
    pub(super) fn step(walk: Walk, frame: &Bytes, primary: &Primary) -> Split {
        let split = Split::alike(Merge::Whole, frame, std::slice::from_ref(primary));
        Split { walk: Some(walk), ..split }
    }

    /// What each of these primaries tells of itself, in the sections that a `PROXY INFO UPSTREAM`
    /// names, below the heads of the same number.
    #[must_use]
    pub fn report(command: &Command<'_>, primaries: &[Primary], heads: Vec<String>) -> Split {
        let mut frame = Vec::with_capacity(command.frame.len());
        let mut writer = Writer::new(&mut frame, Protocol::Resp2);
        writer.array(command.len() - 2);
        writer.bulk(b"INFO");
        command.args().skip(3).for_each(|arg| writer.bulk(arg));
        let split = Split::alike(command.row.merge, &Bytes::from(frame), primaries);
        Split { heads, ..split }
    }

    /// The same frame for each of these primaries.
    fn alike(merge: Merge, frame: &Bytes, primaries: &[Primary]) -> Split {
        let share = |(at, primary): (usize, &Primary)| Share {
            slot: primary.slot,
            node: Some(primary.node),
            frame: frame.clone(),
            keys: at..at + 1,
        };
        let shares = primaries.iter().enumerate().map(share).collect();
        let order = (0..primaries.len()).collect();
        Split {
            merge,
            walk: None,
            heads: Vec::new(),
            beside: None,
            keys: primaries.len(),
            order,
            shares,
        }
    }

    /// The same, with a reply of the proxy's own that is merged with those to the parts.
    #[must_use]
    pub fn beside(self, reply: Bytes) -> Split {
        Split { beside: Some(reply), ..self }
    }

    /// Puts the parts of `finer`, a split of the command of one part, in its place.
    pub fn divide(&mut self, part: usize, finer: Split) {
        let Some(whole) = self.shares.get_mut(part) else { return };
        let keys = std::mem::take(&mut whole.keys);
        for mut share in finer.shares {
            let start = self.order.len();
            for position in &finer.order[share.keys] {
                let is_last_first = planted("divided-merged-in-wrong-order");
                let at =
                    if is_last_first { keys.end - 1 - position } else { keys.start + position };
                self.order.push(self.order[at]);
            }
            share.keys = start..self.order.len();
            self.shares.push(share);
        }
    }

    /// Splits a command; keys stay together while `together` holds for their slots.
    fn by(command: &Command<'_>, together: impl Fn(Slot, Slot) -> bool) -> Split {
        let step = match command.row.keys {
            [KeySpec::Range { step, .. }] => usize::from(*step),
            _ => 1,
        };
        let mut keys: Vec<(Slot, usize, usize)> = command
            .keys()
            .enumerate()
            .map(|(position, arg)| (Slot::of(command.arg(arg)), position, arg))
            .collect();
        keys.sort_by_key(|(slot, ..)| *slot);

        let mut bytes = Vec::with_capacity(command.frame.len() + 32 * keys.len());
        let mut shares = Vec::new();
        let mut first = 0;
        for group in keys.chunk_by(|a, b| together(a.0, b.0)) {
            let start = bytes.len();
            let mut writer = Writer::new(&mut bytes, Protocol::Resp2);
            writer.array(1 + group.len() * step);
            writer.bulk(command.arg(0));
            for arg in group.iter().flat_map(|(_, _, arg)| *arg..arg + step) {
                writer.bulk(command.arg(arg));
            }
            shares.push((group[0].0, start..bytes.len(), first..first + group.len()));
            first += group.len();
        }
        let bytes = Bytes::from(bytes);
        Split {
            merge: command.row.merge,
            walk: None,
            heads: Vec::new(),
            beside: None,
            keys: keys.len(),
            order: (0..)
                .zip(keys)
                .map(
                    |(at, (_, position, _))| {
                        if planted("merged-in-order-of-slots") { at } else { position }
                    },
                )
                .collect(),
            shares: shares
                .into_iter()
                .map(|(slot, range, keys)| Share {
                    slot,
                    node: None,
                    frame: bytes.slice(range),
                    keys,
                })
                .collect(),
        }
    }

    /// Makes one reply of the replies to the parts, which are in the order of `shares`.
    ///
    /// Where parts failed, the reply says what holds for the command as a whole: it is unsent only
    /// if no part of it left.
    #[must_use]
    pub fn merge(&self, outcomes: &[Outcome]) -> Outcome {
        let parts = || {
            let parts = self.shares.iter().zip(outcomes);
            parts.filter(|(share, _)| !share.keys.is_empty()).map(|(_, outcome)| outcome)
        };
        if self.merge == Merge::OneOk
            && let Some(done) = parts().find(|outcome| is_done(outcome))
        {
            return done.clone();
        }
        if let Some(failed) = failure(parts) {
            return self.with_fates(failed, outcomes);
        }
        let frames: Vec<&Bytes> = parts()
            .filter_map(|outcome| match outcome {
                Outcome::Frame(frame) => Some(frame),
                Outcome::Failed { .. } => None,
            })
            .chain(&self.beside)
            .collect();
        let merged = match self.merge {
            Merge::Whole if self.walk.is_some() => self.walk.and_then(|walk| walk.onward(&frames)),
            Merge::Positions => self.positions(&frames),
            Merge::Sum => merge::sum(&frames),
            Merge::AllOk => merge::all_ok(&frames),
            Merge::Joined => merge::joined(&frames),
            Merge::Distinct => merge::distinct(&frames),
            Merge::Counted => merge::counted(&frames),
            Merge::Least => merge::least(&frames),
            Merge::Headed => merge::headed(&self.heads, &frames),
            Merge::Any => merge::any(&frames),
            Merge::First | Merge::OneOk | Merge::Whole => frames.first().copied().cloned(),
        };
        merged.map_or_else(
            || Outcome::Failed {
                progress: Progress::Sent,
                reason: "a node's reply to a part of the command is of an unexpected type".into(),
            },
            Outcome::Frame,
        )
    }

    /// The elements of the parts' arrays, in the order of the keys.
    fn positions(&self, frames: &[&Bytes]) -> Option<Bytes> {
        let mut found: Vec<&[u8]> = vec![&[]; self.keys];
        let mut len = 16;
        let shares = self.shares.iter().filter(|share| !share.keys.is_empty());
        for (share, frame) in shares.zip(frames) {
            let mut elements = elements(frame)?;
            for position in &self.order[share.keys.clone()] {
                found[*position] = elements.next()?;
            }
            len += frame.len();
        }
        let mut merged = Vec::with_capacity(len);
        let mut writer = Writer::new(&mut merged, Protocol::Resp2);
        writer.array(found.len());
        found.into_iter().for_each(|element| writer.raw(element));
        Some(Bytes::from(merged))
    }
}

impl Split {
    /// The failure of an `MSET` of which some parts may have run, with what is known of which keys.
    fn with_fates(&self, failed: Outcome, outcomes: &[Outcome]) -> Outcome {
        let Outcome::Failed { progress: Progress::Sent, mut reason } = failed else {
            return failed;
        };
        if self.merge != Merge::AllOk || self.shares.iter().any(|share| share.node.is_some()) {
            return Outcome::Failed { progress: Progress::Sent, reason };
        }
        for (fate, is_it) in FATES {
            let parts = self.shares.iter().zip(outcomes);
            let parts = parts.filter(|(share, outcome)| !share.keys.is_empty() && is_it(outcome));
            let mut keys = parts.flat_map(|(share, _)| keys_of(&share.frame)).peekable();
            if keys.peek().is_none() {
                continue;
            }
            let shown: Vec<_> = keys.by_ref().take(KEYS_SHOWN_MAX).map(quoted).collect();
            let more = match keys.count() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            reason += &format!("; {fate}: {}{more}", shown.join(", "));
        }
        Outcome::Failed { progress: Progress::Sent, reason }
    }
}

/// Keys that an error names at most.
const KEYS_SHOWN_MAX: usize = 8;

type Fate = (&'static str, fn(&Outcome) -> bool);

/// What may become of keys, in words.
const FATES: [Fate; 3] = [
    ("unsure", |it| matches!(it, Outcome::Failed { progress: Progress::Sent, .. })),
    ("not written", |it| matches!(it, Outcome::Failed { progress: Progress::Unsent, .. })),
    ("refused", |it| matches!(it, Outcome::Frame(frame) if frame[0] == b'-')),
];

/// The keys of a part where values stand between.
fn keys_of(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    elements(frame).into_iter().flatten().skip(1).step_by(2)
}

/// A key in quotes, from the bulk string that it is.
fn quoted(bulk: &[u8]) -> String {
    let start = memchr::memchr(b'\n', bulk).map_or(0, |end| end + 1);
    let key = &bulk[start..bulk.len().saturating_sub(2).max(start)];
    format!("'{}'", shown(key))
}

fn is_done(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Frame(frame) if frame[0] != b'-')
}

/// What failed parts make of the whole; `None` if none failed.
fn failure<'a, I: Iterator<Item = &'a Outcome>>(outcomes: impl Fn() -> I) -> Option<Outcome> {
    let is_error =
        |outcome: &&Outcome| matches!(outcome, Outcome::Frame(frame) if frame[0] == b'-');
    let reason = outcomes().find_map(|outcome| match outcome {
        Outcome::Failed { reason, .. } => Some(reason.clone()),
        Outcome::Frame(_) => None,
    });
    let Some(reason) = reason else {
        return outcomes().find(is_error).cloned();
    };
    let unsent =
        |outcome: &Outcome| matches!(outcome, Outcome::Failed { progress: Progress::Unsent, .. });
    let is_unsent =
        outcomes().all(unsent) || planted("unsent-if-a-part-is") && outcomes().any(unsent);
    let progress = if is_unsent { Progress::Unsent } else { Progress::Sent };
    Some(Outcome::Failed { progress, reason })
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::super::super::resp::RequestDecoder;
    use super::super::parse;
    use super::*;

    fn split(text: &str) -> Split {
        let mut decoder = RequestDecoder::default();
        let mut buffer = BytesMut::from(format!("{text}\n").as_bytes());
        let frame = decoder.decode(&mut buffer).unwrap().unwrap();
        Split::new(&parse(&frame, decoder.spans()).unwrap())
    }

    fn frame(text: &str) -> Outcome {
        Outcome::Frame(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn failed(progress: Progress) -> Outcome {
        Outcome::Failed { progress, reason: "why".to_owned() }
    }

    #[test]
    fn keys_of_one_slot_stay_together_and_replies_return_to_their_places() {
        let split = split("mget {x}1 {y}1 {x}2 {z}1 {y}2");
        let frames: Vec<_> = split.shares.iter().map(|share| share.frame.clone()).collect();
        assert_eq!(frames.len(), 3);
        let values = |frame: &Bytes| {
            let keys: Vec<_> = elements(frame).unwrap().skip(1).map(<[u8]>::to_vec).collect();
            [format!("*{}\r\n", keys.len()).into_bytes(), keys.concat()].concat()
        };
        let outcomes: Vec<_> =
            frames.iter().map(|frame| Outcome::Frame(Bytes::from(values(frame)))).collect();
        assert_eq!(
            split.merge(&outcomes),
            frame("*5\r\n$4\r\n{x}1\r\n$4\r\n{y}1\r\n$4\r\n{x}2\r\n$4\r\n{z}1\r\n$4\r\n{y}2\r\n")
        );
    }

    #[test]
    fn values_go_with_their_keys() {
        let split = split("MSET a 1 b 2");
        let mut frames: Vec<_> = split.shares.iter().map(|share| &share.frame[..]).collect();
        frames.sort_unstable();
        assert_eq!(
            frames,
            [
                &b"*3\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\n1\r\n"[..],
                b"*3\r\n$4\r\nMSET\r\n$1\r\nb\r\n$1\r\n2\r\n"
            ]
        );
        assert_eq!(split.merge(&[frame("+OK\r\n"), frame("+OK\r\n")]), frame("+OK\r\n"));
    }

    #[test]
    fn counts_are_added() {
        let split = split("del a b c");
        let outcomes = [frame(":1\r\n"), frame(":0\r\n"), frame(":1\r\n")];
        assert_eq!(split.merge(&outcomes), frame(":2\r\n"));
    }

    #[test]
    fn a_command_is_unsent_only_if_no_part_of_it_left() {
        let split = split("del a b");
        let (ok, oom) = (frame("+OK\r\n"), frame("-OOM no\r\n"));
        let (unsent, sent) = (failed(Progress::Unsent), failed(Progress::Sent));
        for (outcomes, merged) in [
            ([&unsent, &unsent], &unsent),
            ([&unsent, &ok], &sent),
            ([&unsent, &sent], &sent),
            ([&oom, &unsent], &sent),
            ([&ok, &oom], &oom),
        ] {
            assert_eq!(split.merge(&outcomes.map(Clone::clone)), *merged);
        }
    }

    #[test]
    fn of_an_mset_that_partly_failed_the_keys_are_named() {
        let (ok, oom) = (frame("+OK\r\n"), frame("-OOM no\r\n"));
        let (unsent, sent) = (failed(Progress::Unsent), failed(Progress::Sent));
        let told = |split: &Split, outcomes: &[&Outcome]| {
            let outcomes: Vec<_> = outcomes.iter().copied().cloned().collect();
            let Outcome::Failed { reason, .. } = split.merge(&outcomes) else {
                panic!("it failed")
            };
            reason
        };
        // In the order of slots: b, c, d, a.
        let four = split("mset a 1 b 2 c 3 d 4");
        assert_eq!(
            told(&four, &[&ok, &sent, &oom, &unsent]),
            "why; unsure: 'c'; not written: 'a'; refused: 'd'"
        );
        assert_eq!(told(&four, &[&unsent, &unsent, &unsent, &unsent]), "why");
        let many: String = (0..11).map(|key| format!(" {{a}}{key} v")).collect();
        let many = split(&format!("mset b 1{many}"));
        let why = told(&many, &[&ok, &sent]);
        assert!(
            why.starts_with("why; unsure: '{a}0', '{a}1'") && why.ends_with("'{a}7' and 3 more"),
            "{why}"
        );
        assert_eq!(told(&split("del a b"), &[&sent, &ok]), "why");
    }

    #[test]
    fn a_part_whose_keys_have_parted_is_divided_and_the_places_stay() {
        let mut split = split("mget {x}1 {y}1 {x}2");
        let part = split.shares.iter().position(|share| share.keys.len() == 2).unwrap();
        let other = 1 - part;
        let mut decoder = RequestDecoder::default();
        let mut buffer = BytesMut::from(&split.shares[part].frame[..]);
        let whole = decoder.decode(&mut buffer).unwrap().unwrap();
        split.divide(part, Split::by_key(&parse(&whole, decoder.spans()).unwrap()));
        assert_eq!(split.shares.len(), 4);

        let mut outcomes = vec![frame("*1\r\n$2\r\ny1\r\n"); 4];
        outcomes[part] = frame("");
        for number in [2, 3] {
            let key = elements(&split.shares[number].frame).unwrap().nth(1).unwrap();
            outcomes[number] = Outcome::Frame(Bytes::from([b"*1\r\n", key].concat()));
        }
        assert_eq!(outcomes[other], frame("*1\r\n$2\r\ny1\r\n"));
        let merged = frame("*3\r\n$4\r\n{x}1\r\n$2\r\ny1\r\n$4\r\n{x}2\r\n");
        assert_eq!(split.merge(&outcomes), merged);
    }

    #[test]
    fn a_part_of_the_wrong_type_is_no_panic() {
        let outcomes = [frame("+what\r\n"), frame("*0\r\n")];
        for command in ["mget a b", "del a b", "mset a 1 b 2"] {
            let merged = split(command).merge(&outcomes);
            assert!(matches!(merged, Outcome::Failed { progress: Progress::Sent, .. }));
        }
    }
}
