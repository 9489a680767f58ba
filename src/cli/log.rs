//! The log: to standard error, for people on a terminal and as JSON otherwise, with RFC 3339 times
//! in UTC.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::args::LogFormat;

/// Starts logging. `level` wins over `RUST_LOG`, which wins over `info`.
///
/// # Errors
/// What is wrong with `level` or `RUST_LOG`.
pub(super) fn start(format: LogFormat, level: Option<&str>) -> Result<(), String> {
    let filter = filter(level)?;
    let terminal = io::stderr().is_terminal();
    let human = match format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let log = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter);
    if human {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        log.with_ansi(colour).with_target(false).init();
    } else {
        log.json().flatten_event(true).init();
    }
    Ok(())
}

fn filter(level: Option<&str>) -> Result<EnvFilter, String> {
    let variable = std::env::var("RUST_LOG").ok();
    let (source, directives) = match (level, &variable) {
        (Some(level), _) => ("--log-level", level),
        (None, Some(variable)) if !variable.is_empty() => ("RUST_LOG", variable.as_str()),
        (None, _) => ("", "info"),
    };
    if let Some(level) = level {
        known_levels(level)?;
    }
    EnvFilter::builder().parse(directives).map_err(|error| format!("{source}: {error}"))
}

/// A word on its own has to be a level: the filter would take it for the name of a module, and log
/// nothing else.
fn known_levels(list: &str) -> Result<(), String> {
    let is_word = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let unknown = |part: &&str| part.parse::<LevelFilter>().is_err();
    match list.split(',').map(str::trim).filter(is_word).find(unknown) {
        Some(part) => Err(format!(
            "--log-level: '{part}' is not a level; allowed: off, error, warn, info, debug, trace, \
             or module=level"
        )),
        None => Ok(()),
    }
}
