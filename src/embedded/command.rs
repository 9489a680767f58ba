//! The command table: a row a command. What must be known of a command before it runs is read from
//! its row; running it is the row's function.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::args::atoi;
use super::error::{Error, Outcome};
use super::node::ServerCall;
use super::number::format_double;
use super::rng::Rng;
use super::store::Db;
use super::{cluster_commands, connection, info, replicas};
use super::{
    hashes, keys, keyspace, lists, lists_ends, lists_waiting, pubsub, sets, sets_combine, strings,
};
use super::{transaction, zsets, zsets_combine, zsets_pop, zsets_range};
use crate::proto::resp::{Protocol, Writer, parse_integer};

/// The arguments of a command, its name first.
pub(super) type Args<'a> = &'a [&'a [u8]];

/// What a command on data works with.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) db: Db<'a>,
    pub(super) rng: &'a mut Rng,
    pub(super) out: Writer<'a>,
}

impl Call<'_> {
    /// Replies with a bulk string, or a null.
    pub(super) fn bulk_or_null(out: &mut Writer<'_>, value: Option<&[u8]>) {
        match value {
            Some(value) => out.bulk(value),
            None => out.null(),
        }
    }

    /// Replies with a length.
    pub(super) fn length(&mut self, len: usize) {
        self.out.integer(i64::try_from(len).unwrap_or(i64::MAX));
    }

    /// Replies with a double, as Redis 7.0 does: 17 significant digits.
    pub(super) fn double(&mut self, value: f64) {
        let text = format_double(value);
        match self.out.protocol() {
            Protocol::Resp2 => self.out.bulk(text.as_bytes()),
            Protocol::Resp3 => self.out.raw(format!(",{text}\r\n").as_bytes()),
        }
    }

    /// Starts a list of so many pairs: flat in RESP2, pairs of their own in RESP3, each then begun
    /// with [`pair`](Self::pair).
    pub(super) fn pairs(&mut self, pairs: usize) {
        match self.out.protocol() {
            Protocol::Resp2 => self.out.array(pairs * 2),
            Protocol::Resp3 => self.out.array(pairs),
        }
    }

    /// Replies with members of a sorted set, and their scores if `with_scores`.
    pub(super) fn members(&mut self, members: &[(Vec<u8>, f64)], with_scores: bool) {
        if with_scores {
            self.pairs(members.len())
        } else {
            self.out.array(members.len())
        }
        for (member, score) in members {
            if with_scores {
                self.pair();
            }
            self.out.bulk(member);
            if with_scores {
                self.double(*score);
            }
        }
    }

    /// Starts one of the [`pairs`](Self::pairs).
    pub(super) fn pair(&mut self) {
        if self.out.protocol() == Protocol::Resp3 {
            self.out.array(2);
        }
    }
}

/// What a command does to the keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Looks at it, or has nothing to do with it.
    Read,
    /// Changes it.
    Write,
}

/// Where the keys are among the arguments.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keys {
    /// Nowhere.
    None,
    /// From `first` to `last`, every `step`; a negative `last` counts from the end.
    Range { first: usize, last: isize, step: usize },
    /// As many as the argument at `count` says, right after it.
    Counted { count: usize },
    /// The same, and the destination before it.
    StoreCounted,
}

impl Keys {
    pub(super) const FIRST: Keys = Keys::Range { first: 1, last: 1, step: 1 };
    pub(super) const TWO: Keys = Keys::Range { first: 1, last: 2, step: 1 };
    pub(super) const ALL: Keys = Keys::Range { first: 1, last: -1, step: 1 };
    pub(super) const PAIRS: Keys = Keys::Range { first: 1, last: -1, step: 2 };

    /// The keys among `args`. None if their count is not valid: the command says so itself.
    pub(super) fn of<'a>(self, args: Args<'a>) -> Vec<&'a [u8]> {
        match self {
            Keys::None => Vec::new(),
            Keys::Range { first, last, step } => {
                let last = usize::try_from(last).unwrap_or(args.len() - last.unsigned_abs());
                let range = args.get(first..=last).unwrap_or_default();
                range.iter().step_by(step).copied().collect()
            }
            Keys::Counted { count } => counted(args, count).to_vec(),
            Keys::StoreCounted => {
                let keys = counted(args, 2);
                if keys.is_empty() { Vec::new() } else { [&args[1..2], keys].concat() }
            }
        }
    }
}

