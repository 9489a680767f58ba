//! The command line: reads the arguments, does what they say, and ends with an exit code.
//!
//! ```text
//! argv -> Args -> run | demo | check -> ExitCode
//!                    '-> Failure -> "redpoll: …" on stderr -> ExitCode
//! ```

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use redpoll::config::{Config, Url};
use redpoll::net::time_of_day;
use redpoll::stats::Stats;
use redpoll::{admin, demo, proxy};

use self::args::{Args, CheckArgs, Command, RunArgs};
use self::failure::Failure;

mod args;
mod failure;
mod log;
mod process;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn start() -> Result<(), Failure> {
    let args = Args::try_parse()?;
    log::start(args.log_format, args.log_level.as_deref()).map_err(Failure::Usage)?;
    process::log_panics();
    match args.command {
        Command::Run(args) => run(args),
        Command::Demo { listen } => {
            process::raise_open_files();
            Ok(demo::run(listen)?)
        }
        Command::Check(args) => check(&args),
    }
}

fn run(args: RunArgs) -> Result<(), Failure> {
    let mut config = configuration(&args)?;
    let open_files = process::raise_open_files();
    process::fit_clients(&mut config, open_files);
    let mut stats = Stats::new(config.workers.get(), config.upstreams.keys().map(String::as_str));
    stats.process = Some(process::facts);
    stats.time_of_day = Some(time_of_day);
    stats.memory_bytes_max = config.memory_bytes_max as u64;
    tracing::info!(
        version = env!("REDPOLL_VERSION"),
        workers = config.workers.get(),
        upstreams = config.upstreams.len(),
        "starting"
    );
    let _admin = match config.admin {
        Some(address) => {
            let bound = admin::bind(address);
            let listener = bound.map_err(|source| proxy::Error::Bind { address, source })?;
            Some(admin::spawn(listener, stats.clone()).map_err(proxy::Error::Runtime)?)
        }
        None => None,
    };
    let load = move || match configuration(&args) {
        Ok(mut config) => {
            process::fit_clients(&mut config, open_files);
            Some(config)
        }
        Err(failure) => {
            tracing::error!("the configuration stays as it is: {failure}");
            None
        }
    };
    Ok(proxy::run(config, stats, |_| (), load)?)
}

/// The configuration that the arguments describe or name.
fn configuration(args: &RunArgs) -> Result<Config, Failure> {
    if let Some(url) = &args.upstream {
        let url =
            Url::parse(url).map_err(|error| Failure::Usage(format!("--upstream: {error}")))?;
        return Ok(Config::from_url(args.listen, &url, &args.set)?);
    }
    let variable = || std::env::var_os("REDPOLL_CONFIG").filter(|file| !file.is_empty());
    let file = args.config.clone().or_else(|| variable().map(PathBuf::from));
    let file = file.ok_or_else(|| {
        let what =
            "give --config FILE or --upstream URL, or set REDPOLL_CONFIG; see redpoll run --help";
        Failure::Usage(what.to_owned())
    })?;
    Ok(Config::from_file(&file, &args.set)?)
}

/// Says of each file that it is right, or all that is wrong.
fn check(args: &CheckArgs) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for file in &args.files {
        match Config::from_file(file, &args.set) {
            Ok(_) => print_ok(file)?,
            Err(error) => wrong.extend(error.messages()),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Config(wrong)) }
}

fn print_ok(file: &Path) -> Result<(), Failure> {
    let written = writeln!(io::stdout(), "{}: ok", file.display());
    written.map_err(|error| Failure::Runtime(format!("cannot write to the output: {error}")))
}
