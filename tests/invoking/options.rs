//! Which option holds where several levels say something, and what an interceptor may do.

use std::time::Duration;

use bytes::Bytes;
use wirepath::{
    CallOptions, Channel, Code, Limits, Request, Status,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
    transport::duplex,
};

use crate::peer::{Method, OK, Peer, START, Seen, data, framed, good, headers, in_time, last_headers};

const LIMITED: Method =
    MethodDescriptor::new("/test.Echo/Limited", MethodType::Unary, Codec::RAW, Codec::RAW)
        .with_limits(Limits { max_recv: Some(20), max_send: None });

/// The largest response that is taken, of 10, 20, 30 and 40 bytes.
async fn largest(
    of_call: CallOptions,
    of_method: Option<CallOptions>,
    of_channel: CallOptions,
    method: Method,
) -> usize {
    let mut largest = 0;
    for len in [10, 20, 30, 40] {
        let (connector, mut listener) = duplex(1 << 20);
        let mut builder = Channel::builder(connector).options(of_channel.clone());
        if let Some(of_method) = &of_method {
            builder = builder.method_options(method.path(), of_method.clone());
        }
        let channel = builder.build();
        tokio::spawn(async move {
            let mut peer = Peer::accept(&mut listener).await;
            let stream = peer.request().await;
            let message = vec![7; len];
            let answer =
                [headers(stream, START), data(stream, &framed(0, &message)), last_headers(stream, OK)];
            peer.send(&answer.concat()).await;
            while peer.next().await.is_some() {}
        });
        let request = Request::new(Bytes::new()).with_options(of_call.clone());
        match in_time(invoke::unary(&channel, &method, request)).await {
            Ok(_) => largest = len,
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted),
        }
    }
    largest
}

#[tokio::test]
async fn a_limit_is_the_calls_then_the_methods_then_the_channels() {
    let recv = |bytes| CallOptions::new().max_recv(bytes);
    let none = CallOptions::new;
    let say = crate::peer::SAY;
    assert_eq!(largest(none(), None, none(), say).await, 40);
    assert_eq!(largest(none(), None, recv(30), say).await, 30);
    assert_eq!(largest(none(), None, recv(30), LIMITED).await, 20);
    assert_eq!(largest(none(), Some(recv(10)), recv(30), LIMITED).await, 10);
    assert_eq!(largest(none(), Some(recv(30)), recv(10), LIMITED).await, 30);
    assert_eq!(largest(recv(40), Some(recv(10)), recv(30), LIMITED).await, 40);
}

/// The timeout that a call with these options sends, rounded up to seconds.
async fn timeout(of_call: Option<u64>, of_method: Option<u64>, of_channel: Option<u64>) -> Option<u64> {
    let options = |seconds: Option<u64>| match seconds {
        Some(seconds) => CallOptions::new().timeout(Duration::from_secs(seconds)),
        None => CallOptions::new(),
    };
    let (connector, mut listener) = duplex(1 << 20);
    let channel = Channel::builder(connector)
        .options(options(of_channel))
        .method_options("/test.Echo/Say", options(of_method))
        .method_options("/test.Echo/Other", options(Some(99)))
        .build();
    let request = Request::new(Bytes::new()).with_options(options(of_call));
    let asking =
        tokio::spawn(async move { in_time(invoke::unary(&channel, &crate::peer::SAY, request)).await });
    let mut peer = Peer::accept(&mut listener).await;
    let value = peer.find(|seen| field(seen, "grpc-timeout")).await;
    asking.abort();
    value.map(|value| value.strip_suffix('u').unwrap().parse::<u64>().unwrap().div_ceil(1_000_000))
}

/// A field of a request; the inner `None` where it is absent.
fn field(seen: &Seen, name: &str) -> Option<Option<String>> {
    let Seen::Headers { fields, .. } = seen else { return None };
    Some(fields.iter().find(|field| field.0 == name).map(|field| field.1.clone()))
}

#[tokio::test]
async fn a_timeout_is_the_calls_then_the_methods_then_the_channels() {
    assert_eq!(timeout(None, None, None).await, None);
    assert_eq!(timeout(None, None, Some(30)).await, Some(30));
    assert_eq!(timeout(None, Some(20), Some(30)).await, Some(20));
    assert_eq!(timeout(Some(40), Some(20), Some(30)).await, Some(40));
}

#[tokio::test]
async fn an_interceptor_may_refuse_and_then_nothing_is_sent() {
    let (connector, mut listener) = duplex(1 << 20);
    let channel = Channel::builder(connector)
        .intercept(|headers| match headers.path.as_str() {
            "/test.Echo/Say" => Err(Status::unauthenticated("no token for this call")),
            _ => Ok(()),
        })
        .build();
    let status = crate::peer::say(&channel, b"hi").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "no token for this call"));
    let connected = tokio::time::timeout(Duration::from_millis(30), Peer::silent(&mut listener)).await;
    assert!(connected.is_err());
}

#[tokio::test]
async fn an_interceptor_may_change_what_is_sent() {
    let (connector, mut listener) = duplex(1 << 20);
    let channel = Channel::builder(connector)
        .authority("example.org:1")
        .unwrap()
        .user_agent("tester/1")
        .intercept(|headers| {
            headers.timeout = None;
            headers.metadata.insert("authorization", "Bearer x").map_err(Status::from)
        })
        .build();
    let options = CallOptions::new().timeout(Duration::from_secs(5));
    let asking = tokio::spawn(async move { crate::peer::say_with(&channel, options).await });
    let mut peer = Peer::accept(&mut listener).await;
    let fields = peer
        .find(|seen| match seen {
            Seen::Headers { fields, .. } => Some(fields.clone()),
            _ => None,
        })
        .await;
    let value = |name: &str| fields.iter().find(|field| field.0 == name).map(|field| field.1.as_str());
    assert_eq!((value("authorization"), value(":authority")), (Some("Bearer x"), Some("example.org:1")));
    assert_eq!(value("grpc-timeout"), None, "the interceptor has the last word");
    assert!(value("user-agent").unwrap().starts_with("tester/1 grpc-rust-wirepath/"));
    let stream = peer.request().await;
    peer.send(&good(stream, b"")).await;
    asking.await.unwrap().unwrap();
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn messages_are_compressed_as_the_interceptor_leaves_the_header() {
    let (connector, mut listener) = duplex(1 << 20);
    let channel = Channel::builder(connector)
        .options(CallOptions::new().encoding(wirepath::Encoding::Gzip))
        .intercept(|headers| {
            headers.encoding = wirepath::Encoding::Identity;
            Ok(())
        })
        .build();
    let asking = tokio::spawn(async move { crate::peer::say(&channel, b"hi").await });
    let mut peer = Peer::accept(&mut listener).await;
    assert_eq!(peer.find(|seen| field(seen, "grpc-encoding")).await, None);
    let data = peer
        .find(|seen| match seen {
            Seen::Data { data, .. } => Some(data.clone()),
            _ => None,
        })
        .await;
    assert_eq!(data, framed(0, b"hi"));
    asking.abort();
}
