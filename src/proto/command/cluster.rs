//! `CLUSTER`: Redpoll as cluster clients see it, the one node of a cluster, which owns every slot.
//!
//! The node is where the client is connected to. Where only the port is known, the host is empty,
//! which clients take for the host that they asked. The node's id is made from that address, so it
//! is the same as long as Redpoll is reached in the same way, whatever worker or process answers.

use std::net::SocketAddr;

use super::super::cluster::Slot;
use super::super::resp::Writer;
use super::{Command, Identity, help};
use crate::limits::SLOTS;

/// The last slot.
const LAST: usize = SLOTS - 1;

/// What `CLUSTER INFO` says, which never changes.
const INFO: [(&str, usize); 11] = [
    ("cluster_slots_assigned", SLOTS),
    ("cluster_slots_ok", SLOTS),
    ("cluster_slots_pfail", 0),
    ("cluster_slots_fail", 0),
    ("cluster_known_nodes", 1),
    ("cluster_size", 1),
    ("cluster_current_epoch", 1),
    ("cluster_my_epoch", 1),
    ("cluster_stats_messages_sent", 0),
    ("cluster_stats_messages_received", 0),
    ("total_cluster_links_buffer_limit_exceeded", 0),
];

/// The node that a client takes Redpoll for.
struct Node {
    host: String,
    port: u16,
    id: String,
}

/// Answers the subcommands that no server has to.
pub(super) fn answer(command: &Command<'_>, identity: &Identity, writer: &mut Writer<'_>) {
    let node = Node::of(identity);
    match command.row.own_name() {
        "info" => writer.verbatim(&info()),
        "keyslot" => writer.integer(Slot::of(command.arg(2)).number().into()),
        "myid" => writer.bulk(node.id.as_bytes()),
        "myshardid" => writer.bulk(hex_id(&format!("shard of {}", node.id)).as_bytes()),
        "nodes" => writer.verbatim(&node.line()),
        "replicas" | "slaves" if command.arg(2).eq_ignore_ascii_case(node.id.as_bytes()) => {
            writer.array(0);
        }
        "replicas" | "slaves" => {
            writer
                .error([b"ERR Unknown node ", super::refusal::as_c_text(command.arg(2))].concat());
        }
        "shards" => node.shards(writer),
        "slots" => node.slots(writer),
        _ => help::write(&help::CLUSTER, writer),
    }
}

fn info() -> String {
    let mut text = "cluster_state:ok\r\n".to_owned();
    for (name, value) in INFO {
        text += &format!("{name}:{value}\r\n");
    }
    text
}

impl Node {
    fn of(identity: &Identity) -> Node {
        let (host, port) = (identity.host.map(|host| host.to_string()), identity.port);
        let host = host.unwrap_or_default();
        Node { id: hex_id(&format!("{host}:{port}")), host, port }
    }

    /// The line of `CLUSTER NODES`; no node talks to another, so there is no port for that.
    fn line(&self) -> String {
        let Node { host, port, id } = self;
        format!("{id} {host}:{port}@0 myself,master - 0 0 1 connected 0-{LAST}\n")
    }

    fn slots(&self, writer: &mut Writer<'_>) {
        writer.array(1);
        writer.array(3);
        write_range(writer);
        writer.array(4);
        writer.bulk(self.host.as_bytes());
        writer.integer(self.port.into());
        writer.bulk(self.id.as_bytes());
        writer.map(0);
    }

    fn shards(&self, writer: &mut Writer<'_>) {
        writer.array(1);
        writer.map(2);
        writer.bulk(b"slots");
        writer.array(2);
        write_range(writer);
        writer.bulk(b"nodes");
        writer.array(1);
        writer.map(7);
        let text = |name: &str, value: &str, writer: &mut Writer<'_>| {
            writer.bulk(name.as_bytes());
            writer.bulk(value.as_bytes());
        };
        text("id", &self.id, writer);
        writer.bulk(b"port");
        writer.integer(self.port.into());
        text("ip", &self.host, writer);
        text("endpoint", &self.host, writer);
        text("role", "master", writer);
        writer.bulk(b"replication-offset");
        writer.integer(0);
        text("health", "online", writer);
    }
}

/// Writes the first slot and the last.
fn write_range(writer: &mut Writer<'_>) {
    writer.integer(0);
    writer.integer(LAST as i64);
}

/// 40 hexadecimal digits, the same for the same text: FNV-1a, mixed on (`splitmix64`) for more.
pub(super) fn hex_id(text: &str) -> String {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut digits = String::new();
    while digits.len() < 40 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        digits += &format!("{:016x}", word ^ (word >> 31));
    }
    digits.truncate(40);
    digits
}

