//! A worker's connections to the nodes of one upstream.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::config;
use crate::lease::{Lease, Leases, Line, Offer, Wait};
use crate::limits::{DATABASE_IDLE_MS, DATABASES_MAX, LEASE_IDLE_S};
use crate::memory::Memory;
use crate::mutant::planted;
use crate::net::Net;
use crate::proto::cluster::{Address, Node, Router};
use crate::proto::command::Choice;
use crate::proto::handshake::Greeting;
use crate::proto::pipeline::{Flush, Options, Request};
use crate::proto::reply::{Cause, Failure, Reply};
use crate::proto::resp::Protocol;
use crate::proto::session::Lane;
use crate::queue::{Sender, queue};
use crate::reply_to::{ReplyTo, ToClient, ToUpstream};
use crate::stats::OwnUpstream;
use crate::upstream::{self, Means, Settings, Throttle, Throttles};

/// The queue of one connection's task.
type Requests = Sender<ToUpstream>;

/// The protocols that connections speak.
const PROTOCOLS: [Protocol; 2] = [Protocol::Resp2, Protocol::Resp3];

/// Connections by node, database, protocol and number, each created on first use, or ahead.
///
/// That is what a connection's key consists of: role and credentials are the same for all
/// connections of a pool. A lane is a node and what clients choose; a client keeps to the
/// connection of one number, so it reads what it wrote. The connections to databases that only
/// clients chose are not made ahead, and do not stay.
///
/// ```text
/// places of a node:  | RESP2 RESP3 | RESP2 RESP3 | ...   the database of the configuration
///                    | RESP2 RESP3 | ...                 database 0, 1, ..., while somebody is there
/// ```
pub(crate) struct Pool<N> {
    net: N,
    count: OwnUpstream,
    memory: Rc<Memory>,
    make: Make,
    rng: StdRng,
    /// By the node's index.
    nodes: Vec<Option<NodeConnections>>,
    leases: Rc<RefCell<Leases>>,
    /// Once another configuration is in force: when its connections end at the latest.
    ends: Option<Instant>,
}

/// What all connections of a pool are made from.
struct Make {
    options: Options,
    settings: Settings,
    per_node: usize,
    throttles: Throttles,
}

/// The connections to one node.
struct NodeConnections {
    node: Node,
    throttle: Rc<RefCell<Throttle>>,
    /// By place.
    queues: Vec<Option<Requests>>,
}

impl<N: Net> Pool<N> {
    /// A pool without connections. A node that leaves has `drain_timeout` to finish; pauses between
    /// attempts to connect are drawn from `seed`.
    pub(crate) fn new(
        net: N,
        upstream: &config::Upstream,
        drain_timeout: Duration,
        seed: u64,
        (count, memory): (OwnUpstream, Rc<Memory>),
    ) -> Pool<N> {
        let connections = &upstream.connections;
        let settings = Settings {
            connect_timeout: upstream.timeouts.connect,
            idle_timeout: connections.idle_timeout,
            keepalive: connections.keepalive,
            drain_timeout,
            eager: connections.preconnect,
            is_single: false,
        };
        let make = Make {
            options: options(upstream),
            settings,
            per_node: connections.per_node.get(),
            throttles: Throttles::new(connections.rate_per_s),
        };
        let rng = StdRng::seed_from_u64(seed);
        let leases =
            Rc::new(RefCell::new(Leases::new(connections.leases_max.get(), count.clone())));
        Pool { net, count, memory, make, rng, nodes: Vec::new(), leases, ends: None }
    }

    /// What connections are made from that are none of the pool's.
    pub(crate) fn means(&mut self) -> Means<N> {
        Means {
            net: self.net.clone(),
            count: self.count.clone(),
            memory: Rc::clone(&self.memory),
            options: self.make.options.clone(),
            settings: self.make.settings,
            throttles: self.make.throttles.clone(),
            rng: StdRng::seed_from_u64(self.rng.random()),
        }
    }

    /// Hands a request to the connection of its lane that has the client's number; any number is
    /// one.
    pub(crate) fn send(
        &mut self,
        lane: Lane,
        client: u64,
        router: &Router,
        request: Request<ReplyTo>,
    ) {
        let client = if planted("client-not-kept-to-one") { self.rng.random() } else { client };
        let place = self.make.place(lane.choice, client);
        if let Some(requests) = self.queue(lane.node, place) {
            return requests.send(ToUpstream::Request(request));
        }
        self.open(lane.node, place, router);
        match self.queue(lane.node, place) {
            Some(requests) => requests.send(ToUpstream::Request(request)),
            // The router has forgotten the node since.
            None => request.reply_to.answer(Reply::Failure(Failure::unsent(Cause::Retired))),
        }
    }

