//! A run drawn as a page that needs nothing else: a lane for each client, proxy and node, time
//! downwards, commands and replies as arrows, faults as bars, and what was broken marked.
//!
//! - `arrows`: who said what to whom and when
//! - `faults`: what was broken from when to when
//! - `page.html`, `page.css`, `page.js`: the page, which draws itself from the data it is given

mod arrows;
mod faults;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::oracle::catalogue::with_numbers;
use crate::plan::Plan;
use crate::proxies::name_of;
use crate::run::{Failure, Outcome};
use arrows::Arrows;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What is drawn. Times are in ms, lanes are numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Picture {
    /// What it shows, and at which commit.
    title: String,
    commit: String,
    took: f64,
    /// The names of the lanes, from the left.
    lanes: Vec<String>,
    /// The lanes of the proxies.
    proxies: Vec<usize>,
    commands: Vec<Command>,
    arrows: Vec<Arrow>,
    bars: Vec<Bar>,
    violations: Vec<Mark>,
}

/// A command of a client.
#[derive(Clone, Debug, Serialize)]
struct Command {
    id: String,
    client: u16,
    connection: usize,
    text: String,
    keys: Vec<String>,
    verdict: &'static str,
}

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    /// From a client to the proxy.
    Ask,
    /// From the proxy to a node.
    Send,
    /// From a node to the proxy.
    Answer,
    /// From the proxy to a client.
    Reply,
}

/// A command or a reply on its way.
#[derive(Clone, Debug, Serialize)]
struct Arrow {
    way: Way,
    from: usize,
    to: usize,
    at: f64,
    /// When it arrived; `None` if it did not.
    end: Option<f64>,
    /// The command that it is about, if that can be told.
    command: Option<usize>,
    stream: Option<u64>,
    text: String,
    is_error: bool,
    /// It came when the client had been told something else.
    is_late: bool,
}

/// A fault.
#[derive(Clone, Debug, Serialize)]
struct Bar {
    lane: usize,
    from: f64,
    to: f64,
    text: String,
}

/// Something that was broken.
#[derive(Clone, Debug, Serialize)]
struct Mark {
    at: f64,
    kind: String,
    what: String,
    /// The commands that are named.
    commands: Vec<usize>,
}

/// Which lane is whose: clients, proxies, nodes, the slots.
#[derive(Clone, Copy, Debug)]
struct Lanes {
    clients: usize,
    proxies: usize,
    nodes: usize,
}

impl Picture {
    /// Draws a run of which everything was kept.
    #[must_use]
    pub fn of(title: &str, commit: &str, plan: &Plan, outcome: &Outcome) -> Picture {
        let (proxies, nodes) = (plan.setup.proxies.max(1), plan.setup.nodes());
        let lanes = Lanes { clients: plan.scripts.len(), proxies, nodes };
        let Arrows { commands, arrows, .. } = Arrows::of(&outcome.history, &outcome.wires, &lanes);
        let violations = outcome.failures.iter().map(|failure| mark(failure, &commands)).collect();
        Picture {
            title: title.to_owned(),
            commit: commit.to_owned(),
            took: ms(outcome.took),
            lanes: lanes.names(),
            proxies: (0..proxies).map(|proxy| lanes.proxy(proxy)).collect(),
            bars: faults::bars(&outcome.history, &lanes),
            violations,
            commands,
            arrows,
        }
    }

    /// How many lanes with something in them, arrows, bars and violations there are.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        let ends = self.arrows.iter().flat_map(|arrow| [arrow.from, arrow.to]);
        let used = ends.chain(self.bars.iter().map(|bar| bar.lane)).chain(self.proxies.clone());
        let used: BTreeSet<usize> = used.collect();
        [used.len(), self.arrows.len(), self.bars.len(), self.violations.len()]
    }

    /// The page. Nothing that it shows can be taken for a part of it.
    ///
    /// # Panics
    /// Never: all of it can be written as JSON.
    #[must_use]
    pub fn page(&self) -> String {
        let data = serde_json::to_string(self).expect("text and numbers");
        // In JSON `<` stands in texts only, where it can be written thus.
        let data = data.replace('<', "\\u003c");
        let page = PAGE.replace("/*style*/", STYLE).replace("/*script*/", SCRIPT);
        let (before, after) = page.split_once("/*data*/").expect("the page has a place for data");
        [before, &data, after].concat()
    }
}

impl Lanes {
    fn client(&self, client: u16) -> usize {
        usize::from(client)
    }

    fn proxy(&self, proxy: usize) -> usize {
        self.clients + proxy
    }

    fn node(&self, node: usize) -> usize {
        self.clients + self.proxies + node
    }

    fn slots(&self) -> usize {
        self.node(self.nodes)
    }

    fn names(&self) -> Vec<String> {
        let clients = (0..self.clients).map(|client| format!("client-{client}"));
        let nodes = (0..self.nodes).map(|node| format!("node-{node}"));
        let proxies = (0..self.proxies).map(|proxy| name_of(proxy, self.proxies));
        clients.chain(proxies).chain(nodes).chain(["slots".to_owned()]).collect()
    }
}

fn mark(failure: &Failure, commands: &[Command]) -> Mark {
    let is_named = |command: &Command| failure.what().contains(&command.id);
    let named = commands.iter().enumerate().filter(|(_, command)| is_named(command));
    Mark {
        at: ms(failure.at()),
        kind: with_numbers(failure.kind()),
        what: failure.what().to_owned(),
        commands: named.map(|(number, _)| number).collect(),
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
