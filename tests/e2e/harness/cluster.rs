//! A real Redis Cluster of three primaries, with replicas if wanted.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use redis::Value;

use super::{PATIENCE, Server, Settings, pause, run_tool, wait_until};

/// Three primaries that serve all the slots between them, and their replicas.
pub(crate) struct Cluster {
    /// The nodes: those that began as primaries in the order of their slots, then the others.
    pub(crate) nodes: Vec<Server>,
    settings: Settings,
}

/// Nodes that a cluster begins with as primaries.
const PRIMARIES: usize = 3;

impl Cluster {
    /// Starts the nodes and joins them with `redis-cli --cluster create`.
    ///
    /// # Errors
    /// A node does not start, or the cluster does not become whole in time.
    pub(crate) fn start(directory: &Path) -> Result<Cluster> {
        Cluster::start_with(directory, 0, &Settings::default())
    }

    /// The same to the trial's wishes, with so many replicas for each primary, that follow theirs.
    ///
    /// # Errors
    /// A node does not start, or the cluster does not become whole in time.
    pub(crate) fn start_with(
        directory: &Path,
        replicas: usize,
        settings: &Settings,
    ) -> Result<Cluster> {
        let nodes = (0..PRIMARIES * (1 + replicas))
            .map(|index| Server::node(&directory.join(format!("node{index}")), settings))
            .collect::<Result<Vec<_>>>()?;
        let cluster = Cluster { nodes, settings: settings.clone() };
        let mut create = cluster.cli("create");
        create.args(cluster.nodes.iter().map(cli_address));
        create.args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"]);
        run_tool(&mut create, "")?;
        cluster.wait_until_whole()?;
        cluster.wait_until_agreed()?;
        cluster.wait_until_followed()?;
        Ok(cluster)
    }

    /// Waits until every replica follows its primary: one that never did is not promoted.
    ///
    /// # Errors
    /// It does not happen within [`PATIENCE`].
    pub(crate) fn wait_until_followed(&self) -> Result<()> {
        wait_until("the replicas follow their primaries", PATIENCE, || {
            let infos = self.nodes.iter().map(|node| node.wire()?.say("INFO replication"));
            let infos = infos.collect::<Result<Vec<_>>>()?.concat();
            // Both ends must have noticed.
            let count = |end: &str| infos.matches(end).count();
            let followed = [count("state=online"), count("master_link_status:up")];
            Ok((followed == [self.nodes.len() - PRIMARIES; 2]).then_some(()))
        })
    }

    /// The replica of a node, by index.
    ///
    /// # Errors
    /// It does not answer, or has none.
    pub(crate) fn replica_of(&self, node: usize) -> Result<usize> {
        let (_, _, replicas): (String, u64, Vec<(String, u16, u64)>) =
            redis::cmd("ROLE").query(&mut self.nodes[node].connection()?)?;
        let (_, port, _) = replicas.first().context("a replica")?;
        let replica = self.nodes.iter().position(|node| node.port == *port);
        replica.context("a node of this cluster")
    }

    /// Has a replica take the place of its primary, which agrees.
    ///
    /// # Errors
    /// It does not happen within [`PATIENCE`].
    pub(crate) fn promote(&self, replica: usize) -> Result<()> {
        self.wait_until_followed()?;
        // A primary ignores the wish of a replica that it has not heard of as its own.
        self.wait_until_agreed()?;
        pause(Duration::from_millis(300));
        let mut replica = self.nodes[replica].wire()?;
        ensure!(replica.say("CLUSTER FAILOVER")? == "+OK\r\n");
        wait_until("the replica is promoted", PATIENCE, || {
            Ok(replica.say("ROLE")?.contains("master\r\n").then_some(()))
        })
    }

    /// Waits until every node sees every slot served.
    ///
    /// # Errors
    /// It does not happen within [`PATIENCE`].
    pub(crate) fn wait_until_whole(&self) -> Result<()> {
        wait_until("cluster_state is ok on every node", PATIENCE, || {
            let whole = self.nodes.iter().all(|node| {
                let info = node.wire().and_then(|mut wire| wire.say("CLUSTER INFO"));
                info.is_ok_and(|info| {
                    info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
                })
            });
            Ok(whole.then_some(()))
        })
    }

