//! The codec's properties on inputs drawn from fixed seeds: bytes at random, bytes that look like
//! RESP, well-formed frames with a few bytes changed, and any value at every split point.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redpoll::limits::{LINE_BYTES_MAX, NESTING_MAX, REQUEST_ARGS_MAX};
use redpoll::proto::resp::property::{
    check_bytes, check_each_split, check_replies, check_requests, check_value,
};
use redpoll::proto::resp::{Protocol, Value, Writer};

/// What RESP is made of. Any row of these is nearly RESP, which gets deeper than random bytes do.
const PARTS: &[&[u8]] = &[
    b"\r\n",
    b"\r",
    b"\n",
    b"*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"*2\r\n",
    b"*?\r\n",
    b"%1\r\n",
    b"%?\r\n",
    b"~3\r\n",
    b">2\r\n",
    b"|1\r\n",
    b"|0\r\n",
    b".\r\n",
    b"$?\r\n",
    b";3\r\nabc\r\n",
    b";0\r\n",
    b"$5\r\nhello\r\n",
    b"$-1\r\n",
    b"=7\r\ntxt:abc\r\n",
    b"!5\r\nERR x\r\n",
    b"+OK\r\n",
    b"-ERR no\r\n",
    b":-42\r\n",
    b":+7\r\n",
    b",1.5e3\r\n",
    b",nan\r\n",
    b"(123456789012345678901234567890\r\n",
    b"#t\r\n",
    b"_\r\n",
    b"get  'a b' \"c\\x41\\n\"\r\n",
    b"$536870913\r\n",
    b"*1000000000\r\n",
    b"\"",
    b"'",
    b"\\",
    b" ",
    b"\0",
    b"9",
];

fn random_bytes(rng: &mut StdRng) -> Vec<u8> {
    (0..rng.random_range(0..200)).map(|_| rng.random()).collect()
}

fn row_of_parts(rng: &mut StdRng) -> Vec<u8> {
    let count = rng.random_range(1..24);
    (0..count).flat_map(|_| PARTS[rng.random_range(0..PARTS.len())]).copied().collect()
}

/// A row of parts with some bytes replaced, inserted or removed.
fn mutated(rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = row_of_parts(rng);
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..3) {
            0 => bytes[at] = rng.random(),
            1 => bytes.insert(at, rng.random()),
            _ if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes
}

#[test]
fn any_bytes_keep_the_codecs_properties() {
    for seed in 0..4_000 {
        let mut rng = StdRng::seed_from_u64(seed);
        for draw in [random_bytes, row_of_parts, mutated] {
            let mut drawn = vec![rng.random()];
            drawn.extend(draw(&mut rng));
            check_bytes(&drawn);
        }
    }
}

#[test]
fn every_split_point_gives_what_one_piece_gives() {
    for seed in 0..400 {
        let mut rng = StdRng::seed_from_u64(seed);
        check_each_split(&row_of_parts(&mut rng));
        check_each_split(&mutated(&mut rng));
    }
}

#[test]
fn long_lines_and_deep_nests_keep_the_codecs_properties() {
    for len in [LINE_BYTES_MAX - 1, LINE_BYTES_MAX, LINE_BYTES_MAX + 1] {
        let word = vec![b'w'; len];
        for end in [&b""[..], b"\n", b"\r\n", b"\r\nPING\r\n"] {
            check_requests(&[&word, end].concat(), 0);
            check_replies(&[b"+", &word[..], end].concat(), 0);
        }
    }
    for depth in [NESTING_MAX - 1, NESTING_MAX, NESTING_MAX + 1, 128] {
        for open in [&b"*1\r\n"[..], b"~1\r\n", b"%1\r\n+k\r\n", b"*?\r\n", b"|1\r\n"] {
            check_replies(&[&open.repeat(depth), &b":1\r\n"[..]].concat(), 1);
        }
    }
}

#[test]
fn many_small_arguments_hold_memory_in_proportion() {
    let mut request = b"*20000\r\n".to_vec();
    request.extend(b"$0\r\n\r\n".repeat(20_000));
    check_requests(&request[..request.len() - 1], 3);
    check_requests(format!("*{REQUEST_ARGS_MAX}\r\n$536870912\r\n").as_bytes(), 3);
    check_replies(b"*4294967295\r\n$536870912\r\n", 3);
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>().prop_filter("no line end", |byte| !matches!(byte, b'\r' | b'\n')), 0..20)
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        line().prop_map(Value::Simple),
        vec(any::<u8>(), 0..20).prop_map(Value::Error),
        any::<i64>().prop_map(Value::Integer),
        vec(any::<u8>(), 0..40).prop_map(Value::Bulk),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<f64>().prop_map(Value::Double),
        "-?[0-9]{1,40}".prop_map(|digits| Value::BigNumber(digits.into_bytes())),
        (any::<[u8; 3]>(), vec(any::<u8>(), 0..20))
            .prop_map(|(format, text)| Value::Verbatim(format, text)),
    ]
}

/// Any value, a push only outermost and at most one attribute each, as RESP3 has them.
fn value() -> impl Strategy<Value = Value> {
    let tree = leaf().prop_recursive(4, 32, 5, |inner| {
        let pairs = vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::Array),
            vec(inner.clone(), 0..5).prop_map(Value::Set),
            pairs.clone().prop_map(Value::Map),
            (pairs, inner).prop_map(|(pairs, value)| {
                let attributed = matches!(value, Value::Attribute(..));
                if attributed { value } else { Value::Attribute(pairs, Box::new(value)) }
            }),
        ]
    });
    prop_oneof![4 => tree.clone(), 1 => vec(tree, 0..4).prop_map(Value::Push)]
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x5eed),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_value_reads_back_as_it_was_written_and_splits_anywhere(value in value()) {
        check_value(&value);
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        check_each_split(&bytes);
        check_replies(&bytes, 0);
    }

    #[test]
    fn commands_in_a_pipeline_split_anywhere(
        commands in vec(vec(vec(any::<u8>(), 0..24), 1..5), 1..5),
    ) {
        let mut bytes = Vec::new();
        for arguments in &commands {
            let mut writer = Writer::new(&mut bytes, Protocol::Resp2);
            writer.array(arguments.len());
            arguments.iter().for_each(|argument| writer.bulk(argument));
        }
        check_each_split(&bytes);
        check_requests(&bytes, 0);
    }
}
