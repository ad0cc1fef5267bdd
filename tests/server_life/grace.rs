//! The end of a server's patience: the grace period cuts what is left.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use wirepath::{Code, client::invoke};

use crate::{
    echo::{COUNT, Running, both_placements, in_time, say},
    raw::Raw,
};

const GRACE: Duration = Duration::from_millis(200);

/// Drains, and checks that it takes the grace period and not much more.
async fn cut(running: Running) {
    let start = Instant::now();
    let (task, _, alive, _dir) = running.drain();
    in_time(task).await.unwrap().unwrap();
    let taken = start.elapsed();
    assert!(taken >= GRACE && taken < GRACE + Duration::from_secs(2), "{taken:?}");
    alive.becomes(0).await;
}

#[tokio::test]
async fn a_handler_that_never_returns_is_dropped() {
    for server in both_placements() {
        let running = Running::start(server.grace(GRACE)).await;
        let channel = running.channel();
        let call = tokio::spawn(async move { say(&channel, "wait").await });
        running.alive.becomes(1).await;
        cut(running).await;
        let status = in_time(call).await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
}

#[tokio::test]
async fn a_client_that_gives_no_window_is_cut() {
    for server in both_placements() {
        let running = Running::start(server.grace(GRACE)).await;
        let channel = running.channel();
        let responses =
            invoke::server_streaming(&channel, &COUNT, Bytes::from_static(b"for ever").into()).await.unwrap();
        running.alive.becomes(1).await;
        cut(running).await;
        drop(responses);
    }
}

/// The GOAWAY itself finds no room in the socket.
#[tokio::test]
async fn a_client_that_never_reads_is_cut() {
    for server in both_placements() {
        let running = Running::start(server.grace(GRACE)).await;
        let mut raw = Raw::connect(running.path()).await;
        raw.call(1, "/test.Echo/Count", b"for ever").await;
        running.alive.becomes(1).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        cut(running).await;
        drop(raw);
    }
}

/// A handler gives way while the connection waits for its client to close.
#[tokio::test]
async fn handlers_end_before_a_client_that_lingers_does() {
    for server in both_placements() {
        let running = Running::start(server.grace(Duration::ZERO)).await;
        let mut raw = Raw::connect(running.path()).await;
        raw.call(1, "/test.Echo/Say", b"wait").await;
        let alive = running.alive.clone();
        alive.becomes(1).await;
        let start = Instant::now();
        let (task, ..) = running.drain();
        alive.becomes(0).await;
        assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
        in_time(task).await.unwrap().unwrap();
    }
}
