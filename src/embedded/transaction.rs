//! Transactions: `MULTI`, `EXEC` and `DISCARD`, and `WATCH`.
//!
//! ```text
//! MULTI --command--> checked as ever --right--> +QUEUED
//!                                    '--wrong--> the error; EXEC will say EXECABORT
//! EXEC  --> is all of it served here? --> is what was watched as it was? --> run, in one reply
//! ```
//!
//! `EXEC` refuses what any of its commands would be refused for by now, and runs none of them.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use super::args::is;
use super::command::{Access, Args, Keys, Row, Run};
use super::connection::Connection;
use super::error::{Error, Outcome};
use super::node::{ServerCall, State};
use super::redirect::Request;
use super::replication::Change;
use super::store::{Db, Entry, Store};
use crate::proto::resp::{Protocol, Writer};

pub(super) const ROWS: &[Row] = &[
    Row::server("discard", 1, discard),
    Row { run: Run::Exec, ..Row::server("exec", 1, multi) },
    Row::server("multi", 1, multi),
    Row::server("unwatch", 1, unwatch),
    Row { keys: Keys::ALL, ..Row::server("watch", -2, watch) },
];

/// What `EXEC` says of a transaction of which something was refused.
const ABORTED: Error = Error::new("EXECABORT Transaction discarded because of previous errors.");

/// Commands that a transaction does not put off, besides `EXEC`.
const AT_ONCE: [&str; 5] = ["discard", "multi", "quit", "reset", "watch"];

/// Commands that have changed their key if they did not fail, even if it holds the same.
const ALWAYS_CHANGE: [&str; 9] =
    ["getset", "hincrby", "hincrbyfloat", "hmset", "hset", "incrby", "incrbyfloat", "lset", "mset"];

/// What was queued since `MULTI`.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    queue: Vec<Queued>,
    /// Something was refused.
    is_spoilt: bool,
}

#[derive(Debug)]
struct Queued {
    row: &'static Row,
    args: Vec<Vec<u8>>,
}

/// What a connection watches.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Each key, and what it held.
    keys: Vec<(Vec<u8>, Option<Entry>)>,
    /// One of them was written since.
    is_touched: Cell<bool>,
}

/// What all connections watch.
#[derive(Debug, Default)]
pub(super) struct Watches(Vec<Weak<Watch>>);

/// Watched keys that a command may change, as they are before it.
#[derive(Debug)]
pub(super) struct Watched(Vec<(Rc<Watch>, Vec<u8>, Option<Entry>)>);

impl Connection {
    /// Whether this command waits for `EXEC`.
    pub(super) fn queues(&self, row: &Row) -> bool {
        let waits = !matches!(row.run, Run::Exec) && !AT_ONCE.contains(&row.name);
        self.transaction.is_some() && waits
    }

    /// Puts a command off until `EXEC`. Nothing is kept of what will not run.
    pub(super) fn queue(&mut self, row: &'static Row, args: Args<'_>) {
        let Some(transaction) = &mut self.transaction else { return };
        if !transaction.is_spoilt {
            let args = args.iter().map(|arg| arg.to_vec()).collect();
            transaction.queue.push(Queued { row, args });
        }
    }

    /// Takes note that a command was refused; gives what it is told.
    pub(super) fn spoil_transaction(&mut self, args: Args<'_>, error: Error) -> Error {
        if args.first().is_some_and(|name| is(name, "exec")) {
            self.end_transaction();
            return aborted_because_of(&error);
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.is_spoilt = true;
        }
        error
    }

    /// Forgets what was queued and is watched.
    pub(super) fn end_transaction(&mut self) {
        self.transaction = None;
        self.watch = None;
    }
}

fn aborted_because_of(error: &Error) -> Error {
    let text = error.text();
    let text = text.strip_prefix(b"ERR ").unwrap_or(text);
    Error::from([b"EXECABORT Transaction discarded because of: ", text].concat())
}