    /// Waits until all nodes agree on who owns which slots since when, and who follows whom. A slot
    /// must not move again before: an owner that has not heard of the last move claims it with too
    /// old an epoch, and the nodes then send each other's clients back and forth for good.
    ///
    /// # Errors
    /// It does not happen within [`PATIENCE`].
    pub(crate) fn wait_until_agreed(&self) -> Result<()> {
        wait_until("the nodes agree on the slots", PATIENCE, || {
            let views = self.nodes.iter().map(view).collect::<Result<Vec<_>>>()?;
            Ok(views.windows(2).all(|pair| pair[0] == pair[1]).then_some(()))
        })
    }

    /// Moves the first `count` slots of a node to another with `redis-cli --cluster reshard`.
    ///
    /// # Errors
    /// The tool fails.
    pub(crate) fn reshard(&self, from: usize, to: usize, count: usize) -> Result<()> {
        let mut reshard = self.cli("reshard");
        reshard.arg(cli_address(&self.nodes[0]));
        reshard.args(["--cluster-from", &self.id(from)?, "--cluster-to", &self.id(to)?]);
        reshard.args(["--cluster-slots", &count.to_string(), "--cluster-yes"]);
        run_tool(&mut reshard, "")?;
        Ok(())
    }

    /// Takes a new node in, without slots, with `redis-cli --cluster add-node`.
    ///
    /// # Errors
    /// The tool fails, or the nodes do not agree in time.
    pub(crate) fn add(&mut self, directory: &Path) -> Result<()> {
        let node = Server::node(directory, &self.settings)?;
        let mut add = self.cli("add-node");
        run_tool(add.arg(cli_address(&node)).arg(cli_address(&self.nodes[0])), "")?;
        self.nodes.push(node);
        self.wait_until_whole()?;
        self.wait_until_agreed()
    }

    /// Lets the last node go, which must be without slots, with `redis-cli --cluster del-node`: the
    /// others forget it, and it forgets them.
    ///
    /// # Errors
    /// The tool fails.
    pub(crate) fn remove_last(&mut self) -> Result<Server> {
        let id = self.id(self.nodes.len() - 1)?;
        let mut remove = self.cli("del-node");
        run_tool(remove.arg(cli_address(&self.nodes[0])).arg(id), "")?;
        self.nodes.pop().context("there is one")
    }

