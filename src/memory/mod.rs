//! What the buffers of the process hold, who is not read because it is too much, and who is closed.
//!
//! ```text
//! client, node connection --Share::set--> the worker's gauge ---sum---> memory_max
//! client <--ToClient::{Room, GiveUp, Evict}-- Memory
//!
//! 0           half             three quarters         memory_max
//! |------------|----------------------|--------------------|
//!   everybody    clients that hold       nobody is read:      who holds most of what
//!   is read      little are read         replies still come   can be given back is closed
//! ```
//!
//! Counted are commands that are incomplete or unanswered, replies that wait, and what node
//! connections read and write; each where it is held longest, by its length. What the allocator and
//! the tasks themselves take comes on top.
//!
//! Each worker writes a gauge of its own and adds up those of the others only while it holds more
//! than its part, which is an even one of the lower half. So no worker waits because of the others
//! as long as it holds little, and one command may be large though there are many workers. Clients
//! that wait are let go one after the other, each by the turn of the one before.
//!
//! **Half commands.** One whose rest has no room *starves*. As long as other things are held that
//! will be given back, it waits. Once starving ones alone take what may be read up to, none of them
//! can go on whatever the others do: the largest is given up, and so on until there is room. Where
//! one starves for too long, because of clients that neither end their commands nor take their
//! replies, the largest half command is given up, whether it starves or not. And where nobody at
//! all is read for a while, so many are given up, the largest first, that there is room again:
//! their clients may have had their room and stay silent.
//!
//! **Closing.** What was sent to a node stays until it is answered or due, whatever becomes of its
//! client. So what counts is what a client holds *loose*: replies that wait, half commands, and
//! commands that were not sent. Whoever was told to go gives that back in its next turn. Until then
//! it counts as given back already, so that no more are told than it takes.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::limits::{MEMORY_LITTLE_BYTES, MEMORY_LOOK_MS, MEMORY_STUCK_MS};
use crate::mutant::planted;
use crate::queue::Sender;
use crate::reply_to::ToClient;
use crate::stats::{Counter, Own};

/// What a worker's buffers hold, and the clients that wait for it to become less.
#[derive(Debug)]
pub(crate) struct Memory {
    count: Rc<Own>,
    /// For all workers together.
    bytes_max: u64,
    /// Up to here the other workers do not matter.
    own_bytes: u64,
    clients: RefCell<BTreeMap<u64, Rc<Holder>>>,
    /// How many shares of clients there have been.
    number: Cell<u64>,
    /// What clients will give back in their next turn, because they were told to.
    leaving_bytes: Cell<u64>,
    /// Those that hold little, and the others.
    waiting: [RefCell<VecDeque<Rc<Holder>>>; 2],
    someone_waits: Notify,
    /// How many have been let go.
    let_go: Cell<u64>,
}

/// What a client holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// All of it.
    pub(crate) bytes: usize,
    /// Those that are given back at once when it is closed.
    pub(crate) loose: usize,
    /// Those of a command that has not come to its end.
    pub(crate) half: usize,
    /// Whether there was no room for more of that command.
    pub(crate) is_starving: bool,
}

/// One of those who hold something.
#[derive(Debug)]
struct Holder {
    held: Cell<Held>,
    /// Whom to tell, if it is a client.
    client: Option<Sender<ToClient>>,
    waits: Cell<bool>,
    /// What it will give back in its next turn, because it was told to.
    leaving_bytes: Cell<u64>,
}

/// What one task holds. Once dropped it holds nothing.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Rc<Memory>,
    holder: Rc<Holder>,
    /// The client's place in the table, if it is a client's.
    number: Option<u64>,
}

impl Memory {
    /// The memory of one worker, of which all together may hold `bytes_max`.
    pub(crate) fn new(count: Rc<Own>, bytes_max: usize) -> Rc<Memory> {
        let workers = count.all().workers.len().max(1) as u64;
        let is_endless = planted("memory-max-ignored");
        let bytes_max = if is_endless { u64::MAX } else { bytes_max as u64 };
        Rc::new(Memory {
            count,
            bytes_max,
            own_bytes: bytes_max / 2 / workers,
            clients: RefCell::new(BTreeMap::new()),
            number: Cell::new(0),
            leaving_bytes: Cell::new(0),
            waiting: Default::default(),
            someone_waits: Notify::new(),
            let_go: Cell::new(0),
        })
    }

