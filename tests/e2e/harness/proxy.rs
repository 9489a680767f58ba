//! The production binary with a configuration file, as an operator would run it.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;

use super::server::connection;
use super::{Cluster, PATIENCE, Process, Server, Wire, free_ports, local, wait_until};

const START_ATTEMPTS: usize = 5;

/// The exit code of a process that could not bind (`EX_UNAVAILABLE`).
const CANNOT_BIND: i32 = 69;

/// What a trial chooses of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The line of the upstream that says where it is.
    pub(crate) target: String,
    pub(crate) op_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    /// More lines of the upstream.
    pub(crate) lines: Vec<String>,
    /// More lines that are no upstream's.
    pub(crate) process_lines: Vec<String>,
    /// Variables of its environment.
    pub(crate) environment: Vec<(String, String)>,
    /// If it has no configuration file: the URL on its command line.
    pub(crate) url: Option<String>,
    /// `memory_max`; that of the proxy itself if there is none.
    pub(crate) memory_bytes: Option<u64>,
}

impl Options {
    /// Before a cluster; two of its nodes are named, the third has to be learnt.
    pub(crate) fn cluster(cluster: &Cluster) -> Options {
        let seeds: Vec<String> =
            cluster.nodes[..2].iter().map(|node| format!("\"{}\"", node.address())).collect();
        Options::new(format!("cluster: [{}]", seeds.join(", ")))
    }

    /// Before a standalone server.
    pub(crate) fn server(server: &Server) -> Options {
        Options::at(server.address())
    }

    /// Before a standalone server at an address where nobody listens.
    pub(crate) fn nowhere() -> Options {
        Options::at(local(1))
    }

    /// Without a configuration file, before what a URL names.
    pub(crate) fn url(url: String) -> Options {
        Options { url: Some(url), ..Options::new(String::new()) }
    }

    /// With one more line that is no upstream's.
    pub(crate) fn with_process(mut self, line: impl Into<String>) -> Options {
        self.process_lines.push(line.into());
        self
    }

    /// With one more line for the upstream.
    pub(crate) fn with(mut self, line: impl Into<String>) -> Options {
        self.lines.push(line.into());
        self
    }

    /// At the address where a test's own server listens.
    pub(crate) fn at(address: SocketAddr) -> Options {
        Options::new(format!("server: \"{address}\""))
    }

    fn new(target: String) -> Options {
        Options {
            target,
            op_timeout: Duration::from_secs(2),
            drain_timeout: Duration::from_secs(10),
            lines: Vec::new(),
            process_lines: Vec::new(),
            environment: Vec::new(),
            url: None,
            memory_bytes: None,
        }
    }
}

/// A running proxy.
pub(crate) struct Proxy {
    /// What it was started with.
    pub(crate) options: Options,
    /// Where clients reach it.
    pub(crate) port: u16,
    admin_port: u16,
    directory: PathBuf,
    process: Process,
}

impl Proxy {
    /// The path of the binary under test: the one just built, or another named by `REDPOLL_BIN`.
    pub(crate) fn binary() -> PathBuf {
        std::env::var_os("REDPOLL_BIN")
            .map_or_else(|| env!("CARGO_BIN_EXE_redpoll").into(), PathBuf::from)
    }

    /// Writes a configuration into `directory`, runs it, and waits until it is ready to serve.
    ///
    /// # Errors
    /// It ends, or is not ready within [`PATIENCE`].
    pub(crate) fn start(directory: &Path, options: Options) -> Result<Proxy> {
        Proxy::launch(directory, options, "/ready")
    }

    /// The same for one whose servers are not there: waits until it lives.
    ///
    /// # Errors
    /// It ends, or does not answer within [`PATIENCE`].
    pub(crate) fn start_alone(directory: &Path, options: Options) -> Result<Proxy> {
        Proxy::launch(directory, options, "/livez")
    }

    /// Where clients reach it.
    pub(crate) fn address(&self) -> SocketAddr {
        local(self.port)
    }

