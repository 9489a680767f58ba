//! Commands on members of a sorted set.

use super::args::{cursor, double, scan_pattern};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::glob;
use super::number::format_double;
use super::sorted_set::SortedSet;

pub(super) const ROWS: &[Row] = &[
    Row::write("zadd", -4, Keys::FIRST, zadd),
    Row::read("zcard", 2, Keys::FIRST, zcard),
    Row::write("zincrby", 4, Keys::FIRST, zincrby),
    Row::read("zmscore", -3, Keys::FIRST, zmscore),
    Row::read("zrank", 3, Keys::FIRST, zrank),
    Row::write("zrem", -3, Keys::FIRST, zrem),
    Row::read("zrevrank", 3, Keys::FIRST, zrevrank),
    Row::read("zscan", -3, Keys::FIRST, zscan),
    Row::read("zscore", 3, Keys::FIRST, zscore),
];

/// The options of `ZADD`.
#[derive(Clone, Copy, Debug, Default)]
struct AddOptions {
    if_absent: bool,
    if_present: bool,
    if_greater: bool,
    if_less: bool,
    count_changed: bool,
    increment: bool,
}

impl AddOptions {
    /// Adds the options at the front of `words`; gives the rest too.
    fn read<'a, 'b>(self, words: &'a [&'b [u8]]) -> (AddOptions, &'a [&'b [u8]]) {
        let mut options = self;
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            let flag = match word.to_ascii_uppercase().as_slice() {
                b"NX" => &mut options.if_absent,
                b"XX" => &mut options.if_present,
                b"GT" => &mut options.if_greater,
                b"LT" => &mut options.if_less,
                b"CH" => &mut options.count_changed,
                b"INCR" => &mut options.increment,
                _ => break,
            };
            *flag = true;
            rest = after;
        }
        (options, rest)
    }

    fn check(self, elements: usize) -> Outcome {
        let comparing = [self.if_absent, self.if_greater, self.if_less];
        if self.if_absent && self.if_present {
            return Err(Error::new("ERR XX and NX options at the same time are not compatible"));
        }
        if comparing.into_iter().filter(|set| *set).count() > 1 {
            return Err(Error::new(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if self.increment && elements > 1 {
            return Err(Error::new("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    /// The score that a member is to have, which has `current`; `None` if it is to be left alone.
    fn next(self, current: Option<f64>, score: f64) -> Result<Option<f64>, Error> {
        let Some(current) = current else { return Ok((!self.if_present).then_some(score)) };
        if self.if_absent {
            return Ok(None);
        }
        let next = if self.increment { current + score } else { score };
        if next.is_nan() {
            return Err(Error::NOT_A_NUMBER);
        }
        let refused = self.if_greater && next <= current || self.if_less && next >= current;
        Ok((!refused).then_some(next))
    }
}

fn zadd(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    add(call, args, AddOptions::default())
}

/// Takes the options of `ZADD` as well.
fn zincrby(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    add(call, args, AddOptions { increment: true, ..AddOptions::default() })
}

fn add(call: &mut Call<'_>, args: Args<'_>, preset: AddOptions) -> Outcome {
    let (options, pairs) = preset.read(&args[2..]);
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    options.check(pairs.len() / 2)?;
    put(call, args[1], options, pairs)
}

fn put(call: &mut Call<'_>, key: &[u8], options: AddOptions, pairs: &[&[u8]]) -> Outcome {
    let scores: Vec<f64> =
        pairs.iter().step_by(2).map(|score| double(score)).collect::<Result<_, _>>()?;
    let (mut added, mut updated, mut last) = (0, 0, None);
    let set = call.db.create::<SortedSet>(key)?;
    for (score, member) in scores.into_iter().zip(pairs.iter().skip(1).step_by(2)) {
        let current = set.score(member);
        last = options.next(current, score)?;
        let Some(next) = last else { continue };
        added += usize::from(current.is_none());
        updated += usize::from(current.is_some_and(|current| current != next));
        if current != Some(next) {
            set.insert(member, next);
        }
    }
    call.db.prune(key);
    match last {
        Some(score) if options.increment => call.double(score),
        None if options.increment => call.out.null(),
        Some(_) | None => call.length(if options.count_changed { added + updated } else { added }),
    }
    Ok(())
}

fn zrem(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let mut removed = 0;
    if let Some(set) = call.db.write::<SortedSet>(args[1])? {
        removed = args[2..].iter().filter(|member| set.remove(member).is_some()).count();
    }
    call.db.prune(args[1]);
    call.length(removed);
    Ok(())
}

fn zcard(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let len = call.db.read::<SortedSet>(args[1])?.map_or(0, SortedSet::len);
    call.length(len);
    Ok(())
}

fn zscore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let set = call.db.read::<SortedSet>(args[1])?;
    let score = set.and_then(|set| set.score(args[2]));
    double_or_null(call, score);
    Ok(())
}

fn zmscore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let set = call.db.read::<SortedSet>(args[1])?;
    let scores: Vec<Option<f64>> =
        args[2..].iter().map(|member| set.and_then(|set| set.score(member))).collect();
    call.out.array(scores.len());
    for score in scores {
        double_or_null(call, score);
    }
    Ok(())
}

fn double_or_null(call: &mut Call<'_>, score: Option<f64>) {
    match score {
        Some(score) => call.double(score),
        None => call.out.null(),
    }
}

fn zrank(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    rank(call, args, |rank, _| rank)
}

fn zrevrank(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    rank(call, args, |rank, len| len - 1 - rank)
}

fn rank(call: &mut Call<'_>, args: Args<'_>, form: fn(usize, usize) -> usize) -> Outcome {
    let set = call.db.read::<SortedSet>(args[1])?;
    let rank = set.and_then(|set| Some(form(set.rank(args[2])?, set.len())));
    match rank {
        Some(rank) => call.length(rank),
        None => call.out.null(),
    }
    Ok(())
}

fn zscan(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    cursor(args[2])?;
    let set = call.db.read::<SortedSet>(args[1])?;
    let pattern = if set.is_some() { scan_pattern(&args[3..])? } else { b"" };
    let found: Vec<_> = set
        .into_iter()
        .flat_map(SortedSet::iter)
        .filter(|(member, _)| glob::matches(pattern, member))
        .collect();
    call.out.array(2);
    call.out.bulk(b"0");
    call.out.array(found.len() * 2);
    for (member, score) in found {
        call.out.bulk(member);
        call.out.bulk(scanned(score).as_bytes());
    }
    Ok(())
}

/// A score as `ZSCAN` shows it: where it is an integer, as one.
fn scanned(score: f64) -> String {
    const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;
    if score.fract() == 0.0 && score.abs() <= INTEGER_MAX {
        format!("{score:.0}")
    } else {
        format_double(score)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn members_are_added_as_the_options_allow() {
        Rig::new().story(&[
            ("ZADD z 1 a 2 b", ":2"),
            ("ZADD z CH 1 a 3 b 4 c", ":2"),
            ("ZADD z NX 9 a", ":0"),
            ("ZADD z XX 9 x", ":0"),
            ("ZADD z GT CH 0 a", ":0"),
            ("ZADD z LT CH 0 a", ":1"),
            ("ZADD z INCR 2.5 a", "$3 2.5"),
            ("ZADD z NX INCR 2.5 a", "$-1"),
            ("ZINCRBY z -0.5 a", "$1 2"),
            ("ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible"),
            (
                "ZADD z GT LT 1 a",
                "-ERR GT, LT, and/or NX options at the same time are not compatible",
            ),
            ("ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair"),
            ("ZADD z 1", "-ERR wrong number of arguments for 'zadd' command"),
            ("ZADD z 1 a 2", "-ERR syntax error"),
            ("ZADD z x a", "-ERR value is not a valid float"),
            ("ZADD z inf a", ":0"),
            ("ZINCRBY z -inf a", "-ERR resulting score is not a number (NaN)"),
            ("ZADD none XX 1 a", ":0"),
            ("EXISTS none", ":0"),
        ]);
    }

    #[test]
    fn scores_and_ranks_are_told() {
        Rig::new().story(&[
            ("ZADD z 0.1 a 1e21 b -3 c", ":3"),
            ("ZSCORE z a", "$19 0.10000000000000001"),
            ("ZMSCORE z b x c", "*3 $5 1e+21 $-1 $2 -3"),
            ("ZRANK z c", ":0"),
            ("ZREVRANK z c", ":2"),
            ("ZRANK z x", "$-1"),
            ("ZSCAN z 0 MATCH [bc]", "*2 $1 0 *4 $1 c $2 -3 $1 b $5 1e+21"),
            ("ZREM z a b c", ":3"),
            ("ZCARD z", ":0"),
        ]);
        Rig::resp3().story(&[
            ("ZADD z 1.5 a", ":1"),
            ("ZSCORE z a", ",1.5"),
            ("ZMSCORE z a x", "*2 ,1.5 _"),
            ("ZADD z INCR 1 a", ",2.5"),
        ]);
    }
}
