//! What the proxy answers itself, without asking a server.
//!
//! ```text
//! Command + Identity + Facts -> reply bytes, After
//!             '- HELLO, CLIENT SETNAME, RESET change it
//! ```

use std::time::Duration;

use super::super::resp::{Protocol, Writer, parse_integer};
use super::{
    Command, Directory, Identity, REDIS_VERSION, Refusal, clients, cluster, describe, help,
    identity, info,
};
use crate::limits::DATABASES_MAX;

/// What the proxy knows about itself, supplied by whoever drives it. `INFO` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The time of day, since the Unix epoch.
    pub time_of_day: Duration,
    /// The time of day when the proxy started.
    pub started_at: Duration,
    /// Whether the servers are a Redis Cluster.
    pub cluster: bool,
    /// The database of the servers that the configuration names.
    pub database: u32,
    /// The port that the client is connected to.
    pub port: u16,
    /// The operating system, and the architecture of the processor.
    pub system: (&'static str, &'static str),
    /// How long the proxy has been running, in seconds.
    pub uptime_s: u64,
    /// The process' number.
    pub process_id: Option<u32>,
    /// Clients connected now.
    pub clients: u64,
    /// Those of them that wait at a node.
    pub clients_blocked: u64,
    /// Clients that may be connected at a time.
    pub clients_max: usize,
    /// Clients accepted since the start.
    pub clients_total: u64,
    /// Clients turned away since the start, because there were too many.
    pub clients_refused_total: u64,
    /// Commands read since the start.
    pub commands_total: u64,
    /// Bytes read from clients since the start.
    pub read_bytes_total: u64,
    /// Bytes written to clients since the start.
    pub written_bytes_total: u64,
    /// What `PROXY` tells, line by line.
    pub lines: Vec<String>,
    /// What was counted of commands that went to servers, by name; empty if that is not counted.
    pub commands: Vec<CommandCount>,
    /// How often clients were answered with an error of the proxy's own, by the error's code.
    pub errors: Vec<(&'static str, u64)>,
    /// Memory in use by the process, in bytes.
    pub memory_bytes: Option<u64>,
    /// Processor time spent by the process in user space, in microseconds.
    pub cpu_user_us: Option<u64>,
    /// Processor time spent by the process in the kernel, in microseconds.
    pub cpu_system_us: Option<u64>,
}

/// What was counted of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandCount {
    /// Its name.
    pub name: &'static str,
    /// How often it was answered.
    pub calls: u64,
    /// How long that took in all, from reading it to the last of the reply.
    pub took: Duration,
}

/// What becomes of the client's connection once the reply is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It goes on.
    Continue,
    /// It goes on, subscribed to nothing.
    Reset,
    /// It is closed.
    Close,
}

/// Answers a command whose row says [`Spread::Local`](super::Spread::Local): appends the reply to
/// `out`, in the protocol that the client speaks once the command has run.
pub fn answer(
    command: &Command<'_>,
    identity: &mut Identity,
    (facts, directory): (&Facts, &dyn Directory),
    out: &mut Vec<u8>,
) -> After {
    let protocol = identity.protocol;
    let mut writer = Writer::new(out, protocol);
    match command.row.name {
        "ping" => ping(command, out, identity),
        "echo" => writer.bulk(command.arg(1)),
        "select" => select(command, identity, facts, &mut writer),
        "quit" => {
            writer.simple("OK");
            return After::Close;
        }
        "reset" => {
            identity.reset();
            writer.simple("RESET");
            return After::Reset;
        }
        "info" => info::info(command, facts, &mut writer),
        "time" => time(facts.time_of_day, &mut writer),
        "lolwut" => lolwut(command, &mut writer),
        "role" => role(&mut writer),
        // Clients have one node, which is never a replica, and one user.
        "asking" | "readonly" | "readwrite" => writer.simple("OK"),
        "acl|whoami" => writer.bulk(b"default"),
        "acl|help" => help::write(&help::ACL, &mut writer),
        "pubsub|help" => help::write(&help::PUBSUB, &mut writer),
        "proxy|help" => help::write(&help::PROXY, &mut writer),
        "proxy|route" | "proxy|topology" | "proxy|upstreams" => lines(&facts.lines, &mut writer),
        "object|help" => help::write(&help::OBJECT, &mut writer),
        name if name.starts_with("cluster|") => cluster::answer(command, identity, &mut writer),
        name if name.starts_with("command") => describe::answer(command, out, protocol),
        "client|info" | "client|kill" | "client|list" | "client|pause" | "client|unblock"
        | "client|unpause" => {
            return clients::answer(command, identity, (facts, directory), out);
        }
        _ => identity::answer(command, identity, out),
    }
    After::Continue
}