    /// A connection of the `redis` crate, in RESP2.
    ///
    /// # Errors
    /// It is not served.
    pub(crate) fn connection(&self) -> Result<redis::Connection> {
        connection(self.address(), "")
    }

    /// A connection of the `redis` crate, in RESP3.
    ///
    /// # Errors
    /// It is not served.
    pub(crate) fn connection3(&self) -> Result<redis::Connection> {
        connection(self.address(), "?protocol=resp3")
    }

    /// A byte-exact connection.
    ///
    /// # Errors
    /// It is not accepted.
    pub(crate) fn wire(&self) -> Result<Wire> {
        Wire::connect(self.address())
    }

    /// The status code and body that the admin server answers to `GET path`.
    ///
    /// # Errors
    /// It does not answer in HTTP.
    pub(crate) fn admin(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect_timeout(&local(self.admin_port), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // Of this version the body is as it is, not in chunks.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
        let (_, body) = answer.split_once("\r\n\r\n").context("no end of the HTTP headers")?;
        Ok((status.context("no HTTP status")?, body.to_owned()))
    }

    /// The sum of the samples of one metric.
    ///
    /// # Errors
    /// The admin server does not answer, or has no such metric.
    pub(crate) fn metric(&self, name: &str) -> Result<u64> {
        let (_, text) = self.admin("/metrics")?;
        let mut samples = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|end| end.starts_with(['{', ' '])))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .peekable();
        ensure!(samples.peek().is_some(), "no {name} in\n{text}");
        Ok(samples.sum())
    }

    /// The most memory it ever had resident, in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn peak_resident_bytes(&self) -> Result<u64> {
        self.memory_bytes("VmHWM:")
    }

    /// The memory it has resident now, in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        self.memory_bytes("VmRSS:")
    }

    /// Everything that it has said.
    ///
    /// # Errors
    /// Its log cannot be read.
    pub(crate) fn log(&self) -> Result<String> {
        self.process.log()
    }

    /// Checks that it is alive and serves a new client.
    ///
    /// # Errors
    /// It has ended, or does not answer as a Redis.
    pub(crate) fn check_serving(&mut self) -> Result<()> {
        if let Some(status) = self.process.ended()? {
            bail!("the proxy ended with {status}:\n{}", self.process.log_tail());
        }
        let mut wire = self.wire()?;
        ensure!(wire.call(&["SET", "still:here", "yes"])? == b"+OK\r\n");
        ensure!(wire.call(&["GET", "still:here"])? == b"$3\r\nyes\r\n");
        Ok(())
    }

    /// Gives it other options and sends it SIGHUP.
    ///
    /// # Errors
    /// The configuration cannot be written, or the proxy has ended.
    pub(crate) fn reconfigure(&mut self, options: Options) -> Result<()> {
        config_file(&self.directory, &options, self.port, self.admin_port)?;
        self.options = options;
        self.process.signal(Signal::HUP)
    }

    /// Waits until it has said this so many times.
    ///
    /// # Errors
    /// It does not within [`PATIENCE`].
    pub(crate) fn wait_until_it_says(&self, words: &str, times: usize) -> Result<()> {
        let what = format!("the proxy has said {words:?} {times} times");
        let said = || Ok((self.log()?.matches(words).count() >= times).then_some(()));
        let said = wait_until(&what, PATIENCE, said);
        said.with_context(|| format!("its last words:\n{}", self.process.log_tail()))
    }

    /// Asks it to drain and end.
    ///
    /// # Errors
    /// It has ended already.
    pub(crate) fn terminate(&self) -> Result<()> {
        self.process.signal(Signal::TERM)
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// As the operating system reports.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.ended()
    }

    /// Waits until it has ended with exit code 0.
    ///
    /// # Errors
    /// It does not end `within` that time, or with another code.
    pub(crate) fn wait_for_success(&mut self, within: Duration) -> Result<()> {
        let status = self.process.wait(within)?;
        let tail = self.process.log_tail();
        ensure!(status.success(), "the proxy ended with {status}:\n{tail}");
        Ok(())
    }

    /// Ends it as an operator would and checks that it took its leave properly.
    ///
    /// # Errors
    /// It had ended before, does not end in time, or not with exit code 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.check_serving()?;
        self.terminate()?;
        self.wait_for_success(self.options.drain_timeout + PATIENCE)
    }

    /// What the kernel says of its memory on this line.
    fn memory_bytes(&self, field: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with(field)).context("no such line")?;
        let kilobytes = line.split_whitespace().nth(1).context("no figure")?;
        Ok(kilobytes.parse::<u64>()? * 1024)
    }

    fn launch(directory: &Path, options: Options, path: &str) -> Result<Proxy> {
        std::fs::create_dir_all(directory)?;
        for _ in 0..START_ATTEMPTS {
            let [port, admin_port] = free_ports()?;
            let mut command = Command::new(Proxy::binary());
            command.arg("run").envs(options.environment.iter().cloned());
            if let Some(url) = &options.url {
                command.args(["--listen", &local(port).to_string(), "--upstream", url]);
                command.args(["--set", &format!("admin.address={}", local(admin_port))]);
            } else {
                command.arg("--config").arg(config_file(directory, &options, port, admin_port)?);
            }
            let process = Process::spawn(&mut command, &directory.join("redpoll.log"))?;
            let options = options.clone();
            let directory = directory.to_owned();
            let mut proxy = Proxy { options, port, admin_port, directory, process };
            if proxy.wait_until_it_says_yes(path)? {
                return Ok(proxy);
            }
        }
        bail!("the ports drawn were taken {START_ATTEMPTS} times");
    }

    /// Waits for the status 200 at an admin path; `false` if somebody else took the ports.
    fn wait_until_it_says_yes(&mut self, path: &str) -> Result<bool> {
        let what = format!("the proxy answers {path} with 200");
        let answered = wait_until(&what, PATIENCE, || {
            if let Some(status) = self.process.ended()? {
                if status.code() == Some(CANNOT_BIND) {
                    return Ok(Some(false));
                }
                bail!("the proxy ended with {status}");
            }
            // The admin server may be up before the listeners are.
            let yes =
                self.wire().is_ok() && self.admin(path).is_ok_and(|(status, _)| status == 200);
            Ok(yes.then_some(true))
        });
        answered.with_context(|| format!("its last words:\n{}", self.process.log_tail()))
    }
}

