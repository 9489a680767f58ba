//! What comes before the first command on a node connection: who Redpoll is, which protocol is
//! spoken, which database is meant.
//!
//! ```text
//! Greeting --first--> HELLO 3 AUTH … (or AUTH …), CLIENT SETNAME, SELECT, READONLY, CLIENT ID
//!                        | no HELLO here
//!                        '--second--> AUTH …, CLIENT SETNAME, SELECT, READONLY, CLIENT ID
//! replies --receive--> Progress: more to come, done, or refused and why
//! ```
//!
//! All commands of a round leave in one write. Only a name that cannot be set is forgiven, and a
//! number that is not told; whatever else is refused ends the connection, so that it never goes on
//! as somebody else.

use std::collections::VecDeque;
use std::fmt;

use super::resp::{Protocol, Writer, parse_integer};
use crate::mutant::planted;

/// What is to be agreed on with a node.
#[derive(Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The protocol to speak.
    pub protocol: Protocol,
    /// The user, if it is not the node's default user.
    pub username: Option<String>,
    /// The password, if Redpoll has to say who it is.
    pub password: Option<String>,
    /// The name to be shown in `CLIENT LIST`.
    pub client_name: Option<String>,
    /// The database; 0 needs no word.
    pub database: u32,
    /// Whether the node is a replica that is to be read.
    pub readonly: bool,
    /// Whether to ask for the number that the node has for the connection.
    pub asks_number: bool,
}

impl Greeting {
    /// Agrees on a protocol and nothing else.
    #[must_use]
    pub fn plain(protocol: Protocol) -> Greeting {
        Greeting {
            protocol,
            username: None,
            password: None,
            client_name: None,
            database: 0,
            readonly: false,
            asks_number: false,
        }
    }
}

impl fmt::Debug for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|_| "***");
        f.debug_struct("Greeting")
            .field("protocol", &self.protocol)
            .field("username", &self.username)
            .field("password", &password)
            .field("client_name", &self.client_name)
            .field("database", &self.database)
            .field("readonly", &self.readonly)
            .field("asks_number", &self.asks_number)
            .finish()
    }
}

/// Where a handshake is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Replies are to come.
    Waiting,
    /// Everything is agreed on.
    Done,
    /// The node does not have it; this is what it says.
    Refused(String),
}

/// What a reply is awaited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Hello,
    Auth,
    SetName,
    Select,
    ReadOnly,
    Number,
}

/// One handshake, on one connection.
#[derive(Debug)]
pub struct Handshake {
    greeting: Greeting,
    /// Replies to come.
    steps: VecDeque<Step>,
    /// The node knows no HELLO: what followed it was heard from somebody who has not said who it
    /// is, and is asked again.
    void: bool,
    /// The number that the node has for the connection, if it was asked and has said so.
    number: Option<u64>,
}

impl Handshake {
    /// Begins; what is to be sent is appended to `out`. It may be nothing.
    #[must_use]
    pub fn begin(greeting: &Greeting, out: &mut Vec<u8>) -> Handshake {
        let steps = VecDeque::new();
        let mut handshake =
            Handshake { greeting: greeting.clone(), steps, void: false, number: None };
        match greeting.protocol {
            Protocol::Resp2 => handshake.auth(out),
            Protocol::Resp3 => handshake.hello(out),
        }
        handshake.introduce(out);
        handshake
    }

