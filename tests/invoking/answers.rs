//! Response-Headers, Trailers and Trailers-Only in every state of repair.

use wirepath::{Code, Status};

use crate::peer::{
    END_HEADERS, END_STREAM, OK, Peer, START, answering, chat, connect, count, data, frame, framed, good,
    headers, in_time, last_data, last_headers, say,
};

type Fields<'a> = &'a [(&'static str, &'static str)];

/// The status of a unary call that is answered like this; the connection serves on.
async fn status_of(answer: impl Fn(u32) -> Vec<u8> + Send + 'static) -> Status {
    let channel = answering(move |stream| if stream == 1 { answer(stream) } else { good(stream, b"next") });
    let status = say(&channel, b"hi").await.unwrap_err();
    assert_eq!(say(&channel, b"hi").await.unwrap().into_message(), "next");
    status
}

async fn status_of_trailers(fields: Fields<'static>) -> Status {
    let start = [headers(1, START), data(1, &framed(0, b""))].concat();
    status_of(move |stream| [&start[..], &last_headers(stream, fields)].concat()).await
}

#[tokio::test]
async fn rule_27_headers_message_and_trailers_are_an_answer() {
    let channel = answering(|stream| {
        let start = [START, &[("first", "1")]].concat();
        let end = [OK, &[("last", "2")]].concat();
        [headers(stream, &start), data(stream, &framed(0, b"yes")), last_headers(stream, &end)].concat()
    });
    let response = say(&channel, b"hi").await.unwrap();
    assert_eq!(response.message(), "yes");
    assert_eq!((response.metadata().get("first"), response.metadata().get("last")), (Some("1"), None));
    assert_eq!((response.trailers().get("last"), response.trailers().get("first")), (Some("2"), None));
}

#[tokio::test]
async fn rule_28_trailers_only_is_a_whole_answer() {
    let only: Fields<'_> = &[
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", "5"),
        ("grpc-message", "gone"),
        ("why", "because"),
    ];
    let status = status_of(move |stream| last_headers(stream, only)).await;
    assert_eq!((status.code(), status.message()), (Code::NotFound, "gone"));
    assert_eq!(status.metadata().get("why"), Some("because"));
    assert_eq!(status.origin(), wirepath::wire::Origin::Remote);
}

