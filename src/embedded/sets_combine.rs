//! Unions, intersections and differences of sets.

use super::args::{at_least_one, count, is};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::store::Set;

pub(super) const ROWS: &[Row] = &[
    Row::read("sdiff", -2, Keys::ALL, sdiff),
    Row::write("sdiffstore", -3, Keys::ALL, sdiffstore),
    Row::read("sinter", -2, Keys::ALL, sinter),
    Row::read("sintercard", -3, Keys::Counted { count: 1 }, sintercard),
    Row::write("sinterstore", -3, Keys::ALL, sinterstore),
    Row::read("sunion", -2, Keys::ALL, sunion),
    Row::write("sunionstore", -3, Keys::ALL, sunionstore),
];

type Combine = fn(Set, &Set) -> Set;

fn union(mut left: Set, right: &Set) -> Set {
    left.extend(right.iter().cloned());
    left
}

fn intersection(mut left: Set, right: &Set) -> Set {
    left.retain(|member| right.contains(member));
    left
}

fn difference(mut left: Set, right: &Set) -> Set {
    left.retain(|member| !right.contains(member));
    left
}

fn sunion(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, &args[1..], union)
}

fn sinter(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, &args[1..], intersection)
}

fn sdiff(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, &args[1..], difference)
}

fn sunionstore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    store(call, args, union)
}

fn sinterstore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    store(call, args, intersection)
}

fn sdiffstore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    store(call, args, difference)
}

/// The sets at `keys` combined from left to right.
fn combine(call: &Call<'_>, keys: &[&[u8]], with: Combine) -> Result<Set, Error> {
    let empty = Set::new();
    let mut combined: Option<Set> = None;
    for key in keys {
        let set = call.db.read::<Set>(key)?.unwrap_or(&empty);
        combined = Some(match combined {
            None => set.clone(),
            Some(left) => with(left, set),
        });
    }
    Ok(combined.unwrap_or_default())
}

fn reply(call: &mut Call<'_>, keys: &[&[u8]], with: Combine) -> Outcome {
    let members = combine(call, keys, with)?;
    call.out.set(members.len());
    for member in members {
        call.out.bulk(&member);
    }
    Ok(())
}

fn store(call: &mut Call<'_>, args: Args<'_>, with: Combine) -> Outcome {
    let members = combine(call, &args[2..], with)?;
    let len = members.len();
    call.db.put_or_remove(args[1], members);
    call.length(len);
    Ok(())
}

fn sintercard(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let keys = at_least_one(args[1], Error::new("ERR numkeys should be greater than 0"))?;
    if keys > args.len() - 2 {
        return Err(Error::new("ERR Number of keys can't be greater than number of args"));
    }
    let (keys, options) = args[2..].split_at(keys);
    let mut limit = 0;
    for pair in options.chunks(2) {
        match pair {
            [word, max] if is(word, "LIMIT") => {
                limit = count(max).map_err(|_| Error::new("ERR LIMIT can't be negative"))?;
            }
            _ => return Err(Error::SYNTAX),
        }
    }
    let len = combine(call, keys, intersection)?.len();
    call.length(if limit == 0 { len } else { len.min(limit) });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn sets_are_combined_from_left_to_right() {
        Rig::new().story(&[
            ("SADD a 1 2 3", ":3"),
            ("SADD b 2 3 4", ":3"),
            ("SUNION a b none", "*4 $1 1 $1 2 $1 3 $1 4"),
            ("SINTER a b", "*2 $1 2 $1 3"),
            ("SINTER a none", "*0"),
            ("SDIFF a b", "*1 $1 1"),
            ("SDIFFSTORE c a b", ":1"),
            ("SMEMBERS c", "*1 $1 1"),
            ("SINTERSTORE c a none", ":0"),
            ("EXISTS c", ":0"),
            ("SINTERCARD 2 a b", ":2"),
            ("SINTERCARD 2 a b LIMIT 1", ":1"),
            ("SINTERCARD 0 a", "-ERR numkeys should be greater than 0"),
            ("SINTERCARD 2 a", "-ERR Number of keys can't be greater than number of args"),
            ("SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"),
            ("SET k v", "+OK"),
            ("SUNION a k", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ]);
    }
}
