//! The keyspace: values by key, kept by slot so that a slot can be counted and moved, and when they
//! expire. Times are Unix milliseconds, as in Redis, so that replicas on other clocks agree.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::error::Error;
use super::sorted_set::SortedSet;
use crate::proto::cluster::Slot;

/// A value of type string.
pub(super) type Text = Vec<u8>;
/// A value of type list.
pub(super) type List = VecDeque<Vec<u8>>;
/// A value of type hash.
pub(super) type Hash = BTreeMap<Vec<u8>, Vec<u8>>;
/// A value of type set.
pub(super) type Set = BTreeSet<Vec<u8>>;

/// What a key holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(Text),
    List(List),
    Hash(Hash),
    Set(Set),
    SortedSet(SortedSet),
}

impl Value {
    /// The name `TYPE` gives it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Text(_) => "string",
            Value::List(_) => "list",
            Value::Hash(_) => "hash",
            Value::Set(_) => "set",
            Value::SortedSet(_) => "zset",
        }
    }

    /// Whether it is a collection without an element: such a key does not exist.
    fn is_void(&self) -> bool {
        match self {
            Value::Text(_) => false,
            Value::List(list) => list.is_empty(),
            Value::Hash(hash) => hash.is_empty(),
            Value::Set(set) => set.is_empty(),
            Value::SortedSet(set) => set.is_empty(),
        }
    }
}

/// One type of value.
pub(super) trait Kind: Default {
    fn wrap(self) -> Value;
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
}

macro_rules! kind {
    ($variant:ident, $type:ty) => {
        impl Kind for $type {
            fn wrap(self) -> Value {
                Value::$variant(self)
            }
            fn of(value: &Value) -> Option<&Self> {
                if let Value::$variant(inner) = value { Some(inner) } else { None }
            }
            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$variant(inner) = value { Some(inner) } else { None }
            }
        }
    };
}

kind!(Text, Text);
kind!(List, List);
kind!(Hash, Hash);
kind!(Set, Set);
kind!(SortedSet, SortedSet);

/// A value and when it expires.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) value: Value,
    /// Unix milliseconds.
    pub(super) expires: Option<i64>,
}

/// All keys of a node, the expired ones included until something removes them.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    slots: BTreeMap<Slot, BTreeMap<Vec<u8>, Entry>>,
    expiries: BTreeSet<(i64, Vec<u8>)>,
    len: usize,
}

impl Store {
    /// Keys held, those included that have expired and were not removed yet.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keys held that will expire.
    pub(super) fn expiring_len(&self) -> usize {
        self.expiries.len()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Store::default();
    }

    /// What a key holds, expired or not.
    pub(super) fn peek(&self, key: &[u8]) -> Option<&Entry> {
        self.slots.get(&Slot::of(key))?.get(key)
    }

    /// The keys of a slot, in order.
    pub(super) fn keys_in(&self, slot: Slot) -> impl Iterator<Item = &[u8]> {
        self.slots.get(&slot).into_iter().flat_map(|keys| keys.keys().map(Vec::as_slice))
    }

    /// The slots that hold a key, in order.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.slots.keys().copied()
    }

    /// Puts an entry in the place of whatever the key held.
    pub(super) fn put(&mut self, key: &[u8], entry: Entry) {
        self.remove(key);
        if let Some(expires) = entry.expires {
            self.expiries.insert((expires, key.to_vec()));
        }
        self.slots.entry(Slot::of(key)).or_default().insert(key.to_vec(), entry);
        self.len += 1;
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let slot = Slot::of(key);
        let keys = self.slots.get_mut(&slot)?;
        let (key, entry) = keys.remove_entry(key)?;
        if keys.is_empty() {
            self.slots.remove(&slot);
        }
        if let Some(expires) = entry.expires {
            self.expiries.remove(&(expires, key));
        }
        self.len -= 1;
        Some(entry)
    }

    /// Removes up to `max` keys that have expired by `now`, and names them.
    pub(super) fn sweep(&mut self, now: i64, max: usize) -> Vec<Vec<u8>> {
        let due = self.expiries.iter().take_while(|(expires, _)| *expires <= now).take(max);
        let due: Vec<_> = due.map(|(_, key)| key.clone()).collect();
        for key in &due {
            self.remove(key);
        }
        due
    }

    fn entry_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.slots.get_mut(&Slot::of(key))?.get_mut(key)
    }
}

/// The keyspace as it is at one moment: what has expired by then does not exist.
///
/// Looking removes nothing, so a replica that is behind its primary keeps what the primary may yet
/// have made persistent.
#[derive(Debug)]
pub(super) struct Db<'a> {
    pub(super) store: &'a mut Store,
    /// Unix milliseconds.
    pub(super) now: i64,
}

impl Db<'_> {
    /// What a key holds.
    pub(super) fn entry(&self, key: &[u8]) -> Option<&Entry> {
        self.store.peek(key).filter(|entry| entry.expires.is_none_or(|at| at > self.now))
    }

    /// Whether a key exists.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.entry(key).is_some()
    }

    /// The value of a key, to read.
    ///
    /// # Errors
    /// It is of another type.
    pub(super) fn read<K: Kind>(&self, key: &[u8]) -> Result<Option<&K>, Error> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        K::of(&entry.value).map(Some).ok_or(Error::WRONG_TYPE)
    }

    /// The value of a key that exists, to change. Whoever may empty a collection calls
    /// [`prune`](Self::prune) afterwards.
    ///
    /// # Errors
    /// It is of another type.
    pub(super) fn write<K: Kind>(&mut self, key: &[u8]) -> Result<Option<&mut K>, Error> {
        self.expire(key);
        let Some(entry) = self.store.entry_mut(key) else { return Ok(None) };
        K::of_mut(&mut entry.value).map(Some).ok_or(Error::WRONG_TYPE)
    }

    /// The value of a key, to change; an empty one if the key does not exist.
    ///
    /// # Errors
    /// It is of another type.
    pub(super) fn create<K: Kind>(&mut self, key: &[u8]) -> Result<&mut K, Error> {
        self.expire(key);
        if self.store.peek(key).is_none() {
            self.store.put(key, Entry { value: K::default().wrap(), expires: None });
        }
        let entry = self.store.entry_mut(key).expect("it exists or was put above");
        K::of_mut(&mut entry.value).ok_or(Error::WRONG_TYPE)
    }

    /// Puts a value in the place of whatever the key held; it does not expire.
    pub(super) fn put<K: Kind>(&mut self, key: &[u8], value: K) {
        self.store.put(key, Entry { value: value.wrap(), expires: None });
    }

    /// The same for a collection; an empty one leaves no key.
    pub(super) fn put_or_remove<K: Kind>(&mut self, key: &[u8], value: K) {
        self.put(key, value);
        self.prune(key);
    }

    /// Takes a key out; `None` if it does not exist.
    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        self.expire(key);
        self.store.remove(key)
    }

    /// Removes the key if it holds a collection without an element.
    pub(super) fn prune(&mut self, key: &[u8]) {
        if self.store.peek(key).is_some_and(|entry| entry.value.is_void()) {
            self.store.remove(key);
        }
    }

    /// Sets when an existing key expires, in Unix milliseconds.
    pub(super) fn set_expiry(&mut self, key: &[u8], expires: Option<i64>) {
        if let Some(entry) = self.remove(key) {
            self.store.put(key, Entry { expires, ..entry });
        }
    }

    fn expire(&mut self, key: &[u8]) {
        if !self.has(key) {
            self.store.remove(key);
        }
    }
}
