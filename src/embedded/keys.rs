//! Commands on keys of any type.

use super::args::{database, is};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::expiry::Unit;

pub(super) const ROWS: &[Row] = &[
    Row::write("copy", -3, Keys::TWO, copy),
    Row::write("del", -2, Keys::ALL, del),
    Row::read("exists", -2, Keys::ALL, exists),
    Row::write("expire", -3, Keys::FIRST, expire),
    Row::write("expireat", -3, Keys::FIRST, expireat),
    Row::read("expiretime", 2, Keys::FIRST, expiretime),
    Row::write("persist", 2, Keys::FIRST, persist),
    Row::write("pexpire", -3, Keys::FIRST, pexpire),
    Row::write("pexpireat", -3, Keys::FIRST, pexpireat),
    Row::read("pexpiretime", 2, Keys::FIRST, pexpiretime),
    Row::read("pttl", 2, Keys::FIRST, pttl),
    Row::write("rename", 3, Keys::TWO, rename),
    Row::write("renamenx", 3, Keys::TWO, renamenx),
    Row::read("touch", -2, Keys::ALL, exists),
    Row::read("ttl", 2, Keys::FIRST, ttl),
    Row::read("type", 2, Keys::FIRST, type_),
    Row::write("unlink", -2, Keys::ALL, del),
];

fn del(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let removed = args[1..].iter().filter(|key| call.db.remove(key).is_some()).count();
    call.length(removed);
    Ok(())
}

fn exists(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let found = args[1..].iter().filter(|key| call.db.has(key)).count();
    call.length(found);
    Ok(())
}

fn type_(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    call.out.simple(call.db.entry(args[1]).map_or("none", |entry| entry.value.type_name()));
    Ok(())
}

fn expire(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    expire_in(call, args, Unit::EX, "expire")
}

fn pexpire(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    expire_in(call, args, Unit::PX, "pexpire")
}

fn expireat(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    expire_in(call, args, Unit::EXAT, "expireat")
}

fn pexpireat(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    expire_in(call, args, Unit::PXAT, "pexpireat")
}

/// `NX`, `XX`, `GT` and `LT` of `EXPIRE` and its like.
#[derive(Debug, Default)]
struct Condition {
    absent: bool,
    present: bool,
    greater: bool,
    less: bool,
}

