//! How long a client may say nothing, take nothing, or wait for memory with half a command.
//!
//! ```text
//! nothing owed, nothing unread --client_idle_timeout---> Idle
//! replies unread, none taken ---client_stall_timeout--> Stalled
//! half a command, no memory ----client_stall_timeout--> Starved: others make room for it, if they
//!                                                       hold more of a command than it does
//! ```

use std::time::{Duration, Instant};

use crate::config::Clients;

/// What a client is tired of waiting for, or the proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lapse {
    /// It has said nothing for too long.
    Idle,
    /// It has taken not a byte of what waits for it for too long.
    Stalled,
    /// The rest of its command has found no room in memory for too long.
    Starved,
}

/// What was seen of a client in a turn.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// It said something.
    pub(super) heard: bool,
    /// It took bytes that waited for it.
    pub(super) took: bool,
    /// Bytes still wait for it.
    pub(super) unread: bool,
    /// Commands of it are unanswered, or it is not read for want of memory.
    pub(super) owed: bool,
    /// It is half through a command, the rest of which there is no room for.
    pub(super) starved: bool,
}

/// The patience with one client.
#[derive(Debug)]
pub(super) struct Patience {
    idle_timeout: Option<Duration>,
    stall_timeout: Option<Duration>,
    /// What was seen last.
    seen: Seen,
    /// When it last said or took something, or was owed something.
    active: Instant,
    /// When it last took something, or began to leave something.
    took: Instant,
    /// Since when it has found no room.
    starved: Option<Instant>,
}

impl Patience {
    /// The patience with a client that connected just now.
    pub(super) fn new(bounds: &Clients, now: Instant) -> Patience {
        Patience {
            idle_timeout: bounds.idle_timeout,
            stall_timeout: bounds.stall_timeout,
            seen: Seen::default(),
            active: now,
            took: now,
            starved: None,
        }
    }

    /// Notes what was seen in a turn.
    pub(super) fn observe(&mut self, seen: Seen, now: Instant) {
        if seen.heard || seen.took || seen.owed || seen.unread {
            self.active = now;
        }
        if seen.took || !self.seen.unread {
            self.took = now;
        }
        if seen.heard || !seen.starved {
            self.starved = None;
        }
        if seen.starved {
            self.starved = self.starved.or(Some(now));
        }
        self.seen = seen;
    }

    /// Somebody else was told to make room: it starves from now on.
    pub(super) fn extend(&mut self, now: Instant) {
        self.starved = Some(now);
    }

    /// When it may be over, if nothing is seen before.
    pub(super) fn until(&self) -> Option<Instant> {
        self.limits().into_iter().filter_map(|(_, at)| at).min()
    }

    /// What it is over with.
    pub(super) fn lapse(&self, now: Instant) -> Option<Lapse> {
        let over = self.limits().into_iter().find(|(_, at)| at.is_some_and(|at| at <= now));
        over.map(|(lapse, _)| lapse)
    }

    fn limits(&self) -> [(Lapse, Option<Instant>); 3] {
        let Seen { unread, owed, .. } = self.seen;
        let idle = if unread || owed { None } else { self.idle_timeout };
        let stall = if unread { self.stall_timeout } else { None };
        let starved = self.starved.zip(self.stall_timeout);
        [
            (Lapse::Stalled, stall.map(|limit| self.took + limit)),
            (Lapse::Starved, starved.map(|(since, limit)| since + limit)),
            (Lapse::Idle, idle.map(|limit| self.active + limit)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client, and the seconds since it connected.
    struct Rig {
        patience: Patience,
        start: Instant,
    }

    const NOTHING: Seen =
        Seen { heard: false, took: false, unread: false, owed: false, starved: false };

    impl Rig {
        /// With an idle timeout of 10 s, and a stall timeout of 5 s.
        #[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
        fn new() -> Rig {
            let (idle, stall) = (Duration::from_secs(10), Duration::from_secs(5));
            let bounds = Clients {
                idle_timeout: Some(idle),
                stall_timeout: Some(stall),
                ..Clients::default()
            };
            let start = Instant::now();
            Rig { patience: Patience::new(&bounds, start), start }
        }

        fn see(&mut self, second: u64, seen: Seen) {
            self.patience.observe(seen, self.start + Duration::from_secs(second));
        }

        /// Whose patience ends when, if nothing more is seen.
        fn end(&self) -> Option<(Lapse, u64)> {
            let at = self.patience.until()?;
            assert_eq!(self.patience.lapse(at - Duration::from_nanos(1)), None);
            Some((self.patience.lapse(at)?, (at - self.start).as_secs()))
        }
    }

    #[test]
    fn a_client_that_says_nothing_is_idle_from_its_last_reply_on() {
        let mut rig = Rig::new();
        assert_eq!(rig.end(), Some((Lapse::Idle, 10)));
        rig.see(2, Seen { heard: true, owed: true, ..NOTHING });
        assert_eq!(rig.end(), None, "it waits for a reply");
        rig.see(4, Seen { took: true, ..NOTHING });
        rig.see(9, NOTHING);
        assert_eq!(rig.end(), Some((Lapse::Idle, 14)), "what it did not do does not count");
    }

    #[test]
    fn a_client_stalls_from_the_last_byte_it_took() {
        let mut rig = Rig::new();
        rig.see(20, Seen { heard: true, unread: true, ..NOTHING });
        assert_eq!(rig.end(), Some((Lapse::Stalled, 25)), "however long it was idle before");
        rig.see(23, Seen { heard: true, owed: true, unread: true, ..NOTHING });
        assert_eq!(rig.end(), Some((Lapse::Stalled, 25)));
        rig.see(24, Seen { took: true, unread: true, ..NOTHING });
        assert_eq!(rig.end(), Some((Lapse::Stalled, 29)));
        rig.see(28, Seen { took: true, ..NOTHING });
        assert_eq!(rig.end(), Some((Lapse::Idle, 38)));
    }

    #[test]
    fn a_client_starves_from_the_last_byte_that_there_was_room_for() {
        let mut rig = Rig::new();
        rig.see(1, Seen { owed: true, starved: true, ..NOTHING });
        rig.see(3, Seen { owed: true, starved: true, ..NOTHING });
        assert_eq!(rig.end(), Some((Lapse::Starved, 6)));
        rig.see(4, Seen { heard: true, owed: true, starved: true, ..NOTHING });
        assert_eq!(rig.end(), Some((Lapse::Starved, 9)));
        rig.see(5, Seen { heard: true, owed: true, ..NOTHING });
        assert_eq!(rig.end(), None);
    }

    #[test]
    fn what_is_not_limited_never_ends() {
        let mut rig = Rig::new();
        rig.patience.idle_timeout = None;
        rig.patience.stall_timeout = None;
        assert_eq!(rig.end(), None);
        rig.see(1, Seen { unread: true, starved: true, ..NOTHING });
        assert_eq!(rig.end(), None);
    }
}
