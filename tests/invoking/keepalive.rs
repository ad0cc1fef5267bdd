//! Keepalive of both sides: a silent peer is asked whether it lives, and one that does not answer is let go.
//!
//! Paused time: the only clocks are those of keepalive.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};
use wirepath::{
    Channel, Code, Response, Router, Server, Status,
    client::invoke,
    frame::PREFACE,
    http2::KeepAlive,
    transport::{Connector, DuplexListener, duplex},
};

use crate::peer::{Peer, SAY, Seen, frame, good, settings};

fn kept_alive(keepalive: KeepAlive) -> (Channel, DuplexListener) {
    let (connector, listener) = duplex(1 << 20);
    (Channel::builder(connector).keepalive(keepalive).build(), listener)
}

type Saying = tokio::task::JoinHandle<Result<Response<Bytes>, Status>>;

fn saying(channel: &Channel) -> Saying {
    let channel = channel.clone();
    tokio::spawn(async move { invoke::unary(&channel, &SAY, Bytes::from_static(b"hi").into()).await })
}

/// Waits for a PING, however long that takes; gives its payload, or nothing at the end of the connection.
async fn ping(peer: &mut Peer) -> Option<[u8; 8]> {
    loop {
        if let Seen::Ping(payload) = peer.next_some_day().await? {
            return Some(payload);
        }
    }
}

async fn answer(peer: &mut Peer, payload: [u8; 8]) {
    peer.send(&frame(6, 1, 0, &payload)).await;
}

fn is_between(time: Duration, least: u64, most: u64) -> bool {
    (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&time)
}

#[tokio::test(start_paused = true)]
async fn rules_58_and_59_a_server_that_answers_no_ping_is_let_go_and_its_calls_are_unavailable() {
    let (channel, mut listener) = kept_alive(KeepAlive::after(Duration::from_secs(60)));
    let asking = saying(&channel);
    let mut peer = Peer::accept(&mut listener).await;
    peer.request().await;
    let silent = Instant::now();
    ping(&mut peer).await.unwrap();
    assert!(is_between(silent.elapsed(), 60, 76), "{:?}", silent.elapsed());
    let asked = Instant::now();
    let status = asking.await.unwrap().unwrap_err();
    assert!(is_between(asked.elapsed(), 20, 21), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Code::Unavailable);
    for word in ["in-memory", "keepalive", "20s"] {
        assert!(status.message().contains(word), "{status}");
    }
    while peer.next_some_day().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn rule_58_a_server_that_answers_is_asked_again_and_again() {
    let (channel, mut listener) = kept_alive(KeepAlive::after(Duration::from_secs(10)));
    let asking = saying(&channel);
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    for _ in 0..10 {
        let before = Instant::now();
        let payload = ping(&mut peer).await.unwrap();
        assert!(before.elapsed() >= Duration::from_secs(10), "{:?}", before.elapsed());
        answer(&mut peer, payload).await;
    }
    peer.send(&good(stream, b"at last")).await;
    assert_eq!(asking.await.unwrap().unwrap().into_message(), "at last");
}

#[tokio::test(start_paused = true)]
async fn rule_58_without_calls_nobody_is_asked_unless_told() {
    for (keepalive, is_asked) in [
        (KeepAlive::after(Duration::from_secs(10)), false),
        (KeepAlive::after(Duration::from_secs(10)).without_calls(), true),
    ] {
        let (channel, mut listener) = kept_alive(keepalive);
        let asking = saying(&channel);
        let mut peer = Peer::accept(&mut listener).await;
        let stream = peer.request().await;
        peer.send(&good(stream, b"yes")).await;
        asking.await.unwrap().unwrap();
        let pinged = tokio::time::timeout(Duration::from_secs(600), ping(&mut peer)).await;
        assert_eq!(matches!(pinged, Ok(Some(_))), is_asked);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_58_the_time_is_10_seconds_at_least() {
    let (channel, mut listener) = kept_alive(KeepAlive::after(Duration::from_millis(1)));
    let _asking = saying(&channel);
    let mut peer = Peer::accept(&mut listener).await;
    peer.request().await;
    let silent = Instant::now();
    ping(&mut peer).await.unwrap();
    assert!(silent.elapsed() >= Duration::from_secs(9), "{:?}", silent.elapsed());
}

#[tokio::test(start_paused = true)]
async fn rule_45_too_many_pings_double_the_time_of_the_connections_that_follow() {
    let (channel, mut listener) = kept_alive(KeepAlive::after(Duration::from_secs(10)));
    for least in [10, 20, 40] {
        let asking = saying(&channel);
        let mut peer = Peer::accept(&mut listener).await;
        let stream = peer.request().await;
        let silent = Instant::now();
        let payload = ping(&mut peer).await.unwrap();
        assert!(is_between(silent.elapsed(), least - 1, least + least / 4 + 1), "{:?}", silent.elapsed());
        answer(&mut peer, payload).await;
        peer.send(&good(stream, b"yes")).await;
        asking.await.unwrap().unwrap();
        let calm = [&stream.to_be_bytes()[..], &0xb_u32.to_be_bytes(), b"too_many_pings"].concat();
        peer.send(&frame(7, 0, 0, &calm)).await;
        while peer.next_some_day().await.is_some() {}
    }
}

/// What a server with this keepalive says to a client that sends no more than it must, and when it closes.
async fn served(server: Server) -> (Vec<u8>, Duration) {
    let (connector, listener) = duplex(1 << 20);
    let serving = tokio::spawn(server.add(Router::new()).serve(listener));
    let (mut io, _) = connector.connect().await.unwrap().into_parts();
    io.write_all(&[&PREFACE[..], &settings(&[]), &frame(4, 1, 0, &[])].concat()).await.unwrap();
    let (begun, mut said) = (Instant::now(), Vec::new());
    io.read_to_end(&mut said).await.unwrap();
    serving.abort();
    (said, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn rule_63_a_server_asks_a_silent_client_after_2_hours_and_lets_it_go_after_20_seconds() {
    let (said, took) = served(Server::new()).await;
    assert!(said.windows(9).any(|head| head == [0, 0, 8, 6, 0, 0, 0, 0, 0]), "a PING in {said:?}");
    assert!(is_between(took, 7220, 9021), "{took:?}");
    let (_, took) = served(
        Server::new().keepalive(KeepAlive::after(Duration::from_secs(60)).timeout(Duration::from_secs(5))),
    )
    .await;
    assert!(is_between(took, 65, 81), "{took:?}");
}
