//! One round of questions: whom to ask, and which of the views that they have is taken over.
//!
//! ```text
//! node, seed, node, seed, … -> resolve -> every address of it -> topology -> the first good view
//! '----------------- hedged: a few at a time -------------------'            or the best there is
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::ask::{self, AskError};
use super::hedge::{Attempt, Hedged};
use crate::limits::{SLOTS, TOPOLOGY_HEDGE_MS};
use crate::mutant::planted;
use crate::net::Net;
use crate::proto::cluster::{Address, Topology};
use crate::proto::handshake::Greeting;

/// How one round of questions ended.
#[derive(Debug)]
pub(super) enum Round {
    /// With a view to take over.
    View(Topology),
    /// Only with views older than the one in force; this is the best of them.
    Older(Topology),
    /// Without a view.
    Nothing,
}

/// One step of asking somebody.
#[derive(Clone, Debug)]
enum Question {
    /// Which addresses a host has.
    Resolve(Address),
    /// What the node at one of them sees; it is known as the other.
    Ask(SocketAddr, Address),
}

/// What came of a question.
enum Answer {
    Resolved(Vec<SocketAddr>),
    View(Topology),
}

/// A node, and what came of a question about it or to it.
type Outcome = (Address, Result<Answer, AskError>);

/// The questions of one round.
pub(super) struct Asking<'a, N> {
    net: &'a N,
    greeting: &'a Greeting,
    /// Still to be put.
    questions: VecDeque<Question>,
    /// Whom some question went to.
    asked: BTreeSet<SocketAddr>,
    running: Hedged<'a, Outcome>,
    /// Who has not answered yet, and since when.
    waiting: BTreeMap<Address, Instant>,
    /// The epoch of the view in force, and how many slots nobody serves in it.
    in_force: (u64, usize),
    best: Option<Topology>,
}

impl<'a, N: Net> Asking<'a, N> {
    pub(super) fn new(
        net: &'a N,
        greeting: &'a Greeting,
        whom: Vec<Address>,
        in_force: (u64, usize),
    ) -> Asking<'a, N> {
        Asking {
            net,
            greeting,
            questions: whom.into_iter().map(Question::Resolve).collect(),
            asked: BTreeSet::new(),
            running: Hedged::new(),
            waiting: BTreeMap::new(),
            in_force,
            best: None,
        }
    }

    /// Asks until somebody has a view to take over; `heard` is told what came of each question.
    ///
    /// A view with a gap is only taken if no other node has one that is newer or has fewer: a node
    /// that was removed from the cluster keeps the epoch, but knows of nobody who serves anything.
    /// Whoever takes long to say better is not waited for.
    pub(super) async fn view(
        mut self,
        mut heard: impl FnMut(&Address, Result<(), AskError>),
    ) -> Round {
        let round = self.first_good_view(&mut heard).await;
        let hedge = Duration::from_millis(TOPOLOGY_HEDGE_MS);
        for (address, since) in &self.waiting {
            if since.elapsed() >= hedge {
                heard(address, Err(AskError::Slow));
            }
        }
        round
    }

    async fn first_good_view(
        &mut self,
        heard: &mut impl FnMut(&Address, Result<(), AskError>),
    ) -> Round {
        let mut until = None;
        while let Some((address, answer)) = self.outcome(until).await {
            self.waiting.remove(&address);
            match answer {
                Err(error) => heard(&address, Err(error)),
                Ok(Answer::Resolved(found)) => self.follow(&address, found),
                Ok(Answer::View(view)) => {
                    heard(&address, Ok(()));
                    let is_best =
                        self.best.as_ref().is_none_or(|best| self.worth(&view) > self.worth(best));
                    if is_best && self.is_current(&view) && view.uncovered() == 0 {
                        return Round::View(view);
                    }
                    if self.is_current(&view) && until.is_none() {
                        let patience = Duration::from_millis(2 * TOPOLOGY_HEDGE_MS);
                        until = Some(Instant::now() + patience);
                    }
                    if is_best {
                        self.best = Some(view);
                    }
                }
            }
        }
        match self.best.take() {
            Some(view) if self.is_current(&view) => Round::View(view),
            Some(view) => Round::Older(view),
            None => Round::Nothing,
        }
    }

    /// The next outcome; `None` if none is left, or the time is up.
    async fn outcome(&mut self, until: Option<Instant>) -> Option<Outcome> {
        let Asking { net, greeting, questions, asked, running, waiting, .. } = self;
        let (net, greeting): (&'a N, &'a Greeting) = (net, greeting);
        let outcome = running.outcome(|| {
            while let Some(question) = questions.pop_front() {
                // Somebody may be known by several names.
                if !matches!(question, Question::Ask(at, _) if !asked.insert(at)) {
                    let (Question::Resolve(whom) | Question::Ask(_, whom)) = &question;
                    waiting.insert(whom.clone(), Instant::now());
                    return Some(put(net, greeting, question));
                }
            }
            None
        });
        match until {
            Some(until) => timeout_at(until, outcome).await.ok().flatten(),
            None => outcome.await,
        }
    }

    /// Puts the nodes at the addresses of a host next in line.
    fn follow(&mut self, address: &Address, found: Vec<SocketAddr>) {
        let is_one = found.len() == 1;
        for at in found.into_iter().rev() {
            // A node that does not know its own address means the one where it was found.
            let own = Address::new(&at.ip().to_string(), at.port()).filter(|_| !is_one);
            self.questions.push_front(Question::Ask(at, own.unwrap_or_else(|| address.clone())));
        }
    }

    /// Whether a view is no older than the one in force. One of the same epoch that has lost slots
    /// counts as older: whoever tells it may have been reset.
    fn is_current(&self, view: &Topology) -> bool {
        let (epoch, uncovered) = self.in_force;
        view.epoch() > epoch
            || (view.epoch() == epoch && view.uncovered() <= uncovered)
            || planted("older-view-accepted")
    }

    /// The newest is worth most, and of several that are equally new the one with fewest gaps; one
    /// in which nobody serves anything is that of a node on its own, however new it is.
    fn worth(&self, view: &Topology) -> impl Ord + use<N> {
        let serves = view.uncovered() < SLOTS;
        (self.is_current(view), serves, view.epoch(), std::cmp::Reverse(view.uncovered()))
    }
}

fn put<'a, N: Net>(net: &'a N, greeting: &'a Greeting, question: Question) -> Attempt<'a, Outcome> {
    Box::pin(async move {
        match question {
            Question::Resolve(address) => {
                let found = ask::resolve(net, &address).await;
                (address, found.map(Answer::Resolved))
            }
            Question::Ask(at, address) => {
                let view = ask::topology(net, greeting, (at, &address)).await;
                (address, view.map(Answer::View))
            }
        }
    })
}
