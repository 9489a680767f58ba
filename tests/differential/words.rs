//! What the words of commands are drawn from: few keys, so that commands meet, and values where
//! implementations part.
//!
//! No word is such that a command that a server accepts with it takes long, needs much memory, or
//! depends on how fast the story is told: what expires does so long after it, or at once.

use proptest::prelude::*;
use proptest::sample::select;

use crate::grammar::Group;
use crate::scripts;
use crate::vocabulary::texts_of;

/// One argument.
pub(crate) type Word = Vec<u8>;

/// A word longer than what Redis keeps in a compact encoding.
const LONG: &str = "long-long-long-long-long-long-long-long-long-long-long-long-long-long";

/// The password of the servers that have one.
pub(crate) const PASSWORD: &str = "secret";

/// What keeps keys in one slot.
pub(crate) const TAG: &str = "{t}";

/// All keys that stories have. Those with a tag are in one slot, two for each type.
pub(crate) const KEYS: [&str; 16] = [
    "{t}s1", "{t}s2", "{t}h1", "{t}h2", "{t}l1", "{t}l2", "{t}e1", "{t}e2", "{t}z1", "{t}z2",
    "{t}p1", "{t}p2", "{t}x1", "{t}x2", "x", "",
];

/// Of [`KEYS`], those with a type, and those without.
const TYPED: std::ops::Range<usize> = 0..14;
const UNTYPED: std::ops::Range<usize> = 14..16;

/// Words that take the place of others: wrong for most commands.
const WRONG: [&str; 8] = ["", "abc", "-1", "0", "9223372036854775807", "NX", "{t}s1", "WITHSCORES"];

const INTEGERS: [&str; 18] = [
    "1",
    "0",
    "-1",
    "2",
    "-7",
    "100",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775807",
    "01",
    "-0",
    "+1",
    " 1",
    "1 ",
    "1.0",
    "",
    "x",
];

const FLOATS: [&str; 30] = [
    "1",
    "0",
    "-1",
    "0.1",
    "3.25",
    "-2.5",
    "1e3",
    "1.5e-7",
    "100000000000000000000",
    "1e17",
    "9007199254740993",
    "1e300",
    "-1e300",
    "1.7976931348623157e308",
    "5e-324",
    "inf",
    "-inf",
    "+inf",
    "infinity",
    "nan",
    "-0",
    "0x10",
    "1e",
    "1e400",
    ".5",
    "5.",
    " 1",
    "1 ",
    "",
    "x",
];

/// None of them a time to come: two of the same length are not of the same end.
const LENGTHS: [&str; 7] =
    ["0", "-1", "9223372036854775807", "-9223372036854775808", "1.5", "", "x"];

/// Of what waits; none is longer than a few milliseconds. Redis 7.0 makes less than one of them to
/// none, which is for ever.
const PATIENCES: [&str; 7] = ["0x1p-9", "-1", "nan", "inf", "1e16", "x", ""];

const UNIX_SECONDS: [&str; 9] = [
    "4102444800",
    "4102444801",
    "1",
    "0",
    "-1",
    "9223372036854775807",
    "9223372036854776",
    "-9223372036854775808",
    "x",
];

const UNIX_MILLIS: [&str; 9] = [
    "4102444800000",
    "4102444800001",
    "1",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "",
    "x",
];

const COMING_SECONDS: [&str; 6] =
    ["4102444800", "4102444801", "0", "-1", "9223372036854775807", "x"];

const SCORE_BOUNDS: [&str; 14] =
    ["1", "-inf", "+inf", "(1", "0", "(0", "3.25", "(-inf", "(+inf", "nan", "(", "", "x", "(x"];

const LEX_BOUNDS: [&str; 12] =
    ["-", "+", "[a", "(a", "[b", "(c", "[", "(", "", "a", "[long", "(\u{e9}"];

