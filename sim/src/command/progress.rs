//! How far a batch is: a bar that is drawn again and again where somebody watches, a line now and
//! then where nobody does.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use super::terminal::note;

/// How often the bar is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// How often a line is written where there is no bar.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How wide the bar is, in characters.
const WIDTH: usize = 24;

/// Goes back to the start of a line of a terminal and wipes it.
const WIPE: &str = "\r\x1b[K";

/// How far a batch is.
pub(crate) struct Progress {
    started: Instant,
    shown: Instant,
    is_bar: bool,
    limit: Option<Duration>,
    counts: Counts,
}

/// What has been done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Runs there will be, if that is known.
    pub(crate) total: Option<u64>,
    /// Runs that are done.
    pub(crate) done: u64,
    /// How many of them failed.
    pub(crate) failed: u64,
    /// How long all took, in virtual time.
    pub(crate) virtual_time: Duration,
}

impl Progress {
    /// A batch of so many runs, if that is known, that takes no longer than `limit`.
    pub(crate) fn new(total: Option<u64>, limit: Option<Duration>) -> Self {
        let now = wall_time();
        let counts = Counts { total, ..Counts::default() };
        Progress { started: now, shown: now, is_bar: stderr().is_terminal(), limit, counts }
    }

    /// A run is done, which took so long in virtual time.
    pub(crate) fn add(&mut self, virtual_time: Duration, has_failed: bool) {
        self.counts.done += 1;
        self.counts.failed += u64::from(has_failed);
        self.counts.virtual_time += virtual_time;
        let every = if self.is_bar { DRAWN_EVERY } else { TOLD_EVERY };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = wall_time();
        let line = self.line();
        if self.is_bar {
            drop(write!(stderr().lock(), "{WIPE}{line}"));
        } else {
            note(line);
        }
    }

    /// Writes a line, and the bar again below it the next time.
    pub(crate) fn interject(&self, line: impl Display) {
        if self.is_bar {
            drop(write!(stderr().lock(), "{WIPE}"));
        }
        note(line);
    }

    /// Whether there is no time left.
    pub(crate) fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.started.elapsed() >= limit)
    }

    /// Wipes the bar; says what was done, and in what time.
    pub(crate) fn finish(self) -> (Counts, Duration) {
        if self.is_bar {
            drop(write!(stderr().lock(), "{WIPE}"));
        }
        (self.counts, self.started.elapsed())
    }

    fn line(&self) -> String {
        let elapsed = self.started.elapsed();
        let of_runs = self.counts.total.map(|total| self.counts.done as f64 / total as f64);
        let of_time = self.limit.map(|limit| elapsed.as_secs_f64() / limit.as_secs_f64());
        let share = of_runs.into_iter().chain(of_time).fold(0.0, f64::max).min(1.0);
        format!("{} {}", bar(share), self.counts.describe(elapsed))
    }
}

impl Counts {
    /// The counts in words, after so much time.
    pub(crate) fn describe(&self, elapsed: Duration) -> String {
        let Counts { total, done, failed, virtual_time } = self;
        let total = total.map_or(String::new(), |total| format!("/{total}"));
        let pace = *done as f64 / elapsed.as_secs_f64().max(1e-3);
        let hours = virtual_time.as_secs_f64() / 3_600.0;
        format!("{done}{total} runs, {pace:.1}/s, {hours:.2} virtual h, {failed} failed")
    }
}

fn bar(share: f64) -> String {
    let filled = (share * WIDTH as f64) as usize;
    format!("[{}{}]", "#".repeat(filled), ".".repeat(WIDTH - filled))
}

#[expect(clippy::disallowed_methods, reason = "how fast it goes is a matter of real time")]
fn wall_time() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_how_fast_and_how_well() {
        let counts = Counts {
            total: Some(200),
            done: 50,
            failed: 2,
            virtual_time: Duration::from_secs(1_800),
        };
        assert_eq!(
            counts.describe(Duration::from_secs(5)),
            "50/200 runs, 10.0/s, 0.50 virtual h, 2 failed"
        );
        assert_eq!(bar(0.0), "[........................]");
        assert_eq!(bar(0.25), "[######..................]");
        assert_eq!(bar(1.0), "[########################]");
    }
}
