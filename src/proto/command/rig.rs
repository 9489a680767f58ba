//! What the tests of this folder have in common: commands as a client writes them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed};

use super::super::resp::{RequestDecoder, Span};
use super::{After, Card, Command, Directory, Facts, Identity, Refusal, Wake, answer, parse};

/// How much is drawn: the same each time, and each row more than once without arguments.
pub(super) fn draws() -> Config {
    Config {
        cases: 8_192,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x5eed),
        ..Config::default()
    }
}

/// A frame and its arguments, from what a client wrote.
pub(super) struct Written {
    pub(super) frame: Bytes,
    pub(super) spans: Vec<Span>,
}

/// Reads one command, inline or an array, through the decoder.
pub(super) fn written(bytes: impl AsRef<[u8]>) -> Written {
    let mut buffer = BytesMut::from(bytes.as_ref());
    buffer.extend_from_slice(if buffer.starts_with(b"*") { b"" } else { b"\r\n" });
    let mut decoder = RequestDecoder::default();
    let frame = decoder.decode(&mut buffer).unwrap().unwrap();
    assert!(buffer.is_empty());
    Written { frame, spans: decoder.spans().to_vec() }
}

/// An array of bulk strings.
pub(super) fn array(args: &[&[u8]]) -> Vec<u8> {
    let mut frame = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        frame.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        frame.extend_from_slice(arg);
        frame.extend_from_slice(b"\r\n");
    }
    frame
}

/// Arguments that mean something to one command or another, for random commands.
pub(super) fn any_arg() -> impl Strategy<Value = Vec<u8>> {
    let words = vec![
        "-1",
        "0",
        "1",
        "2",
        "3",
        "9223372036854775807",
        "store",
        "LIMIT",
        "by",
        "get",
        "auth",
        "setname",
        "lib-name",
        "filterby",
        "pattern",
        "[a-",
        "default",
        "help",
        "info",
        "id",
    ];
    let word = proptest::sample::select(words).prop_map(|word| word.as_bytes().to_vec());
    proptest::prop_oneof![word, proptest::collection::vec(proptest::num::u8::ANY, 0..4)]
}

impl Written {
    pub(super) fn parse(&self) -> Result<Command<'_>, Refusal> {
        parse(&self.frame, &self.spans)
    }
}

/// No other client.
pub(super) struct Nobody;

impl Directory for Nobody {
    fn all(&self) -> Vec<Card> {
        Vec::new()
    }

    fn close(&self, id: u64) {
        panic!("there is no client {id}");
    }

    fn wake(&self, _: u64, _: Wake) -> bool {
        false
    }

    fn pause(&self, _: Duration, _: bool) {}

    fn resume(&self) {}
}

/// A client whose commands are all answered here.
pub(super) struct Client {
    pub(super) identity: Identity,
    pub(super) facts: Facts,
    pub(super) after: After,
}

impl Default for Client {
    fn default() -> Self {
        let identity = Identity {
            host: Some([10, 0, 0, 1].into()),
            port: 6380,
            ..Identity::new(7, "10.0.0.9:51234".to_owned())
        };
        Client { identity, facts: Facts::default(), after: After::Continue }
    }
}

impl Client {
    pub(super) fn resp3() -> Client {
        let mut client = Client::default();
        client.ask("HELLO 3");
        client
    }

    /// The reply, escaped but for line ends, which are shown as `|`.
    pub(super) fn ask(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.raw(bytes).escape_ascii().to_string().replace("\\r\\n", "|").replace("\\'", "'")
    }

    /// The reply as it is sent.
    pub(super) fn raw(&mut self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        match written(bytes).parse() {
            Ok(command) => {
                self.after = answer(&command, &mut self.identity, (&self.facts, &Nobody), &mut out);
            }
            Err(refusal) => refusal.write(&mut out),
        }
        out
    }
}
