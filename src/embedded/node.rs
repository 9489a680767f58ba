//! One server: its state, and executing a command on it.

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::Clock;
use super::command::{self, Access, Args, Call, Row, Run};
use super::connection::Connection;
use super::error::Error;
use super::execution::{Execution, Observer};
use super::fault::Fault;
use super::pubsub::Exchange;
use super::redirect::{Membership, Request};
use super::replication::{Change, Link};
use super::rng::Rng;
use super::store::{Db, Store};
use super::transaction::Watches;
use super::waiting::Waiters;
use crate::proto::cluster::Address;
use crate::proto::resp::{Protocol, Writer};

/// Expired keys that one command removes at most, besides its own.
const SWEEP_KEYS_MAX: usize = 16;

/// A server: standalone, or a member of a [`Cluster`](super::Cluster). Clones are handles of the
/// same.
#[derive(Clone)]
pub struct Node(pub(super) Rc<RefCell<State>>);

/// What a node is and holds.
pub(super) struct State {
    /// 40 hexadecimal digits.
    pub(super) id: String,
    /// Where it is, as far as it knows.
    pub(super) address: Option<Address>,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) rng: Rng,
    pub(super) password: Option<Vec<u8>>,
    /// What is wrong with it.
    pub(super) fault: Option<Fault>,
    /// Commands that it has refused because of that.
    refusals: u64,
    /// Its place in a cluster.
    pub(super) membership: Option<Membership>,
    /// The replicas that it feeds.
    pub(super) links: Vec<Link>,
    /// Changes that it has passed on to them so far.
    pub(super) offset: u64,
    /// The primary that feeds it.
    pub(super) feeder: Weak<RefCell<State>>,
    /// The id of the connection opened last.
    last_connection: u64,
    /// The keys that connections watch.
    pub(super) watches: Watches,
    /// Those whose command waits.
    pub(super) waiters: Waiters,
    /// Who is subscribed to what; shared with the other nodes of its cluster.
    pub(super) exchange: Rc<Exchange>,
    /// What `EXEC` ran last and has not shown yet: arguments and replies.
    pub(super) ran: Vec<(Vec<Vec<u8>>, Vec<u8>)>,
    /// One more reference is held by each open connection.
    presence: Rc<()>,
    observer: Option<Observer>,
}

/// What a command on the node or the connection works with.
pub(super) struct ServerCall<'a> {
    pub(super) state: &'a mut State,
    pub(super) connection: &'a mut Connection,
    /// Unix milliseconds.
    pub(super) now: i64,
    reply: &'a mut Vec<u8>,
}

impl ServerCall<'_> {
    /// Where the reply goes, in the protocol that the connection speaks by now.
    pub(super) fn out(&mut self) -> Writer<'_> {
        Writer::new(self.reply, self.connection.protocol)
    }
}

impl Node {
    /// A server of its own, without data.
    #[must_use]
    pub fn standalone() -> Node {
        Node::with(None, Clock::default(), 0)
    }

    pub(super) fn with(address: Option<Address>, clock: Clock, seed: u64) -> Node {
        let mut rng = Rng::new(seed);
        let id: String = (0..3).map(|_| format!("{:016x}", rng.next())).collect();
        Node(Rc::new(RefCell::new(State {
            id: id[..40].to_owned(),
            address,
            clock,
            store: Store::default(),
            rng,
            password: None,
            fault: None,
            refusals: 0,
            membership: None,
            links: Vec::new(),
            offset: 0,
            feeder: Weak::new(),
            last_connection: 0,
            watches: Watches::default(),
            waiters: Waiters::default(),
            exchange: Rc::default(),
            ran: Vec::new(),
            presence: Rc::new(()),
            observer: None,
        })))
    }

