//! What the trials share, started when the first of them asks, so that a filtered run is quick.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use tempfile::TempDir;

use super::{Cluster, Options, Proxy, Server, Settings};

/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";

/// The servers of a run and the folder where everything of it is kept.
pub(crate) struct Stage {
    directory: TempDir,
    folders: AtomicU32,
    shared: OnceLock<Result<Shared, String>>,
    /// The cluster of the trials that break things. One trial has it at a time, and gives it back
    /// only if it is whole again.
    arena: Mutex<Option<Cluster>>,
    /// The same, with a replica for each primary.
    replicated: Mutex<Option<Cluster>>,
}

/// Servers that every trial may use and none may harm.
pub(crate) struct Shared {
    pub(crate) cluster: Cluster,
    pub(crate) server: Server,
    /// Before the cluster.
    pub(crate) proxy: Proxy,
    /// Before the standalone server.
    pub(crate) server_proxy: Proxy,
}

impl Stage {
    /// An empty stage in a temporary folder of its own. In memory if possible: a cluster node waits
    /// for the disk at every change of its slots, for seconds if others keep that disk busy.
    ///
    /// # Errors
    /// There is no place for temporary files.
    pub(crate) fn new() -> Result<Stage> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("redpoll-e2e-");
        let directory = builder.tempdir_in(MEMORY).or_else(|_| builder.tempdir())?;
        Ok(Stage {
            directory,
            folders: AtomicU32::new(0),
            shared: OnceLock::new(),
            arena: Mutex::new(None),
            replicated: Mutex::new(None),
        })
    }

    /// A path inside the temporary folder that nobody else uses.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        self.directory.path().join(format!("{number:02}-{name}"))
    }

    /// The shared servers.
    ///
    /// # Errors
    /// They could not be started, for this trial or an earlier one.
    pub(crate) fn shared(&self) -> Result<&Shared> {
        let started = self.shared.get_or_init(|| {
            self.start_shared().map_err(|error| format!("the shared servers: {error:#}"))
        });
        started.as_ref().map_err(|message| anyhow!("{message}"))
    }

    /// Runs a trial on the cluster that may be broken.
    ///
    /// # Errors
    /// The cluster does not start, `trial` fails, or the cluster is not whole after it.
    pub(crate) fn in_arena(&self, trial: impl FnOnce(&mut Cluster) -> Result<()>) -> Result<()> {
        self.in_cluster(&self.arena, 0, trial)
    }

    /// The same on a cluster with a replica for each primary.
    ///
    /// # Errors
    /// As [`Stage::in_arena`].
    pub(crate) fn in_replicated_arena(
        &self,
        trial: impl FnOnce(&mut Cluster) -> Result<()>,
    ) -> Result<()> {
        self.in_cluster(&self.replicated, 1, trial)
    }

    fn in_cluster(
        &self,
        place: &Mutex<Option<Cluster>>,
        replicas: usize,
        trial: impl FnOnce(&mut Cluster) -> Result<()>,
    ) -> Result<()> {
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cluster = match place.take() {
            Some(cluster) => cluster,
            None => {
                let (folder, settings) = (self.folder("arena"), Settings::default());
                Cluster::start_with(&folder, replicas, &settings).context("a cluster to break")?
            }
        };
        trial(&mut cluster)?;
        cluster.wait_until_whole()?;
        cluster.wait_until_agreed()?;
        if replicas > 0 {
            cluster.wait_until_followed()?;
        }
        *place = Some(cluster);
        Ok(())
    }

    /// Ends the shared proxies and checks that they lived through all the trials.
    ///
    /// # Errors
    /// One of them did not.
    pub(crate) fn strike(&mut self) -> Result<()> {
        let Some(Ok(shared)) = self.shared.take() else { return Ok(()) };
        shared.proxy.stop().context("the shared proxy before the cluster")?;
        shared.server_proxy.stop().context("the shared proxy before the server")
    }

    /// Leaves the folder with all logs where it is and says where that is.
    pub(crate) fn keep_folder(&mut self) -> PathBuf {
        self.directory.disable_cleanup(true);
        self.directory.path().to_owned()
    }

    fn start_shared(&self) -> Result<Shared> {
        let cluster = Cluster::start(&self.folder("cluster"))?;
        let server = Server::standalone(&self.folder("server"))?;
        let proxy = Proxy::start(&self.folder("proxy"), Options::cluster(&cluster))?;
        let server_proxy = Proxy::start(&self.folder("server-proxy"), Options::server(&server))?;
        Ok(Shared { cluster, server, proxy, server_proxy })
    }
}
