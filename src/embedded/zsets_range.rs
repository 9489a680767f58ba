//! Ranges of a sorted set: by rank, by score, by member.

use super::args::{integer, is, range};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::number::parse_bound;
use super::sorted_set::{Scored, SortedSet};

pub(super) const ROWS: &[Row] = &[
    Row::read("zcount", 4, Keys::FIRST, zcount),
    Row::read("zlexcount", 4, Keys::FIRST, zlexcount),
    Row::read("zrange", -4, Keys::FIRST, zrange),
    Row::read("zrangebylex", -4, Keys::FIRST, zrangebylex),
    Row::read("zrangebyscore", -4, Keys::FIRST, zrangebyscore),
    Row::write("zrangestore", -5, Keys::TWO, zrangestore),
    Row::write("zremrangebylex", 4, Keys::FIRST, zremrangebylex),
    Row::write("zremrangebyrank", 4, Keys::FIRST, zremrangebyrank),
    Row::write("zremrangebyscore", 4, Keys::FIRST, zremrangebyscore),
    Row::read("zrevrange", -4, Keys::FIRST, zrevrange),
    Row::read("zrevrangebylex", -4, Keys::FIRST, zrevrangebylex),
    Row::read("zrevrangebyscore", -4, Keys::FIRST, zrevrangebyscore),
];

/// By what a range is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// One end of a range of members.
#[derive(Clone, Debug)]
enum Lex<'a> {
    Lowest,
    Highest,
    Including(&'a [u8]),
    Excluding(&'a [u8]),
}

impl<'a> Lex<'a> {
    fn read(arg: &'a [u8]) -> Result<Lex<'a>, Error> {
        match arg {
            b"-" => Ok(Lex::Lowest),
            b"+" => Ok(Lex::Highest),
            [b'[', member @ ..] => Ok(Lex::Including(member)),
            [b'(', member @ ..] => Ok(Lex::Excluding(member)),
            _ => Err(Error::new("ERR min or max not valid string range item")),
        }
    }

    fn is_below(&self, member: &[u8]) -> bool {
        match self {
            Lex::Lowest => true,
            Lex::Highest => false,
            Lex::Including(bound) => *bound <= member,
            Lex::Excluding(bound) => *bound < member,
        }
    }

    fn is_above(&self, member: &[u8]) -> bool {
        match self {
            Lex::Lowest => false,
            Lex::Highest => true,
            Lex::Including(bound) => member <= *bound,
            Lex::Excluding(bound) => member < *bound,
        }
    }
}

/// One end of a range of scores.
#[derive(Clone, Copy, Debug)]
struct Bound {
    score: f64,
    excluded: bool,
}

impl Bound {
    fn read(arg: &[u8]) -> Result<Bound, Error> {
        let (excluded, text) = match arg {
            [b'(', text @ ..] => (true, text),
            text => (false, text),
        };
        let score = parse_bound(text).ok_or(Error::new("ERR min or max is not a float"))?;
        Ok(Bound { score, excluded })
    }

    fn is_below(self, score: f64) -> bool {
        if self.excluded { self.score < score } else { self.score <= score }
    }

    fn is_above(self, score: f64) -> bool {
        if self.excluded { score < self.score } else { score <= self.score }
    }
}

/// A range as given: which members of a set.
#[derive(Clone, Debug)]
enum Span<'a> {
    /// Counted in the direction of the reply.
    Ranks {
        start: i64,
        stop: i64,
    },
    Scores {
        min: Bound,
        max: Bound,
    },
    Members {
        min: Lex<'a>,
        max: Lex<'a>,
    },
}

impl<'a> Span<'a> {
    /// Reads a range; the higher end comes first if `reverse`, unless by rank.
    fn read(by: By, first: &'a [u8], second: &'a [u8], reverse: bool) -> Result<Span<'a>, Error> {
        let (min, max) = if reverse { (second, first) } else { (first, second) };
        Ok(match by {
            By::Rank => Span::Ranks { start: integer(first)?, stop: integer(second)? },
            By::Score => Span::Scores { min: Bound::read(min)?, max: Bound::read(max)? },
            By::Lex => Span::Members { min: Lex::read(min)?, max: Lex::read(max)? },
        })
    }

    /// The members in the range, with their scores.
    fn select(&self, set: &SortedSet, reverse: bool) -> Scored {
        let mut all: Vec<(&[u8], f64)> = set.iter().collect();
        if reverse {
            all.reverse();
        }
        let selected: Vec<(&[u8], f64)> = match self {
            Span::Ranks { start, stop } => all[range(*start, *stop, all.len())].to_vec(),
            Span::Scores { min, max } => {
                all.retain(|(_, score)| min.is_below(*score) && max.is_above(*score));
                all
            }
            // Meant for members of one score. For others it gives what Redis gives: whatever comes
            // between the first within one bound and the first beyond the other.
            Span::Members { min, max } if misses(&set_ends(set), min, max) => Vec::new(),
            Span::Members { min, max } if reverse => {
                let from = all.iter().skip_while(|(member, _)| !max.is_above(member));
                from.take_while(|(member, _)| min.is_below(member)).copied().collect()
            }
            Span::Members { min, max } => {
                let from = all.iter().skip_while(|(member, _)| !min.is_below(member));
                from.take_while(|(member, _)| max.is_above(member)).copied().collect()
            }
        };
        selected.into_iter().map(|(member, score)| (member.to_vec(), score)).collect()
    }
}

