//! How far replicas are: `WAIT`, and a write that changes nothing.

use super::command::{Args, Call, Keys, Row, Waits};
use super::error::{Error, Outcome};
use super::node::{Node, ServerCall, State};
use crate::proto::resp::parse_integer;

pub(super) const ROWS: &[Row] = &[
    Row::family("function", &[Row::write("function|restore", -3, Keys::None, function_restore)]),
    Row::server("wait", 3, wait).waiting(Waits::Replicas),
];

/// What `FUNCTION DUMP` gives where there are no functions, as there are none here.
const NO_FUNCTIONS: &[u8] = b"\x0a\x00\x5d\x9b\x5c\x40\x0f\x7f\xa2\xda";

/// So many replicas that are so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enough {
    replicas: i64,
    offset: u64,
}

impl Enough {
    /// Those that a `WAIT` asks for, whose connection wrote at `offset` last.
    ///
    /// # Errors
    /// It says for how many in no number.
    pub(super) fn read(args: Args<'_>, offset: u64) -> Result<Enough, Error> {
        Ok(Enough { replicas: parse_integer(args[1]).ok_or(NO_INTEGER)?, offset })
    }

    /// How many replicas are so far.
    pub(super) fn replicas(self, state: &State) -> i64 {
        let there = state.links.iter().filter(|link| link.seen() >= self.offset);
        i64::try_from(there.count()).unwrap_or(i64::MAX)
    }

    /// Whether they are as many as are asked for.
    pub(super) fn is_reached(self, state: &State) -> bool {
        self.replicas(state) >= self.replicas
    }
}

const NO_INTEGER: Error = Error::new("ERR value is not an integer or out of range");

/// Until when a `WAIT` waits, at `now`, both in Unix milliseconds; `None` if it is for ever.
///
/// # Errors
/// It is no such time.
pub(super) fn until(args: Args<'_>, now: i64) -> Result<Option<i64>, Error> {
    let time = parse_integer(args[2]);
    let time = time.ok_or(Error::new("ERR timeout is not an integer or out of range"))?;
    match time {
        ..0 => Err(Error::new("ERR timeout is negative")),
        0 => Ok(None),
        _ => Ok(Some(now.saturating_add(time))),
    }
}

/// Says how many there are; what waits until there are enough comes after them.
fn wait(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    if call.state.is_replica() {
        return Err(Error::new(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis \
             4.0 if a replica is configured to be writable (which is not the default) writes to \
             replicas are just local and are not propagated.",
        ));
    }
    let enough = Enough::read(args, call.connection.written)?;
    until(args, call.now)?;
    let there = enough.replicas(call.state);
    call.out().integer(there);
    Ok(())
}

fn function_restore(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    if args[2] != NO_FUNCTIONS {
        return Err(Error::new("ERR DUMP payload version or checksum are wrong"));
    }
    call.out.simple("OK");
    Ok(())
}

impl Node {
    /// How far its data is, in changes, and each of its replicas.
    pub(super) fn progress(&self) -> (u64, Vec<u64>) {
        let state = self.0.borrow();
        (state.offset, state.links.iter().map(super::replication::Link::seen).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::cluster::Cluster;
    use super::super::rig::Rig;
    use super::*;
    use crate::proto::cluster::Address;

    fn cluster() -> Cluster {
        let address = |number| Address::new(&format!("node-{number}"), 7000).expect("an address");
        Cluster::new(&[address(0)], &[(address(1), 0), (address(2), 0)])
    }

    /// Writes nothing, as Redpoll does before it counts.
    fn mark(rig: &mut Rig) {
        let mut out = Vec::new();
        let args: [&[u8]; 4] = [b"FUNCTION", b"RESTORE", NO_FUNCTIONS, b"APPEND"];
        rig.node.execute(&mut rig.connection, &args, rig.now, &mut out);
        assert_eq!(out, b"+OK\r\n");
    }

    #[test]
    fn who_wrote_waits_for_replicas_that_have_it_and_others_have_nothing_to_wait_for() {
        let cluster = cluster();
        let [mut wrote, mut other] = [Rig::of(cluster.node(0)), Rig::of(cluster.node(0))];
        wrote.story(&[("SET a 1", "+OK"), ("WAIT 2 0", ":2")]);
        cluster.hold_replication(1);
        wrote.story(&[("SET a 2", "+OK"), ("WAIT 1 0", ":1"), ("WAIT 2 50", "")]);
        other.story(&[("WAIT 2 50", ":2")]);
        wrote.pass(Duration::from_millis(50));
        assert_eq!(wrote.resume(), ":1");
        wrote.story(&[("WAIT 2 0", "")]);
        mark(&mut other);
        other.story(&[("WAIT 2 0", "")]);
        cluster.release_replication(1);
        assert_eq!((wrote.resume().as_str(), other.resume().as_str()), (":2", ":2"));
    }

    #[test]
    fn a_wait_ends_when_another_client_says_so_or_its_node_is_no_primary_any_more() {
        let cluster = cluster();
        let [mut waits, mut other] = [Rig::of(cluster.node(0)), Rig::of(cluster.node(0))];
        let id = waits.run("CLIENT ID");
        let id = id.trim_start_matches(':');
        for (word, told) in
            [("TIMEOUT", ":2"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK")]
        {
            waits.story(&[("WAIT 3 0", "")]);
            other.story(&[(&format!("CLIENT UNBLOCK {id} {word}"), ":1")]);
            assert_eq!(waits.resume(), told);
            other.story(&[(&format!("CLIENT UNBLOCK {id}"), ":0")]);
        }
        waits.story(&[("BLPOP l 0", "")]);
        other.story(&[(&format!("CLIENT UNBLOCK {id}"), ":1")]);
        assert_eq!(waits.resume(), "*-1");
        waits.story(&[("WAIT 3 0", "")]);
        cluster.promote(1);
        assert!(waits.resume().starts_with("-UNBLOCKED force unblock from blocking operation, "));
        assert!(waits.run("WAIT 3 0").starts_with("-ERR WAIT cannot be used with replica"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let mut rig = Rig::new();
        rig.story(&[
            ("WAIT x 0", "-ERR value is not an integer or out of range"),
            ("WAIT 0 x", "-ERR timeout is not an integer or out of range"),
            ("WAIT 0 -1", "-ERR timeout is negative"),
            ("FUNCTION RESTORE x", "-ERR DUMP payload version or checksum are wrong"),
            ("CLIENT UNBLOCK x", "-ERR value is not an integer or out of range"),
            ("MULTI", "+OK"),
            ("WAIT 1 0", "+QUEUED"),
            ("EXEC", "*1 :0"),
        ]);
    }
}
