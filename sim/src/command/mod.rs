//! What `redpoll-sim` can be told to do, each in a file of its own, and what these share.
//!
//! - `run`, `replay`, `shrink`, `plan`, `hash`, `events`, `compare`, `faults`, `coverage`, `scale`,
//!   `mutants`: the commands
//! - `batch`: many seeds with a progress bar; `progress`: the bar
//! - `single`: one plan, looked at closely; `failure`: what is to be known of one that fails
//! - `seeds`, `revision`: which seeds; `terminal`: what is written

mod batch;
pub(crate) mod compare;
pub(crate) mod coverage;
pub(crate) mod events;
mod failure;
pub(crate) mod faults;
pub(crate) mod hash;
pub(crate) mod mutants;
pub(crate) mod plan;
mod progress;
pub(crate) mod replay;
mod revision;
pub(crate) mod run;
pub(crate) mod scale;
mod seeds;
pub(crate) mod shrink;
mod single;
pub(crate) mod terminal;

use std::process::ExitCode;

/// The exit code: whether all is well.
fn exit_code(is_well: bool) -> ExitCode {
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
