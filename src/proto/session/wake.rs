//! The end of a wait that somebody else asks for: `CLIENT UNBLOCK`.
//!
//! ```text
//! not sent yet ----------> answered here: nothing was taken
//! sent -> CLIENT UNBLOCK to the node, on the shared connection, until it says that there was
//!         such a client, or the answer is there: the node says what came of it, nothing is lost
//! ```

use bytes::Bytes;

use super::Session;
use super::ring::Ticket;
use super::turn::Turn;
use crate::proto::command::{Access, Outcome, Row, Wake};
use crate::proto::reply::{Progress, Reply};

/// A command that may wait at its node.
#[derive(Debug)]
pub(super) struct Blocking {
    ticket: Ticket,
    row: &'static Row,
    /// It is to wait no longer.
    wake: Option<Wake>,
}

impl Blocking {
    pub(super) fn new(ticket: Ticket, row: &'static Row) -> Blocking {
        Blocking { ticket, row, wake: None }
    }
}

impl Session {
    /// The command that waits at its node, if one does.
    #[must_use]
    pub fn blocked_on(&self) -> Option<Ticket> {
        self.blocking.as_ref().map(|blocking| blocking.ticket)
    }

    /// The command that waits is to wait no longer. Gives it if it was sent, so that its node has
    /// to be told.
    pub fn receive_wake(&mut self, wake: Wake, turn: &mut Turn<'_>) -> Option<Ticket> {
        let blocking = self.blocking.as_mut()?;
        blocking.wake = Some(wake);
        let ticket = blocking.ticket;
        self.written.hurry(turn.now);
        let (part, _) = self.ring.part(ticket)?;
        if !part.is_parked() {
            return Some(ticket);
        }
        self.parked -= 1;
        self.end_wait(turn);
        None
    }

    /// Answers the command that was to wait no longer, and has not been sent.
    pub fn end_wait(&mut self, turn: &mut Turn<'_>) {
        let Some(Blocking { ticket, row, wake: Some(wake) }) = self.blocking else { return };
        let Some((part, _)) = self.ring.part(ticket) else { return };
        let reply = Bytes::from(wake.reply(row, part.choice.protocol));
        self.finish(ticket, Outcome::Frame(reply), turn);
    }

    /// Answers it if it failed without having taken anything; true if so.
    pub(super) fn took_nothing(
        &mut self,
        access: Access,
        reply: &Reply,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Reply::Failure(failure) = reply else { return false };
        let is_harmless = failure.progress == Progress::Unsent || access != Access::Write;
        let is_over = is_harmless && self.is_woken();
        if is_over {
            self.end_wait(turn);
        }
        is_over
    }

    /// How a command hears that is to wait no longer, if it still waits.
    #[must_use]
    pub fn waking(&self, ticket: Ticket) -> Option<Wake> {
        let blocking = self.blocking.as_ref().filter(|blocking| blocking.ticket == ticket)?;
        blocking.wake
    }

    /// Whether what waits is to wait no longer.
    #[must_use]
    pub fn is_woken(&self) -> bool {
        self.blocking.as_ref().is_some_and(|blocking| blocking.wake.is_some())
    }
}