/// Writes the configuration file of one listener before one upstream and returns its path.
///
/// # Errors
/// It cannot be written.
pub(crate) fn config_file(
    directory: &Path,
    options: &Options,
    port: u16,
    admin_port: u16,
) -> Result<PathBuf> {
    let Options { target, op_timeout, drain_timeout, memory_bytes, lines, .. } = options;
    let mut text = String::new();
    writeln!(text, "listeners:")?;
    writeln!(text, "  - {{address: \"127.0.0.1:{port}\", upstream: main}}")?;
    writeln!(text, "upstreams:")?;
    writeln!(text, "  main:")?;
    writeln!(text, "    {target}")?;
    writeln!(text, "    op_timeout: {}ms", op_timeout.as_millis())?;
    writeln!(text, "    connect_timeout: 500ms")?;
    for line in lines {
        writeln!(text, "    {line}")?;
    }
    writeln!(text, "admin: {{address: \"127.0.0.1:{admin_port}\"}}")?;
    writeln!(text, "workers: 2")?;
    writeln!(text, "drain_timeout: {}ms", drain_timeout.as_millis())?;
    if let Some(bytes) = memory_bytes {
        writeln!(text, "memory_max: {bytes}")?;
    }
    for line in &options.process_lines {
        writeln!(text, "{line}")?;
    }
    let path = directory.join("redpoll.yaml");
    std::fs::write(&path, text)?;
    Ok(path)
}
