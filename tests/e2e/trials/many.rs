//! Many clients at once, every reply checked, with the cluster at rest and on the move.

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

/// Slots that are moved to another node, one after the other.
const SLOTS_MOVED: usize = 120;

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
        let keys: Vec<&str> = load.keys.iter().flatten().map(|key| key.name.as_str()).collect();
        let progress = load.during(|progress| {
            progress.wait_for_commands(1000)?;
            for (count, key) in keys.iter().take(SLOTS_MOVED).enumerate() {
                let slot = cluster.slot(key)?;
                let from = cluster.owners()?[usize::from(slot)];
                // Most go one node on, some come back at once, some go twice.
                let to = (from + 1) % 3;
                cluster.move_slot(slot, from, to)?;
                match count % 3 {
                    0 => cluster.move_slot(slot, to, from)?,
                    1 => cluster.move_slot(slot, to, (to + 1) % 3)?,
                    _ => {}
                }
                progress.wait_for_commands(20)?;
            }
            progress.wait_for_commands(1000)
        })?;
        ensure!(progress.refused.load(Ordering::Relaxed) == 0);
        proxy.stop()
    })
}
