//! A node and a client, for tests.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::node::Node;

/// A client of one node, on a clock that moves only when told to.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) node: Node,
    pub(super) connection: Connection,
    pub(super) now: Instant,
}

impl Rig {
    /// A client of a new standalone node.
    pub(super) fn new() -> Rig {
        Rig::of(Node::standalone())
    }

    /// The same, speaking RESP3.
    pub(super) fn resp3() -> Rig {
        let mut rig = Rig::new();
        rig.run("HELLO 3");
        rig
    }

    /// A client of this node.
    pub(super) fn of(node: Node) -> Rig {
        let now = Instant::now();
        let connection = node.connect("192.0.2.1:40000".to_owned(), now);
        Rig { node, connection, now }
    }

    /// Sends a command, its arguments separated by spaces (`""` is an empty one), and shows the
    /// reply with its line ends as spaces.
    pub(super) fn run(&mut self, line: &str) -> String {
        let args: Vec<&[u8]> =
            line.split(' ').map(|arg| if arg == "\"\"" { "" } else { arg }.as_bytes()).collect();
        let mut out = Vec::new();
        self.node.execute(&mut self.connection, &args, self.now, &mut out);
        shown(&out)
    }

    /// Shows the reply to the command that waits, if there is one by now.
    pub(super) fn resume(&mut self) -> String {
        let mut out = Vec::new();
        self.node.resume(&mut self.connection, self.now, &mut out);
        shown(&out)
    }

    /// Sends each command and checks its reply.
    pub(super) fn story(&mut self, steps: &[(&str, &str)]) {
        for (line, reply) in steps {
            assert_eq!(self.run(line), *reply, "{line}");
        }
    }

    /// Lets so much time pass.
    pub(super) fn pass(&mut self, span: Duration) {
        self.now += span;
    }
}

fn shown(reply: &[u8]) -> String {
    String::from_utf8_lossy(reply).replace("\r\n", " ").trim_end().to_owned()
}