    /// The id that `CLUSTER MYID` tells: 40 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.0.borrow().id.clone()
    }

    /// Sets the time of day: at the moment `at`, so much has passed since the Unix epoch. Until
    /// this is called it is 2023-11-14 22:13:20 UTC at the first command, for all nodes of a
    /// cluster alike.
    ///
    /// A node that is served on another runtime than before, whose clock counts from elsewhere,
    /// needs this again before it is served.
    pub fn set_clock(&self, at: Instant, since_epoch: Duration) {
        let clock = Clock::default();
        clock.set(at, since_epoch);
        self.0.borrow_mut().clock = clock;
    }

    /// Sets what `SPOP`, `SRANDMEMBER` and their like draw from.
    pub fn set_seed(&self, seed: u64) {
        self.0.borrow_mut().rng = Rng::new(seed);
    }

    /// Sets or removes the password of the user `default`. Connections that are open stay as they
    /// are.
    pub fn set_password(&self, password: Option<&str>) {
        self.0.borrow_mut().password = password.map(|password| password.as_bytes().to_vec());
    }

    /// From now on this is wrong with it, or nothing.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.0.borrow_mut().fault = fault;
    }

    /// Shows every command to `observer` from now on, after its reply was written; those that
    /// `EXEC` runs before that.
    pub fn observe(&self, observer: Box<dyn FnMut(&Execution<'_>)>) {
        self.0.borrow_mut().observer = Some(observer);
    }

    /// Forgets all data, as a server does that restarts without persistence; a replica then gets
    /// its primary's. What it knows of its cluster stays.
    pub fn clear(&self) {
        self.0.borrow_mut().store.clear();
        self.replicate(&[Change::Copy(Store::default())]);
        let Some(feeder) = self.0.borrow().feeder.upgrade() else { return };
        let State { links, store, offset, .. } = &mut *feeder.borrow_mut();
        for link in links.iter_mut().filter(|link| link.feeds(self)) {
            link.synchronise(store, *offset);
        }
    }

    /// Keys held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.borrow().store.len()
    }

    /// Whether no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.borrow().connections()
    }

    /// A new connection, `now`, from a client at `peer` as `CLIENT INFO` will tell.
    #[must_use]
    pub fn connect(&self, peer: String, now: Instant) -> Connection {
        let mut state = self.0.borrow_mut();
        state.last_connection += 1;
        let since = state.clock.unix_ms(now);
        Connection::new(state.last_connection, peer, since, Rc::clone(&state.presence))
    }

    /// Executes a command that came in on `connection` and appends its reply to `out`: nothing, if
    /// it [waits](Connection::is_waiting).
    pub fn execute(
        &self,
        connection: &mut Connection,
        args: &[&[u8]],
        now: Instant,
        out: &mut Vec<u8>,
    ) {
        debug_assert!(!connection.is_waiting(), "nothing else is executed meanwhile");
        let start = out.len();
        let asking = connection.asking;
        let changes = self.0.borrow_mut().execute(connection, args, now, out);
        self.replicate(&changes);
        if !changes.is_empty() {
            connection.written = self.0.borrow().offset;
        }
        let ran = std::mem::take(&mut self.0.borrow_mut().ran);
        if connection.is_waiting() {
            return;
        }
        let (node, reply) = (&*self.id(), &out[start..]);
        let (connection, peer) = (connection.id(), connection.peer());
        let (offset, replicas) = self.progress();
        let last = Execution {
            node,
            connection,
            peer,
            args,
            asking,
            is_queued: false,
            reply,
            now,
            offset,
            replicas: &replicas,
        };
        for (args, reply) in &ran {
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            self.show(&Execution { args: &args, is_queued: true, reply, ..last });
        }
        self.show(&last);
        self.settle(now);
    }

    /// Shows a command to the observer, if there is one.
    pub(super) fn show(&self, execution: &Execution<'_>) {
        let Some(mut observer) = self.0.borrow_mut().observer.take() else { return };
        observer(execution);
        self.0.borrow_mut().observer.get_or_insert(observer);
    }

    /// Whether both are handles of the same server.
    pub(super) fn is(&self, other: &Node) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// The number of the primary that it holds itself to follow.
    pub(super) fn primary(&self) -> Option<usize> {
        self.0.borrow().membership.as_ref()?.myself().primary
    }

    /// Passes changes on to the replicas.
    pub(super) fn replicate(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let State { links, offset, .. } = &mut *self.0.borrow_mut();
        *offset += changes.len() as u64;
        links.iter_mut().for_each(|link| link.push(changes, *offset));
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("id", &self.id()).field("keys", &self.len()).finish()
    }
}

