//! Commands that look through all keys.

use super::args::{cursor, is, scan_pattern};
use super::command::{Args, Call, Keys, Row};
use super::error::Outcome;
use super::glob;

pub(super) const ROWS: &[Row] = &[
    Row::read("keys", 2, Keys::None, keys),
    Row::read("randomkey", 1, Keys::None, randomkey),
    Row::read("scan", -2, Keys::None, scan),
];

fn keys(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let found = found(call, args[1], None);
    tell(call, &found);
    Ok(())
}

fn randomkey(call: &mut Call<'_>, _args: Args<'_>) -> Outcome {
    let all = found(call, b"*", None);
    let drawn = if all.is_empty() { None } else { Some(&all[call.rng.below(all.len())][..]) };
    Call::bulk_or_null(&mut call.out, drawn);
    Ok(())
}

fn scan(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    cursor(args[1])?;
    let is_type = |pair: &&[&[u8]]| pair.len() == 2 && is(pair[0], "TYPE");
    let (types, others): (Vec<_>, Vec<_>) = args[2..].chunks(2).partition(is_type);
    let pattern = scan_pattern(&others.concat())?;
    let found = found(call, pattern, types.last().map(|pair| pair[1]));
    call.out.array(2);
    call.out.bulk(b"0");
    tell(call, &found);
    Ok(())
}

/// The keys there are that match, of this type if one is named.
fn found(call: &Call<'_>, pattern: &[u8], of_type: Option<&[u8]>) -> Vec<Vec<u8>> {
    let is_meant = |key: &&[u8]| {
        let entry = call.db.entry(key).filter(|_| glob::matches(pattern, key));
        entry.is_some_and(|it| of_type.is_none_or(|name| is(name, it.value.type_name())))
    };
    let store = &call.db.store;
    let all = store.slots().flat_map(|slot| store.keys_in(slot));
    all.filter(is_meant).map(<[u8]>::to_vec).collect()
}

fn tell(call: &mut Call<'_>, keys: &[Vec<u8>]) {
    call.out.array(keys.len());
    keys.iter().for_each(|key| call.out.bulk(key));
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn keys_are_found_by_pattern_and_type() {
        Rig::new().story(&[
            ("RANDOMKEY", "$-1"),
            ("MSET {t}a 1 {t}b 2", "+OK"),
            ("RPUSH {t}l x", ":1"),
            ("SET {t}gone x PXAT 1", "+OK"),
            ("KEYS *", "*3 $4 {t}a $4 {t}b $4 {t}l"),
            ("KEYS *[ab]", "*2 $4 {t}a $4 {t}b"),
            ("SCAN 0 TYPE LIST COUNT 1", "*2 $1 0 *1 $4 {t}l"),
            ("SCAN 0 MATCH *l TYPE string", "*2 $1 0 *0"),
            ("SCAN 0 TYPE", "-ERR syntax error"),
            ("SCAN x", "-ERR invalid cursor"),
            ("DEL {t}a {t}b", ":2"),
            ("RANDOMKEY", "$4 {t}l"),
        ]);
    }
}
