//! The table of all metrics.
//!
//! A name says what is counted, then its unit; a counter's ends in `_total`. What has a sample a
//! node is little, because there may be a thousand; what tells causes apart is summed for each
//! upstream.

use std::sync::atomic::Ordering::Relaxed;

use super::{Family, Kind, Of, Samples};

const BUILD: &str = concat!(
    "version=\"",
    env!("CARGO_PKG_VERSION"),
    "\",revision=\"",
    env!("REDPOLL_REVISION"),
    "\""
);

const fn counter(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, kind: Kind::Counter, help, samples }
}

const fn gauge(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, kind: Kind::Gauge, help, samples }
}

const fn histogram(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, kind: Kind::Histogram, help, samples }
}

/// All metrics, in the order in which they are shown.
pub(super) const FAMILIES: &[Family] = &[
    // The process.
    gauge("redpoll_build_info", "Always 1; the labels say what is running.", Samples::Build(BUILD)),
    gauge(
        "redpoll_workers",
        "Worker threads.",
        Samples::Process(|stats| Some(stats.workers.len() as u64)),
    ),
    gauge(
        "redpoll_draining",
        "1 while the process is on its way out.",
        Samples::Process(|stats| Some(u64::from(stats.draining.load(Relaxed)))),
    ),
    gauge(
        "process_resident_memory_bytes",
        "Memory in use.",
        Samples::Process(|stats| Some(stats.process?()?.memory_bytes)),
    ),
    counter(
        "process_cpu_seconds_total",
        "Processor time spent, in user space and in the kernel.",
        Samples::ProcessMicros(|stats| {
            let process = stats.process?()?;
            Some(process.cpu_user_us + process.cpu_system_us)
        }),
    ),
    gauge(
        "redpoll_buffered_bytes",
        "Commands and replies in buffers now.",
        Samples::Workers(&[("", |worker| &worker.buffered_bytes)]),
    ),
    gauge(
        "redpoll_starving_bytes",
        "Half commands in buffers now for the rest of which there is no room.",
        Samples::Workers(&[("", |worker| &worker.starving_bytes)]),
    ),
    gauge(
        "redpoll_buffered_limit_bytes",
        "What buffers may hold, memory_max.",
        Samples::Process(|stats| Some(stats.memory_bytes_max)),
    ),
    // Clients.
    gauge(
        "redpoll_downstream_connections",
        "Client connections open now.",
        Samples::Workers(&[("", |worker| &worker.clients)]),
    ),
    counter(
        "redpoll_downstream_connections_opened_total",
        "Client connections opened.",
        Samples::Workers(&[("", |worker| &worker.clients_total)]),
    ),
    counter(
        "redpoll_downstream_connections_refused_total",
        "Client connections turned away because there were clients_max.",
        Samples::Process(|stats| Some(stats.clients_refused_total.get())),
    ),
    counter(
        "redpoll_downstream_connections_closed_total",
        "Client connections that are over.",
        Samples::EachWorker(Of::By("cause", |worker| &worker.clients_closed)),
    ),
    counter(
        "redpoll_downstream_protocol_errors_total",
        "Client connections closed because they sent what is not RESP.",
        Samples::Workers(&[("", |worker| &worker.protocol_errors_total)]),
    ),
    counter(
        "redpoll_downstream_bytes_total",
        "Bytes read from clients and written to them.",
        Samples::Workers(&[
            ("direction=\"read\"", |worker| &worker.client_read_bytes_total),
            ("direction=\"written\"", |worker| &worker.client_written_bytes_total),
        ]),
    ),
    counter(
        "redpoll_commands_total",
        "Commands read from clients.",
        Samples::Workers(&[("", |worker| &worker.commands_total)]),
    ),
    histogram(
        "redpoll_command_duration_seconds",
        "From reading a command to its last reply or failure, if enable_command_stats is on.",
        Samples::Commands,
    ),
    // What becomes of requests, by upstream.
    counter(
        "redpoll_upstream_requests_total",
        "Requests given to node connections; a command split over nodes counts each part.",
        Samples::Backends(Of::Sum(|backend| backend.requests.get())),
    ),
    counter(
        "redpoll_upstream_failed_requests_total",
        "Requests answered with an error of the proxy: not executed, or perhaps executed.",
        Samples::Backends(Of::By("error", |backend| &backend.failed)),
    ),
    counter(
        "redpoll_upstream_redirects_total",
        "Redirects followed.",
        Samples::Backends(Of::By("kind", |backend| &backend.redirects)),
    ),
    counter(
        "redpoll_upstream_redirects_over_limit_total",
        "Redirects that were one too many for their command.",
        Samples::Backends(Of::Sum(|backend| backend.redirects_over_limit.get())),
    ),
    counter(
        "redpoll_upstream_redirects_to_unknown_total",
        "Redirects not followed because too many nodes are known from redirects alone.",
        Samples::Backends(Of::Sum(|backend| backend.redirects_to_unknown.get())),
    ),
    counter(
        "redpoll_upstream_retries_total",
        "Requests sent again.",
        Samples::Backends(Of::By("cause", |backend| &backend.retries)),
    ),
    counter(
        "redpoll_upstream_retry_budget_exhausted_total",
        "Requests not sent again because too large a share of them is retries.",
        Samples::Backends(Of::Sum(|backend| backend.retry_budget_exhausted.get())),
    ),
    gauge(
        "redpoll_upstream_leases",
        "Connections lent to clients that watch keys or wait, now.",
        Samples::Backends(Of::Sum(|backend| backend.leases.get())),
    ),
    counter(
        "redpoll_upstream_leases_reused_total",
        "Times that a client was lent a connection that another had given back.",
        Samples::Backends(Of::Sum(|backend| backend.leases_reused.get())),
    ),
    counter(
        "redpoll_upstream_lease_waits_total",
        "Times that a client had to wait because there were leases_max.",
        Samples::Backends(Of::Sum(|backend| backend.lease_waits.get())),
    ),
    counter(
        "redpoll_upstream_requests_sent_total",
        "Requests written to nodes.",
        Samples::Connections(Of::Sum(|node| node.requests_sent.get())),
    ),
    counter(
        "redpoll_upstream_requests_answered_total",
        "Requests that nodes replied to in time.",
        Samples::Connections(Of::Sum(|node| node.requests_answered.get())),
    ),
    counter(
        "redpoll_upstream_requests_expired_total",
        "Requests answered by the proxy at their deadline, by how far they had got.",
        Samples::Connections(Of::By("stage", |node| &node.requests_expired)),
    ),
    counter(
        "redpoll_upstream_requests_abandoned_total",
        "Requests not sent because the client had gone.",
        Samples::Connections(Of::Sum(|node| node.requests_abandoned.get())),
    ),
    counter(
        "redpoll_upstream_replies_discarded_total",
        "Replies that came after their deadline.",
        Samples::Connections(Of::Sum(|node| node.replies_discarded.get())),
    ),
    gauge(
        "redpoll_upstream_requests_in_flight",
        "Requests written and not yet replied to.",
        Samples::Connections(Of::Sum(|node| node.in_flight.get())),
    ),
    gauge(
        "redpoll_upstream_buffered_bytes",
        "Bytes of requests that wait to be written.",
        Samples::Connections(Of::Sum(|node| node.buffered_bytes.get())),
    ),
    counter(
        "redpoll_upstream_flushes_total",
        "Times that requests were written to a node, by what made it time.",
        Samples::Connections(Of::By("cause", |node| &node.flushes)),
    ),
    counter(
        "redpoll_upstream_read_bytes_total",
        "Bytes read from nodes.",
        Samples::Connections(Of::Sum(|node| node.read_bytes.get())),
    ),
    counter(
        "redpoll_upstream_written_bytes_total",
        "Bytes written to nodes.",
        Samples::Connections(Of::Sum(|node| node.written_bytes.get())),
    ),
    // Connections, by upstream.
    gauge(
        "redpoll_upstream_connections",
        "Connections to nodes open now.",
        Samples::Connections(Of::Sum(|node| node.connections.get())),
    ),
    counter(
        "redpoll_upstream_connections_opened_total",
        "Connections to nodes opened.",
        Samples::Connections(Of::Sum(|node| node.connections_opened.get())),
    ),
    counter(
        "redpoll_upstream_connections_closed_total",
        "Connections to nodes closed.",
        Samples::Connections(Of::By("cause", |node| &node.connections_closed)),
    ),
    counter(
        "redpoll_upstream_connect_failures_total",
        "Attempts to connect to a node that failed.",
        Samples::Connections(Of::By("cause", |node| &node.connect_failures)),
    ),
    counter(
        "redpoll_upstream_connects_rate_limited_total",
        "Attempts to connect to a node that had to wait for connection_rate_limit.",
        Samples::Connections(Of::Sum(|node| node.rate_limited.get())),
    ),
    counter(
        "redpoll_upstream_backoff_failures_total",
        "Requests that failed at once because connecting had failed a moment before.",
        Samples::Connections(Of::Sum(|node| node.backoff_failures.get())),
    ),
    counter(
        "redpoll_upstream_handshakes_refused_total",
        "Handshakes that nodes refused.",
        Samples::Connections(Of::Sum(|node| node.handshakes_refused.get())),
    ),
    counter(
        "redpoll_upstream_preconnects_total",
        "Attempts to connect to a node before a command needed that.",
        Samples::Connections(Of::Sum(|node| node.preconnects.get())),
    ),
    counter(
        "redpoll_upstream_drains_started_total",
        "Times that a connection began to drain: its node left, or the configuration changed.",
        Samples::Connections(Of::Sum(|node| node.drains_started.get())),
    ),
    counter(
        "redpoll_upstream_drains_ended_total",
        "Drains of connections to nodes that are over.",
        Samples::Connections(Of::By("cause", |node| &node.drains_ended)),
    ),
    gauge(
        "redpoll_upstream_unknown_nodes",
        "Nodes that the topology does not list, known to some worker: each counts its own.",
        Samples::Backends(Of::Sum(|backend| backend.unknown_nodes.get())),
    ),
    counter(
        "redpoll_upstream_unknown_nodes_forgotten_total",
        "Nodes that the topology did not list and that were forgotten.",
        Samples::Backends(Of::Sum(|backend| backend.unknown_nodes_forgotten.get())),
    ),
    // What clients are subscribed to.
    gauge(
        "redpoll_upstream_subscriptions",
        "Channels, patterns and shard channels subscribed to now: for each worker, each once.",
        Samples::Backends(Of::Sum(|backend| backend.subscriptions.get())),
    ),
    counter(
        "redpoll_upstream_subscription_gaps_total",
        "Times that one of these lost its subscription at a node; messages may be missing.",
        Samples::Backends(Of::Sum(|backend| backend.subscription_gaps.get())),
    ),
    counter(
        "redpoll_upstream_messages_total",
        "Published messages heard from nodes: for each worker, each once a subscription.",
        Samples::Backends(Of::Sum(|backend| backend.messages.get())),
    ),
    // The topology.
    gauge(
        "redpoll_upstream_usable",
        "1 while an upstream can serve commands.",
        Samples::Upstreams(&[("", |upstream| u64::from(upstream.usable.load(Relaxed)))]),
    ),
    counter(
        "redpoll_topology_refreshes_total",
        "Refreshes of the topology that gave a view, and that did not.",
        Samples::Upstreams(&[
            ("result=\"ok\"", |upstream| upstream.refreshes_total.get()),
            ("result=\"failed\"", |upstream| upstream.refresh_failures_total.get()),
        ]),
    ),
    counter(
        "redpoll_topology_looks_total",
        "Looks at the topology, and what made for them; of a standalone server, PINGs.",
        Samples::Upstreams(&[
            ("cause=\"first\"", |upstream| upstream.looks_first_total.get()),
            ("cause=\"periodic\"", |upstream| upstream.looks_periodic_total.get()),
            ("cause=\"again\"", |upstream| upstream.looks_again_total.get()),
            ("cause=\"redirect\"", |upstream| upstream.looks_redirects_total.get()),
            ("cause=\"failure\"", |upstream| upstream.looks_failures_total.get()),
        ]),
    ),
    gauge(
        "redpoll_topology_slots_uncovered",
        "Slots that no node serves.",
        Samples::Upstreams(&[("", |upstream| upstream.slots_uncovered.load(Relaxed))]),
    ),
    // Nodes.
    gauge(
        "redpoll_node_connections",
        "Connections to the node open now.",
        Samples::Nodes(Of::Sum(|node| node.connections.get())),
    ),
    counter(
        "redpoll_node_connections_opened_total",
        "Connections to the node opened.",
        Samples::Nodes(Of::Sum(|node| node.connections_opened.get())),
    ),
    counter(
        "redpoll_node_connect_failures_total",
        "Attempts to connect to the node that failed.",
        Samples::Nodes(Of::Sum(|node| node.connect_failures.total())),
    ),
    counter(
        "redpoll_node_requests_sent_total",
        "Requests written to the node.",
        Samples::Nodes(Of::Sum(|node| node.requests_sent.get())),
    ),
    counter(
        "redpoll_node_requests_answered_total",
        "Requests that the node replied to in time.",
        Samples::Nodes(Of::Sum(|node| node.requests_answered.get())),
    ),
    counter(
        "redpoll_node_requests_expired_total",
        "Requests for the node answered by the proxy at their deadline.",
        Samples::Nodes(Of::Sum(|node| node.requests_expired.total())),
    ),
    gauge(
        "redpoll_node_requests_in_flight",
        "Requests written to the node and not yet replied to.",
        Samples::Nodes(Of::Sum(|node| node.in_flight.get())),
    ),
    gauge(
        "redpoll_node_oldest_request_age_seconds",
        "How long the oldest of these has been waiting for its reply; 0 if there is none.",
        Samples::Nodes(Of::Longest(|node| &node.oldest)),
    ),
    gauge(
        "redpoll_node_buffered_bytes",
        "Bytes of requests for the node that wait to be written.",
        Samples::Nodes(Of::Sum(|node| node.buffered_bytes.get())),
    ),
    histogram(
        "redpoll_node_queue_duration_seconds",
        "From giving a request to a connection of the node to writing its first byte.",
        Samples::Nodes(Of::Histogram(|node| &node.queue)),
    ),
    histogram(
        "redpoll_node_wire_duration_seconds",
        "From writing the first byte of a request to the node's reply.",
        Samples::Nodes(Of::Histogram(|node| &node.wire)),
    ),
];
