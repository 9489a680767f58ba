//! What the keys of one upstream mean.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::read_commands::{is_name, no_command};
use super::reader::{Place, Reader, Section};
use super::tree::{Node, Value};
use super::{
    Connections, Credentials, Flush, Redirects, Refresh, Retries, Target, Timeouts, Upstream, leaf,
    read_commands,
};
use crate::proto::cluster::Address;
use crate::proto::command::{Rules, table};

pub(super) fn upstream(reader: &mut Reader<'_>, place: Place, node: &Node) -> Option<Upstream> {
    let section = reader.section(place, node)?;
    let target = target(reader, &section);
    let commands = read_commands::rules(reader, &section);
    let timeouts = timeouts(reader, &section, commands.as_ref());
    let connections = connections(reader, &section);
    let retries = retries(reader, &section);
    let redirects = redirects(reader, &section);
    let refresh = refresh(reader, &section);
    let command_stats = reader.leaf(&section, "enable_command_stats", leaf::boolean);
    Some(Upstream {
        target: target?,
        timeouts: timeouts?,
        connections: connections?,
        retries: retries?,
        redirects: redirects?,
        refresh: refresh?,
        command_stats: command_stats?,
        commands: commands?,
    })
}

fn target(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Target> {
    match (section.get("cluster"), section.get("server")) {
        (Some((place, node)), None) => addresses(reader, &place, node).map(Target::Cluster),
        (None, Some((place, node))) => {
            reader.parsed(&place, node, leaf::address).map(Target::Server)
        }
        (Some(_), Some((server, node))) => {
            let place = &section.place;
            let origin = server.origin.max(node.origin);
            let message = "both 'cluster' and 'server' are given; allowed: exactly one of them";
            reader.problem(place, origin, message.to_owned());
            None
        }
        (None, None) => {
            let place = &section.place;
            let message = "neither 'cluster' nor 'server' is given; allowed: exactly one of them";
            reader.problem(place, place.origin, message.to_owned());
            None
        }
    }
}

fn addresses(reader: &mut Reader<'_>, place: &Place, node: &Node) -> Option<Vec<Address>> {
    let Value::List(nodes) = &node.value else {
        let what = format!("{} is not a list", node.value.described());
        reader.wrong(place, node, &what);
        return None;
    };
    if nodes.is_empty() {
        reader.wrong(place, node, "the list is empty");
        return None;
    }
    let mut addresses = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let item =
            Place { pattern: place.pattern.clone(), ..place.item(&index.to_string(), node.origin) };
        addresses.extend(reader.parsed(&item, node, leaf::address));
    }
    (addresses.len() == nodes.len()).then_some(addresses)
}

fn timeouts(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    rules: Option<&Rules>,
) -> Option<Timeouts> {
    let op = reader.leaf(section, "op_timeout", leaf::duration);
    let connect = reader.leaf(section, "connect_timeout", leaf::duration);
    let stall = reader.leaf(section, "stall_timeout", leaf::duration_or_none);
    let commands = match section.get("timeouts") {
        Some((place, node)) => command_timeouts(reader, &place, node, rules),
        None => Some(BTreeMap::new()),
    };
    Some(Timeouts { op: op?, commands: commands?, connect: connect?, stall: stall? })
}

fn command_timeouts(
    reader: &mut Reader<'_>,
    place: &Place,
    node: &Node,
    rules: Option<&Rules>,
) -> Option<BTreeMap<&'static str, Duration>> {
    let mut timeouts = BTreeMap::new();
    let declared = |name: &str| rules?.declared.get(name.to_ascii_lowercase().as_str()).copied();
    for (name, entry) in reader.names(place, node, is_name)? {
        let place = place.item(name, entry.key_origin);
        let Some(row) = table::find(name.as_bytes()).or_else(|| declared(name)) else {
            reader.problem(&place, entry.key_origin, no_command(name));
            continue;
        };
        if let Some(timeout) = reader.parsed(&place, &entry.node, leaf::duration) {
            timeouts.insert(row.name, timeout);
        }
    }
    Some(timeouts)
}

