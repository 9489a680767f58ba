//! Slots that move, and names and addresses of every kind that a node gives for where to.

use std::cell::Cell;
use std::io::Write as _;
use std::net::{Ipv6Addr, TcpListener};

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{Cluster, Options, PATIENCE, Proxy, Settings, Stage, Wire, wait_until};
use crate::load::Load;

pub(super) const STORIES: &[Story] = stories![
    commands_on_keys_that_have_parted_are_answered_in_full,
    a_node_may_be_named_by_a_host_name_or_not_at_all,
    redirects_are_passed_on_if_that_is_configured,
    a_cluster_may_live_at_addresses_of_ipv6,
];

/// How often a redirect of one kind was followed.
fn followed(proxy: &Proxy, kind: &str) -> Result<u64> {
    let name = "redpoll_upstream_redirects_total";
    proxy.metric(&format!("{name}{{upstream=\"main\",kind=\"{kind}\"}}"))
}

fn expect(wire: &mut Wire, line: &str, expected: &str) -> Result<()> {
    let reply = wire.say(line)?;
    ensure!(reply == expected, "{line} gave {reply:?}, not {expected:?}");
    Ok(())
}

fn commands_on_keys_that_have_parted_are_answered_in_full(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("parted"), Options::cluster(cluster))?;
        let mut wire = proxy.wire()?;
        // One slot; the nodes ask for one more try as long as its keys are in two places.
        let tag = &cluster.keys_of(0, "parted:", 1)?[0];
        let key = |name: &str| format!("{{{tag}}}{name}");
        let [a, b, c, d] = ["a", "b", "c", "d"].map(key);
        let far = &cluster.keys_of(2, "parted:", 1)?[0];
        let steps = Cell::new(0);
        expect(&mut wire, &format!("MSET {a} 1 {b} 2 {c} 3 {d} 4 {far} 5"), "+OK\r\n")?;
        let slot = cluster.slot(tag)?;
        cluster.move_slot(slot, (0, 1), || {
            steps.set(steps.get() + 1);
            let mut wire = proxy.wire()?;
            if steps.get() == 1 {
                cluster.migrate(&[a.clone(), c.clone()], (0, 1))?;
            }
            let all = "*5\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n";
            expect(&mut wire, &format!("MGET {a} {b} {c} {d} {far}"), all)?;
            expect(&mut wire, &format!("EXISTS {d} {c} {b} {a} {far}"), ":5\r\n")?;
            expect(&mut wire, &format!("TOUCH {a} {b}"), ":2\r\n")?;
            expect(&mut wire, &format!("MSET {b} 2 {c} 3 {far} 5"), "+OK\r\n")?;
            expect(&mut wire, &format!("DEL {c} {d} {far}"), ":3\r\n")?;
            expect(&mut wire, &format!("MSET {c} 3 {d} 4 {far} 5"), "+OK\r\n")
        })?;
        ensure!(steps.get() == 2);
        let ask = followed(&proxy, "ask")?;
        ensure!(ask > 4, "only {ask} times was a key asked for at the other node");
        expect(&mut wire, &format!("DEL {a} {b} {c} {d} {far}"), ":5\r\n")?;
        cluster.wait_until_agreed()?;
        cluster.move_slot(slot, (1, 0), || Ok(()))?;
        proxy.stop()
    })
}

fn a_node_may_be_named_by_a_host_name_or_not_at_all(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let kinds = [
            ("hostname", "localhost", "localhost:"),
            ("hostname", "", "?:"),
            ("unknown-endpoint", "", ":"),
            ("ip", "", "127.0.0.1:"),
        ];
        for ((kind, name, shown), seed) in kinds.into_iter().zip(110..) {
            for node in &cluster.nodes {
                node.set("cluster-announce-hostname", name)?;
                node.set("cluster-preferred-endpoint-type", kind)?;
            }
            let story = named(stage, cluster, (shown, seed));
            story.with_context(|| format!("with {kind} {name:?}"))?;
        }
        Ok(())
    })
}