impl Condition {
    fn read(words: &[&[u8]]) -> Result<Condition, Error> {
        let mut condition = Condition::default();
        for word in words {
            let flag = match word.to_ascii_uppercase().as_slice() {
                b"NX" => &mut condition.absent,
                b"XX" => &mut condition.present,
                b"GT" => &mut condition.greater,
                b"LT" => &mut condition.less,
                _ => return Err(Error::quoting("ERR Unsupported option ", word, "")),
            };
            *flag = true;
        }
        if condition.absent && (condition.present || condition.greater || condition.less) {
            return Err(Error::new(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if condition.greater && condition.less {
            return Err(Error::new("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(condition)
    }

    /// Whether a key that expires at `current` may be made to expire at `next`. A key that does not
    /// expire counts as one that expires after all others.
    fn allows(&self, current: Option<i64>, next: i64) -> bool {
        !(self.absent && current.is_some()
            || self.present && current.is_none()
            || self.greater && current.is_none_or(|current| next <= current)
            || self.less && current.is_some_and(|current| next >= current))
    }
}

fn expire_in(call: &mut Call<'_>, args: Args<'_>, unit: Unit, command: &str) -> Outcome {
    let condition = Condition::read(&args[3..])?;
    let now = call.db.now;
    let expires = unit.read(args[2], now, command)?;
    let allowed =
        call.db.entry(args[1]).is_some_and(|entry| condition.allows(entry.expires, expires));
    if allowed && expires <= now {
        call.db.remove(args[1]);
    } else if allowed {
        call.db.set_expiry(args[1], Some(expires));
    }
    call.out.integer(i64::from(allowed));
    Ok(())
}

fn persist(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let expiring = call.db.entry(args[1]).is_some_and(|entry| entry.expires.is_some());
    if expiring {
        call.db.set_expiry(args[1], None);
    }
    call.out.integer(i64::from(expiring));
    Ok(())
}

fn ttl(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let now = call.db.now;
    tell_expiry(call, args[1], |at| (at - now).saturating_add(500) / 1000)
}

fn pttl(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let now = call.db.now;
    tell_expiry(call, args[1], |at| at - now)
}

fn expiretime(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    tell_expiry(call, args[1], |at| at / 1000 + (at % 1000 + 500) / 1000)
}

fn pexpiretime(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    tell_expiry(call, args[1], |at| at)
}

fn tell_expiry(call: &mut Call<'_>, key: &[u8], form: impl Fn(i64) -> i64) -> Outcome {
    call.out.integer(match call.db.entry(key).map(|entry| entry.expires) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => form(at),
    });
    Ok(())
}

fn rename(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let entry = call.db.remove(args[1]).ok_or(Error::NO_SUCH_KEY)?;
    call.db.store.put(args[2], entry);
    call.out.simple("OK");
    Ok(())
}

fn renamenx(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    if !call.db.has(args[1]) {
        return Err(Error::NO_SUCH_KEY);
    }
    let free = !call.db.has(args[2]);
    if free && let Some(entry) = call.db.remove(args[1]) {
        call.db.store.put(args[2], entry);
    }
    call.out.integer(i64::from(free));
    Ok(())
}

fn copy(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let mut replace = false;
    let mut at = 3;
    while let Some(word) = args.get(at) {
        match args.get(at + 1) {
            _ if is(word, "REPLACE") => replace = true,
            Some(db) if is(word, "DB") => {
                if database(db)? != 0 {
                    return Err(Error::new("ERR DB index is out of range"));
                }
                at += 1;
            }
            _ => return Err(Error::SYNTAX),
        }
        at += 1;
    }
    if args[1] == args[2] {
        return Err(Error::new("ERR source and destination objects are the same"));
    }
    let source = call.db.entry(args[1]).cloned();
    let copied = source.filter(|_| replace || !call.db.has(args[2]));
    call.out.integer(i64::from(copied.is_some()));
    if let Some(entry) = copied {
        call.db.store.put(args[2], entry);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn keys_of_any_type_are_counted_named_and_removed() {
        Rig::new().story(&[
            ("MSET a 1 b 2", "+OK"),
            ("RPUSH l x", ":1"),
            ("EXISTS a a none", ":2"),
            ("TOUCH a none", ":1"),
            ("TYPE l", "+list"),
            ("TYPE none", "+none"),
            ("UNLINK a none", ":1"),
            ("DEL a b l", ":2"),
            ("DBSIZE", ":0"),
        ]);
    }

    #[test]
    fn expiry_is_set_under_conditions() {
        Rig::new().story(&[
            ("SET k v", "+OK"),
            ("EXPIRE k 100 XX", ":0"),
            ("EXPIRE k 100 GT", ":0"),
            ("EXPIRE k 100 LT", ":1"),
            ("EXPIRE k 50 NX", ":0"),
            ("EXPIRE k 50 GT", ":0"),
            ("PEXPIRE k 200000 GT", ":1"),
            ("PTTL k", ":200000"),
            ("EXPIRETIME k", ":1700000200"),
            ("PEXPIREAT k 1700000300000", ":1"),
            ("PEXPIRETIME k", ":1700000300000"),
            ("PERSIST k", ":1"),
            ("PERSIST k", ":0"),
            (
                "EXPIRE k 1 NX XX",
                "-ERR NX and XX, GT or LT options at the same time are not compatible",
            ),
            ("EXPIRE k 1 GT LT", "-ERR GT and LT options at the same time are not compatible"),
            ("EXPIRE k 1 ZZ", "-ERR Unsupported option ZZ"),
            ("EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command"),
            ("EXPIRE k x", "-ERR value is not an integer or out of range"),
            ("EXPIRE none 1", ":0"),
            ("EXPIREAT k 1", ":1"),
            ("TTL k", ":-2"),
        ]);
    }

    #[test]
    fn a_key_takes_its_expiry_along() {
        Rig::new().story(&[
            ("SET a 1 EX 10", "+OK"),
            ("RENAME a b", "+OK"),
            ("TTL b", ":10"),
            ("COPY b c", ":1"),
            ("TTL c", ":10"),
            ("COPY b c", ":0"),
            ("COPY b c REPLACE DB 0", ":1"),
            ("COPY b c DB 1", "-ERR DB index is out of range"),
            ("COPY b b", "-ERR source and destination objects are the same"),
            ("RENAMENX b c", ":0"),
            ("RENAMENX b d", ":1"),
            ("RENAME b c", "-ERR no such key"),
            ("RENAME d d", "+OK"),
            ("GET d", "$1 1"),
        ]);
    }
}
