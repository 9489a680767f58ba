//! Serving clients over a network.

use std::future::{pending, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::connection::Connection;
use super::fault::Fault;
use super::node::Node;
use crate::limits::{
    EMBEDDED_OUTPUT_PAUSE_BYTES, EMBEDDED_WAITING_INPUT_BYTES_MAX, OUTPUT_KEPT_BYTES_MAX,
    READ_BYTES,
};
use crate::net::Net;
use crate::proto::resp::{ProtocolError, RequestDecoder, Writer};

/// How long to wait after a failed accept: out of descriptors, most likely.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// Closes the semaphore that clients wait on when the accept loop ends, however it ends.
struct CloseOnDrop(Rc<Semaphore>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Node {
    /// Accepts clients from `listener` and serves them, each in a task of its own. Ends only by
    /// being dropped, and then so do its clients' connections.
    pub async fn serve<N: Net>(self, net: N, listener: N::Listener) {
        let open = CloseOnDrop(Rc::new(Semaphore::new(0)));
        loop {
            let Ok((accepted, peer)) = net.accept(&listener).await else {
                sleep(ACCEPT_RETRY).await;
                continue;
            };
            let Ok(stream) = net.adopt(accepted) else { continue };
            let connection = self.connect(peer.to_string(), Instant::now());
            let client = Client { node: self.clone(), connection, stream, is_mute: false };
            let open = Rc::clone(&open.0);
            net.spawn(async move {
                // Its end closes the connection, whichever way it comes.
                let post = Rc::clone(&client.connection.post);
                let ends = either(open.acquire(), post.overflow());
                either(ends, client.serve()).await;
            });
        }
    }
}

/// Ends with the first of two futures; the other is dropped.
async fn either(first: impl Future, second: impl Future) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| {
        let ended = first.as_mut().poll(context).is_ready();
        if ended || second.as_mut().poll(context).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

struct Client<S> {
    node: Node,
    connection: Connection,
    stream: S,
    /// A reply was swallowed, and so nothing else may follow.
    is_mute: bool,
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Client<S> {
    /// Reads, executes all that is complete, writes once, and so on. Reading waits for writing, so
    /// what is kept for a client that does not read is bounded.
    async fn serve(mut self) -> io::Result<()> {
        let mut decoder = RequestDecoder::default();
        let mut input = BytesMut::new();
        let mut output = Vec::new();
        loop {
            let mut turn = self.execute(&mut decoder, &mut input, &mut output);
            if self.is_spoilt(&mut output, turn == Turn::Starved && !input.is_empty()) {
                turn = Turn::Close;
            }
            self.stream.write_all(&output).await?;
            self.stream.flush().await?;
            output.clear();
            output.shrink_to(OUTPUT_KEPT_BYTES_MAX);
            match turn {
                Turn::Close => return self.stream.shutdown().await,
                Turn::Again => {}
                Turn::Starved | Turn::Waits => {
                    input.reserve(READ_BYTES);
                    if self.hear(&mut input).await? == Some(0) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Reads; gives how many bytes, or nothing, if there is a message or a reply to be sent first.
    /// What a client that waits sends ahead is bounded.
    async fn hear(&mut self, input: &mut BytesMut) -> io::Result<Option<usize>> {
        let post = Rc::clone(&self.connection.post);
        let waiting = self.connection.waiting.clone();
        let left = waiting.as_ref().and_then(|own| self.node.time_left(own, Instant::now()));
        let is_full = waiting.is_some() && input.len() >= EMBEDDED_WAITING_INPUT_BYTES_MAX;
        let mut read = None;
        let reading = async {
            if is_full {
                return pending().await;
            }
            read = Some(self.stream.read_buf(input).await);
        };
        let woken = async {
            match &waiting {
                Some(waiting) => waiting.woken().await,
                None => pending().await,
            }
        };
        let late = async {
            match left {
                Some(left) => sleep(left).await,
                None => pending().await,
            }
        };
        either(reading, either(post.arrival(), either(woken, late))).await;
        read.transpose()
    }

    /// Does to the replies what the node's fault does; true if the connection is to be closed.
    fn is_spoilt(&mut self, output: &mut Vec<u8>, is_partial: bool) -> bool {
        let fault = self.node.0.borrow().fault;
        let protocol = self.connection.protocol();
        self.is_mute |= fault == Some(Fault::Silent) && !output.is_empty();
        if self.is_mute {
            output.clear();
            return false;
        }
        fault.is_some_and(|fault| fault.spoil(output, protocol, is_partial))
    }

    /// Executes the commands in `input`, until they end or their replies are many.
    fn execute(
        &mut self,
        decoder: &mut RequestDecoder,
        input: &mut BytesMut,
        output: &mut Vec<u8>,
    ) -> Turn {
        let now = Instant::now();
        self.connection.take_messages(output.len(), output);
        while output.len() < EMBEDDED_OUTPUT_PAUSE_BYTES {
            if self.connection.is_waiting() {
                let start = output.len();
                self.node.resume(&mut self.connection, now, output);
                self.connection.take_messages(start, output);
            }
            if self.connection.is_waiting() {
                return Turn::Waits;
            }
            let frame = match decoder.decode(input) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Turn::Starved,
                Err(error) => {
                    refuse(error, &self.connection, output);
                    return Turn::Close;
                }
            };
            let args: Vec<&[u8]> =
                decoder.spans().iter().map(|span| &frame[span.range()]).collect();
            let start = output.len();
            self.node.execute(&mut self.connection, &args, now, output);
            self.connection.take_messages(start, output);
            if self.connection.wants_close() {
                return Turn::Close;
            }
        }
        Turn::Again
    }
}

/// What is to be done after what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Read more.
    Starved,
    /// Read more, but execute nothing before there is an answer.
    Waits,
    /// Go on with what was read already.
    Again,
    /// Disconnect.
    Close,
}

fn refuse(error: ProtocolError, connection: &Connection, output: &mut Vec<u8>) {
    Writer::new(output, connection.protocol()).error(format!("ERR {error}"));
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;
    use tokio::runtime::Builder;
    use tokio::sync::oneshot;
    use tokio::task::LocalSet;

    use super::*;
    use crate::net::TokioNet;

    /// Runs a story with a client of a node that is served; the node's end is the story's to bring.
    fn served<F: Future<Output = ()>>(story: impl FnOnce(TcpStream, oneshot::Sender<()>) -> F) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let listener = TokioNet.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
            let address = TokioNet.local_addr(&listener).unwrap();
            let (stop, stopped) = oneshot::channel();
            TokioNet.spawn(either(stopped, Node::standalone().serve(TokioNet, listener)));
            story(TokioNet.connect(address).await.unwrap(), stop).await;
        });
    }

    async fn all(client: &mut TcpStream) -> String {
        let mut replies = String::new();
        client.read_to_string(&mut replies).await.unwrap();
        replies
    }

    #[test]
    fn pipelined_commands_are_answered_in_order() {
        served(async |mut client, _stop| {
            client.write_all(b"SET k v\r\nGET k\r\nQUIT\r\nGET k\r\n").await.unwrap();
            assert_eq!(all(&mut client).await, "+OK\r\n$1\r\nv\r\n+OK\r\n");
        });
    }

    #[test]
    fn a_connection_on_which_the_node_was_silent_stays_silent() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let listener = TokioNet.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
            let address = TokioNet.local_addr(&listener).unwrap();
            let node = Node::standalone();
            TokioNet.spawn(node.clone().serve(TokioNet, listener));
            node.set_fault(Some(Fault::Silent));
            let mut client = TokioNet.connect(address).await.unwrap();
            client.write_all(b"SET k v\r\n").await.unwrap();
            while node.is_empty() {
                sleep(Duration::from_millis(1)).await;
            }
            node.set_fault(None);
            client.write_all(b"QUIT\r\n").await.unwrap();
            assert_eq!(all(&mut client).await, "");
            let mut next = TokioNet.connect(address).await.unwrap();
            next.write_all(b"GET k\r\nQUIT\r\n").await.unwrap();
            assert_eq!(all(&mut next).await, "$1\r\nv\r\n+OK\r\n");
        });
    }

    #[test]
    fn what_is_not_resp_is_refused_after_what_came_before() {
        served(async |mut client, _stop| {
            client.write_all(b"PING\r\n*1\r\n$-5\r\n").await.unwrap();
            let replies = "+PONG\r\n-ERR Protocol error: invalid bulk length\r\n";
            assert_eq!(all(&mut client).await, replies);
        });
    }

    #[test]
    fn a_client_that_waits_is_served_by_another_and_then_goes_on() {
        served(async |mut client, _stop| {
            let mut other = TcpStream::connect(client.peer_addr().unwrap()).await.unwrap();
            client.write_all(b"BLPOP l 0\r\nLLEN l\r\nBLPOP l 0.01\r\nQUIT\r\n").await.unwrap();
            sleep(Duration::from_millis(20)).await;
            other.write_all(b"RPUSH l a\r\nQUIT\r\n").await.unwrap();
            assert_eq!(all(&mut other).await, ":1\r\n+OK\r\n");
            let replies = "*2\r\n$1\r\nl\r\n$1\r\na\r\n:0\r\n*-1\r\n+OK\r\n";
            assert_eq!(all(&mut client).await, replies);
        });
    }

    #[test]
    fn a_client_that_leaves_while_it_waits_is_seen_to_leave() {
        served(async |mut client, _stop| {
            let address = client.peer_addr().unwrap();
            client.write_all(b"BLPOP l 0\r\n").await.unwrap();
            sleep(Duration::from_millis(20)).await;
            drop(client);
            sleep(Duration::from_millis(20)).await;
            let mut other = TcpStream::connect(address).await.unwrap();
            other.write_all(b"RPUSH l a\r\nLLEN l\r\nQUIT\r\n").await.unwrap();
            assert_eq!(all(&mut other).await, ":1\r\n:1\r\n+OK\r\n");
        });
    }

    #[test]
    fn clients_are_disconnected_when_serving_ends() {
        served(async |mut client, stop| {
            client.write_all(b"PING\r\n").await.unwrap();
            let mut pong = [0; 7];
            client.read_exact(&mut pong).await.unwrap();
            drop(stop);
            assert_eq!(all(&mut client).await, "");
        });
    }

    #[test]
    fn a_client_that_reads_late_gets_every_reply() {
        served(async |client, _stop| {
            let (mut read, mut write) = client.into_split();
            let value = "x".repeat(100_000);
            let many = 200;
            let send = async {
                let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len());
                write.write_all(set.as_bytes()).await.unwrap();
                write.write_all("GET k\r\n".repeat(many).as_bytes()).await.unwrap();
                write.write_all(b"QUIT\r\n").await.unwrap();
            };
            let receive = async {
                sleep(Duration::from_millis(20)).await;
                let mut replies = Vec::new();
                read.read_to_end(&mut replies).await.unwrap();
                let bulk = format!("${}\r\n{value}\r\n", value.len());
                assert_eq!(replies.len(), "+OK\r\n".len() * 2 + bulk.len() * many);
            };
            let (mut send, mut receive) = (pin!(send), pin!(receive));
            let mut sent = false;
            poll_fn(|context| {
                sent = sent || send.as_mut().poll(context).is_ready();
                receive.as_mut().poll(context)
            })
            .await;
        });
    }
}
