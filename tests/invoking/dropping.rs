//! Dropping is cancelling, and the last handle dropped closes the connection.

use std::time::Duration;
use tokio::join;

use bytes::Bytes;
use wirepath::{Code, client::invoke};

use crate::peer::{
    CANCEL, COLLECT, MAX_CONCURRENT_STREAMS, NO_ERROR, Peer, START, Seen, chat, connect, count, data, framed,
    good, headers, in_time, say,
};

#[tokio::test]
async fn the_last_handle_dropped_closes_an_idle_connection() {
    let (channel, mut listener) = connect();
    let other = channel.clone();
    let asking = tokio::spawn(async move { say(&channel, b"hi").await });
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    peer.send(&good(stream, b"yes")).await;
    asking.await.unwrap().unwrap();
    assert_eq!(closing(&mut peer, Duration::from_millis(30)).await, None, "one handle is left");
    drop(other);
    assert_eq!(closing(&mut peer, Duration::from_secs(5)).await, Some(NO_ERROR));
    assert_eq!(in_time(peer.next()).await, None);
}

/// The code of a GOAWAY within this time.
async fn closing(peer: &mut Peer, time: Duration) -> Option<u32> {
    let goaway = peer.find(|seen| match seen {
        Seen::Goaway { code } => Some(*code),
        _ => None,
    });
    tokio::time::timeout(time, goaway).await.ok()
}

