//! Commands that wait: a client's connection executes nothing else until there is something.
//!
//! ```text
//! BLPOP --nothing there--> Waiting: the connection's own; the node knows of it, in its turn
//!    any command's end, or a look of its own --> what is there goes to who has waited longest,
//!        or the slot is served elsewhere, or the time is up: an answer, which wakes its connection
//! gone without one --> the connection is no more, and its place in the queue means nothing
//! ```

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::args::until;
use super::command::{Args, Keys, Row, Waits};
use super::connection::Connection;
use super::error::Error;
use super::execution::Execution;
use super::node::{Node, State};
use super::replicas::{self, Enough};
use super::replication::Change;
use super::store::{Db, List};
use crate::proto::resp::{Protocol, Writer};

/// What a client is told that waits at a node that is no primary any more.
const DEMOTED: Error = Error::new(
    "UNBLOCKED force unblock from blocking operation, instance state changed \
     (master -> replica?)",
);

/// What a client is told that another one has woken.
const UNBLOCKED: Error = Error::new("UNBLOCKED client unblocked via CLIENT UNBLOCK");

/// A command that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    row: &'static Row,
    args: Vec<Vec<u8>>,
    /// The client's connection, its peer and its protocol.
    connection: u64,
    peer: String,
    protocol: Protocol,
    asking: bool,
    /// Unix milliseconds; `None` if it waits for ever.
    until: Option<i64>,
    /// It waits for replicas, and for no element.
    enough: Option<Enough>,
    /// It is to wait no longer.
    dismissed: Cell<Option<Dismissal>>,
    answer: RefCell<Option<Vec<u8>>>,
    woken: Notify,
}

/// How one that waits is to wait no longer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dismissal {
    TimeUp,
    Error,
}

/// All that wait at a node: who has waited longest comes first.
#[derive(Debug, Default)]
pub(super) struct Waiters(Vec<Weak<Waiting>>);

/// What became of one that waits, and what that changed.
type Answered = (Rc<Waiting>, Vec<u8>, Vec<Change>);

impl Waiting {
    /// Comes back when there may be an answer.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    fn words(&self) -> Vec<&[u8]> {
        self.args.iter().map(Vec::as_slice).collect()
    }

    /// The command, which has these words, as it is to be run now: with the one key that has
    /// something. `None` if none has.
    fn ready<'a>(&self, args: Args<'a>, db: &Db<'_>) -> Option<Vec<&'a [u8]>> {
        let keys = self.row.keys.of(args);
        let is_there = |key: &&&[u8]| matches!(db.read::<List>(key), Ok(Some(_)));
        match self.row.keys {
            Keys::Counted { count } => {
                let key = *keys.iter().find(is_there)?;
                let rest = &args[count + 1 + keys.len()..];
                Some([&args[..count], &[b"1", key], rest].concat())
            }
            Keys::Range { last, .. } if last < 0 => {
                let key = *keys.iter().find(is_there)?;
                Some(vec![args[0], key, args[args.len() - 1]])
            }
            // The other key is where the element goes.
            Keys::Range { .. } => keys.first().filter(is_there).map(|_| args.to_vec()),
            Keys::None | Keys::StoreCounted => None,
        }
    }
}

impl Waiters {
    /// Has all of them look whether something has come about.
    pub(super) fn wake(&self) {
        self.0.iter().filter_map(Weak::upgrade).for_each(|waiting| waiting.woken.notify_one());
    }

    /// Has the one on this connection wait no longer; false if there is none.
    pub(super) fn dismiss(&self, connection: u64, how: Dismissal) -> bool {
        let mut waiting = self.0.iter().filter_map(Weak::upgrade);
        let found = waiting.find(|waiting| waiting.connection == connection);
        // What is answered is there until its client has heard of it.
        let found = found.filter(|waiting| waiting.answer.borrow().is_none());
        found.iter().for_each(|waiting| waiting.dismissed.set(Some(how)));
        found.is_some()
    }
}

impl Connection {
    /// Whether the command that came last waits: it has no reply yet, and nothing else is to be
    /// executed until [`Node::resume`] has given one.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}

impl Node {
    /// Appends the reply to the command that waits on a connection, if there is one by now.
    pub fn resume(&self, connection: &mut Connection, now: Instant, out: &mut Vec<u8>) {
        self.settle(now);
        let answer = connection.waiting.as_ref().and_then(|own| own.answer.take());
        if let Some(answer) = answer {
            connection.waiting = None;
            out.extend(answer);
        }
    }

