//! Who publishes: every few moments, at the node that really owns the slot of the channel, unless
//! that one is cut off from the others.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use redpoll::embedded::{Cluster, Connection, Node};
use redpoll::proto::cluster::Slot;
use tokio::time::{Instant, sleep};

use super::{CHANNELS, channel, shard_channel};
use crate::dice::Dice;
use crate::recorder::Recorder;
use crate::resp::integer;

/// The longest pause between two messages, in ms.
const PAUSE_MS_MAX: u64 = 20;

/// Who publishes.
pub(crate) struct Publisher {
    pub(crate) cluster: Cluster,
    pub(crate) servers: Vec<Node>,
    /// Whether there is one server of its own.
    pub(crate) is_standalone: bool,
    pub(crate) password: Option<&'static str>,
    pub(crate) recorder: Recorder,
    pub(crate) dice: Dice,
    /// Listeners that are not done.
    pub(crate) listening: Rc<Cell<usize>>,
}

impl Publisher {
    /// Publishes until nobody listens any more.
    pub(crate) async fn run(mut self) {
        while self.listening.get() > 0 {
            sleep(Duration::from_millis(self.dice.within(0..=PAUSE_MS_MAX))).await;
            let number = self.dice.within(0..=CHANNELS - 1);
            let (command, name) = if self.dice.chance(0.5) {
                ("PUBLISH", channel(number))
            } else {
                ("SPUBLISH", shard_channel(number))
            };
            self.publish(command, &name);
        }
    }

    fn publish(&self, command: &str, name: &str) {
        let owner = if self.is_standalone {
            Some(0)
        } else {
            self.cluster.owner(Slot::of(name.as_bytes()))
        };
        let Some(owner) = owner.filter(|owner| !self.cluster.is_isolated(*owner)) else { return };
        let node = &self.servers[owner];
        let mut connection = node.connect("publisher".to_owned(), Instant::now());
        if let Some(password) = self.password {
            say(node, &mut connection, &["AUTH", password]);
        }
        let number = self.recorder.next_message().to_string();
        let reply = say(node, &mut connection, &[command, name, &number]);
        if integer(&reply).is_some() {
            self.recorder.published(name);
        }
    }
}

fn say(node: &Node, connection: &mut Connection, words: &[&str]) -> Vec<u8> {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let mut reply = Vec::new();
    node.execute(connection, &words, Instant::now(), &mut reply);
    reply
}
