//! Why the program ends badly: what it says, and with which code of `sysexits.h` it exits.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use redpoll::config::{self, masked};
use redpoll::proxy;

/// Why the program ends.
#[derive(Debug)]
pub(super) enum Failure {
    /// Help or the version were asked for; not a failure.
    Help(clap::Error),
    /// The arguments are wrong.
    Usage(String),
    /// The configuration is wrong: a message a problem.
    Config(Vec<String>),
    /// An address cannot be listened on.
    Unavailable(String),
    /// Something failed while running.
    Runtime(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Help(help) => help.fmt(f),
            Failure::Config(messages) => f.write_str(messages.join("\n").trim_end()),
            Failure::Usage(message) | Failure::Unavailable(message) | Failure::Runtime(message) => {
                f.write_str(message)
            }
        }
    }
}

impl Failure {
    /// Says it and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        let (code, messages) = match self {
            Failure::Help(help) => {
                // Whoever closed the output before reading it all has read enough.
                let _written: Result<(), io::Error> = help.print();
                return ExitCode::SUCCESS;
            }
            Failure::Usage(message) => (64, vec![message]),
            Failure::Config(messages) => (78, messages),
            Failure::Unavailable(message) => (69, vec![message]),
            Failure::Runtime(message) => (1, vec![message]),
        };
        let mut stderr = io::stderr().lock();
        for message in messages {
            // Where standard error is gone, the exit code still tells.
            let _written: Result<(), io::Error> =
                writeln!(stderr, "redpoll: {}", message.trim_end());
        }
        ExitCode::from(code)
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Failure {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return Failure::Help(error);
        }
        let message = masked(&error.render().to_string());
        Failure::Usage(message.strip_prefix("error: ").unwrap_or(&message).to_owned())
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Failure {
        Failure::Config(error.messages().collect())
    }
}

impl From<proxy::Error> for Failure {
    fn from(error: proxy::Error) -> Failure {
        match error {
            proxy::Error::Bind { .. } => Failure::Unavailable(error.to_string()),
            proxy::Error::Runtime(_) => Failure::Runtime(error.to_string()),
        }
    }
}
