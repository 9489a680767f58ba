//! What a tree means: the one place that turns keys into a [`Config`].

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::problem::{Problem, Sources};
use super::reader::{Place, Reader, Section, did_you_mean, is_plain_name};
use super::tree::{Node, Value};
use super::{Clients, Config, Listener, Upstream, leaf, read_upstream};

/// The configuration that a tree describes, or everything that is wrong with it.
pub(super) fn read(tree: &Node, sources: &Sources) -> Result<Config, Vec<Problem>> {
    let mut reader = Reader::new(sources);
    match config(&mut reader, tree) {
        Some(config) if reader.problems.is_empty() => Ok(config),
        Some(_) | None => Err(reader.problems),
    }
}

fn config(reader: &mut Reader<'_>, tree: &Node) -> Option<Config> {
    let root = reader.section(Place::root(tree.origin), tree)?;
    let upstreams = upstreams(reader, &root);
    let listeners = listeners(reader, &root);
    let admin = admin(reader, &root, listeners.as_deref().unwrap_or_default());
    let workers = reader.leaf(&root, "workers", leaf::workers);
    let drain_timeout = reader.leaf(&root, "drain_timeout", leaf::duration);
    let memory_bytes_max = reader.leaf(&root, "memory_max", leaf::bytes);
    let clients = clients(reader, &root);
    Some(Config {
        listeners: listeners?,
        upstreams: upstreams?,
        admin: admin?,
        workers: workers?,
        drain_timeout: drain_timeout?,
        memory_bytes_max: memory_bytes_max?,
        clients: clients?,
    })
}

fn clients(reader: &mut Reader<'_>, root: &Section<'_>) -> Option<Clients> {
    let max = reader.leaf(root, "clients_max", leaf::number);
    let idle_timeout = reader.leaf(root, "client_idle_timeout", leaf::duration_or_none);
    let stall_timeout = reader.leaf(root, "client_stall_timeout", leaf::duration_or_none);
    let output_bytes_max = reader.leaf(root, "client_output_bytes_max", leaf::bytes);
    let subscriber = reader.leaf(root, "subscriber_output_bytes_max", leaf::bytes);
    Some(Clients {
        max: max? as usize,
        idle_timeout: idle_timeout?,
        stall_timeout: stall_timeout?,
        output_bytes_max: output_bytes_max?,
        subscriber_output_bytes_max: subscriber?,
    })
}

fn upstreams(reader: &mut Reader<'_>, root: &Section<'_>) -> Option<BTreeMap<String, Upstream>> {
    let Some((place, node)) = root.get("upstreams") else {
        reader.missing(root, "upstreams");
        return None;
    };
    let names = reader.names(&place, node, is_plain_name)?;
    if names.is_empty() {
        reader.wrong(&place, node, "there is none; at least one is needed");
    }
    let mut upstreams = BTreeMap::new();
    for (name, entry) in names {
        let place = place.item(name, entry.key_origin);
        if let Some(upstream) = read_upstream::upstream(reader, place, &entry.node) {
            upstreams.insert(name.to_owned(), upstream);
        }
    }
    Some(upstreams)
}

fn listeners(reader: &mut Reader<'_>, root: &Section<'_>) -> Option<Vec<Listener>> {
    let Some((place, node)) = root.get("listeners") else {
        reader.missing(root, "listeners");
        return None;
    };
    let Value::List(nodes) = &node.value else {
        let what = format!("{} is not a list", node.value.described());
        reader.wrong(&place, node, &what);
        return None;
    };
    if nodes.is_empty() {
        reader.wrong(&place, node, "the list is empty");
    }
    let mut listeners: Vec<Listener> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let place = place.item(&index.to_string(), node.origin);
        let Some(section) = reader.section(place, node) else { continue };
        let taken: Vec<SocketAddr> = listeners.iter().map(|listener| listener.address).collect();
        listeners.extend(listener(reader, root, &section, &taken));
    }
    Some(listeners)
}

fn listener(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    section: &Section<'_>,
    taken: &[SocketAddr],
) -> Option<Listener> {
    let address = reader.leaf(section, "address", leaf::socket_address);
    let upstream = reader.leaf(section, "upstream", leaf::text);
    if let Some(address) = address {
        not_taken(reader, section, address, taken);
    }
    if let (Some(upstream), Some((place, node))) = (&upstream, section.get("upstream")) {
        upstream_exists(reader, root, (&place, node), upstream);
    }
    Some(Listener { address: address?, upstream: upstream? })
}

/// Notes a problem if the address of a section is that of a listener before it. Port 0 is a new one
/// each time.
fn not_taken(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    address: SocketAddr,
    taken: &[SocketAddr],
) {
    if address.port() == 0 || !taken.contains(&address) {
        return;
    }
    let origin = section.get("address").map_or(section.place.origin, |(_, node)| node.origin);
    let place = section.place.key("address", origin);
    reader.problem(&place, origin, format!("a listener has the address {address} already"));
}

/// Notes a problem if no upstream has this name. Where the upstreams themselves are wrong, that is
/// said already.
fn upstream_exists(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    (place, node): (&Place, &Node),
    upstream: &str,
) {
    let Some((_, Node { value: Value::Map(entries), .. })) = root.get("upstreams") else { return };
    let names: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    if names.is_empty() || names.contains(&upstream) {
        return;
    }
    let hint = did_you_mean(upstream, names.iter().copied())
        .map_or(String::new(), |meant| format!(" (did you mean '{meant}'?)"));
    let message = format!("there is no upstream '{upstream}'{hint}; allowed: {}", names.join(", "));
    reader.problem(place, node.origin, message);
}

/// `Some(None)` is off, `None` is wrong.
fn admin(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    listeners: &[Listener],
) -> Option<Option<SocketAddr>> {
    let absent = Node { value: Value::Map(Vec::new()), origin: root.place.origin };
    let (place, node) =
        root.get("admin").unwrap_or_else(|| (root.place.key("admin", root.place.origin), &absent));
    if matches!(node.value, Value::Null | Value::Bool(false)) {
        return Some(None);
    }
    let section = reader.section(place, node)?;
    let address = reader.leaf(&section, "address", leaf::socket_address)?;
    let taken: Vec<SocketAddr> = listeners.iter().map(|listener| listener.address).collect();
    not_taken(reader, &section, address, &taken);
    Some(Some(address))
}
