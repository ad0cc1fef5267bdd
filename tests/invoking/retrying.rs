//! Transparent retry: what the server has not seen is sent again on a new stream, and only that (rule 76).

use bytes::Bytes;
use tokio::join;
use wirepath::{CallOptions, Channel, Code, Response, Status, client::invoke, transport::duplex};

use crate::peer::{
    COLLECT, MAX_CONCURRENT_STREAMS, NO_ERROR, Peer, START, Seen, chat, connect, count, data, framed, goaway,
    good, headers, in_time, reset, say, say_with,
};

const REFUSED_STREAM: u32 = 7;

type Saying = tokio::task::JoinHandle<Result<Response<Bytes>, Status>>;

fn saying(channel: &Channel) -> Saying {
    let channel = channel.clone();
    tokio::spawn(async move { say(&channel, b"hi").await })
}

/// The data of one request, to its end.
async fn messages(peer: &mut Peer, of: u32) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let (data, end) = peer
            .find(|seen| match seen {
                Seen::Data { stream, data, end } if *stream == of => Some((data.clone(), *end)),
                _ => None,
            })
            .await;
        all.extend_from_slice(&data);
        if end {
            return all;
        }
    }
}

#[tokio::test]
async fn rule_76_a_refused_stream_is_sent_again_once() {
    let (channel, mut listener) = connect();
    let asking = saying(&channel);
    let mut peer = Peer::accept(&mut listener).await;
    let first = peer.request().await;
    peer.send(&reset(first, REFUSED_STREAM)).await;
    let second = peer.headers().await;
    assert_eq!(messages(&mut peer, second).await, framed(0, b"hi"));
    peer.send(&good(second, b"yes")).await;
    assert_eq!(asking.await.unwrap().unwrap().into_message(), "yes");

    let asking = saying(&channel);
    for _ in 0..2 {
        let stream = peer.request().await;
        peer.send(&reset(stream, REFUSED_STREAM)).await;
    }
    assert_eq!(asking.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn rules_44_and_76_a_stream_above_goaways_last_is_sent_again_on_a_new_connection() {
    let (channel, mut listener) = connect();
    let asking = saying(&channel);
    let mut peer = Peer::accept(&mut listener).await;
    peer.request().await;
    peer.send(&goaway(0, NO_ERROR)).await;
    let mut second = Peer::accept(&mut listener).await;
    let stream = second.request().await;
    second.send(&good(stream, b"yes")).await;
    assert_eq!(asking.await.unwrap().unwrap().into_message(), "yes");
}

#[tokio::test]
async fn rule_76_a_stream_up_to_goaways_last_that_dies_with_the_connection_is_unavailable() {
    let (channel, mut listener) = connect();
    let asking = saying(&channel);
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    peer.send(&goaway(stream, NO_ERROR)).await;
    drop(peer);
    assert_eq!(asking.await.unwrap().unwrap_err().code(), Code::Unavailable);
    let again = tokio::time::timeout(std::time::Duration::from_millis(50), Peer::silent(&mut listener)).await;
    assert!(again.is_err(), "nothing is sent again");
}

#[tokio::test]
async fn rule_76_after_response_headers_nothing_is_sent_again() {
    let (channel, mut listener) = connect();
    let asking = saying(&channel);
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    peer.send(&[headers(stream, START), reset(stream, REFUSED_STREAM)].concat()).await;
    assert_eq!(asking.await.unwrap().unwrap_err().code(), Code::Unavailable);

    let ((_requests, mut responses), stream) = join!(chat(&channel), peer.headers());
    peer.send(&[headers(stream, START), data(stream, b"\0\0"), reset(stream, REFUSED_STREAM)].concat()).await;
    assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::Unavailable);
}

/// More than once, because the calls never left.
#[tokio::test]
async fn rule_76_calls_that_wait_their_turn_move_from_connection_to_connection() {
    let (channel, mut listener) = connect();
    let calls: Vec<_> = (0..8).map(|_| saying(&channel)).collect();
    let mut answered = 0;
    while answered < calls.len() {
        let mut peer = Peer::accept_with(&mut listener, &[(MAX_CONCURRENT_STREAMS, 1)]).await;
        let stream = peer.request().await;
        // Every other connection just ends.
        if answered % 2 == 0 {
            peer.send(&goaway(stream, NO_ERROR)).await;
        }
        peer.send(&good(stream, b"yes")).await;
        answered += 1;
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().into_message(), "yes");
    }
}