/// Of a failed call with one response the status is all there is, in a unary call and in a stream alike.
#[tokio::test]
async fn a_failure_keeps_the_metadata_of_headers_and_then_of_trailers() {
    let answer = |stream| {
        let start = [START, &[("k", "1"), ("first", "f")]].concat();
        let end = [("grpc-status", "5"), ("k", "2"), ("last", "l")];
        [headers(stream, &start), last_headers(stream, &end)].concat()
    };
    let unary = status_of(answer).await;
    let (requests, responses) = chat(&answering(answer)).await;
    requests.finish().await.unwrap();
    for status in [unary, in_time(responses.only_message()).await.unwrap_err()] {
        assert_eq!(status.code(), Code::NotFound);
        let metadata = status.metadata();
        assert_eq!(metadata.get_all("k").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((metadata.get("first"), metadata.get("last")), (Some("f"), Some("l")));
    }
}

#[tokio::test]
async fn rule_28_headers_and_trailers_without_data_have_initial_metadata() {
    let (channel, mut listener) = connect();
    let ((requests, mut responses), mut peer) = tokio::join!(chat(&channel), Peer::accept(&mut listener));
    requests.finish().await.unwrap();
    let stream = peer.request().await;
    let start = [START, &[("first", "1")]].concat();
    peer.send(&[headers(stream, &start), last_headers(stream, OK)].concat()).await;
    assert_eq!(in_time(responses.headers()).await.unwrap().get("first"), Some("1"));
    assert_eq!(in_time(responses.recv()).await.unwrap(), None);
    assert!(responses.trailers().is_some());
    assert_eq!(in_time(responses.recv()).await.unwrap(), None, "the end stays the end");
}

#[tokio::test]
async fn rule_28_a_stream_that_is_answered_by_trailers_only_has_no_initial_metadata() {
    for (code, end) in [("0", None), ("9", Some(Code::FailedPrecondition))] {
        let channel = answering(move |stream| {
            last_headers(stream, &[START, &[("grpc-status", code), ("why", "so")]].concat())
        });
        let (requests, mut responses) = chat(&channel).await;
        requests.finish().await.unwrap();
        let ended = in_time(responses.headers()).await.map(|metadata| metadata.is_empty());
        assert_eq!(ended.map_err(|status| status.code()), end.map_or(Ok(true), Err));
        let ended = in_time(responses.recv()).await;
        assert_eq!(ended.map_err(|status| status.code()), end.map_or(Ok(None), Err));
        assert_eq!(responses.trailers().unwrap().get("why"), Some("so"));
    }
}

#[tokio::test]
async fn rule_29_trailers_without_a_readable_status_are_unknown() {
    let table: [Fields<'_>; 5] = [
        &[("other", "1")],
        &[("grpc-status", "")],
        &[("grpc-status", "05"), ("grpc-message", "kept")],
        &[("grpc-status", "17"), ("grpc-message", "kept")],
        &[("grpc-status", "-1"), ("grpc-message", "kept")],
    ];
    for fields in table {
        let status = status_of_trailers(fields).await;
        assert_eq!(status.code(), Code::Unknown, "{fields:?}");
        assert!(fields.len() == 1 || status.message().contains("kept"), "{status}");
    }
}

#[tokio::test]
async fn rule_30_messages_are_percent_decoded_and_never_lost() {
    for (sent, read) in [
        ("plain", "plain"),
        ("50%25 %E2%98%BA", "50% \u{263a}"),
        ("%zz %4", "%zz %4"),
        ("%ff", "\u{fffd}"),
        ("", ""),
    ] {
        let channel = answering(move |stream| {
            last_headers(stream, &[START, &[("grpc-status", "9"), ("grpc-message", sent)]].concat())
        });
        let status = say(&channel, b"").await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, read), "{sent}");
    }
}

#[tokio::test]
async fn rule_31_and_32_an_http_error_is_told_by_the_table_with_its_first_bytes() {
    for (http, code) in [
        ("400", Code::Internal),
        ("401", Code::Unauthenticated),
        ("403", Code::PermissionDenied),
        ("404", Code::Unimplemented),
        ("418", Code::Unknown),
        ("429", Code::Unavailable),
        ("431", Code::Unknown),
        ("500", Code::Unknown),
        ("502", Code::Unavailable),
        ("503", Code::Unavailable),
        ("504", Code::Unavailable),
        ("200", Code::Unknown),
    ] {
        let start = [(":status", http), ("content-type", "text/plain")];
        let answer = [headers(1, &start), last_data(1, b"sorry: no gRPC here")].concat();
        let status = status_of(move |_| answer.clone()).await;
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(http), "{status}");
        assert!(status.message().contains("sorry: no gRPC here"), "{status}");
        // Without a body.
        let status = status_of(move |stream| last_headers(stream, &start)).await;
        assert_eq!(status.code(), code, "{status}");
    }
}

#[tokio::test]
async fn rule_32_of_a_long_body_only_the_beginning_is_shown() {
    let start = headers(1, &[(":status", "500"), ("content-type", "text/html")]);
    let answer = [start, data(1, &[b'x'; 9000]), data(1, &[b'y'; 9000])].concat();
    // The body does not even end.
    let status = status_of(move |_| answer.clone()).await;
    assert!(status.message().contains(&"x".repeat(1024)), "{status}");
    assert!(!status.message().contains(&"x".repeat(1025)) && !status.message().contains("yy"), "{status}");
}

#[tokio::test]
async fn rule_31_a_status_wins_over_the_table() {
    let only = [(":status", "503"), ("content-type", "application/grpc"), ("grpc-status", "7")];
    assert_eq!(status_of(move |stream| last_headers(stream, &only)).await.code(), Code::PermissionDenied);
    let start = headers(1, &[(":status", "404"), ("content-type", "text/html"), ("grpc-status", "10")]);
    let answer = [start, last_data(1, b"<html>")].concat();
    assert_eq!(status_of(move |_| answer.clone()).await.code(), Code::Aborted);
}

