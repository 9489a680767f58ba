//! `CLIENT PAUSE`: commands wait at Redpoll until its end, and have not begun to wait for a server.
//!
//! ```text
//! Pause::All    --> no command is taken
//! Pause::Writes --> commands are taken until one comes that may write; that waits, and what is
//!                   behind it waits with it
//! ```

use bytes::Bytes;

use super::Session;
use super::turn::Turn;
use crate::proto::command::{Access, Outcome, Pause};
use crate::proto::reply::{Cause, Progress};

impl Session {
    /// Which commands wait from now on.
    pub fn receive_pause(&mut self, pause: Pause) {
        self.pause = pause;
    }

    /// Whether commands wait for the end of a pause.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        matches!(self.pause, Pause::All(_)) || self.held_back.is_some()
    }

    /// Keeps a command that has to wait; gives back one that has not.
    pub(super) fn hold_back(&mut self, frame: Bytes, turn: &Turn<'_>) -> Option<Bytes> {
        if !matches!(self.pause, Pause::Writes(_)) || !self.may_write(&frame, turn) {
            return Some(frame);
        }
        self.held_back = Some(frame);
        None
    }

    /// Goes on with the command that waited, if the pause is over; true if it does.
    pub(super) fn release_held_back(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.pause != Pause::None {
            return false;
        }
        let Some(frame) = self.held_back.take() else { return false };
        // Where its arguments are, the decoder knows, which has read nothing since.
        self.command(frame, turn.now, turn);
        true
    }

    /// Answers the command that waits: the proxy stops.
    pub(super) fn stop_held_back(&mut self, turn: &mut Turn<'_>) {
        if self.held_back.take().is_some() {
            turn.tally.unsent += 1;
            let reason = Cause::Stopping.describe().to_owned();
            self.push_outcome(Outcome::Failed { progress: Progress::Unsent, reason }, turn.now);
        }
    }

    /// As Redis has it: a script or a message may change something, too.
    fn may_write(&self, frame: &Bytes, turn: &Turn<'_>) -> bool {
        let Ok(command) = turn.policy.rules.parse(frame, self.decoder.spans()) else {
            return false;
        };
        let row = command.row;
        row.access == Access::Write
            || row.flags.contains(&"write")
            || matches!(row.name, "eval" | "evalsha" | "fcall" | "publish" | "spublish")
            || row.name == "pfcount"
            || row.name == "exec" && self.transaction.as_ref().is_some_and(|it| it.may_write())
    }
}
