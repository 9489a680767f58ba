//! Commands on hashes.

use super::args::{Pick, cursor, integer, is, pick, scan_pattern};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::glob;
use super::long_double::LongDouble;
use super::store::Hash;
use crate::proto::resp::parse_integer;

pub(super) const ROWS: &[Row] = &[
    Row::write("hdel", -3, Keys::FIRST, hdel),
    Row::read("hexists", 3, Keys::FIRST, hexists),
    Row::read("hget", 3, Keys::FIRST, hget),
    Row::read("hgetall", 2, Keys::FIRST, hgetall),
    Row::write("hincrby", 4, Keys::FIRST, hincrby),
    Row::write("hincrbyfloat", 4, Keys::FIRST, hincrbyfloat),
    Row::read("hkeys", 2, Keys::FIRST, hkeys),
    Row::read("hlen", 2, Keys::FIRST, hlen),
    Row::read("hmget", -3, Keys::FIRST, hmget),
    Row::write("hmset", -4, Keys::FIRST, hmset),
    Row::read("hrandfield", -2, Keys::FIRST, hrandfield),
    Row::read("hscan", -3, Keys::FIRST, hscan),
    Row::write("hset", -4, Keys::FIRST, hset),
    Row::write("hsetnx", 4, Keys::FIRST, hsetnx),
    Row::read("hstrlen", 3, Keys::FIRST, hstrlen),
    Row::read("hvals", 2, Keys::FIRST, hvals),
];

fn hset(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let added = set_fields(call, args, "hset")?;
    call.length(added);
    Ok(())
}

fn hmset(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    set_fields(call, args, "hmset")?;
    call.out.simple("OK");
    Ok(())
}

fn set_fields(call: &mut Call<'_>, args: Args<'_>, command: &str) -> Result<usize, Error> {
    if !args.len().is_multiple_of(2) {
        return Err(Error::arity(command));
    }
    let hash = call.db.create::<Hash>(args[1])?;
    let before = hash.len();
    hash.extend(args[2..].chunks(2).map(|pair| (pair[0].to_vec(), pair[1].to_vec())));
    Ok(hash.len() - before)
}

fn hsetnx(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let hash = call.db.create::<Hash>(args[1])?;
    let absent = !hash.contains_key(args[2]);
    if absent {
        hash.insert(args[2].to_vec(), args[3].to_vec());
    }
    call.out.integer(i64::from(absent));
    Ok(())
}

fn hdel(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let mut removed = 0;
    if let Some(hash) = call.db.write::<Hash>(args[1])? {
        removed = args[2..].iter().filter(|field| hash.remove(**field).is_some()).count();
    }
    call.db.prune(args[1]);
    call.length(removed);
    Ok(())
}

/// The value of a field.
fn field<'a>(call: &'a Call<'_>, args: Args<'_>) -> Result<Option<&'a Vec<u8>>, Error> {
    Ok(call.db.read::<Hash>(args[1])?.and_then(|hash| hash.get(args[2])))
}

fn hget(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let hash = call.db.read::<Hash>(args[1])?;
    let value = hash.and_then(|hash| hash.get(args[2]));
    Call::bulk_or_null(&mut call.out, value.map(Vec::as_slice));
    Ok(())
}

fn hexists(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let exists = field(call, args)?.is_some();
    call.out.integer(i64::from(exists));
    Ok(())
}

fn hstrlen(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let len = field(call, args)?.map_or(0, Vec::len);
    call.length(len);
    Ok(())
}

fn hlen(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let len = call.db.read::<Hash>(args[1])?.map_or(0, Hash::len);
    call.length(len);
    Ok(())
}

fn hmget(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let hash = call.db.read::<Hash>(args[1])?;
    call.out.array(args.len() - 2);
    for field in &args[2..] {
        let value = hash.and_then(|hash| hash.get(*field));
        Call::bulk_or_null(&mut call.out, value.map(Vec::as_slice));
    }
    Ok(())
}

fn hgetall(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let empty = Hash::new();
    let hash = call.db.read::<Hash>(args[1])?.unwrap_or(&empty);
    call.out.map(hash.len());
    for (field, value) in hash {
        call.out.bulk(field);
        call.out.bulk(value);
    }
    Ok(())
}

fn hkeys(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let empty = Hash::new();
    let hash = call.db.read::<Hash>(args[1])?.unwrap_or(&empty);
    call.out.array(hash.len());
    for field in hash.keys() {
        call.out.bulk(field);
    }
    Ok(())
}

fn hvals(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let empty = Hash::new();
    let hash = call.db.read::<Hash>(args[1])?.unwrap_or(&empty);
    call.out.array(hash.len());
    for value in hash.values() {
        call.out.bulk(value);
    }
    Ok(())
}

fn hincrby(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let increment = integer(args[3])?;
    let value = match field(call, args)? {
        Some(value) => {
            parse_integer(value).ok_or(Error::new("ERR hash value is not an integer"))?
        }
        None => 0,
    };
    let sum = value.checked_add(increment).ok_or(Error::OVERFLOW)?;
    let text = sum.to_string().into_bytes();
    call.db.create::<Hash>(args[1])?.insert(args[2].to_vec(), text);
    call.out.integer(sum);
    Ok(())
}