    /// A share that can neither wait nor be taken away.
    pub(crate) fn share(self: &Rc<Self>) -> Share {
        Share { memory: Rc::clone(self), holder: Rc::new(Holder::new(None)), number: None }
    }

    /// The share of the client that is reached at `client`.
    pub(crate) fn share_of(self: &Rc<Self>, client: Sender<ToClient>) -> Share {
        let number = self.number.replace(self.number.get() + 1);
        let holder = Rc::new(Holder::new(Some(client)));
        self.clients.borrow_mut().insert(number, Rc::clone(&holder));
        Share { memory: Rc::clone(self), holder, number: Some(number) }
    }

    /// Lets clients go that wait although there is room: other workers, which hold less now, cannot
    /// tell them. Makes room where nobody goes on. Never ends.
    pub(crate) async fn watch(&self) {
        loop {
            self.someone_waits.notified().await;
            let (mut seen, mut looks) = (self.let_go.get(), 0);
            while self.waiting.iter().any(|queue| !queue.borrow().is_empty()) {
                sleep(Duration::from_millis(MEMORY_LOOK_MS)).await;
                self.let_go();
                self.give_up_if_stuck();
                // Those that hold much may wait longer: for others that go on.
                let is_stuck = !self.waiting[0].borrow().is_empty() && seen == self.let_go.get();
                looks = if is_stuck { looks + 1 } else { 0 };
                seen = self.let_go.get();
                if looks * MEMORY_LOOK_MS >= MEMORY_STUCK_MS {
                    looks = 0;
                    self.make_room();
                }
            }
        }
    }

    fn has_room(&self, holder: &Holder) -> bool {
        self.own() <= self.own_bytes || self.all() <= self.limit(holder)
    }

    /// Up to here a holder is read.
    fn limit(&self, holder: &Holder) -> u64 {
        [self.bytes_max / 4 * 3, self.bytes_max / 2][holder.kind()]
    }

    fn own(&self) -> u64 {
        self.count.worker().buffered_bytes.get()
    }

    fn all(&self) -> u64 {
        self.count.all().sum(|worker| &worker.buffered_bytes)
    }

    /// Tells one client of each kind that it may be read, if it may.
    fn let_go(&self) {
        for (kind, queue) in self.waiting.iter().enumerate() {
            let Some(first) = queue.borrow_mut().pop_front() else { continue };
            if self.has_room(&first) {
                first.waits.set(false);
                self.let_go.set(self.let_go.get() + 1);
                first.tell(ToClient::Room);
            } else if first.kind() == kind {
                queue.borrow_mut().push_front(first);
            } else {
                // It holds more by now, or less.
                self.waiting[first.kind()].borrow_mut().push_back(first);
            }
        }
    }

    /// Has the largest half command given up if those that starve keep each other from going on.
    fn give_up_if_stuck(&self) {
        if self.count.worker().starving_bytes.get() <= self.own_bytes {
            return;
        }
        let clients = self.clients.borrow();
        let largest = clients.values().max_by_key(|holder| holder.starving_bytes());
        let all = self.count.all().sum(|worker| &worker.starving_bytes);
        if let Some(largest) = largest.filter(|largest| all > self.limit(largest)) {
            self.tell_to_leave(largest, largest.held.get().half, ToClient::GiveUp);
        }
    }

    /// Has half commands given up, the largest first, until everybody may be read again.
    fn make_room(&self) {
        let left = |bytes: u64| bytes.saturating_sub(self.leaving_bytes.get());
        while left(self.own()) > self.own_bytes && left(self.all()) > self.bytes_max / 2 {
            let clients = self.clients.borrow();
            let staying = clients.values().filter(|holder| holder.leaving_bytes.get() == 0);
            let Some(largest) = staying.max_by_key(|holder| holder.held.get().half) else { return };
            let bytes = largest.held.get().half;
            if bytes == 0 {
                return;
            }
            self.tell_to_leave(largest, bytes, ToClient::GiveUp);
        }
    }

    /// Tells those to go that hold most of what can be given back, as long as all workers hold too
    /// much, and this one more than its part.
    fn evict(&self) {
        let part = 2 * self.own_bytes;
        while self.own().saturating_sub(self.leaving_bytes.get()) > part
            && self.all().saturating_sub(self.leaving_bytes.get()) > self.bytes_max
        {
            let clients = self.clients.borrow();
            let staying = clients.values().filter(|holder| holder.leaving_bytes.get() == 0);
            let Some(most) = staying.max_by_key(|holder| holder.held.get().loose) else { return };
            let bytes = most.held.get().loose;
            if bytes == 0 {
                return;
            }
            self.tell_to_leave(most, bytes, ToClient::Evict);
        }
    }

