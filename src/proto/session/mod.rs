//! One client's conversation: what it asked, what it is owed, what has to be asked again.
//!
//! ```text
//! bytes -> RequestDecoder -> Command -> part(s) by slot -> Router -> Transmit  (poll_transmit)
//!                               |            ^
//!                 local replies |            | MOVED, ASK, retry: the same part again
//!                               v            |
//! bytes <- Output <- in order <- Ring <- verdict <- Reply                      (answer)
//! ```
//!
//! **Order.** Commands of one client for one slot must take effect in the order sent, although each
//! connection keeps only its own order. So a part is sent only if all earlier unanswered parts of
//! its slot are in flight on the same lane; else it is parked. While nothing is parked and the slot
//! table is what it was when the oldest command in flight was routed, that holds by itself: the
//! session is *settled*, and a command is sent without a look at the others.

mod admit;
mod alone;
mod budget;
mod busy;
mod explain;
mod held;
mod lease;
mod order;
mod part;
mod paused;
mod plan;
mod repair;
mod replicas;
mod ring;
mod subscriber;
mod transaction;
mod turn;
mod verdict;
mod wake;
mod window;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use self::alone::Alone;
pub use self::budget::Budget;
pub use self::busy::Busy;
use self::lease::Watching;
pub use self::lease::no_lease;
use self::part::Part;
pub use self::part::{Lane, Way};
use self::replicas::Written;
use self::ring::Ring;
pub use self::ring::Ticket;
use self::subscriber::Subscriber;
pub use self::subscriber::Wish;
use self::transaction::Transaction;
pub use self::turn::{Policy, Tally, Transmit, Turn};
use self::wake::Blocking;
pub use self::window::CommonReply;
use self::window::Window;
use super::cluster::{Route, Slot};
use super::command::{Identity, Outcome, Pause, Row};
use super::output::Output;
use super::reply::{Cause, Progress};
use super::resp::RequestDecoder;
use crate::limits::{
    CLIENT_PIPELINE_BYTES_MAX, CLIENT_PIPELINE_COMMANDS_MAX, COMMAND_BYTES,
    COPY_WHEN_KEPT_BYTES_MAX,
};
use crate::mutant::planted;

/// Where the conversation is.
///
/// ```text
///   Open --QUIT, error, shortage-> Ending --everything answered and written--> (finished)
///     |--------- stop ------------> Stopped --everything written-----------------^
///     '--------- too much unread -> Overflown -----------------------------------^
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Commands are taken.
    Open,
    /// No more commands are taken; those taken are answered.
    Ending,
    /// Everything is answered, whatever replies still come.
    Stopped,
    /// Too many replies wait, for the client or for one before them; nothing is written any more.
    Overflown,
}

/// One client's conversation.
#[derive(Debug)]
pub struct Session {
    identity: Identity,
    mode: Mode,
    decoder: RequestDecoder,
    ring: Ring,
    alone: Alone,
    transaction: Option<Transaction>,
    watching: Watching,
    written: Written,
    /// A command is on a connection of the client's own, or waits for one.
    is_leased: bool,
    /// The one that waits there for something to come.
    blocking: Option<Blocking>,
    /// That connection is of no more use.
    lease_failed: bool,
    subscriber: Option<Box<Subscriber>>,
    /// What may wait for it as long as it is subscribed to something.
    subscriber_output_bytes_max: usize,
    output: Output,
    window: Window,
    /// Requests that may leave once there is room for their replies.
    transmits: VecDeque<Transmit>,
    /// No command is taken for now.
    intake_paused: bool,
    /// Which commands wait, whoever's they are.
    pause: Pause,
    /// The command that waits for that.
    held_back: Option<Bytes>,
    /// The command that came last.
    last: Option<&'static Row>,
    /// The client has said something of itself since somebody asked.
    has_changed: bool,
    /// When the client last took no more bytes.
    pushed_back: Option<Instant>,
    /// Parts that are parked.
    parked: usize,
    /// Those of them that lack a script.
    missing: usize,
    /// Something happened since the parked parts were last looked at.
    stirred: bool,
    /// Parts may be in flight elsewhere than the table says; see the module's documentation.
    displaced: bool,
    /// The last write in flight for each slot, as it was at the first failure of this turn.
    writes: Option<BTreeMap<Slot, Ticket>>,
    /// The last write for each slot that the client was told may have run, while earlier commands
    /// are unanswered.
    unsure_writes: BTreeMap<Slot, Ticket>,
    /// The version of the slot table that the parts in flight were routed by, unless displaced.
    version: u64,
}