impl State {
    /// Connections open now.
    pub(super) fn connections(&self) -> usize {
        Rc::strong_count(&self.presence) - 1
    }

    /// Its number in its cluster; 0 if it is in none.
    pub(super) fn number(&self) -> usize {
        self.membership.as_ref().map_or(0, |own| own.me)
    }

    /// Whether it follows a primary, as far as it knows.
    pub(super) fn is_replica(&self) -> bool {
        self.membership.as_ref().is_some_and(Membership::is_replica)
    }

    fn execute(
        &mut self,
        connection: &mut Connection,
        args: Args<'_>,
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Vec<Change> {
        let now = self.clock.unix_ms(now);
        let mut changes = self.sweep(now);
        let start = out.len();
        match self.run(connection, args, now, out) {
            Ok(own) => changes.extend(own),
            Err(error) => {
                out.truncate(start);
                Writer::new(out, connection.protocol).error(error.text());
            }
        }
        changes
    }

    /// Removes some of what has expired. A replica waits for its primary to say so.
    fn sweep(&mut self, now: i64) -> Vec<Change> {
        if self.is_replica() {
            return Vec::new();
        }
        self.store.sweep(now, SWEEP_KEYS_MAX).into_iter().map(Change::Remove).collect()
    }

    /// Runs a command, or puts it off until `EXEC`.
    fn run(
        &mut self,
        connection: &mut Connection,
        args: Args<'_>,
        now: i64,
        out: &mut Vec<u8>,
    ) -> Result<Vec<Change>, Error> {
        let asking = std::mem::take(&mut connection.asking);
        let outcome = match self.accept(connection, args, now, asking) {
            Err(error) => Err(connection.spoil_transaction(args, error)),
            Ok(row) if connection.queues(row) => {
                connection.queue(row, args);
                Writer::new(out, connection.protocol).simple("QUEUED");
                Ok(Vec::new())
            }
            Ok(Row { run: Run::Exec, .. }) => self.exec(connection, now, asking, out),
            Ok(row) => self.run_or_wait(row, connection, (args, now, asking), out),
        };
        // It holds for the whole transaction.
        connection.asking |= asking && connection.transaction.is_some();
        outcome
    }

    /// The row of a command that this node may execute now.
    fn accept(
        &mut self,
        connection: &Connection,
        args: Args<'_>,
        now: i64,
        asking: bool,
    ) -> Result<&'static Row, Error> {
        let row = command::find(args)?;
        if self.password.is_some() && !connection.authenticated && !row.before_auth {
            return Err(Error::NO_AUTH);
        }
        self.admit(row, args, now, (asking, connection.readonly))?;
        connection.check_place(row)?;
        Ok(row)
    }