impl State {
    /// Runs what was queued, all of it or nothing.
    pub(super) fn exec(
        &mut self,
        connection: &mut Connection,
        now: i64,
        asking: bool,
        out: &mut Vec<u8>,
    ) -> Result<Vec<Change>, Error> {
        let Some(transaction) = connection.transaction.take() else {
            return Err(Error::new("ERR EXEC without MULTI"));
        };
        let watch = connection.watch.take();
        self.admit_all(&transaction, now, (asking, connection.readonly))?;
        if transaction.is_spoilt {
            return Err(ABORTED);
        }
        if watch.is_some_and(|watch| watch.is_broken(&Db { store: &mut self.store, now })) {
            let null: &[u8] =
                if connection.protocol == Protocol::Resp3 { b"_\r\n" } else { b"*-1\r\n" };
            out.extend_from_slice(null);
            return Ok(Vec::new());
        }
        Writer::new(out, connection.protocol).array(transaction.queue.len());
        let mut changes = Vec::new();
        for Queued { row, args } in transaction.queue {
            let start = out.len();
            let words: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            match self.call(row, connection, (&words, now), out) {
                Ok(own) => changes.extend(own),
                Err(error) => {
                    out.truncate(start);
                    Writer::new(out, connection.protocol).error(error.text());
                }
            }
            self.ran.push((args, out[start..].to_vec()));
        }
        connection.asking = false;
        Ok(changes)
    }

    /// Whether this node may execute all that was queued; the redirect or refusal if not.
    fn admit_all(
        &mut self,
        transaction: &Transaction,
        now: i64,
        (asking, readonly): (bool, bool),
    ) -> Outcome {
        let queue: Vec<(&Row, Vec<&[u8]>)> = transaction.queue.iter().map(Queued::parts).collect();
        let writes = queue.iter().any(|(row, _)| row.access == Access::Write);
        if let Some(membership) = &self.membership {
            let db = Db { store: &mut self.store, now };
            let keys: Vec<&[u8]> = queue.iter().flat_map(|(row, args)| row.keys.of(args)).collect();
            let has_data = queue.iter().any(|(row, _)| !row.is_of_channels());
            membership.check(&Request { keys: &keys, has_data, writes, asking, readonly }, &db)?;
        }
        if writes && self.is_replica() {
            return Err(aborted_because_of(&Error::READ_ONLY));
        }
        let Some(refusal) = queue.iter().find_map(|(row, args)| self.refusal(row, args)) else {
            return Ok(());
        };
        let is_of_cluster = [&b"MOVED "[..], b"TRYAGAIN ", b"CLUSTERDOWN "];
        if is_of_cluster.iter().any(|code| refusal.text().starts_with(code)) {
            return Err(refusal);
        }
        Err(aborted_because_of(&refusal))
    }
}

impl Queued {
    fn parts(&self) -> (&'static Row, Vec<&[u8]>) {
        (self.row, self.args.iter().map(Vec::as_slice).collect())
    }
}

impl Watch {
    fn is_broken(&self, db: &Db<'_>) -> bool {
        let is_other = |(key, held): &(Vec<u8>, Option<Entry>)| db.entry(key) != held.as_ref();
        self.is_touched.get() || self.keys.iter().any(is_other)
    }
}

impl Watches {
    /// What a command may change of what is watched.
    pub(super) fn before(&mut self, row: &Row, args: Args<'_>, store: &Store) -> Watched {
        if row.access != Access::Write || self.0.is_empty() {
            return Watched(Vec::new());
        }
        self.0.retain(|watch| watch.strong_count() > 0);
        let written = row.keys.of(args);
        let mut watched = Vec::new();
        for watch in self.0.iter().filter_map(Weak::upgrade) {
            let keys = watch.keys.iter().map(|(key, _)| key);
            let keys: Vec<_> = keys.filter(|key| written.contains(&key.as_slice())).collect();
            let found = keys.into_iter().map(|key| (key.clone(), store.peek(key).cloned()));
            let found: Vec<_> = found.collect();
            watched.extend(found.into_iter().map(|(key, held)| (Rc::clone(&watch), key, held)));
        }
        Watched(watched)
    }
}

