//! Connections that are lent to one client at a time, of a worker's view of one upstream.
//!
//! ```text
//! Pool::lend --one that is idle, or a new one--> Lease --drop--> idle, or closed if there are many
//!     |                                            '--close--> closed, whatever is owed on it
//!     '--leases_max are lent--> Wait: who asked hears `ToClient::Lease` when it is his, in order
//! ```
//!
//! A lease is a connection for one life: when it breaks its task ends, so a client finds out that
//! it is gone and never has another in its place without knowing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use crate::proto::cluster::Node;
use crate::proto::command::Choice;
use crate::proto::pipeline::Request;
use crate::proto::session::Lane;
use crate::queue::Sender;
use crate::reply_to::{ReplyTo, ToClient, ToUpstream};
use crate::stats::OwnUpstream;

/// Where a connection leads to, and how it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) node: Node,
    pub(crate) choice: Choice,
}

impl From<Lane> for Key {
    fn from(lane: Lane) -> Key {
        Key { node: lane.node, choice: lane.choice }
    }
}

/// A connection: its queue, and the number that its node has for it, once it has said so.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) requests: Sender<ToUpstream>,
    pub(crate) number: Rc<Cell<Option<u64>>>,
}

/// The connections that there are to lend.
pub(crate) struct Leases {
    /// Connections, lent and idle.
    max: usize,
    count: OwnUpstream,
    /// Those that are lent.
    lent: Vec<(Key, Line)>,
    /// Those that are not; the last one was given back last.
    idle: Vec<(Key, Line)>,
    /// Who waits for one to be given back, by number; the first has waited longest.
    waiting: VecDeque<(u64, Sender<ToClient>)>,
    /// The number of who waits next.
    next: u64,
    /// How many were called and have not come yet: a connection is kept for each.
    called: usize,
    /// Another configuration is in force.
    is_replaced: bool,
}

/// A connection on loan.
pub(crate) struct Lease {
    key: Key,
    line: Line,
    home: Rc<RefCell<Leases>>,
    is_closed: bool,
}

/// A client's place among those that wait; it is free again when this is dropped.
pub(crate) struct Wait {
    number: u64,
    home: Rc<RefCell<Leases>>,
    /// Its client has come for a connection.
    is_taken: bool,
}

/// What there is for who asks for a connection.
pub(crate) enum Offer {
    /// One that is idle.
    Idle(Lease),
    /// A new one may be made.
    New,
    /// None, until one is given back.
    Wait(Wait),
}

impl Leases {
    /// At most `max` connections.
    pub(crate) fn new(max: usize, count: OwnUpstream) -> Leases {
        let (lent, idle, waiting) = (Vec::new(), Vec::new(), VecDeque::new());
        let is_replaced = false;
        Leases { max, count, lent, idle, waiting, next: 0, called: 0, is_replaced }
    }

    /// What there is for a client that asks for a connection to `key`. One that has not waited
    /// gets none while others wait.
    pub(crate) fn offer(
        home: &Rc<RefCell<Leases>>,
        key: Key,
        (wait, to): (Option<Wait>, &Sender<ToClient>),
    ) -> Offer {
        let is_called = wait.is_some();
        // What was kept for it is free, for it to take.
        if let Some(wait) = wait {
            wait.take();
        }
        let leases = &mut *home.borrow_mut();
        leases.idle.retain(|(_, line)| !line.requests.is_closed());
        let is_passed_over = !is_called && !leases.waiting.is_empty();
        if is_passed_over || leases.lent.len() + leases.called >= leases.max {
            leases.count.stats().lease_waits.add(1);
            let number = leases.next;
            leases.next += 1;
            leases.waiting.push_back((number, to.clone()));
            let home = Rc::clone(home);
            return Offer::Wait(Wait { number, home, is_taken: false });
        }
        let Some(found) = leases.idle.iter().rposition(|(own, _)| *own == key) else {
            if leases.lent.len() + leases.idle.len() >= leases.max {
                // Its task ends with its queue.
                leases.idle.remove(0);
            }
            return Offer::New;
        };
        let (_, line) = leases.idle.remove(found);
        leases.count.stats().leases_reused.add(1);
        Offer::Idle(leases.lend(key, line, Rc::clone(home)))
    }

    /// Lends a connection that was made for that.
    pub(crate) fn lend_new(home: &Rc<RefCell<Leases>>, key: Key, line: Line) -> Lease {
        home.borrow_mut().lend(key, line, Rc::clone(home))
    }

