//! `COMMAND GETKEYS` and `COMMAND GETKEYSANDFLAGS`: where the keys of a command are, as the client
//! would be told by Redis.

use super::super::resp::Writer;
use super::{Command, Refusal, Row, parse};

/// The flag of what is routed as a key is, but names none.
const NOT_A_KEY: &str = "not_key";

/// The flag of a key whose own flags depend on the arguments.
const VARIABLE: &str = "variable_flags";

/// Answers with the keys of the command that is given as arguments.
pub(super) fn getkeys(command: &Command<'_>, writer: &mut Writer<'_>) {
    match inner(command) {
        Err(words) => writer.error(words),
        Ok(inner) => {
            writer.array(inner.keys().count());
            for key in inner.keys() {
                writer.bulk(inner.arg(key));
            }
        }
    }
}

/// The same with what is done to each key.
pub(super) fn getkeysandflags(command: &Command<'_>, writer: &mut Writer<'_>) {
    match inner(command) {
        Err(words) => writer.error(words),
        Ok(inner) => {
            writer.array(inner.keys().count());
            for (key, flags) in inner.keys_with_flags() {
                let flags = flags_of(&inner, flags);
                writer.array(2);
                writer.bulk(inner.arg(key));
                writer.set(flags.split(' ').count());
                flags.split(' ').for_each(|flag| writer.simple(flag));
            }
        }
    }
}

/// The command that is given as arguments, or what Redis says against it.
fn inner<'a>(command: &Command<'a>) -> Result<Command<'a>, &'static str> {
    let (frame, spans) = (command.frame, &command.spans[2..]);
    let inner = match parse(frame, spans) {
        Ok(inner) => inner,
        Err(Refusal::WrongArity(row)) if row.has_arity(spans.len()) => {
            Command { frame, spans, row }
        }
        Err(Refusal::WrongArity(row)) if has_keys(row) => {
            return Err("ERR Invalid number of arguments specified for command");
        }
        Err(Refusal::WrongArity(_)) => return Err("ERR The command has no key arguments"),
        Err(_) => return Err("ERR Invalid command specified"),
    };
    if !inner.row.is_offered() {
        return Err("ERR Invalid command specified");
    }
    if !has_keys(inner.row) {
        return Err("ERR The command has no key arguments");
    }
    if inner.has_malformed_keys() && !inner.row.may_be_keyless() {
        return Err("ERR Invalid arguments specified for command");
    }
    Ok(inner)
}

/// Whether it has keys, and not only what is sent where a key of that name would be.
fn has_keys(row: &Row) -> bool {
    row.key_flags.iter().any(|flags| *flags != NOT_A_KEY)
}

/// The flags of a key that has `flags` in the table, in this command.
fn flags_of(command: &Command<'_>, flags: &'static str) -> &'static str {
    if !flags.ends_with(VARIABLE) {
        return flags;
    }
    let reads_only = command.row.name == "bitfield" && only_gets(command);
    let overwrites = command.row.name == "set" && !gets_before(command);
    match (reads_only, overwrites) {
        (true, _) => "RO access",
        (_, true) => "OW update",
        (false, false) => "RW access update",
    }
}

/// Whether `SET` also gives what was there: it has `GET`.
fn gets_before(command: &Command<'_>) -> bool {
    command.args().skip(3).any(|arg| arg.eq_ignore_ascii_case(b"get"))
}

/// Whether `BITFIELD` changes nothing, as Redis' `bitfieldGetKeys` has it.
fn only_gets(command: &Command<'_>) -> bool {
    let mut at = 2;
    while at < command.len() {
        let is = |word: &[u8]| command.arg(at).eq_ignore_ascii_case(word);
        let own = match () {
            () if is(b"get") => 2,
            () if is(b"overflow") => 1,
            () => return false,
        };
        at += 1 + own;
    }
    at == command.len()
}

#[cfg(test)]
mod tests {
    use super::super::rig::Client;

    #[test]
    fn keys_have_the_flags_that_their_command_gives_them() {
        for (line, keys) in [
            ("get a", "a RO access"),
            ("mset a b c d", "a OW update|c OW update"),
            ("sort a store b", "a RO access|b OW update"),
            ("eval x 2 a b", "a RW access update|b RW access update"),
            ("zunionstore d 2 a b", "d OW update|a RO access|b RO access"),
            ("object freq a", "a RO"),
            ("xgroup create a b c", "a RW insert"),
            ("set a b", "a OW update"),
            ("set a get nx", "a OW update"),
            ("set a b ex 1 GET", "a RW access update"),
            ("bitfield a", "a RO access"),
            ("bitfield a overflow wrap GET u8 1", "a RO access"),
            ("bitfield a get u8", "a RW access update"),
            ("bitfield a get u8 1 set u8 1 1", "a RW access update"),
        ] {
            let keys: Vec<_> = keys.split('|').collect();
            for (set, mut client) in [('*', Client::default()), ('~', Client::resp3())] {
                let mut reply = format!("*{}|", keys.len());
                for key in &keys {
                    let (key, flags) = key.split_once(' ').unwrap();
                    let flags: Vec<_> = flags.split(' ').collect();
                    reply += &format!("*2|$1|{key}|{set}{}|+{}|", flags.len(), flags.join("|+"));
                }
                assert_eq!(client.ask(format!("command getkeysandflags {line}")), reply, "{line}");
            }
        }
    }

    #[test]
    fn what_has_no_keys_is_refused_in_the_same_words() {
        for (line, words) in [
            ("ping", "The command has no key arguments"),
            ("spublish a b", "The command has no key arguments"),
            ("get", "Invalid number of arguments specified for command"),
            ("nosuch a", "Invalid command specified"),
            ("monitor", "Invalid command specified"),
            ("zunionstore d x a", "Invalid arguments specified for command"),
        ] {
            for command in ["getkeys", "getkeysandflags"] {
                let reply = Client::default().ask(format!("command {command} {line}"));
                assert_eq!(reply, format!("-ERR {words}|"), "{command} {line}");
            }
        }
    }
}
