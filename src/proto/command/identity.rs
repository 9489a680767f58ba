//! Who a client says it is: `HELLO`, `AUTH`, `CLIENT`.

use std::net::IpAddr;

use super::super::cluster::Slot;
use super::super::pubsub::Counts;
use super::super::resp::{Protocol, Writer, parse_integer};
use super::{Command, Modes, Refusal, help, refusal};
use crate::limits::{CLIENT_NAME_BYTES_MAX, SLOTS};

/// The version of Redis that clients are told: the first one that has `CLIENT SETINFO`.
pub const REDIS_VERSION: &str = "7.2.0";

const WRONG_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";

/// The state of one client that only the client itself can change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The client's number, unlike any other's in this process.
    pub id: u64,
    /// Where it connects from, as `host:port`; empty if that is unknown.
    pub address: String,
    /// Where it connects to; `None` if only the port is known.
    pub host: Option<IpAddr>,
    /// The port that it connects to.
    pub port: u16,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The database that it has chosen; `None`: that of the configuration.
    pub database: Option<u32>,
    /// What it has switched.
    pub modes: Modes,
    /// How much it is subscribed to.
    pub subscriptions: Counts,
    /// The name it has given itself; empty if none.
    pub name: Vec<u8>,
    /// The name of its library; empty if it has not told.
    pub lib_name: Vec<u8>,
    /// The version of its library; empty if it has not told.
    pub lib_version: Vec<u8>,
}

/// What a client has chosen that is a matter of connections to servers: commands of different
/// choices never share one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The database; `None`: that of the configuration.
    pub database: Option<u32>,
}

impl Identity {
    /// A client that has just connected.
    #[must_use]
    pub fn new(id: u64, address: String) -> Identity {
        Identity { id, address, ..Identity::default() }
    }

    /// What it has chosen of the connections that its commands take.
    #[must_use]
    pub fn choice(&self) -> Choice {
        Choice { protocol: self.protocol, database: self.database }
    }

    /// The slot whose owner runs what this client asks without keys: another one for each client,
    /// and the same one always, so that its commands keep their order.
    #[must_use]
    pub fn home(&self) -> Slot {
        let mixed = self.id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS.ilog2());
        u16::try_from(mixed).ok().and_then(Slot::new).unwrap_or_else(|| Slot::of(b""))
    }

    /// What `RESET` does; the library is still the same one.
    pub(super) fn reset(&mut self) {
        self.protocol = Protocol::Resp2;
        self.database = None;
        self.name.clear();
        self.modes.reset();
    }

    fn protocol_number(&self) -> i64 {
        match self.protocol {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }

    fn set_name(&mut self, name: &[u8]) -> Result<(), &'static str> {
        if !is_plain(name) {
            return Err("Client names cannot contain spaces, newlines or special characters.");
        }
        if name.len() > CLIENT_NAME_BYTES_MAX {
            return Err("Client names cannot be longer than 1024 bytes.");
        }
        self.name = name.to_vec();
        Ok(())
    }
}

/// Answers the commands of this module.
pub(super) fn answer(command: &Command<'_>, identity: &mut Identity, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out, identity.protocol);
    match command.row.name {
        "hello" => hello(command, identity, out),
        "auth" => auth(command, &mut writer),
        "client|id" => writer.integer(identity.id.try_into().unwrap_or(i64::MAX)),
        "client|getname" if identity.name.is_empty() => writer.null(),
        "client|getname" => writer.bulk(&identity.name),
        "client|setname" => match identity.set_name(command.arg(2)) {
            Ok(()) => writer.simple("OK"),
            Err(text) => writer.error(format!("ERR {text}")),
        },
        "client|capa" => writer.simple("OK"),
        "client|getredir" => writer.integer(-1),
        "client|no-evict" | "client|no-touch" => identity.modes.switch(command, &mut writer),
        "client|reply" => identity.modes.reply(command, &mut writer),
        "client|setinfo" => set_info(command, identity, out),
        "client|trackinginfo" => tracking_info(&mut writer),
        "client|help" => help::write(&help::CLIENT, &mut writer),
        _ => Refusal::unknown_command(command.frame, command.spans).write(out),
    }
}

fn hello(command: &Command<'_>, identity: &mut Identity, out: &mut Vec<u8>) {
    let protocol = match (command.len() > 1).then(|| parse_integer(command.arg(1))) {
        None => identity.protocol,
        Some(Some(2)) => Protocol::Resp2,
        Some(Some(3)) => Protocol::Resp3,
        Some(Some(_)) => {
            return refusal::error(&[b"NOPROTO unsupported protocol version"], out);
        }
        Some(None) => {
            return refusal::error(
                &[b"ERR Protocol version is not an integer or out of range"],
                out,
            );
        }
    };
    if hello_options(command, identity, out).is_err() {
        return;
    }
    identity.protocol = protocol;
    greet(identity, &mut Writer::new(out, protocol));
}