    /// What a node is called in the cluster.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn id(&self, node: usize) -> Result<String> {
        let mut connection = self.nodes[node].connection()?;
        Ok(redis::cmd("CLUSTER").arg("MYID").query(&mut connection)?)
    }

    /// The slot of a key, by Redis' own reckoning.
    ///
    /// # Errors
    /// The first node does not answer.
    pub(crate) fn slot(&self, key: &str) -> Result<u16> {
        let mut connection = self.nodes[0].connection()?;
        Ok(redis::cmd("CLUSTER").arg("KEYSLOT").arg(key).query(&mut connection)?)
    }

    /// The node that owns each slot now, by index.
    ///
    /// # Errors
    /// The first node does not answer, or a slot has no owner.
    pub(crate) fn owners(&self) -> Result<Vec<usize>> {
        let mut connection = self.nodes[0].connection()?;
        // As tuples the crate takes three ranges for one of three elements.
        let ranges: Vec<Vec<Value>> = redis::cmd("CLUSTER").arg("SLOTS").query(&mut connection)?;
        let mut owners = vec![usize::MAX; redpoll::limits::SLOTS];
        for range in ranges {
            let [first, last, Value::Array(node), ..] = &range[..] else {
                bail!("CLUSTER SLOTS gives {range:?}");
            };
            let number = |value: &Value| redis::from_redis_value_ref::<usize>(value);
            let (first, last) = (number(first)?, number(last)?);
            let port = number(node.get(1).context("a port")?)?;
            let port = u16::try_from(port)?;
            let owner = self.nodes.iter().position(|node| node.port == port);
            owners[first..=last].fill(owner.context("a node of this cluster")?);
        }
        ensure!(!owners.contains(&usize::MAX), "a slot has no owner");
        Ok(owners)
    }

    /// The first `count` keys `{prefix}0`, `{prefix}1`, … that a node owns now.
    ///
    /// # Errors
    /// The first node does not answer.
    pub(crate) fn keys_of(&self, node: usize, prefix: &str, count: usize) -> Result<Vec<String>> {
        let owners = self.owners()?;
        let mut connection = self.nodes[0].connection()?;
        let mut keys = Vec::with_capacity(count);
        for index in 0.. {
            if keys.len() == count {
                break;
            }
            let key = format!("{prefix}{index}");
            let slot: usize =
                redis::cmd("CLUSTER").arg("KEYSLOT").arg(&key).query(&mut connection)?;
            if owners[slot] == node {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// Moves one slot with its keys to another node as `redis-cli --cluster reshard` does, while
    /// clients use it. The owner of the slot must be `from`; see [`Cluster::wait_until_agreed`].
    /// `halfway` is called twice: when the move is declared and the keys are still at `from`, and
    /// when they are at `to` and the slot is not.
    ///
    /// # Errors
    /// A node refuses a step, or `halfway` fails.
    pub(crate) fn move_slot(
        &self,
        slot: u16,
        (from, to): (usize, usize),
        halfway: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let mut source = self.nodes[from].connection()?;
        let mut target = self.nodes[to].connection()?;
        let (source_id, target_id) = (self.id(from)?, self.id(to)?);
        let set_slot = |state: &str, id: &str| {
            redis::cmd("CLUSTER").arg("SETSLOT").arg(slot).arg(state).arg(id).to_owned()
        };
        set_slot("IMPORTING", &source_id).exec(&mut target)?;
        set_slot("MIGRATING", &target_id).exec(&mut source)?;
        halfway()?;
        self.move_keys(slot, (from, to))?;
        halfway()?;
        // The new owner first, so that there is one at every moment.
        set_slot("NODE", &target_id).exec(&mut target)?;
        set_slot("NODE", &target_id).exec(&mut source)?;
        for (index, node) in self.nodes.iter().enumerate() {
            if index != from && index != to {
                set_slot("NODE", &target_id).exec(&mut node.connection()?)?;
            }
        }
        Ok(())
    }

    /// Moves keys, but not their slot, to another node.
    ///
    /// # Errors
    /// A node refuses.
    pub(crate) fn migrate(&self, keys: &[String], (from, to): (usize, usize)) -> Result<()> {
        let target = self.nodes[to].address();
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg(target.ip().to_string()).arg(target.port()).arg("").arg(0).arg(5000);
        if let Some(password) = &self.settings.password {
            migrate.arg("AUTH").arg(password);
        }
        Ok(migrate.arg("KEYS").arg(keys).exec(&mut self.nodes[from].connection()?)?)
    }

    fn move_keys(&self, slot: u16, (from, to): (usize, usize)) -> Result<()> {
        let mut source = self.nodes[from].connection()?;
        loop {
            let mut some = redis::cmd("CLUSTER");
            let keys: Vec<String> =
                some.arg("GETKEYSINSLOT").arg(slot).arg(10).query(&mut source)?;
            if keys.is_empty() {
                return Ok(());
            }
            self.migrate(&keys, (from, to))?;
        }
    }

    /// `redis-cli --cluster` and what it is to do.
    fn cli(&self, what: &str) -> Command {
        let mut command = Command::new("redis-cli");
        if let Some(password) = &self.settings.password {
            command.args(["--no-auth-warning", "-a", password]);
        }
        command.args(["--cluster", what]);
        command
    }
}

/// As `redis-cli` reads it: without brackets, whatever the address is.
fn cli_address(node: &Server) -> String {
    format!("{}:{}", node.address().ip(), node.port)
}

/// What a node says of all the nodes: their ids, whom they follow, their epochs and slots.
fn view(node: &Server) -> Result<Vec<String>> {
    let text: String = redis::cmd("CLUSTER").arg("NODES").query(&mut node.connection()?)?;
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let slots = fields.iter().skip(8).filter(|slots| !slots.starts_with('['));
            [fields[0], fields[3], fields[6]]
                .into_iter()
                .chain(slots.copied())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    lines.sort();
    Ok(lines)
}
