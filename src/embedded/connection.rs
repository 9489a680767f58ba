//! A client's connection, and the commands on it.

use std::rc::Rc;

use super::args::{database, is};
use super::command::{Args, Call, Row};
use super::error::{Error, Outcome};
use super::info::REDIS_VERSION;
use super::node::ServerCall;
use super::pubsub::Post;
use super::transaction::{Transaction, Watch};
use super::waiting::{Dismissal, Waiting};
use crate::proto::resp::{Protocol, parse_integer};

/// What a node keeps of a client: the state that commands like `HELLO` and `READONLY` change.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    peer: String,
    /// Unix milliseconds.
    since: i64,
    name: Option<Vec<u8>>,
    library: Vec<u8>,
    library_version: Vec<u8>,
    pub(super) protocol: Protocol,
    pub(super) authenticated: bool,
    pub(super) readonly: bool,
    /// The command before this one was `ASKING`.
    pub(super) asking: bool,
    /// How far the data of the node was when it wrote last, in changes.
    pub(super) written: u64,
    /// What was queued since `MULTI`.
    pub(super) transaction: Option<Transaction>,
    /// The keys whose change makes for no transaction.
    pub(super) watch: Option<Rc<Watch>>,
    /// What it is subscribed to.
    pub(super) post: Rc<Post>,
    /// The command that has no reply yet.
    pub(super) waiting: Option<Rc<Waiting>>,
    quit: bool,
    /// Held so that the node can count its connections.
    _presence: Rc<()>,
}

impl Connection {
    pub(super) fn new(id: u64, peer: String, since: i64, presence: Rc<()>) -> Connection {
        Connection {
            id,
            peer,
            since,
            name: None,
            library: Vec::new(),
            library_version: Vec::new(),
            protocol: Protocol::Resp2,
            authenticated: false,
            readonly: false,
            asking: false,
            written: 0,
            transaction: None,
            watch: None,
            post: Rc::default(),
            waiting: None,
            quit: false,
            _presence: presence,
        }
    }

    /// The number that `CLIENT ID` tells; no two connections to a node have the same.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Where its client is.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether the client has asked to be disconnected, with `QUIT`.
    #[must_use]
    pub fn wants_close(&self) -> bool {
        self.quit
    }

    /// The protocol that replies are written in.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }
}

pub(super) const ROWS: &[Row] = &[
    Row::server("asking", 1, asking),
    Row::greeting("auth", -2, auth),
    Row::family("client", CLIENT),
    Row::server("echo", 2, echo),
    Row::greeting("hello", -1, hello),
    Row::server("ping", -1, ping),
    Row::greeting("quit", -1, quit),
    Row::server("readonly", 1, readonly),
    Row::server("readwrite", 1, readwrite),
    Row::greeting("reset", 1, reset),
    Row::server("select", 2, select),
];

const CLIENT: &[Row] = &[
    Row::server("client|getname", 2, client_getname),
    Row::server("client|id", 2, client_id),
    Row::server("client|info", 2, client_info),
    Row::server("client|setinfo", 4, client_setinfo),
    Row::server("client|setname", 3, client_setname),
    Row::server("client|unblock", -3, client_unblock),
];

fn ping(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let hears_only = call.connection.hears_only();
    match args {
        [_] | [_, _] if hears_only => {
            let mut out = call.out();
            out.array(2);
            out.bulk(b"pong");
            out.bulk(args.get(1).copied().unwrap_or_default());
        }
        [_] => call.out().simple("PONG"),
        [_, message] => call.out().bulk(message),
        _ => return Err(Error::arity("ping")),
    }
    Ok(())
}

fn echo(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    call.out().bulk(args[1]);
    Ok(())
}

fn quit(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    call.connection.quit = true;
    call.out().simple("OK");
    Ok(())
}

fn reset(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    let connection = &mut *call.connection;
    connection.protocol = Protocol::Resp2;
    connection.name = None;
    connection.readonly = false;
    connection.authenticated = false;
    connection.end_transaction();
    call.end_subscriptions();
    call.out().simple("RESET");
    Ok(())
}

fn select(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let index = database(args[1])?;
    if index != 0 && call.state.membership.is_some() {
        return Err(Error::new("ERR SELECT is not allowed in cluster mode"));
    }
    if index != 0 {
        return Err(Error::new("ERR DB index is out of range"));
    }
    call.out().simple("OK");
    Ok(())
}

fn asking(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    in_cluster(call)?;
    call.connection.asking = true;
    call.out().simple("OK");
    Ok(())
}

fn readonly(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    in_cluster(call)?;
    call.connection.readonly = true;
    call.out().simple("OK");
    Ok(())
}

fn readwrite(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    in_cluster(call)?;
    call.connection.readonly = false;
    call.out().simple("OK");
    Ok(())
}

