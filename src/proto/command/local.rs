//! What the proxy answers itself, without asking a server.
//!
//! ```text
//! Command + Identity + Facts -> reply bytes, After
//!             '- HELLO, CLIENT SETNAME, RESET change it
//! ```

use super::super::resp::{Writer, parse_integer};
use super::{Command, Identity, Refusal, describe, help, identity, info};

/// What the proxy knows about itself, supplied by whoever drives it. `INFO` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whether the servers are a Redis Cluster.
    pub cluster: bool,
    /// The port that the client is connected to.
    pub port: u16,
    /// How long the proxy has been running, in seconds.
    pub uptime_s: u64,
    /// The process' number.
    pub process_id: Option<u32>,
    /// Clients connected now.
    pub clients: u64,
    /// Clients accepted since the start.
    pub clients_total: u64,
    /// Commands read since the start.
    pub commands_total: u64,
    /// Memory in use by the process, in bytes.
    pub memory_bytes: Option<u64>,
    /// Processor time spent by the process in user space, in microseconds.
    pub cpu_user_us: Option<u64>,
    /// Processor time spent by the process in the kernel, in microseconds.
    pub cpu_system_us: Option<u64>,
}

/// What becomes of the client's connection once the reply is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It goes on.
    Continue,
    /// It is closed.
    Close,
}

/// Answers a command whose row says [`Spread::Local`](super::Spread::Local): appends the reply to
/// `out`, in the protocol that the client speaks once the command has run.
pub fn answer(
    command: &Command<'_>,
    identity: &mut Identity,
    facts: &Facts,
    out: &mut Vec<u8>,
) -> After {
    let protocol = identity.protocol;
    let mut writer = Writer::new(out, protocol);
    match command.row.name {
        "ping" => ping(command, out, identity),
        "echo" => writer.bulk(command.arg(1)),
        "select" => select(command, facts, &mut writer),
        "quit" => {
            writer.simple("OK");
            return After::Close;
        }
        "reset" => {
            identity.reset();
            writer.simple("RESET");
        }
        "info" => info::info(command, facts, &mut writer),
        "object|help" => help::write(&help::OBJECT, &mut writer),
        name if name.starts_with("command") => describe::answer(command, out, protocol),
        _ => identity::answer(command, identity, out),
    }
    After::Continue
}

fn ping(command: &Command<'_>, out: &mut Vec<u8>, identity: &Identity) {
    match command.len() {
        1 => Writer::new(out, identity.protocol).simple("PONG"),
        2 => Writer::new(out, identity.protocol).bulk(command.arg(1)),
        _ => Refusal::WrongArity(command.row).write(out),
    }
}

/// There is one database: a cluster has no other, and other servers' are not offered.
fn select(command: &Command<'_>, facts: &Facts, writer: &mut Writer<'_>) {
    match parse_integer(command.arg(1)) {
        None => writer.error("ERR value is not an integer or out of range"),
        Some(0) => writer.simple("OK"),
        Some(index) if i32::try_from(index).is_err() => {
            writer.error("ERR value is out of range, value must between -2147483648 and 2147483647")
        }
        Some(_) if facts.cluster => writer.error("ERR SELECT is not allowed in cluster mode"),
        Some(_) => writer.error("ERR DB index is out of range"),
    }
}