/// The keys counted at `at`. Where Redis finds no such number it reads it once more, as C's `atoi`.
fn counted<'a>(args: Args<'a>, at: usize) -> Args<'a> {
    let (Some(text), Some(keys)) = (args.get(at), args.get(at + 1..)) else { return &[] };
    let first = |count: i64| usize::try_from(count).ok().and_then(|count| keys.get(..count));
    let strict = parse_integer(text).and_then(first);
    strict.or_else(|| first(atoi(text))).unwrap_or_default()
}

/// What runs a command.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    /// On the keyspace alone: such a command is replicated if it writes.
    Data(fn(&mut Call<'_>, Args<'_>) -> Outcome),
    /// On the node and the connection.
    Server(fn(&mut ServerCall<'_>, Args<'_>) -> Outcome),
    /// What the transaction that is open holds.
    Exec,
    /// One of these, by the second argument.
    Family(&'static [Row]),
}

/// Whether a command waits until there is something, and where it says for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// It does not.
    Never,
    /// In its first argument.
    First,
    /// In its last argument.
    Last,
    /// For replicas: in its last argument, in milliseconds.
    Replicas,
}

/// A command.
#[derive(Debug)]
pub(super) struct Row {
    /// In lower case; a subcommand as `family|name`.
    pub(super) name: &'static str,
    /// Arguments, the name included; at least so many if negative.
    pub(super) arity: isize,
    pub(super) access: Access,
    pub(super) keys: Keys,
    /// Whether it runs before the client has authenticated.
    pub(super) before_auth: bool,
    pub(super) waits: Waits,
    pub(super) run: Run,
}

impl Row {
    /// A command that reads keys.
    pub(super) const fn read(
        name: &'static str,
        arity: isize,
        keys: Keys,
        run: fn(&mut Call<'_>, Args<'_>) -> Outcome,
    ) -> Row {
        Row { keys, run: Run::Data(run), ..Row::new(name, arity) }
    }

    /// A command that changes keys.
    pub(super) const fn write(
        name: &'static str,
        arity: isize,
        keys: Keys,
        run: fn(&mut Call<'_>, Args<'_>) -> Outcome,
    ) -> Row {
        Row { access: Access::Write, ..Row::read(name, arity, keys, run) }
    }

    /// The same, if it waits until there is something: until then its reply is a null.
    pub(super) const fn waiting(self, waits: Waits) -> Row {
        Row { waits, ..self }
    }

    /// A command on the node or the connection.
    pub(super) const fn server(
        name: &'static str,
        arity: isize,
        run: fn(&mut ServerCall<'_>, Args<'_>) -> Outcome,
    ) -> Row {
        Row { run: Run::Server(run), ..Row::new(name, arity) }
    }

    /// The same, allowed before the client has authenticated.
    pub(super) const fn greeting(
        name: &'static str,
        arity: isize,
        run: fn(&mut ServerCall<'_>, Args<'_>) -> Outcome,
    ) -> Row {
        Row { before_auth: true, ..Row::server(name, arity, run) }
    }

    /// A command whose second argument says which one of `rows`.
    pub(super) const fn family(name: &'static str, rows: &'static [Row]) -> Row {
        Row { run: Run::Family(rows), ..Row::new(name, -2) }
    }

    const fn new(name: &'static str, arity: isize) -> Row {
        Row {
            name,
            arity,
            access: Access::Read,
            keys: Keys::None,
            before_auth: false,
            waits: Waits::Never,
            run: Run::Family(&[]),
        }
    }

    /// Whether what would be its keys are names of shard channels.
    pub(super) fn is_of_channels(&self) -> bool {
        matches!(self.name, "spublish" | "ssubscribe" | "sunsubscribe")
    }

    fn takes(&self, args: usize) -> bool {
        match usize::try_from(self.arity) {
            Ok(exactly) => args == exactly,
            Err(_) => args >= self.arity.unsigned_abs(),
        }
    }
}

