//! What is asked of one node, on a connection of its own that waits behind no traffic.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::limits::{TOPOLOGY_BYTES_MAX, TOPOLOGY_HEDGE_MS, TOPOLOGY_TIMEOUT_MS};
use crate::net::Net;
use crate::proto::cluster::{Address, Topology};
use crate::proto::handshake::{Greeting, Handshake, Progress};
use crate::proto::reply::Cause;
use crate::proto::resp::{ReplyDecoder, Value};
use crate::stats::Complaint;

/// Why a node gave no answer that is of use.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// It cannot be reached, or hung up.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It took too long.
    #[error("no answer within {TOPOLOGY_TIMEOUT_MS} ms")]
    Timeout,
    /// It took long, and then another had answered.
    #[error("no answer within {TOPOLOGY_HEDGE_MS} ms")]
    Slow,
    /// It does not let Redpoll in.
    #[error("it refuses the handshake: {0}")]
    Unwelcome(String),
    /// It said so.
    #[error("it says: {0}")]
    Refused(String),
    /// It said something else than what it was asked.
    #[error("what it says is not a topology")]
    Malformed,
}

impl AskError {
    /// Whether the log is to say so. Commands meet a refused handshake, too: whoever is the first
    /// says it. Of anything else, whoever asks knows whether it `is_news`.
    pub(super) fn is_news(&self, is_news: bool, complaint: &Complaint) -> bool {
        match self {
            AskError::Unwelcome(_) => complaint.met(Cause::HandshakeRefused),
            AskError::Io(_)
            | AskError::Timeout
            | AskError::Slow
            | AskError::Refused(_)
            | AskError::Malformed => is_news,
        }
    }
}

/// The addresses of a host, in the order to try them; never empty.
pub(super) async fn resolve<N: Net>(
    net: &N,
    address: &Address,
) -> Result<Vec<SocketAddr>, AskError> {
    in_time(async {
        let found = net.resolve(address.host(), address.port()).await?;
        if found.is_empty() {
            return Err(std::io::Error::from(std::io::ErrorKind::AddrNotAvailable).into());
        }
        Ok(found)
    })
    .await
}

/// Asks the node at `at` for its view of the cluster; `address` is what it is known as.
pub(super) async fn topology<N: Net>(
    net: &N,
    greeting: &Greeting,
    (at, address): (SocketAddr, &Address),
) -> Result<Topology, AskError> {
    in_time(async {
        let mut conversation = Conversation::open(net, greeting, at).await?;
        // In one go, so that the epoch is that of the slots.
        conversation.say(&["CLUSTER INFO", "CLUSTER SLOTS"]).await?;
        let info = conversation.answer().await?;
        let epoch = epoch(&info).ok_or(AskError::Malformed)?;
        let view = match conversation.answer().await {
            Ok(reply) => Topology::from_slots(&reply, epoch, address),
            // CLUSTER SHARDS comes second, because in Redis 7.2.0 to 7.2.5 it loses the slots of a
            // shard that has failed over (redis/redis#13414).
            Err(AskError::Refused(_)) => {
                conversation.say(&["CLUSTER SHARDS"]).await?;
                Topology::from_shards(&conversation.answer().await?, epoch, address)
            }
            Err(error) => return Err(error),
        };
        view.ok_or(AskError::Malformed)
    })
    .await
}

/// Asks the server at `at` whether it is there.
pub(super) async fn ping<N: Net>(
    net: &N,
    greeting: &Greeting,
    at: SocketAddr,
) -> Result<(), AskError> {
    in_time(async {
        let mut conversation = Conversation::open(net, greeting, at).await?;
        conversation.say(&["PING"]).await?;
        match conversation.answer().await {
            // Most errors are an answer, too: the server is there.
            Err(AskError::Refused(text)) if !KEPT_OUT.iter().any(|out| text.starts_with(out)) => {
                Ok(())
            }
            answer => answer.map(drop),
        }
    })
    .await
}

/// How a server begins to say that no command whatever will be heard.
const KEPT_OUT: [&str; 3] = ["NOAUTH", "DENIED", "ERR max number of clients"];

async fn in_time<T>(asked: impl Future<Output = Result<T, AskError>>) -> Result<T, AskError> {
    let limit = Duration::from_millis(TOPOLOGY_TIMEOUT_MS);
    timeout(limit, asked).await.unwrap_or(Err(AskError::Timeout))
}

/// Questions and answers on a connection of its own.
struct Conversation<S> {
    stream: S,
    buffer: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    /// Connects, and says who it is where that is needed: not a question before it is believed.
    async fn open<N: Net<Stream = S>>(
        net: &N,
        greeting: &Greeting,
        at: SocketAddr,
    ) -> Result<Self, AskError> {
        let stream = net.connect(at).await?;
        let mut conversation = Conversation { stream, buffer: BytesMut::new() };
        let mut words = Vec::new();
        let mut handshake = Handshake::begin(greeting, &mut words);
        while !handshake.is_done() {
            conversation.stream.write_all(&std::mem::take(&mut words)).await?;
            let frame = conversation.frame().await?;
            if let Progress::Refused(text) = handshake.receive(&frame, &mut words) {
                return Err(AskError::Unwelcome(text));
            }
        }
        Ok(conversation)
    }

    /// Says some lines at once.
    async fn say(&mut self, lines: &[&str]) -> Result<(), AskError> {
        let text: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
        Ok(self.stream.write_all(text.as_bytes()).await?)
    }

    /// The answer to the next line.
    async fn answer(&mut self) -> Result<Value, AskError> {
        let frame = self.frame().await?;
        let value = Value::parse(&frame).ok_or(AskError::Malformed)?;
        if let Value::Error(text) = value {
            return Err(AskError::Refused(String::from_utf8_lossy(&text).into_owned()));
        }
        Ok(value)
    }

    async fn frame(&mut self) -> Result<Bytes, AskError> {
        let mut decoder = ReplyDecoder::default();
        loop {
            let decoded = decoder.decode(&mut self.buffer).map_err(|_| AskError::Malformed)?;
            if let Some(frame) = decoded {
                return Ok(frame);
            }
            if self.buffer.len() > TOPOLOGY_BYTES_MAX {
                return Err(AskError::Malformed);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(AskError::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

/// The cluster's epoch, from the reply to `CLUSTER INFO`.
fn epoch(info: &Value) -> Option<u64> {
    let line = info.as_text()?.lines().find_map(|line| line.strip_prefix("cluster_current_epoch:"));
    line?.trim().parse().ok()
}