/// The options of `HELLO` take effect one by one, even if a later one is wrong.
fn hello_options(
    command: &Command<'_>,
    identity: &mut Identity,
    out: &mut Vec<u8>,
) -> Result<(), ()> {
    let mut at = 2;
    while at < command.len() {
        let option = command.arg(at);
        let left = command.len() - 1 - at;
        if option.eq_ignore_ascii_case(b"AUTH") && left >= 2 {
            if command.arg(at + 1) != b"default" {
                refusal::error(&[WRONG_PASSWORD.as_bytes()], out);
                return Err(());
            }
            at += 3;
        } else if option.eq_ignore_ascii_case(b"SETNAME") && left >= 1 {
            identity
                .set_name(command.arg(at + 1))
                .map_err(|text| refusal::error(&[b"ERR ", text.as_bytes()], out))?;
            at += 2;
        } else {
            let option = refusal::as_c_text(option);
            refusal::error(&[b"ERR Syntax error in HELLO option '", option, b"'"], out);
            return Err(());
        }
    }
    Ok(())
}

fn greet(identity: &Identity, writer: &mut Writer<'_>) {
    let texts = |pairs: &[(&str, &str)], writer: &mut Writer<'_>| {
        for (key, value) in pairs {
            writer.bulk(key.as_bytes());
            writer.bulk(value.as_bytes());
        }
    };
    writer.map(7);
    texts(&[("server", "redis"), ("version", REDIS_VERSION)], writer);
    writer.bulk(b"proto");
    writer.integer(identity.protocol_number());
    writer.bulk(b"id");
    writer.integer(identity.id.try_into().unwrap_or(i64::MAX));
    texts(&[("mode", "standalone"), ("role", "master")], writer);
    writer.bulk(b"modules");
    writer.array(0);
}

