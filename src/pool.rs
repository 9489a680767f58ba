//! A worker's connections to the nodes of one upstream, by lane.

use std::rc::Rc;
use std::time::Duration;

use crate::net::Net;
use crate::proto::cluster::{Node, Router};
use crate::proto::pipeline::Request;
use crate::proto::resp::Protocol;
use crate::proto::session::Lane;
use crate::queue::{Sender, queue};
use crate::reply_to::{ReplyTo, ToUpstream};
use crate::stats::Own;
use crate::upstream;

/// The queue of one connection's task.
type Requests = Sender<ToUpstream>;

/// One connection a lane, created on first use and kept.
///
/// A lane names what a connection's key consists of here: the node and the protocol. Role, database
/// and credentials are the same for all connections of a pool.
pub(crate) struct Pool<N> {
    net: N,
    connect_timeout: Duration,
    count: Rc<Own>,
    /// By node, then by protocol.
    lanes: Vec<[Option<Requests>; 2]>,
}

impl<N: Net> Pool<N> {
    pub(crate) fn new(net: N, connect_timeout: Duration, count: Rc<Own>) -> Pool<N> {
        Pool { net, connect_timeout, count, lanes: Vec::new() }
    }

    /// Hands a request to the connection of its lane.
    pub(crate) fn send(&mut self, lane: Lane, router: &Router, request: Request<ReplyTo>) {
        let (node, protocol) = (lane.node.index(), protocol_index(lane.protocol));
        let open = self.lanes.get(node).and_then(|lanes| lanes[protocol].as_ref());
        if open.is_none_or(Sender::is_closed) {
            self.open(lane, router);
        }
        if let Some(requests) = &self.lanes[node][protocol] {
            requests.send(ToUpstream::Request(request));
        }
    }

    /// Lets go of the connections to `nodes`: each finishes what it was given, then closes. One
    /// that is given more before that goes on, so that a lane never has two connections at work.
    pub(crate) fn retire(&mut self, nodes: &[Node]) {
        let lanes = nodes.iter().filter_map(|node| self.lanes.get(node.index()));
        for requests in lanes.flatten().flatten() {
            requests.send(ToUpstream::Retire);
        }
    }

    fn open(&mut self, lane: Lane, router: &Router) {
        let node = lane.node.index();
        if self.lanes.len() <= node {
            self.lanes.resize_with(node + 1, Default::default);
        }
        let plan = upstream::Plan {
            address: router.address(lane.node).clone(),
            protocol: lane.protocol,
            connect_timeout: self.connect_timeout,
        };
        let (sender, requests) = queue();
        self.lanes[node][protocol_index(lane.protocol)] = Some(sender);
        let task = upstream::serve(self.net.clone(), plan, Rc::clone(&self.count), requests);
        self.net.spawn(task);
    }
}

fn protocol_index(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Resp2 => 0,
        Protocol::Resp3 => 1,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::LocalSet;
    use tokio::time::timeout;

    use super::*;
    use crate::net::TokioNet;
    use crate::proto::cluster::Address;
    use crate::proto::session::Ticket;
    use crate::reply_to::ToClient;
    use crate::stats::Stats;

    const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
    const PATIENCE: Duration = Duration::from_secs(20);

    fn ping(client: &Sender<ToClient>) -> Request<ReplyTo> {
        let deadline = tokio::time::Instant::now().into_std() + PATIENCE;
        let reply_to = ReplyTo::new(client.clone(), Ticket::default());
        Request { frame: Bytes::from_static(PING), asking: false, deadline, reply_to }
    }

    #[tokio::test]
    async fn a_retired_connection_goes_on_if_it_is_given_more_and_closes_once_it_is_not() {
        let story = async {
            let listener = TokioNet.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
            let port = TokioNet.local_addr(&listener).unwrap().port();
            let mut router = Router::cluster();
            let node = router.node(Address::new("127.0.0.1", port).unwrap()).unwrap();
            let lane = Lane { node, protocol: Protocol::Resp2 };
            let count = Rc::new(Own::new(Stats::new(1, ["main"]), 0).unwrap());
            let mut pool = Pool::new(TokioNet, PATIENCE, count);
            let (client, _inbox) = queue();

            pool.send(lane, &router, ping(&client));
            let (accepted, _) = TokioNet.accept(&listener).await.unwrap();
            let mut server = TokioNet.adopt(accepted).unwrap();
            let mut read = vec![0; PING.len()];
            server.read_exact(&mut read).await.unwrap();

            // With a command in flight, another connection could overtake it.
            pool.retire(&[node]);
            pool.send(lane, &router, ping(&client));
            server.read_exact(&mut read).await.unwrap();
            assert_eq!(read, PING);

            pool.retire(&[node]);
            server.write_all(b"+1\r\n+2\r\n").await.unwrap();
            assert_eq!(server.read(&mut read).await.unwrap(), 0, "nothing is owed: it closes");
        };
        timeout(PATIENCE, LocalSet::new().run_until(story)).await.expect("in time");
    }
}
