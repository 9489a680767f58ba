//! What the buffers of the process hold, and who is not read because it is too much.
//!
//! ```text
//! client, node connection --Share::set--> the worker's gauge ---sum---> memory_max
//! client <--ToClient::Room, ToClient::Evict-- Memory
//!
//! 0           half             three quarters         memory_max
//! |------------|----------------------|--------------------|
//!   everybody    clients that hold       nobody is read:      the client that holds
//!   is read      little are read         replies still come   most is closed
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

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::limits::{MEMORY_LITTLE_BYTES, MEMORY_LOOK_MS};
use crate::queue::Sender;
use crate::reply_to::ToClient;
use crate::stats::Own;

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
    /// Held by clients that were told to go.
    leaving_bytes: Cell<u64>,
    /// Those that hold little, and the others.
    waiting: [RefCell<VecDeque<Rc<Holder>>>; 2],
    someone_waits: Notify,
}

/// One of those who hold something.
#[derive(Debug)]
struct Holder {
    bytes: Cell<usize>,
    /// Whom to tell, if it is a client.
    client: Option<Sender<ToClient>>,
    waits: Cell<bool>,
    /// What it held when it was told to go.
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
        let bytes_max = bytes_max as u64;
        Rc::new(Memory {
            count,
            bytes_max,
            own_bytes: bytes_max / 2 / workers,
            clients: RefCell::new(BTreeMap::new()),
            number: Cell::new(0),
            leaving_bytes: Cell::new(0),
            waiting: Default::default(),
            someone_waits: Notify::new(),
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
    /// tell them. Never ends.
    pub(crate) async fn watch(&self) {
        loop {
            self.someone_waits.notified().await;
            while self.waiting.iter().any(|queue| !queue.borrow().is_empty()) {
                sleep(Duration::from_millis(MEMORY_LOOK_MS)).await;
                self.let_go();
            }
        }
    }

    fn has_room(&self, holder: &Holder) -> bool {
        let limit = [self.bytes_max / 4 * 3, self.bytes_max / 2][holder.kind()];
        self.own() <= self.own_bytes || self.all() <= limit
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
                first.tell(ToClient::Room);
            } else if first.kind() == kind {
                queue.borrow_mut().push_front(first);
            } else {
                // It holds more by now, or less.
                self.waiting[first.kind()].borrow_mut().push_back(first);
            }
        }
    }

    /// Tells those that hold most to go, as long as all workers hold too much, and this one more
    /// than its part.
    fn evict(&self) {
        let part = 2 * self.own_bytes;
        while self.own().saturating_sub(self.leaving_bytes.get()) > part
            && self.all().saturating_sub(self.leaving_bytes.get()) > self.bytes_max
        {
            let clients = self.clients.borrow();
            let staying = clients.values().filter(|holder| holder.leaving_bytes.get() == 0);
            let Some(most) = staying.max_by_key(|holder| holder.bytes.get()) else { return };
            let bytes = most.bytes.get() as u64;
            if bytes == 0 {
                return;
            }
            most.leaving_bytes.set(bytes);
            self.leaving_bytes.set(self.leaving_bytes.get() + bytes);
            most.tell(ToClient::Evict);
        }
    }

    fn forget(&self, number: u64, holder: &Rc<Holder>) {
        self.clients.borrow_mut().remove(&number);
        self.leaving_bytes.set(self.leaving_bytes.get() - holder.leaving_bytes.take());
        if holder.waits.take() {
            for queue in &self.waiting {
                queue.borrow_mut().retain(|waiting| !Rc::ptr_eq(waiting, holder));
            }
        }
    }
}

impl Holder {
    fn new(client: Option<Sender<ToClient>>) -> Holder {
        Holder { bytes: Cell::new(0), client, waits: Cell::new(false), leaving_bytes: Cell::new(0) }
    }

    /// 0 if it holds little, else 1.
    fn kind(&self) -> usize {
        usize::from(self.bytes.get() > MEMORY_LITTLE_BYTES)
    }

    fn tell(&self, message: ToClient) {
        if let Some(client) = &self.client {
            client.send(message);
        }
    }
}