fn in_cluster(call: &ServerCall<'_>) -> Outcome {
    let disabled = Error::new("ERR This instance has cluster support disabled");
    if call.state.membership.is_some() { Ok(()) } else { Err(disabled) }
}

fn auth(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let (user, password) = match args {
        [_, password] if call.state.password.is_some() => (&b"default"[..], *password),
        [_, _] => {
            return Err(Error::new(
                "ERR AUTH <password> called without any password configured for the \
                 default user. Are you sure your configuration is correct?",
            ));
        }
        [_, user, password] => (*user, *password),
        _ => return Err(Error::SYNTAX),
    };
    authenticate(call, user, password)?;
    call.out().simple("OK");
    Ok(())
}

/// There is one user, and without a password configured it needs none.
fn authenticate(call: &mut ServerCall<'_>, user: &[u8], password: &[u8]) -> Outcome {
    let expected = call.state.password.as_deref();
    if user != b"default" || expected.is_some_and(|expected| expected != password) {
        return Err(Error::WRONG_PASS);
    }
    call.connection.authenticated = true;
    Ok(())
}

fn hello(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let protocol = match args.get(1) {
        None => call.connection.protocol,
        Some(version) => match parse_integer(version) {
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            Some(_) => return Err(Error::new("NOPROTO unsupported protocol version")),
            None => {
                return Err(Error::new("ERR Protocol version is not an integer or out of range"));
            }
        },
    };
    let mut rest = args.get(2..).unwrap_or_default();
    while let Some((word, values)) = rest.split_first() {
        rest = match values {
            [user, password, rest @ ..] if is(word, "AUTH") => {
                authenticate(call, user, password)?;
                rest
            }
            [value, rest @ ..] if is(word, "SETNAME") => {
                call.connection.name = valid_name(value, NAME_ERROR)?;
                rest
            }
            _ => return Err(Error::quoting("ERR Syntax error in HELLO option '", word, "'")),
        };
    }
    if call.state.password.is_some() && !call.connection.authenticated {
        return Err(Error::new(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise \
             the HELLO AUTH <user> <pass> option can be used to authenticate the client \
             and select the RESP protocol version at the same time",
        ));
    }
    call.connection.protocol = protocol;
    greet(call);
    Ok(())
}