    /// Whether nothing is awaited.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.steps.is_empty()
    }

    /// The number that the node has for the connection, if it has said so.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// Takes the next reply, a whole frame; what is to be sent then is appended to `out`.
    pub fn receive(&mut self, frame: &[u8], out: &mut Vec<u8>) -> Progress {
        let Some(step) = self.steps.pop_front() else { return Progress::Done };
        let is_error = frame.first() == Some(&b'-');
        if step == Step::Hello && is_error && lacks_hello(frame) {
            self.void = true;
        }
        if step == Step::Number {
            self.number = number(frame);
        }
        let is_forgiven = matches!(step, Step::SetName | Step::Number);
        if is_error && !self.void && !is_forgiven && !planted("refused-and-goes-on") {
            return Progress::Refused(self.described(frame));
        }
        if self.steps.is_empty() && std::mem::take(&mut self.void) {
            self.auth(out);
            self.introduce(out);
        }
        if self.steps.is_empty() { Progress::Done } else { Progress::Waiting }
    }

    fn hello(&mut self, out: &mut Vec<u8>) {
        let Greeting { username, password, .. } = &self.greeting;
        let user = username.as_deref().unwrap_or("default");
        let who = password.as_deref().map(|password| ["AUTH", user, password]);
        command(out, ["HELLO", "3"].into_iter().chain(who.into_iter().flatten()));
        self.steps.push_back(Step::Hello);
    }

    fn auth(&mut self, out: &mut Vec<u8>) {
        let Greeting { username, password: Some(password), .. } = &self.greeting else { return };
        // Servers before Redis 6 know no users: without a name there is one argument.
        let who = username.as_deref().into_iter().chain([password.as_str()]);
        command(out, ["AUTH"].into_iter().chain(who));
        self.steps.push_back(Step::Auth);
    }

    /// What comes after the node knows who asks.
    fn introduce(&mut self, out: &mut Vec<u8>) {
        if let Some(name) = &self.greeting.client_name {
            command(out, ["CLIENT", "SETNAME", name]);
            self.steps.push_back(Step::SetName);
        }
        if self.greeting.database > 0 {
            command(out, ["SELECT", &self.greeting.database.to_string()]);
            self.steps.push_back(Step::Select);
        }
        if self.greeting.readonly {
            command(out, ["READONLY"]);
            self.steps.push_back(Step::ReadOnly);
        }
        if self.greeting.asks_number {
            command(out, ["CLIENT", "ID"]);
            self.steps.push_back(Step::Number);
        }
    }

    /// What the node says, without what it may repeat of what it was told: Redis quotes the
    /// arguments of a command that it does not know.
    fn described(&self, frame: &[u8]) -> String {
        let text = String::from_utf8_lossy(frame);
        let text = text.trim_start_matches('-').trim_end();
        let text = text.split(", with args").next().unwrap_or_default();
        match &self.greeting.password {
            Some(password) => text.replace(password.as_str(), "***"),
            None => text.to_owned(),
        }
    }
}

/// Whether a node refuses HELLO for its age: before Redis 6 there is none, and a server may speak
/// RESP2 alone, which is legal RESP3.
fn lacks_hello(frame: &[u8]) -> bool {
    frame.starts_with(b"-ERR unknown command") || frame.starts_with(b"-NOPROTO")
}

fn number(frame: &[u8]) -> Option<u64> {
    let digits = frame.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
    u64::try_from(parse_integer(digits)?).ok()
}

