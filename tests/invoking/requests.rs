//! Request-Headers and messages as they leave, read from the bytes.

use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;
use wirepath::{Channel, Code, Deadline, Metadata, Request, Response, Status, client::invoke, codec::Codec};

use crate::peer::{COLLECT, Peer, SAY, Seen, connect, good, in_time};

/// The fields of the next request.
async fn fields(peer: &mut Peer) -> Vec<(String, String)> {
    peer.find(|seen| match seen {
        Seen::Headers { fields, end, .. } => {
            // Rule 7: the grammar has no END_STREAM here.
            assert!(!end);
            Some(fields.clone())
        }
        _ => None,
    })
    .await
}

type Saying = JoinHandle<Result<Response<Bytes>, Status>>;

fn say(channel: &Channel, request: Request<Bytes>) -> Saying {
    let channel = channel.clone();
    tokio::spawn(async move { in_time(invoke::unary(&channel, &SAY, request)).await })
}

#[tokio::test]
async fn rule_5_content_type_names_the_format_of_the_method() {
    for (method, content_type) in [
        (SAY, "application/grpc"),
        (SAY.with_format("proto", Codec::RAW, Codec::RAW), "application/grpc+proto"),
        (SAY.with_format("json", Codec::RAW, Codec::RAW), "application/grpc+json"),
        (SAY.with_format("acme.v1", Codec::RAW, Codec::RAW), "application/grpc+acme.v1"),
    ] {
        let (channel, mut listener) = connect();
        let saying = tokio::spawn(async move { invoke::unary(&channel, &method, Bytes::new().into()).await });
        let mut peer = Peer::accept(&mut listener).await;
        let fields = in_time(fields(&mut peer)).await;
        assert!(fields.contains(&("content-type".to_owned(), content_type.to_owned())), "{fields:?}");
        saying.abort();
    }
}

/// What one request looks like on the wire.
async fn sent(request: Request<Bytes>) -> Vec<(String, String)> {
    let (channel, mut listener) = connect();
    let saying = say(&channel, request);
    let mut peer = Peer::accept(&mut listener).await;
    let fields = fields(&mut peer).await;
    let stream = peer.request().await;
    peer.send(&good(stream, b"")).await;
    saying.await.unwrap().unwrap();
    fields
}

#[tokio::test]
async fn rule_2_4_14_and_16_fields_leave_in_the_order_of_the_spec() {
    let mut request = Request::new(Bytes::from_static(b"hi")).with_timeout(Duration::from_secs(5));
    request.metadata_mut().append("zebra", "1").unwrap();
    request.metadata_mut().append("ant", "2").unwrap();
    let fields = sent(request).await;
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let mut expected =
        vec![":method", ":scheme", ":authority", ":path", "te", "grpc-timeout", "content-type"];
    if cfg!(feature = "gzip") {
        expected.push("grpc-accept-encoding");
    }
    expected.extend(["user-agent", "zebra", "ant"]);
    // RFC 9113 asks only that pseudo-header fields come first, and h2 has an order of its own among them.
    assert_eq!(names, expected);
    let value = |name| fields.iter().find(|field| field.0 == name).unwrap().1.as_str();
    assert_eq!((value(":method"), value(":scheme")), ("POST", "http"));
    assert_eq!((value(":authority"), value(":path")), ("localhost", "/test.Echo/Say"));
    assert_eq!((value("te"), value("content-type")), ("trailers", "application/grpc"));
    assert!(value("user-agent").starts_with("grpc-rust-wirepath/"));
}

#[tokio::test]
async fn rule_6_a_passed_deadline_fails_here_and_sends_nothing() {
    let (channel, mut listener) = connect();
    let past = Request::new(Bytes::new()).with_timeout(Duration::ZERO);
    let status = say(&channel, past).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let connected = tokio::time::timeout(Duration::from_millis(50), Peer::silent(&mut listener)).await;
    assert!(connected.is_err(), "it did not even connect");
}

#[tokio::test]
async fn rule_6_the_timeout_is_what_is_left_in_the_finest_unit() {
    for (timeout, unit, nanos) in [
        (Duration::from_millis(90), 'n', 1),
        (Duration::from_secs(5), 'u', 1_000),
        (Duration::from_secs(3 * 3600), 'm', 1_000_000),
    ] {
        let fields = sent(Request::new(Bytes::new()).with_timeout(timeout)).await;
        let value = &fields.iter().find(|field| field.0 == "grpc-timeout").unwrap().1;
        let (digits, found) = value.split_at(value.len() - 1);
        assert_eq!(found, unit.to_string(), "{value}");
        let left = Duration::from_nanos(digits.parse::<u64>().unwrap() * nanos);
        assert!(digits.len() <= 8 && left <= timeout && left > timeout / 2, "{value} of {timeout:?}");
    }
}

