//! Counters. Each worker writes its own, so counting costs no shared cache line; whoever wants to
//! know reads them all and adds up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A number that one thread changes and any thread reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it. Only its one writer may call this.
    pub fn add(&self, amount: u64) {
        // A load and a store instead of an atomic addition: there is one writer.
        self.0.store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }

    /// Takes from it. Only its one writer may call this.
    pub fn sub(&self, amount: u64) {
        self.0.store(self.get().wrapping_sub(amount), Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

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
    /// Commands read from clients.
    pub commands_total: Counter,
    /// Requests sent to nodes: a command split over slots counts each part.
    pub requests_total: Counter,
    /// Redirects followed: MOVED.
    pub redirects_moved_total: Counter,
    /// Redirects followed: ASK.
    pub redirects_ask_total: Counter,
    /// Requests sent again after their connection failed.
    pub retries_total: Counter,
    /// Requests answered with an `UNSENT` error.
    pub unsent_total: Counter,
    /// Requests answered with an `UNSURE` error.
    pub unsure_total: Counter,
    /// Node connections open now.
    pub upstream_connections: Counter,
    /// Node connections opened.
    pub upstream_connections_total: Counter,
    /// Attempts to connect to a node that failed or timed out.
    pub upstream_connect_failures_total: Counter,
    /// Bytes read from clients.
    pub client_read_bytes_total: Counter,
    /// Bytes written to clients.
    pub client_written_bytes_total: Counter,
}

/// What is known of one upstream as a whole.
#[derive(Debug, Default)]
pub struct UpstreamStats {
    /// The name it has in the configuration.
    pub name: String,
    /// Whether some node told its topology when asked last (cluster), or it answered (standalone).
    pub usable: AtomicBool,
    /// Why it is not, in words.
    trouble: Mutex<String>,
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
    /// One a worker.
    pub workers: Arc<[WorkerStats]>,
    /// One an upstream, in the order of their names.
    pub upstreams: Arc<[UpstreamStats]>,
    /// Whether the process is on its way out.
    pub draining: Arc<AtomicBool>,
    /// Clients turned away because there were too many.
    pub clients_refused_total: Arc<Counter>,
}

impl Stats {
    /// Counters at zero for so many workers and these upstreams.
    #[must_use]
    pub fn new<'a>(workers: usize, upstreams: impl IntoIterator<Item = &'a str>) -> Self {
        Stats {
            process: None,
            workers: (0..workers).map(|_| WorkerStats::default()).collect(),
            upstreams: upstreams
                .into_iter()
                .map(|name| UpstreamStats { name: name.to_owned(), ..UpstreamStats::default() })
                .collect(),
            draining: Arc::default(),
            clients_refused_total: Arc::default(),
        }
    }

    /// The sum of one counter over all workers.
    #[must_use]
    pub fn sum(&self, pick: impl Fn(&WorkerStats) -> &Counter) -> u64 {
        self.workers.iter().map(|worker| pick(worker).get()).fold(0, u64::wrapping_add)
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
}

impl Own {
    /// The hold of the worker of this number; `None` if there is none.
    #[must_use]
    pub fn new(stats: Stats, worker: usize) -> Option<Own> {
        (worker < stats.workers.len()).then_some(Own { stats, worker })
    }

    /// The worker's own counters.
    #[must_use]
    pub fn worker(&self) -> &WorkerStats {
        &self.stats.workers[self.worker]
    }

    /// Everybody's.
    #[must_use]
    pub fn all(&self) -> &Stats {
        &self.stats
    }
}
