//! What ends a call other than its trailers: resets, early ends, deadlines, lost connections, GOAWAY.

use std::time::Duration;

use bytes::Bytes;
use wirepath::{CallOptions, Code, Request, client::invoke, transport::Connected};

use crate::peer::{
    CANCEL, NO_ERROR, OK, Peer, SAY, START, Seen, answering, chat, connect, count, data, framed, goaway,
    good, headers, in_time, last_headers, reset, say, say_with,
};

/// Trailers-Only with this status.
fn only(stream: u32, status: &str) -> Vec<u8> {
    last_headers(stream, &[START, &[("grpc-status", status)]].concat())
}

#[tokio::test]
async fn rule_38_every_reset_code_has_its_status() {
    let table = [
        (0x0, Code::Internal),
        (0x1, Code::Internal),
        (0x2, Code::Internal),
        (0x3, Code::Internal),
        (0x4, Code::Internal),
        (0x5, Code::Unknown),
        (0x6, Code::Internal),
        (0x7, Code::Unavailable),
        (0x8, Code::Cancelled),
        (0x9, Code::Internal),
        (0xa, Code::Internal),
        (0xb, Code::ResourceExhausted),
        (0xc, Code::PermissionDenied),
        (0xd, Code::Unknown),
        (0x1234, Code::Unknown),
    ];
    for (error_code, code) in table {
        let beginnings: [fn(u32) -> Vec<u8>; 3] = [
            |_| Vec::new(),
            |stream| headers(stream, START),
            |stream| [headers(stream, START), data(stream, &framed(0, b"x")), data(stream, b"\0")].concat(),
        ];
        for (index, beginning) in beginnings.into_iter().enumerate() {
            let channel = answering(move |stream| [beginning(stream), reset(stream, error_code)].concat());
            let status = say(&channel, b"hi").await.unwrap_err();
            assert_eq!(status.code(), code, "{error_code:#x} {index}: {status}");
        }
    }
}

/// The interop cases rst_after_header, rst_during_data and rst_after_data, which use NO_ERROR.
#[tokio::test]
async fn rule_39_reset_no_error_before_trailers_is_internal() {
    let whole = framed(0, b"message");
    for body in [&b""[..], &whole[..7], &whole] {
        let body = body.to_vec();
        let channel = answering(move |stream| {
            [headers(stream, START), data(stream, &body), reset(stream, NO_ERROR)].concat()
        });
        assert_eq!(say(&channel, b"hi").await.unwrap_err().code(), Code::Internal);
        let mut responses = count(&channel).await.unwrap();
        let end = loop {
            match in_time(responses.recv()).await {
                Ok(Some(message)) => assert_eq!(message, "message"),
                end => break end,
            }
        };
        assert_eq!(end.unwrap_err().code(), Code::Internal);
    }
}

#[tokio::test]
async fn rule_39_reset_no_error_after_trailers_is_success_in_the_same_read_and_later() {
    let channel = answering(|stream| [good(stream, b"yes"), reset(stream, NO_ERROR)].concat());
    for _ in 0..3 {
        assert_eq!(say(&channel, b"hi").await.unwrap().into_message(), "yes");
    }
    let (channel, mut listener) = connect();
    let (mut requests, mut responses) = chat(&channel).await;
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.headers().await;
    peer.send(&good(stream, b"yes")).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    peer.send(&reset(stream, NO_ERROR)).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(in_time(responses.recv()).await.unwrap().unwrap(), "yes");
    assert_eq!(in_time(responses.recv()).await.unwrap(), None);
    assert!(in_time(requests.send(Bytes::new())).await.is_err());
}

