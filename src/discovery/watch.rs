//! A standalone server: whether it is there.

use super::Pace;
use super::ask::{self, AskError};
use super::hedge::{Attempt, Hedged};
use crate::net::Net;
use crate::proto::cluster::Address;
use crate::proto::handshake::Greeting;
use crate::refresh::Reason;
use crate::stats::UpstreamStats;

/// The look-out for one standalone server.
pub(crate) struct Watch<N> {
    net: N,
    address: Address,
    /// Who Redpoll is to it.
    greeting: Greeting,
    pace: Pace,
    /// What the log says: whether it answers.
    told: Option<bool>,
}

impl<N: Net> Watch<N> {
    /// A look-out for the server at `address`.
    pub(crate) fn new(net: N, address: Address, greeting: Greeting, pace: Pace) -> Watch<N> {
        Watch { net, address, greeting, pace, told: None }
    }

    /// Looks out until nobody needs to know any more.
    pub(crate) async fn run(mut self, stats: &UpstreamStats) {
        let mut next = Some(Reason::First);
        let complaint = stats.complaints.of(&self.address);
        while let Some(reason) = next {
            self.pace.begin(reason, stats);
            let answer = self.ping().await;
            let usable = answer.is_ok();
            let trouble = |error: &AskError| format!("{}: {error}", self.address);
            stats.set_usable(answer.as_ref().map_err(trouble).copied());
            let is_news = self.told.replace(usable) != Some(usable);
            let (upstream, server) = (&stats.name, &self.address);
            match answer {
                Ok(()) if is_news => {
                    complaint.over();
                    tracing::info!(upstream, %server, "the server answers");
                }
                Err(error) if error.is_news(is_news, &complaint) => {
                    tracing::warn!(upstream, %server, "{error}; asking again");
                }
                Ok(()) | Err(_) => {}
            }
            next = self.pace.next(usable).await;
        }
    }

    /// Asks at every address of the server until it answers at one.
    pub(super) async fn ping(&self) -> Result<(), AskError> {
        let (net, greeting) = (&self.net, &self.greeting);
        let mut found = ask::resolve(net, &self.address).await?.into_iter();
        let mut attempts = Hedged::new();
        let mut result = Err(AskError::Timeout);
        while result.is_err() {
            let next = || Some(Box::pin(ask::ping(net, greeting, found.next()?)) as Attempt<'_, _>);
            let Some(outcome) = attempts.outcome(next).await else { return result };
            result = outcome;
        }
        result
    }
}
