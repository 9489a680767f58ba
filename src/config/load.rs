//! From files and arguments to a [`Config`].
//!
//! ```text
//! file -> Format::parse -> Node <- Set::apply <- --set
//! --listen, --upstream ---> Node -> read -> Config, or every problem there is
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;

use super::format::{Format, SyntaxError};
use super::problem::{Error, Problem, Sources};
use super::read::read;
use super::tree::{Entry, Node, Origin, Value};
use super::{Config, Set, Target, Url};

/// Largest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The name of the upstream that the command line describes.
const UPSTREAM_NAME: &str = "main";

impl Config {
    /// Reads a file, in the format its name tells, with `sets` on top.
    ///
    /// # Errors
    /// Everything that is wrong with the file and with `sets`.
    pub fn from_file(file: &Path, sets: &[Set]) -> Result<Config, Error> {
        let name = file.display().to_string();
        match read_text(file) {
            Ok(text) => Config::from_text(&name, Format::of(file), &text, sets),
            Err(error) => {
                let mut sources = Sources::default();
                let origin =
                    Origin { source: sources.add_file(name, String::new()), start: 0, end: 0 };
                let message = format!("cannot be read: {error}");
                Err(Error::new(sources, vec![Problem { origin, path: String::new(), message }]))
            }
        }
    }

    /// Reads a text that `name` stands for in messages, with `sets` on top.
    ///
    /// # Errors
    /// Everything that is wrong with the text and with `sets`.
    pub fn from_text(
        name: &str,
        format: Format,
        text: &str,
        sets: &[Set],
    ) -> Result<Config, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut sources = Sources::default();
        sources.add_file(name.to_owned(), text.to_owned());
        match format.parse(text) {
            Ok(tree) => finish(tree, sources, sets),
            Err(errors) => {
                let problem = |SyntaxError { origin, message }| Problem {
                    origin,
                    path: String::new(),
                    message,
                };
                Err(Error::new(sources, errors.into_iter().map(problem).collect()))
            }
        }
    }

    /// One listener before one upstream, called `main`, with `sets` on top.
    ///
    /// # Errors
    /// Everything that is wrong with `sets`.
    pub fn from_url(listen: SocketAddr, url: &Url, sets: &[Set]) -> Result<Config, Error> {
        let mut sources = Sources::default();
        let listen = Argument::new(&mut sources, "--listen", &listen.to_string());
        let name = listen.text(UPSTREAM_NAME);
        let listener =
            listen.map(vec![("address", listen.text(&listen.value)), ("upstream", name)]);
        let listeners = listen.node(Value::List(vec![listener]));
        let upstreams = upstreams(url, &mut sources);
        let tree = listen.map(vec![("listeners", listeners), ("upstreams", upstreams)]);
        finish(tree, sources, sets)
    }
}

/// What a URL says, as it would stand in a file.
fn upstreams(url: &Url, sources: &mut Sources) -> Node {
    let (key, nodes) = match &url.target {
        Target::Server(address) => ("server", std::slice::from_ref(address)),
        Target::Cluster(nodes) => ("cluster", nodes.as_slice()),
    };
    let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    let upstream = Argument::new(sources, "--upstream", &nodes.join(","));
    let value = match url.target {
        Target::Server(_) => upstream.text(&upstream.value),
        Target::Cluster(_) => {
            upstream.node(Value::List(nodes.iter().map(|node| upstream.text(node)).collect()))
        }
    };
    let mut entries = vec![(key, value)];
    if url.database > 0 {
        entries.push(("database", upstream.text(&url.database.to_string())));
    }
    if let Some(credentials) = &url.credentials {
        entries.push(("password", upstream.text(credentials.password.reveal())));
        let username = credentials.username.iter();
        entries.extend(username.map(|username| ("username", upstream.text(username))));
    }
    upstream.map(vec![(UPSTREAM_NAME, upstream.map(entries))])
}

fn finish(mut tree: Node, mut sources: Sources, sets: &[Set]) -> Result<Config, Error> {
    let mut problems = Vec::new();
    for set in sets {
        let source = sources.add_argument("--set", &set.text());
        problems.extend(set.apply(&mut tree, source).err());
    }
    match read(&tree, &sources) {
        Ok(config) if problems.is_empty() => Ok(config),
        Ok(_) => Err(Error::new(sources, problems)),
        Err(more) => {
            problems.extend(more);
            Err(Error::new(sources, problems))
        }
    }
}

fn read_text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("longer than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// An argument of the command line, from which nodes are made.
struct Argument {
    value: String,
    origin: Origin,
}

impl Argument {
    fn new(sources: &mut Sources, option: &str, value: &str) -> Argument {
        let source = sources.add_argument(option, value);
        Argument { value: value.to_owned(), origin: Origin { source, start: 0, end: value.len() } }
    }

    fn node(&self, value: Value) -> Node {
        Node { value, origin: self.origin }
    }

    fn text(&self, text: &str) -> Node {
        self.node(Value::Text(text.to_owned()))
    }

    fn map(&self, entries: Vec<(&str, Node)>) -> Node {
        let entry = |(key, node): (&str, Node)| Entry {
            key: key.to_owned(),
            key_origin: self.origin,
            node,
        };
        self.node(Value::Map(entries.into_iter().map(entry).collect()))
    }
}
