//! A node leaves the cluster under load, as operators take one out.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use super::{Story, stories};
use crate::harness::{Options, Proxy, Stage, wait_until};
use crate::load::Load;

pub(super) const STORIES: &[Story] =
    stories![a_node_that_leaves_under_load_costs_no_error_and_keeps_no_connection,];

/// Slots with keys that the node has for a while.
const SLOTS: usize = 30;

/// How soon its connections must be closed, with a look at the topology every two seconds.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

fn a_node_that_leaves_under_load_costs_no_error_and_keeps_no_connection(
    stage: &Stage,
) -> Result<()> {
    const GUEST: usize = 3;
    stage.in_arena(|cluster| {
        cluster.add(&stage.folder("guest"))?;
        let options = Options::cluster(cluster).with("refresh_interval: 2s");
        let proxy = Proxy::start(&stage.folder("leaving"), options)?;
        let load = Load::anywhere(proxy.address(), 120, 12, 30);
        let keys = load.keys.iter().flatten().map(|key| cluster.slot(&key.name));
        let slots: BTreeSet<u16> = keys.collect::<Result<_>>()?;
        let owners = cluster.owners()?;
        let owned = slots.into_iter().filter(|slot| owners[usize::from(*slot)] == 0);
        let slots: Vec<u16> = owned.take(SLOTS).collect();
        ensure!(slots.len() == SLOTS);
        let progress = load.during(|progress| {
            for slot in &slots {
                cluster.move_slot(*slot, (0, GUEST), || progress.wait_for_commands(20))?;
            }
            cluster.wait_until_agreed()?;
            progress.wait_for_commands(2000)?;
            let connections = cluster.nodes[GUEST].proxy_connections()?.len();
            ensure!(connections >= 2, "only {connections} connections to the guest");

            for slot in &slots {
                cluster.move_slot(*slot, (GUEST, 0), || progress.wait_for_commands(20))?;
            }
            cluster.wait_until_agreed()?;
            let guest = cluster.remove_last()?;
            let start = Instant::now();
            wait_until("the connections to the guest are closed", CLOSED_WITHIN, || {
                Ok(guest.proxy_connections()?.is_empty().then_some(()))
            })?;
            writeln!(
                std::io::stderr(),
                "leaving: the last of {connections} connections was closed {:?} after the node was \
                 forgotten",
                start.elapsed()
            )?;
            progress.wait_for_commands(1000)
        })?;
        ensure!(progress.refused.load(Ordering::Relaxed) == 0);
        let ended = "redpoll_upstream_drains_ended_total{upstream=\"main\",cause=\"finished\"}";
        ensure!(proxy.metric(ended)? >= 2, "no drain has been counted");
        proxy.stop()
    })
}
