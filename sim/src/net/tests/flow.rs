//! Stories of bytes that are slow, or held up: windows, narrow links, slow readers, frozen hosts,
//! cuts of one direction, and streams that nobody knows any more.

use super::*;

/// A host that writes to another one as fast as it can, and how many bytes were taken.
fn flood(network: &mut Network, to: SocketAddr) -> (HostId, Rc<Cell<usize>>) {
    let taken = Rc::new(Cell::new(0));
    let count = taken.clone();
    let (host, _) = network.add_host("flood", move |net| {
        let count = count.clone();
        async move {
            let mut stream = net.connect(to).await?;
            loop {
                count.set(count.get() + stream.write(&[b'x'; 1_000]).await?);
            }
        }
    });
    (host, taken)
}

/// A host that reads all it is sent, and how many bytes it has read.
fn sink(network: &mut Network) -> (HostId, SocketAddr, Rc<Cell<usize>>) {
    let read = Rc::new(Cell::new(0));
    let count = read.clone();
    let (host, net) = network.add_host("sink", move |net| {
        let count = count.clone();
        async move {
            let listener = net.bind(SocketAddr::new(net.ip(), PORT)).await?;
            let (mut stream, _) = net.accept(&listener).await?;
            let mut bytes = vec![0; 4_096];
            while let Ok(len @ 1..) = stream.read(&mut bytes).await {
                count.set(count.get() + len);
            }
            std::future::pending().await
        }
    });
    (host, SocketAddr::new(net.ip(), PORT), read)
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_narrow_link_lets_so_many_bytes_through_and_no_more() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 1, Grain::default());
        let (to, address, read) = sink(&mut network);
        let (from, _) = flood(&mut network, address);
        network.set_bandwidth(from, to, Some(50));
        network.run_for(SECOND).unwrap();
        assert!((45_000..=50_000).contains(&read.get()), "{}", read.get());
        assert!(network.overlay().effects(Effect::NarrowLink) > 0);
        network.set_bandwidth(from, to, None);
        network.run_for(SECOND / 10).unwrap();
        assert!(read.get() > 1_000_000, "{}", read.get());
    });
}

#[test]
fn a_slow_reader_stops_its_writer_when_the_window_is_full() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 2, Grain::default());
        network.overlay().set_window(20_000);
        let (to, address, read) = sink(&mut network);
        let (from, taken) = flood(&mut network, address);
        network.set_reading(to, from, Some(10));
        network.run_for(SECOND).unwrap();
        assert!((9_000..=10_000).contains(&read.get()), "{}", read.get());
        assert_eq!(taken.get() - read.get(), 20_000);
        for effect in [Effect::SlowRead, Effect::WindowFull] {
            assert!(network.overlay().effects(effect) > 0, "{effect:?}");
        }
    });
}

#[test]
fn a_frozen_host_takes_what_its_system_has_room_for_and_reads_it_when_it_goes_on() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 3, Grain::default());
        network.overlay().set_window(20_000);
        let (to, address, read) = sink(&mut network);
        network.run_for(SECOND / 100).unwrap();
        network.freeze(to);
        let (_, taken) = flood(&mut network, address);
        network.run_for(SECOND).unwrap();
        assert_eq!((read.get(), taken.get()), (0, 20_000), "the connection was made all the same");
        assert_eq!(network.overlay().effects(Effect::Unaccepted), 1);
        network.thaw(to);
        network.run_for(SECOND / 10).unwrap();
        assert!(read.get() > 20_000);
    });
}

#[test]
fn a_cut_of_one_direction_loses_that_only_and_lets_connects_hang() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 4, Grain::default());
        let (to, address, read) = sink(&mut network);
        let heard = Rc::new(Cell::new(false));
        let (from, _) = once(&mut network, "near", move |net| {
            let heard = heard.clone();
            async move {
                let mut stream = net.connect(address).await?;
                tokio::time::sleep(SECOND / 10).await;
                stream.write_all(b"lost").await?;
                heard.set(stream.read(&mut [0; 10]).await.is_err());
                assert!(heard.get(), "keepalive finds that it is dead");
                assert!(net.now() > SECOND);
                net.connect(address).await.map(drop)
            }
        });
        network.run_for(SECOND / 20).unwrap();
        network.cut_one_way(from, to);
        network.run_for(SECOND / 2).unwrap();
        assert_eq!((read.get(), network.overlay().effects(Effect::LostOneWay)), (0, 1));
        network.repair(from, to);
        network.run_for(SECOND * 2).unwrap();
        assert_eq!(read.get(), 0);
    });
}

