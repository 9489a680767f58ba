//! Clients that send one command after the other and note how each was answered, and how soon.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::time::Instant;

use crate::harness::{Wire, pause};

/// What a client rests between two commands: there are few processors for many processes.
const REST: Duration = Duration::from_millis(1);

/// What the clients do.
pub(crate) struct Watch {
    /// Where they connect.
    pub(crate) address: SocketAddr,
    /// What each of them sends, line by line, again and again.
    pub(crate) scripts: Vec<Vec<String>>,
}

/// How one command was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The command.
    pub(crate) line: String,
    /// When it was sent.
    pub(crate) sent: Instant,
    /// From sending it to the end of its reply.
    pub(crate) took: Duration,
    /// The reply, if it is an error.
    pub(crate) error: Option<String>,
}

/// All answers.
#[derive(Debug, Default)]
pub(crate) struct Answers(pub(crate) Vec<Answer>);

impl Watch {
    /// Lets the clients go on until `action` is over.
    ///
    /// # Errors
    /// A client lost its connection or got no reply at all, or `action` failed.
    pub(crate) fn during(&self, action: impl FnOnce() -> Result<()>) -> Result<Answers> {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let clients: Vec<_> = self
                .scripts
                .iter()
                .map(|script| scope.spawn(|| converse(self.address, script, &stop)))
                .collect();
            let acted = action();
            stop.store(true, Ordering::Relaxed);
            let mut answers = Vec::new();
            for client in clients {
                answers.extend(client.join().map_err(|_| anyhow!("a client panicked"))??);
            }
            acted?;
            Ok(Answers(answers))
        })
    }
}

impl Answers {
    /// How long the slowest took.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn slowest(&self) -> Result<Duration> {
        self.0.iter().map(|answer| answer.took).max().context("no answer at all")
    }

    /// Those that are errors.
    pub(crate) fn errors(&self) -> Vec<&Answer> {
        self.0.iter().filter(|answer| answer.error.is_some()).collect()
    }
}

fn converse(address: SocketAddr, script: &[String], stop: &AtomicBool) -> Result<Vec<Answer>> {
    let mut wire = Wire::connect(address)?;
    let mut answers = Vec::new();
    for line in script.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let sent = Instant::now();
        let reply = wire.say(line)?;
        let took = sent.elapsed();
        let error = reply.starts_with('-').then(|| reply.trim_end().to_owned());
        answers.push(Answer { line: line.clone(), sent, took, error });
        pause(REST);
    }
    Ok(answers)
}
