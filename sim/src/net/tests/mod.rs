//! Stories of the overlay: each shows one thing that turmoil alone would not do, and is the same in
//! memory.

mod flow;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use redpoll::net::Net;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::*;

const LIMIT: Duration = Duration::from_secs(5);
const PORT: u16 = 7_000;
const ROUGH: Grain =
    Grain { short_reads: 0.5, short_writes: 0.5, full_buffers: 0.2, late_tasks: 0.2 };

/// Tells a story on both media.
fn on_both(story: impl Fn(Medium)) {
    [Medium::Turmoil, Medium::Memory].into_iter().for_each(story);
}

/// A host that runs this once, and whether it has finished.
fn once<F>(
    network: &mut Network,
    name: &str,
    software: impl Fn(SimNet) -> F + 'static,
) -> (HostId, Rc<Cell<bool>>)
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let done = Rc::new(Cell::new(false));
    let is_done = done.clone();
    let (host, _) = network.add_host(name, move |net| {
        let (running, done) = (software(net), done.clone());
        async move {
            running.await?;
            done.set(true);
            Ok(())
        }
    });
    (host, is_done)
}

/// A host that echoes whatever it is sent.
fn echo(network: &mut Network) -> (HostId, SocketAddr) {
    let (host, net) = network.add_host("echo", |net| async move {
        let listener = net.bind(SocketAddr::new(net.ip(), PORT)).await?;
        loop {
            let (accepted, _) = net.accept(&listener).await?;
            let mut stream = net.adopt(accepted)?;
            net.spawn(async move {
                let mut bytes = vec![0; 1_024];
                while let Ok(len @ 1..) = stream.read(&mut bytes).await {
                    if stream.write_all(&bytes[..len]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (host, SocketAddr::new(net.ip(), PORT))
}

fn message() -> Vec<u8> {
    (0..20_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn reads_and_writes_end_anywhere_and_no_byte_is_lost() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 1, ROUGH);
        let (_, address) = echo(&mut network);
        let reads = Rc::new(RefCell::new(Vec::new()));
        let seen = reads.clone();
        let (_, done) = once(&mut network, "client", move |net| {
            let reads = reads.clone();
            async move {
                let mut stream = net.connect(address).await?;
                let (mut bytes, mut back, mut sent) = (vec![0; 4_096], Vec::new(), 0);
                while back.len() < message().len() {
                    if sent < message().len() {
                        sent +=
                            stream.write(&message()[sent..message().len().min(sent + 999)]).await?;
                    }
                    let len = stream.read(&mut bytes).await?;
                    back.extend_from_slice(&bytes[..len]);
                    reads.borrow_mut().push(len);
                }
                assert!(back == message());
                Ok(())
            }
        });
        network.run_until(LIMIT * 10, || done.get()).unwrap();
        let reads = seen.borrow();
        assert!(reads.contains(&1), "no read was cut to one byte: {reads:?}");
        assert!(reads.iter().any(|&len| len > 999), "no two writes came as one read: {reads:?}");
    });
}

#[test]
fn a_vectored_write_goes_on_over_slices_and_stops_inside_one() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 2, ROUGH);
        let (_, address) = echo(&mut network);
        let taken = Rc::new(RefCell::new(Vec::new()));
        let lens = taken.clone();
        let (_, done) = once(&mut network, "client", move |net| {
            let taken = taken.clone();
            async move {
                let mut stream = net.connect(address).await?;
                assert!(stream.is_write_vectored());
                for _ in 0..50 {
                    let slices = [IoSlice::new(b"abc"), IoSlice::new(b""), IoSlice::new(b"defgh")];
                    let len = poll_fn(|context| {
                        Pin::new(&mut stream).poll_write_vectored(context, &slices)
                    })
                    .await?;
                    let mut back = vec![0; len];
                    stream.read_exact(&mut back).await?;
                    assert_eq!(back, b"abcdefgh"[..len]);
                    taken.borrow_mut().push(len);
                }
                Ok(())
            }
        });
        network.run_until(LIMIT, || done.get()).unwrap();
        let lens = lens.borrow();
        assert!(lens.contains(&8) && lens.iter().any(|len| [4, 5, 6, 7].contains(len)), "{lens:?}");
    });
}

#[test]
fn a_connect_over_a_cut_hangs_until_it_is_repaired() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 3, Grain::default());
        let (echo, address) = echo(&mut network);
        let (client, done) =
            once(
                &mut network,
                "client",
                move |net| async move { net.connect(address).await.map(drop) },
            );
        network.cut(client, echo);
        network.run_for(LIMIT).unwrap();
        assert!(!done.get());
        network.repair(client, echo);
        network.run_until(LIMIT, || done.get()).unwrap();
    });
}

#[test]
fn a_connect_to_a_killed_host_is_refused_after_a_moment_and_works_after_a_restart() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 4, Grain::default());
        let (echo, address) = echo(&mut network);
        let (_, refused) = once(&mut network, "early", move |net| async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let start = Instant::now();
            let error = net.connect(address).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            assert!(start.elapsed() >= REFUSAL_TIME);
            Ok(())
        });
        let (_, connected) = once(&mut network, "late", move |net| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            net.connect(address).await.map(drop)
        });
        network.run_for(Duration::from_millis(5)).unwrap();
        network.kill(echo);
        network.run_until(LIMIT, || refused.get()).unwrap();
        network.restart(echo);
        network.run_until(LIMIT, || connected.get()).unwrap();
    });
}

