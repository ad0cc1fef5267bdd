//! What ends a call early: resets, deadlines, panics, trailers before the request's end.

use std::{future::poll_fn, time::Duration};

use bytes::Bytes;
use h2::Reason;

use crate::peer::{answer, ask, connect, framed, open, request};

#[tokio::test]
async fn rule_37_a_panic_is_unknown_and_harms_no_other_call() {
    let (mut client, _) = connect().await;
    let (waiting, mut waiting_stream) = open(&mut client, request("/test.Echo/Chat"), false).await;
    let answered = ask(&mut client, request("/test.Echo/Say"), &[framed(0, b"panic")]).await.unwrap();
    assert_eq!(answered.status(), Some("2"), "{answered:?}");
    waiting_stream.send_data(framed(0, b"still here"), true).unwrap();
    assert_eq!(answer(waiting).await.unwrap().body, framed(0, b"still here"));
}

#[tokio::test]
async fn rule_40_trailers_before_the_requests_end_are_followed_by_reset_no_error() {
    let (mut client, _) = connect().await;
    let (response, mut stream) = open(&mut client, request("/test.Echo/Chat"), false).await;
    stream.send_data(framed(0, b"enough"), false).unwrap();
    assert_eq!(answer(response).await.unwrap().status(), Some("0"));
    let reset = poll_fn(|cx| stream.poll_reset(cx)).await.unwrap();
    assert_eq!(reset, Reason::NO_ERROR);
}

#[tokio::test]
async fn rule_42_a_passed_deadline_drops_the_handler_and_resets_with_cancel() {
    let (mut client, handlers) = connect().await;
    let mut hasty = request("/test.Echo/Say");
    hasty.headers_mut().insert("grpc-timeout", "20m".parse().unwrap());
    let error = ask(&mut client, hasty, &[framed(0, b"wait")]).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::CANCEL));
    handlers.ended(1).await;
}

#[tokio::test]
async fn rule_6_a_timeout_of_0_has_passed_at_once() {
    let (mut client, handlers) = connect().await;
    for zero in ["0n", "0H"] {
        for (path, message) in
            [("/test.Echo/Say", "wait"), ("/test.Echo/Say", "hi"), ("/test.Echo/Chat", "hi")]
        {
            let mut past = request(path);
            past.headers_mut().insert("grpc-timeout", zero.parse().unwrap());
            let error = ask(&mut client, past, &[framed(0, message.as_bytes())]).await.unwrap_err();
            assert_eq!(error.reason(), Some(Reason::CANCEL), "{zero} {path} {message}");
        }
    }
    assert_eq!(handlers.begun(), 0);
}

#[tokio::test]
async fn rule_42_a_reset_from_the_peer_drops_the_handler_promptly() {
    let (mut client, handlers) = connect().await;
    for (path, message) in [("/test.Echo/Say", "wait"), ("/test.Echo/Chat", "go on")] {
        let (_response, mut stream) = open(&mut client, request(path), false).await;
        stream.send_data(framed(0, message.as_bytes()), path.ends_with("Say")).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.send_reset(Reason::CANCEL);
    }
    handlers.ended(2).await;
}

#[tokio::test]
async fn rule_43_a_lost_connection_drops_its_handlers() {
    let (mut client, handlers) = connect().await;
    let (response, mut stream) = open(&mut client, request("/test.Echo/Say"), false).await;
    stream.send_data(framed(0, b"wait"), true).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(handlers.begun(), 1);
    drop((client, response, stream));
    handlers.ended(1).await;
}

#[tokio::test]
async fn rule_53_no_empty_data_is_sent_without_end_stream() {
    let (mut client, _) = connect().await;
    let (response, mut stream) = open(&mut client, request("/test.Echo/Chat"), false).await;
    stream.send_data(framed(0, b"one"), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    while let Some(data) = body.data().await {
        let data: Bytes = data.unwrap();
        assert!(!data.is_empty());
    }
}
