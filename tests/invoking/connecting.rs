//! Connecting: what is tried again, for how long, and what ends a call at once.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use wirepath::{
    CallOptions, Channel, Code, Endpoint,
    transport::{BoxFuture, Connected, Connector, DuplexConnector, duplex},
};

use crate::peer::{Peer, connect, good, say, say_with};

/// Fails so often in this way, then connects.
#[derive(Clone, Debug)]
struct Failing {
    kind: io::ErrorKind,
    times: usize,
    attempts: Arc<AtomicUsize>,
    connector: DuplexConnector,
}

impl Failing {
    fn new(kind: io::ErrorKind, times: usize, connector: DuplexConnector) -> Self {
        Self { kind, times, attempts: Arc::default(), connector }
    }

    fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }
}

impl Connector for Failing {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            if self.attempts.fetch_add(1, Ordering::SeqCst) < self.times {
                return Err(io::Error::new(self.kind, "so it is"));
            }
            self.connector.connect().await
        })
    }

    fn endpoint(&self) -> String {
        "failing".to_owned()
    }

    fn is_local(&self) -> bool {
        true
    }
}

fn patient(timeout: Duration) -> CallOptions {
    CallOptions::new().wait_for_ready(true).timeout(timeout)
}

#[tokio::test(start_paused = true)]
async fn rule_66_a_server_that_never_speaks_is_given_up_at_the_connect_deadline() {
    for (timeout, seconds) in [(None, 20), (Some(Duration::from_secs(3)), 3)] {
        let (connector, mut listener) = duplex(1 << 16);
        let mut builder = Channel::builder(connector);
        if let Some(timeout) = timeout {
            builder = builder.connect_timeout(timeout);
        }
        let channel = builder.build();
        let begun = Instant::now();
        let asking = tokio::spawn(async move {
            wirepath::client::invoke::unary(&channel, &crate::peer::SAY, bytes::Bytes::new().into()).await
        });
        let _silent = Peer::silent(&mut listener).await;
        let status = asking.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(begun.elapsed().as_secs(), seconds);
        for word in ["in-memory", "did not send its SETTINGS"] {
            assert!(status.message().contains(word), "{status}");
        }
    }
}

#[tokio::test]
async fn a_full_backlog_is_tried_again_also_by_a_call_that_does_not_wait() {
    let (connector, mut listener) = duplex(1 << 16);
    let failing = Failing::new(io::ErrorKind::WouldBlock, 5, connector);
    let channel = Channel::new(failing.clone());
    let asking = tokio::spawn(async move { say(&channel, b"hi").await });
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    peer.send(&good(stream, b"yes")).await;
    asking.await.unwrap().unwrap();
    assert_eq!(failing.attempts(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_that_stays_full_ends_the_call_at_the_connect_deadline_in_words() {
    let failing = Failing::new(io::ErrorKind::WouldBlock, usize::MAX, duplex(8).0);
    let channel = Channel::builder(failing).connect_timeout(Duration::from_secs(2)).build();
    let status = say(&channel, b"hi").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("failing") && status.message().contains("so it is"), "{status}");
}

#[tokio::test]
async fn what_is_forbidden_ends_also_a_call_that_waits_for_its_server_at_once() {
    let failing = Failing::new(io::ErrorKind::PermissionDenied, usize::MAX, duplex(8).0);
    let channel = Channel::new(failing.clone());
    let status = say_with(&channel, patient(Duration::from_secs(3600))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("so it is"), "{status}");
    assert_eq!(failing.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_calls_that_wait_for_an_absent_server_share_its_attempts() {
    let failing = Failing::new(io::ErrorKind::NotFound, usize::MAX, duplex(8).0);
    let channel = Channel::new(failing.clone());
    let calls: Vec<_> = (0..500)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { say_with(&channel, patient(Duration::from_secs(5))).await })
        })
        .collect();
    for call in calls {
        let status = call.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert!(status.message().contains("so it is"), "{status}");
    }
    // Every 10 ms, give or take a fifth and the timer's millisecond.
    assert!((350..=720).contains(&failing.attempts()), "{}", failing.attempts());
}

#[tokio::test]
async fn a_call_that_waits_is_served_soon_after_the_bind() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint: Endpoint = format!("unix:{}/a.sock", dir.path().display()).parse().unwrap();
    let channel = Channel::new(endpoint.clone());
    let asking = tokio::spawn(async move { say_with(&channel, patient(Duration::from_secs(10))).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let bound = Instant::now();
    let mut listener = endpoint.listen().await.unwrap();
    let mut peer = Peer::accept(&mut listener).await;
    // 20 ms by design; the rest is for a machine that has much else to do.
    assert!(bound.elapsed() < Duration::from_millis(500), "{:?}", bound.elapsed());
    let stream = peer.request().await;
    peer.send(&good(stream, b"yes")).await;
    asking.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_graceful_goaway_sends_new_calls_to_a_new_connection_at_once() {
    let (channel, mut listener) = connect();
    let begin = |channel: &Channel| {
        let channel = channel.clone();
        tokio::spawn(async move { say(&channel, b"hi").await })
    };
    let old = begin(&channel);
    let mut first = Peer::accept(&mut listener).await;
    let in_flight = first.request().await;
    // Rule 44: nothing is refused yet, and nothing new may come.
    first.send(&crate::peer::goaway(i32::MAX as u32, 0)).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let new = begin(&channel);
    let mut second = Peer::accept(&mut listener).await;
    let stream = second.request().await;
    second.send(&good(stream, b"new")).await;
    assert_eq!(new.await.unwrap().unwrap().into_message(), "new");
    first.send(&[crate::peer::goaway(in_flight, 0), good(in_flight, b"old")].concat()).await;
    assert_eq!(old.await.unwrap().unwrap().into_message(), "old");
}