fn hincrbyfloat(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let infinite = Error::new("ERR value is NaN or Infinity");
    let increment = LongDouble::read(args[3], Error::NOT_FLOAT)?.ok_or(infinite)?;
    let value = match field(call, args)? {
        Some(value) => {
            let malformed = Error::new("ERR hash value is not a float");
            LongDouble::read(value, malformed)?.ok_or(Error::NOT_FINITE)?
        }
        None => LongDouble::ZERO,
    };
    let sum = value.plus(increment).ok_or(Error::NOT_FINITE)?.to_string();
    let text = sum.clone().into_bytes();
    call.db.create::<Hash>(args[1])?.insert(args[2].to_vec(), text);
    call.out.bulk(sum.as_bytes());
    Ok(())
}

fn hrandfield(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let wanted = args.get(2).map(|count| pick(count)).transpose()?;
    let with_values = match args.get(3..).unwrap_or_default() {
        [] => false,
        [word] if is(word, "WITHVALUES") => true,
        _ => return Err(Error::SYNTAX),
    };
    let wanted = if with_values { wanted.map(Pick::of_pairs).transpose()? } else { wanted };
    let empty = Hash::new();
    let hash = call.db.read::<Hash>(args[1])?.unwrap_or(&empty);
    let fields: Vec<_> = hash.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let Some(wanted) = wanted else {
        let field = (!fields.is_empty()).then(|| &fields[call.rng.below(fields.len())]);
        Call::bulk_or_null(&mut call.out, field.map(|(field, _)| field.as_slice()));
        return Ok(());
    };
    let indices = wanted.draw(call.rng, fields.len());
    if with_values {
        call.pairs(indices.len())
    } else {
        call.out.array(indices.len())
    }
    for index in indices {
        let (field, value) = &fields[index];
        if with_values {
            call.pair();
        }
        call.out.bulk(field);
        if with_values {
            call.out.bulk(value);
        }
    }
    Ok(())
}

fn hscan(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    cursor(args[2])?;
    let hash = call.db.read::<Hash>(args[1])?;
    let pattern = if hash.is_some() { scan_pattern(&args[3..])? } else { b"" };
    let found: Vec<_> =
        hash.into_iter().flatten().filter(|(field, _)| glob::matches(pattern, field)).collect();
    call.out.array(2);
    call.out.bulk(b"0");
    call.out.array(found.len() * 2);
    for (field, value) in found {
        call.out.bulk(field);
        call.out.bulk(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn fields_are_set_read_and_removed() {
        Rig::new().story(&[
            ("HSET h a 1 b 2", ":2"),
            ("HSET h a 3 c 4", ":1"),
            ("HSET h a", "-ERR wrong number of arguments for 'hset' command"),
            ("HSET h a 1 b", "-ERR wrong number of arguments for 'hset' command"),
            ("HMSET h a 1 b", "-ERR wrong number of arguments for 'hmset' command"),
            ("HSETNX h a 9", ":0"),
            ("HMGET h a x b", "*3 $1 3 $-1 $1 2"),
            ("HGETALL h", "*6 $1 a $1 3 $1 b $1 2 $1 c $1 4"),
            ("HSTRLEN h a", ":1"),
            ("HDEL h a b c x", ":3"),
            ("EXISTS h", ":0"),
            ("HGETALL h", "*0"),
            ("SET s v", "+OK"),
            ("HGET s a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ]);
    }

    #[test]
    fn field_counters_refuse_what_does_not_fit() {
        Rig::new().story(&[
            ("HINCRBY h a 5", ":5"),
            ("HINCRBY h a x", "-ERR value is not an integer or out of range"),
            ("HINCRBY h a 9223372036854775807", "-ERR increment or decrement would overflow"),
            ("HSET h b x", ":1"),
            ("HINCRBY h b 1", "-ERR hash value is not an integer"),
            ("HINCRBYFLOAT h b 1", "-ERR hash value is not a float"),
            ("HINCRBYFLOAT h a inf", "-ERR value is NaN or Infinity"),
            ("HINCRBYFLOAT h a 0.25", "$4 5.25"),
        ]);
    }

    #[test]
    fn scans_give_all_that_matches_at_once() {
        Rig::new().story(&[
            ("HSET h aa 1 ab 2 b 3", ":3"),
            ("HSCAN h 0 MATCH a* COUNT 1", "*2 $1 0 *4 $2 aa $1 1 $2 ab $1 2"),
            ("HSCAN h x", "-ERR invalid cursor"),
            ("HSCAN h 0 COUNT 0", "-ERR syntax error"),
            ("HSCAN none 0 COUNT 0", "*2 $1 0 *0"),
        ]);
    }

    #[test]
    fn random_fields_come_with_values_in_pairs_of_their_own_in_resp3() {
        let story = [("HSET h a 1", ":1"), ("HRANDFIELD h", "$1 a"), ("HRANDFIELD h 0", "*0")];
        Rig::new().story(&story);
        Rig::new().story(&[
            ("HSET h a 1", ":1"),
            ("HRANDFIELD h 5 WITHVALUES", "*2 $1 a $1 1"),
            ("HRANDFIELD h -2", "*2 $1 a $1 a"),
            ("HRANDFIELD h 1 WITH", "-ERR syntax error"),
            ("HRANDFIELD none", "$-1"),
            ("HRANDFIELD none 3", "*0"),
        ]);
        Rig::resp3().story(&[
            ("HSET h a 1", ":1"),
            ("HRANDFIELD h 5 WITHVALUES", "*1 *2 $1 a $1 1"),
            ("HGETALL h", "%1 $1 a $1 1"),
        ]);
    }
}