    fn lend(&mut self, key: Key, line: Line, home: Rc<RefCell<Leases>>) -> Lease {
        self.lent.push((key, line.clone()));
        self.count.stats().leases.add(1);
        Lease { key, line, home, is_closed: false }
    }

    /// Lets go of the connections to `nodes`: each finishes what it has begun, then closes.
    pub(crate) fn retire(&mut self, nodes: &[Node]) {
        self.idle.retain(|(key, _)| !nodes.contains(&key.node));
        for (_, line) in self.lent.iter().filter(|(key, _)| nodes.contains(&key.node)) {
            line.requests.send(ToUpstream::Retire);
        }
    }

    /// Another pool is in force: nothing more is lent to be kept, and what is lent ends by `until`.
    pub(crate) fn replace(&mut self, until: Instant) {
        self.is_replaced = true;
        self.idle.clear();
        for (_, line) in &self.lent {
            line.requests.send(ToUpstream::Replace(until));
        }
    }

    /// Tells those who wait first that there are connections for them.
    fn call(&mut self) {
        while self.lent.len() + self.called < self.max {
            let Some((_, client)) = self.waiting.pop_front() else { return };
            self.called += 1;
            client.send(ToClient::Lease);
        }
    }

    fn take_back(&mut self, key: Key, line: &Line, is_kept: bool) {
        self.lent.retain(|(_, own)| !own.requests.is_same(&line.requests));
        self.count.stats().leases.sub(1);
        if is_kept && !self.is_replaced {
            self.idle.push((key, line.clone()));
        }
        self.call();
    }
}

impl Lease {
    /// Where it leads to.
    pub(crate) fn key(&self) -> Key {
        self.key
    }

    /// The number that its node has for it, once it has said so.
    pub(crate) fn number(&self) -> Option<u64> {
        self.line.number.get()
    }

    /// Whether it leads there, and is of use.
    pub(crate) fn is_at(&self, key: Key) -> bool {
        self.key == key && self.is_alive()
    }

    /// Whether the connection is the one it was.
    pub(crate) fn is_alive(&self) -> bool {
        !self.line.requests.is_closed()
    }

    /// Sends on it.
    pub(crate) fn send(&self, request: Request<ReplyTo>) {
        self.line.requests.send(ToUpstream::Request(request));
    }

    /// Closes it, whatever is owed: the server sees that its client has gone.
    pub(crate) fn close(mut self) {
        self.line.requests.send(ToUpstream::Close);
        self.is_closed = true;
    }
}

impl Wait {
    /// Takes the place of who was called, whose connection is free then for him alone.
    fn take(mut self) {
        self.leave();
        self.is_taken = true;
    }

