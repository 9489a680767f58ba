//! What can be wrong with a node that is there all the same.
//!
//! ```text
//! command -> admit (slot, role) -> refusal? -> run -> replies -> spoilt? -> written
//! ```

use super::command::{Access, Row, Run};
use super::error::Error;
use crate::proto::cluster::Slot;
use crate::proto::resp::Protocol;

/// What is wrong with a node. See [`Node::set_fault`](super::Node::set_fault).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It reads its data from disk: it answers `LOADING` to commands on keys, and to `PING` and
    /// `CLUSTER`.
    Loading,
    /// It answers `TRYAGAIN` to commands on keys.
    TryAgain,
    /// It answers `CLUSTERDOWN` to commands on keys.
    ClusterDown,
    /// It answers `MASTERDOWN` to commands on keys.
    MasterDown,
    /// It answers `BUSY` to commands on keys: a script runs.
    Busy,
    /// It answers `READONLY` to commands that write.
    ReadOnly,
    /// It redirects commands on keys to hosts that are not there, `astray-0` and so on.
    Astray,
    /// It executes, and does not answer: never again on a connection on which it was silent.
    Silent,
    /// It sends, before its next replies, what is not RESP.
    Garbage,
    /// It sends, before its next replies, a message that nobody subscribed to.
    Pushes,
    /// It sends, before its next replies, arrays in arrays, deeper than any reply is.
    Deep,
    /// It announces, before its next replies, a bulk that is longer than all that it ever sends.
    Huge,
    /// It sends half of its next replies and closes the connection.
    Truncated,
    /// It refuses a command before it is there as a whole, and closes the connection.
    Impatient,
    /// It closes the connection after its next replies.
    Closing,
}

/// What a node says that is [`Impatient`](Fault::Impatient).
pub const REFUSED_EARLY: &[u8] = b"-ERR Protocol error: refused before it was whole\r\n";

const NO_RESP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";

const PUSH: &[u8] = b">3\r\n$7\r\nmessage\r\n$5\r\nthere\r\n$3\r\nall\r\n";

/// How deep an array lies of a node that is [`Deep`](Fault::Deep).
const DEPTH: usize = 1_000;

const HUGE: &[u8] = b"$500000000\r\n";

const BUSY: Error = Error::new(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);

const LOADING: Error = Error::new("LOADING Redis is loading the dataset in memory");
const TRY_AGAIN: Error = Error::new("TRYAGAIN Multiple keys request during rehashing of slot");
const CLUSTER_DOWN: Error = Error::new("CLUSTERDOWN The cluster is down");
const MASTER_DOWN: Error =
    Error::new("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");

impl Fault {
    /// How a node that has this refuses a command, given its keys; it has refused `count` so far.
    pub(super) fn refusal(self, row: &Row, keys: &[&[u8]], count: u64) -> Option<Error> {
        let on_keys = matches!(row.run, Run::Data(_));
        let asks_for_health = row.name == "ping" || row.name.starts_with("cluster|");
        match self {
            Fault::Loading if on_keys || asks_for_health => Some(LOADING),
            Fault::TryAgain if on_keys => Some(TRY_AGAIN),
            Fault::ClusterDown if on_keys => Some(CLUSTER_DOWN),
            Fault::MasterDown if on_keys => Some(MASTER_DOWN),
            Fault::Busy if on_keys => Some(BUSY),
            Fault::ReadOnly if on_keys && row.access == Access::Write => Some(Error::READ_ONLY),
            Fault::Astray if on_keys => {
                let slot = Slot::of(keys.first()?).number();
                Some(Error::from(format!("MOVED {slot} astray-{count}:7000")))
            }
            Fault::Loading
            | Fault::TryAgain
            | Fault::ClusterDown
            | Fault::MasterDown
            | Fault::Busy
            | Fault::ReadOnly
            | Fault::Astray
            | Fault::Silent
            | Fault::Garbage
            | Fault::Deep
            | Fault::Huge
            | Fault::Pushes
            | Fault::Truncated
            | Fault::Impatient
            | Fault::Closing => None,
        }
    }

