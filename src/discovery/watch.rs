//! A standalone server: whether it is there.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::ask::{self, AskError};
use super::hedge::{Attempt, Hedged};
use crate::limits::{TOPOLOGY_REFRESH_MS, TOPOLOGY_REFRESH_MS_MIN, TOPOLOGY_RETRY_MS};
use crate::net::Net;
use crate::proto::cluster::Address;
use crate::stats::UpstreamStats;

/// Watches over one standalone server: whether it answers.
pub(crate) async fn watch<N: Net>(
    net: N,
    address: Address,
    mut wanted: mpsc::Receiver<()>,
    stats: &UpstreamStats,
) {
    let mut told = None;
    loop {
        let began = Instant::now();
        let answer = ping(&net, &address).await;
        let usable = answer.is_ok();
        stats.usable.store(usable, Ordering::Relaxed);
        if told.replace(usable) != Some(usable) {
            let upstream = &stats.name;
            match answer {
                Ok(()) => tracing::info!(upstream, server = %address, "the server answers"),
                Err(error) => {
                    tracing::warn!(upstream, server = %address, "{error}; asking again");
                }
            }
        }
        let pause = if usable { TOPOLOGY_REFRESH_MS } else { TOPOLOGY_RETRY_MS };
        let latest = began + Duration::from_millis(pause);
        if let Ok(None) = timeout_at(latest, wanted.recv()).await {
            return;
        }
        sleep_until(began + Duration::from_millis(TOPOLOGY_REFRESH_MS_MIN)).await;
    }
}

/// Asks at every address of the server until it answers at one.
async fn ping<N: Net>(net: &N, address: &Address) -> Result<(), AskError> {
    let mut found = ask::resolve(net, address).await?.into_iter();
    let mut attempts = Hedged::new();
    let mut result = Err(AskError::Timeout);
    while result.is_err() {
        let next = || Some(Box::pin(ask::ping(net, found.next()?)) as Attempt<'_, _>);
        let Some(outcome) = attempts.outcome(next).await else { return result };
        result = outcome;
    }
    result
}