fn connections(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Connections> {
    let per_node = reader.leaf(section, "connections_per_node", leaf::number);
    let preconnect = reader.leaf(section, "preconnect", leaf::boolean);
    let idle_timeout = reader.leaf(section, "idle_timeout", leaf::duration_or_none);
    let keepalive = reader.leaf(section, "keepalive", leaf::duration_or_none);
    let rate = reader.leaf(section, "connection_rate_limit", leaf::number);
    let leases_max = reader.leaf(section, "leases_max", leaf::number);
    let requests_max = reader.leaf(section, "pipeline_requests_max", leaf::number);
    let flush = flush(reader, section);
    let credentials = credentials(reader, section);
    let database = database(reader, section);
    let client_name = reader.leaf(section, "client_name", leaf::name_or_none);
    Some(Connections {
        per_node: NonZeroUsize::new(per_node? as usize)?,
        preconnect: preconnect?,
        idle_timeout: idle_timeout?,
        keepalive: keepalive?,
        rate_per_s: NonZeroU32::new(rate?),
        leases_max: NonZeroUsize::new(leases_max? as usize)?,
        requests_max: NonZeroUsize::new(requests_max? as usize)?,
        flush: flush?,
        credentials: credentials?,
        database: database?,
        client_name: client_name?,
    })
}

/// `Some(None)` is off, `None` is wrong.
fn flush(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Option<Flush>> {
    let bytes = reader.leaf(section, "max_buffer_size_before_flush", leaf::bytes)?;
    let timeout = reader.leaf(section, "buffer_flush_timeout", leaf::duration)?;
    Some(NonZeroUsize::new(bytes).map(|bytes| Flush { bytes, timeout }))
}

/// `Some(None)` is none, `None` is wrong.
fn credentials(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Option<Credentials>> {
    let username = match section.get("username") {
        Some((place, node)) => Some(reader.parsed(&place, node, leaf::secret)?),
        None => None,
    };
    let Some((place, node)) = section.get("password") else {
        if let Some((place, node)) = section.get("username") {
            reader.problem(&place, node.origin, "there is no 'password' beside it".to_owned());
            return None;
        }
        return Some(None);
    };
    let password = reader.parsed(&place, node, leaf::secret)?;
    let username = username.map(|username| username.reveal().to_owned());
    Some(Some(Credentials { username, password }))
}

fn database(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<u32> {
    let database = reader.leaf(section, "database", leaf::number)?;
    if database > 0
        && section.get("cluster").is_some()
        && let Some((place, node)) = section.get("database")
    {
        reader.problem(&place, node.origin, "a Redis Cluster has only database 0".to_owned());
        return None;
    }
    Some(database)
}

fn retries(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Retries> {
    let max = reader.leaf(section, "retries_max", leaf::number);
    let budget = reader.leaf(section, "retry_budget", leaf::number);
    Some(Retries { max: u8::try_from(max?).ok()?, budget_percent: u8::try_from(budget?).ok()? })
}

fn redirects(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Redirects> {
    let follow = reader.leaf(section, "enable_redirection", leaf::boolean);
    let max = reader.leaf(section, "redirects_max", leaf::number);
    let unknown_max = reader.leaf(section, "max_unknown_upstreams", leaf::number);
    Some(Redirects {
        follow: follow?,
        max: u8::try_from(max?).ok()?,
        unknown_max: unknown_max? as usize,
    })
}

fn refresh(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Refresh> {
    let interval = reader.leaf(section, "refresh_interval", leaf::duration);
    let redirect_interval = reader.leaf(section, "redirect_refresh_interval", leaf::duration);
    let redirect_threshold = reader.leaf(section, "redirect_refresh_threshold", leaf::number);
    let failure_threshold = reader.leaf(section, "failure_refresh_threshold", leaf::number);
    Some(Refresh {
        interval: interval?,
        redirect_interval: redirect_interval?,
        redirect_threshold: redirect_threshold?,
        failure_threshold: failure_threshold?,
    })
}