impl Watched {
    /// Takes note of what a command has changed that replied this.
    pub(super) fn spoil_what_changed(self, store: &Store, name: &str, reply: &[u8]) {
        let always = ALWAYS_CHANGE.contains(&name) || name == "set" && reply == b"+OK\r\n";
        for (watch, key, held) in self.0 {
            if always || store.peek(&key) != held.as_ref() {
                watch.is_touched.set(true);
            }
        }
    }
}

fn multi(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    if call.connection.transaction.is_some() {
        return Err(Error::new("ERR MULTI calls can not be nested"));
    }
    call.connection.transaction = Some(Transaction::default());
    call.out().simple("OK");
    Ok(())
}

fn discard(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    if call.connection.transaction.is_none() {
        return Err(Error::new("ERR DISCARD without MULTI"));
    }
    call.connection.end_transaction();
    call.out().simple("OK");
    Ok(())
}

fn watch(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    if call.connection.transaction.is_some() {
        return Err(Error::new("ERR WATCH inside MULTI is not allowed"));
    }
    let old = call.connection.watch.take();
    let mut keys = old.as_ref().map(|old| old.keys.clone()).unwrap_or_default();
    let db = Db { store: &mut call.state.store, now: call.now };
    for key in &args[1..] {
        if keys.iter().all(|(other, _)| other != key) {
            keys.push((key.to_vec(), db.entry(key).cloned()));
        }
    }
    let is_touched = Cell::new(old.is_some_and(|old| old.is_touched.get()));
    let watch = Rc::new(Watch { keys, is_touched });
    call.state.watches.0.push(Rc::downgrade(&watch));
    call.connection.watch = Some(watch);
    call.out().simple("OK");
    Ok(())
}

