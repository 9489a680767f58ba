//! The trials, a file a subject. Each is a story of its own and needs no other to have run.

use anyhow::Result;

use crate::harness::Stage;

mod bounds;
mod clients;
mod connections;

mod conversation;
mod databases;
mod demo;
mod drain;
mod errors;
mod exit_codes;
mod failover;
mod failures;
mod handshake;
mod hostile;
mod kills;
mod leases;
mod leaving;
mod many;
mod metrics;
mod proxy_command;
mod pubsub;
mod redirects;
mod refusals;
mod reload;
mod rogue;
mod scripts;
mod timers;
mod tools;
mod types;
mod waits;

/// What a trial is called, and what it does.
type Story = (&'static str, fn(&Stage) -> Result<()>);

/// Names stories by their functions.
macro_rules! stories {
    ($($name:ident),+ $(,)?) => { &[$((stringify!($name), $name)),+] };
}
use stories;

/// All of them, the quick ones first.
pub(crate) fn all() -> impl Iterator<Item = Story> {
    [
        exit_codes::STORIES,
        demo::STORIES,
        conversation::STORIES,
        types::STORIES,
        waits::STORIES,
        errors::STORIES,
        scripts::STORIES,
        databases::STORIES,
        clients::STORIES,
        proxy_command::STORIES,
        tools::STORIES,
        metrics::STORIES,
        pubsub::STORIES,
        drain::STORIES,
        reload::STORIES,
        handshake::STORIES,
        connections::STORIES,
        hostile::STORIES,
        bounds::STORIES,
        many::STORIES,
        timers::STORIES,
        failures::STORIES,
        kills::STORIES,
        rogue::STORIES,
        redirects::STORIES,
        leases::STORIES,
        leaving::STORIES,
        refusals::STORIES,
        failover::STORIES,
    ]
    .into_iter()
    .flatten()
    .copied()
}