/// Before nodes that show themselves like this.
fn named(stage: &Stage, cluster: &Cluster, (shown, seed): (&str, u64)) -> Result<()> {
    let key = &cluster.keys_of(0, "named:", 1)?[0];
    let slot = cluster.slot(key)?;
    let moved = format!("-MOVED {slot} {shown}{}\r\n", cluster.nodes[0].port);
    wait_until("the nodes know what the others are called", PATIENCE, || {
        let reply = cluster.nodes[1].wire()?.say(&format!("GET {key}"))?;
        Ok((reply == moved).then_some(()))
    })?;
    let options = Options::cluster(cluster).with("refresh_interval: 1h");
    let proxy = Proxy::start(&stage.folder("named"), options)?;
    let load = Load { commands_each: 100, ..Load::anywhere(proxy.address(), seed, 4, 20) };
    load.run()?;
    let mut wire = proxy.wire()?;
    ensure!(wire.say(&format!("SET {key} 1"))? == "+OK\r\n");
    for (from, to) in [(0, 1), (1, 0)] {
        let before = [followed(&proxy, "moved")?, followed(&proxy, "ask")?];
        cluster.move_slot(slot, (from, to), || {
            let mut wire = proxy.wire()?;
            expect(&mut wire, &format!("DEL {{{key}}}new"), ":0\r\n")
        })?;
        expect(&mut wire, &format!("GET {key}"), "$1\r\n1\r\n")?;
        let after = [followed(&proxy, "moved")?, followed(&proxy, "ask")?];
        ensure!(after[0] > before[0] && after[1] > before[1], "{before:?}, then {after:?}");
        cluster.wait_until_agreed()?;
    }
    proxy.stop()
}

fn redirects_are_passed_on_if_that_is_configured(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let options = Options::cluster(cluster).with("enable_redirection: false");
        let aware = Proxy::start(&stage.folder("aware"), options.clone())?;
        // This one does not look for the slots' owners again.
        let options = options.with("redirect_refresh_threshold: 0").with("refresh_interval: 1h");
        let proxy = Proxy::start(&stage.folder("passed-on"), options)?;
        let key = &cluster.keys_of(0, "passed:", 1)?[0];
        let (slot, target) = (cluster.slot(key)?, cluster.nodes[1].address());
        let mut wire = proxy.wire()?;
        expect(&mut wire, &format!("SET {key} 1"), "+OK\r\n")?;
        cluster.move_slot(slot, (0, 1), || {
            let ask = format!("-ASK {slot} {target}\r\n");
            expect(&mut proxy.wire()?, &format!("GET {{{key}}}new"), &ask)
        })?;
        let moved = format!("-MOVED {slot} {target}\r\n");
        for _ in 0..3 {
            expect(&mut wire, &format!("GET {key}"), &moved)?;
        }
        let followed = followed(&proxy, "moved")? + followed(&proxy, "ask")?;
        ensure!(followed == 0, "{followed} redirects were followed");

        // One that is redirected looks for the slot's owner.
        let mut wire = aware.wire()?;
        wait_until("the topology is looked at", PATIENCE, || {
            let reply = wire.say(&format!("GET {key}"))?;
            let is_served = reply == "$1\r\n1\r\n";
            ensure!(is_served || reply == moved, "{reply:?}");
            Ok(is_served.then_some(()))
        })?;
        cluster.wait_until_agreed()?;
        cluster.move_slot(slot, (1, 0), || Ok(()))?;
        aware.terminate()?;
        proxy.terminate()
    })
}

fn a_cluster_may_live_at_addresses_of_ipv6(stage: &Stage) -> Result<()> {
    let host = Ipv6Addr::LOCALHOST;
    if TcpListener::bind((host, 0)).is_err() {
        writeln!(std::io::stderr(), "this machine has no IPv6: not tried")?;
        return Ok(());
    }
    let settings = Settings { host: host.into(), ..Settings::default() };
    let cluster = Cluster::start_with(&stage.folder("ipv6-cluster"), 0, &settings)?;
    let proxy = Proxy::start(&stage.folder("ipv6"), Options::cluster(&cluster))?;
    let load = Load { commands_each: 100, ..Load::anywhere(proxy.address(), 115, 4, 20) };
    load.run()?;
    let key = &cluster.keys_of(0, "ipv6:", 1)?[0];
    let mut wire = proxy.wire()?;
    expect(&mut wire, &format!("SET {key} 1"), "+OK\r\n")?;
    cluster.move_slot(cluster.slot(key)?, (0, 1), || {
        expect(&mut proxy.wire()?, &format!("DEL {{{key}}}new"), ":0\r\n")
    })?;
    expect(&mut wire, &format!("GET {key}"), "$1\r\n1\r\n")?;
    for kind in ["moved", "ask"] {
        ensure!(followed(&proxy, kind)? > 0, "no redirect of the kind {kind} was met");
    }
    proxy.stop()
}