#[test]
fn what_has_arrived_in_virtual_time_is_not_lost_by_a_cut_however_little_real_time_has_passed() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 8, Grain::default());
        let (to, net) = network.add_host("far", |net| async move {
            let listener = net.bind(SocketAddr::new(net.ip(), PORT)).await?;
            let (mut stream, _) = net.accept(&listener).await?;
            stream.write_all(b"kept").await?;
            std::future::pending().await
        });
        let address = SocketAddr::new(net.ip(), PORT);
        let (from, done) = once(&mut network, "near", move |net| async move {
            let mut stream = net.connect(address).await?;
            tokio::time::sleep(SECOND).await;
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).await?;
            assert_eq!(&bytes, b"kept");
            Ok(())
        });
        network.run_for(SECOND / 2).unwrap();
        network.cut_one_way(to, from);
        network.run_until(SECOND * 2, || done.get()).unwrap();
    });
}

#[test]
fn a_stall_outlasts_a_cut_and_a_cut_outlasts_a_stall() {
    on_both(|medium| {
        for heals_first in [false, true] {
            let mut network = Network::for_story(medium, 6, Grain::default());
            let (to, address, _) = sink(&mut network);
            let (from, done) = once(&mut network, "near", move |net| async move {
                net.connect(address).await.map(drop)
            });
            network.stall(from, to);
            network.cut(from, to);
            let mend = [Network::repair, Network::heal];
            mend[usize::from(heals_first)](&mut network, from, to);
            network.run_for(SECOND / 2).unwrap();
            assert!(!done.get(), "{medium:?}: one of the two is not over");
            mend[usize::from(!heals_first)](&mut network, from, to);
            network.run_until(SECOND * 2, || done.get()).unwrap();
        }
    });
}

#[test]
fn a_stream_that_is_forgotten_takes_a_window_of_bytes_and_is_found_dead_by_keepalive() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 5, Grain::default());
        network.overlay().set_window(20_000);
        let (to, address, read) = sink(&mut network);
        let (from, done) = once(&mut network, "near", move |net| async move {
            let mut stream = net.connect(address).await?;
            tokio::time::sleep(SECOND / 10).await;
            let error = stream.write_all(&[b'x'; 30_000]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            net.connect(address).await.map(drop)
        });
        network.run_for(SECOND / 20).unwrap();
        network.forget(from, to);
        network.run_for(KEEPALIVE / 2).unwrap();
        assert!(!done.get() && network.overlay().effects(Effect::Forgotten) > 0);
        network.run_until(LIMIT, || done.get()).unwrap();
        assert_eq!(read.get(), 0);
    });
}

#[test]
fn who_accepts_nothing_lets_few_connect_and_others_hang_until_it_accepts_again() {
    on_both(|medium| {
        let mut network = Network::for_story(medium, 6, Grain::default());
        let (host, address) = echo(&mut network);
        network.run_for(SECOND / 100).unwrap();
        network.stop_accepting(host, 2);
        let connected = Rc::new(Cell::new(0));
        let count = connected.clone();
        let (_, done) = once(&mut network, "clients", move |net| {
            let count = count.clone();
            async move {
                let mut open = Vec::new();
                for number in 1..=4 {
                    open.push(net.connect(address).await?);
                    count.set(number);
                }
                for mut stream in open {
                    stream.write_all(b"?").await?;
                    stream.read_u8().await?;
                }
                Ok(())
            }
        });
        network.run_for(SECOND).unwrap();
        assert_eq!(connected.get(), 2);
        for effect in [Effect::Unaccepted, Effect::BacklogFull] {
            assert!(network.overlay().effects(effect) > 0, "{effect:?}");
        }
        network.accept_again(host);
        network.run_until(LIMIT, || done.get()).unwrap();
    });
}

#[test]
fn who_waits_at_a_host_that_is_killed_is_reset_and_where_power_is_lost_hears_nothing() {
    on_both(|medium| {
        for is_killed in [true, false] {
            let mut network = Network::for_story(medium, 7, Grain::default());
            let (host, address) = echo(&mut network);
            network.run_for(SECOND / 100).unwrap();
            network.stop_accepting(host, 2);
            let (_, ended) = once(&mut network, "client", move |net| async move {
                let mut stream = net.connect(address).await?;
                let error = stream.read_u8().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                Ok(())
            });
            network.run_for(SECOND / 10).unwrap();
            if is_killed {
                network.kill(host)
            } else {
                network.power_off(host)
            }
            network.run_for(SECOND).unwrap();
            assert_eq!(ended.get(), is_killed);
            network.restart(host);
            network.run_until(LIMIT, || ended.get()).unwrap();
        }
    });
}
