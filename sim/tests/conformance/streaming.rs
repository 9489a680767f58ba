//! Reading and writing.

use tokio::io::{AsyncReadExt, split};
use tokio::join;

use crate::lab::{Bed, Lab, a_moment, pattern};

/// What is written to a reader that reads, in bytes.
const LARGE: usize = 3 * 1024 * 1024;

/// More than any pair of sockets takes unread, in bytes.
const TOO_MUCH: usize = 64 * 1024 * 1024;

/// With Nagle's algorithm each round of small writes takes 40 ms: too long for so many.
const ROUNDS: usize = 1_000;

pub(crate) async fn bytes_arrive_in_the_order_in_which_they_were_written<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let all = pattern(10_000);
    for part in all.chunks(997) {
        near.write_all(part).await.unwrap();
    }
    assert!(far.read_up_to(all.len()).await.unwrap() == all);
}

pub(crate) async fn a_read_gives_what_is_there_and_waits_for_no_more<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.write_all(*b"abc").await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let more = far.read(10_000).await.unwrap();
        assert!(!more.is_empty());
        seen.extend_from_slice(&more);
    }
    assert_eq!(seen, b"abc");
}

pub(crate) async fn a_read_into_a_small_buffer_leaves_the_rest<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.write_all(*b"abcdef").await.unwrap();
    assert_eq!(far.read(1).await.unwrap(), b"a");
    assert_eq!(far.read_up_to(2).await.unwrap(), b"bc");
    assert_eq!(far.read_up_to(3).await.unwrap(), b"def");
}

pub(crate) async fn a_waiting_read_is_woken_by_bytes<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let reading = far.read(10);
    a_moment().await;
    near.write_all(*b"x").await.unwrap();
    assert_eq!(reading.await.unwrap(), b"x");
}

pub(crate) async fn an_empty_read_takes_nothing_and_is_not_the_end<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.write_all(*b"x").await.unwrap();
    assert_eq!(far.read(0).await.unwrap(), b"");
    assert_eq!(far.read(10).await.unwrap(), b"x");
}

pub(crate) async fn an_empty_write_takes_nothing<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    assert_eq!(near.write(*b"").await.unwrap(), 0);
    near.write_all(*b"x").await.unwrap();
    assert_eq!(far.read(10).await.unwrap(), b"x");
}

pub(crate) async fn a_vectored_write_takes_its_slices_in_order<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let slices = || [&b"ab"[..], b"", b"cde", b"f"].map(<[u8]>::to_vec).to_vec();
    for _ in 0..20 {
        let taken = near.write_vectored(slices()).await.unwrap();
        assert!((1..=6).contains(&taken));
        assert_eq!(far.read_up_to(taken).await.unwrap(), b"abcdef"[..taken]);
    }
}

pub(crate) async fn a_vectored_write_of_nothing_takes_nothing<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    assert_eq!(near.write_vectored(vec![vec![], vec![]]).await.unwrap(), 0);
    near.write_all(*b"x").await.unwrap();
    assert_eq!(far.read(10).await.unwrap(), b"x");
}

pub(crate) async fn a_vectored_write_is_taken_in_part_where_there_is_no_room<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let slices = vec![pattern(TOO_MUCH / 4); 4];
    let taken = near.write_vectored(slices).await.unwrap();
    assert!((1..TOO_MUCH).contains(&taken));
    assert!(far.read_up_to(taken).await.unwrap() == pattern(taken));
    near.shutdown().await.unwrap();
    assert_eq!(far.read(1).await.unwrap(), b"");
}

pub(crate) async fn a_large_transfer_arrives_whole<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let (written, read) = join!(near.write_all(pattern(LARGE)), far.read_up_to(LARGE));
    written.unwrap();
    assert!(read.unwrap() == pattern(LARGE));
}

pub(crate) async fn two_large_transfers_pass_each_other<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let (there, back) = (near.write_all(pattern(LARGE)), far.write_all(pattern(LARGE)));
    let (at_far, at_near) = join!(far.read_up_to(LARGE), near.read_up_to(LARGE));
    assert!(at_far.unwrap() == pattern(LARGE) && at_near.unwrap() == pattern(LARGE));
    there.await.unwrap();
    back.await.unwrap();
}

pub(crate) async fn a_writer_whose_reader_does_not_read_is_stopped<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let writing = near.write_all(vec![b'x'; TOO_MUCH]);
    let stopped = lab.near.begin(move |_| async move {
        tokio::time::timeout(std::time::Duration::from_millis(300), writing).await.is_err()
    });
    assert!(stopped.await);
    drop(far);
}

pub(crate) async fn a_stopped_writer_goes_on_when_its_reader_reads<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let taken = near.write_until_stopped().await;
    let writing = near.write_all(*b"and more");
    far.read_up_to(taken).await.unwrap();
    assert_eq!(far.read_up_to(8).await.unwrap(), b"and more");
    writing.await.unwrap();
}

pub(crate) async fn a_stream_that_is_stopped_one_way_works_the_other_way<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.write_until_stopped().await;
    far.write_all(*b"hello").await.unwrap();
    assert_eq!(near.read_up_to(5).await.unwrap(), b"hello");
}

pub(crate) async fn a_stopped_stream_does_not_stop_its_neighbour<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let (stopped, _other) = lab.pair_at(&door).await;
    let (near, far) = lab.pair_at(&door).await;
    stopped.write_until_stopped().await;
    near.write_all(*b"hello").await.unwrap();
    assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
}

pub(crate) async fn a_read_that_is_given_up_loses_nothing<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let mut seen = Vec::new();
    for byte in b"abcdefgh" {
        if let Some(read) = far.read_in_vain().await {
            seen.extend_from_slice(&read.unwrap());
        }
        near.write_all([*byte]).await.unwrap();
    }
    let left = far.read_up_to(8 - seen.len()).await.unwrap();
    assert_eq!([seen, left].concat(), b"abcdefgh");
}

pub(crate) async fn a_write_that_is_given_up_has_sent_nothing<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let taken = near.write_until_stopped().await;
    near.shutdown().await.unwrap();
    let read = far.read_to_end().await.unwrap();
    let expected: Vec<u8> = pattern(64 * 1024).into_iter().cycle().take(taken).collect();
    assert!(read == expected, "{} bytes of {taken}", read.len());
}

pub(crate) async fn a_flush_waits_for_nobody<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.write_until_stopped().await;
    near.flush().await.unwrap();
    drop(far);
}

pub(crate) async fn small_writes_are_not_held_back<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    for _ in 0..ROUNDS {
        near.write_all(*b"a").await.unwrap();
        near.write_all(*b"b").await.unwrap();
        assert_eq!(far.read_up_to(2).await.unwrap(), b"ab");
    }
}

pub(crate) async fn one_half_of_a_split_stream_can_be_dropped<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let reading = near.hand_over(|_, stream| async move {
        let (mut read, write) = split(stream);
        drop(write);
        let mut bytes = [0; 5];
        read.read_exact(&mut bytes).await.map(|_| bytes)
    });
    a_moment().await;
    assert!(far.read_in_vain().await.is_none(), "that was no end");
    far.write_all(*b"hello").await.unwrap();
    assert_eq!(&reading.await.unwrap(), b"hello");
}
