//! Commands that wait for an element of a list.

use super::args::until;
use super::command::{Args, Call, Keys, Row, Waits};
use super::error::Outcome;
use super::lists_ends::{End, Lists, shift};
use super::store::List;

/// All but the name and the last.
const MIDDLE: Keys = Keys::Range { first: 1, last: -2, step: 1 };

pub(super) const ROWS: &[Row] = &[
    Row::write("blmove", 6, Keys::TWO, blmove).waiting(Waits::Last),
    Row::write("blmpop", -5, Keys::Counted { count: 2 }, blmpop).waiting(Waits::First),
    Row::write("blpop", -3, MIDDLE, blpop).waiting(Waits::Last),
    Row::write("brpop", -3, MIDDLE, brpop).waiting(Waits::Last),
    Row::write("brpoplpush", 4, Keys::TWO, brpoplpush).waiting(Waits::Last),
];

fn blpop(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    pop(call, args, End::Left)
}

fn brpop(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    pop(call, args, End::Right)
}

fn pop(call: &mut Call<'_>, args: Args<'_>, end: End) -> Outcome {
    let last = args.len() - 1;
    until(args[last], call.db.now)?;
    for key in &args[1..last] {
        let popped = call.db.write::<List>(key)?.and_then(|list| end.pop(list));
        let Some(element) = popped else { continue };
        call.db.prune(key);
        call.out.array(2);
        call.out.bulk(key);
        call.out.bulk(&element);
        return Ok(());
    }
    call.out.null_array();
    Ok(())
}

fn blmpop(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let lists = Lists::read(&args[2..])?;
    until(args[1], call.db.now)?;
    lists.pop(call)
}

fn blmove(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (End::read(args[3])?, End::read(args[4])?);
    until(args[5], call.db.now)?;
    shift(call, (args[1], from), (args[2], to))
}

fn brpoplpush(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    until(args[3], call.db.now)?;
    shift(call, (args[1], End::Right), (args[2], End::Left))
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn what_is_there_is_taken_at_once() {
        Rig::new().story(&[
            ("RPUSH l a b c d e f g", ":7"),
            ("BLPOP none l 0", "*2 $1 l $1 a"),
            ("BRPOP l 0", "*2 $1 l $1 g"),
            ("BLMOVE l m LEFT RIGHT 0", "$1 b"),
            ("BRPOPLPUSH l m 0", "$1 f"),
            ("BLMPOP 0 2 none l LEFT COUNT 2", "*2 $1 l *2 $1 c $1 d"),
            ("LRANGE m 0 -1", "*2 $1 f $1 b"),
            ("BLPOP l 0", "*2 $1 l $1 e"),
            ("EXISTS l", ":0"),
        ]);
    }

    #[test]
    fn in_a_transaction_nobody_waits() {
        Rig::new().story(&[
            ("MULTI", "+OK"),
            ("BLPOP a 0", "+QUEUED"),
            ("BLMOVE a b LEFT LEFT 0", "+QUEUED"),
            ("BLMPOP 0 1 a LEFT", "+QUEUED"),
            ("EXEC", "*3 *-1 $-1 *-1"),
        ]);
    }

    #[test]
    fn a_time_that_cannot_be_is_refused() {
        let negative = "-ERR timeout is negative";
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        Rig::new().story(&[
            ("BLPOP l x", "-ERR timeout is not a float or out of range"),
            ("BLPOP l nan", "-ERR timeout is not a float or out of range"),
            ("BLPOP l -1", negative),
            ("BLPOP l 1e16", negative),
            ("BRPOPLPUSH l m 1e300", negative),
            ("BLPOP l 9223372036854775", "-ERR timeout is out of range"),
            ("BLMOVE l m UP RIGHT x", "-ERR syntax error"),
            ("BLMPOP x 0 l LEFT", "-ERR numkeys should be greater than 0"),
            ("SET s v", "+OK"),
            ("BLPOP none s 0", wrong),
        ]);
    }
}
