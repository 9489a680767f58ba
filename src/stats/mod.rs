//! What is counted. Each worker writes its own, so counting costs no shared cache line; whoever
//! wants to know reads them all and adds up.
//!
//! ```text
//! Stats -+- WorkerStats, one a worker -+- BackendStats, one an upstream: redirects, retries
//!        |                             '- NodeStats, one a node connection: requests, latencies
//!        '- UpstreamStats, one an upstream: its topology
//! ```

mod backend;
mod client;
mod complaint;
mod counter;
mod histogram;
mod node;
mod registry;

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub use backend::{BackendStats, Commands, ErrorCode, Redirect, RetryReason};
pub use client::ClientEnd;
pub use complaint::{Complaint, Complaints};
pub use counter::{By, Counter, Kind, Labelled};
pub use histogram::{BOUNDS_TEXT, BOUNDS_US, Histogram};
pub use node::{CloseCause, ConnectFailure, DrainEnd, FlushTrigger, NodeStats, Since, Stage};
pub use registry::NodesView;
use registry::Registry;

use crate::proto::cluster::Address;

/// What one worker counts. Aligned, so that no two workers share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct WorkerStats {
    /// Client connections open now.
    pub clients: Counter,
    /// Client connections opened.
    pub clients_total: Counter,
    /// Client connections closed because they sent what is not RESP.
    pub protocol_errors_total: Counter,
    /// Client connections that are over.
    pub clients_closed: By<ClientEnd>,
    /// Bytes that buffers hold now.
    pub buffered_bytes: Counter,
    /// Those of them that are half commands for the rest of which there is no room.
    pub starving_bytes: Counter,
    /// Commands read from clients.
    pub commands_total: Counter,
    /// Bytes read from clients.
    pub client_read_bytes_total: Counter,
    /// Bytes written to clients.
    pub client_written_bytes_total: Counter,
    /// One an upstream, in the order of their names.
    pub upstreams: Box<[BackendStats]>,
    nodes: Registry,
}

/// What is known of one upstream as a whole.
#[derive(Debug, Default)]
pub struct UpstreamStats {
    /// The name it has in the configuration.
    pub name: String,
    /// Whether some node told its topology when asked last (cluster), or it answered (standalone).
    pub usable: AtomicBool,
    /// Where it is.
    target: Mutex<String>,
    /// Why it is not, in words.
    trouble: Mutex<String>,
    /// What the log says of its nodes.
    pub complaints: Complaints,
    /// Topology refreshes that gave a view.
    pub refreshes_total: Counter,
    /// Topology refreshes that failed, or gave a view that was refused.
    pub refresh_failures_total: Counter,
    /// Looks at the topology begun because nothing was known.
    pub looks_first_total: Counter,
    /// Looks begun because it was time.
    pub looks_periodic_total: Counter,
    /// Looks begun because the one before settled nothing.
    pub looks_again_total: Counter,
    /// Looks begun because nodes sent commands elsewhere.
    pub looks_redirects_total: Counter,
    /// Looks begun because commands failed.
    pub looks_failures_total: Counter,
    /// Slots that no node serves. 0 for a standalone server.
    pub slots_uncovered: AtomicU64,
}

impl UpstreamStats {
    /// Notes that it can be used, or why not.
    pub fn set_usable(&self, usable: Result<(), String>) {
        self.usable.store(usable.is_ok(), Ordering::Relaxed);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = usable.err().unwrap_or_default();
    }

    /// Notes where it is.
    pub fn set_target(&self, target: String) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// Where it is: the server, or nodes that were known from the start; empty before anybody says.
    #[must_use]
    pub fn target(&self) -> String {
        self.target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it can be used, in words.
    #[must_use]
    pub fn health(&self) -> String {
        if !self.usable.load(Ordering::Relaxed) {
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            let why = if trouble.is_empty() { "no answer yet" } else { &trouble };
            return format!("not usable: {why}");
        }
        match self.slots_uncovered.load(Ordering::Relaxed) {
            0 => "usable".to_owned(),
            count => format!("usable, but no node serves {count} of its slots"),
        }
    }
}

/// What the operating system counts for the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The process' number.
    pub id: u32,
    /// Memory in use, in bytes.
    pub memory_bytes: u64,
    /// Processor time spent in user space, in microseconds.
    pub cpu_user_us: u64,
    /// Processor time spent in the kernel, in microseconds.
    pub cpu_system_us: u64,
}

/// All the counters of a process, shared between its threads.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Asks the operating system about the process; `None` in a simulation.
    pub process: Option<fn() -> Option<Process>>,
    /// Asks for the time of day, since the Unix epoch; `None` in a simulation.
    pub time_of_day: Option<fn() -> Duration>,
    /// What buffers may hold, in bytes; 0 as long as nobody has said.
    pub memory_bytes_max: u64,
    /// One a worker.
    pub workers: Arc<[WorkerStats]>,
    /// One an upstream, in the order of their names.
    pub upstreams: Arc<[UpstreamStats]>,
    /// Whether the process is on its way out.
    pub draining: Arc<AtomicBool>,
    /// Clients turned away because there were too many.
    pub clients_refused_total: Arc<Counter>,
    /// When the first worker began.
    began: Arc<OnceLock<Instant>>,
    /// The time of day then.
    started_at: Arc<OnceLock<Duration>>,
}

