//! Hosts that share one runtime in memory: whose tasks are whose, and time that jumps to what comes
//! next.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, LocalSet, yield_now};
use tokio::time::{Instant, sleep_until};

use super::wires::Wires;

/// How often the tasks of a host that was stopped may be asked whether they are gone.
const TURNS_MAX: usize = 10_000;

/// What a host runs, from its start on.
pub(super) type Software = Box<dyn Fn() -> Pin<Box<dyn Future<Output = anyhow::Result<()>>>>>;

/// The hosts, and their time.
pub(super) struct Hosts {
    /// `None` once it is over.
    local: Option<LocalSet>,
    runtime: Runtime,
    begin: Instant,
    wires: Wires,
    tasks: Tasks,
    names: RefCell<BTreeMap<String, IpAddr>>,
    software: BTreeMap<IpAddr, Software>,
    failed: Rc<RefCell<Option<anyhow::Error>>>,
}

/// The tasks of each host. Cheap to clone: all clones are the same.
#[derive(Clone, Default)]
pub(super) struct Tasks(Rc<RefCell<BTreeMap<IpAddr, Vec<AbortHandle>>>>);

impl Hosts {
    /// No hosts, connected by `wires`; time begins now.
    pub(super) fn new(wires: Wires) -> Hosts {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without threads takes nothing");
        let begin = {
            let _within = runtime.enter();
            Instant::now()
        };
        Hosts {
            local: Some(LocalSet::new()),
            runtime,
            begin,
            wires,
            tasks: Tasks::default(),
            names: RefCell::default(),
            software: BTreeMap::new(),
            failed: Rc::default(),
        }
    }

    pub(super) fn wires(&self) -> &Wires {
        &self.wires
    }

    /// Does something to the wires. Only within its runtime tokio tells the virtual time, and
    /// outside the real one.
    pub(super) fn at_wires(&self, does: impl FnOnce(&Wires)) {
        let _within = self.runtime.enter();
        does(&self.wires);
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// When time began.
    pub(super) fn begin(&self) -> Instant {
        self.begin
    }

    /// The address that a host of this name has or will have.
    pub(super) fn lookup(&self, name: &str) -> IpAddr {
        let mut names = self.names.borrow_mut();
        let next = u8::try_from(names.len() + 1).expect("a world has few hosts");
        *names.entry(name.to_owned()).or_insert_with(|| Ipv4Addr::new(192, 168, 0, next).into())
    }

    /// Adds a host and starts it.
    pub(super) fn add(&mut self, ip: IpAddr, software: Software) {
        self.software.insert(ip, software);
        self.start(ip);
    }

    /// Ends all that a host runs, at once.
    pub(super) fn stop(&mut self, ip: IpAddr) {
        let tasks = self.tasks.0.borrow_mut().remove(&ip).unwrap_or_default();
        tasks.iter().for_each(AbortHandle::abort);
        for _ in 0..TURNS_MAX {
            if tasks.iter().all(AbortHandle::is_finished) {
                return;
            }
            self.run(yield_now());
        }
        unreachable!("a task that is aborted ends when it is polled");
    }

    /// Starts what a host runs.
    pub(super) fn start(&mut self, ip: IpAddr) {
        let Some(software) = self.software.get(&ip) else { return };
        let (running, failed) = (software(), Rc::clone(&self.failed));
        let local = self.local.as_ref().expect("time is not over");
        let task = local.spawn_local(async move {
            if let Err(error) = running.await {
                failed.borrow_mut().get_or_insert(error);
            }
        });
        self.tasks.add(ip, task.abort_handle());
    }

    /// Lets time pass until `at` since its beginning.
    ///
    /// # Errors
    /// What a host runs has failed.
    pub(super) fn run_until(&mut self, at: Duration) -> anyhow::Result<()> {
        let at = self.begin + at;
        self.run(async move { sleep_until(at).await });
        self.failed.take().map_or(Ok(()), Err)
    }

    fn run(&self, until: impl Future<Output = ()>) {
        let local = self.local.as_ref().expect("time is not over");
        local.block_on(&self.runtime, until);
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // What tasks drop may ask for the time.
        let _within = self.runtime.enter();
        drop(self.local.take());
    }
}

impl Tasks {
    /// Runs a task on a host.
    pub(super) fn spawn(&self, ip: IpAddr, task: impl Future<Output = ()> + 'static) {
        #[expect(clippy::disallowed_methods, reason = "below the seam")]
        let task = tokio::task::spawn_local(task);
        self.add(ip, task.abort_handle());
    }

    fn add(&self, ip: IpAddr, task: AbortHandle) {
        let mut tasks = self.0.borrow_mut();
        let its = tasks.entry(ip).or_default();
        if its.len() == its.capacity() {
            its.retain(|task| !task.is_finished());
        }
        its.push(task);
    }
}