#[tokio::test]
async fn rule_39_holds_for_trailers_only_while_the_request_is_still_open() {
    for (status, code) in [("0", None), ("5", Some(Code::NotFound))] {
        let (channel, mut listener) = connect();
        let (_requests, mut responses) = chat(&channel).await;
        let mut peer = Peer::accept(&mut listener).await;
        let stream = peer.headers().await;
        peer.send(&[only(stream, status), reset(stream, NO_ERROR)].concat()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let end = in_time(responses.recv()).await;
        assert_eq!(end.map_err(|status| status.code()), code.map_or(Ok(None), Err));
    }
}

#[tokio::test]
async fn rule_40_an_early_end_keeps_its_status_and_the_client_stops_with_reset_no_error() {
    for (status, code) in [("0", None), ("8", Some(Code::ResourceExhausted))] {
        for only_trailers in [false, true] {
            let (channel, mut listener) = connect();
            let (mut requests, mut responses) = chat(&channel).await;
            requests.send(Bytes::from_static(b"one of many")).await.unwrap();
            let mut peer = Peer::accept(&mut listener).await;
            let stream = peer.headers().await;
            let start = if only_trailers { Vec::new() } else { headers(stream, START) };
            let end = if only_trailers {
                only(stream, status)
            } else {
                last_headers(stream, &[("grpc-status", status)])
            };
            peer.send(&[start, end].concat()).await;
            let ended = in_time(responses.recv()).await;
            assert_eq!(ended.map_err(|status| status.code()), code.map_or(Ok(None), Err));
            assert_eq!(peer.reset().await, (stream, NO_ERROR), "{status} {only_trailers}");
            let refused = in_time(requests.send(Bytes::from_static(b"too late"))).await.unwrap_err();
            assert!(refused.message().contains("the call is over"), "{refused}");
            assert!(peer.during(Duration::from_millis(30)).await.iter().all(|seen| !is_data(seen)));
        }
    }
}

#[tokio::test]
async fn rule_40_also_where_only_the_headers_were_asked_for() {
    let (channel, mut listener) = connect();
    let (mut requests, mut responses) = chat(&channel).await;
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.headers().await;
    peer.send(&only(stream, "0")).await;
    assert!(in_time(responses.headers()).await.unwrap().is_empty());
    assert_eq!(peer.reset().await, (stream, NO_ERROR));
    assert!(in_time(requests.send(Bytes::new())).await.is_err());
    assert_eq!(in_time(responses.recv()).await.unwrap(), None);
}

#[tokio::test]
async fn rule_40_holds_for_a_unary_request_that_waits_for_the_window() {
    for (status, code) in [("0", None), ("8", Some(Code::ResourceExhausted))] {
        let (channel, mut listener) = connect();
        let big = Request::new(Bytes::from(vec![7; 1 << 20]));
        let asking = tokio::spawn(async move { in_time(invoke::unary(&channel, &SAY, big)).await });
        let mut peer = Peer::accept(&mut listener).await;
        let stream = peer.headers().await;
        let message = if code.is_none() { framed(0, b"enough") } else { Vec::new() };
        let end = last_headers(stream, &[("grpc-status", status)]);
        peer.send(&[headers(stream, START), data(stream, &message), end].concat()).await;
        let answer = asking.await.unwrap();
        assert_eq!(
            answer.map(|r| r.into_message()).map_err(|s| s.code()),
            code.map_or(Ok("enough".into()), Err)
        );
        assert_eq!(peer.reset().await, (stream, NO_ERROR), "{status}");
    }
}

fn is_data(seen: &Seen) -> bool {
    matches!(seen, Seen::Data { .. })
}

#[tokio::test]
async fn rule_41_a_passed_deadline_resets_with_cancel() {
    let (channel, mut listener) = connect();
    let options = CallOptions::new().timeout(Duration::from_millis(40));
    let unary = tokio::spawn({
        let (channel, options) = (channel.clone(), options.clone());
        async move { say_with(&channel, options).await }
    });
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    assert_eq!(unary.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(peer.reset().await, (stream, CANCEL));

    let request = Request::new(()).with_options(options);
    let (mut requests, mut responses) =
        in_time(invoke::bidi_streaming(&channel, &crate::peer::CHAT, request)).await.unwrap();
    let stream = peer.headers().await;
    peer.send(&headers(stream, START)).await;
    assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(peer.reset().await, (stream, CANCEL));
    assert!(in_time(requests.send(Bytes::new())).await.is_err());
}

#[tokio::test]
async fn rule_41_a_passed_deadline_resets_also_while_the_last_data_waits_for_the_window() {
    let (channel, mut listener) = connect();
    let options = CallOptions::new().timeout(Duration::from_millis(60));
    let request = Request::new(Bytes::from(vec![7; 1 << 20])).with_options(options);
    let receiving = tokio::spawn(async move {
        let mut responses = in_time(invoke::server_streaming(&channel, &crate::peer::COUNT, request)).await?;
        in_time(responses.recv()).await
    });
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.headers().await;
    assert_eq!(receiving.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(peer.reset().await, (stream, CANCEL));
}

#[tokio::test]
async fn rule_41_a_cancel_of_the_server_before_the_deadline_is_cancelled() {
    let channel = answering(|stream| reset(stream, CANCEL));
    let options = CallOptions::new().timeout(Duration::from_secs(60));
    assert_eq!(say_with(&channel, options).await.unwrap_err().code(), Code::Cancelled);
}

#[tokio::test]
async fn rule_41_a_status_that_came_in_time_is_not_lost_when_it_is_read_late() {
    let channel =
        answering(|stream| [headers(stream, START), last_headers(stream, &[("grpc-status", "5")])].concat());
    let options = CallOptions::new().timeout(Duration::from_millis(50));
    let request = Request::new(Bytes::new()).with_options(options);
    let mut responses =
        in_time(invoke::server_streaming(&channel, &crate::peer::COUNT, request)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn rule_41_the_servers_cancel_at_the_deadline_is_the_deadline() {
    let (channel, mut listener) = connect();
    let options = CallOptions::new().timeout(Duration::from_millis(50));
    let request = Request::new(()).with_options(options);
    let (_requests, mut responses) =
        in_time(invoke::bidi_streaming(&channel, &crate::peer::CHAT, request)).await.unwrap();
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.headers().await;
    peer.send(&reset(stream, CANCEL)).await;
    // The reset is here before anybody asks, and then both are true.
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn rule_43_a_connection_lost_in_mid_call_is_unavailable_and_names_the_endpoint() {
    let beginnings: [fn(u32) -> Vec<u8>; 3] = [
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
    let (mut requests, mut responses) = chat(&channel).await;
    let mut peer = Peer::accept(&mut listener).await;
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

/// A whole answer and the end of the connection arrive together.
#[tokio::test]
async fn rule_43_an_answer_that_was_complete_before_the_loss_is_delivered() {
    let answers: [(fn(u32) -> Vec<u8>, Result<&str, Code>); 2] =
        [(|stream| good(stream, b"yes"), Ok("yes")), (|stream| only(stream, "5"), Err(Code::NotFound))];
    for (answer, expected) in answers {
        for is_request_open in [false, true] {
            let (channel, mut listener) = connect();
            let (requests, mut responses) = chat(&channel).await;
            let mut peer = Peer::accept(&mut listener).await;
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
        let (mut requests, mut responses) = chat(&channel).await;
        peer.greet(&[]).await;
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
        let (mut requests, mut responses) = chat(&channel).await;
        peer.greet(&[(4, 1 << 20)]).await;
        peer.send(&crate::peer::window_update(0, 1 << 20)).await;
        peer.headers().await;
        std::os::unix::net::UnixStream::from(control).shutdown(std::net::Shutdown::Read).unwrap();
        requests.send(Bytes::from(vec![0; len])).await.unwrap();
        let status = in_time(responses.recv()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{len}: {status}");
    }
}

#[tokio::test]
async fn rule_44_calls_above_the_last_stream_are_unavailable_and_calls_below_finish() {
    let (channel, mut listener) = connect();
    let mut calls = Vec::new();
    let mut peer = None;
    for index in 0..3_u32 {
        let (requests, responses) = chat(&channel).await;
        let peer = match &mut peer {
            Some(peer) => peer,
            empty => empty.insert(Peer::accept(&mut listener).await),
        };
        assert_eq!(peer.headers().await, 2 * index + 1);
        calls.push((requests, responses));
    }
    let mut peer = peer.unwrap();
    peer.send(&goaway(1, NO_ERROR)).await;
    let (_, mut above) = calls.pop().unwrap();
    assert_eq!(in_time(above.recv()).await.unwrap_err().code(), Code::Unavailable);
    // The next call needs a new connection, while the old one still serves.
    let asking = tokio::spawn({
        let channel = channel.clone();
        async move { say(&channel, b"hi").await }
    });
    let mut second = Peer::accept(&mut listener).await;
    let stream = second.request().await;
    assert_eq!(stream, 1);
    second.send(&good(stream, b"anew")).await;
    assert_eq!(asking.await.unwrap().unwrap().into_message(), "anew");
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
    let mut peer = Peer::accept(&mut listener).await;
    peer.request().await;
    let payload = [&0_u32.to_be_bytes()[..], &0xb_u32.to_be_bytes(), b"too_many_pings"].concat();
    peer.send(&crate::peer::frame(7, 0, 0, &payload)).await;
    let status = asking.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.message().contains("too_many_pings"), "{status}");
}
