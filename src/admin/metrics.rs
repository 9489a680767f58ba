//! The counters in the Prometheus text format: a table of what there is, and its encoder.
//!
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use crate::stats::{Counter, Stats, UpstreamStats, WorkerStats};

/// Metrics of one name.
struct Family {
    name: &'static str,
    /// `counter` or `gauge`.
    kind: &'static str,
    help: &'static str,
    samples: Samples,
}

/// Labels beside the reader of the number they label; without labels the text is empty.
type Sample<F> = (&'static str, F);

type OfProcess = fn(&Stats) -> u64;
type OfWorker = fn(&WorkerStats) -> &Counter;
type OfUpstream = fn(&UpstreamStats) -> u64;

/// Where the numbers of a family come from.
enum Samples {
    /// One of the process.
    Process(&'static [Sample<OfProcess>]),
    /// One of each worker; shown is the sum.
    Workers(&'static [Sample<OfWorker>]),
    /// One of each upstream, which is a label more.
    Upstreams(&'static [Sample<OfUpstream>]),
}

const BUILD: &str = concat!(
    "version=\"",
    env!("CARGO_PKG_VERSION"),
    "\",revision=\"",
    env!("REDPOLL_REVISION"),
    "\""
);

const FAMILIES: &[Family] = &[
    Family {
        name: "redpoll_build_info",
        kind: "gauge",
        help: "Always 1; the labels say what is running.",
        samples: Samples::Process(&[(BUILD, |_| 1)]),
    },
    Family {
        name: "redpoll_workers",
        kind: "gauge",
        help: "Worker threads.",
        samples: Samples::Process(&[("", |stats| stats.workers.len() as u64)]),
    },
    Family {
        name: "redpoll_draining",
        kind: "gauge",
        help: "1 while the process is on its way out.",
        samples: Samples::Process(&[("", |stats| u64::from(stats.draining.load(Relaxed)))]),
    },
    Family {
        name: "redpoll_downstream_connections",
        kind: "gauge",
        help: "Client connections open now.",
        samples: Samples::Workers(&[("", |worker| &worker.clients)]),
    },
    Family {
        name: "redpoll_downstream_connections_total",
        kind: "counter",
        help: "Client connections opened.",
        samples: Samples::Workers(&[("", |worker| &worker.clients_total)]),
    },
    Family {
        name: "redpoll_downstream_connections_refused_total",
        kind: "counter",
        help: "Client connections turned away because there were clients_max.",
        samples: Samples::Process(&[("", |stats| stats.clients_refused_total.get())]),
    },
    Family {
        name: "redpoll_downstream_protocol_errors_total",
        kind: "counter",
        help: "Client connections closed because they sent what is not RESP.",
        samples: Samples::Workers(&[("", |worker| &worker.protocol_errors_total)]),
    },
    Family {
        name: "redpoll_downstream_bytes_total",
        kind: "counter",
        help: "Bytes read from clients and written to them.",
        samples: Samples::Workers(&[
            ("direction=\"read\"", |worker| &worker.client_read_bytes_total),
            ("direction=\"written\"", |worker| &worker.client_written_bytes_total),
        ]),
    },
    Family {
        name: "redpoll_commands_total",
        kind: "counter",
        help: "Commands read from clients.",
        samples: Samples::Workers(&[("", |worker| &worker.commands_total)]),
    },
    Family {
        name: "redpoll_upstream_requests_total",
        kind: "counter",
        help: "Requests sent to nodes; a command split over nodes counts each part.",
        samples: Samples::Workers(&[("", |worker| &worker.requests_total)]),
    },
    Family {
        name: "redpoll_redirects_total",
        kind: "counter",
        help: "Redirects followed.",
        samples: Samples::Workers(&[
            ("kind=\"moved\"", |worker| &worker.redirects_moved_total),
            ("kind=\"ask\"", |worker| &worker.redirects_ask_total),
        ]),
    },
    Family {
        name: "redpoll_retries_total",
        kind: "counter",
        help: "Requests sent again after their connection failed.",
        samples: Samples::Workers(&[("", |worker| &worker.retries_total)]),
    },
    Family {
        name: "redpoll_failed_requests_total",
        kind: "counter",
        help: "Requests answered with an error of the proxy: not executed, or perhaps executed.",
        samples: Samples::Workers(&[
            ("error=\"unsent\"", |worker| &worker.unsent_total),
            ("error=\"unsure\"", |worker| &worker.unsure_total),
        ]),
    },
    Family {
        name: "redpoll_upstream_connections",
        kind: "gauge",
        help: "Connections to nodes open now.",
        samples: Samples::Workers(&[("", |worker| &worker.upstream_connections)]),
    },
    Family {
        name: "redpoll_upstream_connections_total",
        kind: "counter",
        help: "Connections to nodes opened.",
        samples: Samples::Workers(&[("", |worker| &worker.upstream_connections_total)]),
    },
    Family {
        name: "redpoll_upstream_connect_failures_total",
        kind: "counter",
        help: "Attempts to connect to a node that failed or timed out.",
        samples: Samples::Workers(&[("", |worker| &worker.upstream_connect_failures_total)]),
    },
    Family {
        name: "redpoll_upstream_usable",
        kind: "gauge",
        help: "1 while an upstream can serve commands.",
        samples: Samples::Upstreams(&[("", |upstream| u64::from(upstream.usable.load(Relaxed)))]),
    },
    Family {
        name: "redpoll_topology_refreshes_total",
        kind: "counter",
        help: "Refreshes of the topology that gave a view, and that did not.",
        samples: Samples::Upstreams(&[
            ("result=\"ok\"", |upstream| upstream.refreshes_total.get()),
            ("result=\"failed\"", |upstream| upstream.refresh_failures_total.get()),
        ]),
    },
    Family {
        name: "redpoll_topology_looks_total",
        kind: "counter",
        help: "Looks at the topology, and what made for them; of a standalone server, PINGs.",
        samples: Samples::Upstreams(&[
            ("reason=\"first\"", |upstream| upstream.looks_first_total.get()),
            ("reason=\"periodic\"", |upstream| upstream.looks_periodic_total.get()),
            ("reason=\"again\"", |upstream| upstream.looks_again_total.get()),
            ("reason=\"redirect\"", |upstream| upstream.looks_redirects_total.get()),
            ("reason=\"failure\"", |upstream| upstream.looks_failures_total.get()),
        ]),
    },
    Family {
        name: "redpoll_topology_slots_uncovered",
        kind: "gauge",
        help: "Slots that no node serves.",
        samples: Samples::Upstreams(&[("", |upstream| upstream.slots_uncovered.load(Relaxed))]),
    },
];

/// All the counters, as text.
pub(super) fn text(stats: &Stats) -> String {
    let mut text = String::new();
    for family in FAMILIES {
        family.write(&mut text, stats);
    }
    text
}

impl Family {
    fn write(&self, text: &mut String, stats: &Stats) {
        let Family { name, kind, help, samples } = self;
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        match samples {
            Samples::Process(samples) => {
                samples.iter().for_each(|(labels, get)| line(text, name, labels, get(stats)));
            }
            Samples::Workers(samples) => {
                samples.iter().for_each(|(labels, get)| line(text, name, labels, stats.sum(get)));
            }
            Samples::Upstreams(samples) => {
                for upstream in stats.upstreams.iter() {
                    for (labels, get) in *samples {
                        let comma = if labels.is_empty() { "" } else { "," };
                        let labels =
                            format!("upstream=\"{}\"{comma}{labels}", escaped(&upstream.name));
                        line(text, name, &labels, get(upstream));
                    }
                }
            }
        }
    }
}

fn line(text: &mut String, name: &str, labels: &str, value: u64) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    writeln!(text, "{name}{labels} {value}").expect("a string can always be written to");
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
