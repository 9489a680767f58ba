//! A real `redis-server`, standalone or a node of a cluster.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use super::{PATIENCE, Process, Wire, free_ports, local, wait_until};

const START_ATTEMPTS: usize = 5;

/// One `redis-server`, that can be killed and started again where it was.
pub(crate) struct Server {
    /// Where clients reach it.
    pub(crate) port: u16,
    arguments: Vec<String>,
    directory: PathBuf,
    process: Option<Process>,
}

impl Server {
    /// Starts a server that belongs to no cluster. It keeps its files in `directory`.
    ///
    /// # Errors
    /// It does not answer PING in time.
    pub(crate) fn standalone(directory: &Path) -> Result<Server> {
        Server::launch(directory, || {
            let [port] = free_ports()?;
            Ok((port, Vec::new()))
        })
    }

    /// Starts an empty cluster node. It serves its slots even where those of others are not served.
    ///
    /// # Errors
    /// It does not answer PING in time.
    pub(crate) fn node(directory: &Path) -> Result<Server> {
        Server::launch(directory, || {
            let [port, bus_port] = free_ports()?;
            let arguments = format!(
                "--cluster-enabled yes --cluster-config-file nodes.conf --cluster-port {bus_port} \
                 --cluster-node-timeout 2000 --cluster-require-full-coverage no"
            );
            Ok((port, arguments.split(' ').map(str::to_owned).collect()))
        })
    }

    /// Where clients reach it.
    pub(crate) fn address(&self) -> SocketAddr {
        local(self.port)
    }

    /// A connection of the `redis` crate, in RESP2.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn connection(&self) -> Result<redis::Connection> {
        connection(self.address(), "")
    }

    /// A byte-exact connection.
    ///
    /// # Errors
    /// It does not accept.
    pub(crate) fn wire(&self) -> Result<Wire> {
        Wire::connect(self.address())
    }

    /// Kills it as a power cut would, and reaps it.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port, with what it wrote to its directory and no data.
    ///
    /// # Errors
    /// It does not answer PING in time.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.kill();
        self.start()
    }

    /// Stops the process where it stands: its sockets stay open and nothing is answered.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.process.as_ref().context("a running server")?.signal(Signal::STOP)
    }

    /// Lets a frozen process go on.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.process.as_ref().context("a running server")?.signal(Signal::CONT)
    }

    fn launch(
        directory: &Path,
        mut draw: impl FnMut() -> Result<(u16, Vec<String>)>,
    ) -> Result<Server> {
        std::fs::create_dir_all(directory)?;
        let mut last = None;
        for _ in 0..START_ATTEMPTS {
            let (port, arguments) = draw()?;
            let directory = directory.to_owned();
            let mut server = Server { port, arguments, directory, process: None };
            match server.start() {
                Ok(()) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no attempt was made")?)
    }

    fn start(&mut self) -> Result<()> {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--loglevel", "notice"])
            .arg("--dir")
            .arg(&self.directory)
            .args(&self.arguments);
        let mut process = Process::spawn(&mut command, &self.directory.join("redis.log"))?;
        let address = self.address();
        wait_until("redis-server answers PING", PATIENCE, || {
            if let Some(status) = process.ended()? {
                bail!("redis-server ended with {status}:\n{}", process.log_tail());
            }
            let pong = Wire::connect(address).and_then(|mut wire| wire.call(&["PING"]));
            Ok(pong.ok().filter(|reply| reply == b"+PONG\r\n"))
        })?;
        self.process = Some(process);
        Ok(())
    }
}

/// A connection of the `redis` crate with bounded waits; `query` is the end of the URL.
///
/// # Errors
/// Nobody answers there.
pub(crate) fn connection(address: SocketAddr, query: &str) -> Result<redis::Connection> {
    let client = redis::Client::open(format!("redis://{address}/{query}"))?;
    let connection = client.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
}