    fn leave(&self) {
        let mut home = self.home.borrow_mut();
        let before = home.waiting.len();
        home.waiting.retain(|(number, _)| *number != self.number);
        home.called -= usize::from(home.waiting.len() == before);
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if !self.is_taken {
            self.leave();
            self.home.borrow_mut().call();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let is_kept = !self.is_closed && self.is_alive();
        self.home.borrow_mut().take_back(self.key, &self.line, is_kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::now;
    use crate::proto::cluster::{Address, Router};
    use crate::queue::{Receiver, queue};
    use crate::stats::{Own, Stats};

    /// Leases, the tasks of their connections, and a client.
    struct Rig {
        home: Rc<RefCell<Leases>>,
        keys: [Key; 3],
        tasks: Vec<Receiver<ToUpstream>>,
    }

    /// One that asks, and what it hears.
    struct Asker(Sender<ToClient>, Receiver<ToClient>);

    impl Asker {
        fn new() -> Asker {
            let (to, heard) = queue();
            Asker(to, heard)
        }

        /// Whether it was called since it was asked last.
        fn is_called(&mut self) -> bool {
            let heard = self.1.take();
            assert!(matches!(heard, None | Some(ToClient::Lease)));
            heard.is_some()
        }
    }

    impl Rig {
        fn new(max: usize) -> Rig {
            let own = Rc::new(Own::new(Stats::new(1, ["main"]), 0).unwrap());
            let leases = Leases::new(max, own.upstream(0).unwrap());
            let mut router = Router::cluster(3);
            let keys = [1, 2, 3].map(|port| {
                let node = router.learn(Address::new("h", port).unwrap(), now()).unwrap();
                Key { node, choice: Choice::default() }
            });
            Rig { home: Rc::new(RefCell::new(leases)), keys, tasks: Vec::new() }
        }

        fn ask(&mut self, node: usize, asker: &Asker, wait: Option<Wait>) -> Result<Lease, Wait> {
            let key = self.keys[node];
            match Leases::offer(&self.home, key, (wait, &asker.0)) {
                Offer::Idle(lease) => Ok(lease),
                Offer::Wait(wait) => Err(wait),
                Offer::New => {
                    let (requests, task) = queue();
                    self.tasks.push(task);
                    Ok(Leases::lend_new(&self.home, key, Line { requests, number: Rc::default() }))
                }
            }
        }

        fn lent(&mut self, node: usize) -> Lease {
            self.ask(node, &Asker::new(), None).ok().expect("there is one")
        }

        fn wait(&mut self, asker: &Asker) -> Wait {
            self.ask(0, asker, None).err().expect("there is none")
        }
    }

    #[test]
    fn what_is_given_back_is_lent_again_for_the_same_node() {
        let mut rig = Rig::new(2);
        drop(rig.lent(0));
        drop(rig.lent(0));
        assert_eq!(rig.tasks.len(), 1);
        drop(rig.lent(1));
        let both = [rig.lent(1), rig.lent(0)];
        assert_eq!(rig.tasks.len(), 2);
        drop(both);
        let third = rig.lent(2);
        assert_eq!(rig.tasks.len(), 3);
        assert_eq!(rig.home.borrow().idle.len(), 1, "an idle one made room for it");
        third.close();
        assert!(rig.home.borrow().idle.iter().all(|(own, _)| *own != rig.keys[2]));
    }

    #[test]
    fn those_who_wait_are_called_in_order_and_no_newcomer_overtakes_them() {
        let mut rig = Rig::new(1);
        let lease = rig.lent(0);
        let (mut first, mut second, mut late) = (Asker::new(), Asker::new(), Asker::new());
        let waits = [rig.wait(&first), rig.wait(&second)];
        drop(lease);
        assert!(first.is_called() && !second.is_called());
        let newcomer = rig.wait(&late);
        let [one, two] = waits;
        let lease = rig.ask(0, &first, Some(one)).ok().expect("what was kept for it");
        drop(lease);
        assert!(second.is_called() && !late.is_called());
        drop(rig.ask(0, &second, Some(two)).ok().expect("what was kept for it"));
        assert!(late.is_called());
        drop(rig.ask(0, &late, Some(newcomer)));
        assert_eq!(rig.tasks.len(), 1);
    }

    #[test]
    fn who_leaves_passes_its_call_on_and_who_was_not_called_is_forgotten() {
        let mut rig = Rig::new(1);
        let lease = rig.lent(0);
        let (mut called, mut gone, mut next) = (Asker::new(), Asker::new(), Asker::new());
        let waits = [rig.wait(&called), rig.wait(&gone), rig.wait(&next)];
        let [first, second, third] = waits;
        drop(second);
        drop(lease);
        assert!(called.is_called() && !next.is_called());
        drop(first);
        assert!(next.is_called() && !gone.is_called());
        drop(third);
        assert_eq!(rig.home.borrow().called, 0);
        drop(rig.lent(0));
    }

    #[test]
    fn a_connection_that_broke_or_is_closed_calls_the_next_too() {
        let mut rig = Rig::new(2);
        let (closed, broken) = (rig.lent(0), rig.lent(0));
        let (mut first, mut second) = (Asker::new(), Asker::new());
        let waits = [rig.wait(&first), rig.wait(&second)];
        closed.close();
        assert!(first.is_called() && !second.is_called());
        rig.tasks.pop();
        assert!(!broken.is_alive() && !broken.is_at(rig.keys[0]));
        drop(broken);
        assert!(second.is_called());
        assert!(rig.home.borrow().idle.is_empty());
        drop(waits);
    }

    #[test]
    fn once_replaced_nothing_is_kept() {
        let mut rig = Rig::new(1);
        let lease = rig.lent(0);
        rig.home.borrow_mut().replace(now());
        assert!(matches!(rig.tasks[0].take(), Some(ToUpstream::Replace(_))));
        drop(lease);
        assert!(rig.home.borrow().idle.is_empty());
    }
}
