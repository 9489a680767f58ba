//! What the program asks of its process: many descriptors, and panics that are logged.

use std::panic;
use std::thread;

use rustix::process::{Resource, getrlimit, setrlimit};

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