    /// Lends a connection to a node, if there is one to lend; else a place among those that wait.
    ///
    /// # Errors
    /// The router has forgotten the node since.
    pub(crate) fn lend(
        &mut self,
        lane: Lane,
        asker: (Option<Wait>, &Sender<ToClient>),
        router: &Router,
    ) -> Result<Result<Lease, Wait>, Cause> {
        let key = lane.into();
        match Leases::offer(&self.leases, key, asker) {
            Offer::Idle(lease) => Ok(Ok(lease)),
            Offer::Wait(wait) => Ok(Err(wait)),
            Offer::New => {
                let address = router.address(lane.node).cloned().ok_or(Cause::Retired)?;
                let idle_timeout =
                    self.make.settings.idle_timeout.or(Some(Duration::from_secs(LEASE_IDLE_S)));
                let settings =
                    Settings { is_single: true, eager: false, idle_timeout, ..self.make.settings };
                let throttle = self.make.throttles.of(&address);
                let place = self.make.place(lane.choice, 0);
                let number = Rc::default();
                let requests =
                    self.connect(address, place, settings, (throttle, Rc::clone(&number)));
                Ok(Ok(Leases::lend_new(&self.leases, key, Line { requests, number })))
            }
        }
    }

    /// Connects to nodes before there is anything to send, if that is configured.
    pub(crate) fn preconnect(&mut self, nodes: &[Node], router: &Router) {
        if !self.make.settings.eager || self.is_replaced() {
            return;
        }
        for node in nodes {
            for place in 0..self.make.places() {
                if self.queue(*node, place).is_none() {
                    self.open(*node, place, router);
                }
            }
        }
    }

    /// Lets go of the connections to `nodes`: each finishes what it has begun, then closes. One
    /// that is given more before that goes on, so that a lane never has two connections at work.
    pub(crate) fn retire(&mut self, nodes: &[Node]) {
        let known = nodes.iter().filter_map(|node| self.known(*node));
        for requests in known.flat_map(|connections| connections.queues.iter().flatten()) {
            requests.send(ToUpstream::Retire);
        }
        self.leases.borrow_mut().retire(nodes);
    }

    /// Another pool is in force: the connections end once nothing is owed, and by `until`; so do
    /// those that are still opened for commands which were taken before.
    pub(crate) fn replace(&mut self, until: Instant) {
        self.ends = Some(until);
        for connections in self.nodes.iter().flatten() {
            for requests in connections.queues.iter().flatten() {
                requests.send(ToUpstream::Replace(until));
            }
        }
        self.leases.borrow_mut().replace(until);
    }

    /// Whether another pool is in force.
    pub(crate) fn is_replaced(&self) -> bool {
        self.ends.is_some()
    }

    fn known(&self, node: Node) -> Option<&NodeConnections> {
        let connections = self.nodes.get(node.index())?.as_ref()?;
        (connections.node == node).then_some(connections)
    }

    fn queue(&self, node: Node, place: usize) -> Option<&Requests> {
        self.known(node)?.queues.get(place)?.as_ref().filter(|requests| !requests.is_closed())
    }

    fn open(&mut self, node: Node, place: usize, router: &Router) {
        let Some(address) = router.address(node).cloned() else { return };
        if self.known(node).is_none() {
            let throttle = self.make.throttles.of(&address);
            if self.nodes.len() <= node.index() {
                self.nodes.resize_with(node.index() + 1, || None);
            }
            self.nodes[node.index()] = Some(NodeConnections { node, throttle, queues: Vec::new() });
        }
        let Some(connections) = &self.nodes[node.index()] else { return };
        let throttle = Rc::clone(&connections.throttle);
        let requests =
            self.connect(address, place, self.make.settings(place), (throttle, Rc::default()));
        if let Some(connections) = &mut self.nodes[node.index()] {
            if connections.queues.len() <= place {
                connections.queues.resize_with(place + 1, || None);
            }
            connections.queues[place] = Some(requests);
        }
    }

