//! Taking members out of a sorted set from its ends, and picking them at random.

use super::args::{Pick, at_least_one, count, is, pick};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::sorted_set::{Scored, SortedSet};

pub(super) const ROWS: &[Row] = &[
    Row::write("zmpop", -4, Keys::Counted { count: 1 }, zmpop),
    Row::write("zpopmax", -2, Keys::FIRST, zpopmax),
    Row::write("zpopmin", -2, Keys::FIRST, zpopmin),
    Row::read("zrandmember", -2, Keys::FIRST, zrandmember),
];

fn zpopmin(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    pop(call, args, false)
}

fn zpopmax(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    pop(call, args, true)
}

fn pop(call: &mut Call<'_>, args: Args<'_>, highest: bool) -> Outcome {
    let max = match args {
        [_, _] => None,
        [_, _, max] => Some(count(max)?),
        _ => return Err(Error::SYNTAX),
    };
    let popped = take(call, args[1], highest, max.unwrap_or(1))?.unwrap_or_default();
    // Without a count, the one member and its score stand alone even in RESP3.
    if max.is_none() {
        call.out.array(popped.len() * 2);
        for (member, score) in &popped {
            call.out.bulk(member);
            call.double(*score);
        }
    } else {
        call.members(&popped, true);
    }
    Ok(())
}

/// Takes up to `max` members off one end; `None` if there is no such key.
fn take(
    call: &mut Call<'_>,
    key: &[u8],
    highest: bool,
    max: usize,
) -> Result<Option<Scored>, Error> {
    let Some(set) = call.db.write::<SortedSet>(key)? else { return Ok(None) };
    let owned = |(member, score): (&[u8], f64)| (member.to_vec(), score);
    let popped: Vec<_> = if highest {
        set.iter().rev().take(max).map(owned).collect()
    } else {
        set.iter().take(max).map(owned).collect()
    };
    for (member, _) in &popped {
        set.remove(member);
    }
    call.db.prune(key);
    Ok(Some(popped))
}

fn zmpop(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let keys = at_least_one(args[1], Error::new("ERR numkeys should be greater than 0"))?;
    let highest = match keys.checked_add(2).and_then(|at| args.get(at)) {
        Some(word) if is(word, "MIN") => false,
        Some(word) if is(word, "MAX") => true,
        Some(_) | None => return Err(Error::SYNTAX),
    };
    let max = match &args[keys + 3..] {
        [] => 1,
        [word, max, rest @ ..] if is(word, "COUNT") => {
            let max = at_least_one(max, Error::new("ERR count should be greater than 0"))?;
            if rest.is_empty() { max } else { return Err(Error::SYNTAX) }
        }
        _ => return Err(Error::SYNTAX),
    };
    for key in &args[2..keys + 2] {
        let Some(popped) = take(call, key, highest, max)? else { continue };
        call.out.array(2);
        call.out.bulk(key);
        call.out.array(popped.len());
        for (member, score) in popped {
            call.out.array(2);
            call.out.bulk(&member);
            call.double(score);
        }
        return Ok(());
    }
    call.out.null_array();
    Ok(())
}

fn zrandmember(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let wanted = args.get(2).map(|count| pick(count)).transpose()?;
    let with_scores = match args.get(3..).unwrap_or_default() {
        [] => false,
        [word] if is(word, "WITHSCORES") => true,
        _ => return Err(Error::SYNTAX),
    };
    let wanted = if with_scores { wanted.map(Pick::of_pairs).transpose()? } else { wanted };
    let set = call.db.read::<SortedSet>(args[1])?;
    let all: Scored = set
        .into_iter()
        .flat_map(SortedSet::iter)
        .map(|(member, score)| (member.to_vec(), score))
        .collect();
    let Some(wanted) = wanted else {
        let member = (!all.is_empty()).then(|| &all[call.rng.below(all.len())].0);
        Call::bulk_or_null(&mut call.out, member.map(Vec::as_slice));
        return Ok(());
    };
    let indices = wanted.draw(call.rng, all.len());
    let picked: Vec<_> = indices.into_iter().map(|at| all[at].clone()).collect();
    call.members(&picked, with_scores);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn members_are_popped_from_both_ends() {
        Rig::new().story(&[
            ("ZADD z 1 a 2 b 3 c 4 d", ":4"),
            ("ZPOPMIN z", "*2 $1 a $1 1"),
            ("ZPOPMAX z 2", "*4 $1 d $1 4 $1 c $1 3"),
            ("ZPOPMIN z 0", "*0"),
            ("ZMPOP 2 none z MIN COUNT 5", "*2 $1 z *1 *2 $1 b $1 2"),
            ("ZMPOP 1 z MIN", "*-1"),
            ("ZPOPMIN z", "*0"),
            ("ZPOPMIN z -1", "-ERR value is out of range, must be positive"),
            ("ZMPOP 0 z MIN", "-ERR numkeys should be greater than 0"),
            ("ZMPOP 1 z MID", "-ERR syntax error"),
        ]);
        Rig::resp3().story(&[
            ("ZADD z 1 a 2 b", ":2"),
            ("ZPOPMIN z", "*2 $1 a ,1"),
            ("ZPOPMIN z 1", "*1 *2 $1 b ,2"),
        ]);
    }

    #[test]
    fn random_members_come_with_their_scores() {
        Rig::new().story(&[
            ("ZADD z 1 a", ":1"),
            ("ZRANDMEMBER z", "$1 a"),
            ("ZRANDMEMBER z 3 WITHSCORES", "*2 $1 a $1 1"),
            ("ZRANDMEMBER z -2", "*2 $1 a $1 a"),
            ("ZRANDMEMBER none", "$-1"),
            ("ZRANDMEMBER none 1", "*0"),
        ]);
    }
}
