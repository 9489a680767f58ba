//! Commands on lists: looking, and changing in place.

use super::args::{count, integer, is, range};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::store::List;
use crate::proto::resp::parse_integer;

pub(super) const ROWS: &[Row] = &[
    Row::read("lindex", 3, Keys::FIRST, lindex),
    Row::write("linsert", 5, Keys::FIRST, linsert),
    Row::read("llen", 2, Keys::FIRST, llen),
    Row::read("lpos", -3, Keys::FIRST, lpos),
    Row::read("lrange", 4, Keys::FIRST, lrange),
    Row::write("lrem", 4, Keys::FIRST, lrem),
    Row::write("lset", 4, Keys::FIRST, lset),
    Row::write("ltrim", 4, Keys::FIRST, ltrim),
];

/// The index that `at`, negative from the end, stands for in a list; past its end if in none.
fn index(at: i64, list: &List) -> usize {
    let len = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let at = if at < 0 { at.saturating_add(len) } else { at };
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn llen(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let len = call.db.read::<List>(args[1])?.map_or(0, List::len);
    call.length(len);
    Ok(())
}

fn lindex(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let element = match call.db.read::<List>(args[1])? {
        Some(list) => list.get(index(integer(args[2])?, list)),
        None => None,
    };
    Call::bulk_or_null(&mut call.out, element.map(Vec::as_slice));
    Ok(())
}

fn lset(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let list = call.db.write::<List>(args[1])?.ok_or(Error::NO_SUCH_KEY)?;
    let at = index(integer(args[2])?, list);
    *list.get_mut(at).ok_or(Error::new("ERR index out of range"))? = args[3].to_vec();
    call.out.simple("OK");
    Ok(())
}

fn lrange(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let (start, stop) = (integer(args[2])?, integer(args[3])?);
    let empty = List::new();
    let list = call.db.read::<List>(args[1])?.unwrap_or(&empty);
    let span = range(start, stop, list.len());
    call.out.array(span.len());
    for element in list.range(span) {
        call.out.bulk(element);
    }
    Ok(())
}

fn ltrim(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let (start, stop) = (integer(args[2])?, integer(args[3])?);
    if let Some(list) = call.db.write::<List>(args[1])? {
        let span = range(start, stop, list.len());
        list.truncate(span.end);
        list.drain(..span.start);
    }
    call.db.prune(args[1]);
    call.out.simple("OK");
    Ok(())
}

fn linsert(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let after = match args[2] {
        word if is(word, "AFTER") => 1,
        word if is(word, "BEFORE") => 0,
        _ => return Err(Error::SYNTAX),
    };
    let Some(list) = call.db.write::<List>(args[1])? else {
        call.out.integer(0);
        return Ok(());
    };
    let Some(pivot) = list.iter().position(|element| element == args[3]) else {
        call.out.integer(-1);
        return Ok(());
    };
    list.insert(pivot + after, args[4].to_vec());
    let len = list.len();
    call.length(len);
    Ok(())
}

fn lrem(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let wanted = integer(args[2])?;
    let max = match usize::try_from(wanted.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(max) => max,
    };
    let Some(list) = call.db.write::<List>(args[1])? else {
        call.out.integer(0);
        return Ok(());
    };
    let matching = (0..list.len()).filter(|at| list[*at] == args[3]);
    // From the end, so that those to come keep their places.
    let doomed: Vec<usize> = if wanted < 0 {
        matching.rev().take(max).collect()
    } else {
        let first: Vec<usize> = matching.take(max).collect();
        first.into_iter().rev().collect()
    };
    for at in &doomed {
        list.remove(*at);
    }
    call.db.prune(args[1]);
    call.length(doomed.len());
    Ok(())
}

/// The options of `LPOS`.
#[derive(Debug)]
struct Search {
    /// Which match is the first that counts; negative from the end.
    rank: i64,
    /// How many matches; `None` for one, told by itself.
    count: Option<usize>,
    /// How many elements to compare at most.
    compared_max: usize,
}

impl Search {
    fn read(options: &[&[u8]]) -> Result<Search, Error> {
        let mut search = Search { rank: 1, count: None, compared_max: usize::MAX };
        let all_if_zero = |count: usize| if count == 0 { usize::MAX } else { count };
        for pair in options.chunks(2) {
            let [word, value] = pair else { return Err(Error::SYNTAX) };
            if is(word, "RANK") {
                search.rank = rank(value)?;
            } else if is(word, "COUNT") {
                let negative = Error::new("ERR COUNT can't be negative");
                search.count = Some(all_if_zero(count(value).map_err(|_| negative)?));
            } else if is(word, "MAXLEN") {
                let negative = Error::new("ERR MAXLEN can't be negative");
                search.compared_max = all_if_zero(count(value).map_err(|_| negative)?);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(search)
    }

    fn run(&self, list: &List, element: &[u8]) -> Vec<usize> {
        let skip = usize::try_from(self.rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
        let matches = |at: &usize| list[*at] == element;
        let count = self.count.unwrap_or(1);
        if self.rank > 0 {
            let compared = (0..list.len()).take(self.compared_max);
            compared.filter(matches).skip(skip).take(count).collect()
        } else {
            let compared = (0..list.len()).rev().take(self.compared_max);
            compared.filter(matches).skip(skip).take(count).collect()
        }
    }
}

fn rank(arg: &[u8]) -> Result<i64, Error> {
    match parse_integer(arg).ok_or(Error::NOT_INTEGER)? {
        0 => Err(Error::new(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the \
             second ... or use negative to start from the end of the list",
        )),
        // Redis negates it, which overflows, and then skips nothing.
        i64::MIN => Ok(-1),
        rank => Ok(rank),
    }
}

fn lpos(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let search = Search::read(&args[3..])?;
    let empty = List::new();
    let found = search.run(call.db.read::<List>(args[1])?.unwrap_or(&empty), args[2]);
    if search.count.is_some() {
        call.out.array(found.len());
        for at in found {
            call.length(at);
        }
    } else if let Some(at) = found.first() {
        call.length(*at);
    } else {
        call.out.null();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn lists_are_looked_at_and_changed_in_place() {
        Rig::new().story(&[
            ("RPUSH l a b c b a", ":5"),
            ("LRANGE l -3 9", "*3 $1 c $1 b $1 a"),
            ("LRANGE l 3 1", "*0"),
            ("LINDEX l -1", "$1 a"),
            ("LINDEX l 5", "$-1"),
            ("LSET l 5 x", "-ERR index out of range"),
            ("LSET none 0 x", "-ERR no such key"),
            ("LSET l 2 x", "+OK"),
            ("LINSERT l BEFORE x w", ":6"),
            ("LINSERT l AFTER q w", ":-1"),
            ("LINSERT none AFTER q w", ":0"),
            ("LINSERT l AT q w", "-ERR syntax error"),
            ("LREM l -1 a", ":1"),
            ("LREM l 0 b", ":2"),
            ("LRANGE l 0 -1", "*3 $1 a $1 w $1 x"),
            ("LTRIM l 1 1", "+OK"),
            ("LRANGE l 0 -1", "*1 $1 w"),
            ("LTRIM l 1 0", "+OK"),
            ("EXISTS l", ":0"),
        ]);
    }

    #[test]
    fn positions_are_found_from_both_ends() {
        Rig::new().story(&[
            ("RPUSH l a b c b a b", ":6"),
            ("LPOS l b", ":1"),
            ("LPOS l b RANK -1", ":5"),
            ("LPOS l b RANK 2 COUNT 0", "*2 :3 :5"),
            ("LPOS l b RANK -2 COUNT 0", "*2 :3 :1"),
            ("LPOS l b COUNT 0 MAXLEN 3", "*1 :1"),
            ("LPOS l x", "$-1"),
            ("LPOS l x COUNT 1", "*0"),
            ("LPOS l b COUNT -1", "-ERR COUNT can't be negative"),
        ]);
    }
}