    /// Runs a command, at this time in Unix milliseconds.
    pub(super) fn call(
        &mut self,
        row: &Row,
        connection: &mut Connection,
        (args, now): (Args<'_>, i64),
        out: &mut Vec<u8>,
    ) -> Result<Vec<Change>, Error> {
        match row.run {
            Run::Data(_) => self.run_data(row, connection.protocol, (args, now), out),
            Run::Server(run) => {
                run(&mut ServerCall { state: self, connection, now, reply: out }, args)?;
                Ok(Vec::new())
            }
            Run::Exec | Run::Family(_) => Err(Error::arity(row.name)),
        }
    }

    /// Runs a command on the keyspace alone.
    pub(super) fn run_data(
        &mut self,
        row: &Row,
        protocol: Protocol,
        (args, now): (Args<'_>, i64),
        out: &mut Vec<u8>,
    ) -> Result<Vec<Change>, Error> {
        let Run::Data(run) = row.run else { return Err(Error::arity(row.name)) };
        let watched = self.watches.before(row, args, &self.store);
        let start = out.len();
        let writer = Writer::new(out, protocol);
        let drawn_from = self.rng.clone();
        let db = Db { store: &mut self.store, now };
        run(&mut Call { db, rng: &mut self.rng, out: writer }, args)?;
        watched.spoil_what_changed(&self.store, row.name, &out[start..]);
        let replicated = row.access == Access::Write && !self.links.is_empty();
        let change = replicated.then(|| Change::command(run, args, now, drawn_from));
        Ok(change.into_iter().collect())
    }

    /// Whether this node may execute the command, given `ASKING` and `READONLY`; the redirect or
    /// refusal if not.
    fn admit(
        &mut self,
        row: &Row,
        args: Args<'_>,
        now: i64,
        (asking, readonly): (bool, bool),
    ) -> Result<(), Error> {
        let writes = row.access == Access::Write;
        if let Some(membership) = &self.membership {
            let db = Db { store: &mut self.store, now };
            let keys = row.keys.of(args);
            let has_data = !row.is_of_channels();
            membership.check(&Request { keys: &keys, has_data, writes, asking, readonly }, &db)?;
        }
        if writes && self.is_replica() {
            return Err(Error::READ_ONLY);
        }
        self.refusal(row, args).map_or(Ok(()), Err)
    }

    /// How it refuses a command because of what is wrong with it.
    pub(super) fn refusal(&mut self, row: &Row, args: Args<'_>) -> Option<Error> {
        let refusal = self.fault?.refusal(row, &row.keys.of(args), self.refusals)?;
        self.refusals += 1;
        Some(refusal)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::rig::Rig;
    use super::*;

    #[test]
    fn an_observer_sees_every_command_and_its_reply() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let mut rig = Rig::new();
        let node = rig.node.clone();
        rig.node.observe(Box::new(move |execution| {
            assert_eq!(execution.node, node.id(), "the node can be looked at meanwhile");
            log.borrow_mut().push(format!(
                "{} {} {}",
                execution.connection,
                execution.args[0].escape_ascii(),
                execution.reply.escape_ascii()
            ));
        }));
        rig.story(&[("SET k v", "+OK"), ("FOO", UNKNOWN), ("GET k", "$1 v")]);
        assert_eq!(
            *seen.borrow(),
            [
                r"1 SET +OK\r\n",
                r"1 FOO -ERR unknown command \'FOO\', with args beginning with: \r\n",
                r"1 GET $1\r\nv\r\n",
            ]
        );
    }

    const UNKNOWN: &str = "-ERR unknown command 'FOO', with args beginning with:";

    #[test]
    fn time_goes_on_where_it_stood_when_the_clock_is_set_again() {
        let mut rig = Rig::new();
        rig.node.set_clock(rig.now, Duration::from_secs(1000));
        rig.story(&[("SET k v EX 10", "+OK"), ("EXPIRETIME k", ":1010")]);
        rig.pass(Duration::from_secs(3600));
        rig.node.set_clock(rig.now, Duration::from_secs(1009));
        rig.story(&[("TTL k", ":1")]);
    }

    #[test]
    fn what_has_expired_is_swept_a_little_at_a_time() {
        let mut rig = Rig::new();
        for number in 0..20 {
            rig.run(&format!("SET k{number} v PX 1"));
        }
        rig.pass(Duration::from_millis(1));
        rig.story(&[("DBSIZE", ":4"), ("DBSIZE", ":0")]);
    }

    #[test]
    fn data_outlives_connections_until_it_is_cleared() {
        let mut rig = Rig::new();
        rig.run("SET k v");
        let mut next = Rig::of(rig.node.clone());
        drop(rig);
        next.story(&[("GET k", "$1 v")]);
        next.node.clear();
        next.story(&[("GET k", "$-1")]);
    }
}