impl Stats {
    /// Counters at zero for so many workers and these upstreams.
    #[must_use]
    pub fn new<'a>(workers: usize, upstreams: impl IntoIterator<Item = &'a str>) -> Self {
        let upstreams: Arc<[_]> = upstreams
            .into_iter()
            .map(|name| UpstreamStats { name: name.to_owned(), ..UpstreamStats::default() })
            .collect();
        let backends = || upstreams.iter().map(|_| BackendStats::default()).collect();
        let worker = |_| WorkerStats { upstreams: backends(), ..WorkerStats::default() };
        Stats {
            process: None,
            time_of_day: None,
            memory_bytes_max: 0,
            workers: (0..workers).map(worker).collect(),
            upstreams,
            draining: Arc::default(),
            clients_refused_total: Arc::default(),
            began: Arc::default(),
            started_at: Arc::default(),
        }
    }

    /// The time of day when the process started: as whoever asked first worked it out, so that all
    /// are told the same.
    #[must_use]
    pub fn started_at(&self, worked_out: Duration) -> Duration {
        *self.started_at.get_or_init(|| worked_out)
    }

    /// The sum of one counter over all workers.
    #[must_use]
    pub fn sum(&self, pick: impl Fn(&WorkerStats) -> &Counter) -> u64 {
        self.workers.iter().map(|worker| pick(worker).get()).fold(0, u64::wrapping_add)
    }

    /// The sum of one number over all workers and upstreams.
    #[must_use]
    pub fn sum_upstreams(&self, pick: impl Fn(&BackendStats) -> u64) -> u64 {
        let all = self.workers.iter().flat_map(|worker| &worker.upstreams);
        all.map(pick).fold(0, u64::wrapping_add)
    }

    /// What each worker counts for the upstream of this number.
    pub fn backends(&self, upstream: usize) -> impl Iterator<Item = &BackendStats> + Clone {
        self.workers.iter().filter_map(move |worker| worker.upstreams.get(upstream))
    }

    /// The sum of one number over all node connections, those that are over included.
    #[must_use]
    pub fn sum_nodes(&self, pick: impl Fn(&NodeStats) -> u64) -> u64 {
        let views = self.nodes();
        views.iter().flat_map(NodesView::all).map(pick).fold(0, u64::wrapping_add)
    }

    /// What counts for the nodes of each upstream, in the order of `upstreams`. It goes on counting
    /// while it is read.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodesView> {
        let mut all = vec![NodesView::default(); self.upstreams.len()];
        self.workers.iter().for_each(|worker| worker.nodes.collect(&mut all));
        all
    }

    /// Whether a client that connects now can be served: some upstream is usable and no drain has
    /// begun.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
            && self.upstreams.iter().any(|upstream| upstream.usable.load(Ordering::Relaxed))
    }
}

/// One worker's hold on the counters: its own to write, everybody's to read.
#[derive(Debug)]
pub struct Own {
    stats: Stats,
    worker: usize,
    began: Instant,
}

impl Own {
    /// The hold of the worker of this number; `None` if there is none.
    #[must_use]
    pub fn new(stats: Stats, worker: usize) -> Option<Own> {
        let began = *stats.began.get_or_init(|| tokio::time::Instant::now().into_std());
        (worker < stats.workers.len()).then_some(Own { stats, worker, began })
    }

    /// The worker's own counters.
    #[must_use]
    pub fn worker(&self) -> &WorkerStats {
        &self.stats.workers[self.worker]
    }

    /// The hold on the counters of the upstream of this number; `None` if there is none.
    #[must_use]
    pub fn upstream(self: &Rc<Own>, upstream: usize) -> Option<OwnUpstream> {
        let known = upstream < self.worker().upstreams.len();
        known.then(|| OwnUpstream { own: Rc::clone(self), upstream })
    }

    /// Everybody's.
    #[must_use]
    pub fn all(&self) -> &Stats {
        &self.stats
    }
}

/// One worker's hold on the counters of one upstream.
#[derive(Clone, Debug)]
pub struct OwnUpstream {
    own: Rc<Own>,
    upstream: usize,
}

impl OwnUpstream {
    /// The worker's own counters for the upstream.
    #[must_use]
    pub fn stats(&self) -> &BackendStats {
        &self.own.worker().upstreams[self.upstream]
    }

    /// What is known of the upstream as a whole.
    #[must_use]
    pub fn upstream(&self) -> &UpstreamStats {
        &self.own.all().upstreams[self.upstream]
    }

    /// What a new connection to a node counts in. It is over when that is dropped, and its counts
    /// then go to the node's.
    #[must_use]
    pub fn node(&self, address: &Address) -> Arc<NodeStats> {
        self.own.worker().nodes.connection(self.upstream, address, self.own.began)
    }

    /// The right to complain of a node of the upstream.
    #[must_use]
    pub fn complaint(&self, node: &Address) -> Complaint {
        self.own.stats.upstreams[self.upstream].complaints.of(node)
    }

    /// These are the upstream's nodes now. Any other is shown as long as it has a connection; its
    /// counts then go to the upstream's.
    pub fn nodes_listed<'a>(&self, nodes: impl IntoIterator<Item = &'a Address>) {
        self.own.worker().nodes.keep(self.upstream, &nodes.into_iter().collect());
    }
}

#[cfg(test)]
mod tests;