    /// Makes a connection's task.
    fn connect(
        &mut self,
        address: Address,
        place: usize,
        settings: Settings,
        (throttle, number): (Rc<RefCell<Throttle>>, Rc<Cell<Option<u64>>>),
    ) -> Requests {
        let (sender, requests) = queue();
        if let Some(until) = self.ends {
            sender.send(ToUpstream::Replace(until));
        }
        let mut options = self.make.options(place);
        if settings.is_single {
            // What waits for something to come is silent until then.
            options.stall_timeout = None;
            options.flush = None;
            options.greeting.asks_number = true;
        }
        let count = self.count.node(&address);
        let complaint = self.count.complaint(&address);
        let plan = upstream::Plan {
            address,
            options,
            settings,
            throttle,
            rng: StdRng::seed_from_u64(self.rng.random()),
            requests,
            number,
            share: self.memory.share(),
            complaint,
        };
        self.net.spawn(upstream::serve(self.net.clone(), plan, count));
        sender
    }
}

impl Make {
    /// How many places there are for connections to one database.
    fn places(&self) -> usize {
        PROTOCOLS.len() * self.per_node
    }

    /// Which connection a client takes that has chosen so.
    fn place(&self, choice: Choice, client: u64) -> usize {
        let number = client as usize % self.per_node;
        let home = self.options.greeting.database;
        let chosen = choice.database.filter(|database| *database != home);
        let floor = chosen.map_or(0, |database| 1 + database.min(DATABASES_MAX));
        let within = PROTOCOLS.len() * number + protocol_index(choice.protocol);
        self.places() * floor as usize + within
    }

    /// The database of a place that is not for that of the configuration.
    fn chosen(&self, place: usize) -> Option<u32> {
        u32::try_from((place / self.places()).checked_sub(1)?).ok()
    }

    fn options(&self, place: usize) -> Options {
        let mut options = self.options.clone();
        options.greeting.protocol = PROTOCOLS[place % PROTOCOLS.len()];
        if let Some(database) = self.chosen(place) {
            options.greeting.database = database;
        }
        options
    }

    fn settings(&self, place: usize) -> Settings {
        if self.chosen(place).is_none() {
            return self.settings;
        }
        let short = Duration::from_millis(DATABASE_IDLE_MS);
        let idle_timeout = self.settings.idle_timeout.map_or(short, |limit| limit.min(short));
        Settings { idle_timeout: Some(idle_timeout), eager: false, ..self.settings }
    }
}

fn protocol_index(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Resp2 => 0,
        Protocol::Resp3 => usize::from(!planted("protocols-share-connections")),
    }
}

