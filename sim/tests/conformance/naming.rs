//! Names, tasks and options.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use crate::lab::{Bed, Lab};

pub(crate) async fn a_literal_address_is_its_own_name<B: Bed>(lab: Lab<B>) {
    for (host, address) in [("192.0.2.9", "192.0.2.9:6379"), ("2001:db8::9", "[2001:db8::9]:6379")]
    {
        let found = lab.near.begin(move |net| async move { net.resolve(host, 6_379).await }).await;
        assert_eq!(found.unwrap(), [address.parse::<SocketAddr>().unwrap()]);
    }
}

pub(crate) async fn a_name_has_addresses_at_the_port_asked_for<B: Bed>(lab: Lab<B>) {
    let name = lab.far.name;
    let found = lab.near.begin(move |net| async move { net.resolve(name, 6_379).await }).await;
    let found = found.unwrap();
    assert!(found.contains(&SocketAddr::new(lab.far.ip, 6_379)), "{found:?}");
    assert!(found.iter().all(|address| address.port() == 6_379));
}

pub(crate) async fn a_name_that_nobody_has_is_an_error<B: Bed>(lab: Lab<B>) {
    for name in ["no such host", "a..b"] {
        let found = lab.near.begin(move |net| async move { net.resolve(name, 6_379).await });
        assert!(found.await.is_err());
    }
}

pub(crate) async fn of_several_addresses_the_first_that_answers_is_used<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let gone = lab.far.listen().await;
    gone.close().await;
    let addresses = [gone.address, door.address];
    let mut failures = 0;
    for address in addresses {
        let Ok(near) = lab.near.connect(address).await else {
            failures += 1;
            continue;
        };
        let (far, _) = door.accept().await.unwrap();
        near.write_all(*b"hello").await.unwrap();
        assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
    }
    assert_eq!(failures, 1);
}

pub(crate) async fn a_task_runs_beside_who_spawned_it<B: Bed>(lab: Lab<B>) {
    let answered = lab.near.begin(|net| async move {
        let (ask, asked) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        net.spawn(async move {
            let question: u32 = asked.await.unwrap();
            answer.send(question + 1).unwrap();
        });
        ask.send(41).unwrap();
        answered.await
    });
    assert_eq!(answered.await, Ok(42));
}

pub(crate) async fn keepalive_can_be_asked_for<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let answered = near.hand_over(|net, mut stream| async move {
        net.keep_alive(&stream, Duration::from_secs(10))?;
        stream.write_all(b"hello").await?;
        stream.read_u8().await
    });
    assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
    far.write_all(*b"x").await.unwrap();
    assert_eq!(answered.await.unwrap(), b'x');
}