    fn tell_to_leave(&self, holder: &Holder, bytes: usize, message: ToClient) {
        self.note(holder, Held { is_starving: false, ..holder.held.get() });
        holder.leaving_bytes.set(bytes as u64);
        self.leaving_bytes.set(self.leaving_bytes.get() + bytes as u64);
        holder.tell(message);
    }

    /// Notes that a holder has given back what it was told to, or never will.
    fn has_left(&self, holder: &Holder) {
        self.leaving_bytes.set(self.leaving_bytes.get() - holder.leaving_bytes.take());
    }

    fn note(&self, holder: &Holder, held: Held) {
        let starved = holder.starving_bytes();
        let before = holder.held.replace(held);
        let stats = self.count.worker();
        change(&stats.buffered_bytes, before.bytes, held.bytes);
        change(&stats.starving_bytes, starved, holder.starving_bytes());
    }

    fn forget(&self, number: u64, holder: &Rc<Holder>) {
        self.clients.borrow_mut().remove(&number);
        self.has_left(holder);
        if holder.waits.take() {
            for queue in &self.waiting {
                queue.borrow_mut().retain(|waiting| !Rc::ptr_eq(waiting, holder));
            }
        }
    }
}

impl Holder {
    fn new(client: Option<Sender<ToClient>>) -> Holder {
        Holder {
            held: Cell::default(),
            client,
            waits: Cell::new(false),
            leaving_bytes: Cell::new(0),
        }
    }

    fn starving_bytes(&self) -> usize {
        let held = self.held.get();
        if held.is_starving { held.half } else { 0 }
    }

    /// 0 if it holds little, else 1.
    fn kind(&self) -> usize {
        usize::from(self.held.get().bytes > MEMORY_LITTLE_BYTES)
    }

    fn tell(&self, message: ToClient) {
        if let Some(client) = &self.client {
            client.send(message);
        }
    }
}

impl Share {
    /// Notes what is held now; called at the end of every turn.
    pub(crate) fn set(&self, held: Held) {
        self.note(held);
        if self.memory.own() > self.memory.own_bytes {
            self.memory.give_up_if_stuck();
            self.memory.evict();
        }
        self.memory.let_go();
    }

    /// Notes what is held in the middle of a turn, so that the turn itself ends where there is no
    /// more room.
    pub(crate) fn note(&self, held: Held) {
        if self.holder.leaving_bytes.get() > 0 {
            self.memory.has_left(&self.holder);
        }
        self.memory.note(&self.holder, held);
    }

    /// Its client has starved for too long: has the largest half command given up, unless somebody
    /// was told to leave just now.
    pub(crate) fn demand_room(&self) {
        if self.memory.leaving_bytes.get() > 0 {
            return;
        }
        let clients = self.memory.clients.borrow();
        let largest = clients.values().max_by_key(|holder| holder.held.get().half);
        // It may be for other things that there is no room: those are given back in time.
        if let Some(largest) = largest.filter(|largest| largest.held.get().half > 0) {
            self.memory.tell_to_leave(largest, largest.held.get().half, ToClient::GiveUp);
        }
    }

    /// Whether its client may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.memory.has_room(&self.holder)
    }

    /// Asks for a [`ToClient::Room`] once it may.
    pub(crate) fn wait(&self) {
        if !self.holder.waits.replace(true) {
            let queue = &self.memory.waiting[self.holder.kind()];
            queue.borrow_mut().push_back(Rc::clone(&self.holder));
            self.memory.someone_waits.notify_one();
        }
    }

    /// Whether that message is still to come.
    pub(crate) fn is_waiting(&self) -> bool {
        self.holder.waits.get()
    }

    /// The client is gone: what is held for it cannot be taken back from it.
    pub(crate) fn outlive(&mut self) {
        if let Some(number) = self.number.take() {
            self.memory.forget(number, &self.holder);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.outlive();
        self.set(Held::default());
    }
}

impl From<usize> for Held {
    /// What is held and cannot be taken back.
    fn from(bytes: usize) -> Held {
        Held { bytes, ..Held::default() }
    }
}

fn change(gauge: &Counter, before: usize, now: usize) {
    if now > before {
        gauge.add((now - before) as u64);
    } else if now < before {
        gauge.sub((before - now) as u64);
    }
}

#[cfg(test)]
mod tests;
