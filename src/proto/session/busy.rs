//! Errors by which a node says that it cannot serve a command yet: it was not executed, and a
//! little later it may be.

use std::time::Duration;

use crate::limits::{REFUSAL_PAUSE_MS_MAX, REFUSAL_PAUSE_MS_MIN};

/// What a node is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// `TRYAGAIN`: the keys of the command are on both sides of a migration.
    TryAgain,
    /// `LOADING`: it reads its data.
    Loading,
    /// `CLUSTERDOWN`: the cluster, or the slot, is not served.
    ClusterDown,
    /// `MASTERDOWN`: a replica has lost its primary.
    MasterDown,
    /// `READONLY`: it is a replica now.
    ReadOnly,
}

impl Busy {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// All of them, by their numbers.
    pub const ALL: [Busy; Busy::COUNT] =
        [Busy::TryAgain, Busy::Loading, Busy::ClusterDown, Busy::MasterDown, Busy::ReadOnly];

    /// What an error reply says; `None` if it is another one.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Busy> {
        Busy::ALL.into_iter().find(|busy| {
            let rest = frame.strip_prefix(b"-").and_then(|text| text.strip_prefix(busy.code()));
            rest.is_some_and(|rest| rest.starts_with(b" ") || rest.starts_with(b"\r"))
        })
    }

    /// The first word of the error.
    fn code(self) -> &'static [u8] {
        match self {
            Busy::TryAgain => b"TRYAGAIN",
            Busy::Loading => b"LOADING",
            Busy::ClusterDown => b"CLUSTERDOWN",
            Busy::MasterDown => b"MASTERDOWN",
            Busy::ReadOnly => b"READONLY",
        }
    }

    /// How long to wait before it is asked again, after it was refused so many times before: twice
    /// as long each time, up to [`REFUSAL_PAUSE_MS_MAX`].
    #[must_use]
    pub fn pause(times: u32) -> Duration {
        let ms = REFUSAL_PAUSE_MS_MIN << times.min(16);
        Duration::from_millis(ms.min(REFUSAL_PAUSE_MS_MAX))
    }

    /// Whether another node may serve the slot by now.
    #[must_use]
    pub fn hints_at_new_topology(self) -> bool {
        self != Busy::TryAgain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_says_what_it_is() {
        for (frame, busy) in [
            ("-TRYAGAIN Multiple keys request during rehashing of slot\r\n", Some(Busy::TryAgain)),
            ("-LOADING Redis is loading the dataset in memory\r\n", Some(Busy::Loading)),
            ("-CLUSTERDOWN\r\n", Some(Busy::ClusterDown)),
            ("-LOADINGS\r\n", None),
            ("-ERR LOADING\r\n", None),
            ("-\r\n", None),
        ] {
            assert_eq!(Busy::parse(frame.as_bytes()), busy, "{frame}");
        }
    }
}