/// The row of a command, whose number of arguments fits.
///
/// # Errors
/// There is no such command or subcommand, or the number of arguments does not fit.
pub(super) fn find(args: Args<'_>) -> Result<&'static Row, Error> {
    let name = args.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    let row = TABLE.get(name.as_slice()).copied().ok_or_else(|| unknown_command(args))?;
    let row = match (row.run, args.get(1)) {
        (Run::Family(rows), Some(sub)) => {
            find_sub(row.name, rows, sub).ok_or_else(|| unknown_subcommand(row.name, sub))?
        }
        (Run::Family(_) | Run::Data(_) | Run::Server(_) | Run::Exec, _) => row,
    };
    if row.takes(args.len()) { Ok(row) } else { Err(Error::arity(row.name)) }
}

/// The names of all commands, in lower case; of one with subcommands, those: `family|name`.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE
        .values()
        .copied()
        .flat_map(|row| match row.run {
            Run::Family(rows) => rows.iter(),
            Run::Data(_) | Run::Server(_) | Run::Exec => std::slice::from_ref(row).iter(),
        })
        .map(|row| row.name)
}

static TABLE: LazyLock<BTreeMap<&'static [u8], &'static Row>> = LazyLock::new(|| {
    let groups = [
        strings::ROWS,
        keys::ROWS,
        keyspace::ROWS,
        hashes::ROWS,
        lists::ROWS,
        lists_ends::ROWS,
        lists_waiting::ROWS,
        sets::ROWS,
        sets_combine::ROWS,
        zsets::ROWS,
        zsets_range::ROWS,
        zsets_combine::ROWS,
        zsets_pop::ROWS,
        connection::ROWS,
        info::ROWS,
        cluster_commands::ROWS,
        pubsub::ROWS,
        replicas::ROWS,
        transaction::ROWS,
    ];
    groups.into_iter().flatten().map(|row| (row.name.as_bytes(), row)).collect()
});

fn find_sub(family: &str, rows: &'static [Row], name: &[u8]) -> Option<&'static Row> {
    rows.iter().find(|row| {
        let own = row.name.as_bytes().get(family.len() + 1..);
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    })
}

fn unknown_subcommand(family: &str, name: &[u8]) -> Error {
    let after = format!("'. Try {} HELP.", family.to_ascii_uppercase());
    Error::quoting("ERR unknown subcommand '", cut(name, QUOTED_BYTES_MAX), &after)
}

fn unknown_command(args: Args<'_>) -> Error {
    let mut shown = Vec::new();
    for arg in args.iter().skip(1) {
        if shown.len() >= QUOTED_BYTES_MAX {
            break;
        }
        let arg = cut(arg, QUOTED_BYTES_MAX - shown.len());
        shown.extend_from_slice(Error::quoting("'", arg, "' ").text());
    }
    let name = cut(args.first().copied().unwrap_or_default(), QUOTED_BYTES_MAX);
    let start = Error::quoting("ERR unknown command '", name, "', with args beginning with: ");
    Error::from([start.text(), &shown].concat())
}

/// Bytes of what a client wrote that an error quotes at most.
const QUOTED_BYTES_MAX: usize = 128;

fn cut(text: &[u8], max: usize) -> &[u8] {
    &text[..text.len().min(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(line: &str) -> Vec<String> {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let keys = find(&args).unwrap().keys.of(&args);
        keys.into_iter().map(|key| String::from_utf8(key.to_vec()).unwrap()).collect()
    }

    #[test]
    fn keys_are_found_where_the_row_says() {
        assert_eq!(keys_of("GET a"), ["a"]);
        assert_eq!(keys_of("MSET a 1 b 2"), ["a", "b"]);
        assert_eq!(keys_of("DEL a b c"), ["a", "b", "c"]);
        assert_eq!(keys_of("ZUNIONSTORE d 2 a b WEIGHTS 1 2"), ["d", "a", "b"]);
        assert_eq!(keys_of("LMPOP 2 a b LEFT"), ["a", "b"]);
        assert_eq!(keys_of("LMPOP 9 a b LEFT"), [""; 0]);
        assert_eq!(keys_of("PING"), [""; 0]);
    }

    #[test]
    fn a_command_that_is_not_there_is_named_with_its_arguments() {
        let error = find(&[b"FOO", b"bar", b"baz"]).unwrap_err();
        let words = "ERR unknown command 'FOO', with args beginning with: 'bar' 'baz' ";
        assert_eq!(error.text(), words.as_bytes());
        let error = find(&[b"client", b"No\0pe"]).unwrap_err();
        assert_eq!(error.text(), b"ERR unknown subcommand 'No'. Try CLIENT HELP.");
        let error = find(&[b"client"]).unwrap_err();
        assert_eq!(error.text(), b"ERR wrong number of arguments for 'client' command");
    }
}
