//! A view of a cluster: who serves which slots, as one node told it.

use std::collections::BTreeMap;

use super::{Address, Slot};
use crate::limits::SLOTS;
use crate::proto::resp::Value;

/// No node.
const NOBODY: u16 = u16::MAX;

/// An immutable view of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The cluster's epoch when the view was taken (`cluster_current_epoch`): a view with a smaller
    /// one is older.
    epoch: u64,
    /// The nodes, primaries and replicas, each once.
    nodes: Vec<Address>,
    /// The primary of each node that is a replica, as an index into `nodes`, or `NOBODY`.
    followed: Vec<u16>,
    /// The primary of each slot, as an index into `nodes`, or `NOBODY`.
    owners: Box<[u16; SLOTS]>,
    /// How many slots have none.
    uncovered: usize,
}

impl Topology {
    /// A view in which nobody serves anything.
    #[must_use]
    pub fn empty(epoch: u64) -> Topology {
        let owners = Box::new([NOBODY; SLOTS]);
        let (nodes, followed) = (Vec::new(), Vec::new());
        Topology { epoch, nodes, followed, owners, uncovered: SLOTS }
    }

    /// A view in which `h:port` serves the slots from `first` to `last`, for each of `ranges`.
    #[cfg(test)]
    pub(crate) fn of(ranges: &[(u16, u16, u16)]) -> Topology {
        let node = |port| Value::Array(vec![Value::Bulk(b"h".to_vec()), Value::Integer(port)]);
        let range = |(first, last, port): &(u16, u16, u16)| {
            let ends = [first, last].map(|slot| Value::Integer((*slot).into()));
            Value::Array([&ends[..], &[node((*port).into())]].concat())
        };
        let asked = Address::new("h", 1).expect("it is an address");
        let reply = Value::Array(ranges.iter().map(range).collect());
        Topology::from_slots(&reply, 1, &asked).expect("they are slots")
    }

    /// Reads the reply to `CLUSTER SHARDS` of the node at `asked`; `None` if it is not one.
    #[must_use]
    pub fn from_shards(reply: &Value, epoch: u64, asked: &Address) -> Option<Topology> {
        let mut builder = Builder::new(epoch);
        for shard in reply.as_items()? {
            let (mut primary, mut members) = (None, Vec::new());
            for node in shard.get("nodes")?.as_items()? {
                let Some(address) = shard_node(node, asked) else { continue };
                let index = builder.intern(address)?;
                members.push(index);
                let says = |key, word| node.get(key).and_then(Value::as_text) == Some(word);
                // One that was failed over is shown as a second master for a while.
                if says("role", "master") && (primary.is_none() || says("health", "online")) {
                    primary = Some(index);
                }
            }
            let Some(primary) = primary else { continue };
            members.into_iter().for_each(|member| builder.follow(member, primary));
            for range in shard.get("slots")?.as_items()?.chunks_exact(2) {
                builder.assign(&range[0], &range[1], primary)?;
            }
        }
        Some(builder.topology)
    }

    /// Reads the reply to `CLUSTER SLOTS` of the node at `asked`; `None` if it is not one.
    #[must_use]
    pub fn from_slots(reply: &Value, epoch: u64, asked: &Address) -> Option<Topology> {
        let mut builder = Builder::new(epoch);
        for range in reply.as_items()? {
            let [first, last, nodes @ ..] = range.as_items()? else { return None };
            let mut nodes = nodes.iter().map(|node| slots_node(node, asked));
            let mut primary = NOBODY;
            if let Some(address) = nodes.next()? {
                primary = builder.intern(address)?;
                builder.assign(first, last, primary)?;
            }
            for replica in nodes.flatten() {
                let replica = builder.intern(replica)?;
                builder.follow(replica, primary);
            }
        }
        Some(builder.topology)
    }

    /// The cluster's epoch when the view was taken.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The nodes, primaries and replicas.
    #[must_use]
    pub fn nodes(&self) -> &[Address] {
        &self.nodes
    }