/// Rule 79: what is sent is the time left, and connecting takes some of it.
#[tokio::test]
async fn rule_6_the_time_it_took_to_connect_is_taken_off_the_timeout() {
    let (channel, listener) = crate::channel::slow_to_connect(Duration::from_millis(300));
    let mut listener = listener;
    let saying = say(&channel, Request::new(Bytes::new()).with_timeout(Duration::from_secs(4)));
    let mut peer = Peer::accept(&mut listener).await;
    let fields = fields(&mut peer).await;
    let value = &fields.iter().find(|field| field.0 == "grpc-timeout").unwrap().1;
    let micros: u64 = value.strip_suffix('u').unwrap().parse().unwrap();
    assert!(micros <= 3_700_000, "{value}");
    saying.abort();
}

#[tokio::test]
async fn a_call_without_a_deadline_sends_no_timeout() {
    let fields = sent(Request::new(Bytes::new())).await;
    assert!(fields.iter().all(|field| field.0 != "grpc-timeout"), "{fields:?}");
}

#[tokio::test]
async fn rule_7_a_request_without_a_message_ends_with_empty_data() {
    let (channel, mut listener) = connect();
    let beginning = in_time(invoke::client_streaming(&channel, &COLLECT, ().into()));
    let (begun, mut peer) = tokio::join!(beginning, Peer::accept(&mut listener));
    let (requests, _responses) = begun.unwrap();
    requests.finish().await.unwrap();
    fields(&mut peer).await;
    let ended = peer
        .find(|seen| match seen {
            Seen::Data { data, end, .. } => Some((data.len(), *end)),
            _ => None,
        })
        .await;
    assert_eq!(ended, (0, true));
}

#[tokio::test]
async fn rule_8_reserved_keys_cannot_be_set() {
    let mut metadata = Metadata::new();
    for key in
        ["grpc-timeout", "grpc-anything", ":path", "te", "content-type", "connection", "Upper", "", "sp ace"]
    {
        assert!(metadata.append(key, "x").is_err(), "{key}");
        assert!(metadata.insert(key, "x").is_err(), "{key}");
    }
    assert!(metadata.append("plain-bin", "x").is_err() && metadata.append_bin("plain", b"x").is_err());
    let mut request = Request::new(Bytes::new());
    *request.metadata_mut() = metadata;
    assert_eq!(sent(request).await.iter().filter(|field| field.0 == "te").count(), 1);
}

#[tokio::test]
async fn rule_9_binary_values_leave_without_padding_and_come_joined() {
    let mut request = Request::new(Bytes::new());
    request.metadata_mut().append_bin("trace-bin", &[0xfb, 0xff, 1, 2]).unwrap();
    assert!(sent(request).await.contains(&("trace-bin".to_owned(), "+/8BAg".to_owned())));

    let channel = crate::peer::answering(|stream| {
        let start = [crate::peer::START, &[("trace-bin", "AQ==,Ag")]].concat();
        let end = [crate::peer::OK, &[("end-bin", "+/8")]].concat();
        let (start, end) = (crate::peer::headers(stream, &start), crate::peer::last_headers(stream, &end));
        [start, crate::peer::data(stream, &crate::peer::framed(0, b"")), end].concat()
    });
    let response = crate::peer::say(&channel, b"").await.unwrap();
    let values: Vec<Bytes> = response.metadata().get_all_bin("trace-bin").collect();
    assert_eq!(values, [&[1][..], &[2]]);
    assert_eq!(response.trailers().get_bin("end-bin").unwrap(), [0xfb, 0xff][..]);
}

#[tokio::test]
async fn rule_11_values_of_a_key_keep_their_order() {
    let mut request = Request::new(Bytes::new());
    for (key, value) in [("a", "1"), ("b", "x"), ("a", "2"), ("a", "1")] {
        request.metadata_mut().append(key, value).unwrap();
    }
    let fields = sent(request).await;
    let values: Vec<&str> =
        fields.iter().filter(|field| field.0 == "a").map(|field| field.1.as_str()).collect();
    assert_eq!(values, ["1", "2", "1"]);
}

#[tokio::test]
async fn a_parents_deadline_holds_for_its_calls() {
    let soon = Deadline::after(Duration::from_millis(80));
    let options = wirepath::CallOptions::new().deadline(soon).timeout(Duration::from_secs(60));
    let fields = sent(Request::new(Bytes::new()).with_options(options)).await;
    let value = &fields.iter().find(|field| field.0 == "grpc-timeout").unwrap().1;
    assert!(value.ends_with('n'), "{value}");
}
