//! Commands, as data: what a client's frame asks for, and where its keys are.
//!
//! ```text
//! frame + spans -> parse -> Command { row } -> keys() -> slots
//!                    |          |-> what is done with it: the row's access, spread and merge
//!                    |          '-> answer() -> the reply, if the proxy gives it itself
//!                    '-> Refusal: Redis' own words
//! ```
//!
//! - `table`: a row a command, found by name; everything that must know a command reads its row
//! - `keys`: where the keys of a command are
//! - `rules`: what a configuration declares and refuses beside the table
//! - `refusal`: what is refused before any server sees it
//! - `split`: one command a slot, or a primary, and what their replies come to, with `merge`
//! - `waits`: how long a command may wait at its node
//! - `scan`: a cursor that leads from one primary to the next
//! - `local`: what the proxy answers itself, with `identity` and `modes` (HELLO, AUTH, CLIENT),
//!   `clients` (CLIENT, as far as it is about others), `describe` with `documents`, and `getkeys`
//!   (COMMAND),
//!   `cluster`, `info` and `help`

mod clients;
mod cluster;
mod describe;
mod documents;
mod getkeys;
mod glob;
mod help;
mod identity;
mod info;
mod keys;
mod local;
mod merge;
mod modes;
mod refusal;
#[cfg(test)]
mod rig;
mod rules;
mod scan;
mod split;
pub mod table;
mod waits;

use bytes::Bytes;

pub use clients::{Card, Directory, Pause, Wake};
pub use identity::{Choice, Identity, REDIS_VERSION};
pub use keys::{KeySpec, Keys, Take};
pub use local::{After, CommandCount, Facts, answer};
pub use modes::{Modes, Replies};
pub use refusal::Refusal;
pub(super) use refusal::shown;
pub use rules::{Rules, full_name};
pub use scan::Walk;
pub use split::{Outcome, Share, Split};
pub use table::{Access, Merge, Row, Spread};

use super::resp::Span;

/// A frame whose name is in the table and whose number of arguments is right.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// The whole frame, an array of bulk strings.
    pub frame: &'a Bytes,
    /// Where the arguments are in the frame, the name first.
    pub spans: &'a [Span],
    /// What is known about the command, or about its subcommand where it has one.
    pub row: &'static Row,
}

/// Looks a frame's command up, its subcommand too, and checks the number of arguments.
///
/// # Errors
/// What Redis refuses before it runs a command: an unknown name, a wrong number of arguments.
pub fn parse<'a>(frame: &'a Bytes, spans: &'a [Span]) -> Result<Command<'a>, Refusal> {
    let name = spans.first().map_or(&[][..], |span| &frame[span.range()]);
    let Some(row) = table::find(name) else {
        return Err(Refusal::unknown_command(frame, spans));
    };
    let row = if row.subcommands.is_empty() || spans.len() == 1 {
        row
    } else {
        subcommand(row, frame, spans)?
    };
    let command = Command { frame, spans, row };
    if row.accepts(spans.len()) { Ok(command) } else { Err(Refusal::WrongArity(row)) }
}

fn subcommand(
    container: &'static Row,
    frame: &Bytes,
    spans: &[Span],
) -> Result<&'static Row, Refusal> {
    let given = &frame[spans[1].range()];
    container.subcommand(given).ok_or_else(|| {
        let container = &frame[spans[0].range()];
        Refusal::UnknownSubcommand { container: container.to_vec(), given: given.to_vec() }
    })
}

impl<'a> Command<'a> {
    /// The argument at `index`; the name is at 0. Empty if there is none.
    #[must_use]
    pub fn arg(&self, index: usize) -> &'a [u8] {
        self.spans.get(index).map_or(&[], |span| &self.frame[span.range()])
    }

    /// All arguments, the name first.
    pub fn args(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let frame = self.frame;
        self.spans.iter().map(|span| &frame[span.range()])
    }

    /// How many arguments there are, the name included; at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a command has a name at least")]
    pub fn len(&self) -> usize {
        self.spans.len()
    }
}

#[cfg(test)]
mod tests {
    use super::rig::written;

    #[test]
    fn a_command_is_its_row_and_its_arguments() {
        let written = written("*3\r\n$3\r\nSeT\r\n$1\r\nk\r\n$3\r\na\0b\r\n");
        let command = written.parse().unwrap();
        assert_eq!(command.row.name, "set");
        assert_eq!(command.args().collect::<Vec<_>>(), [&b"SeT"[..], b"k", b"a\0b"]);
        assert_eq!((command.len(), command.arg(1), command.arg(3)), (3, &b"k"[..], &b""[..]));
    }

    #[test]
    fn a_subcommand_has_a_row_of_its_own() {
        for (line, name) in [
            ("OBJECT freq k", "object|freq"),
            ("client SetName x", "client|setname"),
            ("command count", "command|count"),
            ("command", "command"),
        ] {
            assert_eq!(written(line).parse().unwrap().row.name, name);
        }
    }
}
