//! All clients of the process, whichever worker they belong to.
//!
//! ```text
//! client task --Presence: what has changed, once a turn--> Entry
//! CLIENT LIST <--a look at every entry---------------------'
//! CLIENT KILL, UNBLOCK, UNPAUSE --Order--> the worker's desk --> its client tasks
//! CLIENT PAUSE --> one number that every client looks at, once a turn
//! ```
//!
//! A turn stores numbers without a lock; what a client says of itself changes seldom, and has one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::io::now;
use crate::proto::command::table::{self, Row};
use crate::proto::command::{Card, Directory, Identity, Pause, Wake};

/// Stands for no row of the table.
const NO_ROW: u32 = u32::MAX;

/// All clients, for those who ask for them.
#[derive(Clone, Debug)]
pub(crate) struct Registry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    entries: Mutex<BTreeMap<u64, Arc<Entry>>>,
    /// One a worker.
    desks: Box<[Desk]>,
    /// Until when there is a pause, in microseconds since the beginning, times two; plus one if it
    /// is for all commands.
    pause: AtomicU64,
}

/// Where a worker is told what its clients are to do.
#[derive(Debug, Default)]
struct Desk {
    bell: Notify,
    orders: Mutex<Vec<Order>>,
}

/// What clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The client of this number is to go.
    Close(u64),
    /// The client of this number is to wait at its node no longer.
    Wake(u64, Wake),
    /// All are to look whether they may go on.
    Look,
}

/// One client, as all workers see it.
#[derive(Debug)]
struct Entry {
    worker: usize,
    since: Instant,
    /// What it says of itself.
    card: Mutex<Card>,
    /// When it said something last, in milliseconds since the registry began.
    heard_ms: AtomicU64,
    queued: AtomicI64,
    is_blocked: AtomicBool,
    unparsed_bytes: AtomicU64,
    unread_bytes: AtomicU64,
    held_bytes: AtomicU64,
    /// The place of its last command in the table; see [`place`].
    command: AtomicU32,
}

/// A client's place among all, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Presence {
    registry: Registry,
    id: u64,
    entry: Arc<Entry>,
    last: Option<&'static Row>,
}

/// What a turn changed for a client.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    pub(crate) heard: bool,
    pub(crate) queued: Option<u32>,
    pub(crate) is_blocked: bool,
    pub(crate) unparsed_bytes: usize,
    pub(crate) unread_bytes: usize,
    pub(crate) held_bytes: usize,
    pub(crate) command: Option<&'static Row>,
}

impl Registry {
    /// A registry without clients, for so many workers.
    pub(crate) fn new(workers: usize) -> Registry {
        let desks = (0..workers).map(|_| Desk::default()).collect();
        let entries = Mutex::default();
        Registry(Arc::new(Inner { began: now(), entries, desks, pause: AtomicU64::new(0) }))
    }

    /// Takes in a client of a worker.
    pub(crate) fn enter(&self, worker: usize, identity: &Identity, database: u32) -> Presence {
        let mut card = Card { id: identity.id, ..Card::default() };
        card.introduce(identity, database);
        let entry = Arc::new(Entry {
            worker,
            since: now(),
            card: Mutex::new(card),
            heard_ms: AtomicU64::new(self.ms()),
            queued: AtomicI64::new(-1),
            is_blocked: AtomicBool::new(false),
            unparsed_bytes: AtomicU64::new(0),
            unread_bytes: AtomicU64::new(0),
            held_bytes: AtomicU64::new(0),
            command: AtomicU32::new(NO_ROW),
        });
        self.entries().insert(identity.id, Arc::clone(&entry));
        Presence { registry: self.clone(), id: identity.id, entry, last: None }
    }

    /// How many clients wait at a node.
    pub(crate) fn blocked(&self) -> u64 {
        let entries = self.entries();
        let blocked = entries.values().filter(|entry| entry.is_blocked.load(Ordering::Relaxed));
        blocked.count() as u64
    }