#[test]
fn a_host_without_power_leaves_its_peers_without_a_word_until_it_starts_again() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 5, Grain::default());
        let (echo, address) = echo(&mut network);
        let (_, read) = once(&mut network, "client", move |net| async move {
            let mut stream = net.connect(address).await?;
            let error = stream.read_u8().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            Ok(())
        });
        network.run_for(Duration::from_millis(50)).unwrap();
        network.power_off(echo);
        network.run_for(LIMIT).unwrap();
        assert!(!read.get());
        network.restart(echo);
        network.run_until(LIMIT, || read.get()).unwrap();
    });
}

#[test]
fn a_reset_fails_the_waiting_read_and_the_next_write_at_both_ends() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 6, Grain::default());
        let (server, net) = network.add_host("server", |net| async move {
            let listener = net.bind(SocketAddr::new(net.ip(), PORT)).await?;
            let mut stream = net.accept(&listener).await?.0;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let error = stream.write_u8(1).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            Ok(())
        });
        let address = SocketAddr::new(net.ip(), PORT);
        let (client, done) = once(&mut network, "client", move |net| async move {
            let mut stream = net.connect(address).await?;
            let error = stream.read_u8().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            Ok(())
        });
        network.run_for(Duration::from_millis(50)).unwrap();
        assert!(!done.get());
        assert_eq!(network.reset(client, server), 2);
        network.run_for(Duration::from_millis(200)).unwrap();
        assert!(done.get());
        assert_eq!(network.reset(client, server), 0, "both ends are gone");
    });
}

#[test]
fn a_stall_delays_and_loses_nothing() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 7, Grain::default());
        let (echo, address) = echo(&mut network);
        let (client, done) = once(&mut network, "client", move |net| async move {
            let mut stream = net.connect(address).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            stream.write_all(b"still here?").await?;
            let mut back = [0; 11];
            stream.read_exact(&mut back).await?;
            assert_eq!(&back, b"still here?");
            Ok(())
        });
        network.run_for(Duration::from_millis(50)).unwrap();
        network.stall(client, echo);
        network.run_for(LIMIT).unwrap();
        assert!(!done.get());
        network.heal(client, echo);
        network.run_until(LIMIT, || done.get()).unwrap();
    });
}

#[test]
fn names_resolve_to_what_the_table_says_at_that_moment() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 8, Grain::default());
        let (_, address) = echo(&mut network);
        let overlay = network.overlay().clone();
        let other = "10.0.0.9".parse().unwrap();
        let (_, done) = once(&mut network, "client", move |net| {
            let overlay = overlay.clone();
            async move {
                assert_eq!(net.resolve("echo", PORT).await?, [address]);
                assert_eq!(net.resolve("::1", 1).await?, ["[::1]:1".parse().unwrap()]);
                overlay.set_name("echo", Ok(vec![other, address.ip()]));
                assert_eq!(net.resolve("echo", PORT).await?.len(), 2);
                overlay.set_name("echo", Err(ErrorKind::TimedOut));
                assert_eq!(
                    net.resolve("echo", PORT).await.unwrap_err().kind(),
                    ErrorKind::TimedOut
                );
                let unknown = net.resolve("nowhere", PORT).await.unwrap_err();
                assert_eq!(unknown.kind(), ErrorKind::NotFound);
                Ok(())
            }
        });
        network.run_until(LIMIT, || done.get()).unwrap();
    });
}

/// The order in which eight tasks, woken together, run.
fn task_order(medium: Medium, seed: u64, grain: Grain) -> Vec<usize> {
    let mut network = Network::for_story(medium, seed, grain);
    let order = Rc::new(RefCell::new(Vec::new()));
    let seen = order.clone();
    let (_, _net) = network.add_host("host", move |net| {
        let order = order.clone();
        async move {
            for task in 0..8 {
                let order = order.clone();
                net.spawn(async move { order.borrow_mut().push(task) });
            }
            Ok(())
        }
    });
    network.run_for(Duration::from_millis(10)).unwrap();
    seen.take()
}

#[test]
fn the_order_of_tasks_is_drawn_from_the_seed() {
    on_both(|medium| {
        assert_eq!(task_order(medium, 1, Grain::default()), [0, 1, 2, 3, 4, 5, 6, 7]);
        let orders: Vec<_> = (0..10).map(|seed| task_order(medium, seed, ROUGH)).collect();
        assert!(orders.iter().any(|order| order != &orders[0]));
        assert_eq!(task_order(medium, 3, ROUGH), orders[3]);
    });
}

/// The hash of a run in which bytes are echoed over a rough network.
fn echo_hash(medium: Medium, seed: u64) -> u64 {
    let mut network = Network::for_story(medium, seed, ROUGH);
    let (_, address) = echo(&mut network);
    let (_, done) = once(&mut network, "client", move |net| async move {
        let mut stream = net.connect(address).await?;
        stream.write_all(&message()[..10_000]).await?;
        stream.read_exact(&mut [0; 10_000]).await.map(drop)
    });
    network.run_until(LIMIT, || done.get()).unwrap();
    network.overlay().with_trace(|trace| trace.hash())
}

#[test]
fn one_seed_gives_one_trace() {
    on_both(|medium| {
        assert_eq!(echo_hash(medium, 1), echo_hash(medium, 1));
        assert_ne!(echo_hash(medium, 1), echo_hash(medium, 2));
    });
}
