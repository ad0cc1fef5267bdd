//! Calls on a connection whose server does not read: what has not left leaves no trace once it is given up.

use std::{future::ready, time::Duration};

use tokio::task::yield_now;
use wirepath::{
    CallOptions, Channel, Code, Request, Response, Status,
    client::invoke,
    transport::{DuplexListener, duplex},
};

use crate::peer::{
    MAX_CONCURRENT_STREAMS, NO_ERROR, Peer, SAY, Seen, connect, goaway, good, in_time, say_with,
};

type Saying = tokio::task::JoinHandle<Result<Response<bytes::Bytes>, Status>>;

fn saying(channel: &Channel) -> Saying {
    let channel = channel.clone();
    tokio::spawn(async move {
        invoke::unary(&channel, &SAY, Request::new(bytes::Bytes::from_static(b"hi"))).await
    })
}

/// Begins a call and gives it up at once.
async fn give_up(channel: &Channel) {
    let call = invoke::unary(channel, &SAY, Request::new(bytes::Bytes::from_static(b"no")));
    tokio::select! {
        biased;
        _ = call => panic!("nobody answers it"),
        () = ready(()) => {}
    }
}

/// A channel whose connection is up, by way of a pipe that holds so many bytes.
async fn connected(held: usize) -> (Channel, DuplexListener, Peer) {
    let (connector, mut listener) = duplex(held);
    let channel = Channel::new(connector);
    let first = saying(&channel);
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    peer.send(&good(stream, b"")).await;
    first.await.unwrap().unwrap();
    (channel, listener, peer)
}

/// The same, with more calls begun than the connection takes.
async fn crowded() -> (Channel, DuplexListener, Peer) {
    let connected = connected(4_096).await;
    for _ in 0..10_000 {
        give_up(&connected.0).await;
        yield_now().await;
    }
    connected
}

/// Answers the calls whose messages have come, and counts the others.
async fn answer_all(peer: &mut Peer, good_calls: usize) -> usize {
    let (mut opened, mut answered) = (0, 0);
    while answered < good_calls {
        match peer.next().await.expect("the client goes on") {
            Seen::Headers { .. } => opened += 1,
            Seen::Data { stream, data, .. } if data.ends_with(b"hi") => {
                peer.send(&good(stream, b"yes")).await;
                answered += 1;
            }
            _ => {}
        }
    }
    opened - answered
}

async fn all_good(calls: Vec<Saying>) {
    for call in calls {
        assert_eq!(in_time(call).await.unwrap().unwrap().into_message(), "yes");
    }
}

#[tokio::test]
async fn of_100_000_calls_given_up_before_a_server_that_does_not_read_few_are_ever_sent() {
    for yielding in [1, 1_000] {
        let (channel, _listener, mut peer) = connected(1 << 16).await;
        let mut calls = Vec::new();
        for number in 0..100_000 {
            if number % 10_000 == 0 {
                calls.push(saying(&channel));
            }
            give_up(&channel).await;
            if number % yielding == 0 {
                yield_now().await;
            }
        }
        let sent = channel.meters().unwrap().sent().bytes();
        assert!(sent < 1 << 18, "{sent} bytes were written");
        let given_up = answer_all(&mut peer, calls.len()).await;
        all_good(calls).await;
        // What the pipe, the gate and h2 hold, at some 40 bytes each.
        assert!(given_up < 6_000, "{given_up} calls that were given up were sent");
    }
}

#[tokio::test]
async fn calls_that_wait_have_their_turn_in_the_order_they_came() {
    let (channel, _listener, mut peer) = crowded().await;
    let mut calls = Vec::new();
    for timeout in 1..=1_000 {
        let channel = channel.clone();
        calls.push(tokio::spawn(async move {
            let options = CallOptions::new().timeout(Duration::from_secs(1_000 * timeout));
            say_with(&channel, options).await
        }));
    }
    yield_now().await;
    let (mut last, mut answered) = (0, 0);
    while answered < calls.len() {
        match peer.next().await.expect("the client goes on") {
            Seen::Headers { fields, .. } => {
                let timeout = fields.iter().find(|(name, _)| name == "grpc-timeout");
                let Some((_, timeout)) = timeout else { continue };
                let seconds = match timeout.split_at(timeout.len() - 1) {
                    (value, "S") => value.parse::<u64>().unwrap(),
                    (value, "m") => value.parse::<u64>().unwrap() / 1_000,
                    (value, unit) => value.parse::<u64>().unwrap() / if unit == "u" { 1_000_000 } else { 1 },
                };
                assert!(seconds > last, "{seconds} s behind {last} s");
                last = seconds;
            }
            Seen::Data { stream, data, .. } if data.ends_with(b"hi") => {
                peer.send(&good(stream, b"yes")).await;
                answered += 1;
            }
            _ => {}
        }
    }
    all_good(calls).await;
}

#[tokio::test]
async fn a_call_that_waits_behind_others_ends_at_its_deadline_and_is_never_sent() {
    let (channel, _listener, mut peer) = crowded().await;
    let options = CallOptions::new().timeout(Duration::from_millis(30));
    let status = say_with(&channel, options).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(status.message().contains("behind calls that have not left"), "{status}");
    let last = saying(&channel);
    let seen = loop {
        match peer.next().await.expect("the client goes on") {
            Seen::Headers { fields, .. } => {
                assert!(fields.iter().all(|(name, _)| name != "grpc-timeout"), "{fields:?}");
            }
            Seen::Data { stream, data, .. } if data.ends_with(b"hi") => break stream,
            _ => {}
        }
    };
    peer.send(&good(seen, b"yes")).await;
    all_good(vec![last]).await;
}

// rule 76
#[tokio::test]
async fn calls_that_wait_when_the_connection_dies_go_to_the_next_one() {
    let (channel, mut listener, peer) = crowded().await;
    let calls: Vec<_> = (0..1_000).map(|_| saying(&channel)).collect();
    yield_now().await;
    drop(peer);
    let mut next = Peer::accept(&mut listener).await;
    assert_eq!(answer_all(&mut next, calls.len()).await, 0);
    all_good(calls).await;
}

// rules 44 and 76
#[tokio::test]
async fn calls_that_wait_when_the_server_says_goaway_go_to_the_next_connection() {
    let (channel, mut listener, mut peer) = crowded().await;
    let calls: Vec<_> = (0..1_000).map(|_| saying(&channel)).collect();
    yield_now().await;
    peer.send(&goaway(1, NO_ERROR)).await;
    let mut next = Peer::accept(&mut listener).await;
    assert_eq!(answer_all(&mut next, calls.len()).await, 0);
    all_good(calls).await;
}

#[tokio::test]
async fn of_100_000_calls_given_up_above_the_limit_of_streams_few_are_ever_sent() {
    let (channel, mut listener) = connect();
    let holding = saying(&channel);
    let mut peer = Peer::accept_with(&mut listener, &[(MAX_CONCURRENT_STREAMS, 1)]).await;
    let held = peer.request().await;
    for _ in 0..100_000 {
        give_up(&channel).await;
        yield_now().await;
    }
    let last = saying(&channel);
    peer.send(&good(held, b"yes")).await;
    let given_up = answer_all(&mut peer, 1).await;
    all_good(vec![holding, last]).await;
    assert!(given_up <= 300, "{given_up} calls that were given up were sent");
}
