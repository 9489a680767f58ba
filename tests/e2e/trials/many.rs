//! Many clients at once, every reply checked, with the cluster at rest and on the move.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};

use super::{Story, stories};
use crate::harness::{Options, Proxy, Stage};
use crate::load::Load;

pub(super) const STORIES: &[Story] = stories![
    a_hundred_thousand_pipelined_commands_of_50_clients_are_answered_right,
    a_hundred_thousand_pipelined_commands_before_one_server_are_answered_right,
    slots_migrate_under_load_without_an_error,
];

const CLIENTS: usize = 50;
const COMMANDS: u64 = 100_000;

/// Slots with keys that each node gives away, one after the other.
const SLOTS_MOVED_EACH: usize = 60;

/// Slots, most of them empty, that `redis-cli` moves.
const SLOTS_RESHARDED: usize = 200;

fn a_hundred_thousand_pipelined_commands_of_50_clients_are_answered_right(
    stage: &Stage,
) -> Result<()> {
    hundred_thousand(&stage.shared()?.proxy, 20)
}

fn a_hundred_thousand_pipelined_commands_before_one_server_are_answered_right(
    stage: &Stage,
) -> Result<()> {
    hundred_thousand(&stage.shared()?.server_proxy, 21)
}

fn hundred_thousand(proxy: &Proxy, seed: u64) -> Result<()> {
    let load = Load {
        commands_each: COMMANDS / CLIENTS as u64,
        ..Load::anywhere(proxy.address(), seed, CLIENTS, 30)
    };
    let progress = load.run()?;
    ensure!(progress.commands.load(Ordering::Relaxed) == COMMANDS);
    ensure!(progress.refused.load(Ordering::Relaxed) == 0);
    Ok(())
}

fn slots_migrate_under_load_without_an_error(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("migration"), Options::cluster(cluster))?;
        let load = Load::anywhere(proxy.address(), 30, 12, 30);
        let keys = load.keys.iter().flatten().map(|key| cluster.slot(&key.name));
        let slots: BTreeSet<u16> = keys.collect::<Result<_>>()?;
        let progress = load.during(|progress| {
            progress.wait_for_commands(1000)?;
            // Round the circle: what has come from the first node goes on to the third and back.
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                let owners = cluster.owners()?;
                let owned = slots.iter().filter(|slot| owners[usize::from(**slot)] == from);
                for slot in owned.take(SLOTS_MOVED_EACH) {
                    cluster.move_slot(*slot, (from, to), || progress.wait_for_commands(50))?;
                }
                cluster.wait_until_agreed()?;
                progress.wait_for_commands(1000)?;
            }
            cluster.reshard(0, 1, SLOTS_RESHARDED)?;
            progress.wait_for_commands(1000)
        })?;
        ensure!(progress.refused.load(Ordering::Relaxed) == 0);
        for kind in ["moved", "ask"] {
            let name =
                format!("redpoll_upstream_redirects_total{{upstream=\"main\",kind=\"{kind}\"}}");
            ensure!(proxy.metric(&name)? > 10, "hardly a redirect of the kind {kind} was met");
        }
        proxy.stop()
    })
}