impl Session {
    /// A conversation that begins, in which `output_bytes_max` of replies may wait, where others
    /// get replies of `common_reply_bytes`.
    #[must_use]
    pub fn new(identity: Identity, output_bytes_max: usize, common_reply_bytes: usize) -> Session {
        Session {
            identity,
            mode: Mode::Open,
            decoder: RequestDecoder::default(),
            ring: Ring::default(),
            alone: Alone::default(),
            transaction: None,
            watching: Watching::default(),
            written: Written::default(),
            is_leased: false,
            blocking: None,
            lease_failed: false,
            subscriber: None,
            subscriber_output_bytes_max: output_bytes_max,
            output: Output::default(),
            window: Window::new(output_bytes_max, common_reply_bytes),
            transmits: VecDeque::new(),
            intake_paused: false,
            pause: Pause::None,
            held_back: None,
            last: None,
            has_changed: false,
            pushed_back: None,
            parked: 0,
            missing: 0,
            stirred: false,
            displaced: false,
            writes: None,
            unsure_writes: BTreeMap::new(),
            version: 0,
        }
    }

    /// The same, in which so much more may wait while the client is subscribed to something.
    #[must_use]
    pub fn with_subscriber_output(self, bytes_max: usize) -> Session {
        let subscriber_output_bytes_max = self.subscriber_output_bytes_max.max(bytes_max);
        Session { subscriber_output_bytes_max, ..self }
    }

    /// The next request to be sent, given what the client sent; call until it gives `None`.
    pub fn poll_transmit(
        &mut self,
        buffer: &mut BytesMut,
        turn: &mut Turn<'_>,
    ) -> Option<Transmit> {
        loop {
            if let Some(transmit) = self.poll_held(turn) {
                turn.tally.requests += 1;
                turn.budget.earn();
                return Some(transmit);
            }
            let is_done = self.release_held_back(turn)
                || self.release_alone(turn)
                || self.decode(buffer, turn)
                || self.release_parked(turn);
            if !is_done {
                self.writes = None;
                return None;
            }
        }
    }

    /// The slot table may have changed: parked commands are looked at again by `poll_transmit`.
    pub fn receive_topology(&mut self) {
        if !self.transmits.is_empty() {
            // What is held was routed by the table before.
            self.park(0);
        }
        self.stirred = true;
    }

    /// Ends the conversation now: what is unanswered is answered with what is known of it.
    pub fn receive_stop(&mut self, turn: &mut Turn<'_>) {
        self.mode = Mode::Stopped;
        for ticket in self.recall_held() {
            self.tell(ticket, Progress::Unsent, Cause::Stopping.describe(), turn);
        }
        let unanswered: Vec<_> =
            self.ring.parts_mut().map(|(ticket, _, part)| (ticket, part.is_parked())).collect();
        for (ticket, parked) in unanswered {
            let is_unsent = parked || planted("stopped-called-unsent");
            let progress = if is_unsent { Progress::Unsent } else { Progress::Sent };
            self.parked -= usize::from(parked);
            self.tell(ticket, progress, Cause::Stopping.describe(), turn);
        }
        self.stop_alone(turn);
        self.stop_asking(turn);
        self.stop_held_back(turn);
    }

    /// Ends the conversation since there is no memory for the rest of a command.
    pub fn receive_shortage(&mut self, now: Instant) {
        self.identity.modes.begin_command();
        self.push_ready(SHORTAGE, now);
        self.mode = Mode::Ending;
    }

