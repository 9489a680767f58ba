//! A child process that ends with its owner.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, guardian, wait_until};

/// Lines of a tool's output that a message quotes.
const MESSAGE_LINES_MAX: usize = 20;

/// A running child. Dropping it kills it by its id and reaps it.
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both its outputs appended to `log`.
    ///
    /// # Errors
    /// It cannot be started, or the log cannot be written.
    pub(crate) fn spawn(command: &mut Command, log: &Path) -> Result<Process> {
        let name = command.get_program().to_string_lossy().into_owned();
        let out = File::options().create(true).append(true).open(log)?;
        let err = out.try_clone()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        guardian::watch(child.id());
        Ok(Process { child, name, log: log.to_owned() })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("signalling {}", self.name))
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// As the operating system reports.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// It did not end `within` that time.
    pub(crate) fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let what = format!("{} has ended", self.name);
        wait_until(&what, within, || Ok(self.child.try_wait()?))
    }

    /// Its last lines of output, for a message.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log().unwrap_or_default())
    }

    /// All its output.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        guardian::forget(self.child.id());
        // Both fail only if it is already dead, which is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How a tool ended, and what it said.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Runs a tool to its end with `input` on its standard input.
///
/// # Errors
/// It could not be started, or did not end in time.
pub(crate) fn run_to_end(command: &mut Command, input: &str) -> Result<Ended> {
    let name = command.get_program().to_string_lossy().into_owned();
    // Files instead of pipes: nobody waits for anybody but in the one bounded wait.
    let (mut output, mut errors) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut typed = tempfile::tempfile()?;
    typed.write_all(input.as_bytes())?;
    typed.rewind()?;
    let child = command
        .stdin(typed)
        .stdout(output.try_clone()?)
        .stderr(errors.try_clone()?)
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    guardian::watch(child.id());
    let mut process = Process { child, name, log: PathBuf::new() };
    let status = process.wait(PATIENCE * 3)?;
    Ok(Ended { status, output: whole(&mut output)?, errors: whole(&mut errors)? })
}

/// Runs a tool that has to succeed and returns its standard output.
///
/// # Errors
/// It could not be started, did not end in time, or not with 0.
pub(crate) fn run_tool(command: &mut Command, input: &str) -> Result<String> {
    let Ended { status, output, errors } = run_to_end(command, input)?;
    ensure!(status.success(), "{command:?} ended with {status}\n{}", tail(&(output + &errors)));
    Ok(output)
}

/// The last lines of a text.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(MESSAGE_LINES_MAX)..].join("\n")
}

fn whole(file: &mut File) -> Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
