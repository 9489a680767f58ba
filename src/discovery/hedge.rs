//! Attempts side by side, so that one that hangs holds nothing up.
//!
//! ```text
//! first  |-------- TOPOLOGY_HEDGE_MS -------- hangs ------------------------->
//! second |                                  |------ fails
//! third  |                                         |--- at once --- succeeds
//! ```

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::{TOPOLOGY_HEDGE_MS, TOPOLOGY_QUESTIONS_MAX};

/// Something that ends by itself, well or not.
pub(super) type Attempt<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The attempts under way; dropping it gives them up.
pub(super) struct Hedged<'a, T> {
    /// In the order in which they began.
    running: Vec<Attempt<'a, T>>,
    /// When the next one begins beside those.
    next: Pin<Box<Sleep>>,
}

impl<'a, T> Hedged<'a, T> {
    pub(super) fn new() -> Hedged<'a, T> {
        Hedged { running: Vec::new(), next: Box::pin(sleep_until(Instant::now())) }
    }

    /// The next outcome, while `more` gives attempts to make: one at once, one whenever those under
    /// way take too long, but few at a time. `None` once there is nothing left to wait for.
    pub(super) async fn outcome(
        &mut self,
        mut more: impl FnMut() -> Option<Attempt<'a, T>>,
    ) -> Option<T> {
        poll_fn(|cx| self.poll(cx, &mut more)).await
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        more: &mut impl FnMut() -> Option<Attempt<'a, T>>,
    ) -> Poll<Option<T>> {
        loop {
            if let Some(outcome) = self.poll_running(cx) {
                // Whoever goes on after this one has waited long enough.
                self.next.as_mut().reset(Instant::now());
                return Poll::Ready(Some(outcome));
            }
            let is_room = self.running.len() < TOPOLOGY_QUESTIONS_MAX;
            let is_due = is_room && self.next.as_mut().poll(cx).is_ready();
            match if is_due || self.running.is_empty() { more() } else { None } {
                Some(attempt) => {
                    self.running.push(attempt);
                    let hedge = Duration::from_millis(TOPOLOGY_HEDGE_MS);
                    self.next.as_mut().reset(Instant::now() + hedge);
                }
                None if self.running.is_empty() => return Poll::Ready(None),
                None => return Poll::Pending,
            }
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<T> {
        for index in 0..self.running.len() {
            if let Poll::Ready(outcome) = self.running[index].as_mut().poll(cx) {
                drop(self.running.remove(index));
                return Some(outcome);
            }
        }
        None
    }
}