fn ping(command: &Command<'_>, out: &mut Vec<u8>, identity: &Identity) {
    let is_like_a_message = identity.subscriptions.any() && identity.protocol == Protocol::Resp2;
    if is_like_a_message && command.len() <= 2 {
        let mut writer = Writer::new(out, identity.protocol);
        writer.array(2);
        writer.bulk(b"pong");
        return writer.bulk(command.arg(1));
    }
    match command.len() {
        1 => Writer::new(out, identity.protocol).simple("PONG"),
        2 => Writer::new(out, identity.protocol).bulk(command.arg(1)),
        _ => Refusal::WrongArity(command.row).write(out),
    }
}

fn lines(lines: &[String], writer: &mut Writer<'_>) {
    writer.array(lines.len());
    lines.iter().for_each(|line| writer.bulk(line.as_bytes()));
}

/// Seconds, and the microseconds beyond them.
fn time(time_of_day: Duration, writer: &mut Writer<'_>) {
    writer.array(2);
    writer.bulk(time_of_day.as_secs().to_string().as_bytes());
    writer.bulk(time_of_day.subsec_micros().to_string().as_bytes());
}

/// The version alone, as Redis gives it for versions of the art that it does not have.
fn lolwut(command: &Command<'_>, writer: &mut Writer<'_>) {
    let asks_for_one = command.len() > 2 && command.arg(1).eq_ignore_ascii_case(b"version");
    if asks_for_one && parse_integer(command.arg(2)).is_none() {
        return writer.error("ERR value is not an integer or out of range");
    }
    writer.verbatim(&format!("Redis ver. {REDIS_VERSION}\n"));
}

/// A master that has sent nothing to no replica.
fn role(writer: &mut Writer<'_>) {
    writer.array(3);
    writer.bulk(b"master");
    writer.integer(0);
    writer.array(0);
}

