//! Commands on strings.

use super::args::{integer, is, range};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::expiry::Unit;
use super::long_double::LongDouble;
use super::store::{Entry, Text, Value};
use crate::limits::BULK_BYTES_MAX;
use crate::proto::resp::parse_integer;

pub(super) const ROWS: &[Row] = &[
    Row::write("append", 3, Keys::FIRST, append),
    Row::write("decr", 2, Keys::FIRST, decr),
    Row::write("decrby", 3, Keys::FIRST, decrby),
    Row::read("get", 2, Keys::FIRST, get),
    Row::write("getdel", 2, Keys::FIRST, getdel),
    Row::write("getex", -2, Keys::FIRST, getex),
    Row::read("getrange", 4, Keys::FIRST, getrange),
    Row::write("getset", 3, Keys::FIRST, getset),
    Row::write("incr", 2, Keys::FIRST, incr),
    Row::write("incrby", 3, Keys::FIRST, incrby),
    Row::write("incrbyfloat", 3, Keys::FIRST, incrbyfloat),
    Row::read("mget", -2, Keys::ALL, mget),
    Row::write("mset", -3, Keys::PAIRS, mset),
    Row::write("msetnx", -3, Keys::PAIRS, msetnx),
    Row::write("psetex", 4, Keys::FIRST, psetex),
    Row::write("set", -3, Keys::FIRST, set),
    Row::write("setex", 4, Keys::FIRST, setex),
    Row::write("setnx", 3, Keys::FIRST, setnx),
    Row::write("setrange", 4, Keys::FIRST, setrange),
    Row::read("strlen", 2, Keys::FIRST, strlen),
    Row::read("substr", 4, Keys::FIRST, getrange),
];

fn get(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    Call::bulk_or_null(&mut call.out, call.db.read::<Text>(args[1])?.map(Vec::as_slice));
    Ok(())
}

fn mget(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    call.out.array(args.len() - 1);
    for key in &args[1..] {
        let value = call.db.read::<Text>(key).ok().flatten();
        Call::bulk_or_null(&mut call.out, value.map(Vec::as_slice));
    }
    Ok(())
}

fn strlen(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let len = call.db.read::<Text>(args[1])?.map_or(0, Vec::len);
    call.length(len);
    Ok(())
}

fn getrange(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let (start, stop) = (integer(args[2])?, integer(args[3])?);
    let empty = Text::new();
    let value = call.db.read::<Text>(args[1])?.unwrap_or(&empty);
    // Unlike the ranges of lists, one that begins and ends before the string, in disorder, is
    // empty.
    let disorder = start < 0 && stop < 0 && start > stop;
    // And one that ends before it ends at its first byte.
    let len = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let span = if disorder { 0..0 } else { range(start, stop.max(-len), value.len()) };
    call.out.bulk(&value[span]);
    Ok(())
}

/// `NX`, `XX` and `GET` of `SET`, and what it does about expiry.
#[derive(Debug, Default)]
struct SetOptions<'a> {
    if_absent: bool,
    if_present: bool,
    get: bool,
    keep_ttl: bool,
    persist: bool,
    expiry: Option<(Unit, &'a [u8])>,
}