    /// The primary of a slot, if it has one.
    #[must_use]
    pub fn owner(&self, slot: Slot) -> Option<&Address> {
        self.nodes.get(usize::from(self.owners[slot.index()]))
    }

    /// Runs of slots with the same primary, in order: how many slots, and the index of the primary
    /// in [`nodes`](Self::nodes), if they have one. Together these are all slots.
    pub fn runs(&self) -> impl Iterator<Item = (usize, Option<usize>)> {
        self.owners.chunk_by(PartialEq::eq).map(|run| {
            let owner = (run[0] != NOBODY).then_some(usize::from(run[0]));
            (run.len(), owner)
        })
    }

    /// The replicas, each with its primary.
    pub fn replicas(&self) -> impl Iterator<Item = (&Address, &Address)> {
        let pairs = self.nodes.iter().zip(&self.followed);
        pairs.filter_map(|(node, followed)| Some((node, self.nodes.get(usize::from(*followed))?)))
    }

    /// Slots that nobody serves.
    #[must_use]
    pub fn uncovered(&self) -> usize {
        self.uncovered
    }
}

/// A view in the making.
struct Builder {
    topology: Topology,
    /// The nodes of the view by their addresses: each is named once a range.
    by_address: BTreeMap<Address, u16>,
}

impl Builder {
    fn new(epoch: u64) -> Builder {
        Builder { topology: Topology::empty(epoch), by_address: BTreeMap::new() }
    }

    /// The index of a node, which may be new; `None` if there are too many.
    fn intern(&mut self, address: Address) -> Option<u16> {
        if let Some(index) = self.by_address.get(&address) {
            return Some(*index);
        }
        let index = u16::try_from(self.topology.nodes.len()).ok().filter(|new| *new != NOBODY)?;
        self.topology.nodes.push(address.clone());
        self.topology.followed.push(NOBODY);
        self.by_address.insert(address, index);
        Some(index)
    }

    /// Notes that a node is a replica of a primary, unless it is the same one.
    fn follow(&mut self, replica: u16, primary: u16) {
        if let Some(followed) = self.topology.followed.get_mut(usize::from(replica))
            && replica != primary
        {
            *followed = primary;
        }
    }

    /// Notes who serves a range of slots; `None` if there is no such range, or another node is said
    /// to serve some of it: then one of the two claims is wrong, and nobody knows which.
    fn assign(&mut self, first: &Value, last: &Value, primary: u16) -> Option<()> {
        let first = usize::try_from(first.as_integer()?).ok()?;
        let last = usize::try_from(last.as_integer()?).ok()?;
        let owners = self.topology.owners.get_mut(first..=last)?;
        if owners.iter().any(|owner| *owner != NOBODY && *owner != primary) {
            return None;
        }
        self.topology.uncovered -= owners.iter().filter(|owner| **owner == NOBODY).count();
        owners.fill(primary);
        Some(())
    }
}

/// The address of a node of `CLUSTER SHARDS`; `None` if it has none that can be used.
fn shard_node(node: &Value, asked: &Address) -> Option<Address> {
    let text = |key| node.get(key).and_then(Value::as_text).filter(|text| !text.is_empty());
    // An endpoint of null or "?" stands for the host that was asked.
    let host = text("endpoint").or_else(|| text("ip")).filter(|host| *host != "?");
    let port = node.get("port")?.as_integer()?;
    Address::new(host.unwrap_or(asked.host()), u16::try_from(port).ok()?)
}

