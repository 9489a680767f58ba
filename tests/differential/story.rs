//! A story: commands for one connection, one after the other; how it is drawn, and how it is
//! written down.

use std::fmt;

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;
use redpoll::proto::resp::RequestDecoder;

use crate::grammar::{Group, Line};
use crate::syntax;
use crate::words::{Word, wrong};

/// Commands of a story at most, but for those it begins with.
const COMMANDS_MAX: usize = 40;

/// What a story may be about, beside keys of any type, and what half of those stories begin with:
/// what commands need that else would mostly fail.
const SUBJECTS: [(&[Group], &str); 13] = [
    (&[Group::String], ""),
    (&[Group::Hash], ""),
    (&[Group::List], ""),
    (&[Group::Set], ""),
    (&[Group::SortedSet], ""),
    (&[Group::Bitmap, Group::String], ""),
    (&[Group::Geo, Group::SortedSet], PLACES),
    (&[Group::HyperLogLog], ""),
    (&[Group::Scripting, Group::String], FUNCTIONS),
    (&[Group::Connection, Group::Server, Group::String], ""),
    (&[Group::PubSub, Group::Connection], ""),
    (&[Group::Stream], STREAMS),
    (&[Group::Transaction, Group::List, Group::String], ""),
];

const PLACES: &str =
    "GEOADD {t}z1 13.361389 38.115556 a 15.087269 37.502669 b 2.349014 48.864716 c";

const FUNCTIONS: &str = "\
SCRIPT LOAD \"return 6\"
SCRIPT LOAD \"return redis.call('strlen', KEYS[1])\"
FUNCTION LOAD \"#!lua name=two\\nredis.register_function{function_name='f2', \
callback=function(keys, args) return redis.call('get', keys[1]) end, flags={'no-writes'}}\"";

const STREAMS: &str = "\
XADD {t}x1 1-0 a b
XADD {t}x1 1-1 c d e f
XADD {t}x1 2-0 a b
XGROUP CREATE {t}x1 g1 0
XREADGROUP GROUP g1 c1 COUNT 2 STREAMS {t}x1 >
XADD {t}x2 3-0 a b
XGROUP CREATE {t}x2 g1 0
XGROUP CREATE {t}x2 g2 $";

/// A command, its name first.
pub(crate) type Command = Vec<Word>;

/// What one client says on one connection. Written, it is a line a command, which `redis-cli` reads
/// as well.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Story(pub(crate) Vec<Command>);

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for command in &self.0 {
            let words: Vec<String> = command.iter().map(|word| written(word)).collect();
            writeln!(f, "{}", words.join(" "))?;
        }
        Ok(())
    }
}

impl Story {
    /// The same without what is beyond so many words in a command.
    pub(crate) fn cut_to(&self, words_max: usize) -> Story {
        let cut = |command: &Command| command.iter().take(words_max).cloned().collect();
        Story(self.0.iter().map(cut).collect())
    }

    /// Reads the stories of a file: paragraphs, and comments that begin with `#`.
    ///
    /// # Panics
    /// A line is no command.
    pub(crate) fn read_all(text: &str) -> Vec<Story> {
        let mut stories = vec![Story::default()];
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let story = stories.last_mut().expect("there is always one");
            if !line.is_empty() {
                story.0.push(command(line));
            } else if !story.0.is_empty() {
                stories.push(Story::default());
            }
        }
        stories.retain(|story| !story.0.is_empty());
        stories
    }
}

/// Stories of the commands in these lines of the grammar: of all of them, or of those of one type.
pub(crate) fn stories(lines: &[Line]) -> BoxedStrategy<Story> {
    let has = |group: &Group| lines.iter().any(|line| line.group == *group);
    let about = |groups: &[Group]| {
        let is_about = |line: &&Line| line.group == Group::Generic || groups.contains(&line.group);
        any_of(lines.iter().filter(is_about))
    };
    let told = |(groups, begin): (&[Group], &str)| {
        let begin: Vec<Command> = begin.lines().map(command).collect();
        let begin = prop_oneof![Just(vec![]), Just(begin)];
        let rest = vec(about(groups), 1..=COMMANDS_MAX);
        (1, (begin, rest).prop_map(|(begin, rest)| [begin, rest].concat()).boxed())
    };
    let mut choices = vec![(3, vec(any_of(lines.iter()), 1..=COMMANDS_MAX).boxed())];
    choices.extend(SUBJECTS.into_iter().filter(|(groups, _)| has(&groups[0])).map(told));
    let openings = prop_oneof![
        Just(vec![]),
        Just(vec![command("HELLO 3")]),
        Just(vec![command("AUTH secret")]),
        Just(vec![command("HELLO 3 AUTH default secret")]),
    ];
    (openings, Union::new_weighted(choices))
        .prop_map(|(opening, body)| Story([opening, body].concat()))
        .boxed()
}

fn any_of<'a>(lines: impl Iterator<Item = &'a Line>) -> BoxedStrategy<Command> {
    let choices = lines.map(|line| (line.weight(), spoilt_at_times(line)));
    Union::new_weighted(choices.collect()).boxed()
}

/// A command, sometimes with a word too many, too few, or wrong.
fn spoilt_at_times(line: &Line) -> BoxedStrategy<Command> {
    let name = line.name.split('|').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    let (named, may_be_spoilt) = (name.len(), line.may_be_spoilt());
    // Another word in the place of how long it waits could have it wait for ever: so nothing
    // changes before the last word where that is the first, nor at or behind it where it is last.
    let spared_first = usize::from(line.syntax.starts_with("patience"));
    let spared_last = if line.syntax.ends_with("patience") { 2 } else { 0 };
    let spoil = prop_oneof![Just(Spoil::Drop), Just(Spoil::Insert), Just(Spoil::Replace)];
    let spoil = prop_oneof![9 => Just(None), 1 => (spoil, any::<usize>(), wrong()).prop_map(Some)];
    (syntax::parse(line.syntax, line.group), spoil)
        .prop_map(move |(rest, spoil)| {
            let mut command = [name.clone(), rest].concat();
            let Some((spoil, at, word)) = spoil.filter(|_| may_be_spoilt) else { return command };
            let places = command.len() - named + 1 - spared_first - spared_last;
            let at = named + spared_first + at % places;
            match spoil {
                Spoil::Insert => command.insert(at, word),
                Spoil::Drop | Spoil::Replace if at == command.len() => command.push(word),
                Spoil::Drop => drop(command.remove(at)),
                Spoil::Replace => command[at] = word,
            }
            command
        })
        .boxed()
}

#[derive(Clone, Copy, Debug)]
enum Spoil {
    Drop,
    Insert,
    Replace,
}

/// Reads a command from a line.
///
/// # Panics
/// It is none.
pub(crate) fn command(line: &str) -> Command {
    let mut decoder = RequestDecoder::default();
    let frame = decoder.decode(&mut BytesMut::from(format!("{line}\r\n").as_bytes()));
    let frame = frame.expect("closed quotes").expect("a whole line");
    decoder.spans().iter().map(|span| frame[span.range()].to_vec()).collect()
}

fn written(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#');
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    format!("\"{}\"", word.escape_ascii())
}

#[test]
fn a_story_reads_back_as_it_was_written() {
    let commands: [&[&[u8]]; 3] = [&[b"GET", b""], &[b"a\"b'\\ #", b"\0\xff\r\n\t"], &[b"PING"]];
    let story =
        Story(commands.map(|words| words.iter().map(|word| word.to_vec()).collect()).into());
    let text = format!("# first\n{story:?}\n\n{story:?}");
    assert_eq!(Story::read_all(&text), [story.clone(), story]);
}
