//! One command for one slot, on its way to a node and back.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::cluster::{Node, Route, Router, Slot};
use super::super::command::{Access, Choice, Share};
use super::super::pipeline::Form;
use super::repair::Repair;
use crate::mutant::planted;

/// A connection, as the session sees it: commands given to one lane are executed in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The node it leads to.
    pub node: Node,
    /// What was agreed on there.
    pub choice: Choice,
    /// Whose it is.
    pub way: Way,
}

/// Whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// All clients share it.
    Shared,
    /// The client's own, on loan; any will do.
    Lease,
    /// The one that the client has on loan, and no other.
    SameLease,
}

/// Why a part goes to a connection that the client has for itself; see `lease`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// It does not.
    No,
    /// `WATCH`, the first one.
    Watch,
    /// `WATCH`, where something is watched already.
    WatchMore,
    /// `EXEC`, of a transaction for which something is watched.
    Exec,
    /// It may wait so long at its node.
    Wait(Duration),
    /// It asks its node for replicas for so long, perhaps after a mark; see `replicas`.
    Count { time: Duration, marked: bool },
}

impl Own {
    fn way(self) -> Way {
        match self {
            Own::No => Way::Shared,
            Own::Watch | Own::WatchMore | Own::Exec if planted("watch-on-what-all-share") => {
                Way::Shared
            }
            Own::Watch | Own::Wait(_) | Own::Count { .. } => Way::Lease,
            Own::WatchMore | Own::Exec => Way::SameLease,
        }
    }

    /// Whether the node may keep it waiting.
    pub(super) fn waits(self) -> bool {
        matches!(self, Own::Wait(_) | Own::Count { .. })
    }

    /// The time that it has beside that of every command.
    pub(super) fn patience(self) -> Duration {
        match self {
            Own::Wait(time) | Own::Count { time, .. } => time,
            Own::No | Own::Watch | Own::WatchMore | Own::Exec => Duration::ZERO,
        }
    }
}

/// Where a part is.
///
/// ```text
///   Parked --send--> InFlight --reply--> Done
///     ^  '--expired--------------------->  ^
///     '--- MOVED, ASK, retry ---'
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Waiting to be sent: for the topology, or for earlier commands of its slot.
    Parked {
        /// Where a redirect said it is to go; else the slot table says.
        target: Option<Node>,
        /// Whether with `ASKING`.
        asking: bool,
    },
    /// Sent on a lane.
    InFlight(Lane),
    /// Answered.
    Done,
}

/// One command for one slot.
#[derive(Debug)]
pub(super) struct Part {
    /// The command, for as long as it may have to be sent again.
    pub(super) frame: Bytes,
    pub(super) slot: Slot,
    /// The only node that it is for, whatever the slot table says.
    pub(super) only: Option<Node>,
    pub(super) access: Access,
    /// If it is a transaction, how many commands are in it.
    pub(super) queued: Option<u32>,
    /// Why it goes to a connection of the client's own.
    pub(super) own: Own,
    /// What the client had chosen when it sent the command.
    pub(super) choice: Choice,
    pub(super) state: State,
    /// Redirects followed.
    pub(super) redirects: u8,
    /// Times sent again after a failure.
    pub(super) retries: u8,
    /// What was tried for a script that its node did not have.
    pub(super) repair: Repair,
    /// The node it was sent to last could not serve it yet.
    pub(super) refused: Option<Box<Refused>>,
}

/// What a node says that cannot serve a command yet.
#[derive(Debug)]
pub(super) struct Refused {
    /// Its words, for the client if there is no time left.
    pub(super) words: Bytes,
    /// When to ask again; `None`: now.
    pub(super) until: Option<Instant>,
    /// How often that was said.
    pub(super) times: u32,
}

impl Part {
    pub(super) fn new(frame: Bytes, slot: Slot, access: Access, choice: Choice) -> Part {
        let state = State::Parked { target: None, asking: false };
        Part {
            frame,
            slot,
            only: None,
            access,
            queued: None,
            own: Own::No,
            choice,
            state,
            redirects: 0,
            retries: 0,
            repair: Repair::None,
            refused: None,
        }
    }

    /// A part of a command that was split.
    pub(super) fn of(share: &Share, access: Access, choice: Choice) -> Part {
        let part = Part::new(share.frame.clone(), share.slot, access, choice);
        Part { only: share.node, ..part }
    }

    /// Where it goes if nobody has said otherwise.
    pub(super) fn route(&self, router: &Router) -> Route {
        match self.only {
            None => router.route(self.slot),
            Some(node) if router.address(node).is_some() => Route::To(node),
            Some(_) => Route::Uncovered,
        }
    }

    /// How it is sent.
    pub(super) fn form(&self, asking: bool) -> Form {
        match self.queued {
            None if self.own == Own::Watch => Form::Fresh,
            None if matches!(self.own, Own::Count { marked: true, .. }) => Form::Marked,
            None if asking => Form::Asking,
            None => Form::Plain,
            Some(queued) => Form::Transaction(queued),
        }
    }

    /// The connection to a node that it takes.
    pub(super) fn lane(&self, node: Node) -> Lane {
        Lane { node, choice: self.choice, way: self.own.way() }
    }

    pub(super) fn is_parked(&self) -> bool {
        matches!(self.state, State::Parked { .. })
    }

    /// Until when the node is not to be asked again.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.refused.as_ref()?.until
    }

    /// Parks it, to go where the table says.
    pub(super) fn send_again(&mut self) {
        self.state = State::Parked { target: None, asking: false };
    }
}