#[tokio::test]
async fn calls_in_flight_finish_after_the_last_handle_is_dropped_and_then_it_closes() {
    let (channel, mut listener) = connect();
    let ((mut requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
    drop(channel);
    let stream = peer.headers().await;
    for text in ["one", "two"] {
        requests.send(text.into()).await.unwrap();
        let sent = peer
            .find(|seen| match seen {
                Seen::Data { data, .. } => Some(data.clone()),
                _ => None,
            })
            .await;
        assert_eq!(sent, framed(0, text.as_bytes()));
    }
    requests.finish().await.unwrap();
    peer.request().await;
    assert_eq!(closing(&mut peer, Duration::from_millis(30)).await, None);
    peer.send(&good(stream, b"yes")).await;
    assert_eq!(in_time(responses.recv()).await.unwrap().unwrap(), "yes");
    assert_eq!(in_time(responses.recv()).await.unwrap(), None);
    assert_eq!(closing(&mut peer, Duration::from_secs(5)).await, Some(NO_ERROR));
}

#[tokio::test]
async fn a_channel_dropped_while_it_connects_leaves_nothing_open() {
    let (channel, mut listener) = crate::channel::slow_to_connect(Duration::from_millis(20));
    let asking = tokio::spawn(async move { say(&channel, b"hi").await });
    tokio::time::sleep(Duration::from_millis(5)).await;
    asking.abort();
    let mut peer = Peer::accept(&mut listener).await;
    while let Some(seen) = in_time(peer.next()).await {
        assert!(!matches!(seen, Seen::Headers { .. }), "{seen:?}");
    }
}

#[tokio::test]
async fn a_unary_call_dropped_after_its_headers_is_cancelled() {
    let (channel, mut listener) = connect();
    let asking = tokio::spawn({
        let channel = channel.clone();
        async move { say(&channel, b"hi").await }
    });
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    asking.abort();
    assert_eq!(peer.reset().await, (stream, CANCEL));

    // In the middle of the answer, too.
    let asking = tokio::spawn({
        let channel = channel.clone();
        async move { say(&channel, b"hi").await }
    });
    let stream = peer.request().await;
    peer.send(&[headers(stream, START), data(stream, b"\0\0")].concat()).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    asking.abort();
    assert_eq!(peer.reset().await, (stream, CANCEL));
}

#[tokio::test]
async fn a_call_dropped_before_its_headers_is_not_sent_and_gives_its_turn_to_the_next() {
    let (channel, mut listener) = connect();
    let accepting = Peer::accept_with(&mut listener, &[(MAX_CONCURRENT_STREAMS, 1)]);
    let (first, mut peer) = join!(chat(&channel), accepting);
    assert_eq!(peer.headers().await, 1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let calls: Vec<_> = [&b"dropped"[..], b"kept"]
        .map(|message| {
            let channel = channel.clone();
            tokio::spawn(async move { say(&channel, message).await })
        })
        .into();
    tokio::time::sleep(Duration::from_millis(10)).await;
    calls[0].abort();
    tokio::time::sleep(Duration::from_millis(10)).await;
    drop(first);
    let (stream, message) = peer
        .find(|seen| match seen {
            Seen::Data { stream, data, .. } => Some((*stream, data.clone())),
            _ => None,
        })
        .await;
    assert_eq!(message, framed(0, b"kept"));
    peer.send(&good(stream, b"yes")).await;
    let [_, kept] = <[_; 2]>::try_from(calls).unwrap();
    kept.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_that_was_cancelled_is_free_for_the_next_call() {
    let (channel, mut listener) = connect();
    let accepting = Peer::accept_with(&mut listener, &[(MAX_CONCURRENT_STREAMS, 1)]);
    let (first, mut peer) = join!(chat(&channel), accepting);
    assert_eq!(peer.headers().await, 1);
    drop(first);
    for round in 1..20 {
        let call = chat(&channel).await;
        let stream = peer.headers().await;
        assert_eq!(stream, 2 * round + 1);
        drop(call);
        assert_eq!(peer.reset().await, (stream, CANCEL));
    }
}

#[tokio::test]
async fn the_sender_dropped_before_finish_cancels_the_call() {
    let (channel, mut listener) = connect();
    let beginning = in_time(invoke::client_streaming(&channel, &COLLECT, ().into()));
    let (begun, mut peer) = join!(beginning, Peer::accept(&mut listener));
    let (mut requests, responses) = begun.unwrap();
    let stream = peer.headers().await;
    requests.send(Bytes::from_static(b"half of it")).await.unwrap();
    drop(requests);
    assert_eq!(peer.reset().await, (stream, CANCEL));
    let status = in_time(responses.only_message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    assert_eq!(status.message(), "the sender was dropped before finish()");
}

#[tokio::test]
async fn the_receiver_dropped_cancels_the_call_and_its_sender_fails_in_words() {
    for is_begun in [false, true] {
        let (channel, mut listener) = connect();
        let ((mut requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
        let stream = peer.headers().await;
        if is_begun {
            peer.send(&headers(stream, START)).await;
            in_time(responses.headers()).await.unwrap();
        }
        drop(responses);
        assert_eq!(peer.reset().await, (stream, CANCEL));
        let status = in_time(requests.send(Bytes::new())).await.unwrap_err();
        assert_eq!(status.code(), Code::Cancelled);
        assert!(!status.message().is_empty());
        assert_eq!(requests.finish().await.unwrap_err().code(), Code::Cancelled);
    }
}

#[tokio::test]
async fn the_receiver_dropped_after_the_request_has_ended_cancels_the_call() {
    let (channel, mut listener) = connect();
    let (responses, mut peer) = join!(count(&channel), Peer::accept(&mut listener));
    let stream = peer.request().await;
    drop(responses);
    assert_eq!(peer.reset().await, (stream, CANCEL));
}

#[tokio::test]
async fn the_receiver_dropped_cancels_also_while_the_last_data_waits_for_the_window() {
    let (channel, mut listener) = connect();
    let request = Bytes::from(vec![7; 1 << 20]).into();
    let beginning = in_time(invoke::server_streaming(&channel, &crate::peer::COUNT, request));
    let (responses, mut peer) = join!(beginning, Peer::accept(&mut listener));
    let stream = peer.headers().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(responses);
    assert_eq!(peer.reset().await, (stream, CANCEL));
}

#[tokio::test]
async fn halves_that_are_done_send_no_reset() {
    let (channel, mut listener) = connect();
    let ((requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
    requests.finish().await.unwrap();
    let stream = peer.request().await;
    peer.send(&good(stream, b"yes")).await;
    while in_time(responses.recv()).await.unwrap().is_some() {}
    drop(responses);
    let seen = peer.during(Duration::from_millis(30)).await;
    assert!(seen.iter().all(|seen| !matches!(seen, Seen::Reset { .. })), "{seen:?}");
}

#[tokio::test]
async fn a_connection_that_ends_as_a_call_opens_fails_its_sender() {
    let (channel, mut listener) = connect();
    let ((mut requests, _responses), peer) = join!(chat(&channel), Peer::accept(&mut listener));
    drop(listener);
    // No task runs between the two: the call opens on a connection whose end is not read yet.
    drop(peer);
    let begun = invoke::bidi_streaming(&channel, &crate::peer::CHAT, ().into());
    let second = in_time(begun).await;
    let fails = async {
        while requests.send(Bytes::from(vec![0; 10_000])).await.is_ok() {}
        if let Ok((mut requests, _)) = second {
            while requests.send(Bytes::from(vec![0; 10_000])).await.is_ok() {}
        }
    };
    in_time(fails).await;
}

async fn echo(
    requests: wirepath::Request<wirepath::MessageReceiver<Bytes>>,
    mut responses: wirepath::MessageSender<Bytes>,
) -> Result<(), wirepath::Status> {
    let mut requests = requests.into_message();
    while let Some(message) = requests.recv().await? {
        responses.send(message).await?;
    }
    Ok(())
}

/// Drops a call after `steps` of its life.
async fn drop_after(channel: &wirepath::Channel, steps: usize) {
    let life = async {
        let (mut requests, mut responses) = chat(channel).await;
        for len in [1, 100_000, 10, 20_000] {
            requests.send(Bytes::from(vec![7; len])).await.unwrap();
            assert_eq!(responses.recv().await.unwrap().unwrap().len(), len);
        }
        requests.finish().await.unwrap();
        assert_eq!(responses.recv().await.unwrap(), None);
    };
    let (mut life, mut left) = (std::pin::pin!(life), steps);
    std::future::poll_fn(|cx| {
        if left == 0 {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        life.as_mut().poll(cx)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_dropped_at_any_point_leave_the_channel_whole() {
    let (channel, listener) = connect();
    let mut router = wirepath::Router::new();
    router.bidi_streaming(&crate::peer::CHAT, echo);
    let mut http2 = wirepath::http2::Http2Config::default();
    http2.max_concurrent_streams = 5;
    tokio::spawn(wirepath::Server::new().http2(http2).add(router).serve(listener));
    // Before SETTINGS a client may open 100 streams, and a server that takes fewer refuses the rest.
    in_time(drop_after(&channel, usize::MAX)).await;
    let calls: Vec<_> = (0..300)
        .map(|index| {
            let channel = channel.clone();
            tokio::spawn(async move { drop_after(&channel, index % 30).await })
        })
        .collect();
    for call in calls {
        in_time(call).await.unwrap();
    }
    in_time(drop_after(&channel, usize::MAX)).await;
}
