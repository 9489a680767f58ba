//! What is written to standard output and standard error. A reader that has seen enough, as `head`
//! has, is no error: what comes after is dropped, and the work goes on to its exit code.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Writes a line of the result to standard output.
///
/// # Errors
/// It cannot be written, though there is somebody to read it.
pub(crate) fn say(line: impl Display) -> io::Result<()> {
    forgive(writeln!(io::stdout().lock(), "{line}"))
}

/// Writes many lines of the result at once.
///
/// # Errors
/// They cannot be written, though there is somebody to read them.
pub(crate) fn say_all<L: Display>(lines: impl IntoIterator<Item = L>) -> io::Result<()> {
    let mut text = String::new();
    lines.into_iter().for_each(|line| text += &format!("{line}\n"));
    let mut out = io::stdout().lock();
    forgive(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Writes a line about the work to standard error. What cannot be written there has nowhere to go.
pub(crate) fn note(line: impl Display) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

fn forgive(outcome: io::Result<()>) -> io::Result<()> {
    outcome.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}