#[tokio::test]
async fn rule_31_informational_responses_are_skipped() {
    let channel = answering(|stream| {
        let hints =
            [headers(stream, &[(":status", "103"), ("link", "x")]), headers(stream, &[(":status", "100")])];
        [hints.concat(), good(stream, b"yes")].concat()
    });
    assert_eq!(say(&channel, b"hi").await.unwrap().into_message(), "yes");
}

#[tokio::test]
async fn rule_33_broken_details_never_hide_the_status() {
    for (details, expected) in [("!!!", &b""[..]), ("A", b""), ("CAU", b"\x08\x05"), ("CAU=", b"\x08\x05")] {
        let channel = answering(move |stream| {
            let fields: Fields<'_> =
                &[("grpc-status", "5"), ("grpc-message", "gone"), ("grpc-status-details-bin", details)];
            last_headers(stream, &[START, fields].concat())
        });
        let status = say(&channel, b"hi").await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "gone"), "{details}");
        assert_eq!(status.details(), expected, "{details}");
    }
}

#[tokio::test]
async fn rule_34_a_second_headers_without_end_stream_is_internal() {
    let answer = [headers(1, START), data(1, &framed(0, b"")), headers(1, OK)].concat();
    assert_eq!(status_of(move |_| answer.clone()).await.code(), Code::Internal);
}

#[tokio::test]
async fn rule_34_data_after_trailers_harms_no_other_call() {
    let channel = answering(|stream| {
        if stream == 1 { [good(1, b"first"), data(1, b"late")].concat() } else { good(stream, b"next") }
    });
    assert_eq!(say(&channel, b"").await.unwrap().into_message(), "first");
    let next = say(&channel, b"").await;
    // h2 may end the connection for it; then the call after the next is served by a new one.
    assert!(next.is_ok() || next.unwrap_err().code() == Code::Unavailable);
}

#[tokio::test]
async fn rule_35_an_end_without_trailers_is_unknown() {
    let answer = [headers(1, START), last_data(1, &framed(0, b"yes"))].concat();
    let status = status_of(move |_| answer.clone()).await;
    assert_eq!(status.code(), Code::Unknown, "{status}");
    assert!(status.message().contains("without grpc-status"), "{status}");
    // Neither in the one block there is.
    let status = status_of(|stream| last_headers(stream, START)).await;
    assert_eq!(status.code(), Code::Unknown, "{status}");
}

#[tokio::test]
async fn rule_35_holds_for_streams() {
    let channel = answering(|stream| [headers(stream, START), last_data(stream, &framed(0, b"a"))].concat());
    let mut responses = count(&channel).await.unwrap();
    assert_eq!(in_time(responses.recv()).await.unwrap().unwrap(), "a");
    assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::Unknown);
    assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::Unknown, "and stays so");
}

/// A field block in two frames, because one takes 16 KiB at the most.
fn in_two_frames(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let block = last_headers(stream, fields).split_off(9);
    let (first, second) = block.split_at(16_000);
    [frame(1, flags, stream, first), frame(9, END_HEADERS, stream, second)].concat()
}

/// 16 KiB of fields are announced as the most that is taken.
#[tokio::test]
async fn rule_12_response_headers_over_the_limit_end_the_call_alone() {
    let long = "x".repeat(15_000);
    let fields = [START, &[("a", &long), ("b", &long)]].concat();
    let answer = [in_two_frames(1, 0, &fields), data(1, &framed(0, b"")), last_headers(1, OK)].concat();
    let status = status_of(move |_| answer.clone()).await;
    assert!(matches!(status.code(), Code::Internal | Code::ResourceExhausted), "{status}");
}

/// h2 drops what is beyond the limit, here the second field, and keeps the rest.
#[tokio::test]
async fn rule_12_trailers_over_the_limit_keep_the_status_they_begin_with() {
    let long = "x".repeat(15_000);
    let fields = [("grpc-status", "5"), ("a", &long), ("b", &long)];
    let answer = [headers(1, START), in_two_frames(1, END_STREAM, &fields)].concat();
    assert_eq!(status_of(move |_| answer.clone()).await.code(), Code::NotFound);
}
