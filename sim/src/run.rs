//! One run: a plan carried out, and judged.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::client::Client;
use crate::fault::{CONNECTIONS_PER_NODE_MAX, Fault};
use crate::history::{Counted, History};
use crate::listening::{Follower, Publisher};
use crate::oracle::{self, Judgement, Violation};
use crate::plan::Plan;
use crate::proxies::{Life, Proxy};
use crate::tally::Tally;
use crate::trace::Line;
use crate::trap::PanicTrap;
use crate::tuning::PASSWORD;
use crate::wire::Wire;
use crate::world::{World, ms};

/// Virtual time after which a run is stuck: no plan is near that long.
const RUN_TIME_MAX: Duration = Duration::from_secs(120);

/// What the world has to come to rest once all is done.
const SETTLING_TIME: Duration = Duration::from_millis(100);

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The hash of all its events.
    pub hash: u64,
    /// How many there were.
    pub events: u64,
    /// How long it took, in virtual time.
    pub took: Duration,
    /// What went wrong; empty if nothing did.
    pub failures: Vec<Failure>,
    /// What was seen.
    pub tally: Tally,
    /// What happened, as the checkers saw it.
    pub history: History,
    /// The hash of the events so far, after each
    /// [`CHECKPOINT_EVENTS`](crate::trace::CHECKPOINT_EVENTS) of them.
    pub checkpoints: Vec<u64>,
    /// The last events, or all if that was asked for.
    pub trace: Vec<Line>,
    /// What the proxy read and wrote, if all was asked for.
    pub wires: Vec<Wire>,
}

/// What can go wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A promise was broken.
    Violation(Violation),
    /// Something panicked.
    Panic {
        /// When it was seen, in virtual time.
        at: Duration,
        /// Where, and what it said.
        what: String,
    },
    /// A host's software ended in error.
    Error {
        /// When, in virtual time.
        at: Duration,
        /// What it said.
        what: String,
    },
}

impl Failure {
    /// What kind of failure it is: the promise broken, `panic`, or `error`.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Failure::Violation(violation) => violation.promise,
            Failure::Panic { .. } => "panic",
            Failure::Error { .. } => "error",
        }
    }

    /// When it was seen, in virtual time.
    #[must_use]
    pub fn at(&self) -> Duration {
        match self {
            Failure::Violation(violation) => violation.at,
            Failure::Panic { at, .. } | Failure::Error { at, .. } => *at,
        }
    }

    /// How it was seen.
    #[must_use]
    pub fn what(&self) -> &str {
        match self {
            Failure::Violation(violation) => &violation.what,
            Failure::Panic { what, .. } | Failure::Error { what, .. } => what,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:.3}s: {}", self.kind(), self.at().as_secs_f64(), self.what())
    }
}

/// Carries out a plan; `keep_all` of its trace, or the last events only.
#[must_use]
pub fn run(plan: &Plan, keep_all: bool) -> Outcome {
    let trap = PanicTrap::set();
    let mut world = World::new(plan.seed, &plan.setup, keep_all);
    let lived = live(plan, &mut world, &trap);
    let at = world.network.now();
    let mut failures: Vec<_> =
        trap.caught().into_iter().map(|what| Failure::Panic { at, what }).collect();
    let lived_well = lived.is_ok();
    if let Err(error) = lived {
        failures.push(Failure::Error { at, what: format!("{error:#}") });
    }
    if lived_well {
        world.take_stock();
    }
    let mut history = world.recorder.finish();
    for process in &mut history.processes {
        process.counted = world.proxies[process.proxy].lives()[process.life].counted();
    }
    history.took = at;
    let is_narrow = history.rules.is_narrow;
    history.rules.heard_from = heard_from(plan);
    history.rules.mended_from = plan.quiet_from_ms().map(ms);
    history.rules.quiet_from = history.rules.mended_from.filter(|_| !is_narrow);
    if plan.faults.iter().any(|timed| matches!(timed.fault, Fault::Reload(_))) {
        // Connections of two configurations are there at once.
        let more = plan.setup.memory_slack_bytes(CONNECTIONS_PER_NODE_MAX);
        history.rules.memory_bytes += more as u64;
    }
    let mut tally = Tally::of(&history, &world);
    // After a panic nothing else can be expected to be right.
    if !trap.has_caught() {
        let Judgement { violations, notes } = oracle::judge(&history);
        failures.extend(violations.into_iter().map(Failure::Violation));
        tally.note(&notes);
    }
    let overlay = world.network.overlay();
    overlay.with_trace(|trace| Outcome {
        hash: trace.hash(),
        events: trace.count(),
        took: at,
        failures,
        tally,
        history,
        checkpoints: trace.checkpoints().to_vec(),
        trace: trace.kept().map(|event| overlay.describe(event)).collect(),
        wires: world.wires.take(),
    })
}

