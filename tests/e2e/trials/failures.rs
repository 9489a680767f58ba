//! Nodes and connections die under load. A reply is right, or says what is known; who has nothing
//! to do with the failure does not notice; and it heals by itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{Cluster, Options, PATIENCE, Proxy, Server, Stage, wait_until};
use crate::load::{Key, Load, Mix, Progress};

pub(super) const STORIES: &[Story] = stories![
    connections_killed_under_load_give_no_client_anothers_reply,
    a_node_killed_and_restarted_under_load_harms_only_its_own_keys,
    late_replies_of_a_frozen_node_go_to_nobody,
    a_proxy_started_before_its_server_serves_once_it_is_there,
];

/// The node that is harmed.
const VICTIM: usize = 1;

const OP_TIMEOUT: Duration = Duration::from_secs(1);

/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(1);

/// How soon a proxy must serve without an error after its servers do.
const HEALED_WITHIN: Duration = Duration::from_secs(5);

fn proxy(stage: &Stage, name: &str, cluster: &Cluster) -> Result<Proxy> {
    let options = Options { op_timeout: OP_TIMEOUT, ..Options::cluster(cluster) };
    Proxy::start(&stage.folder(name), options)
}

/// Clients of the other nodes only: no command of theirs may fail or wait for the victim.
fn bystanders(proxy: &Proxy, cluster: &Cluster, seed: u64) -> Result<Load> {
    let keys = |client: usize| -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        for node in (0..cluster.nodes.len()).filter(|node| *node != VICTIM) {
            let names = cluster.keys_of(node, &format!("by{seed}:{client}:"), 10)?;
            keys.extend(names.into_iter().map(|name| Key { name, fragile: false }));
        }
        Ok(keys)
    };
    Ok(Load {
        keys: (0..4).map(keys).collect::<Result<_>>()?,
        answered_within: OP_TIMEOUT,
        ..Load::anywhere(proxy.address(), seed, 0, 0)
    })
}

/// Clients with keys on all nodes: only what needs the victim may fail, in time.
fn concerned(proxy: &Proxy, cluster: &Cluster, seed: u64) -> Result<Load> {
    let keys = |client: usize| -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        for node in 0..cluster.nodes.len() {
            let names = cluster.keys_of(node, &format!("on{seed}:{client}:"), 8)?;
            keys.extend(names.into_iter().map(|name| Key { name, fragile: node == VICTIM }));
        }
        Ok(keys)
    };
    Ok(Load {
        keys: (0..6).map(keys).collect::<Result<_>>()?,
        answered_within: OP_TIMEOUT + SLACK,
        ..Load::anywhere(proxy.address(), seed, 0, 0)
    })
}

/// Runs both loads while `action` harms the victim, told of the progress of the concerned one.
fn harm(
    bystanders: &Load,
    concerned: &Load,
    action: impl FnOnce(&Progress) -> Result<()>,
) -> Result<Progress> {
    let mut told = None;
    bystanders.during(|unharmed| {
        let progress = concerned.during(|progress| {
            progress.wait_for_commands(500)?;
            action(progress)?;
            progress.wait_for_commands(500)?;
            unharmed.wait_for_commands(500)
        })?;
        told = Some(progress);
        Ok(())
    })?;
    told.context("the action has run")
}

/// Waits until the victim's keys are served again, then demands that everything is.
fn check_healed(proxy: &Proxy, cluster: &Cluster, seed: u64) -> Result<()> {
    let mut wire = proxy.wire()?;
    for key in cluster.keys_of(VICTIM, "healed:", 3)? {
        wait_until("the victim's keys are served again", HEALED_WITHIN, || {
            Ok((wire.call(&["SET", &key, "again"])? == b"+OK\r\n").then_some(()))
        })?;
    }
    let load = Load {
        commands_each: 300,
        answered_within: OP_TIMEOUT,
        ..Load::anywhere(proxy.address(), seed, 10, 30)
    };
    load.run().context("after healing")?;
    Ok(())
}