fn command<'a>(out: &mut Vec<u8>, words: impl IntoIterator<Item = &'a str>) {
    let words: Vec<&str> = words.into_iter().collect();
    let mut writer = Writer::new(out, Protocol::Resp2);
    writer.array(words.len());
    words.into_iter().for_each(|word| writer.bulk(word.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::super::resp::Value;
    use super::*;

    fn greeting(protocol: Protocol) -> Greeting {
        Greeting {
            username: Some("me".to_owned()),
            password: Some("hunter2".to_owned()),
            client_name: Some("redpoll".to_owned()),
            database: 3,
            readonly: true,
            ..Greeting::plain(protocol)
        }
    }

    /// The commands in `bytes`, which are taken out.
    fn sent(bytes: &mut Vec<u8>) -> Vec<String> {
        let mut commands = Vec::new();
        let mut rest = &std::mem::take(bytes)[..];
        while !rest.is_empty() {
            let end =
                rest[1..].iter().position(|byte| *byte == b'*').map_or(rest.len(), |at| at + 1);
            let words = Value::parse(&rest[..end]).unwrap();
            let words = words.as_items().unwrap().iter().map(|word| word.as_text().unwrap());
            commands.push(words.collect::<Vec<_>>().join(" "));
            rest = &rest[end..];
        }
        commands
    }

    #[test]
    fn everything_is_said_in_one_write_before_anything_else() {
        let mut out = Vec::new();
        let mut resp2 = Handshake::begin(&greeting(Protocol::Resp2), &mut out);
        let introduction = ["CLIENT SETNAME redpoll", "SELECT 3", "READONLY"];
        assert_eq!(sent(&mut out)[0], "AUTH me hunter2");
        for _ in 0..3 {
            assert_eq!(resp2.receive(b"+OK\r\n", &mut out), Progress::Waiting);
        }
        assert_eq!(resp2.receive(b"+OK\r\n", &mut out), Progress::Done);

        let mut resp3 = Handshake::begin(&greeting(Protocol::Resp3), &mut out);
        let said = sent(&mut out);
        assert_eq!(said[0], "HELLO 3 AUTH me hunter2");
        assert_eq!(said[1..], introduction);
        assert_eq!(resp3.receive(b"%1\r\n+proto\r\n:3\r\n", &mut out), Progress::Waiting);
        assert!(!resp3.is_done() && out.is_empty());
    }

    #[test]
    fn the_number_is_asked_for_and_may_be_refused() {
        let asks = Greeting { asks_number: true, ..Greeting::plain(Protocol::Resp2) };
        for (reply, number) in [(":7\r\n", Some(7)), ("-NOPERM no\r\n", None), (":-1\r\n", None)] {
            let mut out = Vec::new();
            let mut handshake = Handshake::begin(&asks, &mut out);
            assert_eq!(sent(&mut out), ["CLIENT ID"]);
            assert_eq!(handshake.receive(reply.as_bytes(), &mut out), Progress::Done);
            assert_eq!(handshake.number(), number, "{reply}");
        }
    }

    #[test]
    fn with_nothing_to_say_it_is_done_at_once() {
        let mut out = Vec::new();
        assert!(Handshake::begin(&Greeting::plain(Protocol::Resp2), &mut out).is_done());
        assert!(out.is_empty());
    }

    #[test]
    fn a_password_without_a_user_is_the_default_users() {
        let only = |protocol| Greeting {
            password: Some("hunter2".to_owned()),
            ..Greeting::plain(protocol)
        };
        let mut out = Vec::new();
        let _resp2 = Handshake::begin(&only(Protocol::Resp2), &mut out);
        let _resp3 = Handshake::begin(&only(Protocol::Resp3), &mut out);
        assert_eq!(sent(&mut out), ["AUTH hunter2", "HELLO 3 AUTH default hunter2"]);
    }

    #[test]
    fn a_node_without_hello_is_told_in_another_way_who_asks() {
        for refusal in ["-ERR unknown command 'HELLO', with args", "-NOPROTO unsupported"] {
            let mut out = Vec::new();
            let mut handshake = Handshake::begin(&greeting(Protocol::Resp3), &mut out);
            out.clear();
            let refusal = format!("{refusal}\r\n");
            assert_eq!(handshake.receive(refusal.as_bytes(), &mut out), Progress::Waiting);
            for _ in 0..3 {
                let heard = handshake.receive(b"-NOAUTH Authentication required.\r\n", &mut out);
                assert_eq!(heard, Progress::Waiting);
            }
            assert_eq!(
                sent(&mut out),
                ["AUTH me hunter2", "CLIENT SETNAME redpoll", "SELECT 3", "READONLY"]
            );
            assert_eq!(
                handshake.receive(b"-WRONGPASS no\r\n", &mut out),
                Progress::Refused("WRONGPASS no".to_owned())
            );
        }
    }

    #[test]
    fn a_refusal_ends_it_and_does_not_repeat_the_password() {
        let mut out = Vec::new();
        let mut handshake = Handshake::begin(&greeting(Protocol::Resp2), &mut out);
        let quoting = b"-ERR unknown command `AUTH`, with args beginning with: `me`, `hunter2`\r\n";
        assert_eq!(
            handshake.receive(quoting, &mut out),
            Progress::Refused("ERR unknown command `AUTH`".to_owned())
        );
        let mut handshake = Handshake::begin(&greeting(Protocol::Resp2), &mut out);
        let refused = handshake.receive(b"-ERR no user has hunter2\r\n", &mut out);
        assert_eq!(refused, Progress::Refused("ERR no user has ***".to_owned()));
        assert!(!format!("{handshake:?}").contains("hunter2"));
    }

    #[test]
    fn a_name_that_cannot_be_set_is_forgiven_and_a_database_is_not() {
        let mut out = Vec::new();
        let mut handshake = Handshake::begin(&greeting(Protocol::Resp2), &mut out);
        assert_eq!(handshake.receive(b"+OK\r\n", &mut out), Progress::Waiting);
        assert_eq!(handshake.receive(b"-NOPERM no\r\n", &mut out), Progress::Waiting);
        let refused = handshake.receive(b"-ERR DB index is out of range\r\n", &mut out);
        assert_eq!(refused, Progress::Refused("ERR DB index is out of range".to_owned()));
    }
}