/// What a name in the grammar stands for, in a command of this group; `None` if nothing.
pub(crate) fn named(name: &str, group: Group) -> Option<BoxedStrategy<Vec<Word>>> {
    if let Some(words) = scripts::named(name, &key(group)) {
        return Some(words);
    }
    if let Some(found) = texts_of(name) {
        return Some(texts(found).prop_map(|word| vec![word]).boxed());
    }
    let one = match name {
        "key" => key(group),
        "keys" => return Some(counted(key(group), 1..4)),
        "approx" => return Some(select(approximations()).boxed()),
        "value" | "member" | "field" => value(),
        "integer" => prop_oneof![3 => small(), 5 => texts(&INTEGERS)].boxed(),
        "float" | "score" => texts(&FLOATS),
        "index" => prop_oneof![6 => small(), 2 => texts(&INTEGERS)].boxed(),
        // More than a few of them, or more than memory: nothing in between.
        "count" => prop_oneof![6 => small(), 1 => texts(&POSSIBLE_COUNTS)].boxed(),
        "offset" => prop_oneof![6 => small(), 1 => texts(&OFFSETS)].boxed(),
        "seconds" => prop_oneof![2 => far(100..10_000_000), 1 => texts(&LENGTHS)].boxed(),
        "millis" => prop_oneof![2 => far(1_000_000..9_000_000_000), 1 => texts(&LENGTHS)].boxed(),
        "patience" => prop_oneof![4 => texts(&["0.001"]), 1 => texts(&PATIENCES)].boxed(),
        "unixseconds" => texts(&UNIX_SECONDS),
        // A key that was over when it was set may be counted until somebody looks at it.
        "comingseconds" => texts(&COMING_SECONDS),
        "unixmillis" => texts(&UNIX_MILLIS),
        "scorebound" => prop_oneof![3 => texts(&SCORE_BOUNDS), 1 => texts(&FLOATS)].boxed(),
        "lexbound" => texts(&LEX_BOUNDS),
        "bound" => prop_oneof![small(), texts(&SCORE_BOUNDS), texts(&LEX_BOUNDS)].boxed(),
        "cursor" => prop_oneof![8 => texts(&["0"]), 1 => texts(&CURSORS)].boxed(),
        "version" => prop_oneof![4 => texts(&["3", "2"]), 1 => texts(&VERSIONS)].boxed(),
        "password" => texts(&[PASSWORD, "wrong", ""]),
        "streamid" => prop_oneof![8 => stream_id(), 1 => texts(&STREAM_IDS)].boxed(),
        "newid" => prop_oneof![8 => stream_id(), 3 => texts(&NEW_IDS)].boxed(),
        "streambound" => prop_oneof![stream_id(), texts(&STREAM_BOUNDS)].boxed(),
        "afterid" => prop_oneof![2 => texts(&["0", "$"]), 1 => texts(&STREAM_IDS)].boxed(),
        "groupid" => prop_oneof![4 => texts(&[">"]), 1 => texts(&STREAM_IDS)].boxed(),
        "wrong" => wrong(),
        "payload" => select(payloads()).boxed(),
        _ => return None,
    };
    Some(one.prop_map(|word| vec![word]).boxed())
}

const STREAM_IDS: [&str; 10] =
    ["0", "0-0", "0-1", "3", "5-0", "18446744073709551615-18446744073709551615", "$", ">", "x", ""];

/// Ids of entries to be, none of them for the clock to say.
const NEW_IDS: [&str; 9] =
    ["5-*", "9-*", "12", "0-0", "0-1", "18446744073709551615-*", "1-x", "-", ""];

const STREAM_BOUNDS: [&str; 9] = ["-", "+", "-", "+", "(3-0", "(4", "5", "(", "(x"];

const POSSIBLE_COUNTS: [&str; 8] = [
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1.0",
    " 1",
    "01",
    "",
    "x",
];

const OFFSETS: [&str; 7] = [
    "536870912",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "",
    "x",
    "01",
];

const CURSORS: [&str; 7] =
    ["1", "-1", "+0", "x", "", "18446744073709551615", "18446744073709551616"];

