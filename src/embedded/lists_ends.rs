//! Commands on the ends of lists.

use super::args::{at_least_one, count, is};
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::store::List;

pub(super) const ROWS: &[Row] = &[
    Row::write("lmove", 5, Keys::TWO, lmove),
    Row::write("lmpop", -4, Keys::Counted { count: 1 }, lmpop),
    Row::write("lpop", -2, Keys::FIRST, lpop),
    Row::write("lpush", -3, Keys::FIRST, lpush),
    Row::write("lpushx", -3, Keys::FIRST, lpushx),
    Row::write("rpop", -2, Keys::FIRST, rpop),
    Row::write("rpoplpush", 3, Keys::TWO, rpoplpush),
    Row::write("rpush", -3, Keys::FIRST, rpush),
    Row::write("rpushx", -3, Keys::FIRST, rpushx),
];

/// One end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Left,
    Right,
}

impl End {
    /// The one of this name.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn read(word: &[u8]) -> Result<End, Error> {
        match word {
            word if is(word, "LEFT") => Ok(End::Left),
            word if is(word, "RIGHT") => Ok(End::Right),
            _ => Err(Error::SYNTAX),
        }
    }

    fn push(self, list: &mut List, element: Vec<u8>) {
        match self {
            End::Left => list.push_front(element),
            End::Right => list.push_back(element),
        }
    }

    /// Takes the element there.
    pub(super) fn pop(self, list: &mut List) -> Option<Vec<u8>> {
        match self {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        }
    }
}

fn lpush(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    push(call, args, End::Left)
}

fn rpush(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    push(call, args, End::Right)
}

fn lpushx(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    push_if_exists(call, args, End::Left)
}

fn rpushx(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    push_if_exists(call, args, End::Right)
}

fn push_if_exists(call: &mut Call<'_>, args: Args<'_>, end: End) -> Outcome {
    if call.db.has(args[1]) {
        return push(call, args, end);
    }
    call.out.integer(0);
    Ok(())
}

fn push(call: &mut Call<'_>, args: Args<'_>, end: End) -> Outcome {
    let list = call.db.create::<List>(args[1])?;
    for element in &args[2..] {
        end.push(list, element.to_vec());
    }
    let len = list.len();
    call.length(len);
    Ok(())
}

fn lpop(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    pop(call, args, End::Left, "lpop")
}

fn rpop(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    pop(call, args, End::Right, "rpop")
}

fn pop(call: &mut Call<'_>, args: Args<'_>, end: End, command: &str) -> Outcome {
    let max = match args {
        [_, _] => None,
        [_, _, max] => Some(count(max)?),
        _ => return Err(Error::arity(command)),
    };
    let Some(list) = call.db.write::<List>(args[1])? else {
        if max.is_some() {
            call.out.null_array()
        } else {
            call.out.null()
        }
        return Ok(());
    };
    match max {
        None => Call::bulk_or_null(&mut call.out, end.pop(list).as_deref()),
        Some(max) => {
            let popped = pop_several(list, end, max);
            bulks(call, &popped);
        }
    }
    call.db.prune(args[1]);
    Ok(())
}

fn pop_several(list: &mut List, end: End, max: usize) -> Vec<Vec<u8>> {
    (0..max).map_while(|_| end.pop(list)).collect()
}

fn bulks(call: &mut Call<'_>, elements: &[Vec<u8>]) {
    call.out.array(elements.len());
    for element in elements {
        call.out.bulk(element);
    }
}

/// Which lists are to be popped, the first that there is, where and how often.
pub(super) struct Lists<'a> {
    keys: Args<'a>,
    end: End,
    max: usize,
}

fn lmpop(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    Lists::read(&args[1..])?.pop(call)
}