fn options(upstream: &config::Upstream) -> Options {
    let connections = &upstream.connections;
    let credentials = connections.credentials.as_ref();
    Options {
        greeting: Greeting {
            username: credentials.and_then(|credentials| credentials.username.clone()),
            password: credentials.map(|credentials| credentials.password.reveal().to_owned()),
            client_name: connections.client_name.clone(),
            database: connections.database,
            ..Greeting::plain(Protocol::Resp2)
        },
        requests_max: connections.requests_max.get(),
        flush: connections
            .flush
            .map(|flush| Flush { bytes: flush.bytes.get(), timeout: flush.timeout }),
        stall_timeout: upstream.timeouts.stall,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::LocalSet;
    use tokio::time::timeout;

    use super::*;
    use crate::io::now;
    use crate::net::TokioNet;
    use crate::proto::pipeline::Form;
    use crate::proto::session::{Ticket, Way};
    use crate::stats::{CloseCause, DrainEnd, NodeStats, Own, Stats};

    const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
    const PATIENCE: Duration = Duration::from_secs(20);

    fn ping(client: &Sender<ToClient>) -> Request<ReplyTo> {
        let deadline = now() + PATIENCE;
        let reply_to = ReplyTo::new(client.clone(), Ticket::default());
        let since = deadline - PATIENCE;
        Request { frame: Bytes::from_static(PING), form: Form::Plain, since, deadline, reply_to }
    }

    #[tokio::test]
    async fn a_retired_connection_goes_on_if_it_is_given_more_and_closes_once_it_is_not() {
        let story = async {
            let listener = TokioNet.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
            let port = TokioNet.local_addr(&listener).unwrap().port();
            let mut router = Router::cluster(9);
            let node = router.learn(Address::new("127.0.0.1", port).unwrap(), now()).unwrap();
            let lane = Lane { node, choice: Choice::default(), way: Way::Shared };
            let stats = Stats::new(1, ["main"]);
            let own = Rc::new(Own::new(stats.clone(), 0).unwrap());
            let count = own.upstream(0).unwrap();
            let mut upstream = config::Upstream::new(config::Target::Cluster(Vec::new()));
            upstream.connections.client_name = None;
            let memory = Memory::new(own, 1 << 20);
            let mut pool = Pool::new(TokioNet, &upstream, PATIENCE, 1, (count, memory));
            let (client, _inbox) = queue();

            pool.send(lane, 7, &router, ping(&client));
            let (accepted, _) = TokioNet.accept(&listener).await.unwrap();
            let mut server = TokioNet.adopt(accepted).unwrap();
            let mut read = vec![0; PING.len()];
            server.read_exact(&mut read).await.unwrap();

            // With a command in flight, another connection could overtake it.
            pool.retire(&[node]);
            pool.send(lane, 7, &router, ping(&client));
            server.read_exact(&mut read).await.unwrap();
            assert_eq!(read, PING);

            pool.retire(&[node]);
            server.write_all(b"+1\r\n+2\r\n").await.unwrap();
            assert_eq!(server.read(&mut read).await.unwrap(), 0, "nothing is owed: it closes");
            let drains = |end| stats.sum_nodes(|node| node.drains_ended.of(end).get());
            assert_eq!([DrainEnd::Resumed, DrainEnd::Finished].map(drains), [1, 1]);
            let closed = |node: &NodeStats| node.connections_closed.of(CloseCause::Drained).get();
            assert_eq!(stats.sum_nodes(closed), 1);
            assert_eq!(stats.sum_nodes(|node| node.wire.count()), 2);
        };
        timeout(PATIENCE, LocalSet::new().run_until(story)).await.expect("in time");
    }

    #[tokio::test]
    async fn a_client_that_chooses_a_database_shares_no_connection_with_others() {
        let story = async {
            let listener = TokioNet.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
            let address = TokioNet.local_addr(&listener).unwrap();
            let address = Address::new("127.0.0.1", address.port()).unwrap();
            let mut upstream = config::Upstream::new(config::Target::Server(address.clone()));
            upstream.connections.client_name = None;
            upstream.connections.database = 3;
            let own = Rc::new(Own::new(Stats::new(1, ["main"]), 0).unwrap());
            let (count, memory) = (own.upstream(0).unwrap(), Memory::new(Rc::clone(&own), 1 << 20));
            let mut pool = Pool::new(TokioNet, &upstream, PATIENCE, 1, (count, memory));
            let mut router = Router::single(address.clone(), 9);
            let node = router.learn(address, now()).unwrap();
            let (client, _inbox) = queue();

            let mut begun = Vec::new();
            for (database, said) in [
                (None, "SELECT\r\n$1\r\n3\r\n"),
                (Some(15), "SELECT\r\n$2\r\n15\r\n"),
                (Some(0), ""),
            ] {
                let choice = Choice { database, ..Choice::default() };
                pool.send(Lane { node, choice, way: Way::Shared }, 7, &router, ping(&client));
                let (accepted, _) = TokioNet.accept(&listener).await.unwrap();
                let mut server = TokioNet.adopt(accepted).unwrap();
                let mut read = vec![0; 256];
                let count = server.read(&mut read).await.unwrap();
                let text = String::from_utf8_lossy(&read[..count]).into_owned();
                let is_chosen = text.ends_with(said) && text.contains("SELECT");
                assert!(is_chosen || said.is_empty() && !text.contains("SELECT"), "{text:?}");
                begun.push(server);
            }
            // The database of the configuration is the same one, however it was chosen.
            let places = [None, Some(3), Some(4)]
                .map(|database| pool.make.place(Choice { database, ..Choice::default() }, 7));
            assert!(places[0] == places[1] && places[1] != places[2]);
        };
        timeout(PATIENCE, LocalSet::new().run_until(story)).await.expect("in time");
    }

    #[test]
    fn every_choice_has_a_place_of_its_own_and_there_are_so_many() {
        let mut upstream = config::Upstream::new(config::Target::Cluster(Vec::new()));
        upstream.connections.per_node = 3.try_into().unwrap();
        upstream.connections.preconnect = true;
        let own = Rc::new(Own::new(Stats::new(1, ["main"]), 0).unwrap());
        let (count, memory) = (own.upstream(0).unwrap(), Memory::new(Rc::clone(&own), 1 << 20));
        let pool = Pool::new(TokioNet, &upstream, PATIENCE, 1, (count, memory));
        let mut places = std::collections::BTreeMap::new();
        for database in (0..DATABASES_MAX).map(Some) {
            for protocol in PROTOCOLS {
                for client in 0..3 {
                    let place = pool.make.place(Choice { protocol, database }, client);
                    let greeting = pool.make.options(place).greeting;
                    assert_eq!((greeting.protocol, Some(greeting.database)), (protocol, database));
                    let settings = pool.make.settings(place);
                    assert_eq!(settings.eager, database == Some(0), "{database:?}");
                    places.insert(place, (protocol, database));
                }
            }
        }
        assert_eq!(places.len(), 16 * 2 * 3);
    }
}