const VERSIONS: [&str; 6] = ["1", "4", "x", "", "-1", "9223372036854775808"];

/// A word that is wrong in most places.
pub(crate) fn wrong() -> BoxedStrategy<Word> {
    texts(&WRONG)
}

fn texts(texts: &[&str]) -> BoxedStrategy<Word> {
    let words: Vec<Word> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    select(words).boxed()
}

/// A key of the type that the command wants, mostly.
fn key(group: Group) -> BoxedStrategy<Word> {
    let own: &[&str] = match group {
        Group::String | Group::Bitmap => &KEYS[0..2],
        Group::Hash => &KEYS[2..4],
        Group::List => &KEYS[4..6],
        Group::Set => &KEYS[6..8],
        Group::SortedSet | Group::Geo => &KEYS[8..10],
        Group::HyperLogLog => &KEYS[10..12],
        Group::Stream => &KEYS[12..14],
        Group::Scripting => &["{t}s1", "{t}s2", "{t}l1", "{t}z1"],
        Group::Generic | Group::Connection | Group::PubSub | Group::Server | Group::Transaction => {
            &KEYS[TYPED]
        }
    };
    prop_oneof![16 => texts(own), 2 => texts(&KEYS[TYPED]), 1 => texts(&KEYS[UNTYPED])].boxed()
}

/// So many keys with their number before them, which sometimes is another.
pub(crate) fn counted(
    key: BoxedStrategy<Word>,
    how_many: std::ops::Range<usize>,
) -> BoxedStrategy<Vec<Word>> {
    let keys = proptest::collection::vec(key, how_many);
    let number =
        prop_oneof![6 => Just(None), 1 => prop_oneof![small(), texts(&INTEGERS)].prop_map(Some)];
    (keys, number)
        .prop_map(|(keys, number)| {
            let number = number.unwrap_or_else(|| keys.len().to_string().into_bytes());
            [vec![number], keys].concat()
        })
        .boxed()
}

/// Few, so that they meet, and nearly in the order in which a stream takes them.
fn stream_id() -> BoxedStrategy<Word> {
    (1_u8..12, 0_u8..3).prop_map(|(time, number)| format!("{time}-{number}").into_bytes()).boxed()
}

/// What may stand before the length of a stream.
fn approximations() -> Vec<Vec<Word>> {
    vec![vec![], vec![b"=".to_vec()], vec![b"~".to_vec()]]
}

fn value() -> BoxedStrategy<Word> {
    // Different up to a zero byte, where SORT ends its look at them.
    let binary = select(vec![b"\xff\0\r\n".to_vec(), b"\xc3\xa9".to_vec(), b"z\0b".to_vec()]);
    prop_oneof![
        8 => texts(&["a", "b", "c", "foo"]),
        3 => small(),
        2 => texts(&["", LONG]),
        1 => texts(&INTEGERS),
        1 => texts(&FLOATS),
        1 => binary,
    ]
    .boxed()
}

fn small() -> BoxedStrategy<Word> {
    (-4_i32..=4).prop_map(|number| number.to_string().into_bytes()).boxed()
}

/// A time that is no other's: which of two is the later must not depend on how fast a server is.
fn far(range: std::ops::Range<u64>) -> BoxedStrategy<Word> {
    range.no_shrink().prop_map(|number| number.to_string().into_bytes()).boxed()
}

/// What `DUMP` of Redis 7.0 gives for a string, a list and a sorted set, and what it never gives.
fn payloads() -> Vec<Word> {
    let payloads: [&[u8]; 4] = [
        b"\x00\x01v\n\x00\x91\x08\xce\xb2\x198\x8a\xce",
        b"\x12\x01\x02\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x01\x01\
          \xff\n\x00\x94\x96+#\xac\x17\xaa\x85",
        b"\x11\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x01\x01\xff\n\x00\xa8\x05\xce\xb8\xd7\xa93\x02",
        b"\x00\x01v\n\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    ];
    payloads.map(<[u8]>::to_vec).into()
}
