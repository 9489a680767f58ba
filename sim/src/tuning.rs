//! How the proxy is configured in a run, beyond its basic timeouts: drawn from the seed, so that
//! every key is met at its extremes.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use redpoll::config::{Clients, Credentials, Flush, MEMORY_BYTES_MAX, Secret, Upstream};
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::world::ms;

/// What the nodes want to hear, if they want a password.
pub const PASSWORD: &str = "open sesame";

/// Fewer requests in flight on a connection than these make clients wait for each other.
const NARROW_REQUESTS: usize = 64;

/// Fewer attempts to connect than these, in a second, make reconnecting slow.
const NARROW_RATE: u32 = 20;

/// Keys of the configuration. Times are in ms; 0 stands for none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuning {
    /// `stall_timeout`.
    pub stall_timeout_ms: u64,
    /// `timeouts`: that of `MGET`.
    pub mget_timeout_ms: u64,
    /// `timeouts`: that of `GETRANGE`.
    pub getrange_timeout_ms: u64,
    /// `connections_per_node`.
    pub connections_per_node: usize,
    /// `preconnect`.
    pub preconnect: bool,
    /// `idle_timeout`.
    pub idle_timeout_ms: u64,
    /// `connection_rate_limit`.
    pub connections_per_s: u32,
    /// `leases_max`.
    #[serde(default = "leases_max")]
    pub leases_max: usize,
    /// `pipeline_requests_max`.
    pub requests_max: usize,
    /// `max_buffer_size_before_flush`, in bytes.
    pub flush_bytes: usize,
    /// `buffer_flush_timeout`.
    pub flush_timeout_ms: u64,
    /// `retries_max`.
    pub retries_max: u8,
    /// `retry_budget`, in percent.
    pub retry_budget: u8,
    /// `enable_redirection`.
    pub follows: bool,
    /// `redirects_max`.
    pub redirects_max: u8,
    /// `max_unknown_upstreams`.
    pub unknown_max: usize,
    /// `refresh_interval`.
    pub refresh_ms: u64,
    /// `redirect_refresh_interval`.
    pub refresh_ms_min: u64,
    /// `redirect_refresh_threshold`.
    pub redirect_threshold: u32,
    /// `failure_refresh_threshold`.
    pub failure_threshold: u32,
    /// `enable_command_stats`.
    pub command_stats: bool,
    /// Whether nodes want a password.
    pub password: bool,
    /// `client_idle_timeout`.
    pub client_idle_timeout_ms: u64,
    /// `client_stall_timeout`.
    pub client_stall_timeout_ms: u64,
    /// `client_output_bytes_max`.
    pub client_output_bytes: usize,
    /// `memory_max`, in bytes.
    pub memory_bytes: usize,
}

impl Default for Tuning {
    /// What the proxy does unless it is configured.
    fn default() -> Self {
        Tuning {
            stall_timeout_ms: 5_000,
            mget_timeout_ms: 0,
            getrange_timeout_ms: 0,
            connections_per_node: 1,
            preconnect: false,
            idle_timeout_ms: 600_000,
            connections_per_s: 50,
            leases_max: leases_max(),
            requests_max: 65_536,
            flush_bytes: 0,
            flush_timeout_ms: 3,
            retries_max: 3,
            retry_budget: 20,
            follows: true,
            redirects_max: 5,
            unknown_max: 100,
            refresh_ms: 10_000,
            refresh_ms_min: 100,
            redirect_threshold: 1,
            failure_threshold: 1,
            command_stats: false,
            password: false,
            client_idle_timeout_ms: 0,
            client_stall_timeout_ms: 30_000,
            client_output_bytes: Clients::default().output_bytes_max,
            memory_bytes: MEMORY_BYTES_MAX,
        }
    }
}

impl Tuning {
    /// Draws one: most keys as they are unless configured, some at an extreme.
    pub(crate) fn draw(dice: &mut Dice) -> Tuning {
        let usual = Tuning::default();
        let drawn = Tuning {
            stall_timeout_ms: *dice.pick(&[200, 200, 600, 600, 2_000, 5_000, 0]),
            mget_timeout_ms: *dice.pick(&[0, 0, 0, 100, 1_500]),
            getrange_timeout_ms: *dice.pick(&[0, 0, 150, 1_200, 1_200]),
            connections_per_node: *dice.pick(&[1, 1, 2, 3]),
            preconnect: dice.chance(0.3),
            idle_timeout_ms: *dice.pick(&[usual.idle_timeout_ms, 0, 40, 300]),
            connections_per_s: *dice.pick(&[50, 50, 50, 0, 5]),
            leases_max: *dice.pick(&[256, 256, 256, 8, 2]),
            requests_max: *dice.pick(&[65_536, 65_536, 65_536, 256, 8, 1]),
            flush_bytes: *dice.pick(&[0, 0, 64, 1_024, 16_384]),
            flush_timeout_ms: *dice.pick(&[1, 3, 10]),
            retries_max: *dice.pick(&[3, 3, 3, 0, 1]),
            retry_budget: *dice.pick(&[20, 20, 100, 0, 2]),
            follows: !dice.chance(0.05),
            redirects_max: *dice.pick(&[5, 5, 5, 5, 1, 2, 16]),
            unknown_max: *dice.pick(&[100, 100, 1, 3]),
            refresh_ms: *dice.pick(&[10_000, 3_000, 500]),
            refresh_ms_min: *dice.pick(&[100, 100, 20, 400]),
            redirect_threshold: *dice.pick(&[1, 1, 1, 5, 0]),
            failure_threshold: *dice.pick(&[1, 1, 1, 5, 0]),
            command_stats: dice.chance(0.3),
            password: dice.chance(0.2),
            client_idle_timeout_ms: *dice.pick(&[0, 0, 0, 0, 0, 0, 0, 150]),
            client_stall_timeout_ms: if dice.chance(0.2) {
                250
            } else {
                usual.client_stall_timeout_ms
            },
            ..usual
        };
        let drawn = match dice.index(8) {
            0 => Tuning { client_output_bytes: *dice.pick(&[2_000, 40_000]), ..drawn },
            1 => Tuning { memory_bytes: *dice.pick(&[16_384, 262_144]), ..drawn },
            _ => drawn,
        };
        drawn.sane()
    }

