//! Calls above the peer's MAX_CONCURRENT_STREAMS wait their turn; none fails for it.

use std::time::Duration;

use wirepath::Channel;

use crate::peer::{MAX_CONCURRENT_STREAMS, Peer, Seen, connect, good, say};

type Saying = tokio::task::JoinHandle<Result<wirepath::Response<bytes::Bytes>, wirepath::Status>>;

fn begin(channel: &Channel, count: usize) -> Vec<Saying> {
    (0..count)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { say(&channel, b"hi").await })
        })
        .collect()
}

/// The streams that are opened within this time.
async fn opened(peer: &mut Peer, time: Duration) -> Vec<u32> {
    let seen = peer.during(time).await;
    let streams = seen.iter().filter_map(|seen| match seen {
        Seen::Headers { stream, .. } => Some(*stream),
        _ => None,
    });
    streams.collect()
}

const WHILE: Duration = Duration::from_millis(40);

#[tokio::test]
async fn rule_46_above_a_limit_of_1_calls_take_turns() {
    let (channel, mut listener) = connect();
    let mut peer = {
        // The limit is known before the crowd comes.
        let first = begin(&channel, 1);
        let mut peer = Peer::silent(&mut listener).await;
        peer.greet(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
        let stream = peer.request().await;
        peer.send(&good(stream, b"")).await;
        for call in first {
            call.await.unwrap().unwrap();
        }
        peer
    };
    let calls = begin(&channel, 20);
    for _ in 0..20 {
        let stream = peer.headers().await;
        assert_eq!(opened(&mut peer, Duration::from_millis(10)).await, []);
        peer.send(&good(stream, b"")).await;
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn rule_46_a_limit_of_0_holds_all_calls_until_it_is_raised() {
    let (channel, mut listener) = connect();
    let calls = begin(&channel, 5);
    let mut peer = Peer::accept_with(&mut listener, &[(MAX_CONCURRENT_STREAMS, 0)]).await;
    assert_eq!(opened(&mut peer, WHILE).await, []);
    peer.greet(&[(MAX_CONCURRENT_STREAMS, 2)]).await;
    let mut answered = 0;
    while answered < 5 {
        let mut streams = vec![peer.headers().await];
        streams.extend(opened(&mut peer, WHILE).await);
        assert!(streams.len() <= 2, "{streams:?}");
        for stream in streams {
            peer.send(&good(stream, b"")).await;
            answered += 1;
        }
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn rule_46_before_settings_no_call_leaves_and_then_as_many_as_they_allow() {
    for limit in [1, 7, 100] {
        let (channel, mut listener) = connect();
        let calls = begin(&channel, 1000);
        let mut peer = Peer::silent(&mut listener).await;
        assert_eq!(opened(&mut peer, WHILE).await, []);
        peer.greet(&[(MAX_CONCURRENT_STREAMS, limit)]).await;
        let mut open = std::collections::VecDeque::new();
        for _ in 0..calls.len() {
            if open.len() < limit as usize {
                open.push_back(peer.headers().await);
            }
            // A stream above the limit would be seen before the answer to one below it.
            assert!(open.len() <= limit as usize);
            let stream = open.pop_front().unwrap();
            peer.send(&good(stream, b"")).await;
        }
        for call in calls {
            call.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_call_that_waits_its_turn_still_has_a_deadline() {
    let (channel, mut listener) = connect();
    let first = begin(&channel, 1);
    let mut peer = Peer::silent(&mut listener).await;
    peer.greet(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
    peer.request().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let options = wirepath::CallOptions::new().timeout(Duration::from_millis(30));
    let status = crate::peer::say_with(&channel, options).await.unwrap_err();
    assert_eq!(status.code(), wirepath::Code::DeadlineExceeded);
    assert_eq!(opened(&mut peer, WHILE).await, []);
    for call in first {
        call.abort();
    }
}
