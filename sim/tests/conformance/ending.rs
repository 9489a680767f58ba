//! How streams end: in good order, half, and not in good order.

use std::io::ErrorKind;

use tokio::join;

use crate::lab::{Bed, End, Lab, a_moment, pattern};

/// Resets a stream: far has more to read when it is closed, and all of it is there.
async fn reset<B: Bed>(near: &End<B>, far: End<B>) {
    near.write_all(pattern(1_000)).await.unwrap();
    far.read(1).await.unwrap();
    a_moment().await;
    far.close().await;
}

pub(crate) async fn the_end_is_read_as_nothing_after_all_that_was_sent<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.write_all(pattern(5_000)).await.unwrap();
    near.shutdown().await.unwrap();
    assert!(far.read_to_end().await.unwrap() == pattern(5_000));
}

pub(crate) async fn the_end_is_read_again_and_again<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.shutdown().await.unwrap();
    for _ in 0..3 {
        assert_eq!(far.read(10).await.unwrap(), b"");
    }
}

pub(crate) async fn a_waiting_read_is_woken_by_the_end<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let reading = far.read(10);
    a_moment().await;
    near.shutdown().await.unwrap();
    assert_eq!(reading.await.unwrap(), b"");
}

pub(crate) async fn who_has_ended_still_reads<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    far.shutdown().await.unwrap();
    near.write_all(*b"after the end").await.unwrap();
    near.shutdown().await.unwrap();
    assert_eq!(far.read_to_end().await.unwrap(), b"after the end");
}

pub(crate) async fn who_was_told_of_the_end_still_writes<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.write_all(*b"a question").await.unwrap();
    near.shutdown().await.unwrap();
    assert_eq!(far.read_to_end().await.unwrap(), b"a question");
    far.write_all(*b"its answer").await.unwrap();
    far.close().await;
    assert_eq!(near.read_to_end().await.unwrap(), b"its answer");
}

pub(crate) async fn a_write_after_the_own_end_is_a_broken_pipe<B: Bed>(lab: Lab<B>) {
    let (near, _far) = lab.pair().await;
    near.shutdown().await.unwrap();
    for _ in 0..2 {
        let error = near.write(*b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}

pub(crate) async fn to_end_twice_is_no_error<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.shutdown().await.unwrap();
    near.shutdown().await.unwrap();
    assert_eq!(far.read(10).await.unwrap(), b"");
}

pub(crate) async fn a_close_lets_arrive_what_was_sent_before<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.write_all(pattern(50_000)).await.unwrap();
    near.close().await;
    assert!(far.read_to_end().await.unwrap() == pattern(50_000));
}

pub(crate) async fn a_close_with_bytes_unread_resets<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    reset(&near, far).await;
    assert_eq!(near.read(10).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn what_came_before_a_reset_can_still_be_read<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    far.write_all(*b"abc").await.unwrap();
    assert_eq!(near.read(1).await.unwrap(), b"a");
    reset(&near, far).await;
    a_moment().await;
    assert_eq!(near.read_up_to(2).await.unwrap(), b"bc");
    assert_eq!(near.read(10).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn a_reset_is_told_once<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    reset(&near, far).await;
    assert_eq!(near.read(10).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(near.read(10).await.unwrap(), b"");
    assert_eq!(near.write(*b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

pub(crate) async fn a_write_that_finds_a_reset_is_told_so<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    reset(&near, far).await;
    a_moment().await;
    assert_eq!(near.write(*b"x").await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(near.write(*b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(near.read(10).await.unwrap(), b"");
}

pub(crate) async fn a_waiting_read_is_woken_by_a_reset<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let reading = near.read(10);
    reset(&near, far).await;
    assert_eq!(reading.await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn a_stopped_writer_is_woken_by_a_reset<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    near.write_until_stopped().await;
    let writing = near.write_all(pattern(64 * 1024 * 1024));
    a_moment().await;
    far.close().await;
    assert_eq!(writing.await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

pub(crate) async fn writes_to_who_has_closed_end_in_a_broken_pipe<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    far.close().await;
    assert_eq!(near.read(10).await.unwrap(), b"");
    let error = loop {
        // The first finds nobody, which the next ones are told.
        match near.write(*b"x").await {
            Ok(_) => a_moment().await,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(near.read(10).await.unwrap(), b"");
}

pub(crate) async fn who_closes_under_a_writer_stops_it<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let writing = near.write_all(pattern(64 * 1024 * 1024));
    assert!(far.read_up_to(100_000).await.unwrap() == pattern(100_000));
    far.close().await;
    let error = writing.await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
}

pub(crate) async fn both_can_end_at_once<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    let (one, other) = join!(near.shutdown(), far.shutdown());
    one.unwrap();
    other.unwrap();
    let (one, other) = join!(near.read_to_end(), far.read_to_end());
    assert_eq!((one.unwrap(), other.unwrap()), (vec![], vec![]));
}

pub(crate) async fn both_can_close_at_once<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    for _ in 0..5 {
        let (near, far) = lab.pair_at(&door).await;
        let (one, other) = join!(near.write_all(pattern(100)), far.write_all(pattern(100)));
        one.unwrap();
        other.unwrap();
        join!(near.close(), far.close());
    }
    let (near, far) = lab.pair_at(&door).await;
    near.write_all(*b"hello").await.unwrap();
    assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
}

pub(crate) async fn a_stream_that_ends_leaves_its_neighbour_alone<B: Bed>(lab: Lab<B>) {
    let door = lab.far.listen().await;
    let (near, far) = lab.pair_at(&door).await;
    let (ends, other) = lab.pair_at(&door).await;
    let (reset_near, reset_far) = lab.pair_at(&door).await;
    ends.close().await;
    reset(&reset_near, reset_far).await;
    assert_eq!(other.read(10).await.unwrap(), b"");
    near.write_all(*b"hello").await.unwrap();
    assert_eq!(far.read_up_to(5).await.unwrap(), b"hello");
}

pub(crate) async fn to_end_a_stream_that_was_reset_is_no_error<B: Bed>(lab: Lab<B>) {
    let (near, far) = lab.pair().await;
    reset(&near, far).await;
    assert_eq!(near.read(10).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    near.shutdown().await.unwrap();
}