/// Lets the clients follow their scripts while the faults come.
fn live(plan: &Plan, world: &mut World, trap: &PanicTrap) -> anyhow::Result<()> {
    let finished = Rc::new(Cell::new(0));
    let well_from = ms(plan.quiet_from_ms().unwrap_or(0));
    for (number, script) in plan.scripts.iter().enumerate() {
        let leave = world.leave_signal(number);
        let recorder = world.recorder.clone();
        let proxies: Vec<_> = world.proxies.iter().map(|proxy| proxy.address).collect();
        let dice = world.network.overlay().dice("client", number as u64);
        let number = u16::try_from(number)?;
        let ((script, places), finished) = (script.clone().close_up(), Rc::clone(&finished));
        world.spawn(|net| async move {
            let client =
                Client { number, net, proxies, script, places, well_from, dice, recorder, leave };
            client.run().await;
            finished.set(finished.get() + 1);
        });
    }
    let listening = listen(plan, world);
    let mut faults = plan.faults.iter().peekable();
    let is_over = |faults_left: bool| {
        finished.get() == plan.scripts.len() && listening.get() == 0 && !faults_left
    };
    while !is_over(faults.peek().is_some()) && !trap.has_caught() {
        while let Some(timed) = faults.next_if(|timed| ms(timed.at_ms) <= world.network.now()) {
            timed.fault.apply(world);
        }
        if faults.peek().is_none() {
            world.recorder.these_are_all();
        }
        anyhow::ensure!(world.network.now() < RUN_TIME_MAX, "stuck: the clients never finish");
        world.step_until(faults.peek().map_or(Duration::MAX, |next| ms(next.at_ms)))?;
    }
    if !trap.has_caught() {
        await_proxies_end(plan, world)?;
    }
    // What is still on its way arrives, and nodes execute it.
    world.network.run_for(SETTLING_TIME)?;
    forget(plan, world)?;
    let lives = world.proxies.iter().map(Proxy::life);
    // A process that has ended may have left some behind that took nothing.
    let run_on = lives.filter(|life| !life.is_gone());
    let left = run_on.map(|life| life.stats.sum(|worker| &worker.clients)).sum::<u64>();
    anyhow::ensure!(left == 0, "the proxy still has {left} clients after they all have left");
    Ok(())
}

/// How long after everything is mended subscriptions may be missing: longer than it takes to see
/// that a node is silent, and to see it once more.
const LISTENS_WELL_AFTER: Duration = Duration::from_secs(3);

/// From when on whatever is published has to be heard.
fn heard_from(plan: &Plan) -> Option<Duration> {
    let last = plan.faults.last().map_or(Duration::ZERO, |timed| ms(timed.at_ms));
    let unheard = 2 * ms(plan.setup.tuning.stall_timeout_ms) + LISTENS_WELL_AFTER;
    let mended = ms(plan.quiet_from_ms()?).max(last);
    Some(if plan.faults.is_empty() { Duration::ZERO } else { mended + unheard })
}

/// Has everybody listen who is to, and somebody publish; gives how many listen still.
fn listen(plan: &Plan, world: &mut World) -> Rc<Cell<usize>> {
    let listening = Rc::new(Cell::new(plan.listeners.len()));
    let well_from = heard_from(plan).unwrap_or_default();
    for (number, listener) in plan.listeners.iter().cloned().enumerate() {
        let (recorder, listening) = (world.recorder.clone(), Rc::clone(&listening));
        let proxies: Vec<_> = world.proxies.iter().map(|proxy| proxy.address).collect();
        world.spawn(|net| async move {
            let follower = Follower { number, net, proxies, listener, well_from, recorder };
            follower.run().await;
            listening.set(listening.get() - 1);
        });
    }
    let publisher = Publisher {
        cluster: world.cluster.clone(),
        servers: world.servers.clone(),
        is_standalone: plan.setup.standalone,
        password: plan.setup.tuning.password.then_some(PASSWORD),
        recorder: world.recorder.clone(),
        dice: world.network.overlay().dice("publisher", 0),
        listening: Rc::clone(&listening),
    };
    if !plan.listeners.is_empty() {
        world.spawn(|_| publisher.run());
    }
    listening
}

/// Waits until nothing is held any more for those that have left: no longer than their commands
/// have, and half as long again.
fn forget(plan: &Plan, world: &mut World) -> anyhow::Result<()> {
    let tuning = &plan.setup.tuning;
    let idle = if tuning.closes_idle() { 2 * tuning.idle_timeout_ms } else { 0 };
    let until = world.network.now() + plan.setup.longest_timeout() * 3 / 2 + ms(idle);
    let holds = |life: &Life| {
        let Counted { buffered, unwritten, in_flight, open, .. } = life.counted();
        let holds = buffered + unwritten + in_flight > 0 || tuning.closes_idle() && open > 0;
        holds && !life.is_killed()
    };
    while world.proxies.iter().map(Proxy::life).any(holds) && world.network.now() < until {
        world.network.run_for(SETTLING_TIME)?;
    }
    Ok(())
}

/// A proxy that was told to stop has its drain timeout to do it, and a moment to close.
fn await_proxies_end(plan: &Plan, world: &mut World) -> anyhow::Result<()> {
    let limit = ms(plan.setup.drain_timeout_ms) + Duration::from_secs(5);
    let until = world.network.now() + limit;
    for proxy in 0..world.proxies.len() {
        let is_stopping = |world: &World| {
            world.recorder.is_told_to_stop(proxy) && !world.proxies[proxy].life().is_gone()
        };
        while is_stopping(world) {
            anyhow::ensure!(world.network.now() < until, "the proxy does not stop");
            world.network.step()?;
        }
        if let Some(Err(error)) = world.proxies[proxy].life().end() {
            anyhow::bail!("the proxy failed: {error}");
        }
    }
    Ok(())
}
