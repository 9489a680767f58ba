//! The commands of one client that are not answered yet, in the order in which they came.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::super::command::{Outcome, Row, Split};
use super::part::{Part, State};
use crate::limits::IDLE_ENTRIES_MAX;
use crate::mutant::planted;

/// Stands for one part of one command of one session; ordered as the commands are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// The how-manieth command of the session.
    place: u64,
    /// The part within it.
    part: u32,
}

/// What is done for one command.
#[derive(Debug)]
pub(super) enum Work {
    /// It is answered; the reply waits for its turn.
    Ready(Outcome),
    /// It goes to one node.
    One(Part),
    /// It is split.
    Many(Box<Many>),
}

/// A split command.
#[derive(Debug)]
pub(super) struct Many {
    split: Split,
    parts: Vec<Part>,
    outcomes: Vec<Outcome>,
    left: usize,
}

impl Many {
    /// A split command none of whose parts, in the order of the split's shares, is answered.
    pub(super) fn new(split: Split, parts: Vec<Part>) -> Many {
        let left = parts.len();
        let outcomes = vec![Outcome::Frame(Bytes::new()); left];
        Many { split, parts, outcomes, left }
    }

    fn divide(&mut self, part: usize, split: Split, parts: Vec<Part>) {
        self.parts[part].state = State::Done;
        self.left += parts.len() - 1;
        self.outcomes.resize(self.outcomes.len() + parts.len(), Outcome::Frame(Bytes::new()));
        self.split.divide(part, split);
        self.parts.extend(parts);
    }
}

/// One command.
#[derive(Debug)]
struct Place {
    /// When it must be answered at the latest.
    deadline: Instant,
    /// Bytes of the command.
    bytes: usize,
    /// Bytes of replies to it that wait.
    kept: usize,
    /// What it is and when it was read, if that is to be known at its end.
    timed: Option<(&'static Row, Instant)>,
    /// Whether the client wants no reply.
    is_muted: bool,
    work: Work,
}

/// The unanswered commands of one session.
#[derive(Debug, Default)]
pub(super) struct Ring {
    places: VecDeque<Place>,
    /// The number of the first of them, counted from the session's beginning.
    first: u64,
    bytes: usize,
    kept: usize,
}

impl Ring {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes of the commands.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of replies that wait for their turn.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// The same, of all commands but that of `ticket`.
    pub(super) fn kept_beside(&self, ticket: Ticket) -> usize {
        let own = index(self.first, ticket).and_then(|index| self.places.get(index));
        self.kept - own.map_or(0, |place| place.kept)
    }

    /// Appends a command; returns the ticket of its first part.
    pub(super) fn push(&mut self, work: Work, bytes: usize, deadline: Instant) -> Ticket {
        let place = self.first + self.places.len() as u64;
        self.bytes += bytes;
        self.places.push_back(Place {
            deadline,
            bytes,
            kept: 0,
            timed: None,
            is_muted: false,
            work,
        });
        Ticket { place, part: 0 }
    }

    /// Notes that the client wants no reply to a command.
    pub(super) fn mute(&mut self, ticket: Ticket) {
        let place = index(self.first, ticket).and_then(|index| self.places.get_mut(index));
        if let Some(place) = place {
            place.is_muted = true;
        }
    }

    /// Notes what a command is and when it was read, to be known at its end.
    pub(super) fn time(&mut self, ticket: Ticket, row: &'static Row, since: Instant) {
        let place = index(self.first, ticket).and_then(|index| self.places.get_mut(index));
        if let Some(place) = place {
            place.timed = Some((row, since));
        }
    }

    /// What was noted so.
    pub(super) fn timed(&self, ticket: Ticket) -> Option<(&'static Row, Instant)> {
        self.places.get(index(self.first, ticket)?)?.timed
    }

    /// The part that a ticket stands for, and the deadline of its command; `None` if it is
    /// answered.
    pub(super) fn part(&mut self, ticket: Ticket) -> Option<(&mut Part, Instant)> {
        let place = self.places.get_mut(index(self.first, ticket)?)?;
        let part = match &mut place.work {
            Work::Ready(_) => return None,
            Work::One(part) => part,
            Work::Many(many) => many.parts.get_mut(ticket.part as usize)?,
        };
        (part.state != State::Done).then_some((part, place.deadline))
    }

    /// When the last of the commands is due.
    pub(super) fn last_deadline(&self) -> Option<Instant> {
        self.places.iter().map(|place| place.deadline).max()
    }

    /// Gives the command of a ticket time until `deadline`.
    pub(super) fn extend(&mut self, ticket: Ticket, deadline: Instant) {
        if let Some(place) = index(self.first, ticket).and_then(|at| self.places.get_mut(at)) {
            place.deadline = place.deadline.max(deadline);
        }
    }

