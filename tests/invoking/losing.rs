//! Connections that break or are closed by the server: what was said counts, what was not is UNAVAILABLE.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::join;

use bytes::Bytes;
use wirepath::{CallOptions, Code, transport::Connected};

use crate::peer::{
    NO_ERROR, OK, Peer, START, chat, connect, data, framed, goaway, good, headers, in_time, last_headers,
    only, say, say_with,
};

#[tokio::test]
async fn rule_43_a_connection_lost_in_mid_call_is_unavailable_and_names_the_endpoint() {
    let beginnings: [Answer; 3] = [
        |_| Vec::new(),
        |stream| headers(stream, START),
        |stream| [headers(stream, START), data(stream, b"\0\0\0\0\x09half")].concat(),
    ];
    for beginning in beginnings {
        let (channel, mut listener) = connect();
        let asking = tokio::spawn({
            let channel = channel.clone();
            async move { say(&channel, b"hi").await }
        });
        let mut peer = Peer::accept(&mut listener).await;
        let stream = peer.request().await;
        peer.send(&beginning(stream)).await;
        drop(peer);
        let status = asking.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.message().contains("in-memory"), "{status}");
    }
}

#[tokio::test]
async fn rule_43_a_lost_connection_fails_a_waiting_sender() {
    let (channel, mut listener) = connect();
    let ((mut requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
    peer.headers().await;
    let sending = tokio::spawn(async move {
        loop {
            if let Err(status) = requests.send(Bytes::from(vec![0; 10_000])).await {
                return status;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(peer);
    assert_eq!(in_time(sending).await.unwrap().code(), Code::Cancelled);
    assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::Unavailable);
}

/// What a peer says on a stream.
type Answer = fn(u32) -> Vec<u8>;

/// A whole answer and the end of the connection arrive together.
#[tokio::test]
async fn rule_43_an_answer_that_was_complete_before_the_loss_is_delivered() {
    let answers: [(Answer, Result<&str, Code>); 2] =
        [(|stream| good(stream, b"yes"), Ok("yes")), (|stream| only(stream, "5"), Err(Code::NotFound))];
    for (answer, expected) in answers {
        for is_request_open in [false, true] {
            let (channel, mut listener) = connect();
            let ((requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
            let stream = peer.headers().await;
            let _open = if is_request_open {
                Some(requests)
            } else {
                requests.finish().await.unwrap();
                peer.request().await;
                None
            };
            peer.send(&answer(stream)).await;
            drop(peer);
            tokio::time::sleep(Duration::from_millis(20)).await;
            let first = in_time(responses.recv()).await.map_err(|status| status.code());
            assert_eq!(first, expected.map(|message| Some(message.into())), "{is_request_open}");
            if expected.is_ok() {
                assert_eq!(in_time(responses.recv()).await.unwrap(), None);
            }
        }
    }
}

/// Connects to the other end of one socketpair, once.
#[derive(Debug)]
struct Once(std::sync::Mutex<Option<tokio::net::UnixStream>>);

impl wirepath::transport::Connector for Once {
    fn connect(&self) -> wirepath::transport::BoxFuture<'_, std::io::Result<Connected>> {
        let io = self.0.lock().unwrap().take();
        Box::pin(async {
            let io = io.ok_or(std::io::ErrorKind::ConnectionRefused)?;
            Ok(Connected::new(io, wirepath::transport::Peer::InMemory))
        })
    }

    fn endpoint(&self) -> String {
        "socketpair".to_owned()
    }
}

fn socketpair() -> (wirepath::Channel, Peer, std::os::fd::OwnedFd) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    for io in [&ours, &theirs] {
        io.set_nonblocking(true).unwrap();
    }
    let control = theirs.try_clone().unwrap().into();
    let ours = tokio::net::UnixStream::from_std(ours).unwrap();
    let theirs = tokio::net::UnixStream::from_std(theirs).unwrap();
    let channel = wirepath::Channel::new(Once(std::sync::Mutex::new(Some(ours))));
    (channel, Peer::over(Box::new(theirs)), control)
}

#[tokio::test]
async fn rule_43_what_the_peer_sent_before_it_closed_with_unread_data_is_delivered() {
    // The client's socket holds both an answer and ECONNRESET, its writes fail with EPIPE.
    for is_busy in [false, true] {
        let (channel, mut peer, control) = socketpair();
        let ((mut requests, mut responses), ()) = join!(chat(&channel), peer.greet(&[]));
        let stream = peer.headers().await;
        requests.send(Bytes::from(vec![0; 9_000])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let answer =
            [headers(stream, START), data(stream, &framed(0, &[7; 50_000])), last_headers(stream, OK)];
        peer.send(&answer.concat()).await;
        drop((peer, control));
        if is_busy {
            // This runs into EPIPE before the client's task has read anything.
            let _ = requests.send(Bytes::from(vec![0; 40_000])).await;
        }
        let message = in_time(responses.recv()).await.unwrap().unwrap();
        assert_eq!(message.len(), 50_000);
        assert_eq!(in_time(responses.recv()).await.unwrap(), None, "the status was there too");
    }
}

#[tokio::test]
async fn rule_43_a_failed_write_ends_the_call_although_reads_only_wait() {
    // The peer has shut down its reading side alone: EPIPE here, and no end of file.
    for len in [10, 100_000] {
        let (channel, mut peer, control) = socketpair();
        let ((mut requests, mut responses), ()) = join!(chat(&channel), peer.greet(&[(4, 1 << 20)]));
        peer.send(&crate::peer::window_update(0, 1 << 20)).await;
        peer.headers().await;
        std::os::unix::net::UnixStream::from(control).shutdown(std::net::Shutdown::Read).unwrap();
        requests.send(Bytes::from(vec![0; len])).await.unwrap();
        let status = in_time(responses.recv()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{len}: {status}");
    }
}

#[tokio::test]
async fn rule_44_calls_above_the_last_stream_move_to_a_new_connection_and_calls_below_finish() {
    let (channel, mut listener) = connect();
    let mut calls = Vec::new();
    let (first, mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
    calls.push(first);
    for index in 0..3_u32 {
        if index > 0 {
            calls.push(chat(&channel).await);
        }
        assert_eq!(peer.headers().await, 2 * index + 1);
    }
    peer.send(&goaway(1, NO_ERROR)).await;
    // Those above need a new connection, and so does the next call, while the old one still serves.
    let asking = tokio::spawn({
        let channel = channel.clone();
        async move { say(&channel, b"hi").await }
    });
    let mut second = Peer::accept(&mut listener).await;
    for _ in 0..3 {
        let stream = second.headers().await;
        second.send(&good(stream, b"anew")).await;
    }
    assert_eq!(asking.await.unwrap().unwrap().into_message(), "anew");
    for (requests, mut above) in calls.drain(1..) {
        assert_eq!(in_time(above.recv()).await.unwrap().unwrap(), "anew");
        drop(requests);
    }
    let (requests, mut below) = calls.swap_remove(0);
    peer.send(&good(1, b"still")).await;
    assert_eq!(in_time(below.recv()).await.unwrap().unwrap(), "still");
    assert_eq!(in_time(below.recv()).await.unwrap(), None);
    drop(requests);
}

#[tokio::test]
async fn rule_44_a_graceful_goaway_lets_the_calls_in_flight_finish_and_then_closes() {
    let (channel, mut listener) = connect();
    let asking = tokio::spawn({
        let channel = channel.clone();
        async move { say(&channel, b"hi").await }
    });
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    peer.send(&[goaway(i32::MAX as u32, NO_ERROR), goaway(stream, NO_ERROR)].concat()).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    peer.send(&good(stream, b"last")).await;
    assert_eq!(asking.await.unwrap().unwrap().into_message(), "last");
    while peer.next().await.is_some() {}
}

#[tokio::test]
async fn a_goaway_with_an_error_tells_its_words() {
    let (channel, mut listener) = connect();
    let asking = tokio::spawn(async move { say(&channel, b"hi").await });
    // Rule 76: the first one only says that nothing was done.
    for _ in 0..2 {
        let mut peer = Peer::accept(&mut listener).await;
        peer.request().await;
        let payload = [&0_u32.to_be_bytes()[..], &0xb_u32.to_be_bytes(), b"too_many_pings"].concat();
        peer.send(&crate::peer::frame(7, 0, 0, &payload)).await;
    }
    let status = asking.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.message().contains("too_many_pings"), "{status}");
}

/// What a server says before it closes.
const LAST_WORDS: [&[u8]; 4] = [
    b"",
    b"\0\0\0\x04\0\0\0\0\0",
    b"no HTTP/2",
    b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0",
];

#[tokio::test]
async fn a_server_that_closes_every_connection_is_not_connected_to_without_a_pause() {
    for words in LAST_WORDS {
        let (channel, mut listener) = connect();
        let connects = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connects);
        let closing = tokio::spawn(async move {
            loop {
                let mut peer = Peer::silent(&mut listener).await;
                counted.fetch_add(1, Ordering::SeqCst);
                peer.send(words).await;
            }
        });
        let status = say(&channel, b"hi").await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert_eq!(status.message().matches("in-memory").count(), 1, "{status}");
        // A server may have let it go only to make room for the next, so it is asked again, within some 150 ms.
        assert!((1..=6).contains(&connects.swap(0, Ordering::SeqCst)), "{connects:?}");
        // It waits 20 ms, then longer and longer.
        let patient = CallOptions::new().wait_for_ready(true).timeout(Duration::from_millis(300));
        let status = say_with(&channel, patient).await.unwrap_err();
        assert!([Code::DeadlineExceeded, Code::Unavailable].contains(&status.code()), "{status}");
        assert!(connects.load(Ordering::SeqCst) <= 8, "{connects:?}");
        closing.abort();
    }
}
