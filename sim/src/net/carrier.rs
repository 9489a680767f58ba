//! What carries bytes and lets time pass, beneath the overlay.
//!
//! ```text
//! Network (the driver) -> Engine: hosts, time, latency, holds, cuts
//! SimNet (a host) ------> Carrier -> Socket, Listening
//!                         turmoil, or connections in memory
//! ```
//!
//! turmoil polls every host at every tick; in memory time jumps to the next event, which is many
//! times faster. Whatever the overlay promises, both keep.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::Instant;
use turmoil::Sim;
use turmoil::net::{TcpListener, TcpStream};

use super::hosts::{Hosts, Software, Tasks};
use super::wires::{Door, Wire, Wires};
use super::{EPOCH, LinkSpeed};
use crate::dice::Dice;

/// Segments of one direction of a stream, and connections to one listener, that may wait. turmoil
/// loses the end of a stream, and panics, beyond it.
const WAITING_MAX: usize = 4_096;

/// Which of the two carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// turmoil, in ticks.
    #[default]
    Turmoil,
    /// Connections in memory, from event to event.
    Memory,
}

/// Hosts, time, and what is between hosts, as the driver sees them.
pub(super) enum Engine {
    Turmoil(Box<Sim<'static>>),
    Memory(Hosts),
}

/// The same, as a host sees it. Cheap to clone.
#[derive(Clone)]
pub(super) enum Carrier {
    Turmoil,
    Memory(Wires, Tasks),
}

/// A connection.
pub(super) enum Socket {
    Turmoil(TcpStream),
    Memory(Wire),
}

/// A bound port.
pub(super) enum Listening {
    Turmoil(TcpListener),
    Memory(Door),
}

impl Engine {
    pub(super) fn new(medium: Medium, mut dice: Dice, tick: Duration, speed: LinkSpeed) -> Engine {
        match medium {
            Medium::Turmoil => Engine::Turmoil(Box::new(
                turmoil::Builder::new()
                    .epoch(SystemTime::UNIX_EPOCH + EPOCH)
                    .rng_seed(dice.seed())
                    .simulation_duration(Duration::MAX)
                    .tick_duration(tick)
                    .min_message_latency(speed.min)
                    .max_message_latency(speed.max)
                    .tcp_capacity(WAITING_MAX)
                    .build(),
            )),
            Medium::Memory => Engine::Memory(Hosts::new(Wires::new(dice, speed))),
        }
    }

    pub(super) fn carrier(&self) -> Carrier {
        match self {
            Engine::Turmoil(_) => Carrier::Turmoil,
            Engine::Memory(hosts) => Carrier::Memory(hosts.wires().clone(), hosts.tasks().clone()),
        }
    }

    /// When time began, where it goes on within a step.
    pub(super) fn begin(&self) -> Option<Instant> {
        match self {
            Engine::Turmoil(_) => None,
            Engine::Memory(hosts) => Some(hosts.begin()),
        }
    }

    /// The address that a host of this name has or will have.
    pub(super) fn lookup(&self, name: &str) -> IpAddr {
        match self {
            Engine::Turmoil(sim) => sim.lookup(name),
            Engine::Memory(hosts) => hosts.lookup(name),
        }
    }

    pub(super) fn add_host(&mut self, ip: IpAddr, software: Software) {
        match self {
            Engine::Turmoil(sim) => sim.host(ip, move || {
                let running = software();
                async move { running.await.map_err(Into::into) }
            }),
            Engine::Memory(hosts) => hosts.add(ip, software),
        }
    }

    /// Lets time pass until `at`; on turmoil a tick.
    ///
    /// # Errors
    /// The software of a host failed.
    pub(super) fn step(&mut self, at: Duration) -> anyhow::Result<Duration> {
        match self {
            Engine::Turmoil(sim) => {
                sim.step().map_err(|error| anyhow!("{error}"))?;
                Ok(sim.elapsed())
            }
            Engine::Memory(hosts) => hosts.run_until(at).map(|()| at),
        }
    }

    pub(super) fn hold(&self, a: IpAddr, b: IpAddr) {
        match self {
            Engine::Turmoil(sim) => sim.hold(a, b),
            Engine::Memory(hosts) => hosts.at_wires(|wires| wires.hold(a, b)),
        }
    }

    pub(super) fn release(&self, a: IpAddr, b: IpAddr) {
        match self {
            Engine::Turmoil(sim) => sim.release(a, b),
            Engine::Memory(hosts) => hosts.at_wires(|wires| wires.release(a, b)),
        }
    }

    pub(super) fn cut(&self, from: IpAddr, to: IpAddr) {
        match self {
            Engine::Turmoil(sim) => sim.partition_oneway(from, to),
            Engine::Memory(hosts) => hosts.at_wires(|wires| wires.cut(from, to)),
        }
    }

