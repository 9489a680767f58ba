//! Unions, intersections and differences of sorted sets, in which a plain set's members count 1.

use super::args::{count, double, integer, is};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::sorted_set::SortedSet;
use super::store::Value;

pub(super) const ROWS: &[Row] = &[
    Row::read("zdiff", -3, Keys::Counted { count: 1 }, zdiff),
    Row::write("zdiffstore", -4, Keys::StoreCounted, zdiffstore),
    Row::read("zinter", -3, Keys::Counted { count: 1 }, zinter),
    Row::read("zintercard", -3, Keys::Counted { count: 1 }, zintercard),
    Row::write("zinterstore", -4, Keys::StoreCounted, zinterstore),
    Row::read("zunion", -3, Keys::Counted { count: 1 }, zunion),
    Row::write("zunionstore", -4, Keys::StoreCounted, zunionstore),
];

/// How sets are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Reply,
    Store,
    Count,
}

/// How the scores of one member are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, left: f64, right: f64) -> f64 {
        match self {
            // Infinities that cancel each other count 0.
            Aggregate::Sum => zero_if_nan(left + right),
            // Of equal ones, as of one and NaN, the first.
            Aggregate::Min => {
                if right < left {
                    right
                } else {
                    left
                }
            }
            Aggregate::Max => {
                if right > left {
                    right
                } else {
                    left
                }
            }
        }
    }
}

fn zero_if_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// A command of this family, read.
#[derive(Debug)]
struct Query {
    kind: Kind,
    sets: Vec<SortedSet>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Members to count at most.
    limit: usize,
}

impl Query {
    /// Reads `numkeys key ...` and the options after it. `command` is named in errors.
    fn read(
        call: &Call<'_>,
        words: &[&[u8]],
        (kind, usage): (Kind, Use),
        command: &str,
    ) -> Result<Query, Error> {
        let len = integer(words[0])?;
        let len = usize::try_from(len).ok().filter(|len| *len > 0).ok_or_else(|| {
            Error::from(format!("ERR at least 1 input key is needed for '{command}' command"))
        })?;
        let keys = words[1..].get(..len).ok_or(Error::SYNTAX)?;
        let sets: Vec<SortedSet> =
            keys.iter().map(|key| sorted(call, key)).collect::<Result<_, _>>()?;
        let weights = vec![1.0; sets.len()];
        let (aggregate, limit) = (Aggregate::Sum, usize::MAX);
        let mut query = Query { kind, sets, weights, aggregate, with_scores: false, limit };
        query.read_options(&words[1 + len..], usage)?;
        Ok(query)
    }

    fn read_options(&mut self, mut rest: &[&[u8]], usage: Use) -> Outcome {
        let weighted = self.kind != Kind::Difference && usage != Use::Count;
        while let Some((word, values)) = rest.split_first() {
            let taken = if weighted && is(word, "WEIGHTS") && values.len() >= self.sets.len() {
                let malformed = |_| Error::new("ERR weight value is not a float");
                for (weight, value) in self.weights.iter_mut().zip(values) {
                    *weight = double(value).map_err(malformed)?;
                }
                self.sets.len()
            } else if weighted && is(word, "AGGREGATE") && !values.is_empty() {
                self.aggregate = match values[0].to_ascii_uppercase().as_slice() {
                    b"SUM" => Aggregate::Sum,
                    b"MIN" => Aggregate::Min,
                    b"MAX" => Aggregate::Max,
                    _ => return Err(Error::SYNTAX),
                };
                1
            } else if usage == Use::Reply && is(word, "WITHSCORES") {
                self.with_scores = true;
                0
            } else if usage == Use::Count && is(word, "LIMIT") && !values.is_empty() {
                let negative = |_| Error::new("ERR LIMIT can't be negative");
                let limit = count(values[0]).map_err(negative)?;
                self.limit = if limit == 0 { usize::MAX } else { limit };
                1
            } else {
                return Err(Error::SYNTAX);
            };
            rest = &values[taken..];
        }
        Ok(())
    }

    fn run(mut self) -> SortedSet {
        if self.kind == Kind::Difference {
            let rest = self.sets.split_off(1);
            let mut first = self.sets.pop().unwrap_or_default();
            for (member, _) in rest.iter().flat_map(SortedSet::iter) {
                first.remove(member);
            }
            return first;
        }
        let mut weighted: Vec<(SortedSet, f64)> = self.sets.into_iter().zip(self.weights).collect();
        // The smallest first, as in Redis: sums of doubles depend on their order.
        weighted.sort_by_key(|(set, _)| set.len());
        let how = (self.kind, self.aggregate);
        let mut combined: Option<SortedSet> = None;
        for (set, weight) in &weighted {
            combined = Some(match combined {
                None => add(SortedSet::default(), set, *weight, how),
                Some(left) if self.kind == Kind::Union => add(left, set, *weight, how),
                Some(mut left) => {
                    let gone = |(member, _): &(&[u8], f64)| set.score(member).is_none();
                    let gone: Vec<Vec<u8>> =
                        left.iter().filter(gone).map(|(member, _)| member.to_vec()).collect();
                    for member in &gone {
                        left.remove(member);
                    }
                    let mut right = SortedSet::default();
                    for (member, score) in
                        set.iter().filter(|(member, _)| left.score(member).is_some())
                    {
                        right.insert(member, score);
                    }
                    add(left, &right, *weight, how)
                }
            });
        }
        combined.unwrap_or_default()
    }
}