/// The members at both ends of a set.
fn set_ends(set: &SortedSet) -> Option<(&[u8], &[u8])> {
    Some((set.iter().next()?.0, set.iter().next_back()?.0))
}

/// Whether a range lies wholly before or behind a set, judged by its ends as Redis does.
fn misses(ends: &Option<(&[u8], &[u8])>, min: &Lex<'_>, max: &Lex<'_>) -> bool {
    ends.is_none_or(|(first, last)| !min.is_below(last) || !max.is_above(first))
}

/// What one of the commands allows, before its options are read.
#[derive(Clone, Copy, Debug)]
struct Form {
    by: By,
    reverse: bool,
    /// `BYSCORE`, `BYLEX` and `REV` may change the two.
    free: bool,
    /// `WITHSCORES` is allowed.
    scores: bool,
}

/// `ZRANGE` and its kin, as asked for.
#[derive(Debug)]
struct Query<'a> {
    span: Span<'a>,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    /// Negative if unlimited.
    limit: i64,
}

impl<'a> Query<'a> {
    /// Reads a range and the options after it.
    fn read(words: &[&'a [u8]], form: Form) -> Result<Query<'a>, Error> {
        let Form { mut by, mut reverse, .. } = form;
        let mut by_is_free = form.free;
        let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
        let mut at = 2;
        while let Some(word) = words.get(at) {
            if form.scores && is(word, "WITHSCORES") {
                with_scores = true;
            } else if is(word, "LIMIT") && at + 2 < words.len() {
                (offset, limit) = (integer(words[at + 1])?, integer(words[at + 2])?);
                at += 2;
            } else if form.free && !reverse && is(word, "REV") {
                reverse = true;
            } else if by_is_free && is(word, "BYLEX") {
                (by, by_is_free) = (By::Lex, false);
            } else if by_is_free && is(word, "BYSCORE") {
                (by, by_is_free) = (By::Score, false);
            } else {
                return Err(Error::SYNTAX);
            }
            at += 1;
        }
        if limit != -1 && by == By::Rank {
            return Err(Error::new(
                "ERR syntax error, LIMIT is only supported in \
                 combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(Error::new(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let span = Span::read(by, words[0], words[1], reverse)?;
        Ok(Query { span, reverse, with_scores, offset, limit })
    }

    fn run(&self, set: &SortedSet) -> Scored {
        let selected = self.span.select(set, self.reverse);
        if matches!(self.span, Span::Ranks { .. }) {
            return selected;
        }
        // A negative offset skips everything.
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        selected.into_iter().skip(offset).take(limit).collect()
    }
}

fn zrange(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, args, Form { by: By::Rank, reverse: false, free: true, scores: true })
}

fn zrevrange(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, args, Form { by: By::Rank, reverse: true, free: false, scores: true })
}

fn zrangebyscore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, args, Form { by: By::Score, reverse: false, free: false, scores: true })
}

fn zrevrangebyscore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, args, Form { by: By::Score, reverse: true, free: false, scores: true })
}

fn zrangebylex(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, args, Form { by: By::Lex, reverse: false, free: false, scores: true })
}

fn zrevrangebylex(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    reply(call, args, Form { by: By::Lex, reverse: true, free: false, scores: true })
}

fn reply(call: &mut Call<'_>, args: Args<'_>, form: Form) -> Outcome {
    let query = Query::read(&args[2..], form)?;
    let set = call.db.read::<SortedSet>(args[1])?;
    let members = set.map(|set| query.run(set)).unwrap_or_default();
    call.members(&members, query.with_scores);
    Ok(())
}

