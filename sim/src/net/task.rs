//! Task order by chance. A runtime polls its tasks first in, first out, and so shows one order
//! only.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::overlay::Overlay;
use crate::dice::Dice;
use crate::trace::What;

/// A task that, when woken, now and then goes to the back of the queue first.
pub(super) struct Shuffled<F> {
    task: Pin<Box<F>>,
    overlay: Overlay,
    host: usize,
    id: u64,
    dice: Dice,
}

impl<F: Future<Output = ()>> Shuffled<F> {
    pub(super) fn new(task: F, overlay: Overlay, host: usize) -> Self {
        let id = overlay.next_task();
        let dice = overlay.dice("task", id);
        Shuffled { task: Box::pin(task), overlay, host, id, dice }
    }
}

impl<F: Future<Output = ()>> Future for Shuffled<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.dice.chance(this.overlay.grain().late_tasks) {
            this.overlay.record(Some(this.host), What::Yield(this.id));
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.task.as_mut().poll(context)
    }
}
