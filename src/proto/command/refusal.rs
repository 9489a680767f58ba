//! What is refused before any server sees it, in Redis' own words.

use std::fmt;

use bytes::Bytes;

use super::super::cluster::Slot;
use super::super::resp::Span;
use super::Row;
use crate::limits::KEY_SHOWN_BYTES_MAX;

/// How much of a client's own words Redis repeats in an error, in bytes.
const ECHO_BYTES_MAX: usize = 128;

/// How Redis begins the error of an `EXEC` that it refuses, which ends the transaction.
const EXEC_ABORTS: &str = "EXECABORT Transaction discarded because of:";

/// Why a command goes nowhere. [`write`](Self::write) makes the error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No row has this name.
    UnknownCommand {
        /// The name, as the client wrote it, cut.
        name: Vec<u8>,
        /// The arguments as they are shown: each in quotes and followed by a space, cut.
        args: Vec<u8>,
    },
    /// A container command without this subcommand.
    UnknownSubcommand {
        /// The container's name, as the client wrote it.
        container: Vec<u8>,
        /// The subcommand, as the client wrote it.
        given: Vec<u8>,
    },
    /// The row's arity is another.
    WrongArity(&'static Row),
    /// No client gets it.
    Refused {
        /// What was asked.
        row: &'static Row,
        /// Why not.
        why: &'static str,
    },
    /// In RESP2 a subscriber must not send it.
    Subscribed(&'static Row),
    /// Two keys of a command that must have all its keys in one slot.
    CrossSlot {
        /// The first key.
        first: Vec<u8>,
        /// The first key that is in another slot.
        second: Vec<u8>,
    },
}

impl Refusal {
    /// The refusal of a command whose keys `first` and `second` are in two slots.
    #[must_use]
    pub fn cross_slot(first: &[u8], second: &[u8]) -> Refusal {
        Refusal::CrossSlot { first: first.to_vec(), second: second.to_vec() }
    }

    /// Appends the error reply, which is the same in RESP2 and RESP3.
    pub fn write(&self, out: &mut Vec<u8>) {
        error(&[&self.text()], out);
    }

    pub(super) fn unknown_command(frame: &Bytes, spans: &[Span]) -> Refusal {
        let mut spans = spans.iter().map(|span| &frame[span.range()]);
        let name = spans.next().unwrap_or_default();
        let mut args = Vec::new();
        for arg in spans {
            if args.len() >= ECHO_BYTES_MAX {
                break;
            }
            let room = ECHO_BYTES_MAX - args.len();
            args.push(b'\'');
            args.extend_from_slice(as_c_text(&arg[..arg.len().min(room)]));
            args.extend_from_slice(b"' ");
        }
        Refusal::UnknownCommand { name: as_c_text(name).to_vec(), args }
    }

    fn text(&self) -> Vec<u8> {
        match self {
            Refusal::UnknownCommand { name, args } => {
                let parts =
                    [b"ERR unknown command '", &name[..], b"', with args beginning with: ", args];
                parts.concat()
            }
            Refusal::UnknownSubcommand { container, given } => {
                let given = as_c_text(given);
                let container = container.to_ascii_uppercase();
                let parts =
                    [b"ERR unknown subcommand '", given, b"'. Try ", &container[..], b" HELP."];
                parts.concat()
            }
            Refusal::WrongArity(row) => {
                let kind = if row.name == "exec" { EXEC_ABORTS } else { "ERR" };
                format!("{kind} wrong number of arguments for '{}' command", row.name).into_bytes()
            }
            Refusal::Refused { row, why } => {
                let name = row.name.replace('|', " ").to_uppercase();
                format!("ERR redpoll refuses {name}: {why}").into_bytes()
            }
            Refusal::Subscribed(row) => format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                 RESET are allowed in this context",
                row.name
            )
            .into_bytes(),
            Refusal::CrossSlot { first, second } => {
                let (first_slot, second_slot) = (Slot::of(first), Slot::of(second));
                format!(
                    "CROSSSLOT Keys in request don't hash to the same slot \
                     ('{}' is in slot {}, '{}' in slot {}; keys with the same {{hash tag}}, \
                     as of a prefix, share a slot)",
                    shown(first),
                    first_slot.number(),
                    shown(second),
                    second_slot.number(),
                )
                .into_bytes()
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl std::error::Error for Refusal {}

/// Appends an error reply of several parts, line ends in them made spaces.
pub(super) fn error(parts: &[&[u8]], out: &mut Vec<u8>) {
    out.push(b'-');
    out.extend(parts.iter().flat_map(|part| part.iter()).map(|byte| match byte {
        b'\r' | b'\n' => b' ',
        other => *other,
    }));
    out.extend_from_slice(b"\r\n");
}

/// What C's `%.128s` shows of `bytes`: nothing beyond that, and nothing from a NUL on.
pub(super) fn as_c_text(bytes: &[u8]) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(ECHO_BYTES_MAX)];
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

/// A key for people: its beginning, escaped.
pub(in crate::proto) fn shown(key: &[u8]) -> impl fmt::Display {
    key[..key.len().min(KEY_SHOWN_BYTES_MAX)].escape_ascii()
}

#[cfg(test)]
mod tests {
    use super::super::rig::{array, written};
    use super::*;

    fn refused(bytes: impl AsRef<[u8]>) -> String {
        let mut out = Vec::new();
        written(bytes).parse().unwrap_err().write(&mut out);
        out.escape_ascii().to_string().replace("\\'", "'")
    }

    #[test]
    fn an_unknown_command_is_repeated_in_part() {
        let begin = "-ERR unknown command";
        for (line, error) in [
            ("foo", "'foo', with args beginning with: "),
            ("Foo a 'b c'", "'Foo', with args beginning with: 'a' 'b c' "),
            ("'foo\\r\\nbar'", "'foo\\\\r\\\\nbar', with args beginning with: "),
            ("'' ''", "'', with args beginning with: '' "),
        ] {
            assert_eq!(refused(line), format!("{begin} {error}\\r\\n"));
        }
        let long = [&[b'x'; 200][..], &[b'y'; 100], &[b'z'; 100], b"never seen"];
        let (name, first, second) = ("x".repeat(128), "y".repeat(100), "z".repeat(25));
        assert_eq!(
            refused(array(&long)),
            format!("{begin} '{name}', with args beginning with: '{first}' '{second}' \\r\\n"),
        );
    }

    #[test]
    fn bytes_that_would_break_the_reply_are_left_out() {
        assert_eq!(
            refused(array(&[b"foo\r\nbar", b"a\0b", b"c\nd"])),
            "-ERR unknown command 'foo  bar', with args beginning with: 'a' 'c d' \\r\\n",
        );
        assert_eq!(
            refused(array(&[b"client", b"\xFF\n"])),
            "-ERR unknown subcommand '\\xff '. Try CLIENT HELP.\\r\\n",
        );
    }

    #[test]
    fn a_wrong_number_of_arguments_names_the_row() {
        for (line, name) in [
            ("get", "get"),
            ("GET a b", "get"),
            ("set a", "set"),
            ("mset a 1 b", "mset"),
            ("msetnx a 1 b 2 c", "msetnx"),
            ("client", "client"),
            ("client id x", "client|id"),
            ("object freq", "object|freq"),
            ("exists", "exists"),
        ] {
            let error = format!("-ERR wrong number of arguments for '{name}' command\\r\\n");
            assert_eq!(refused(line), error, "{line}");
        }
    }

    #[test]
    fn what_no_client_gets_is_refused_with_the_reason() {
        let row = super::super::table::find_full(b"config|set").unwrap();
        let text = Refusal::Refused { row, why: "of that" }.to_string();
        assert_eq!(text, "ERR redpoll refuses CONFIG SET: of that");
    }

    #[test]
    fn a_cross_slot_error_names_the_two_keys() {
        let text = Refusal::cross_slot(b"a", b"b").to_string();
        let says = "CROSSSLOT Keys in request don't hash to the same slot";
        let which = "'a' is in slot 15495, 'b' in slot 3300";
        let advice = "keys with the same {hash tag}, as of a prefix, share a slot";
        assert_eq!(text, format!("{says} ({which}; {advice})"));
        let long = Refusal::cross_slot(&[b'x'; 65], b"\r\n\xFF").to_string();
        assert!(long.contains(&format!("('{}' is in", "x".repeat(64))), "{long}");
        assert!(long.contains(r"'\r\n\xff' in slot"), "{long}");
    }
}
