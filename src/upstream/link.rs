//! The socket of a node connection: having one, getting one, and when to try again.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use super::Settings;
use crate::io::now;
use crate::limits::{CONNECT_BACKOFF_MS_MAX, CONNECT_BACKOFF_MS_MIN};
use crate::mutant::planted;
use crate::net::Net;
use crate::proto::cluster::Address;
use crate::proto::reply::{Cause, Trouble};

type Connecting<S> = Pin<Box<dyn Future<Output = Result<S, Cause>>>>;

/// The socket, if there is one.
pub(crate) enum Link<S> {
    /// None.
    Down,
    /// An attempt is under way.
    Connecting(Connecting<S>),
    /// There is.
    Up(S),
}

/// When a node that could not be used is tried again: after a pause that doubles with each failure,
/// of which the dice take up to half, so that not all proxies come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    rng: StdRng,
    /// Attempts since the node last answered.
    failures: u32,
    /// No attempt before this, and what was wrong with the last one.
    until: Option<(Instant, Trouble)>,
}

impl Backoff {
    pub(crate) fn new(rng: StdRng) -> Backoff {
        Backoff { rng, failures: 0, until: None }
    }

    /// When the next attempt may be made, if not now.
    pub(crate) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.map(|(until, _)| until).filter(|until| now < *until)
    }

    /// Why no attempt may be made now, if that is so.
    pub(crate) fn cause(&self, now: Instant) -> Option<Cause> {
        let (until, trouble) = self.until?;
        (now < until).then_some(Cause::Backoff(trouble))
    }

    /// The node is of use.
    pub(crate) fn succeed(&mut self) {
        self.failures = 0;
        self.until = None;
    }

    /// A connection was closed before it was of use. The first time that may have been chance.
    pub(crate) fn forgive_once(&mut self) -> bool {
        let is_first = self.failures == 0;
        self.failures += u32::from(is_first);
        is_first
    }

    /// The node is of no use, because of `cause`.
    pub(crate) fn fail(&mut self, cause: Cause, now: Instant) {
        let ms = (CONNECT_BACKOFF_MS_MIN << self.failures.min(16)).min(CONNECT_BACKOFF_MS_MAX);
        self.failures += 1;
        let ms = if planted("failed-node-given-up") { u64::from(u32::MAX) } else { ms };
        let ms = self.rng.random_range(ms.div_ceil(2)..=ms);
        self.until = Some((now + Duration::from_millis(ms), cause.into()));
    }
}

/// Resolves and connects, trying one address after the other.
pub(crate) fn connect<N: Net>(
    net: &N,
    address: &Address,
    settings: &Settings,
) -> Connecting<N::Stream> {
    let (net, address) = (net.clone(), address.clone());
    let (mut limit, keepalive) = (settings.connect_timeout, settings.keepalive);
    if planted("no-connect-timeout") {
        limit = Duration::from_secs(3_600);
    }
    let deadline = now() + limit;
    let attempt = async move {
        let found = net.resolve(address.host(), address.port()).await;
        let found = found.map_err(|_| Cause::Unresolved)?;
        let mut result = Err(Cause::Unresolved);
        for (tried, socket_address) in found.iter().enumerate() {
            // One that hangs leaves time for those after it.
            let left = deadline.saturating_duration_since(now());
            let share = left / u32::try_from(found.len() - tried).unwrap_or(u32::MAX);
            let connected = tokio::time::timeout(share, net.connect(*socket_address)).await;
            result = match connected {
                Ok(connected) => connected.map_err(|_| Cause::Unreachable),
                Err(_) => Err(Cause::ConnectTimeout),
            };
            if result.is_ok() {
                break;
            }
        }
        let stream = result?;
        if let Some(time) = keepalive {
            net.keep_alive(&stream, time).map_err(|_| Cause::Unreachable)?;
        }
        Ok(stream)
    };
    Box::pin(async move {
        tokio::time::timeout(limit, attempt).await.unwrap_or(Err(Cause::ConnectTimeout))
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of a story")]
    fn the_pause_doubles_up_to_a_bound_and_the_dice_take_up_to_half() {
        let now = Instant::now();
        let mut backoff = Backoff::new(StdRng::seed_from_u64(1));
        let mut whole = CONNECT_BACKOFF_MS_MIN;
        for _ in 0..20 {
            backoff.fail(Cause::HandshakeRefused, now);
            assert_eq!(backoff.cause(now), Some(Cause::Backoff(Trouble::HandshakeRefused)));
            let pause = backoff.until(now).unwrap() - now;
            let ms = Duration::from_millis;
            assert!(pause >= ms(whole / 2) && pause <= ms(whole), "{pause:?} of {whole} ms");
            assert_eq!(backoff.until(now + pause), None);
            whole = (2 * whole).min(CONNECT_BACKOFF_MS_MAX);
        }
        backoff.succeed();
        assert_eq!(backoff.until(now), None);
        assert!(backoff.forgive_once() && !backoff.forgive_once());
    }
}
