//! What ends a call other than its trailers: resets, early ends, deadlines, lost connections, GOAWAY.

use std::time::Duration;
use tokio::join;

use bytes::Bytes;
use wirepath::{CallOptions, Code, Request, client::invoke};

use crate::peer::{
    CANCEL, NO_ERROR, Peer, SAY, START, Seen, answering, chat, connect, count, data, framed, good, headers,
    in_time, last_headers, only, reset, say, say_with,
};

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
    let ((mut requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
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
        let ((_requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
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
            let ((mut requests, mut responses), mut peer) =
                join!(chat(&channel), Peer::accept(&mut listener));
            requests.send(Bytes::from_static(b"one of many")).await.unwrap();
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
    let ((mut requests, mut responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
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
    let beginning = in_time(invoke::bidi_streaming(&channel, &crate::peer::CHAT, request));
    let (begun, mut peer) = join!(beginning, Peer::accept(&mut listener));
    let (_requests, mut responses) = begun.unwrap();
    let stream = peer.headers().await;
    peer.send(&reset(stream, CANCEL)).await;
    // The reset is here before anybody asks, and then both are true.
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::DeadlineExceeded);
}