    /// Which commands wait now.
    pub(crate) fn paused(&self, now: Instant) -> Pause {
        let pause = self.0.pause.load(Ordering::Relaxed);
        if pause == 0 {
            return Pause::None;
        }
        let until = self.0.began + Duration::from_micros(pause >> 1);
        match pause & 1 {
            _ if until <= now => Pause::None,
            0 => Pause::Writes(until),
            _ => Pause::All(until),
        }
    }

    /// Waits for what the clients of a worker are to do.
    pub(crate) async fn orders(&self, worker: usize) -> Vec<Order> {
        let Some(desk) = self.0.desks.get(worker) else { return std::future::pending().await };
        desk.bell.notified().await;
        std::mem::take(&mut *lock(&desk.orders))
    }

    fn tell(&self, worker: usize, order: Order) {
        if let Some(desk) = self.0.desks.get(worker) {
            lock(&desk.orders).push(order);
            desk.bell.notify_one();
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Entry>>> {
        lock(&self.0.entries)
    }

    fn ms(&self) -> u64 {
        let since = now().saturating_duration_since(self.0.began);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Directory for Registry {
    fn all(&self) -> Vec<Card> {
        let ms = self.ms();
        self.entries().values().map(|entry| entry.card(ms)).collect()
    }

    fn close(&self, id: u64) {
        let worker = self.entries().get(&id).map(|entry| entry.worker);
        if let Some(worker) = worker {
            self.tell(worker, Order::Close(id));
        }
    }

    fn wake(&self, id: u64, wake: Wake) -> bool {
        let entry = self.entries().get(&id).map(Arc::clone);
        // Whoever asks first wakes it.
        let found = entry.filter(|entry| entry.is_blocked.swap(false, Ordering::Relaxed));
        if let Some(entry) = &found {
            self.tell(entry.worker, Order::Wake(id, wake));
        }
        found.is_some()
    }

    fn pause(&self, length: Duration, all: bool) {
        let end = now().saturating_duration_since(self.0.began).saturating_add(length);
        let end = u64::try_from(end.as_micros()).unwrap_or(u64::MAX).min(u64::MAX >> 2);
        let is_on = self.paused(now()) != Pause::None;
        // As Redis has it: the later end and the stricter kind hold.
        let stricter = |before: u64| {
            let before = if is_on { before } else { 0 };
            (end.max(before >> 1) << 1) | u64::from(all) | (before & 1)
        };
        let relaxed = Ordering::Relaxed;
        let _ = self.0.pause.fetch_update(relaxed, relaxed, |before| Some(stricter(before)));
    }

    fn resume(&self) {
        self.0.pause.store(0, Ordering::Relaxed);
        (0..self.0.desks.len()).for_each(|worker| self.tell(worker, Order::Look));
    }
}

impl Entry {
    fn card(&self, ms: u64) -> Card {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Card {
            age_s: now().saturating_duration_since(self.since).as_secs(),
            idle_s: ms.saturating_sub(get(&self.heard_ms)) / 1000,
            is_blocked: self.is_blocked.load(Ordering::Relaxed),
            queued: u32::try_from(self.queued.load(Ordering::Relaxed)).ok(),
            unparsed_bytes: get(&self.unparsed_bytes),
            unread_bytes: get(&self.unread_bytes),
            held_bytes: get(&self.held_bytes),
            command: row_at(self.command.load(Ordering::Relaxed)).map_or("", |row| row.name),
            ..lock(&self.card).clone()
        }
    }
}

impl Presence {
    /// Notes what a turn at `now` changed.
    pub(crate) fn note(&mut self, change: Change, now: Instant) {
        let set = |number: &AtomicU64, value: usize| number.store(value as u64, Ordering::Relaxed);
        let entry = &self.entry;
        if change.heard {
            let since = now.saturating_duration_since(self.registry.0.began);
            let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
            entry.heard_ms.store(ms, Ordering::Relaxed);
        }
        entry.queued.store(change.queued.map_or(-1, i64::from), Ordering::Relaxed);
        entry.is_blocked.store(change.is_blocked, Ordering::Relaxed);
        set(&entry.unparsed_bytes, change.unparsed_bytes);
        set(&entry.unread_bytes, change.unread_bytes);
        set(&entry.held_bytes, change.held_bytes);
        let is_same = match (self.last, change.command) {
            (Some(last), Some(row)) => std::ptr::eq(last, row),
            (last, row) => last.is_none() && row.is_none(),
        };
        if !is_same {
            self.last = change.command;
            entry.command.store(change.command.map_or(NO_ROW, place), Ordering::Relaxed);
        }
    }

    /// Notes what the client says of itself.
    pub(crate) fn introduce(&self, identity: &Identity, database: u32) {
        lock(&self.entry.card).introduce(identity, database);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.registry.entries().remove(&self.id);
    }
}

/// The number of a row in the table, and which of its subcommands, from 1 on.
fn place(row: &'static Row) -> u32 {
    let Some(number) = table::number(row).and_then(|number| u32::try_from(number).ok()) else {
        return NO_ROW;
    };
    if !row.name.contains('|') {
        return number << 8;
    }
    let container = table::rows().nth(number as usize);
    let subcommands = container.map_or(&[][..], |container| container.subcommands);
    let own = subcommands.iter().position(|sub| sub.name == row.name);
    number << 8 | own.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(0)
}

/// The row of that place.
fn row_at(place: u32) -> Option<&'static Row> {
    let row = table::rows().nth((place >> 8) as usize)?;
    match place & 0xFF {
        0 => Some(row),
        own => row.subcommands.get(own as usize - 1),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_at_its_place() {
        for row in table::rows() {
            assert_eq!(row_at(place(row)), Some(row));
            for sub in row.subcommands {
                assert_eq!(row_at(place(sub)), Some(sub), "{}", sub.name);
            }
        }
        assert_eq!(row_at(NO_ROW), None);
    }

    #[test]
    fn a_client_is_listed_as_long_as_it_is_present() {
        let registry = Registry::new(2);
        let identity = Identity::new(7, "10.0.0.7:1".to_owned());
        let mut presence = registry.enter(1, &identity, 5);
        let command = table::find(b"get");
        let change = Change { command, queued: Some(2), held_bytes: 9, ..Change::default() };
        presence.note(change, now());
        presence.introduce(&Identity { name: b"me".to_vec(), ..identity }, 5);
        let cards = registry.all();
        let [card] = &cards[..] else { panic!("{cards:?}") };
        assert_eq!((card.id, card.database, card.queued), (7, 5, Some(2)));
        assert_eq!((&card.name[..], card.command, card.held_bytes), (&b"me"[..], "get", 9));
        drop(presence);
        assert!(registry.all().is_empty());
    }

    #[test]
    fn of_two_pauses_the_later_end_and_the_stricter_kind_hold() {
        let registry = Registry::new(1);
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        assert_eq!(registry.paused(now()), Pause::None);
        registry.pause(hour, false);
        assert!(matches!(registry.paused(now()), Pause::Writes(_)));
        registry.pause(second, true);
        let Pause::All(until) = registry.paused(now()) else { panic!("it is for all") };
        assert!(until > now() + 3000 * second);
        assert_eq!(registry.paused(until), Pause::None);
        registry.resume();
        assert_eq!(registry.paused(now()), Pause::None);
    }

    #[tokio::test]
    async fn an_order_reaches_the_worker_of_the_client() {
        let registry = Registry::new(2);
        let mut presence = registry.enter(1, &Identity::new(7, String::new()), 0);
        registry.close(7);
        registry.close(8);
        assert_eq!(registry.orders(1).await, [Order::Close(7)]);
        assert!(!registry.wake(7, Wake::Error), "it does not wait");
        presence.note(Change { is_blocked: true, ..Change::default() }, now());
        assert!(registry.all()[0].is_blocked && registry.blocked() == 1);
        assert!(registry.wake(7, Wake::Error) && !registry.wake(7, Wake::TimedOut));
        assert_eq!(registry.orders(1).await, [Order::Wake(7, Wake::Error)]);
        registry.resume();
        assert_eq!(registry.orders(0).await, [Order::Look]);
        drop(presence);
    }
}
