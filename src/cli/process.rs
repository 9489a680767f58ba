//! What the program asks of its process: many descriptors, panics that are logged, what it uses.

use std::fs;
use std::panic;
use std::thread;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit, setrlimit};

use redpoll::stats::Process;

/// Raises the soft limit of open files to the hard one: each client and each node is a descriptor.
pub(super) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => tracing::debug!(limit = limit.maximum, "raised the limit of open files"),
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

/// Logs a panic, which is a bug in Redpoll, as an error instead of printing it.
pub(super) fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let panic = info.payload_as_str().unwrap_or("no message");
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(panic, location, thread, "panicked: this is a bug in Redpoll");
    }));
}

/// What the operating system counts for this process; `None` where `/proc` does not say.
pub(super) fn facts() -> Option<Process> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, may hold anything; what follows it is numbers.
    let (_, numbers) = stat.rsplit_once(')')?;
    let field =
        |number: usize| numbers.split_ascii_whitespace().nth(number - 3)?.parse::<u64>().ok();
    let time_us = |ticks: u64| ticks * 1_000_000 / clock_ticks_per_second();
    // The numbers of the fields are those of proc_pid_stat(5).
    Some(Process {
        id: std::process::id(),
        memory_bytes: field(24)? * page_size() as u64,
        cpu_user_us: time_us(field(14)?),
        cpu_system_us: time_us(field(15)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_what_it_uses() {
        let facts = facts().unwrap();
        assert_eq!(facts.id, std::process::id());
        assert!(facts.memory_bytes > 100_000 && facts.memory_bytes < 1 << 40, "{facts:?}");
    }
}