    /// Notes that the command of a ticket is held with so many bytes more.
    pub(super) fn grow(&mut self, ticket: Ticket, bytes: usize) {
        if let Some(place) = index(self.first, ticket).and_then(|at| self.places.get_mut(at)) {
            place.bytes += bytes;
            self.bytes += bytes;
        }
    }

    /// Puts the parts of `split`, a split of the command of one part, in the place of that part;
    /// returns how many there are.
    pub(super) fn divide(&mut self, ticket: Ticket, split: Split) -> usize {
        let index = index(self.first, ticket);
        let Some(place) = index.and_then(|index| self.places.get_mut(index)) else { return 0 };
        let model = match &place.work {
            Work::Ready(_) => return 0,
            Work::One(part) => part,
            Work::Many(many) => &many.parts[ticket.part as usize],
        };
        let mut parts: Vec<Part> = Vec::with_capacity(split.shares.len());
        for share in &split.shares {
            parts.push(Part::of(share, model.access, model.choice));
        }
        let count = parts.len();
        match &mut place.work {
            Work::Ready(_) => {}
            Work::One(_) => place.work = Work::Many(Box::new(Many::new(split, parts))),
            Work::Many(many) => many.divide(ticket.part as usize, split, parts),
        }
        count
    }

    /// Notes what became of a part; returns whether its command is answered with it.
    pub(super) fn finish(&mut self, ticket: Ticket, outcome: Outcome) -> bool {
        let Some(place) = index(self.first, ticket).and_then(|index| self.places.get_mut(index))
        else {
            return false;
        };
        if let Outcome::Frame(frame) = &outcome {
            place.kept += frame.len();
            self.kept += frame.len();
        }
        match &mut place.work {
            Work::Ready(_) => return false,
            Work::One(_) => place.work = Work::Ready(outcome),
            Work::Many(many) => {
                let number = ticket.part as usize;
                many.parts[number].state = State::Done;
                many.outcomes[number] = outcome;
                many.left -= 1;
                if many.left > 0 {
                    return false;
                }
                place.work = Work::Ready(many.split.merge(&many.outcomes));
            }
        }
        true
    }

    /// Takes the first command off if it has this ticket and goes to one node; its reply may pass
    /// straight through. Tells then whether the client wants none.
    pub(super) fn pop_front_single(&mut self, ticket: Ticket) -> Option<bool> {
        let front = self.places.front();
        let is_first = ticket.place == self.first || planted("replies-out-of-order");
        if !is_first || !matches!(front, Some(Place { work: Work::One(_), .. })) {
            return None;
        }
        self.pop_front().map(|place| place.is_muted)
    }

    /// Takes the outcome of the first command, if it is answered, and whether the client wants no
    /// reply.
    pub(super) fn pop_front_ready(&mut self) -> Option<(Outcome, bool)> {
        if !matches!(self.places.front(), Some(Place { work: Work::Ready(_), .. })) {
            return None;
        }
        let place = self.pop_front()?;
        match place.work {
            Work::Ready(outcome) => Some((outcome, place.is_muted)),
            Work::One(_) | Work::Many(_) => None,
        }
    }

    /// All parts that are not answered, in the order of their commands.
    pub(super) fn parts_mut(&mut self) -> impl Iterator<Item = (Ticket, Instant, &mut Part)> {
        let first = self.first;
        self.places.iter_mut().enumerate().flat_map(move |(offset, place)| {
            let place_number = first + offset as u64;
            let deadline = place.deadline;
            let parts: &mut [Part] = match &mut place.work {
                Work::Ready(_) => &mut [],
                Work::One(part) => std::slice::from_mut(part),
                Work::Many(many) => &mut many.parts,
            };
            (0_u32..)
                .zip(parts)
                .filter(|(_, part)| part.state != State::Done)
                .map(move |(part, found)| (Ticket { place: place_number, part }, deadline, found))
        })
    }

    fn pop_front(&mut self) -> Option<Place> {
        let place = self.places.pop_front()?;
        self.first += 1;
        self.bytes -= place.bytes;
        self.kept -= place.kept;
        if self.places.is_empty() {
            self.places.shrink_to(IDLE_ENTRIES_MAX);
        }
        Some(place)
    }

    /// Asserts what must always hold.
    pub(super) fn check(&self) {
        debug_assert!(self.bytes + self.kept == 0 || !self.places.is_empty());
        debug_assert!(
            !matches!(self.places.front(), Some(Place { work: Work::Ready(_), .. })),
            "an answered command waits at the front"
        );
    }
}

impl Ticket {
    /// The ticket of another part of the same command.
    pub(super) fn with_part(self, part: usize) -> Ticket {
        Ticket { place: self.place, part: u32::try_from(part).unwrap_or(u32::MAX) }
    }
}

fn index(first: u64, ticket: Ticket) -> Option<usize> {
    usize::try_from(ticket.place.checked_sub(first)?).ok()
}