fn zrangestore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let form = Form { by: By::Rank, reverse: false, free: true, scores: false };
    let query = Query::read(&args[3..], form)?;
    let set = call.db.read::<SortedSet>(args[2])?;
    let members = set.map(|set| query.run(set)).unwrap_or_default();
    let mut stored = SortedSet::default();
    for (member, score) in &members {
        stored.insert(member, *score);
    }
    call.db.put_or_remove(args[1], stored);
    call.length(members.len());
    Ok(())
}

fn zcount(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    count(call, args, By::Score)
}

fn zlexcount(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    count(call, args, By::Lex)
}

fn count(call: &mut Call<'_>, args: Args<'_>, by: By) -> Outcome {
    let span = Span::read(by, args[2], args[3], false)?;
    let set = call.db.read::<SortedSet>(args[1])?;
    let len = set.map_or(0, |set| span.select(set, false).len());
    call.length(len);
    Ok(())
}

fn zremrangebyrank(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    remove(call, args, By::Rank)
}

fn zremrangebyscore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    remove(call, args, By::Score)
}

fn zremrangebylex(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    remove(call, args, By::Lex)
}

fn remove(call: &mut Call<'_>, args: Args<'_>, by: By) -> Outcome {
    let span = Span::read(by, args[2], args[3], false)?;
    let mut removed = 0;
    if let Some(set) = call.db.write::<SortedSet>(args[1])? {
        let doomed = span.select(set, false);
        removed = doomed.iter().filter(|(member, _)| set.remove(member).is_some()).count();
    }
    call.db.prune(args[1]);
    call.length(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    const FIVE: (&str, &str) = ("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5");

    #[test]
    fn ranges_are_taken_by_rank_score_and_member() {
        Rig::new().story(&[
            FIVE,
            ("ZRANGE z 0 1", "*2 $1 a $1 b"),
            ("ZRANGE z 0 1 REV WITHSCORES", "*4 $1 e $1 5 $1 d $1 4"),
            ("ZRANGE z (1 3 BYSCORE", "*2 $1 b $1 c"),
            ("ZRANGE z +inf (4 BYSCORE REV", "*1 $1 e"),
            ("ZRANGE z - (c BYLEX LIMIT 1 5", "*1 $1 b"),
            ("ZRANGEBYSCORE z -inf +inf LIMIT 3 -1", "*2 $1 d $1 e"),
            ("ZREVRANGEBYSCORE z 2 1", "*2 $1 b $1 a"),
            ("ZREVRANGEBYLEX z [b -", "*2 $1 b $1 a"),
            ("ZREVRANGE z -2 -1", "*2 $1 b $1 a"),
            ("ZCOUNT z (1 (3", ":1"),
            ("ZLEXCOUNT z [b +", ":4"),
            ("ZRANGE none 0 -1", "*0"),
        ]);
        Rig::resp3().story(&[FIVE, ("ZRANGE z 0 0 WITHSCORES", "*1 *2 $1 a ,1")]);
    }

    #[test]
    fn ranges_that_make_no_sense_are_refused() {
        Rig::new().story(&[
            ("ZRANGE z 0 x", "-ERR value is not an integer or out of range"),
            ("ZRANGE z 0 x BYSCORE", "-ERR min or max is not a float"),
            ("ZRANGE z 0 x BYLEX", "-ERR min or max not valid string range item"),
            (
                "ZRANGE z 0 1 LIMIT 0 1",
                "-ERR syntax error, LIMIT is only supported in \
                 combination with either BYSCORE or BYLEX",
            ),
            (
                "ZRANGE z - + BYLEX WITHSCORES",
                "-ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ),
            ("ZRANGEBYSCORE z 0 1 REV", "-ERR syntax error"),
            ("ZRANGESTORE d z 0 1 WITHSCORES", "-ERR syntax error"),
        ]);
    }

    #[test]
    fn ranges_are_stored_and_removed() {
        Rig::new().story(&[
            FIVE,
            ("ZRANGESTORE d z 1 2", ":2"),
            ("ZRANGE d 0 -1 WITHSCORES", "*4 $1 b $1 2 $1 c $1 3"),
            ("ZRANGESTORE d none 1 2", ":0"),
            ("EXISTS d", ":0"),
            ("ZREMRANGEBYRANK z 0 0", ":1"),
            ("ZREMRANGEBYSCORE z 5 9", ":1"),
            ("ZREMRANGEBYLEX z - (c", ":1"),
            ("ZRANGE z 0 -1", "*2 $1 c $1 d"),
            ("ZREMRANGEBYRANK z 0 -1", ":2"),
            ("EXISTS z", ":0"),
        ]);
    }
}
