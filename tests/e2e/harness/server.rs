//! A real Redis or Valkey, standalone or a node of a cluster.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;

use super::{PATIENCE, Process, Wire, free_ports, wait_until};

const START_ATTEMPTS: usize = 5;

/// One server, that can be killed and started again where it was.
pub(crate) struct Server {
    /// Where clients reach it.
    pub(crate) port: u16,
    settings: Settings,
    arguments: Vec<String>,
    directory: PathBuf,
    process: Option<Process>,
}

/// What a trial chooses of a server.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where it listens.
    pub(crate) host: IpAddr,
    /// The password of its default user.
    pub(crate) password: Option<String>,
    /// More arguments.
    pub(crate) arguments: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { host: Ipv4Addr::LOCALHOST.into(), password: None, arguments: Vec::new() }
    }
}

impl Settings {
    /// A server that wants a password.
    pub(crate) fn password(password: &str) -> Settings {
        Settings { password: Some(password.to_owned()), ..Settings::default() }
    }
}

impl Server {
    /// The server under test: Debian's, or another that `REDPOLL_SERVER` names.
    pub(crate) fn binary() -> OsString {
        std::env::var_os("REDPOLL_SERVER").unwrap_or_else(|| "redis-server".into())
    }

    /// Starts a server that belongs to no cluster. It keeps its files in `directory`.
    ///
    /// # Errors
    /// It does not answer PING in time.
    pub(crate) fn standalone(directory: &Path) -> Result<Server> {
        Server::standalone_with(directory, &Settings::default())
    }

    /// The same, to the trial's wishes.
    ///
    /// # Errors
    /// It does not answer PING in time.
    pub(crate) fn standalone_with(directory: &Path, settings: &Settings) -> Result<Server> {
        Server::launch(directory, settings, || {
            let [port] = free_ports()?;
            Ok((port, Vec::new()))
        })
    }

    /// Starts an empty cluster node. It serves its slots even where those of others are not served.
    ///
    /// # Errors
    /// It does not answer PING in time.
    pub(crate) fn node(directory: &Path, settings: &Settings) -> Result<Server> {
        Server::launch(directory, settings, || {
            let [port, bus_port] = free_ports()?;
            // A node without slots stays a primary, so that it can be told who has them.
            let arguments = format!(
                "--cluster-enabled yes --cluster-config-file nodes.conf --cluster-port {bus_port} \
                 --cluster-node-timeout 2000 --cluster-require-full-coverage no \
                 --cluster-allow-replica-migration no"
            );
            Ok((port, arguments.split(' ').map(str::to_owned).collect()))
        })
    }

    /// Where clients reach it.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.settings.host, self.port)
    }

    /// A connection of the `redis` crate, in RESP2, of the default user.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn connection(&self) -> Result<redis::Connection> {
        let mut connection = connection(self.address(), "")?;
        if let Some(password) = &self.settings.password {
            redis::cmd("AUTH").arg(password).exec(&mut connection)?;
        }
        Ok(connection)
    }

    /// A byte-exact connection of the default user.
    ///
    /// # Errors
    /// It does not accept, or not with this password.
    pub(crate) fn wire(&self) -> Result<Wire> {
        let mut wire = Wire::connect(self.address())?;
        if let Some(password) = &self.settings.password {
            let reply = wire.call(&["AUTH", password])?;
            ensure!(reply == b"+OK\r\n", "AUTH gave {}", reply.escape_ascii());
        }
        Ok(wire)
    }

    /// Sets a parameter of the running server.
    ///
    /// # Errors
    /// It does not have it.
    pub(crate) fn set(&self, parameter: &str, value: &str) -> Result<()> {
        let reply = self.wire()?.call(&["CONFIG", "SET", parameter, value])?;
        ensure!(reply == b"+OK\r\n", "CONFIG SET {parameter} gave {}", reply.escape_ascii());
        Ok(())
    }

    /// What it says in `CLIENT LIST` of the connections of proxies, a line each.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn proxy_connections(&self) -> Result<Vec<String>> {
        let list = self.wire()?.say("CLIENT LIST")?;
        let named = list.lines().filter(|line| line.split(' ').any(|word| word == "name=redpoll"));
        Ok(named.map(str::to_owned).collect())
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
        self.start("+PONG")
    }

    /// The same of a server that takes its time to read what it had saved: it answers, but does not
    /// serve. `arguments` are its new ones.
    ///
    /// # Errors
    /// It does not answer so in time.
    pub(crate) fn restart_loading(&mut self, arguments: &[&str]) -> Result<()> {
        self.kill();
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self.start("-LOADING")
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
        settings: &Settings,
        mut draw: impl FnMut() -> Result<(u16, Vec<String>)>,
    ) -> Result<Server> {
        std::fs::create_dir_all(directory)?;
        let mut last = None;
        for _ in 0..START_ATTEMPTS {
            let (port, arguments) = draw()?;
            let directory = directory.to_owned();
            let settings = settings.clone();
            let mut server = Server { port, settings, arguments, directory, process: None };
            match server.start("+PONG") {
                Ok(()) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no attempt was made")?)
    }

    /// Starts the process and waits until it answers PING with something that begins so.
    fn start(&mut self, answer: &str) -> Result<()> {
        let mut command = Command::new(Server::binary());
        let Settings { host, password, arguments } = &self.settings;
        command
            .args(["--port", &self.port.to_string(), "--bind", &host.to_string()])
            .args(["--enable-debug-command", "local", "--repl-diskless-sync-delay", "0"])
            .args(["--save", "", "--appendonly", "no", "--loglevel", "notice"])
            .arg("--dir")
            .arg(&self.directory)
            .args(arguments)
            .args(&self.arguments);
        if let Some(password) = password {
            command.args(["--requirepass", password, "--masterauth", password]);
        }
        let mut process = Process::spawn(&mut command, &self.directory.join("redis.log"))?;
        wait_until("the server answers PING", PATIENCE, || {
            if let Some(status) = process.ended()? {
                bail!("the server ended with {status}:\n{}", process.log_tail());
            }
            let pong = self.wire().and_then(|mut wire| wire.say("PING"));
            Ok(pong.ok().filter(|reply| reply.starts_with(answer)))
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