    pub(super) fn repair(&self, a: IpAddr, b: IpAddr) {
        match self {
            Engine::Turmoil(sim) => sim.repair(a, b),
            Engine::Memory(hosts) => hosts.at_wires(|wires| {
                wires.mend(a, b);
                wires.mend(b, a);
            }),
        }
    }

    pub(super) fn set_speed(&self, a: IpAddr, b: IpAddr, speed: LinkSpeed) {
        match self {
            Engine::Turmoil(sim) => {
                sim.set_link_latency(a, b, speed.min);
                sim.set_link_max_message_latency(a, b, speed.max);
            }
            Engine::Memory(hosts) => hosts.at_wires(|wires| wires.set_speed(a, b, speed)),
        }
    }

    pub(super) fn crash(&mut self, ip: IpAddr) {
        match self {
            Engine::Turmoil(sim) => sim.crash(ip),
            Engine::Memory(hosts) => hosts.stop(ip),
        }
    }

    pub(super) fn bounce(&mut self, ip: IpAddr) {
        match self {
            Engine::Turmoil(sim) => sim.bounce(ip),
            Engine::Memory(hosts) => {
                hosts.stop(ip);
                hosts.start(ip);
            }
        }
    }
}

impl Carrier {
    /// Listens at a port of the host at `ip`.
    ///
    /// # Errors
    /// Somebody listens there.
    pub(super) async fn bind(&self, ip: IpAddr, port: u16) -> io::Result<Listening> {
        match self {
            // turmoil binds to all of a host's addresses or to none.
            Carrier::Turmoil => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.map(Listening::Turmoil)
            }
            Carrier::Memory(wires, _) => wires.bind(ip, port).map(Listening::Memory),
        }
    }

    /// Connects, and keeps `guard` until that is done.
    ///
    /// # Errors
    /// Refused.
    pub(super) async fn connect<G: 'static>(
        &self,
        from: IpAddr,
        to: SocketAddr,
        guard: G,
    ) -> io::Result<Socket> {
        if let Carrier::Memory(wires, _) = self {
            let wire = wires.connect(from, to).await;
            drop(guard);
            return wire.map(Socket::Memory);
        }
        // A task of its own: turmoil leaves the far end open for ever if a connect is dropped
        // half-way.
        let (answer, outcome) = oneshot::channel();
        let connect = async move {
            let connected = TcpStream::connect(to).await;
            drop(guard);
            drop(answer.send(connected));
        };
        #[expect(clippy::disallowed_methods, reason = "below the seam")]
        drop(tokio::task::spawn_local(connect));
        let connected = outcome.await.map_err(|_| io::ErrorKind::ConnectionAborted)??;
        Ok(Socket::Turmoil(connected))
    }

    /// Runs a task on the host at `ip`, which is the one that asks.
    pub(super) fn spawn(&self, ip: IpAddr, task: impl Future<Output = ()> + 'static) {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
            Carrier::Turmoil => drop(tokio::task::spawn_local(task)),
            Carrier::Memory(_, tasks) => tasks.spawn(ip, task),
        }
    }
}

impl Listening {
    pub(super) fn port(&self) -> io::Result<u16> {
        match self {
            Listening::Turmoil(listener) => Ok(listener.local_addr()?.port()),
            Listening::Memory(door) => Ok(door.port()),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        match self {
            Listening::Turmoil(listener) => {
                listener.accept().await.map(|(stream, peer)| (Socket::Turmoil(stream), peer))
            }
            Listening::Memory(door) => {
                let wire = door.accept().await;
                let peer = wire.peer();
                Ok((Socket::Memory(wire), peer))
            }
        }
    }
}

impl Socket {
    /// Its own address, and that of the other end.
    pub(super) fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        match self {
            Socket::Turmoil(stream) => Ok((stream.local_addr()?, stream.peer_addr()?)),
            Socket::Memory(wire) => Ok((wire.local(), wire.peer())),
        }
    }

    /// Whether there is something to read now; if not, the task is woken when there is.
    pub(super) fn has_arrived(&mut self, context: &mut Context<'_>) -> bool {
        match self {
            Socket::Turmoil(stream) => {
                stream.poll_peek(context, &mut ReadBuf::new(&mut [0])).is_ready()
            }
            Socket::Memory(wire) => wire.poll_arrival(context).is_ready(),
        }
    }

    /// How many bytes can be read at once, at most.
    pub(super) fn arrived(&self) -> usize {
        match self {
            Socket::Turmoil(_) => usize::MAX,
            Socket::Memory(wire) => wire.arrived(),
        }
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Socket::Turmoil(stream) => Pin::new(stream).poll_read(context, room),
            Socket::Memory(wire) => wire.poll_read(context, room),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Turmoil(stream) => Pin::new(stream).poll_write(context, bytes),
            Socket::Memory(wire) => Poll::Ready(wire.write(bytes).map(|()| bytes.len())),
        }
    }

    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Turmoil(stream) => Pin::new(stream).poll_shutdown(context),
            Socket::Memory(wire) => {
                wire.end();
                Poll::Ready(Ok(()))
            }
        }
    }
}