    /// Spoils whole replies that are about to be written; true if the connection is to be closed
    /// after them. `is_partial` if the beginning of another command is there.
    pub(super) fn spoil(self, output: &mut Vec<u8>, protocol: Protocol, is_partial: bool) -> bool {
        match self {
            Fault::Impatient if is_partial => {
                output.extend_from_slice(REFUSED_EARLY);
                return true;
            }
            Fault::Impatient => return false,
            _ if output.is_empty() => return false,
            Fault::Garbage => drop(output.splice(..0, NO_RESP.iter().copied())),
            Fault::Deep => drop(output.splice(..0, b"*1\r\n".repeat(DEPTH))),
            Fault::Huge => drop(output.splice(..0, HUGE.iter().copied())),
            Fault::Pushes if protocol == Protocol::Resp3 => {
                drop(output.splice(..0, PUSH.iter().copied()));
            }
            Fault::Truncated => {
                output.truncate(output.len() / 2);
                return true;
            }
            Fault::Closing => return true,
            Fault::Silent
            | Fault::Pushes
            | Fault::Loading
            | Fault::TryAgain
            | Fault::ClusterDown
            | Fault::MasterDown
            | Fault::Busy
            | Fault::ReadOnly
            | Fault::Astray => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::cluster::Cluster;
    use super::super::rig::Rig;
    use super::*;
    use crate::proto::cluster::Address;

    fn member() -> Rig {
        let address = Address::new("node-0", 6379).expect("an address");
        Rig::of(Cluster::new(&[address], &[]).node(0))
    }

    #[test]
    fn a_node_that_is_not_ready_refuses_commands_on_keys_and_goes_on_where_it_stood() {
        let mut rig = member();
        rig.story(&[("SET k v", "+OK")]);
        for (fault, code) in [
            (Fault::Loading, "-LOADING "),
            (Fault::TryAgain, "-TRYAGAIN "),
            (Fault::ClusterDown, "-CLUSTERDOWN "),
            (Fault::MasterDown, "-MASTERDOWN "),
            (Fault::Busy, "-BUSY "),
        ] {
            rig.node.set_fault(Some(fault));
            assert!(rig.run("GET k").starts_with(code), "{fault:?}");
            assert!(rig.run("DEL k").starts_with(code), "{fault:?}");
            assert_eq!(rig.run("CLIENT SETNAME me"), "+OK");
            assert_eq!(rig.run("PING").starts_with('-'), fault == Fault::Loading);
        }
        rig.node.set_fault(Some(Fault::ReadOnly));
        assert!(rig.run("DEL k").starts_with("-READONLY "));
        rig.story(&[("GET k", "$1 v")]);
        rig.node.set_fault(None);
        rig.story(&[("DEL k", ":1")]);
    }

    #[test]
    fn a_node_that_leads_astray_names_another_host_each_time() {
        let mut rig = member();
        rig.node.set_fault(Some(Fault::Astray));
        rig.story(&[
            ("GET foo", "-MOVED 12182 astray-0:7000"),
            ("SET foo 1", "-MOVED 12182 astray-1:7000"),
            ("PING", "+PONG"),
        ]);
    }

    #[test]
    fn replies_are_spoilt_between_frames() {
        let spoilt = |fault: Fault, protocol, is_partial| {
            let mut output = b"+OK\r\n:1\r\n".to_vec();
            let closes = fault.spoil(&mut output, protocol, is_partial);
            (String::from_utf8(output).expect("text"), closes)
        };
        let of = |fault| spoilt(fault, Protocol::Resp3, false);
        assert!(of(Fault::Garbage).0.ends_with("\r\n\r\n+OK\r\n:1\r\n"));
        assert!(of(Fault::Pushes).0.ends_with("\r\nall\r\n+OK\r\n:1\r\n"));
        assert_eq!(spoilt(Fault::Pushes, Protocol::Resp2, false).0, "+OK\r\n:1\r\n");
        assert!(of(Fault::Deep).0.ends_with("*1\r\n*1\r\n+OK\r\n:1\r\n"));
        assert_eq!(of(Fault::Huge).0, "$500000000\r\n+OK\r\n:1\r\n");
        assert_eq!(of(Fault::Truncated), ("+OK\r".to_owned(), true));
        assert_eq!(of(Fault::Closing), ("+OK\r\n:1\r\n".to_owned(), true));
        assert_eq!(of(Fault::Impatient), ("+OK\r\n:1\r\n".to_owned(), false));
        let early = spoilt(Fault::Impatient, Protocol::Resp2, true);
        assert!(early.0.ends_with("whole\r\n") && early.1);
        let mut nothing = Vec::new();
        assert!(!Fault::Closing.spoil(&mut nothing, Protocol::Resp2, true));
    }
}