impl<'a> Lists<'a> {
    /// What begins with the number of keys.
    ///
    /// # Errors
    /// It is not valid.
    pub(super) fn read(args: Args<'a>) -> Result<Lists<'a>, Error> {
        let keys = at_least_one(args[0], Error::new("ERR numkeys should be greater than 0"))?;
        let end = keys.checked_add(1).and_then(|at| args.get(at)).ok_or(Error::SYNTAX)?;
        let end = End::read(end)?;
        let max = match &args[keys + 2..] {
            [] => 1,
            [word, max, rest @ ..] if is(word, "COUNT") => {
                let max = at_least_one(max, Error::new("ERR count should be greater than 0"))?;
                if rest.is_empty() { max } else { return Err(Error::SYNTAX) }
            }
            _ => return Err(Error::SYNTAX),
        };
        Ok(Lists { keys: &args[1..=keys], end, max })
    }

    /// Pops the first that there is; a null if there is none.
    ///
    /// # Errors
    /// One before that is no list.
    pub(super) fn pop(&self, call: &mut Call<'_>) -> Outcome {
        for key in self.keys {
            let Some(list) = call.db.write::<List>(key)? else { continue };
            let popped = pop_several(list, self.end, self.max);
            call.db.prune(key);
            call.out.array(2);
            call.out.bulk(key);
            bulks(call, &popped);
            return Ok(());
        }
        call.out.null_array();
        Ok(())
    }
}

fn rpoplpush(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    shift(call, (args[1], End::Right), (args[2], End::Left))
}

fn lmove(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (End::read(args[3])?, End::read(args[4])?);
    shift(call, (args[1], from), (args[2], to))
}

/// Moves an element from one list to another; a null if there is none.
///
/// # Errors
/// One of them is no list.
pub(super) fn shift(call: &mut Call<'_>, source: (&[u8], End), target: (&[u8], End)) -> Outcome {
    if call.db.read::<List>(source.0)?.is_none() {
        call.out.null();
        return Ok(());
    }
    call.db.read::<List>(target.0)?;
    let popped = call.db.write::<List>(source.0)?.and_then(|list| source.1.pop(list));
    Call::bulk_or_null(&mut call.out, popped.as_deref());
    if let Some(element) = popped {
        target.1.push(call.db.create::<List>(target.0)?, element);
    }
    call.db.prune(source.0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn elements_come_and_go_at_both_ends() {
        Rig::new().story(&[
            ("LPUSHX l a", ":0"),
            ("LPUSH l a b", ":2"),
            ("RPUSHX l c", ":3"),
            ("LPOP l", "$1 b"),
            ("RPOP l 0", "*0"),
            ("RPOP l 9", "*2 $1 c $1 a"),
            ("RPOP l", "$-1"),
            ("RPOP l 1", "*-1"),
            ("RPOP l -1", "-ERR value is out of range, must be positive"),
            ("RPOP l 1 2", "-ERR wrong number of arguments for 'rpop' command"),
            ("SET s v", "+OK"),
            ("LPUSH s a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ]);
    }

    #[test]
    fn elements_move_between_lists_and_around_one() {
        Rig::new().story(&[
            ("RPUSH l a b c", ":3"),
            ("LMOVE l m LEFT RIGHT", "$1 a"),
            ("RPOPLPUSH l l", "$1 c"),
            ("LRANGE l 0 -1", "*2 $1 c $1 b"),
            ("LMOVE l m UP RIGHT", "-ERR syntax error"),
            ("RPOPLPUSH none l", "$-1"),
            ("RPOPLPUSH m n", "$1 a"),
            ("EXISTS m", ":0"),
        ]);
    }

    #[test]
    fn the_first_list_that_exists_is_popped() {
        Rig::new().story(&[
            ("RPUSH m a b c", ":3"),
            ("LMPOP 2 l m RIGHT COUNT 2", "*2 $1 m *2 $1 c $1 b"),
            ("LMPOP 1 l LEFT", "*-1"),
            ("LMPOP 0 l LEFT", "-ERR numkeys should be greater than 0"),
            ("LMPOP 2 l LEFT", "-ERR syntax error"),
            ("LMPOP 1 m LEFT COUNT 0", "-ERR count should be greater than 0"),
        ]);
    }
}
