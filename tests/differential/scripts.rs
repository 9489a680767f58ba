//! Scripts and functions, each with as many keys as it uses: small ones that always do the same.

use anyhow::Result;
use proptest::prelude::*;
use proptest::sample::select;

use crate::harness::{Server, command};
use crate::rig::{guarded, settings};
use crate::words::{Word, counted};

/// Source, and number of keys.
type Script = (&'static str, usize);

/// What `EVAL` is given. It is kept by the node that runs it.
const SCRIPTS: [Script; 28] = [
    ("return 5", 0),
    ("return 3.99", 0),
    ("return {1, 2, {3, 'x'}, false, true, nil, 4}", 0),
    ("return {ok='fine'}", 0),
    ("return {err='BAD bad'}", 0),
    ("return redis.error_reply('mistake')", 0),
    ("return redis.status_reply('yes')", 0),
    ("return {double=3.5}", 0),
    ("redis.setresp(3) return {map={a='b'}}", 0),
    ("redis.setresp(3) return {set={a=true}}", 0),
    ("redis.setresp(3) return true", 0),
    ("return redis.sha1hex('')", 0),
    ("return cjson.encode({1, 'a'})", 0),
    ("return ARGV", 0),
    ("return x(", 0),
    ("error('no')", 0),
    ("return redis.call('nosuch')", 0),
    ("return redis.pcall('nosuch')", 0),
    ("#!lua flags=nosuch\nreturn 1", 0),
    ("return redis.call('get', KEYS[1])", 1),
    ("return redis.call('incr', KEYS[1])", 1),
    ("return redis.call('set', KEYS[1], ARGV[1])", 1),
    ("return redis.pcall('lpush', KEYS[1], 'a', ARGV[1])", 1),
    ("redis.setresp(3) return redis.call('zscore', KEYS[1], 'a')", 1),
    ("#!lua flags=no-writes\nreturn redis.call('exists', KEYS[1])", 1),
    ("return redis.call('mget', KEYS[1], KEYS[2])", 2),
    ("return redis.call('rename', KEYS[1], KEYS[2])", 2),
    ("return {KEYS, ARGV}", 2),
];

/// What `SCRIPT LOAD` is given, with the digest. It is kept by all nodes.
pub(crate) const LOADABLE: [(&str, &str, usize); 4] = [
    ("return 6", "432b214c7272676165213cde73c96473ae722648", 0),
    ("return redis.call('strlen', KEYS[1])", "4bda0a00e5541c8717dca29525d5e02f297b52da", 1),
    (
        "return redis.call('append', KEYS[1], ARGV[1])",
        "b2f9e208649373dfbe8c03d7e2bb80f97e1b210a",
        1,
    ),
    ("return {KEYS[2], KEYS[1], ARGV}", "3fe209aff656ba125d6ea02e2df8a1e5c6ab88fa", 2),
];

/// Digests of no script.
const UNKNOWN: [&str; 3] = ["ffffffffffffffffffffffffffffffffffffffff", "x", ""];

/// Libraries with a function each, so that the order of functions is theirs.
const LIBRARIES: [&str; 9] = [
    "#!lua name=one\nredis.register_function('f1', function(keys, args) \
     return redis.call('set', keys[1], args[1]) end)",
    "#!lua name=one\nredis.register_function('f1', function(keys, args) return 'another' end)",
    "#!lua name=two\nredis.register_function{function_name='f2', callback=function(keys, args) \
     return redis.call('get', keys[1]) end, flags={'no-writes'}}",
    "#!lua name=three\nredis.register_function{function_name='f1', callback=function(keys, args) \
     return 1 end, description='not the first of that name'}",
    "#!lua name=bad\nx(",
    "#!lua name=bad\nreturn 1",
    "#!lua\nreturn 1",
    "#!nosuch name=one\n",
    "return 1",
];

/// Names of functions, with their number of keys.
const FUNCTIONS: [Script; 5] = [("f1", 1), ("f2", 1), ("f2", 1), ("f4", 0), ("nosuch", 1)];

/// What a name in the grammar stands for; `None` if it is none of a script.
pub(crate) fn named(name: &str, key: &BoxedStrategy<Word>) -> Option<BoxedStrategy<Vec<Word>>> {
    let of = |scripts: &[Script]| {
        let script = |&(text, keys): &Script| (text, counted(key.clone(), keys..keys + 1));
        let choices: Vec<_> = scripts.iter().map(script).collect();
        let choices = choices.into_iter().map(|(text, keys)| {
            keys.prop_map(move |keys| [vec![text.as_bytes().to_vec()], keys].concat())
        });
        proptest::strategy::Union::new(choices).boxed()
    };
    let digests = LOADABLE.map(|(_, digest, keys)| (digest, keys));
    let one = match name {
        "script" => return Some(of(&SCRIPTS)),
        "loaded" => return Some(of(&[&digests[..], &UNKNOWN.map(|text| (text, 1))].concat())),
        "called" => return Some(of(&FUNCTIONS)),
        "loadable" => {
            let texts = LOADABLE.map(|(text, ..)| text);
            prop_oneof![9 => select(texts.to_vec()), 1 => Just("return y(")].boxed()
        }
        "digest" => select([&digests.map(|(text, _)| text)[..], &UNKNOWN].concat()).boxed(),
        "librarycode" => select(LIBRARIES.to_vec()).boxed(),
        "librarydump" => return Some(select(dumps()).prop_map(|dump| vec![dump]).boxed()),
        _ => return None,
    };
    Some(one.prop_map(|text| vec![text.as_bytes().to_vec()]).boxed())
}

/// What `FUNCTION DUMP` of Redis 7.0 gives: a library `one`, a library `lib4`, and what it never
/// gives.
fn dumps() -> Vec<Word> {
    let dumps: [&[u8]; 3] = [
        b"\xf5\xc3@f@q\x1f#!lua name=one\nredis.register_fu\x0cnction('f1', \xe0\x00\x0e\x11keys, \
          args) return \x06@9\x08call('set -@$\x02[1]\x80' \x08\x05) end)\n\x00\xa7\xc5\xbd\xca6\
          \x86d\x93",
        b"\xf5\xc3@R@[\x1f#!lua name=lib4\nredis.register_f\x0dunction('f4', \xe0\x00\x0e\x13keys, \
          args) return {\xe0\x01\x13\x05} end)\n\x00h\xe2\xe1\x8b\x93*s\xed",
        b"\xf5\xc3@R",
    ];
    dumps.map(<[u8]>::to_vec).into()
}

#[test]
fn scripts_have_their_digests_and_dumps_are_those_of_functions() -> Result<()> {
    let folder = guarded()?;
    let server = Server::standalone_with(folder.path(), &settings())?;
    let mut wire = server.wire()?;
    for (script, digest, _) in LOADABLE {
        let reply = wire.call(&["SCRIPT", "LOAD", script])?;
        assert_eq!(reply.escape_ascii().to_string(), format!("$40\\r\\n{digest}\\r\\n"));
    }
    for (dump, reply) in dumps().iter().zip(["+OK", "+OK", "-ERR DUMP payload"]) {
        let restore = [&b"FUNCTION"[..], b"RESTORE", dump];
        wire.send(&command(&restore))?;
        let given = wire.reply()?.escape_ascii().to_string();
        assert!(given.starts_with(reply), "{given}");
    }
    let known = LIBRARIES.map(|code| wire.call(&["FUNCTION", "LOAD", "REPLACE", code]));
    let known = known.into_iter().collect::<Result<Vec<_>>>()?;
    let loaded = known.iter().filter(|reply| reply[0] == b'$').count();
    assert_eq!(loaded, 3, "the others fail");
    Ok(())
}
