//! Many clients that pipeline commands on keys of their own and check every reply.
//!
//! ```text
//! Load::run     -> a thread a client: draw a batch -> redis::Pipeline -> Model::check -> again
//! Load::during  -> the same, while the trial does something to the cluster
//! ```

mod model;
mod watch;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use redis::Value;
use tokio::time::Instant;

use crate::harness::{self, PATIENCE, wait_until};

pub(crate) use model::Key;
use model::{Losses, Model, Op};
pub(crate) use watch::{Answers, Watch};

/// Commands of one batch at most.
const BATCH_COMMANDS_MAX: usize = 40;

/// What is drawn to read, of the hundred that [`Client::draw`] draws from.
const READS: std::ops::Range<u32> = 40..83;

/// Keys of one multi-key command at most.
const MULTI_KEYS_MAX: usize = 6;

/// What the clients do, and what they demand.
pub(crate) struct Load {
    /// Where they connect.
    pub(crate) address: SocketAddr,
    /// Everything they draw comes from it.
    pub(crate) seed: u64,
    /// The string keys of each client; how many there are is how many clients there are.
    pub(crate) keys: Vec<Vec<Key>>,
    /// How many commands each client sends before it ends by itself.
    pub(crate) commands_each: u64,
    /// Within what a batch must be answered.
    pub(crate) answered_within: Duration,
    /// What they ask for.
    pub(crate) mix: Mix,
}

/// The commands of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Reads, writes and counting; one value in 200 is large.
    Everything,
    /// The same, with one value in 10 large: what is cut off is then often in the middle of one.
    ManyLarge,
    /// Every key is written once before the first of them is read.
    Reads,
}

/// What has happened so far, and what the trial tells the clients.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Commands answered.
    pub(crate) commands: AtomicU64,
    /// Commands answered with an error that the trial allows.
    pub(crate) refused: AtomicU64,
    /// How often the fragile keys have been lost; to be raised before they are.
    pub(crate) losses: AtomicU32,
    stop: AtomicBool,
}

impl Load {
    /// A load of `clients` clients whose keys, `keys_each` a client, lie anywhere.
    pub(crate) fn anywhere(
        address: SocketAddr,
        seed: u64,
        clients: usize,
        keys_each: usize,
    ) -> Load {
        let keys = (0..clients)
            .map(|client| {
                let name = |key| format!("load{seed}:{client}:{key}");
                (0..keys_each).map(|key| Key { name: name(key), fragile: false }).collect()
            })
            .collect();
        Load {
            address,
            seed,
            keys,
            commands_each: u64::MAX,
            answered_within: PATIENCE,
            mix: Mix::Everything,
        }
    }

    /// Lets the clients send all their commands.
    ///
    /// # Errors
    /// A reply was wrong or late; the message says which, and the seed.
    pub(crate) fn run(&self) -> Result<Progress> {
        let progress = Progress::default();
        self.drive(&progress, || Ok(()), false)?;
        Ok(progress)
    }

    /// Lets the clients go on until `action` is over.
    ///
    /// # Errors
    /// A reply was wrong or late, or `action` failed.
    pub(crate) fn during(&self, action: impl FnOnce(&Progress) -> Result<()>) -> Result<Progress> {
        let progress = Progress::default();
        self.drive(&progress, || action(&progress), true)?;
        Ok(progress)
    }

    fn drive(
        &self,
        progress: &Progress,
        action: impl FnOnce() -> Result<()>,
        stop_after: bool,
    ) -> Result<()> {
        thread::scope(|scope| {
            let clients: Vec<_> = (0..self.keys.len())
                .map(|index| scope.spawn(move || self.client(index, progress)))
                .collect();
            let acted = action();
            if stop_after || acted.is_err() {
                progress.stop.store(true, Ordering::Relaxed);
            }
            let mut failures = String::new();
            for client in clients {
                let ended = client.join().unwrap_or_else(|_| Err(anyhow!("a client panicked")));
                if let Err(error) = ended {
                    write!(failures, "\n{error:#}")?;
                }
            }
            ensure!(failures.is_empty(), "seed {}:{failures}", self.seed);
            acted
        })
    }

    /// One client, from its first command to its last. Its failure stops the others.
    fn client(&self, index: usize, progress: &Progress) -> Result<()> {
        let mut client = Client::new(self, index);
        let mut ended = client.converse(progress);
        if ended.is_err() {
            progress.stop.store(true, Ordering::Relaxed);
            ended = ended.with_context(|| format!("client {index} after {} commands", client.sent));
        }
        ended
    }
}