    /// What is to be written to the client.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest: commands that
    /// were sent are timed where they were sent to.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let resumed = self.pause.until().filter(|_| self.is_paused());
        let alone = self.alone_deadline().into_iter().chain(self.asking_deadline());
        let held = self.held_deadline().into_iter().chain(alone).chain(resumed).min();
        if self.parked == 0 {
            return held;
        }
        let parts = self.ring.parts_mut().filter(|(.., part)| part.is_parked());
        let times = parts.map(|(_, deadline, part)| {
            part.paused_until().map_or(deadline, |until| until.min(deadline))
        });
        times.chain(held).min()
    }

    /// Answers the commands that were not sent and whose deadline has come; those whose pause is
    /// over are looked at again by `poll_transmit`.
    pub fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        self.expire_held(turn);
        for (.., part) in self.ring.parts_mut() {
            if let Some(refused) = &mut part.refused
                && refused.until.is_some_and(|until| until <= turn.now)
            {
                refused.until = None;
                self.stirred = true;
            }
        }
        let is_due = |deadline, part: &Part| part.is_parked() && deadline <= turn.now;
        let due: Vec<_> = self
            .ring
            .parts_mut()
            .filter(|(_, deadline, part)| is_due(*deadline, part))
            .map(|(ticket, _, part)| (ticket, part.slot))
            .collect();
        for (ticket, slot) in due {
            self.parked -= 1;
            if let Some(words) = self.refusal(ticket) {
                self.finish(ticket, Outcome::Frame(words), turn);
                continue;
            }
            let reason = match turn.router.route(slot) {
                Route::Unknown => "no node of the cluster has told its topology within op_timeout",
                Route::To(_) | Route::Uncovered => {
                    "earlier commands for its slot were not answered within op_timeout"
                }
            };
            self.tell(ticket, Progress::Unsent, reason, turn);
        }
        self.expire_alone(turn);
        self.expire_asking(turn);
    }

    /// Whether more bytes of the client may be read.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.mode == Mode::Open
            && !self.intake_paused
            && !self.is_paused()
            && matches!(self.alone, Alone::No)
            && !self.is_asking()
            && self.ring.len() < CLIENT_PIPELINE_COMMANDS_MAX
            && self.ring.bytes() < CLIENT_PIPELINE_BYTES_MAX
            && !self.window.is_full(self.waiting())
    }

    /// The length of the command that has begun to arrive, once its end is known.
    #[must_use]
    pub fn frame_bytes(&self) -> Option<usize> {
        self.decoder.frame_bytes()
    }

    /// The bytes of commands that were sent and are unanswered, which are held whatever becomes of
    /// the conversation; and when the last of them is due. What is on a lease ends with it.
    #[must_use]
    pub fn unanswered(&self) -> Option<(usize, Instant)> {
        let due = self.ring.last_deadline().filter(|_| !self.is_leased)?;
        Some((self.window.sent_bytes(), due)).filter(|(bytes, _)| *bytes > 0)
    }

    /// Bytes held: unanswered commands, and replies that wait.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.command_bytes() + self.waiting()
    }

    /// Those of them that are held no more once the conversation is over.
    #[must_use]
    pub fn loose_bytes(&self) -> usize {
        self.command_bytes().saturating_sub(self.window.sent_bytes()) + self.waiting()
    }

    /// Takes no commands, or takes them again.
    pub fn pause_intake(&mut self, pause: bool) {
        self.intake_paused = pause;
    }

    /// Whether no command is unanswered.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        let is_kept_waiting = self.is_asking() || self.held_back.is_some();
        self.ring.is_empty() && self.alone_deadline().is_none() && !is_kept_waiting
    }

    /// Whether no command is unanswered and everything is written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.is_answered() && self.output.is_empty()
    }

    /// Who the client says it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether that may be something else than when this was asked last.
    pub fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// The command that came last.
    #[must_use]
    pub fn last_command(&self) -> Option<&'static Row> {
        self.last
    }

    /// Commands queued in the transaction that is open, if one is.
    #[must_use]
    pub fn queued(&self) -> Option<u32> {
        self.transaction.as_ref().map(Transaction::queued)
    }

    /// Whether no more commands will be taken.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.mode != Mode::Open
    }

    /// Whether more replies wait than may.
    #[must_use]
    pub fn is_overflown(&self) -> bool {
        self.mode == Mode::Overflown
    }

    fn command_bytes(&self) -> usize {
        let transaction =
            self.transaction.as_ref().map_or(0, Transaction::len) + self.watching.len();
        let held_back = self.held_back.as_ref().map_or(0, Bytes::len);
        let own = self.alone_bytes() + held_back + transaction + self.subscriber_bytes();
        self.ring.bytes() + self.ring.len() * COMMAND_BYTES + own
    }

    /// Takes the next command off `buffer`; false if there is none to take now.
    fn decode(&mut self, buffer: &mut BytesMut, turn: &mut Turn<'_>) -> bool {
        if !self.wants_input() {
            return false;
        }
        match self.decoder.decode(buffer) {
            Ok(None) => return false,
            Ok(Some(frame)) => {
                self.identity.modes.begin_command();
                turn.tally.commands += 1;
                if let Some(frame) = self.hold_back(frame, turn) {
                    self.command(frame, turn.now, turn);
                }
            }
            Err(error) => {
                self.identity.modes.begin_command();
                turn.tally.protocol_errors += 1;
                self.protocol_error(error, turn);
            }
        }
        true
    }

    fn finish(&mut self, ticket: Ticket, outcome: Outcome, turn: &mut Turn<'_>) {
        if self.missing > 0 {
            self.settle_missing(ticket, turn);
        }
        // One reply alone may be larger, also while its parts wait for each other.
        if self.is_exceeded(self.waiting())
            && self.is_exceeded(self.output.len() + self.ring.kept_beside(ticket))
        {
            self.mode = Mode::Overflown;
            return;
        }
        let timed = turn.timings.as_ref().and_then(|_| self.ring.timed(ticket));
        let is_answered = match self.ring.pop_front_single(ticket) {
            Some(is_muted) => {
                self.write_unless(is_muted, outcome);
                true
            }
            None => self.ring.finish(ticket, kept(outcome)),
        };
        if let (true, Some((row, since)), Some(timings)) = (is_answered, timed, &mut turn.timings) {
            timings.push((row, turn.now.saturating_duration_since(since)));
        }
        while let Some((outcome, is_muted)) = self.ring.pop_front_ready() {
            self.write_unless(is_muted, outcome);
        }
        self.ring.check();
        self.end_alone();
    }

    /// Whether so many bytes of replies, and of what was published, are more than may wait.
    fn is_exceeded(&self, waiting: usize) -> bool {
        let has_messages = self.is_subscribed() && waiting <= self.subscriber_output_bytes_max;
        self.window.is_exceeded(waiting) && !has_messages
    }

    fn write_unless(&mut self, is_muted: bool, outcome: Outcome) {
        if !is_muted {
            self.write(outcome);
        }
    }

    fn write(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Frame(frame) => self.output.push(&frame),
            Outcome::Failed { progress, reason } => {
                let (code, advice) = (progress.code(), progress.advice());
                self.output
                    .writer(self.identity.protocol)
                    .error(format!("{code} {reason}; {advice}"));
            }
        }
    }
}

/// What a client is told whose command does not fit into memory.
const SHORTAGE: Bytes =
    Bytes::from_static(b"-ERR no memory for the command (memory_max); it was not executed\r\n");

/// Redis' own words for a slot without a node.
const CLUSTERDOWN: Bytes = Bytes::from_static(b"-CLUSTERDOWN Hash slot not served\r\n");

/// An outcome that has to wait: a small frame is copied, so that it does not pin the buffer it is
/// in.
fn kept(outcome: Outcome) -> Outcome {
    if let Outcome::Frame(frame) = &outcome
        && frame.len() <= COPY_WHEN_KEPT_BYTES_MAX
    {
        return Outcome::Frame(Bytes::copy_from_slice(frame));
    }
    outcome
}

#[cfg(test)]
mod tests;
