//! All metrics as text, made piece by piece: with many nodes the whole is several megabytes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::families::FAMILIES;
use super::{Family, Of, Samples, encode};
use crate::stats::{BackendStats, Histogram, NodeStats, NodesView, Stats};

/// A piece is complete once it is this long, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The pieces of the text. The lists of nodes and connections are those of the beginning, the
/// numbers those of the moment when each is written.
pub(in crate::admin) struct Text {
    stats: Stats,
    now: Instant,
    /// Of each upstream, its label.
    labels: Vec<String>,
    connections: Vec<NodesView>,
    /// Of each node of any upstream, its labels and what counts for it.
    nodes: Vec<(String, Vec<Arc<NodeStats>>)>,
    /// The family to go on with.
    family: usize,
    /// The node to go on with, if the family has samples by node.
    node: usize,
}

impl Text {
    /// The text of the counters as they are now.
    pub(in crate::admin) fn new(stats: &Stats, now: Instant) -> Text {
        let names = stats.upstreams.iter();
        let labels: Vec<_> = names.map(|one| encode::label("upstream", &one.name)).collect();
        let connections = stats.nodes();
        let mut nodes = Vec::new();
        for (upstream, view) in labels.iter().zip(&connections) {
            nodes.extend(view.nodes().map(|(address, blocks)| {
                let node = encode::label("node", &address.to_string());
                (format!("{upstream},{node}"), blocks.to_vec())
            }));
        }
        Text { stats: stats.clone(), now, labels, connections, nodes, family: 0, node: 0 }
    }

    /// Writes all of a family, or what is next of one by node.
    fn write(&mut self, text: &mut String, family: &Family) {
        let Family { name, kind, help, samples } = family;
        if self.node == 0 {
            encode::header(text, name, kind.name(), help);
        }
        let Samples::Nodes(of) = samples else {
            self.write_whole(text, name, samples);
            self.family += 1;
            return;
        };
        if let Some((labels, blocks)) = self.nodes.get(self.node) {
            self.write_of(text, (name, labels), of, blocks.iter().map(Arc::as_ref));
            self.node += 1;
        }
        if self.node == self.nodes.len() {
            (self.family, self.node) = (self.family + 1, 0);
        }
    }

    fn write_whole(&self, text: &mut String, name: &str, samples: &Samples) {
        let stats = &self.stats;
        match samples {
            Samples::Process(get) => {
                get(stats).into_iter().for_each(|value| encode::number(text, name, "", value));
            }
            Samples::ProcessMicros(get) => {
                let value = get(stats).map(Duration::from_micros);
                value.into_iter().for_each(|value| encode::seconds(text, name, "", value));
            }
            Samples::Build(labels) => encode::number(text, name, labels, 1),
            Samples::Workers(samples) => {
                for (labels, get) in *samples {
                    encode::number(text, name, labels, stats.sum(get));
                }
            }
            Samples::EachWorker(of) => {
                self.write_of(text, (name, ""), of, stats.workers.iter());
            }
            Samples::Upstreams(samples) => {
                for (upstream, own) in stats.upstreams.iter().zip(&self.labels) {
                    for (labels, get) in *samples {
                        encode::number(text, name, &joined(own, labels), get(upstream));
                    }
                }
            }
            Samples::Backends(of) => {
                for (upstream, labels) in self.labels.iter().enumerate() {
                    self.write_of(text, (name, labels), of, stats.backends(upstream));
                }
            }
            Samples::Connections(of) => {
                for (view, labels) in self.connections.iter().zip(&self.labels) {
                    self.write_of(text, (name, labels), of, view.all());
                }
            }
            Samples::Commands => {
                for (upstream, labels) in self.labels.iter().enumerate() {
                    self.write_commands(text, (name, labels), upstream);
                }
            }
            Samples::Nodes(_) => {}
        }
    }

    /// Writes what several of a kind come to.
    fn write_of<'a, T: 'a>(
        &self,
        text: &mut String,
        (name, labels): (&str, &str),
        of: &Of<T>,
        all: impl Iterator<Item = &'a T> + Clone,
    ) {
        match of {
            Of::Sum(get) => {
                let sum = all.map(get).fold(0, u64::wrapping_add);
                encode::number(text, name, labels, sum);
            }
            Of::By(label, get) => {
                let Some(first) = all.clone().next() else { return };
                for (index, value) in (0..).map_while(|at| Some((at, get(first).label(at)?))) {
                    let sum = all.clone().map(|one| get(one).number(index));
                    let sum = sum.fold(0, u64::wrapping_add);
                    let labels = joined(labels, &encode::label(label, value));
                    encode::number(text, name, &labels, sum);
                }
            }
            Of::Longest(get) => {
                let longest = all.map(|one| get(one).age(self.now)).max().unwrap_or_default();
                encode::seconds(text, name, labels, longest);
            }
            Of::Histogram(get) => {
                let sum = Histogram::default();
                all.for_each(|one| sum.absorb(get(one)));
                encode::histogram(text, name, labels, &sum);
            }
        }
    }

    /// Writes the latencies of the commands that were used.
    fn write_commands(&self, text: &mut String, (name, labels): (&str, &str), upstream: usize) {
        let mut sums: BTreeMap<&str, Histogram> = BTreeMap::new();
        for commands in self.stats.backends(upstream).filter_map(BackendStats::commands) {
            for (row, histogram) in commands.iter().filter(|(_, one)| one.count() > 0) {
                sums.entry(row.name).or_default().absorb(histogram);
            }
        }
        for (command, sum) in sums {
            let labels = joined(labels, &encode::label("command", command));
            encode::histogram(text, name, &labels, &sum);
        }
    }
}

impl Iterator for Text {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut text = String::new();
        while text.len() < PIECE_BYTES
            && let Some(family) = FAMILIES.get(self.family)
        {
            self.write(&mut text, family);
        }
        (!text.is_empty()).then_some(text)
    }
}

fn joined(one: &str, other: &str) -> String {
    let comma = if one.is_empty() || other.is_empty() { "" } else { "," };
    format!("{one}{comma}{other}")
}
