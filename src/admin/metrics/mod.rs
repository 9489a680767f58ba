//! The counters in the Prometheus text format.
//!
//! ```text
//! FAMILIES (what there is) -> Text (a snapshot, piece by piece) -> encode (lines)
//!                         '-> manual (Markdown)
//! ```
//!
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4.

mod encode;
mod families;
mod manual;
mod text;

use crate::stats::{
    BackendStats, Counter, Histogram, Labelled, NodeStats, Since, Stats, UpstreamStats, WorkerStats,
};
pub use manual::markdown;
pub(super) use text::Text;

/// Metrics of one name.
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: Samples,
}

/// What a metric is, in Prometheus' sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations, counted by size.
    Histogram,
}

/// Labels, as they are written, beside what reads the number that they label.
type Sample<F> = (&'static str, F);

type OfWorker = fn(&WorkerStats) -> &Counter;
type OfUpstream = fn(&UpstreamStats) -> u64;

/// Where the numbers of a family come from.
enum Samples {
    /// One of the process, if it is known.
    Process(fn(&Stats) -> Option<u64>),
    /// The same, in microseconds; shown in seconds.
    ProcessMicros(fn(&Stats) -> Option<u64>),
    /// Always 1, with these labels.
    Build(&'static str),
    /// One of each worker; shown is the sum.
    Workers(&'static [Sample<OfWorker>]),
    /// The same, of another shape.
    EachWorker(Of<WorkerStats>),
    /// One of each upstream, whose name is a label more.
    Upstreams(&'static [Sample<OfUpstream>]),
    /// One of each worker and upstream; shown is the sum for each upstream.
    Backends(Of<BackendStats>),
    /// One of each node connection; shown is the sum for each upstream.
    Connections(Of<NodeStats>),
    /// One of each node connection; shown is the sum for each node.
    Nodes(Of<NodeStats>),
    /// The latencies of each upstream and command that was used.
    Commands,
}

/// What is read of each, and how several become one.
enum Of<T: 'static> {
    /// A number: their sum.
    Sum(fn(&T) -> u64),
    /// A number for each value of a label: the sums.
    By(&'static str, fn(&T) -> &dyn Labelled),
    /// Since when something has been so: the longest time.
    Longest(fn(&T) -> &Since),
    /// Durations: all of them.
    Histogram(fn(&T) -> &Histogram),
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

#[cfg(test)]
mod tests;