/// The address of a node of `CLUSTER SLOTS`; `None` if it has none that can be used.
fn slots_node(node: &Value, asked: &Address) -> Option<Address> {
    let [host, port, ..] = node.as_items()? else { return None };
    let host = host.as_text().filter(|host| !matches!(*host, "" | "?"));
    Address::new(host.unwrap_or(asked.host()), u16::try_from(port.as_integer()?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Address {
        Address::new("10.0.0.9", 7000).unwrap()
    }

    fn owner(topology: &Topology, slot: u16) -> Option<String> {
        topology.owner(Slot::new(slot).unwrap()).map(Address::to_string)
    }

    #[test]
    fn shards_are_read_in_both_protocols_with_gaps_replicas_and_unknown_endpoints() {
        let node = |endpoint: &str, port: u16, role: &str| {
            let (role, health) = role.split_once(' ').unwrap_or((role, "online"));
            format!(
                "*10\r\n$2\r\nid\r\n$1\r\nx\r\n$4\r\nport\r\n:{port}\r\n\
                 $8\r\nendpoint\r\n{endpoint}\
                 $4\r\nrole\r\n+{role}\r\n$6\r\nhealth\r\n+{health}\r\n"
            )
        };
        let shards = [
            "*2\r\n*4\r\n$5\r\nslots\r\n*4\r\n:0\r\n:99\r\n:200\r\n:299\r\n$5\r\nnodes\r\n*3\r\n",
            &node("$4\r\nhost\r\n", 7001, "replica"),
            &node("$4\r\nhost\r\n", 7002, "master"),
            &node("$4\r\nhost\r\n", 7004, "master fail"),
            "%2\r\n$5\r\nslots\r\n*2\r\n:100\r\n:199\r\n$5\r\nnodes\r\n*1\r\n",
            &node("_\r\n", 7003, "master"),
        ]
        .concat();
        let reply = Value::parse(shards.as_bytes()).unwrap();
        let topology = Topology::from_shards(&reply, 7, &asked()).unwrap();
        assert_eq!(owner(&topology, 0).as_deref(), Some("host:7002"));
        assert_eq!(owner(&topology, 150).as_deref(), Some("10.0.0.9:7003"));
        assert_eq!(owner(&topology, 299).as_deref(), Some("host:7002"));
        assert_eq!(owner(&topology, 300), None);
        assert_eq!((topology.epoch(), topology.nodes().len()), (7, 4));
        let replicas: Vec<_> =
            topology.replicas().map(|(node, of)| (node.port(), of.port())).collect();
        assert_eq!(replicas, [(7001, 7002), (7004, 7002)]);
        assert_eq!(topology.uncovered(), SLOTS - 300);
    }

    #[test]
    fn slots_are_read_with_replicas_and_null_hosts() {
        let reply = b"*2\r\n*4\r\n:0\r\n:5460\r\n*3\r\n$9\r\n127.0.0.1\r\n:30001\r\n$2\r\nid\r\n\
            *2\r\n$9\r\n127.0.0.1\r\n:30004\r\n\
            *3\r\n:5461\r\n:16383\r\n*2\r\n$-1\r\n:30002\r\n";
        let topology = Topology::from_slots(&Value::parse(reply).unwrap(), 1, &asked()).unwrap();
        assert_eq!(owner(&topology, 0).as_deref(), Some("127.0.0.1:30001"));
        assert_eq!(owner(&topology, 16383).as_deref(), Some("10.0.0.9:30002"));
        assert_eq!((topology.uncovered(), topology.nodes().len()), (0, 3));
        let replicas: Vec<_> =
            topology.replicas().map(|(node, of)| (node.port(), of.port())).collect();
        assert_eq!(replicas, [(30004, 30001)]);
    }

    #[test]
    fn what_is_no_topology_is_refused() {
        for reply in [
            &b"+OK\r\n"[..],
            b"*1\r\n:1\r\n",
            b"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
            b"*1\r\n*3\r\n:9\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
            b"*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
            b"*2\r\n*3\r\n:0\r\n:9\r\n*2\r\n$1\r\na\r\n:1\r\n\
                *3\r\n:9\r\n:19\r\n*2\r\n$1\r\na\r\n:2\r\n",
        ] {
            let value = Value::parse(reply).unwrap();
            assert_eq!(Topology::from_slots(&value, 1, &asked()), None);
            assert_eq!(Topology::from_shards(&value, 1, &asked()), None);
        }
    }
}