/// A cluster has one database; how many a server has, it says itself.
fn select(command: &Command<'_>, identity: &mut Identity, facts: &Facts, writer: &mut Writer<'_>) {
    let Some(index) = parse_integer(command.arg(1)) else {
        return writer.error("ERR value is not an integer or out of range");
    };
    match u32::try_from(index) {
        Ok(index) if index == 0 || !facts.cluster && index < DATABASES_MAX => {
            identity.database = (!facts.cluster).then_some(index);
            writer.simple("OK");
        }
        _ if i32::try_from(index).is_err() => {
            writer.error("ERR value is out of range, value must between -2147483648 and 2147483647")
        }
        _ if facts.cluster => writer.error("ERR SELECT is not allowed in cluster mode"),
        _ => writer.error("ERR DB index is out of range"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::rig::{Client, any_arg, array, draws};
    use super::super::{Replies, Row, Spread, table};
    use super::*;
    use crate::proto::resp::ReplyDecoder;

    #[test]
    fn ping_and_echo_give_back_what_they_were_given() {
        for mut client in [Client::default(), Client::resp3()] {
            assert_eq!(client.ask("PING"), "+PONG|");
            assert_eq!(client.ask("ping 'a b'"), "$3|a b|");
            assert_eq!(
                client.ask("ping a b"),
                "-ERR wrong number of arguments for 'ping' command|"
            );
            assert_eq!(client.ask(array(&[b"ECHO", b"\xFF\0"])), "$2|\\xff\\x00|");
        }
    }

    #[test]
    fn a_server_has_databases_0_to_15_and_a_cluster_one() {
        let mut client = Client::default();
        for (cluster, line, reply) in [
            (false, "select 0", "+OK|"),
            (true, "select 0", "+OK|"),
            (false, "select 15", "+OK|"),
            (false, "select 16", "-ERR DB index is out of range|"),
            (false, "select -1", "-ERR DB index is out of range|"),
            (true, "select 1", "-ERR SELECT is not allowed in cluster mode|"),
            (true, "select x", "-ERR value is not an integer or out of range|"),
            (
                true,
                "select 2147483648",
                "-ERR value is out of range, value must between -2147483648 and 2147483647|",
            ),
        ] {
            client.facts.cluster = cluster;
            assert_eq!(client.ask(line), reply, "{line}");
        }
    }

    #[test]
    fn what_is_asked_of_a_single_master_is_answered_as_one() {
        let mut client = Client::default();
        client.facts.time_of_day = Duration::from_micros(1_700_000_000_000_042);
        for (line, reply) in [
            ("asking", "+OK|"),
            ("READONLY", "+OK|"),
            ("readwrite", "+OK|"),
            ("time", "*2|$10|1700000000|$2|42|"),
            ("role", "*3|$6|master|:0|*0|"),
            ("acl whoami", "$7|default|"),
            ("lolwut", "$17|Redis ver. 7.2.0\\n|"),
            ("lolwut version 5 1", "$17|Redis ver. 7.2.0\\n|"),
            ("lolwut version x", "-ERR value is not an integer or out of range|"),
        ] {
            assert_eq!(client.ask(line), reply, "{line}");
        }
        assert_eq!(Client::resp3().ask("lolwut"), "=21|txt:Redis ver. 7.2.0\\n|");
        assert!(client.ask("acl help").contains("|+WHOAMI|"));
    }

    #[test]
    fn quit_is_answered_before_it_closes() {
        let mut client = Client::default();
        client.ask("ping");
        assert_eq!(client.after, After::Continue);
        assert_eq!(client.ask("quit now"), "+OK|");
        assert_eq!(client.after, After::Close);
    }

    #[test]
    fn reset_forgets_the_name_and_the_protocol_but_not_the_library() {
        let mut client = Client::resp3();
        client.ask("client setname me");
        client.ask("client setinfo lib-name redpoll");
        assert_eq!(client.ask("reset"), "+RESET|");
        assert_eq!(client.after, After::Reset);
        assert_eq!(client.ask("client getname"), "$-1|");
        assert_eq!(client.identity.lib_name, b"redpoll");
    }

    fn is_local(row: &&Row) -> bool {
        row.spread == Spread::Local
    }

    proptest! {
        #![proptest_config(draws())]

        #[test]
        fn every_answer_is_one_reply_whatever_the_arguments_are(
            row in select(table::rows().filter(is_local).collect::<Vec<_>>()),
            args in vec(any_arg(), 0..6),
            resp3 in any::<bool>(),
        ) {
            let mut client = if resp3 { Client::resp3() } else { Client::default() };
            let mut frame = vec![row.name.as_bytes()];
            frame.extend(args.iter().map(Vec::as_slice));
            let reply = client.raw(array(&frame));
            prop_assume!(client.identity.modes.replies == Replies::On);
            prop_assert_eq!(ReplyDecoder::default().scan(&reply), Ok(Some(reply.len())));
        }
    }

    #[test]
    fn every_local_row_has_an_answer() {
        let rows = table::rows().flat_map(|row| std::iter::once(row).chain(row.subcommands));
        let is_whole = |row: &&Row| row.subcommands.is_empty() || row.accepts(1);
        for row in rows.filter(is_local).filter(is_whole) {
            let mut line = row.name.replace('|', " ");
            line += &" get".repeat(usize::from(row.arity.unsigned_abs()) - line.split(' ').count());
            let reply = Client::default().ask(line);
            assert!(!reply.contains("unknown command"), "{}: {reply}", row.name);
        }
    }
}