/// As Redis answers while the user `default` needs no password: any will do.
fn auth(command: &Command<'_>, writer: &mut Writer<'_>) {
    match command.len() {
        2 => writer.error(
            "ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        ),
        3 if command.arg(1) == b"default" => writer.simple("OK"),
        3 => writer.error(WRONG_PASSWORD),
        _ => writer.error("ERR syntax error"),
    }
}

fn set_info(command: &Command<'_>, identity: &mut Identity, out: &mut Vec<u8>) {
    let (attribute, value) = (command.arg(2), command.arg(3));
    let place = if attribute.eq_ignore_ascii_case(b"lib-name") {
        &mut identity.lib_name
    } else if attribute.eq_ignore_ascii_case(b"lib-ver") {
        &mut identity.lib_version
    } else {
        let attribute = refusal::as_c_text(attribute);
        return refusal::error(&[b"ERR Unrecognized option '", attribute, b"'"], out);
    };
    if !is_plain(value) {
        let text = b" cannot contain spaces, newlines or special characters.";
        return refusal::error(&[b"ERR ", attribute, text], out);
    }
    if value.len() > CLIENT_NAME_BYTES_MAX {
        return refusal::error(&[b"ERR ", attribute, b" cannot be longer than 1024 bytes."], out);
    }
    *place = value.to_vec();
    Writer::new(out, identity.protocol).simple("OK");
}

/// No keys are tracked for any client.
fn tracking_info(writer: &mut Writer<'_>) {
    writer.map(3);
    writer.bulk(b"flags");
    writer.set(1);
    writer.bulk(b"off");
    writer.bulk(b"redirect");
    writer.integer(-1);
    writer.bulk(b"prefixes");
    writer.array(0);
}

/// What a name may hold, so that `CLIENT INFO` can be read: printable ASCII without spaces.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::super::rig::Client;

    const RESP2: &str = "*14|$6|server|$5|redis|$7|version|$5|7.2.0|$5|proto|:2|$2|id|:7|\
                         $4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|";
    const RESP3: &str = "%7|$6|server|$5|redis|$7|version|$5|7.2.0|$5|proto|:3|$2|id|:7|\
                         $4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|";

    #[test]
    fn hello_answers_in_the_protocol_it_chooses() {
        let mut client = Client::default();
        for (line, reply) in
            [("hello", RESP2), ("HELLO 3", RESP3), ("hello", RESP3), ("hello 2", RESP2)]
        {
            assert_eq!(client.ask(line), reply, "{line}");
        }
    }

    #[test]
    fn hello_takes_a_name_and_the_default_user() {
        let mut client = Client::default();
        assert_eq!(client.ask("hello 3 auth default secret setname me"), RESP3);
        assert_eq!(client.ask("client getname"), "$2|me|");
    }

    #[test]
    fn a_wrong_hello_leaves_the_protocol_as_it_was() {
        let mut client = Client::default();
        for (line, error) in [
            ("hello 4", "NOPROTO unsupported protocol version"),
            ("hello 1", "NOPROTO unsupported protocol version"),
            ("hello x", "ERR Protocol version is not an integer or out of range"),
            ("hello 3 auth bob x", super::WRONG_PASSWORD),
            ("hello 3 auth default", "ERR Syntax error in HELLO option 'auth'"),
            ("hello 3 setname", "ERR Syntax error in HELLO option 'setname'"),
            ("hello 3 foo", "ERR Syntax error in HELLO option 'foo'"),
            (
                "hello 3 setname 'a b'",
                "ERR Client names cannot contain spaces, newlines or special characters.",
            ),
        ] {
            assert_eq!(client.ask(line), format!("-{error}|"), "{line}");
            assert_eq!(client.ask("client getname"), "$-1|", "{line}");
        }
        assert_eq!(client.ask("hello 3 setname first foo").chars().next(), Some('-'));
        assert_eq!(client.ask("client getname"), "$5|first|");
    }

    #[test]
    fn the_default_user_needs_no_password() {
        let mut client = Client::default();
        for (line, reply) in [
            ("auth default x", "+OK|"),
            ("auth bob x", "-WRONGPASS invalid username-password pair or user is disabled.|"),
            (
                "auth x",
                "-ERR AUTH <password> called without any password configured for the default \
                 user. Are you sure your configuration is correct?|",
            ),
            ("auth a b c", "-ERR syntax error|"),
        ] {
            assert_eq!(client.ask(line), reply, "{line}");
        }
    }

    #[test]
    fn a_client_names_itself() {
        let mut client = Client::default();
        for (line, reply) in [
            ("client id", ":7|"),
            ("client getname", "$-1|"),
            ("client setname worker-1", "+OK|"),
            ("client getname", "$8|worker-1|"),
            (
                "client setname 'a b'",
                "-ERR Client names cannot contain spaces, newlines or special characters.|",
            ),
            ("client getname", "$8|worker-1|"),
            ("client setname ''", "+OK|"),
            ("client getname", "$-1|"),
        ] {
            assert_eq!(client.ask(line), reply, "{line}");
        }
        assert_eq!(Client::resp3().ask("client getname"), "_|");
    }

    #[test]
    fn a_client_names_its_library() {
        let mut client = Client::default();
        for (line, reply) in [
            ("client setinfo LIB-NAME redis-py", "+OK|"),
            ("client setinfo lib-ver 8.0.0", "+OK|"),
            ("client setinfo color red", "-ERR Unrecognized option 'color'|"),
            (
                "client setinfo lib-ver '8 0'",
                "-ERR lib-ver cannot contain spaces, newlines or special characters.|",
            ),
        ] {
            assert_eq!(client.ask(line), reply, "{line}");
        }
        let info = client.ask("client info");
        let begin = "id=7 addr=10.0.0.9:51234 laddr=10.0.0.1:6380 fd=-1 name= ";
        assert!(info.contains(begin), "{info}");
        assert!(info.ends_with(" resp=2 lib-name=redis-py lib-ver=8.0.0\\n|"), "{info}");
    }

    #[test]
    fn no_client_has_its_keys_tracked() {
        let mut client = Client::default();
        for (line, reply) in [
            ("client getredir", ":-1|"),
            ("client trackinginfo", "*6|$5|flags|*1|$3|off|$8|redirect|:-1|$8|prefixes|*0|"),
            ("client capa redirect more", "+OK|"),
            (
                "client maint_notifications on",
                "-ERR unknown subcommand 'maint_notifications'. Try CLIENT HELP.|",
            ),
        ] {
            assert_eq!(client.ask(line), reply, "{line}");
        }
        let map = "%3|$5|flags|~1|$3|off|$8|redirect|:-1|$8|prefixes|*0|";
        assert_eq!(Client::resp3().ask("client trackinginfo"), map);
    }

    #[test]
    fn a_client_cannot_fill_the_memory_with_names() {
        let mut client = Client::default();
        for (command, error) in [
            ("client setname", "ERR Client names cannot be longer than 1024 bytes."),
            ("client setinfo lib-name", "ERR lib-name cannot be longer than 1024 bytes."),
        ] {
            assert_eq!(client.ask(format!("{command} {}", "x".repeat(1024))), "+OK|");
            assert_eq!(client.ask(format!("{command} {}", "x".repeat(1025))), format!("-{error}|"));
        }
    }

    #[test]
    fn help_is_a_list_of_lines() {
        let help = Client::default().ask("client help");
        assert!(help.starts_with("*59|+CLIENT <subcommand> [<arg> [value] [opt] ...]."), "{help}");
        assert!(help.ends_with("|+HELP|+    Prints this help.|"), "{help}");
    }
}