    /// What waits for a regular look at the topology must not wait for ever.
    pub(crate) fn sane(mut self) -> Tuning {
        if self.redirect_threshold != 1 || self.failure_threshold != 1 {
            self.refresh_ms = self.refresh_ms.min(1_000);
        }
        self
    }

    /// How long it may take to notice by a regular look what nothing else shows.
    pub(crate) fn regular_look_ms(&self) -> u64 {
        self.refresh_ms * 125 / 100
    }

    /// Whether redirects and failures have the topology looked at as soon as may be.
    pub(crate) fn is_alert(&self) -> bool {
        self.redirect_threshold == 1 && self.failure_threshold == 1
    }

    /// Whether commands may fail for want of room, though nothing is broken.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        let is_slow_to_connect = (1..NARROW_RATE).contains(&self.connections_per_s);
        let idles = (1..1_000).contains(&self.idle_timeout_ms);
        self.is_tight()
            || self.requests_max < NARROW_REQUESTS
            || is_slow_to_connect && (idles || self.connections_per_node > 1)
    }

    /// Whether commands may wait to be read, for want of room.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        let usual = Tuning::default();
        self.client_output_bytes < usual.client_output_bytes
            || self.memory_bytes < usual.memory_bytes
    }

    /// Whether clients may find their connections closed.
    #[must_use]
    pub fn may_close(&self) -> bool {
        let usual = Tuning::default();
        self.is_tight()
            || self.client_idle_timeout_ms > 0
            || self.client_stall_timeout_ms < usual.client_stall_timeout_ms
    }

    /// How long a node may be silent.
    pub(crate) fn stall_timeout(&self) -> Option<Duration> {
        some(self.stall_timeout_ms)
    }

    /// Whether connections to nodes are closed as soon as they are not used.
    pub(crate) fn closes_idle(&self) -> bool {
        (1..1_000).contains(&self.idle_timeout_ms) && !self.preconnect
    }

    /// The timeouts of commands that have their own.
    pub(crate) fn command_timeouts(&self) -> BTreeMap<&'static str, Duration> {
        let all = [("mget", self.mget_timeout_ms), ("getrange", self.getrange_timeout_ms)];
        all.into_iter().filter(|(_, time)| *time > 0).map(|(name, time)| (name, ms(time))).collect()
    }

    /// What clients may do.
    pub(crate) fn clients(&self) -> Clients {
        Clients {
            idle_timeout: some(self.client_idle_timeout_ms),
            stall_timeout: some(self.client_stall_timeout_ms),
            output_bytes_max: self.client_output_bytes,
            ..Clients::default()
        }
    }

    /// Writes it into a configuration.
    pub(crate) fn apply(&self, upstream: &mut Upstream) {
        upstream.timeouts.stall = self.stall_timeout();
        upstream.timeouts.commands = self.command_timeouts();
        let connections = &mut upstream.connections;
        connections.per_node =
            NonZeroUsize::new(self.connections_per_node).unwrap_or(NonZeroUsize::MIN);
        connections.preconnect = self.preconnect;
        connections.idle_timeout = some(self.idle_timeout_ms);
        connections.rate_per_s = NonZeroU32::new(self.connections_per_s);
        connections.leases_max = NonZeroUsize::new(self.leases_max).unwrap_or(NonZeroUsize::MIN);
        connections.requests_max =
            NonZeroUsize::new(self.requests_max).unwrap_or(NonZeroUsize::MIN);
        connections.flush = NonZeroUsize::new(self.flush_bytes)
            .map(|bytes| Flush { bytes, timeout: ms(self.flush_timeout_ms) });
        connections.credentials =
            self.password.then(|| Credentials { username: None, password: Secret::new(PASSWORD) });
        upstream.retries.max = self.retries_max;
        upstream.retries.budget_percent = self.retry_budget;
        upstream.redirects.follow = self.follows;
        upstream.redirects.max = self.redirects_max;
        upstream.redirects.unknown_max = self.unknown_max;
        upstream.refresh.interval = ms(self.refresh_ms);
        upstream.refresh.redirect_interval = ms(self.refresh_ms_min);
        upstream.refresh.redirect_threshold = self.redirect_threshold;
        upstream.refresh.failure_threshold = self.failure_threshold;
        upstream.command_stats = self.command_stats;
    }
}

fn leases_max() -> usize {
    256
}

/// A time that may be none.
fn some(time_ms: u64) -> Option<Duration> {
    (time_ms > 0).then(|| ms(time_ms))
}
