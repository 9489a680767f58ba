//! Where the nodes of an upstream are: asked at intervals, and when something seems to have
//! changed.
//!
//! ```text
//! wants_refresh (MOVED, failures) --.
//! interval with jitter -------------'-> ask node after node -> Topology -> every worker
//! ```
//!
//! A view is taken over unless it is older than the one in force: it carries the cluster's epoch,
//! which only grows. If for several rounds no node has a view that new, the cluster is another one
//! (it was reset or restored), and the best view there is is taken.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::limits::{
    TOPOLOGY_BYTES_MAX, TOPOLOGY_REFRESH_MS, TOPOLOGY_REFRESH_MS_MIN, TOPOLOGY_REFUSALS_MAX,
    TOPOLOGY_RETRY_MS, TOPOLOGY_TIMEOUT_MS,
};
use crate::net::Net;
use crate::proto::cluster::{Address, Topology};
use crate::proto::resp::{ReplyDecoder, Value};
use crate::stats::UpstreamStats;

/// Why a node gave no view.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("no answer within {TOPOLOGY_TIMEOUT_MS} ms")]
    Timeout,
    #[error("it says: {0}")]
    Refused(String),
    #[error("what it says is not a topology")]
    Malformed,
}

/// How one round of questions ended.
enum Round {
    /// With a view to take over.
    View(Topology),
    /// Only with views older than the one in force; this is the best of them.
    Older(Topology),
    /// Without a view.
    Nothing,
}

/// The look-out for one Redis Cluster.
pub(crate) struct Discovery<N> {
    pub(crate) net: N,
    /// The upstream's name.
    pub(crate) name: String,
    pub(crate) seeds: Vec<Address>,
    pub(crate) rng: StdRng,
    /// Someone wants a refresh; ends when nobody can.
    pub(crate) wanted: mpsc::Receiver<()>,
}

impl<N: Net> Discovery<N> {
    /// Looks out until nobody wants to know any more.
    pub(crate) async fn run(mut self, stats: &UpstreamStats, publish: impl Fn(&Arc<Topology>)) {
        let mut current: Option<Arc<Topology>> = None;
        let mut refusals = 0;
        loop {
            let round = self.round(current.as_deref()).await;
            let ended = Instant::now();
            stats.usable.store(!matches!(round, Round::Nothing), Ordering::Relaxed);
            let view = match round {
                Round::View(view) => Some(view),
                Round::Older(view) => {
                    refusals += 1;
                    (refusals >= TOPOLOGY_REFUSALS_MAX).then_some(view)
                }
                Round::Nothing => None,
            };
            // With slots that nobody serves, something is about to change.
            let is_whole = view.as_ref().is_some_and(|view| view.uncovered() == 0);
            if let Some(view) = view {
                refusals = 0;
                stats.refreshes_total.add(1);
                stats.slots_uncovered.store(view.uncovered() as u64, Ordering::Relaxed);
                // Published even if unchanged: a worker may have followed redirects that led
                // astray.
                let view = Arc::new(view);
                self.announce(current.as_deref(), &view);
                publish(&view);
                current = Some(view);
            } else {
                stats.refresh_failures_total.add(1);
            }
            if !self.pause(ended, is_whole).await {
                return;
            }
        }
    }

    /// Waits for the next round; false if there is none.
    async fn pause(&mut self, ended: Instant, is_whole: bool) -> bool {
        let spread = self.rng.random_range(75..=125_u64);
        let after = |ms: u64| ended + Duration::from_millis(ms * spread / 100);
        let earliest = after(TOPOLOGY_REFRESH_MS_MIN);
        let latest = after(if is_whole { TOPOLOGY_REFRESH_MS } else { TOPOLOGY_RETRY_MS });
        if let Ok(None) = timeout_at(latest, self.wanted.recv()).await {
            return false;
        }
        sleep_until(earliest).await;
        // What was wanted while waiting is served by the round that follows.
        while self.wanted.try_recv().is_ok() {}
        true
    }

