//! Commands on one set.

use super::args::{Pick, count, cursor, pick, scan_pattern};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::glob;
use super::store::Set;

pub(super) const ROWS: &[Row] = &[
    Row::write("sadd", -3, Keys::FIRST, sadd),
    Row::read("scard", 2, Keys::FIRST, scard),
    Row::read("sismember", 3, Keys::FIRST, sismember),
    Row::read("smembers", 2, Keys::FIRST, smembers),
    Row::read("smismember", -3, Keys::FIRST, smismember),
    Row::write("smove", 4, Keys::TWO, smove),
    Row::write("spop", -2, Keys::FIRST, spop),
    Row::read("srandmember", -2, Keys::FIRST, srandmember),
    Row::write("srem", -3, Keys::FIRST, srem),
    Row::read("sscan", -3, Keys::FIRST, sscan),
];

fn sadd(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let set = call.db.create::<Set>(args[1])?;
    let added = args[2..].iter().filter(|member| set.insert(member.to_vec())).count();
    call.length(added);
    Ok(())
}

fn srem(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let mut removed = 0;
    if let Some(set) = call.db.write::<Set>(args[1])? {
        removed = args[2..].iter().filter(|member| set.remove(**member)).count();
    }
    call.db.prune(args[1]);
    call.length(removed);
    Ok(())
}

fn scard(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let len = call.db.read::<Set>(args[1])?.map_or(0, Set::len);
    call.length(len);
    Ok(())
}

fn sismember(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let found = call.db.read::<Set>(args[1])?.is_some_and(|set| set.contains(args[2]));
    call.out.integer(i64::from(found));
    Ok(())
}

fn smismember(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let set = call.db.read::<Set>(args[1])?;
    call.out.array(args.len() - 2);
    for member in &args[2..] {
        call.out.integer(i64::from(set.is_some_and(|set| set.contains(*member))));
    }
    Ok(())
}

fn smembers(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let empty = Set::new();
    let set = call.db.read::<Set>(args[1])?.unwrap_or(&empty);
    call.out.set(set.len());
    for member in set {
        call.out.bulk(member);
    }
    Ok(())
}

fn smove(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let (source, target, member) = (args[1], args[2], args[3]);
    let mut found = false;
    if let Some(set) = call.db.read::<Set>(source)? {
        found = set.contains(member);
        call.db.read::<Set>(target)?;
    }
    if found && source != target {
        if let Some(set) = call.db.write::<Set>(source)? {
            set.remove(member);
        }
        call.db.prune(source);
        call.db.create::<Set>(target)?.insert(member.to_vec());
    }
    call.out.integer(i64::from(found));
    Ok(())
}

fn spop(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let max = match args {
        [_, _] => None,
        [_, _, max] => Some(count(max)?),
        _ => return Err(Error::SYNTAX),
    };
    let empty = Set::new();
    let set = call.db.read::<Set>(args[1])?.unwrap_or(&empty);
    let indices = call.rng.distinct(max.unwrap_or(1), set.len());
    let popped: Vec<Vec<u8>> = set
        .iter()
        .enumerate()
        .filter(|(at, _)| indices.contains(at))
        .map(|(_, member)| member.clone())
        .collect();
    if let Some(set) = call.db.write::<Set>(args[1])? {
        set.retain(|member| popped.binary_search(member).is_err());
    }
    call.db.prune(args[1]);
    if max.is_none() {
        Call::bulk_or_null(&mut call.out, popped.first().map(Vec::as_slice));
        return Ok(());
    }
    call.out.set(popped.len());
    for member in popped {
        call.out.bulk(&member);
    }
    Ok(())
}

fn srandmember(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let wanted = match args {
        [_, _] => None,
        [_, _, wanted] => Some(pick(wanted)?),
        _ => return Err(Error::SYNTAX),
    };
    let empty = Set::new();
    let set = call.db.read::<Set>(args[1])?.unwrap_or(&empty);
    let members: Vec<&Vec<u8>> = set.iter().collect();
    let indices = wanted.unwrap_or(Pick::Distinct(1)).draw(call.rng, members.len());
    if wanted.is_none() {
        let picked = indices.first().map(|at| members[*at].as_slice());
        Call::bulk_or_null(&mut call.out, picked);
        return Ok(());
    }
    call.out.array(indices.len());
    for at in indices {
        call.out.bulk(members[at]);
    }
    Ok(())
}

fn sscan(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    cursor(args[2])?;
    let set = call.db.read::<Set>(args[1])?;
    let pattern = if set.is_some() { scan_pattern(&args[3..])? } else { b"" };
    let found: Vec<_> =
        set.into_iter().flatten().filter(|member| glob::matches(pattern, member)).collect();
    call.out.array(2);
    call.out.bulk(b"0");
    call.out.array(found.len());
    for member in found {
        call.out.bulk(member);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn members_are_added_looked_up_moved_and_removed() {
        Rig::new().story(&[
            ("SADD s a b a", ":2"),
            ("SMISMEMBER s a x", "*2 :1 :0"),
            ("SMEMBERS s", "*2 $1 a $1 b"),
            ("SMOVE s t a", ":1"),
            ("SMOVE s t x", ":0"),
            ("SMOVE t t a", ":1"),
            ("SREM s b x", ":1"),
            ("EXISTS s", ":0"),
            ("SSCAN t 0", "*2 $1 0 *1 $1 a"),
            ("SET k v", "+OK"),
            ("SMOVE t k a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("SMOVE none k a", ":0"),
        ]);
        Rig::resp3().story(&[("SADD s a", ":1"), ("SMEMBERS s", "~1 $1 a")]);
    }

    #[test]
    fn random_members_are_those_of_the_seed() {
        let mut rig = Rig::resp3();
        rig.node.set_seed(7);
        rig.story(&[
            ("SADD s a b c d", ":4"),
            ("SRANDMEMBER s 0", "*0"),
            ("SRANDMEMBER s 9", "*4 $1 a $1 b $1 c $1 d"),
            ("SPOP s 9 9", "-ERR syntax error"),
            ("SPOP s -1", "-ERR value is out of range, must be positive"),
        ]);
        let picked = rig.run("SRANDMEMBER s -3");
        rig.node.set_seed(7);
        rig.run("SRANDMEMBER s 9");
        assert_eq!(rig.run("SRANDMEMBER s -3"), picked);
        assert!(rig.run("SPOP s").starts_with("$1 "));
        assert_eq!(rig.run("SCARD s"), ":3");
        assert!(rig.run("SPOP s 3").starts_with("~3 "));
        assert_eq!(rig.run("SPOP s"), "_");
        assert_eq!(rig.run("SPOP s 1"), "~0");
    }
}
