//! Hosts, time and faults, as the driver of a world sees them: turmoil's simulation and the overlay
//! as one.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::SimNet;
use super::carrier::{Engine, Medium};
use super::end::End;
use super::overlay::{Grain, Obstacle, Overlay, Tap};

/// The longest step, where time jumps to the next event: in between, the driver may do something.
const STEP_MAX: Duration = Duration::from_millis(10);

/// How long it takes keepalive to find that a stream is dead, from when it could be mended.
pub const KEEPALIVE: Duration = Duration::from_millis(1_000);

/// One of the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId(usize);

/// How long a segment travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSpeed {
    /// At least this long.
    pub min: Duration,
    /// At most this long.
    pub max: Duration,
}

/// The network, and all that runs on it.
pub struct Network {
    engine: Engine,
    tick: Duration,
    overlay: Overlay,
    /// Streams that are dead, and when TCP's keepalive finds that out.
    dead: Vec<(Duration, Vec<Rc<End>>)>,
    /// Between whom nothing travels for now.
    stalled: BTreeSet<(HostId, HostId)>,
}

impl Network {
    /// A network without hosts, on turmoil or in memory. On turmoil time passes in steps of `tick`:
    /// the shorter, the slower.
    #[must_use]
    pub fn new(medium: Medium, overlay: Overlay, tick: Duration, speed: LinkSpeed) -> Self {
        let engine = Engine::new(medium, overlay.dice("carrier", 0), tick, speed);
        overlay.set_carrier(engine.carrier());
        overlay.set_journey(speed.max + tick);
        Network { engine, tick, overlay, dead: Vec::new(), stalled: BTreeSet::new() }
    }

    /// A network of 1 ms ticks and latencies from 1 to 3 ms: for stories.
    #[must_use]
    pub fn for_story(medium: Medium, seed: u64, grain: Grain) -> Self {
        let speed = LinkSpeed { min: Duration::from_millis(1), max: Duration::from_millis(3) };
        Self::new(medium, Overlay::new(seed, grain, false), Duration::from_millis(1), speed)
    }

    /// Adds a host called `name` that runs `software`, from now on and again after each restart.
    pub fn add_host<F>(
        &mut self,
        name: &str,
        software: impl Fn(SimNet) -> F + 'static,
    ) -> (HostId, SimNet)
    where
        F: Future<Output = anyhow::Result<()>> + 'static,
    {
        let ip = self.engine.lookup(name);
        let host = self.overlay.add_host(name, ip);
        let net = SimNet { overlay: self.overlay.clone(), host };
        let its_net = net.clone();
        self.engine.add_host(ip, Box::new(move || Box::pin(software(its_net.clone()))));
        (HostId(host), net)
    }

    /// The address that a host of this name has or will have.
    #[must_use]
    pub fn ip_of(&self, name: &str) -> IpAddr {
        self.engine.lookup(name)
    }

    /// Shows `tap` what the streams of a host write that are opened from now on.
    pub fn tap(&mut self, host: HostId, tap: Rc<dyn Tap>) {
        self.overlay.set_tap(host.0, tap);
    }