    /// Asks one node after the other until one has a view to take over.
    ///
    /// A view with a gap is only taken if no other node has a better one: a node that was removed
    /// from the cluster keeps the epoch, but knows of nobody who serves anything.
    async fn round(&mut self, current: Option<&Topology>) -> Round {
        let epoch = current.map_or(0, Topology::epoch);
        let worth = |view: &Topology| {
            (view.epoch() >= epoch, std::cmp::Reverse(view.uncovered()), view.epoch())
        };
        let mut best: Option<Topology> = None;
        for address in self.candidates(current) {
            let limit = Duration::from_millis(TOPOLOGY_TIMEOUT_MS);
            let asked = timeout(limit, ask(&self.net, &address)).await;
            match asked.unwrap_or(Err(AskError::Timeout)) {
                Err(error) => {
                    let name = &self.name;
                    // Until there is a view, this is what keeps every client waiting.
                    if current.is_none() {
                        tracing::warn!(upstream = name, node = %address, "no topology: {error}");
                    } else {
                        tracing::debug!(upstream = name, node = %address, "no topology: {error}");
                    }
                }
                Ok(view) if view.epoch() >= epoch && view.uncovered() == 0 => {
                    return Round::View(view);
                }
                Ok(view) => {
                    if best.as_ref().is_none_or(|best| worth(&view) > worth(best)) {
                        best = Some(view);
                    }
                }
            }
        }
        match best {
            Some(view) if view.epoch() >= epoch => Round::View(view),
            Some(view) => Round::Older(view),
            None => Round::Nothing,
        }
    }

    /// Whom to ask: the nodes of the view in force, beginning anywhere, then the seeds.
    fn candidates(&mut self, current: Option<&Topology>) -> Vec<Address> {
        let mut candidates = current.map_or_else(Vec::new, |view| view.nodes().to_vec());
        if !candidates.is_empty() {
            let first = self.rng.random_range(0..candidates.len());
            candidates.rotate_left(first);
        }
        for seed in &self.seeds {
            if !candidates.contains(seed) {
                candidates.push(seed.clone());
            }
        }
        candidates
    }

    fn announce(&self, before: Option<&Topology>, view: &Topology) {
        if before == Some(view) {
            return;
        }
        let (nodes, uncovered, epoch) = (view.nodes().len(), view.uncovered(), view.epoch());
        tracing::info!(upstream = self.name, nodes, uncovered, epoch, "topology");
    }
}

/// Asks one node for its view.
async fn ask<N: Net>(net: &N, address: &Address) -> Result<Topology, AskError> {
    let mut conversation = Conversation::open(net, address).await?;
    let info = conversation.ask(&["CLUSTER", "INFO"]).await?;
    let epoch = epoch(&info).ok_or(AskError::Malformed)?;
    // CLUSTER SHARDS comes second, because in Redis 7.2.0 to 7.2.5 it loses the slots of a shard
    // that has failed over (redis/redis#13414).
    let view = match conversation.ask(&["CLUSTER", "SLOTS"]).await {
        Ok(reply) => Topology::from_slots(&reply, epoch, address),
        Err(AskError::Refused(_)) => {
            let reply = conversation.ask(&["CLUSTER", "SHARDS"]).await?;
            Topology::from_shards(&reply, epoch, address)
        }
        Err(error) => return Err(error),
    };
    view.ok_or(AskError::Malformed)
}