impl Share {
    /// Notes how many bytes are held now; called at the end of every turn.
    pub(crate) fn set(&mut self, bytes: usize) {
        let before = self.holder.bytes.replace(bytes);
        let gauge = &self.memory.count.worker().buffered_bytes;
        if bytes > before {
            gauge.add((bytes - before) as u64);
            if self.memory.own() > self.memory.own_bytes {
                self.memory.evict();
            }
        } else if bytes < before {
            gauge.sub((before - bytes) as u64);
        }
        self.memory.let_go();
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
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::{Receiver, queue};
    use crate::stats::Stats;

    /// A worker's memory of 8 MiB in all, and the clients that share it.
    struct Rig {
        stats: Stats,
        memory: Rc<Memory>,
    }

    struct Client {
        share: Share,
        inbox: Receiver<ToClient>,
    }

    const MIB: usize = 1 << 20;

    impl Rig {
        fn new(workers: usize) -> Rig {
            let stats = Stats::new(workers, ["main"]);
            let count = Rc::new(Own::new(stats.clone(), 0).unwrap());
            Rig { stats, memory: Memory::new(count, 8 * MIB) }
        }

        fn client(&self, bytes: usize) -> Client {
            let (sender, inbox) = queue();
            let mut share = self.memory.share_of(sender);
            share.set(bytes);
            Client { share, inbox }
        }

        fn buffered(&self) -> u64 {
            self.stats.sum(|worker| &worker.buffered_bytes)
        }
    }

    impl Client {
        fn told(&self) -> String {
            std::iter::from_fn(|| self.inbox.take()).map(|told| format!("{told:?}")).collect()
        }
    }

    #[test]
    fn what_is_held_is_counted_and_what_is_dropped_is_not() {
        let rig = Rig::new(1);
        let (mut first, second) = (rig.client(10), rig.client(20));
        first.share.set(5);
        let mut node = rig.memory.share();
        node.set(100);
        assert_eq!(rig.buffered(), 125);
        drop((first, node));
        assert_eq!(rig.buffered(), 20);
        drop(second);
        assert_eq!(rig.buffered(), 0);
    }

    #[test]
    fn beyond_half_of_it_those_that_hold_much_wait_and_those_that_hold_little_do_not() {
        let rig = Rig::new(1);
        let (mut large, small) = (rig.client(3 * MIB), rig.client(MEMORY_LITTLE_BYTES));
        assert!(large.share.has_room());
        large.share.set(5 * MIB);
        assert!(!large.share.has_room() && small.share.has_room());
        let _node = {
            let mut share = rig.memory.share();
            share.set(3 * MIB);
            share
        };
        assert!(!large.share.has_room() && !small.share.has_room());
    }

    #[test]
    fn those_that_wait_are_let_go_one_by_one_in_their_order() {
        let rig = Rig::new(1);
        let mut hog = rig.client(4 * MIB);
        let mut waiting: Vec<_> = (0..3).map(|_| rig.client(MIB / 4)).collect();
        for client in &waiting {
            assert!(!client.share.has_room());
            client.share.wait();
            client.share.wait();
        }
        assert!(waiting.iter().all(|client| client.told().is_empty()));
        hog.share.set(MIB);
        let told = |waiting: &[Client]| waiting.iter().map(Client::told).collect::<Vec<_>>();
        assert_eq!(told(&waiting), ["Room", "", ""]);
        // The turn of the one lets the next go; so does its end.
        waiting[0].share.set(MIB / 2);
        assert_eq!(told(&waiting), ["", "Room", ""]);
        drop(waiting.remove(1));
        assert_eq!(told(&waiting), ["", "Room"]);
        assert!(!waiting[1].share.is_waiting());
    }

    #[test]
    fn one_that_leaves_while_it_waits_keeps_nobody_waiting() {
        let rig = Rig::new(1);
        let mut hog = rig.client(4 * MIB);
        let (first, second) = (rig.client(MIB), rig.client(MIB));
        first.share.wait();
        second.share.wait();
        drop(first);
        hog.share.set(0);
        assert_eq!(second.told(), "Room");
    }

    #[test]
    fn beyond_all_of_it_those_that_hold_most_are_told_to_go_and_no_more_of_them_than_it_takes() {
        let rig = Rig::new(1);
        let clients: Vec<_> = [1, 3, 2, 1].map(|mib| rig.client(mib * MIB)).into();
        let mut node = rig.memory.share();
        node.set(MIB);
        let told = || clients.iter().map(Client::told).collect::<Vec<_>>();
        assert_eq!(told(), ["", "", "", ""]);
        node.set(2 * MIB);
        assert_eq!(told(), ["", "Evict", "", ""]);
        // It has not gone yet, but will.
        node.set(4 * MIB);
        assert_eq!(told(), ["", "", "", ""]);
        node.set(5 * MIB);
        assert_eq!(told(), ["", "", "Evict", ""]);
        let bytes = rig.buffered();
        drop(clients);
        assert_eq!((bytes, rig.buffered()), (12 * MIB as u64, 5 * MIB as u64));
        assert_eq!(rig.memory.leaving_bytes.get(), 0);
    }

    #[test]
    fn a_worker_that_holds_its_part_at_most_does_not_wait_for_the_others() {
        let rig = Rig::new(4);
        rig.stats.workers[1].buffered_bytes.add(7 * MIB as u64);
        let mut client = rig.client(MIB);
        assert!(client.share.has_room());
        client.share.set(MIB + 1);
        assert!(!client.share.has_room());
        assert_eq!(client.told(), "", "it is the other worker that holds too much");
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_worker_gives_back_lets_those_go_that_wait_here() {
        let rig = Rig::new(2);
        rig.stats.workers[1].buffered_bytes.add(3 * MIB as u64);
        let client = rig.client(3 * MIB);
        assert!(!client.share.has_room());
        client.share.wait();
        let mut watch = std::pin::pin!(rig.memory.watch());
        let mut pass = async |ms| {
            let time = Duration::from_millis(ms);
            drop(tokio::time::timeout(time, &mut watch).await);
        };
        pass(10 * MEMORY_LOOK_MS).await;
        assert_eq!(client.told(), "");
        rig.stats.workers[1].buffered_bytes.sub(2 * MIB as u64);
        pass(2 * MEMORY_LOOK_MS).await;
        assert_eq!(client.told(), "Room");
    }
}