impl Progress {
    /// Waits until `count` more commands have been answered.
    ///
    /// # Errors
    /// A client failed, or it takes longer than [`PATIENCE`].
    pub(crate) fn wait_for_commands(&self, count: u64) -> Result<()> {
        let goal = self.commands.load(Ordering::Relaxed) + count;
        wait_until("the load has gone on", PATIENCE, || {
            ensure!(!self.stop.load(Ordering::Relaxed), "a client of the load failed");
            Ok((self.commands.load(Ordering::Relaxed) >= goal).then_some(()))
        })
    }
}

struct Client<'a> {
    load: &'a Load,
    index: usize,
    rng: StdRng,
    model: Model,
    sent: u64,
}

impl<'a> Client<'a> {
    fn new(load: &'a Load, index: usize) -> Client<'a> {
        let texts = load.keys[index].clone();
        let counters = texts
            .iter()
            .take(3)
            .map(|key| Key { name: format!("{}:count:{{{}}}", key.name, key.name), ..key.clone() })
            .collect();
        let rng = StdRng::seed_from_u64(load.seed.wrapping_mul(1000) + index as u64);
        Client { load, index, rng, model: Model::new(texts, counters), sent: 0 }
    }

    fn converse(&mut self, progress: &Progress) -> Result<()> {
        let query = if self.index.is_multiple_of(2) { "" } else { "?protocol=resp3" };
        let mut connection = harness::connection(self.load.address, query)?;
        if self.load.mix == Mix::Reads {
            let writes: Vec<Op> =
                (0..self.model.texts.len()).map(|key| Op::Set(key, self.value())).collect();
            self.exchange(&mut connection, &writes, progress)?;
        }
        while self.sent < self.load.commands_each && !progress.stop.load(Ordering::Relaxed) {
            let left = usize::try_from(self.load.commands_each - self.sent).unwrap_or(usize::MAX);
            let size = self.rng.random_range(1..=BATCH_COMMANDS_MAX).min(left);
            let ops: Vec<Op> = (0..size).map(|_| self.draw()).collect();
            self.exchange(&mut connection, &ops, progress)?;
        }
        Ok(())
    }

    /// Sends a batch at once and checks all its replies.
    fn exchange(
        &mut self,
        connection: &mut redis::Connection,
        ops: &[Op],
        progress: &Progress,
    ) -> Result<()> {
        let mut pipeline = redis::pipe();
        pipeline.ignore_errors();
        for op in ops {
            pipeline.add_command(self.model.command(op));
        }
        let before = progress.losses.load(Ordering::Acquire);
        let start = Instant::now();
        let replies: Vec<Value> = pipeline.query(connection).context("the connection failed")?;
        let took = start.elapsed();
        let after = progress.losses.load(Ordering::Acquire);
        let refused = self.model.check(ops, &replies, Losses { before, after })?;
        ensure!(took <= self.load.answered_within, "a batch took {took:?}");
        self.sent += ops.len() as u64;
        progress.commands.fetch_add(ops.len() as u64, Ordering::Relaxed);
        progress.refused.fetch_add(refused, Ordering::Relaxed);
        Ok(())
    }

    fn draw(&mut self) -> Op {
        let key = self.rng.random_range(0..self.model.texts.len());
        let kinds = match self.load.mix {
            Mix::Everything | Mix::ManyLarge => 0..100,
            Mix::Reads => READS,
        };
        match self.rng.random_range(kinds) {
            0..40 => Op::Set(key, self.value()),
            40..75 => Op::Get(key),
            75..83 => Op::MultiGet(self.several()),
            83..93 => Op::Incr(self.rng.random_range(0..self.model.counters.len())),
            93..97 => {
                Op::MultiSet(self.several().into_iter().map(|key| (key, self.value())).collect())
            }
            97..99 => Op::Delete(self.several()),
            _ => Op::Delete(vec![key]),
        }
    }

    /// Some keys, none of them twice.
    fn several(&mut self) -> Vec<usize> {
        let mut keys: Vec<usize> = (0..self.model.texts.len()).collect();
        keys.shuffle(&mut self.rng);
        keys.truncate(self.rng.random_range(1..=MULTI_KEYS_MAX));
        keys
    }

    /// A value that no other command of any client writes; now and then a large one.
    fn value(&mut self) -> String {
        let mut value =
            format!("{}:{}:{:016x}:", self.load.seed, self.index, self.rng.random::<u64>());
        let large = if self.load.mix == Mix::ManyLarge { 20 } else { 1 };
        let padding = match self.rng.random_range(0..200) {
            number if number < large => self.rng.random_range(16_000..70_000),
            0..40 => self.rng.random_range(200..3000),
            _ => self.rng.random_range(0..50),
        };
        value.extend(std::iter::repeat_n('x', padding));
        value
    }
}