/// Watches over one standalone server: whether it answers.
pub(crate) async fn watch<N: Net>(
    net: N,
    address: Address,
    mut wanted: mpsc::Receiver<()>,
    stats: &UpstreamStats,
) {
    let mut told = None;
    loop {
        let began = Instant::now();
        let limit = Duration::from_millis(TOPOLOGY_TIMEOUT_MS);
        let asked = timeout(limit, ping(&net, &address)).await;
        let answer = asked.unwrap_or(Err(AskError::Timeout));
        let usable = answer.is_ok();
        stats.usable.store(usable, Ordering::Relaxed);
        if told.replace(usable) != Some(usable) {
            let upstream = &stats.name;
            match answer {
                Ok(()) => tracing::info!(upstream, server = %address, "the server answers"),
                Err(error) => {
                    tracing::warn!(upstream, server = %address, "{error}; asking again");
                }
            }
        }
        let pause = if usable { TOPOLOGY_REFRESH_MS } else { TOPOLOGY_RETRY_MS };
        let latest = began + Duration::from_millis(pause);
        if let Ok(None) = timeout_at(latest, wanted.recv()).await {
            return;
        }
        sleep_until(began + Duration::from_millis(TOPOLOGY_REFRESH_MS_MIN)).await;
    }
}

async fn ping<N: Net>(net: &N, address: &Address) -> Result<(), AskError> {
    match Conversation::open(net, address).await?.ask(&["PING"]).await {
        // An error is an answer, too: the server is there.
        Ok(_) | Err(AskError::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// One question after the other, on a connection of its own.
struct Conversation<S> {
    stream: S,
    buffer: BytesMut,
}

impl<S> Conversation<S> {
    async fn open<N: Net<Stream = S>>(net: &N, address: &Address) -> std::io::Result<Self> {
        let mut failure = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
        for socket_address in net.resolve(address.host(), address.port()).await? {
            match net.connect(socket_address).await {
                Ok(stream) => return Ok(Conversation { stream, buffer: BytesMut::new() }),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Conversation<S> {
    async fn ask(&mut self, words: &[&str]) -> Result<Value, AskError> {
        self.stream.write_all(format!("{}\r\n", words.join(" ")).as_bytes()).await?;
        let frame = self.reply().await?;
        let value = Value::parse(&frame).ok_or(AskError::Malformed)?;
        if let Value::Error(text) = value {
            return Err(AskError::Refused(String::from_utf8_lossy(&text).into_owned()));
        }
        Ok(value)
    }

    async fn reply(&mut self) -> Result<Bytes, AskError> {
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::task::LocalSet;

    use super::*;
    use crate::net::TokioNet;

    /// A node that answers every question about the cluster: its epoch, and the slots from 0 to
    /// `last` served by itself; `None` stands for no slot at all.
    async fn node(epoch: u64, last: Option<u16>) -> Address {
        let listener = TokioNet.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let port = TokioNet.local_addr(&listener).unwrap().port();
        let info = format!("cluster_current_epoch:{epoch}\r\n");
        let slots = last.map_or("*0\r\n".to_owned(), |last| {
            format!("*1\r\n*3\r\n:0\r\n:{last}\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n")
        });
        TokioNet.spawn(async move {
            while let Ok((accepted, _)) = TokioNet.accept(&listener).await {
                let mut stream = TokioNet.adopt(accepted).unwrap();
                let mut line = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut line).await {
                    let answer = match &line[..count] {
                        b"CLUSTER INFO\r\n" => format!("${}\r\n{info}\r\n", info.len()),
                        b"CLUSTER SLOTS\r\n" => slots.clone(),
                        _ => "-ERR what\r\n".to_owned(),
                    };
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        Address::new("127.0.0.1", port).unwrap()
    }

    #[tokio::test]
    async fn a_node_without_slots_does_not_empty_the_table() {
        let story = async {
            let removed = node(7, None).await;
            let member = node(7, Some(16_383)).await;
            let (wants, wanted) = mpsc::channel(1);
            let mut discovery = Discovery {
                net: TokioNet,
                name: "main".to_owned(),
                seeds: vec![removed, member.clone()],
                rng: rand::SeedableRng::seed_from_u64(1),
                wanted,
            };
            let Round::View(first) = discovery.round(None).await else { panic!("no view") };
            assert_eq!((first.uncovered(), first.nodes()), (0, &[member][..]));
            drop(wants);
        };
        LocalSet::new().run_until(story).await;
    }
}
