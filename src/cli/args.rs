//! The arguments, as clap reads them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use redpoll::config::{Set, listen_address};

const EXIT_CODES: &str = "\
Exit codes:
  0   stopped as asked
  1   failed while running
  64  wrong usage
  69  cannot listen on an address
  78  wrong configuration";

/// A proxy for Redis and Valkey: one Redis to its clients, few pipelined connections to the
/// servers.
#[derive(Debug, Parser)]
#[command(name = "redpoll", version = env!("REDPOLL_VERSION"), after_help = EXIT_CODES)]
#[command(arg_required_else_help = false)]
pub(super) struct Args {
    /// How to write the log to standard error; auto is human on a terminal and json otherwise
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) log_format: LogFormat,

    /// What to log: error, warn, info, debug, trace, or a list such as info,redpoll::pool=debug
    /// [default: RUST_LOG, or info]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve clients from the servers of a configuration, or of one URL
    Run(RunArgs),
    /// Serve clients from a small cluster inside this process, to try things out
    Demo {
        /// Where clients connect
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6380",
              value_parser = listen_address)]
        listen: SocketAddr,
    },
    /// Say all that is wrong with configuration files, or that they are right
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The configuration: YAML, or by its extension TOML or JSON [env: REDPOLL_CONFIG]
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["listen", "upstream"])]
    pub(super) config: Option<PathBuf>,

    /// Where clients connect, without a configuration file
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6380", requires = "upstream",
          value_parser = listen_address)]
    pub(super) listen: SocketAddr,

    /// The servers, without a configuration file: redis://host:port or redis-cluster://a:1,b:2
    #[arg(long, value_name = "URL")]
    pub(super) upstream: Option<String>,

    /// A key of the configuration, for example upstreams.main.op_timeout=2s; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<Set>,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The files: YAML, or by their extension TOML or JSON
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,

    /// A key of the configuration, checked on top of each file; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<Set>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    #[default]
    Auto,
    Human,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        <Args as clap::CommandFactory>::command().debug_assert();
        fn parsed(line: &str) -> Result<Args, clap::Error> {
            Args::try_parse_from(line.split(' '))
        }
        assert!(parsed("redpoll run --listen 127.0.0.1:1").is_err(), "--listen needs --upstream");
        assert!(parsed("redpoll run --config a --upstream redis://b").is_err());
        assert!(parsed("redpoll run --config a --set b=c --set d=e").is_ok());
        assert!(parsed("redpoll check").is_err(), "a file is needed");
    }
}
