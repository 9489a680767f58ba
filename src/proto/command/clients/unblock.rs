//! `CLIENT UNBLOCK`: a client that waits at a node is to wait no longer.

use super::super::{Command, Row};
use super::Directory;
use crate::proto::resp::{Protocol, Writer, parse_integer};

/// How a client that waits hears that it is to wait no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// As if its time were up.
    TimedOut,
    /// By an error.
    Error,
}

impl Wake {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Wake::TimedOut => "TIMEOUT",
            Wake::Error => "ERROR",
        }
    }

    /// What a client is told whose command of this row has not been sent.
    #[must_use]
    pub fn reply(self, row: &Row, protocol: Protocol) -> Vec<u8> {
        let mut reply = Vec::new();
        let mut writer = Writer::new(&mut reply, protocol);
        match (self, row.name) {
            (Wake::Error, _) => writer.error("UNBLOCKED client unblocked via CLIENT UNBLOCK"),
            (Wake::TimedOut, "wait") => writer.integer(0),
            (Wake::TimedOut, "waitaof") => {
                writer.array(2);
                (0..2).for_each(|_| writer.integer(0));
            }
            (Wake::TimedOut, "blmove" | "brpoplpush") => writer.null(),
            (Wake::TimedOut, _) => writer.null_array(),
        }
        reply
    }
}

/// Answers with whether there was a client to wake.
pub(super) fn unblock(command: &Command<'_>, directory: &dyn Directory, writer: &mut Writer<'_>) {
    let word = command.arg(3);
    let wake = match command.len() {
        3 => Wake::TimedOut,
        4 if word.eq_ignore_ascii_case(b"timeout") => Wake::TimedOut,
        4 if word.eq_ignore_ascii_case(b"error") => Wake::Error,
        4 => return writer.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
        _ => return writer.error(super::wrong_number(command)),
    };
    let Some(id) = parse_integer(command.arg(2)) else {
        return writer.error("ERR value is not an integer or out of range");
    };
    let is_woken = u64::try_from(id).is_ok_and(|id| directory.wake(id, wake));
    writer.integer(i64::from(is_woken));
}