fn connections_killed_under_load_give_no_client_anothers_reply(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = proxy(stage, "connections-killed", cluster)?;
        let bystanders = bystanders(&proxy, cluster, 40)?;
        let concerned = Load { mix: Mix::ManyLarge, ..concerned(&proxy, cluster, 41)? };
        harm(&bystanders, &concerned, |progress| {
            let mut executioner = cluster.nodes[VICTIM].wire()?;
            let mut killed = 0;
            for _ in 0..40 {
                let reply = executioner.say("CLIENT KILL TYPE normal")?;
                let count = reply.trim_start_matches(':').trim_end().parse::<u32>();
                killed += count.with_context(|| format!("CLIENT KILL gave {reply:?}"))?;
                progress.wait_for_commands(300)?;
            }
            ensure!(killed >= 40, "only {killed} connections were there to kill");
            Ok(())
        })?;
        check_healed(&proxy, cluster, 42)?;
        proxy.stop()
    })
}

fn a_node_killed_and_restarted_under_load_harms_only_its_own_keys(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = proxy(stage, "node-killed", cluster)?;
        let (bystanders, concerned) =
            (bystanders(&proxy, cluster, 50)?, concerned(&proxy, cluster, 51)?);
        let progress = harm(&bystanders, &concerned, |progress| {
            for _ in 0..2 {
                progress.losses.fetch_add(1, Ordering::Release);
                cluster.nodes[VICTIM].kill();
                let refused = progress.refused.load(Ordering::Relaxed);
                wait_until("the load has met the failure", PATIENCE, || {
                    Ok((progress.refused.load(Ordering::Relaxed) > refused).then_some(()))
                })?;
                progress.wait_for_commands(1000)?;
                wait_until_missed(cluster)?;
                progress.wait_for_commands(1000)?;
                cluster.nodes[VICTIM].restart()?;
                cluster.wait_until_whole()?;
                progress.wait_for_commands(1000)?;
            }
            Ok(())
        })?;
        ensure!(progress.refused.load(Ordering::Relaxed) > 0);
        check_healed(&proxy, cluster, 52)?;
        proxy.stop()
    })
}

/// Waits until the other nodes have agreed that the victim has failed.
fn wait_until_missed(cluster: &Cluster) -> Result<()> {
    let mut wire = cluster.nodes[0].wire()?;
    wait_until("the cluster misses the dead node", PATIENCE, || {
        Ok((!wire.say("CLUSTER INFO")?.contains("cluster_slots_fail:0")).then_some(()))
    })
}

/// The replies that a thawed node owes to requests that were given up must not be taken for those
/// of later requests.
fn late_replies_of_a_frozen_node_go_to_nobody(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = proxy(stage, "late-replies", cluster)?;
        // What a frozen node has been sent it does once it is thawed, so nothing but reads is sent.
        let load = Load { mix: Mix::Reads, ..concerned(&proxy, cluster, 65)? };
        load.during(|progress| {
            progress.wait_for_commands(1000)?;
            for _ in 0..3 {
                let refused = progress.refused.load(Ordering::Relaxed);
                cluster.nodes[VICTIM].freeze()?;
                wait_until("reads are given up", PATIENCE, || {
                    Ok((progress.refused.load(Ordering::Relaxed) > refused).then_some(()))
                })?;
                cluster.nodes[VICTIM].thaw()?;
                progress.wait_for_commands(1000)?;
            }
            Ok(())
        })?;
        cluster.wait_until_whole()?;
        check_healed(&proxy, cluster, 66)?;
        proxy.stop()
    })
}

fn a_proxy_started_before_its_server_serves_once_it_is_there(stage: &Stage) -> Result<()> {
    let mut server = Server::standalone(&stage.folder("late-server"))?;
    server.kill();
    let options = Options { op_timeout: OP_TIMEOUT, ..Options::server(&server) };
    let proxy = Proxy::start_alone(&stage.folder("late-proxy"), options)?;
    let mut wire = proxy.wire()?;
    ensure!(proxy.admin("/ready")?.0 == 503);
    let reply = wire.say("SET late:a x")?;
    ensure!(reply.starts_with("-UNSENT "), "{reply:?}");
    server.restart()?;
    wait_until("the server's keys are served", HEALED_WITHIN, || {
        Ok((wire.say("SET late:a x")? == "+OK\r\n").then_some(()))
    })?;
    wait_until("it says that it is ready", HEALED_WITHIN, || {
        Ok((proxy.admin("/ready")?.0 == 200).then_some(()))
    })?;
    proxy.stop()
}