/// `left` with the members of `right`, their scores weighted and aggregated.
fn add(
    mut left: SortedSet,
    right: &SortedSet,
    weight: f64,
    (kind, aggregate): (Kind, Aggregate),
) -> SortedSet {
    for (member, score) in right.iter() {
        let score = score * weight;
        // An intersection takes infinity times 0 as it is where another score came before.
        let or_zero = if kind == Kind::Intersection { score } else { zero_if_nan(score) };
        let before = left.score(member);
        let score = before.map_or(zero_if_nan(score), |before| aggregate.of(before, or_zero));
        left.insert_signed(member, score);
    }
    left
}

/// The sorted set at `key`; a plain set counts as one.
fn sorted(call: &Call<'_>, key: &[u8]) -> Result<SortedSet, Error> {
    match call.db.entry(key).map(|entry| &entry.value) {
        None => Ok(SortedSet::default()),
        Some(Value::SortedSet(set)) => Ok(set.clone()),
        Some(Value::Set(set)) => {
            let mut sorted = SortedSet::default();
            for member in set {
                sorted.insert(member, 1.0);
            }
            Ok(sorted)
        }
        Some(Value::Text(_) | Value::List(_) | Value::Hash(_)) => Err(Error::WRONG_TYPE),
    }
}

fn zunion(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, args, Kind::Union, "zunion")
}

fn zinter(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, args, Kind::Intersection, "zinter")
}

fn zdiff(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, args, Kind::Difference, "zdiff")
}

fn zunionstore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    store(call, args, Kind::Union, "zunionstore")
}

fn zinterstore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    store(call, args, Kind::Intersection, "zinterstore")
}

fn zdiffstore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    store(call, args, Kind::Difference, "zdiffstore")
}

fn reply(call: &mut Call<'_>, args: Args<'_>, kind: Kind, command: &str) -> Outcome {
    let query = Query::read(call, &args[1..], (kind, Use::Reply), command)?;
    let with_scores = query.with_scores;
    let set = query.run();
    let members: Vec<_> = set.iter().map(|(member, score)| (member.to_vec(), score)).collect();
    call.members(&members, with_scores);
    Ok(())
}

fn store(call: &mut Call<'_>, args: Args<'_>, kind: Kind, command: &str) -> Outcome {
    let combined = Query::read(call, &args[2..], (kind, Use::Store), command)?.run();
    let mut set = SortedSet::default();
    for (member, score) in combined.iter() {
        set.insert(member, score);
    }
    let len = set.len();
    call.db.put_or_remove(args[1], set);
    call.length(len);
    Ok(())
}

fn zintercard(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let query = Query::read(call, &args[1..], (Kind::Intersection, Use::Count), "zintercard")?;
    let limit = query.limit;
    let len = query.run().len();
    call.length(len.min(limit));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn scores_are_weighted_and_aggregated() {
        Rig::new().story(&[
            ("ZADD a 1 x 2 y", ":2"),
            ("ZADD b 10 y 20 z", ":2"),
            ("SADD s y", ":1"),
            ("ZUNION 2 a b WITHSCORES", "*6 $1 x $1 1 $1 y $2 12 $1 z $2 20"),
            ("ZINTER 3 a b s WITHSCORES", "*2 $1 y $2 13"),
            ("ZINTER 2 a b WEIGHTS 2 0.5 AGGREGATE MAX WITHSCORES", "*2 $1 y $1 5"),
            ("ZDIFF 2 a b", "*1 $1 x"),
            ("ZUNIONSTORE d 2 a b AGGREGATE MIN", ":3"),
            ("ZSCORE d y", "$1 2"),
            ("ZINTERSTORE d 2 a none", ":0"),
            ("EXISTS d", ":0"),
            ("ZDIFFSTORE d 2 a b", ":1"),
            ("ZINTERCARD 2 a b LIMIT 1", ":1"),
        ]);
        Rig::resp3().story(&[("ZADD a 1 x", ":1"), ("ZUNION 1 a WITHSCORES", "*1 *2 $1 x ,1")]);
    }

    #[test]
    fn options_that_do_not_fit_are_refused() {
        Rig::new().story(&[
            ("ZUNION 0 a", "-ERR at least 1 input key is needed for 'zunion' command"),
            ("ZUNION 2 a", "-ERR syntax error"),
            ("ZUNION x a", "-ERR value is not an integer or out of range"),
            ("ZUNION 1 a WEIGHTS x", "-ERR weight value is not a float"),
            ("ZUNION 1 a AGGREGATE AVG", "-ERR syntax error"),
            ("ZUNIONSTORE d 1 a WITHSCORES", "-ERR syntax error"),
            ("ZDIFF 1 a WEIGHTS 1", "-ERR syntax error"),
            ("ZINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"),
        ]);
    }
}