fn unwatch(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    call.connection.watch = None;
    call.out().simple("OK");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::cluster::Cluster;
    use super::super::fault::Fault;
    use super::super::rig::Rig;
    use crate::proto::cluster::{Address, Slot};

    const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.";

    #[test]
    fn what_is_queued_runs_at_exec_and_not_before() {
        let mut rig = Rig::new();
        let mut other = Rig::of(rig.node.clone());
        rig.story(&[
            ("EXEC", "-ERR EXEC without MULTI"),
            ("DISCARD", "-ERR DISCARD without MULTI"),
            ("MULTI", "+OK"),
            ("MULTI", "-ERR MULTI calls can not be nested"),
            ("SET k 1", "+QUEUED"),
            ("LPUSH k x", "+QUEUED"),
            ("INCR k", "+QUEUED"),
        ]);
        other.story(&[("GET k", "$-1")]);
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        rig.story(&[("EXEC", &format!("*3 +OK {wrong} :2")), ("GET k", "$1 2")]);
        rig.story(&[("MULTI", "+OK"), ("DEL k", "+QUEUED"), ("DISCARD", "+OK"), ("GET k", "$1 2")]);
        rig.story(&[
            ("MULTI", "+OK"),
            ("DEL k", "+QUEUED"),
            ("RESET", "+RESET"),
            ("GET k", "$1 2"),
        ]);
    }

    #[test]
    fn a_command_that_is_refused_spoils_its_transaction() {
        let mut rig = Rig::new();
        for wrong in ["NOPE", "GET"] {
            rig.story(&[("MULTI", "+OK"), ("SET k 1", "+QUEUED")]);
            assert!(rig.run(wrong).starts_with("-ERR "));
            rig.story(&[("SET k 2", "+QUEUED"), ("EXEC", ABORTED), ("GET k", "$-1")]);
        }
        let reason = "wrong number of arguments for 'exec' command";
        let aborted = format!("-EXECABORT Transaction discarded because of: {reason}");
        rig.story(&[("MULTI", "+OK"), ("EXEC x", &aborted), ("GET k", "$-1")]);
        rig.story(&[("MULTI", "+OK"), ("SET k 1", "+QUEUED")]);
        rig.node.set_fault(Some(Fault::Busy));
        assert!(rig.run("EXEC").starts_with("-EXECABORT Transaction discarded because of: BUSY "));
        rig.node.set_fault(None);
        rig.story(&[("GET k", "$-1")]);
    }

    #[test]
    fn what_is_watched_and_written_makes_for_no_transaction() {
        let mut rig = Rig::new();
        let mut other = Rig::of(rig.node.clone());
        for (write, stops) in [
            ("SET k v", true),
            ("SET k other", true),
            ("SADD s a", false),
            ("SADD s b", true),
            ("DEL none", false),
            ("FLUSHALL", true),
            ("PING", false),
        ] {
            rig.run("FLUSHALL");
            rig.story(&[("SET k v", "+OK"), ("SADD s a", ":1"), ("WATCH k", "+OK")]);
            rig.story(&[("WATCH s none", "+OK"), ("MULTI", "+OK"), ("ECHO a", "+QUEUED")]);
            rig.story(&[("WATCH k", "-ERR WATCH inside MULTI is not allowed")]);
            other.run(write);
            rig.story(&[("EXEC", if stops { "*-1" } else { "*1 $1 a" })]);
        }
        rig.story(&[("WATCH k", "+OK"), ("UNWATCH", "+OK"), ("SET k v", "+OK")]);
        rig.story(&[("MULTI", "+OK"), ("ECHO a", "+QUEUED"), ("EXEC", "*1 $1 a")]);
    }

    #[test]
    fn what_is_watched_and_expires_makes_for_no_transaction() {
        let mut rig = Rig::new();
        rig.story(&[("SET k v PX 5", "+OK"), ("WATCH k", "+OK"), ("MULTI", "+OK")]);
        rig.pass(Duration::from_millis(5));
        rig.story(&[("EXEC", "*-1"), ("MULTI", "+OK"), ("EXEC", "*0")]);
    }

    fn cluster() -> Cluster {
        let address = |number| Address::new(&format!("node-{number}"), 7000).expect("an address");
        Cluster::new(&[address(0), address(1)], &[])
    }

    #[test]
    fn a_transaction_of_another_node_s_keys_is_redirected_when_queued_and_at_exec() {
        let cluster = cluster();
        let mut rig = Rig::of(cluster.node(0));
        let slot = Slot::of(b"b");
        rig.story(&[("MULTI", "+OK"), ("SET foo 1", "-MOVED 12182 node-1:7000")]);
        rig.story(&[("EXEC", ABORTED), ("MULTI", "+OK"), ("SET b 1", "+QUEUED")]);
        cluster.begin_migration(slot, 0, 1);
        cluster.finish_migration(slot);
        rig.story(&[("EXEC", "-MOVED 3300 node-1:7000"), ("EXEC", "-ERR EXEC without MULTI")]);
    }

    #[test]
    fn asking_holds_for_a_whole_transaction_and_no_longer() {
        let cluster = cluster();
        let (mut from, mut to) = (Rig::of(cluster.node(0)), Rig::of(cluster.node(1)));
        cluster.begin_migration(Slot::of(b"b"), 0, 1);
        from.story(&[("MULTI", "+OK"), ("SET b 1", "-ASK 3300 node-1:7000"), ("EXEC", ABORTED)]);
        to.story(&[
            ("ASKING", "+OK"),
            ("MULTI", "+OK"),
            ("SET b 1", "+QUEUED"),
            ("APPEND b 2", "+QUEUED"),
            ("EXEC", "*2 +OK :2"),
            ("GET b", "-MOVED 3300 node-0:7000"),
            ("ASKING", "+OK"),
            ("GET b", "$2 12"),
        ]);
    }
}