impl<'a> SetOptions<'a> {
    /// Reads the options of `SET`; those of `GETEX` if `getex`.
    fn read(words: &[&'a [u8]], getex: bool) -> Result<SetOptions<'a>, Error> {
        let mut options = SetOptions::default();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let timed = options.expiry.map(|(unit, _)| unit);
            let timeless = timed.is_none() && !options.persist;
            if is(word, "NX") && !options.if_present && !getex {
                options.if_absent = true;
            } else if is(word, "XX") && !options.if_absent && !getex {
                options.if_present = true;
            } else if is(word, "GET") && !getex {
                options.get = true;
            } else if is(word, "KEEPTTL") && timeless && !getex {
                options.keep_ttl = true;
            } else if is(word, "PERSIST") && timed.is_none() && getex {
                options.persist = true;
            } else if let (Some(unit), Some(time)) = (Unit::of_option(word), words.get(at + 1))
                && timed.is_none_or(|before| before == unit)
                && !options.persist
                && !options.keep_ttl
            {
                options.expiry = Some((unit, time));
                at += 1;
            } else {
                return Err(Error::SYNTAX);
            }
            at += 1;
        }
        Ok(options)
    }
}

fn set(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let (key, value) = (args[1], args[2]);
    let options = SetOptions::read(&args[3..], false)?;
    let expires = match options.expiry {
        Some((unit, time)) => Some(unit.read_positive(time, call.db.now, "set")?),
        None => None,
    };
    let before = call.db.entry(key);
    let exists = before.is_some();
    let kept = before.and_then(|entry| entry.expires).filter(|_| options.keep_ttl);
    if options.get {
        Call::bulk_or_null(&mut call.out, call.db.read::<Text>(key)?.map(Vec::as_slice));
    }
    if options.if_absent && exists || options.if_present && !exists {
        if !options.get {
            call.out.null();
        }
        return Ok(());
    }
    let value = Value::Text(value.to_vec());
    call.db.store.put(key, Entry { value, expires: expires.or(kept) });
    if !options.get {
        call.out.simple("OK");
    }
    Ok(())
}

fn getex(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let key = args[1];
    let options = SetOptions::read(&args[2..], true)?;
    let Some(value) = call.db.read::<Text>(key)? else {
        call.out.null();
        return Ok(());
    };
    let now = call.db.now;
    let expires = match options.expiry {
        Some((unit, time)) => Some(unit.read_positive(time, now, "getex")?),
        None => None,
    };
    call.out.bulk(value);
    if expires.is_some_and(|at| at <= now) {
        call.db.remove(key);
    } else if expires.is_some() || options.persist {
        call.db.set_expiry(key, expires);
    }
    Ok(())
}

fn setex(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    set_expiring(call, args, Unit::EX, "setex")
}

fn psetex(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    set_expiring(call, args, Unit::PX, "psetex")
}

fn set_expiring(call: &mut Call<'_>, args: Args<'_>, unit: Unit, command: &str) -> Outcome {
    let expires = Some(unit.read_positive(args[2], call.db.now, command)?);
    call.db.store.put(args[1], Entry { value: Value::Text(args[3].to_vec()), expires });
    call.out.simple("OK");
    Ok(())
}

fn setnx(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let absent = !call.db.has(args[1]);
    if absent {
        call.db.put(args[1], args[2].to_vec());
    }
    call.out.integer(i64::from(absent));
    Ok(())
}

fn getset(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    get(call, args)?;
    call.db.put(args[1], args[2].to_vec());
    Ok(())
}

fn getdel(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    get(call, args)?;
    call.db.remove(args[1]);
    Ok(())
}

fn mset(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(Error::arity("mset"));
    }
    for pair in args[1..].chunks(2) {
        call.db.put(pair[0], pair[1].to_vec());
    }
    call.out.simple("OK");
    Ok(())
}

fn msetnx(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(Error::arity("msetnx"));
    }
    let absent = !args[1..].iter().step_by(2).any(|key| call.db.has(key));
    if absent {
        for pair in args[1..].chunks(2) {
            call.db.put(pair[0], pair[1].to_vec());
        }
    }
    call.out.integer(i64::from(absent));
    Ok(())
}

fn append(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let len = call.db.read::<Text>(args[1])?.map_or(0, Vec::len) + args[2].len();
    if len > BULK_BYTES_MAX {
        return Err(Error::STRING_TOO_LONG);
    }
    call.db.create::<Text>(args[1])?.extend_from_slice(args[2]);
    call.length(len);
    Ok(())
}

fn setrange(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let offset = integer(args[2])?;
    let Ok(offset) = usize::try_from(offset) else {
        return Err(Error::new("ERR offset is out of range"));
    };
    let (key, patch) = (args[1], args[3]);
    let len = call.db.read::<Text>(key)?.map_or(0, Vec::len);
    if patch.is_empty() {
        call.length(len);
        return Ok(());
    }
    let end = offset.checked_add(patch.len()).filter(|end| *end <= BULK_BYTES_MAX);
    let end = end.ok_or(Error::STRING_TOO_LONG)?;
    let value = call.db.create::<Text>(key)?;
    value.resize(len.max(end), 0);
    value[offset..end].copy_from_slice(patch);
    call.length(len.max(end));
    Ok(())
}

fn incr(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    add(call, args[1], 1)
}

fn decr(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    add(call, args[1], -1)
}

fn incrby(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    add(call, args[1], integer(args[2])?)
}

fn decrby(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let decrement = integer(args[2])?.checked_neg();
    add(call, args[1], decrement.ok_or(Error::new("ERR decrement would overflow"))?)
}