#[tokio::test]
async fn rule_76_a_server_stream_is_sent_again_with_its_message() {
    let (channel, mut listener) = connect();
    let (responses, mut peer) = join!(count(&channel), Peer::accept(&mut listener));
    let mut responses = responses.unwrap();
    peer.request().await;
    peer.send(&goaway(0, NO_ERROR)).await;
    drop(peer);
    let mut second = Peer::accept(&mut listener).await;
    let stream = second.headers().await;
    assert_eq!(messages(&mut second, stream).await, framed(0, b"go"));
    second.send(&good(stream, b"yes")).await;
    assert_eq!(in_time(responses.recv()).await.unwrap().unwrap(), "yes");
    assert_eq!(in_time(responses.recv()).await.unwrap(), None);
}

/// Refused before the first message, in the middle, and after the last.
#[tokio::test]
async fn rule_76_a_client_stream_is_sent_again_from_its_first_message_on() {
    for sent_before in 0..=3 {
        let (channel, mut listener) = connect();
        let beginning = in_time(invoke::client_streaming(&channel, &COLLECT, ().into()));
        let (begun, mut peer) = join!(beginning, Peer::accept(&mut listener));
        let (requests, responses) = begun.unwrap();
        let mut requests = Some(requests);
        let first = peer.headers().await;
        peer.send(&crate::peer::window_update(0, 1 << 24)).await;
        for count in 0..3 {
            if count == sent_before {
                peer.send(&reset(first, REFUSED_STREAM)).await;
            }
            requests.as_mut().unwrap().send(vec![b'0' + count; 20_000].into()).await.unwrap();
        }
        requests.take().unwrap().finish().await.unwrap();
        if sent_before == 3 {
            messages(&mut peer, first).await;
            peer.send(&reset(first, REFUSED_STREAM)).await;
        }
        let second = peer.headers().await;
        let expected: Vec<u8> = (0..3).flat_map(|count| framed(0, &[b'0' + count; 20_000])).collect();
        assert!(messages(&mut peer, second).await == expected, "refused before {sent_before}");
        peer.send(&good(second, b"yes")).await;
        assert_eq!(in_time(responses.only_message()).await.unwrap().into_message(), "yes");
    }
}

#[tokio::test]
async fn rule_76_a_stream_whose_beginning_is_no_longer_at_hand_is_unavailable() {
    let (channel, mut listener) = connect();
    let ((mut requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
    let stream = peer.headers().await;
    peer.send(
        &[crate::peer::window_update(0, 1 << 24), crate::peer::window_update(stream, 1 << 24)].concat(),
    )
    .await;
    for _ in 0..40 {
        requests.send(vec![7; 10_000].into()).await.unwrap();
        peer.find(|seen| matches!(seen, Seen::Data { .. }).then_some(())).await;
    }
    peer.send(&reset(stream, REFUSED_STREAM)).await;
    assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::Unavailable);
    assert!(in_time(requests.send(Bytes::new())).await.is_err());
}

#[tokio::test]
async fn rule_76_a_call_given_up_while_it_is_sent_again_ends_in_words() {
    let (channel, mut listener) = connect();
    let ((requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
    peer.headers().await;
    peer.send(&goaway(0, NO_ERROR)).await;
    // The next connection never speaks.
    let _silent = Peer::silent(&mut listener).await;
    drop(requests);
    let status = in_time(responses.recv()).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Cancelled, "the sender was dropped before finish()")
    );
}

#[tokio::test]
async fn rules_76_and_79_the_deadline_covers_what_is_sent_again() {
    let (channel, mut listener) = connect();
    let asking = tokio::spawn(async move {
        say_with(&channel, CallOptions::new().timeout(std::time::Duration::from_millis(100))).await
    });
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    peer.send(&reset(stream, REFUSED_STREAM)).await;
    peer.request().await;
    assert_eq!(asking.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
}

/// What a server drops before it spoke was not seen either; its successor takes the call.
#[tokio::test]
async fn a_connection_dropped_before_its_settings_is_made_anew() {
    let (connector, mut listener) = duplex(1 << 16);
    let channel = Channel::new(connector);
    let asking = saying(&channel);
    for _ in 0..3 {
        drop(Peer::silent(&mut listener).await);
    }
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    peer.send(&good(stream, b"yes")).await;
    assert_eq!(asking.await.unwrap().unwrap().into_message(), "yes");
}