    /// How long the command that waits on a connection still does; `None` if it is for ever.
    pub(super) fn time_left(&self, waiting: &Waiting, now: Instant) -> Option<Duration> {
        let left = waiting.until? - self.0.borrow().clock.unix_ms(now);
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }

    /// Answers those who wait, as far as there is something for them.
    pub(super) fn settle(&self, now: Instant) {
        loop {
            let answered = self.0.borrow_mut().answer_next(now);
            let Some((waiting, reply, changes)) = answered else { return };
            self.replicate(&changes);
            let (offset, replicas) = self.progress();
            self.show(&Execution {
                offset,
                replicas: &replicas,
                node: &self.id(),
                connection: waiting.connection,
                peer: &waiting.peer,
                args: &waiting.words(),
                asking: waiting.asking,
                is_queued: false,
                reply: &reply,
                now,
            });
            *waiting.answer.borrow_mut() = Some(reply);
            waiting.woken.notify_one();
        }
    }
}

impl State {
    /// Runs a command; if there is nothing for it, its connection waits.
    pub(super) fn run_or_wait(
        &mut self,
        row: &'static Row,
        connection: &mut Connection,
        (args, now, asking): (Args<'_>, i64, bool),
        out: &mut Vec<u8>,
    ) -> Result<Vec<Change>, Error> {
        let start = out.len();
        if row.waits == Waits::Replicas {
            self.call(row, connection, (args, now), out)?;
            let enough = Enough::read(args, connection.written)?;
            if !enough.is_reached(self) {
                out.truncate(start);
                let until = replicas::until(args, now)?;
                self.wait(row, connection, (args, until, asking), Some(enough));
            }
            return Ok(Vec::new());
        }
        let changes = self.call(row, connection, (args, now), out)?;
        let is_null = matches!(&out[start..], b"*-1\r\n" | b"$-1\r\n" | b"_\r\n");
        if row.waits == Waits::Never || !is_null {
            return Ok(changes);
        }
        out.truncate(start);
        let time = if row.waits == Waits::First { 1 } else { args.len() - 1 };
        self.wait(row, connection, (args, until(args[time], now)?, asking), None);
        Ok(Vec::new())
    }

    /// Has a connection wait.
    fn wait(
        &mut self,
        row: &'static Row,
        connection: &mut Connection,
        (args, until, asking): (Args<'_>, Option<i64>, bool),
        enough: Option<Enough>,
    ) {
        let waiting = Rc::new(Waiting {
            row,
            args: args.iter().map(|arg| arg.to_vec()).collect(),
            connection: connection.id(),
            peer: connection.peer().to_owned(),
            protocol: connection.protocol,
            asking,
            until,
            enough,
            dismissed: Cell::default(),
            answer: RefCell::default(),
            woken: Notify::new(),
        });
        self.waiters.0.push(Rc::downgrade(&waiting));
        connection.waiting = Some(waiting);
    }

    /// Answers the first of those who wait for whom there is an answer; what it changed.
    fn answer_next(&mut self, now: Instant) -> Option<Answered> {
        self.waiters.0.retain(|waiting| waiting.strong_count() > 0);
        if self.waiters.0.is_empty() {
            return None;
        }
        let now = self.clock.unix_ms(now);
        for place in 0..self.waiters.0.len() {
            let Some(waiting) = self.waiters.0[place].upgrade() else { continue };
            let mut reply = Vec::new();
            let Some(changes) = self.try_answer(&waiting, now, &mut reply) else { continue };
            self.waiters.0.remove(place);
            return Some((waiting, reply, changes));
        }
        None
    }

    /// The answer to one that waits, if there is one; what it changed.
    fn try_answer(
        &mut self,
        waiting: &Waiting,
        now: i64,
        reply: &mut Vec<u8>,
    ) -> Option<Vec<Change>> {
        let protocol = waiting.protocol;
        let is_late = waiting.until.is_some_and(|until| until <= now)
            || matches!(waiting.dismissed.get(), Some(Dismissal::TimeUp));
        let outcome = match (self.dismissal(waiting), waiting.enough) {
            (Some(error), _) => Err(error),
            (None, Some(enough)) if is_late || enough.is_reached(self) => {
                Writer::new(reply, protocol).integer(enough.replicas(self));
                Ok(Vec::new())
            }
            (None, Some(_)) => return None,
            (None, None) => {
                let words = waiting.words();
                let db = Db { store: &mut self.store, now };
                match waiting.ready(&words, &db) {
                    Some(words) => self.run_data(waiting.row, protocol, (&words, now), reply),
                    None if is_late => {
                        Writer::new(reply, protocol).null_array();
                        Ok(Vec::new())
                    }
                    None => return None,
                }
            }
        };
        Some(outcome.unwrap_or_else(|error| {
            reply.clear();
            Writer::new(reply, protocol).error(error.text());
            Vec::new()
        }))
    }

    /// Why one may wait here no longer.
    fn dismissal(&self, waiting: &Waiting) -> Option<Error> {
        if let Some(Dismissal::Error) = waiting.dismissed.get() {
            return Some(UNBLOCKED);
        }
        let membership = self.membership.as_ref()?;
        if membership.is_replica() {
            return Some(DEMOTED);
        }
        membership.dismissal(waiting.row.keys.of(&waiting.words()).first()?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::cluster::Cluster;
    use super::super::rig::Rig;
    use super::*;
    use crate::proto::cluster::{Address, Slot};

    /// Clients of a node.
    fn clients<const N: usize>(node: &Node) -> [Rig; N] {
        std::array::from_fn(|_| Rig::of(node.clone()))
    }

    #[test]
    fn who_has_waited_longest_is_served_first() {
        let [mut first, mut second, mut third, mut other] = clients(&Node::standalone());
        first.story(&[("BLPOP a l 0", "")]);
        second.story(&[("BRPOP l 0", "")]);
        third.story(&[("BLMPOP 0 2 a l LEFT COUNT 9", "")]);
        other.story(&[("RPUSH l 1 2 3 4", ":4"), ("EXISTS l", ":0")]);
        assert_eq!(first.resume(), "*2 $1 l $1 1");
        assert_eq!(second.resume(), "*2 $1 l $1 4");
        assert_eq!(third.resume(), "*2 $1 l *2 $1 2 $1 3");
    }

    #[test]
    fn an_element_goes_through_the_lists_that_others_wait_for() {
        let [mut first, mut second, mut other] = clients(&Node::standalone());
        first.story(&[("BLPOP m 0", "")]);
        second.story(&[("BLMOVE l m LEFT RIGHT 0", "")]);
        other.story(&[("MULTI", "+OK"), ("LPUSH l 1", "+QUEUED"), ("LPUSH l 2", "+QUEUED")]);
        other.story(&[("LPOP l", "+QUEUED"), ("EXEC", "*3 :1 :2 $1 2")]);
        assert_eq!((first.resume().as_str(), second.resume().as_str()), ("*2 $1 m $1 1", "$1 1"));
        other.story(&[("DBSIZE", ":0")]);
    }

    #[test]
    fn the_time_is_up_when_it_is() {
        let mut rig = Rig::resp3();
        rig.story(&[("BLPOP l 0.0201", "")]);
        rig.pass(Duration::from_millis(20));
        assert_eq!(rig.resume(), "");
        rig.pass(Duration::from_millis(1));
        assert_eq!(rig.resume(), "_");
        rig.story(&[("RPUSH l a", ":1"), ("BLPOP l 1", "*2 $1 l $1 a"), ("BLPOP l 0", "")]);
        rig.pass(Duration::from_hours(1_000_000));
        assert_eq!(rig.resume(), "");
    }

    #[test]
    fn who_goes_away_takes_nothing_along() {
        let [mut first, mut second, mut other] = clients(&Node::standalone());
        first.story(&[("BLPOP l 0", "")]);
        second.story(&[("BLPOP l 0", "")]);
        drop(first);
        other.story(&[("RPUSH l a b", ":2"), ("LLEN l", ":1")]);
        assert_eq!(second.resume(), "*2 $1 l $1 a");
    }

    #[test]
    fn what_is_no_list_is_not_waited_for_but_an_element_needs_one_to_go_to() {
        let [mut first, mut other] = clients(&Node::standalone());
        first.story(&[("BLPOP a b 0", "")]);
        other.story(&[("SET a v", "+OK"), ("RPUSH b 1", ":1")]);
        assert_eq!(first.resume(), "*2 $1 b $1 1");
        first.story(&[("BLMOVE b a LEFT RIGHT 0", "")]);
        other.story(&[("RPUSH b 1", ":1"), ("LLEN b", ":1")]);
        assert!(first.resume().starts_with("-WRONGTYPE "));
    }

    #[test]
    fn an_observer_sees_what_waits_once_when_it_is_answered() {
        let [mut first, mut other] = clients(&Node::standalone());
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        first.node.observe(Box::new(move |execution| {
            let name = execution.args[0].escape_ascii();
            let reply = execution.reply.escape_ascii();
            log.borrow_mut().push(format!("{} {name} {reply}", execution.connection));
        }));
        first.story(&[("BLPOP l 0", "")]);
        other.run("RPUSH l a");
        first.resume();
        let pop = r"1 BLPOP *2\r\n$1\r\nl\r\n$1\r\na\r\n";
        assert_eq!(*seen.borrow(), [r"2 RPUSH :1\r\n", pop]);
    }

    fn cluster() -> Cluster {
        let address = |number| Address::new(&format!("node-{number}"), 7000).expect("an address");
        Cluster::new(&[address(0), address(1)], &[(address(2), 0)])
    }

    #[test]
    fn who_waits_where_the_slot_has_left_is_sent_after_it() {
        let cluster = cluster();
        let (mut here, mut there) = (Rig::of(cluster.node(0)), Rig::of(cluster.node(1)));
        let slot = Slot::of(b"b");
        here.story(&[("BLPOP b 0", "")]);
        cluster.begin_migration(slot, 0, 1);
        assert_eq!(here.resume(), "");
        there.story(&[("ASKING", "+OK"), ("BLPOP b 0", "")]);
        assert_eq!(there.resume(), "");
        cluster.finish_migration(slot);
        assert_eq!(here.resume(), "-MOVED 3300 node-1:7000");
        let mut other = Rig::of(cluster.node(1));
        other.story(&[("RPUSH b 1", ":1")]);
        assert_eq!(there.resume(), "*2 $1 b $1 1");
        cluster.assign(slot, None);
        other.story(&[("RPUSH b 1", "-CLUSTERDOWN Hash slot not served")]);
    }

    #[test]
    fn a_key_that_moves_in_is_one_to_take_from() {
        let cluster = cluster();
        let (mut here, mut there) = (Rig::of(cluster.node(0)), Rig::of(cluster.node(1)));
        cluster.begin_migration(Slot::of(b"b"), 0, 1);
        there.story(&[("ASKING", "+OK"), ("BLPOP b 0", "")]);
        here.node.clone().0.borrow_mut().store.put(b"b", list_of(b"1"));
        cluster.move_keys(Slot::of(b"b"), 1);
        assert_eq!(there.resume(), "*2 $1 b $1 1");
        assert!(here.run("GET b").starts_with("-ASK "));
    }

    #[test]
    fn who_waits_at_a_primary_that_is_demoted_is_let_go() {
        let cluster = cluster();
        let [mut first, mut other] = clients(&cluster.node(0));
        first.story(&[("BLPOP b 0", "")]);
        cluster.promote(2);
        assert!(first.resume().starts_with("-UNBLOCKED force unblock from blocking operation, "));
        assert!(other.run("BLPOP b 0").starts_with("-MOVED "));
    }

    #[test]
    fn replicas_hear_of_what_was_taken_in_the_end() {
        let cluster = cluster();
        let [mut first, mut other] = clients(&cluster.node(0));
        first.story(&[("BLPOP b 0", "")]);
        other.story(&[("RPUSH b 1 2", ":2")]);
        let mut replica = Rig::of(cluster.node(2));
        replica.story(&[("READONLY", "+OK"), ("LRANGE b 0 -1", "*1 $1 2")]);
    }

    fn list_of(element: &[u8]) -> super::super::store::Entry {
        let value = super::super::store::Value::List([element.to_vec()].into());
        super::super::store::Entry { value, expires: None }
    }
}
