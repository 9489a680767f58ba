//! How clients behaved, and where they went.

use std::collections::BTreeMap;

use super::{Tally, count};
use crate::history::{Conversation, End, Half, History};

/// What was the matter when a client left in the middle of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The next thing was a number of arguments or of bytes, or it was half said.
    Header,
    /// An argument was half said.
    Argument,
    /// An argument was said, and not all of what ends it.
    Ending,
}

pub(super) fn see(history: &History, tally: &mut Tally) {
    let talks = || history.conversations.iter();
    let is_finished = |talk: &&Conversation| matches!(talk.end, Some((_, End::Finished)));
    let half_closed = |talk: &&Conversation| talk.shut.is_some() && is_finished(talk);
    tally.see("clients_half_closed_and_told_all", count(talks(), half_closed));
    tally.see("clients_read_slowly", count(talks(), |talk| talk.slow.is_some()));
    let of_last_words = |talk: &Conversation| {
        let last = talk.calls.last().map(|call| call.sent);
        talk.calls.iter().filter(|call| Some(call.sent) == last).count()
    };
    let is_abrupt = |talk: &&Conversation| talk.is_abandoned && of_last_words(talk) > 1;
    tally.see("clients_left_a_pipeline_unread", count(talks(), is_abrupt));
    let mut homes: BTreeMap<_, usize> = BTreeMap::new();
    let mut has_moved = |talk: &&Conversation| {
        let proxy = history.processes[talk.process].proxy;
        let client = talk.calls.first().map(|call| call.id.client);
        let home = client.and_then(|client| homes.insert(client, proxy));
        home.is_some_and(|home| home != proxy)
    };
    tally.see("clients_moved_to_another_proxy", count(talks(), |talk| has_moved(talk)));
    for (name, cut) in [
        ("clients_left_inside_a_header", Cut::Header),
        ("clients_left_inside_an_argument", Cut::Argument),
        ("clients_left_inside_crlf", Cut::Ending),
    ] {
        let left = talks().filter_map(|talk| talk.half.as_ref());
        tally.see(name, count(left, |half| Cut::of(half) == cut));
    }
}

impl Cut {
    fn of(half: &Half) -> Cut {
        let header = |number: usize| format!("*{number}\r\n").len();
        let mut said = half.bytes;
        let mut is_within = |len: usize| {
            let is_it = said < len;
            said = said.saturating_sub(len);
            is_it
        };
        if is_within(header(half.args.len())) {
            return Cut::Header;
        }
        for arg in &half.args {
            if is_within(header(arg.len())) {
                return Cut::Header;
            }
            if is_within(arg.len()) {
                return Cut::Argument;
            }
            if is_within(2) {
                return Cut::Ending;
            }
        }
        unreachable!("a command of which all was sent is no half")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Id;

    #[test]
    fn where_a_command_ends_too_early_is_told_apart() {
        let args = vec![b"GET".to_vec(), b"a".to_vec()];
        let cut =
            |bytes| Cut::of(&Half { id: Id { client: 0, seq: 0 }, args: args.clone(), bytes });
        // *2 $3 GET $1 a
        let cuts: Vec<_> = (1..20).map(cut).collect();
        assert_eq!(cuts[..7], [Cut::Header; 7]);
        assert_eq!(cuts[7..12], [[Cut::Argument; 3].as_slice(), &[Cut::Ending; 2]].concat()[..]);
        assert_eq!(cuts[12..16], [Cut::Header; 4]);
        assert_eq!(cuts[16..], [Cut::Argument, Cut::Ending, Cut::Ending]);
    }
}