fn greet(call: &mut ServerCall<'_>) {
    let role = if call.state.is_replica() { "replica" } else { "master" };
    let mode = if call.state.membership.is_some() { "cluster" } else { "standalone" };
    let (id, protocol) = (call.connection.id, call.connection.protocol);
    let mut out = call.out();
    out.map(7);
    for (key, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        out.bulk(key.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"proto");
    out.integer(if protocol == Protocol::Resp3 { 3 } else { 2 });
    out.bulk(b"id");
    out.integer(i64::try_from(id).unwrap_or(i64::MAX));
    for (key, value) in [("mode", mode), ("role", role)] {
        out.bulk(key.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"modules");
    out.array(0);
}

fn client_id(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    let id = i64::try_from(call.connection.id).unwrap_or(i64::MAX);
    call.out().integer(id);
    Ok(())
}

fn client_getname(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    let name = call.connection.name.clone();
    Call::bulk_or_null(&mut call.out(), name.as_deref());
    Ok(())
}

fn client_setname(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    call.connection.name = valid_name(args[2], NAME_ERROR)?;
    call.out().simple("OK");
    Ok(())
}

/// Not in Redis 7.0, but what every client library sends since 7.2.
fn client_setinfo(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let (attribute, value) = (args[2], args[3]);
    let invalid = |name: &str| {
        let text = "cannot contain spaces, newlines or special characters.";
        valid_name(value, Error::from(format!("ERR {name} {text}"))).map(Option::unwrap_or_default)
    };
    if is(attribute, "lib-name") {
        call.connection.library = invalid("lib-name")?;
    } else if is(attribute, "lib-ver") {
        call.connection.library_version = invalid("lib-ver")?;
    } else {
        return Err(Error::quoting("ERR Unrecognized option '", attribute, "'"));
    }
    call.out().simple("OK");
    Ok(())
}

fn client_info(call: &mut ServerCall<'_>, _args: Args<'_>) -> Outcome {
    let Connection { id, peer, since, name, library, library_version, protocol, .. } =
        &*call.connection;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = text(name.as_deref().unwrap_or_default());
    let age = (call.now - since) / 1000;
    let flags = if call.connection.readonly { "r" } else { "N" };
    let resp = if *protocol == Protocol::Resp3 { 3 } else { 2 };
    let (library, version) = (text(library), text(library_version));
    let line = format!(
        "id={id} addr={peer} name={name} age={age} idle=0 flags={flags} db=0 \
         cmd=client|info user=default resp={resp} lib-name={library} lib-ver={version}\n"
    );
    call.out().verbatim(&line);
    Ok(())
}

fn client_unblock(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let how = match args {
        [_, _, _] => Dismissal::TimeUp,
        [_, _, _, word] if is(word, "timeout") => Dismissal::TimeUp,
        [_, _, _, word] if is(word, "error") => Dismissal::Error,
        [_, _, _, _] => {
            return Err(Error::new("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
        _ => {
            let begin = "ERR unknown subcommand or wrong number of arguments for '";
            return Err(Error::quoting(begin, args[1], "'. Try CLIENT HELP."));
        }
    };
    let id = parse_integer(args[2]);
    let id = id.ok_or(Error::new("ERR value is not an integer or out of range"))?;
    let is_there = u64::try_from(id).is_ok_and(|id| call.state.waiters.dismiss(id, how));
    call.out().integer(is_there.into());
    Ok(())
}

const NAME_ERROR: Error =
    Error::new("ERR Client names cannot contain spaces, newlines or special characters.");

/// A name if it is one; `None` if it is empty, which takes a name away.
fn valid_name(name: &[u8], error: Error) -> Result<Option<Vec<u8>>, Error> {
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(error);
    }
    Ok(if name.is_empty() { None } else { Some(name.to_vec()) })
}

#[cfg(test)]
mod tests {
    use super::super::node::Node;
    use super::super::rig::Rig;

    const GREETING: &str = "$6 server $5 redis $7 version $6 7.0.15 $5 proto";

    #[test]
    fn hello_chooses_the_protocol_of_its_own_reply() {
        let rest = "$2 id :1 $4 mode $10 standalone $4 role $6 master $7 modules *0";
        Rig::new().story(&[
            ("HELLO", &format!("*14 {GREETING} :2 {rest}")),
            ("GET none", "$-1"),
            ("HELLO 3 SETNAME me", &format!("%7 {GREETING} :3 {rest}")),
            ("GET none", "_"),
            ("CLIENT GETNAME", "$2 me"),
            ("HELLO 4", "-NOPROTO unsupported protocol version"),
            ("HELLO x", "-ERR Protocol version is not an integer or out of range"),
            ("HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'"),
            ("RESET", "+RESET"),
            ("CLIENT GETNAME", "$-1"),
        ]);
    }

    #[test]
    fn a_password_is_asked_for() {
        let node = Node::standalone();
        node.set_password(Some("secret"));
        let mut rig = Rig::of(node);
        let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
        let needed = "-NOAUTH Authentication required.";
        rig.story(&[
            ("GET k", needed),
            ("GET", "-ERR wrong number of arguments for 'get' command"),
            ("AUTH wrong", wrong),
            ("AUTH other secret", wrong),
            ("HELLO 3 AUTH default wrong", wrong),
        ]);
        assert!(rig.run("HELLO 3").starts_with("-NOAUTH HELLO must be called with the client"));
        rig.story(&[
            ("AUTH secret", "+OK"),
            ("GET k", "$-1"),
            ("RESET", "+RESET"),
            ("GET k", needed),
        ]);
        assert!(rig.run("HELLO 3 AUTH default secret").starts_with("%7 "));
    }

    #[test]
    fn without_a_password_only_the_default_user_needs_none() {
        Rig::new().story(&[
            ("AUTH default any", "+OK"),
            ("AUTH other any", "-WRONGPASS invalid username-password pair or user is disabled."),
            ("AUTH a b c", "-ERR syntax error"),
        ]);
        assert!(Rig::new().run("AUTH x").starts_with("-ERR AUTH <password> called without any"));
    }

    #[test]
    fn clients_are_told_apart() {
        let node = Node::standalone();
        let (mut first, mut second) = (Rig::of(node.clone()), Rig::of(node.clone()));
        assert_eq!((first.run("CLIENT ID"), second.run("CLIENT ID")), (":1".into(), ":2".into()));
        assert_eq!(node.connections(), 2);
        drop(second);
        assert_eq!(node.connections(), 1);
        first.story(&[
            ("CLIENT SETINFO lib-name tester", "+OK"),
            ("CLIENT SETINFO lib-foo tester", "-ERR Unrecognized option 'lib-foo'"),
            (
                "CLIENT SETNAME \u{e9}",
                "-ERR Client names cannot contain spaces, newlines or special characters.",
            ),
            ("CLIENT KILL x", "-ERR unknown subcommand 'KILL'. Try CLIENT HELP."),
        ]);
        assert!(first.run("CLIENT INFO").contains("id=1 addr=192.0.2.1:40000 name= age=0 "));
    }

    #[test]
    fn the_only_database_is_0() {
        Rig::new().story(&[
            ("SELECT 0", "+OK"),
            ("SELECT 1", "-ERR DB index is out of range"),
            ("SELECT x", "-ERR value is not an integer or out of range"),
            ("PING", "+PONG"),
            ("PING hi", "$2 hi"),
            ("PING a b", "-ERR wrong number of arguments for 'ping' command"),
            ("ASKING", "-ERR This instance has cluster support disabled"),
        ]);
    }
}