    /// The overlay.
    #[must_use]
    pub fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.overlay.now()
    }

    /// Lets one tick pass, or, in memory, a few milliseconds.
    ///
    /// # Errors
    /// The software of a host failed or panicked.
    pub fn step(&mut self) -> anyhow::Result<()> {
        self.step_until(Duration::MAX)
    }

    /// The same, but in memory no longer than until `limit`.
    ///
    /// # Errors
    /// The software of a host failed or panicked.
    pub fn step_until(&mut self, limit: Duration) -> anyhow::Result<()> {
        let dead = self.dead.iter().map(|(at, _)| *at).min();
        let due = self.overlay.next_due(self.tick).into_iter().chain(dead).min();
        let soonest = self.now() + Duration::from_millis(1);
        let at = (self.now() + STEP_MAX).min(due.unwrap_or(Duration::MAX)).min(limit).max(soonest);
        self.overlay.let_time_pass(self.engine.begin());
        let stepped = self.engine.step(at);
        self.overlay.let_time_pass(None);
        self.overlay.set_now(stepped?);
        self.bury();
        Ok(())
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// The software of a host failed or panicked.
    pub fn run_for(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = self.now() + time;
        while self.now() < until {
            self.step_until(until)?;
        }
        Ok(())
    }

    /// Lets time pass until something is true.
    ///
    /// # Errors
    /// It is not true after `limit`, or the software of a host failed or panicked.
    pub fn run_until(
        &mut self,
        limit: Duration,
        mut is_true: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let until = self.now() + limit;
        while !is_true() {
            anyhow::ensure!(self.now() < until, "still waiting after {limit:?}");
            self.step()?;
        }
        Ok(())
    }

    /// Nothing travels between the two, connects hang, nothing is lost: a partition that will heal.
    pub fn stall(&mut self, a: HostId, b: HostId) {
        self.note("stall", &[a, b]);
        self.stalled.insert((a.min(b), a.max(b)));
        self.engine.hold(self.ip(a), self.ip(b));
    }

    /// Ends a stall: everything held back arrives.
    pub fn heal(&mut self, a: HostId, b: HostId) {
        self.note("heal", &[a, b]);
        self.stalled.remove(&(a.min(b), a.max(b)));
        self.engine.release(self.ip(a), self.ip(b));
        // turmoil has one state a link: what ends a stall ends a cut, too.
        for (from, to) in [(a, b), (b, a)] {
            if self.overlay.link(self.ip(from), self.ip(to)).is_cut.get() {
                self.engine.cut(self.ip(from), self.ip(to));
            }
        }
    }

    /// Cuts the two apart: what travels is lost, streams between them are dead for ever without a
    /// word, connects hang.
    pub fn cut(&mut self, a: HostId, b: HostId) {
        self.note("cut", &[a, b]);
        self.engine.cut(self.ip(a), self.ip(b));
        self.engine.cut(self.ip(b), self.ip(a));
        self.set_cut(a, b, true);
        self.set_cut(b, a, true);
        self.obstruct_both(a, b, Some(Obstacle::Hanging));
    }

    /// The same in one direction only. A connection takes both, so connects hang.
    pub fn cut_one_way(&mut self, from: HostId, to: HostId) {
        self.note("cut one way", &[from, to]);
        self.engine.cut(self.ip(from), self.ip(to));
        self.set_cut(from, to, true);
        self.obstruct_both(from, to, Some(Obstacle::Hanging));
    }

    /// Ends a cut, of both directions or of one: new streams can be made. Those that are dead stay
    /// so; keepalive finds them.
    pub fn repair(&mut self, a: HostId, b: HostId) {
        self.note("repair", &[a, b]);
        self.reset_later(a, b);
        self.mend(a, b);
        self.set_cut(a, b, false);
        self.set_cut(b, a, false);
        self.obstruct_both(a, b, None);
    }

    /// Makes `name` resolve to the addresses of these hosts; to an error if there are none.
    pub fn set_name(&mut self, name: &str, hosts: &[HostId]) {
        self.note(&format!("the name {name} is that of"), hosts);
        let found: Vec<IpAddr> = hosts.iter().map(|host| self.ip(*host)).collect();
        let lookup = if found.is_empty() { Err(io::ErrorKind::NotFound) } else { Ok(found) };
        self.overlay.set_name(name, lookup);
    }

    /// From now on nobody at `from` gets a connection to `to`; open ones are untouched.
    pub fn obstruct(&mut self, from: HostId, to: HostId, obstacle: Obstacle) {
        self.note(&format!("connects {obstacle:?}:"), &[from, to]);
        self.set_obstacle(from, to, Some(obstacle));
    }

    /// Takes that obstacle away; connects that hang go on.
    pub fn clear(&mut self, from: HostId, to: HostId) {
        self.note("connects work:", &[from, to]);
        self.set_obstacle(from, to, None);
    }

    /// Resets every stream between the two, whoever opened it: the next read or write at either end
    /// fails with `ConnectionReset`, and what was under way is lost. Says how many ends there were.
    pub fn reset(&mut self, a: HostId, b: HostId) -> usize {
        self.note("reset", &[a, b]);
        let ends = self.overlay.between(self.ip(a), self.ip(b));
        ends.iter().for_each(|end| end.reset());
        ends.len()
    }

    /// The streams that there are between the two are known to nobody on the way any more, as when
    /// a firewall restarts: what is sent is lost without a word, until keepalive finds that out.
    /// New ones can be made.
    pub fn forget(&mut self, a: HostId, b: HostId) {
        self.note("forget", &[a, b]);
        self.overlay.between(self.ip(a), self.ip(b)).iter().for_each(|end| end.forget());
        self.reset_later(a, b);
    }

    /// The streams that there are between the two are dead, and both ends find out in a while.
    pub fn reset_later(&mut self, a: HostId, b: HostId) {
        let ends = self.overlay.between(self.ip(a), self.ip(b));
        self.dead.push((self.now() + KEEPALIVE, ends));
    }

    /// From now on streams from one host to another take a few bytes more, then none.
    pub fn clog(&mut self, from: HostId, to: HostId) {
        self.note("clog", &[from, to]);
        self.overlay.clog(self.ip(from), self.ip(to));
    }

    /// Ends that.
    pub fn unclog(&mut self, from: HostId, to: HostId) {
        self.note("unclog", &[from, to]);
        self.overlay.unclog(self.ip(from), self.ip(to));
    }

    /// From now on so many bytes an ms get from one host to another, all streams together; `None`
    /// is as many as are sent.
    pub fn set_bandwidth(&mut self, from: HostId, to: HostId, bytes_per_ms: Option<u64>) {
        self.note(&format!("{bytes_per_ms:?} bytes an ms can be sent:"), &[from, to]);
        self.overlay.link(self.ip(from), self.ip(to)).wire.limit(bytes_per_ms);
        self.wake(from, to);
    }

    /// The same, in both directions.
    pub fn narrow(&mut self, a: HostId, b: HostId, bytes_per_ms: Option<u64>) {
        self.set_bandwidth(a, b, bytes_per_ms);
        self.set_bandwidth(b, a, bytes_per_ms);
    }

    /// From now on `reader` reads so many bytes an ms of what `writer` sends it, all streams
    /// together; `None` is all there are.
    pub fn set_reading(&mut self, reader: HostId, writer: HostId, bytes_per_ms: Option<u64>) {
        self.note(&format!("{bytes_per_ms:?} bytes an ms are read:"), &[reader, writer]);
        self.overlay.link(self.ip(writer), self.ip(reader)).reader.limit(bytes_per_ms);
        self.wake(reader, writer);
    }

    /// Stops the process on a host, as SIGSTOP does: its system makes connections and takes what
    /// is sent, as far as it has room, and nobody answers.
    pub fn freeze(&mut self, host: HostId) {
        self.note("freeze", &[host]);
        self.overlay.freeze(host.0, true);
    }

    /// Lets it go on.
    pub fn thaw(&mut self, host: HostId) {
        self.note("thaw", &[host]);
        self.overlay.freeze(host.0, false);
    }

    /// A host accepts no more connections: this many of each port are made and wait, and further
    /// ones hang, as Linux drops what asks for them.
    pub fn stop_accepting(&mut self, host: HostId, backlog: usize) {
        self.note(&format!("accept nothing, and let {backlog} wait:"), &[host]);
        self.overlay.ports_of(host.0).iter().for_each(|port| port.stop(backlog));
    }

    /// It accepts again.
    pub fn accept_again(&mut self, host: HostId) {
        self.note("accept again", &[host]);
        self.overlay.ports_of(host.0).iter().for_each(|port| port.go_on());
    }

    /// Kills the process on a host: its streams close, connects to it are refused.
    pub fn kill(&mut self, host: HostId) {
        self.note("kill", &[host]);
        self.within_time(|engine, ip| engine.crash(ip), host);
        self.thaw(host);
        self.others(host).for_each(|other| {
            self.set_obstacle(other, host, Some(Obstacle::Refused));
        });
    }

    /// Cuts the power of a host: its streams are dead without a word, connects to it hang.
    pub fn power_off(&mut self, host: HostId) {
        self.note("power off", &[host]);
        let others: Vec<_> = self.others(host).collect();
        for &other in &others {
            self.engine.cut(self.ip(other), self.ip(host));
            self.engine.cut(self.ip(host), self.ip(other));
            self.set_cut(host, other, true);
        }
        self.within_time(|engine, ip| engine.crash(ip), host);
        self.thaw(host);
        for other in others {
            self.mend(other, host);
            self.set_cut(host, other, false);
            self.set_obstacle(other, host, Some(Obstacle::Hanging));
        }
    }

    /// Starts the software of a host that was killed or switched off, and takes away what was in
    /// the way of connections to it. It does not know the streams of before; whoever uses one, or
    /// waits for keepalive, finds out.
    pub fn restart(&mut self, host: HostId) {
        self.note("restart", &[host]);
        for other in self.others(host).collect::<Vec<_>>() {
            self.reset_later(other, host);
            self.set_obstacle(other, host, None);
        }
        self.within_time(|engine, ip| engine.bounce(ip), host);
    }

    /// Sets how long a segment travels between the two.
    pub fn set_speed(&mut self, a: HostId, b: HostId, speed: LinkSpeed) {
        self.note(&format!("{:?} to {:?} between", speed.min, speed.max), &[a, b]);
        self.engine.set_speed(self.ip(a), self.ip(b), speed);
    }

    /// Resets the streams that keepalive finds dead by now.
    fn bury(&mut self) {
        let now = self.now();
        for (_, ends) in self.dead.extract_if(.., |(at, _)| *at <= now) {
            ends.iter().for_each(|end| end.reset());
        }
    }

    /// Does something to a host that may have its tasks run.
    fn within_time(&mut self, act: impl Fn(&mut Engine, IpAddr), host: HostId) {
        let ip = self.ip(host);
        self.overlay.let_time_pass(self.engine.begin());
        act(&mut self.engine, ip);
        self.overlay.let_time_pass(None);
    }

    /// Ends a cut, and no stall.
    fn mend(&self, a: HostId, b: HostId) {
        self.engine.repair(self.ip(a), self.ip(b));
        if self.stalled.contains(&(a.min(b), a.max(b))) {
            self.engine.hold(self.ip(a), self.ip(b));
        }
    }

    fn obstruct_both(&self, a: HostId, b: HostId, obstacle: Option<Obstacle>) {
        self.set_obstacle(a, b, obstacle);
        self.set_obstacle(b, a, obstacle);
    }

    fn set_obstacle(&self, from: HostId, to: HostId, obstacle: Option<Obstacle>) {
        self.overlay.obstruct(self.ip(from), self.ip(to), obstacle);
    }

    fn set_cut(&self, from: HostId, to: HostId, is_cut: bool) {
        self.overlay.link(self.ip(from), self.ip(to)).is_cut.set(is_cut);
    }

    fn wake(&self, a: HostId, b: HostId) {
        self.overlay.between(self.ip(a), self.ip(b)).iter().for_each(|end| end.wake());
    }

    fn ip(&self, host: HostId) -> IpAddr {
        self.overlay.ip(host.0)
    }

    fn others(&self, host: HostId) -> impl Iterator<Item = HostId> + use<> {
        (0..self.overlay.hosts()).map(HostId).filter(move |&other| other != host)
    }

    fn note(&self, what: &str, hosts: &[HostId]) {
        let names: Vec<_> = hosts.iter().map(|host| self.overlay.name(host.0)).collect();
        self.overlay.note(&format!("{what} {}", names.join(", ")));
    }
}
