//! A queue between tasks of one thread: no atomics, no lock, no allocation per item.
//!
//! The queue itself is unbounded; what bounds it is who may put in: the parts of the unanswered
//! commands of one session (`limits::CLIENT_PIPELINE_COMMANDS_MAX`), the connections of one
//! process, what is subscribed to (`limits::SUBSCRIPTIONS_BYTES_MAX`), and messages until their
//! clients have had a turn, then `subscriber_output_bytes_max`.
//!
//! Ending is dropping: without senders the receiver is at its end, without receiver what is sent is
//! lost.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

use crate::limits::IDLE_ENTRIES_MAX;

/// What senders and receiver share. The receiver owns it.
#[derive(Debug)]
struct Shared<T> {
    items: RefCell<VecDeque<T>>,
    receiver: RefCell<Option<Waker>>,
    /// The receiver was woken and has not looked since.
    woken: Cell<bool>,
}

/// The end that puts in.
#[derive(Debug)]
pub(crate) struct Sender<T>(Weak<Shared<T>>);

/// The end that takes out.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Rc<Shared<T>>);

/// A queue.
pub(crate) fn queue<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        items: RefCell::new(VecDeque::new()),
        receiver: RefCell::new(None),
        woken: Cell::new(false),
    });
    (Sender(Rc::downgrade(&shared)), Receiver(shared))
}

impl<T> Sender<T> {
    /// Puts an item in; it is dropped if the receiver is gone.
    pub(crate) fn send(&self, item: T) {
        if let Some(shared) = self.0.upgrade() {
            shared.items.borrow_mut().push_back(item);
            shared.wake();
        }
    }

    /// Whether both put into the same queue.
    pub(crate) fn is_same(&self, other: &Sender<T>) -> bool {
        Weak::ptr_eq(&self.0, &other.0)
    }

    /// Whether the receiver is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender(Weak::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let Some(shared) = self.0.upgrade() else { return };
        if Rc::weak_count(&shared) == 1 {
            shared.wake();
        }
    }
}

impl<T> Shared<T> {
    fn wake(&self) {
        if !self.woken.replace(true)
            && let Some(receiver) = &*self.receiver.borrow()
        {
            receiver.wake_by_ref();
        }
    }
}

impl<T> Receiver<T> {
    /// Asks to be woken when an item is put in or the last sender goes.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.0.woken.set(false);
        let mut receiver = self.0.receiver.borrow_mut();
        if !receiver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *receiver = Some(cx.waker().clone());
        }
    }

    /// Takes the first item out.
    pub(crate) fn take(&self) -> Option<T> {
        let mut items = self.0.items.borrow_mut();
        let item = items.pop_front();
        if items.is_empty() && items.capacity() > IDLE_ENTRIES_MAX {
            items.shrink_to(IDLE_ENTRIES_MAX);
        }
        item
    }

    /// Whether nothing is in the queue and nothing can come.
    pub(crate) fn is_ended(&self) -> bool {
        Rc::weak_count(&self.0) == 0 && self.0.items.borrow().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_receiver_is_woken_once_however_much_comes_before_it_looks() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let (sender, receiver) = queue();
        receiver.register(&Context::from_waker(&waker));
        (0..10).for_each(|item| sender.send(item));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!((0..10).all(|item| receiver.take() == Some(item)));

        receiver.register(&Context::from_waker(&waker));
        let last = sender.clone();
        drop(sender);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(!receiver.is_ended());
        drop(last);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
        assert!(receiver.is_ended());
    }

    #[test]
    fn a_sender_sees_that_the_receiver_is_gone() {
        let (sender, receiver) = queue();
        sender.send(1);
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
        sender.send(2);
    }
}
