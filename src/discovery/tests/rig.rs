//! A network of nodes that do as they are told, in virtual time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use crate::net::Net;
use crate::proto::cluster::Address;

pub(super) const PORT: u16 = 7000;

/// What a node does. Nodes are called by the last number of their address, 10.0.0.x.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    /// It is not there, and its host says so.
    Refuses,
    /// It accepts and says nothing.
    Silent,
    /// It sees this epoch, and itself serve the slots from 0 to the last, if any, with all the
    /// members of the cluster as its replicas; and says so after so many ms.
    Sees(u64, Option<u16>, u64),
    /// It knows CLUSTER SHARDS only; else the same as one that sees this epoch.
    Shards(u64),
}

/// The network.
#[derive(Clone)]
pub(super) struct Nodes(Rc<RefCell<World>>);

struct World {
    began: Instant,
    nodes: BTreeMap<u8, Node>,
    names: BTreeMap<String, Vec<u8>>,
    /// Who was connected to, and when, in ms.
    connects: Vec<(u64, u8)>,
    /// What whoever asks must know.
    password: Option<String>,
    /// The far ends of connections to silent nodes.
    silent: Vec<DuplexStream>,
}

impl Nodes {
    pub(super) fn new(nodes: impl IntoIterator<Item = (u8, Node)>) -> Nodes {
        let nodes = nodes.into_iter().collect();
        let (began, names, connects, silent) = (Instant::now(), BTreeMap::new(), vec![], vec![]);
        let world = World { began, nodes, names, connects, password: None, silent };
        Nodes(Rc::new(RefCell::new(world)))
    }

    pub(super) fn set_password(&self, password: &str) {
        self.0.borrow_mut().password = Some(password.to_owned());
    }

    pub(super) fn set(&self, number: u8, node: Node) {
        self.0.borrow_mut().nodes.insert(number, node);
    }

    pub(super) fn set_name(&self, name: &str, numbers: &[u8]) {
        self.0.borrow_mut().names.insert(name.to_owned(), numbers.to_vec());
    }

    /// Who was connected to, and when, in ms.
    pub(super) fn connects(&self) -> Vec<(u64, u8)> {
        self.0.borrow().connects.clone()
    }

    /// Time since the beginning, in ms.
    pub(super) fn now_ms(&self) -> u64 {
        let since = Instant::now() - self.0.borrow().began;
        u64::try_from(since.as_millis()).unwrap()
    }

    fn answers(&self, number: u8) -> [(&'static str, String); 4] {
        let world = self.0.borrow();
        let members: Vec<u8> = world.nodes.keys().copied().collect();
        let (epoch, last, knows_slots) = match world.nodes[&number] {
            Node::Sees(epoch, last, _) => (epoch, last, true),
            Node::Shards(epoch) => (epoch, Some(16_383), false),
            Node::Refuses | Node::Silent => unreachable!("they answer nothing"),
        };
        let info = format!("cluster_current_epoch:{epoch}\r\n");
        let ip = |number: u8| {
            let ip = format!("10.0.0.{number}");
            format!("${}\r\n{ip}\r\n", ip.len())
        };
        let listed = |number: &u8| format!("*2\r\n{}:{PORT}\r\n", ip(*number));
        let others: String = members.iter().filter(|other| **other != number).map(listed).collect();
        let slots = last.map_or("*0\r\n".to_owned(), |last| {
            let count = 2 + members.len();
            format!("*1\r\n*{count}\r\n:0\r\n:{last}\r\n{}{others}", listed(&number))
        });
        let shards = format!(
            "*1\r\n%2\r\n+slots\r\n*2\r\n:0\r\n:16383\r\n+nodes\r\n\
             *1\r\n%3\r\n+ip\r\n{}+port\r\n:{PORT}\r\n+role\r\n+master\r\n",
            ip(number)
        );
        let unknown = "-ERR unknown subcommand\r\n".to_owned();
        [
            ("CLUSTER INFO", format!("${}\r\n{info}\r\n", info.len())),
            ("CLUSTER SLOTS", if knows_slots { slots } else { unknown }),
            ("CLUSTER SHARDS", shards),
            ("PING", "+PONG\r\n".to_owned()),
        ]
    }

    async fn serve(self, number: u8, stream: DuplexStream, after_ms: u64) {
        let password = self.0.borrow().password.clone();
        let (mut is_in, mut is_password_next) = (password.is_none(), false);
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        while let Ok(1..) = lines.read_line(&mut line).await {
            let word = std::mem::take(&mut line);
            let word = word.trim();
            let answer = if word.starts_with(['*', '$']) {
                // AUTH comes as an array; what is in it says enough.
                continue;
            } else if word == "AUTH" {
                is_password_next = true;
                continue;
            } else if std::mem::take(&mut is_password_next) {
                is_in = password.as_deref() == Some(word);
                if is_in { "+OK\r\n".to_owned() } else { format!("-WRONGPASS {word} is wrong\r\n") }
            } else if is_in {
                sleep(Duration::from_millis(after_ms)).await;
                let mut answers = self.answers(number).into_iter();
                answers.find(|(asked, _)| *asked == word).unwrap().1
            } else {
                "-NOAUTH Authentication required.\r\n".to_owned()
            };
            // Who asked may be gone.
            drop(lines.write_all(answer.as_bytes()).await);
        }
    }
}

/// The address of a node.
pub(super) fn at(number: u8) -> Address {
    Address::new(&format!("10.0.0.{number}"), PORT).unwrap()
}

impl Net for Nodes {
    type Stream = DuplexStream;
    type Listener = ();
    type Accepted = DuplexStream;

    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + 'static {
        let world = self.0.borrow();
        let found = match (host.parse::<IpAddr>(), world.names.get(host)) {
            (Ok(ip), _) => Ok(vec![ip]),
            (_, Some(numbers)) => Ok(numbers.iter().map(|n| [10, 0, 0, *n].into()).collect()),
            (Err(_), None) => Err(io::Error::other("unknown name")),
        };
        async move { Ok(found?.into_iter().map(|ip: IpAddr| SocketAddr::new(ip, port)).collect()) }
    }

    async fn bind(&self, _: SocketAddr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn local_addr(&self, (): &()) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn accept(&self, (): &()) -> io::Result<(DuplexStream, SocketAddr)> {
        std::future::pending().await
    }

    fn adopt(&self, accepted: DuplexStream) -> io::Result<DuplexStream> {
        Ok(accepted)
    }

    fn connect(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<DuplexStream>> + 'static {
        let net = self.clone();
        async move {
            let IpAddr::V4(ip) = address.ip() else { return Err(io::ErrorKind::Other.into()) };
            let number = ip.octets()[3];
            let now = net.now_ms();
            net.0.borrow_mut().connects.push((now, number));
            let node = net.0.borrow().nodes.get(&number).copied().unwrap_or(Node::Refuses);
            let (near, far) = duplex(1 << 16);
            match node {
                Node::Refuses => return Err(io::ErrorKind::ConnectionRefused.into()),
                Node::Silent => net.0.borrow_mut().silent.push(far),
                Node::Sees(_, _, after_ms) => {
                    net.clone().spawn(net.clone().serve(number, far, after_ms));
                }
                Node::Shards(_) => net.clone().spawn(net.clone().serve(number, far, 0)),
            }
            Ok(near)
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the seam of this network")]
    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        drop(tokio::task::spawn_local(task));
    }
}