fn add(call: &mut Call<'_>, key: &[u8], increment: i64) -> Outcome {
    let value = match call.db.read::<Text>(key)? {
        Some(value) => parse_integer(value).ok_or(Error::NOT_INTEGER)?,
        None => 0,
    };
    let sum = value.checked_add(increment).ok_or(Error::OVERFLOW)?;
    *call.db.create::<Text>(key)? = sum.to_string().into_bytes();
    call.out.integer(sum);
    Ok(())
}

fn incrbyfloat(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let value = match call.db.read::<Text>(args[1])? {
        Some(value) => LongDouble::read(value, Error::NOT_FLOAT)?,
        None => Some(LongDouble::ZERO),
    };
    let increment = LongDouble::read(args[2], Error::NOT_FLOAT)?;
    let sum = value.zip(increment).and_then(|(value, increment)| value.plus(increment));
    let sum = sum.ok_or(Error::NOT_FINITE)?.to_string();
    *call.db.create::<Text>(args[1])? = sum.clone().into_bytes();
    call.out.bulk(sum.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;
    use std::time::Duration;

    #[test]
    fn set_heeds_its_options() {
        Rig::new().story(&[
            ("SET k v", "+OK"),
            ("SET k w NX", "$-1"),
            ("SET k w XX GET", "$1 v"),
            ("SET l w XX", "$-1"),
            ("SET l w GET NX", "$-1"),
            ("GET l", "$1 w"),
            ("SET k v NX XX", "-ERR syntax error"),
            ("SET k v EX 1 PX 1", "-ERR syntax error"),
            ("SET k v EX 0", "-ERR invalid expire time in 'set' command"),
            ("SET k v EX x", "-ERR value is not an integer or out of range"),
            ("SET k v EX 10", "+OK"),
            ("SET k w KEEPTTL", "+OK"),
            ("TTL k", ":10"),
            ("SET k w", "+OK"),
            ("TTL k", ":-1"),
            ("SET k", "-ERR wrong number of arguments for 'set' command"),
        ]);
    }

    #[test]
    fn a_key_is_gone_when_its_time_has_come() {
        let mut rig = Rig::new();
        rig.story(&[("SET k v PX 1500", "+OK"), ("PTTL k", ":1500"), ("TTL k", ":2")]);
        rig.pass(Duration::from_millis(1499));
        rig.story(&[("GETEX k", "$1 v"), ("PTTL k", ":1")]);
        rig.pass(Duration::from_millis(1));
        rig.story(&[("GET k", "$-1"), ("EXISTS k", ":0"), ("DBSIZE", ":0")]);
        rig.story(&[
            ("SET k v EXAT 1", "+OK"),
            ("GET k", "$-1"),
            ("SET k v", "+OK"),
            ("GETEX k PX 5", "$1 v"),
            ("GETEX k PERSIST", "$1 v"),
            ("TTL k", ":-1"),
        ]);
    }

    #[test]
    fn counters_refuse_what_does_not_fit() {
        Rig::new().story(&[
            ("INCR k", ":1"),
            ("INCRBY k 9223372036854775806", ":9223372036854775807"),
            ("INCR k", "-ERR increment or decrement would overflow"),
            ("DECRBY k -9223372036854775808", "-ERR decrement would overflow"),
            ("SET k x", "+OK"),
            ("DECR k", "-ERR value is not an integer or out of range"),
            ("INCRBYFLOAT k 1", "-ERR value is not a valid float"),
            ("INCRBYFLOAT f 10.5", "$4 10.5"),
            ("INCRBYFLOAT f 0.1", "$4 10.6"),
            ("INCRBYFLOAT f 5.0e3", "$22 5010.60000000000000009"),
        ]);
    }

    #[test]
    fn ranges_reach_from_both_ends() {
        Rig::new().story(&[
            ("SETRANGE k 2 xy", ":4"),
            ("GETRANGE k 2 -1", "$2 xy"),
            ("SET k hello", "+OK"),
            ("GETRANGE k -3 -2", "$2 ll"),
            ("GETRANGE k 3 1", "$0"),
            ("GETRANGE k -9 -8", "$1 h"),
            ("GETRANGE k 0 99", "$5 hello"),
            ("SETRANGE k -1 x", "-ERR offset is out of range"),
            (
                "SETRANGE k 536870912 x",
                "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            ),
            ("APPEND k !", ":6"),
            ("STRLEN k", ":6"),
        ]);
    }
}