/// Where a client is connected to, as `CLIENT INFO` has it; empty if that is unknown.
pub(super) fn own_address(identity: &Identity) -> String {
    let address = identity.host.map(|host| SocketAddr::new(host, identity.port));
    address.map(|address| address.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Client, written};
    use super::*;
    use crate::proto::cluster::{Address, Topology};
    use crate::proto::resp::Value;

    fn client(host: &str) -> Client {
        let mut client = Client::default();
        client.identity.host = host.parse().ok();
        client.identity.port = 6380;
        client
    }

    fn id(client: &mut Client) -> String {
        let reply = client.ask("cluster myid");
        reply.strip_prefix("$40|").unwrap().trim_end_matches('|').to_owned()
    }

    #[test]
    fn the_one_node_is_where_the_client_is_connected_to_and_has_every_slot() {
        for (host, shown) in [("10.0.0.1", "$8|10.0.0.1|"), ("::1", "$3|::1|"), ("", "$0||")] {
            let mut client = client(host);
            let id = id(&mut client);
            let slots = format!("*1|*3|:0|:16383|*4|{shown}:6380|$40|{id}|");
            assert_eq!(client.ask("cluster slots"), format!("{slots}*0|"));
            let line = format!("{id} {host}:6380@0 myself,master - 0 0 1 connected 0-16383\\n");
            let len = line.len() - 1;
            assert_eq!(client.ask("cluster nodes"), format!("${len}|{line}|"));
            client.ask("HELLO 3");
            assert_eq!(client.ask("cluster slots"), format!("{slots}%0|"));
            let node = format!(
                "%7|$2|id|$40|{id}|$4|port|:6380|$2|ip|{shown}$8|endpoint|{shown}$4|role|$6|master|\
                 $18|replication-offset|:0|$6|health|$6|online|",
            );
            let shards = format!("*1|%2|$5|slots|*2|:0|:16383|$5|nodes|*1|{node}");
            assert_eq!(client.ask("cluster shards"), shards);
        }
    }

    #[test]
    fn redpoll_itself_understands_the_node() {
        let reply = client("10.0.0.1").raw("cluster slots");
        let topology = |asked: &Address| {
            Topology::from_slots(&Value::parse(&reply).unwrap(), 1, asked).unwrap()
        };
        let address = Address::new("10.0.0.1", 6380).unwrap();
        assert_eq!(topology(&address).nodes(), std::slice::from_ref(&address));
    }

    #[test]
    fn the_id_is_stable_and_another_address_has_another() {
        let ids = ["10.0.0.1", "10.0.0.2", ""].map(|host| id(&mut client(host)));
        assert_eq!(ids, ["10.0.0.1", "10.0.0.2", ""].map(|host| id(&mut client(host))));
        assert!(ids[0] != ids[1] && ids[1] != ids[2]);
        for id in &ids {
            assert!(id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        }
        let shard = client("10.0.0.1").ask("cluster myshardid");
        assert!(shard.starts_with("$40|") && !shard.contains(&ids[0]), "{shard}");
    }

    #[test]
    fn the_one_node_has_no_replicas_and_knows_no_other() {
        let mut client = client("10.0.0.1");
        let id = id(&mut client);
        for command in ["replicas", "SLAVES"] {
            assert_eq!(client.ask(format!("cluster {command} {id}")), "*0|");
            assert_eq!(client.ask(format!("cluster {command} abc")), "-ERR Unknown node abc|");
        }
    }

    #[test]
    fn the_cluster_is_well() {
        let mut client = client("10.0.0.1");
        let info = client.ask("cluster info");
        for line in ["cluster_state:ok", "cluster_slots_ok:16384", "cluster_size:1"] {
            assert!(info.contains(&format!("|{line}|")), "{info}");
        }
        client.ask("HELLO 3");
        assert!(client.ask("cluster info").contains("|txt:cluster_state:ok|"));
        assert_eq!(client.ask("cluster keyslot a{b}c"), ":3300|");
        assert!(client.ask("cluster help").contains("|+KEYSLOT <key>|"));
    }

    #[test]
    fn the_slot_that_a_command_names_is_read_from_it() {
        for (line, slot) in [
            ("cluster countkeysinslot 0", Some(0)),
            ("cluster getkeysinslot 16383 10", Some(16383)),
            ("cluster countkeysinslot 16384", None),
            ("cluster countkeysinslot -1", None),
            ("cluster countkeysinslot x", None),
        ] {
            let written = written(line);
            let found = written.parse().unwrap().named_slot().map(Slot::number);
            assert_eq!(found, slot, "{line}");
        }
    }
}
