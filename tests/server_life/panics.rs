//! Panics of user code: each is its own call's end and no other's (rule 37).

use bytes::{Bytes, BytesMut};
use wirepath::{
    Channel, Code, MessageSender, Request, Response, Router, Status, call::MethodDescriptor, client::invoke,
    codec::Codec, transport::duplex,
};

use crate::echo::{Alive, CHAT, COLLECT, COUNT, SAY, both_placements, in_time, router, say};

/// Runs `provoke` beside a stream that is open before, during and after it.
async fn beside_another_call(channel: &Channel, provoke: impl AsyncFnOnce(&Channel)) {
    let (mut requests, mut responses) = invoke::bidi_streaming(channel, &CHAT, ().into()).await.unwrap();
    requests.send("before".into()).await.unwrap();
    assert_eq!(responses.recv().await.unwrap().unwrap(), "before");
    in_time(provoke(channel)).await;
    requests.send("after".into()).await.unwrap();
    assert_eq!(responses.recv().await.unwrap().unwrap(), "after");
    requests.finish().await.unwrap();
    assert_eq!(responses.recv().await.unwrap(), None);
}

#[tokio::test]
async fn a_handler_of_each_shape_may_panic() {
    for server in both_placements() {
        let (connector, listener) = duplex(1 << 16);
        let alive = Alive::default();
        tokio::spawn(server.add(router(&alive)).serve(listener));
        beside_another_call(&Channel::new(connector), async |channel| {
            let status = say(channel, "panic").await.unwrap_err();
            assert_eq!(status.code(), Code::Unknown, "{status}");

            let (mut requests, responses) =
                invoke::client_streaming(channel, &COLLECT, ().into()).await.unwrap();
            requests.send("panic".into()).await.unwrap();
            let status = responses.only_message().await.unwrap_err();
            assert_eq!(status.code(), Code::Unknown, "{status}");

            // After its first message.
            let mut responses =
                invoke::server_streaming(channel, &COUNT, Bytes::from_static(b"panic").into()).await.unwrap();
            assert_eq!(responses.recv().await.unwrap().unwrap(), "panic");
            let status = responses.recv().await.unwrap_err();
            assert_eq!(status.code(), Code::Unknown, "{status}");

            // Before its first message.
            let (mut requests, mut responses) =
                invoke::bidi_streaming(channel, &CHAT, ().into()).await.unwrap();
            requests.send("panic".into()).await.unwrap();
            let status = responses.recv().await.unwrap_err();
            assert_eq!(status.code(), Code::Unknown, "{status}");
        })
        .await;
        alive.becomes(0).await;
    }
}

#[tokio::test]
async fn a_handler_may_panic_before_it_becomes_a_future() {
    for server in both_placements() {
        let (connector, listener) = duplex(1 << 16);
        let mut early = router(&Alive::default());
        early.unary(&SAY, |request: Request<Bytes>| {
            assert!(request.message() != "panic", "as asked");
            async { Ok(Response::from(request.into_message())) }
        });
        early.server_streaming(&COUNT, |request: Request<Bytes>, _: MessageSender<Bytes>| {
            assert!(request.message() != "panic", "as asked");
            async { Ok(()) }
        });
        tokio::spawn(server.add(early).serve(listener));
        beside_another_call(&Channel::new(connector), async |channel| {
            assert_eq!(say(channel, "panic").await.unwrap_err().code(), Code::Unknown);
            let mut responses =
                invoke::server_streaming(channel, &COUNT, Bytes::from_static(b"panic").into()).await.unwrap();
            assert_eq!(responses.recv().await.unwrap_err().code(), Code::Unknown);
        })
        .await;
    }
}

#[tokio::test]
async fn an_interceptor_may_panic() {
    for server in both_placements() {
        let (connector, listener) = duplex(1 << 16);
        let server = server.add(router(&Alive::default())).intercept(|headers, _| {
            assert!(headers.path.path() != SAY.path(), "as asked");
            Ok(())
        });
        tokio::spawn(server.serve(listener));
        beside_another_call(&Channel::new(connector), async |channel| {
            let status = say(channel, "panic").await.unwrap_err();
            assert_eq!(status.code(), Code::Unknown, "{status}");
        })
        .await;
    }
}

/// Panics when it is dropped, unless it already panics.
struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "as asked");
    }
}

fn panics(_: &Bytes, _: &mut BytesMut) -> Option<Bytes> {
    panic!("as asked")
}

#[tokio::test]
async fn a_codec_and_a_cancelled_handler_may_panic() {
    const UNENCODABLE: MethodDescriptor<Bytes, Bytes> = {
        let codec = Codec::new(panics, Ok);
        MethodDescriptor::new("/test.Echo/Unencodable", SAY.method_type(), Codec::RAW, codec)
    };
    for server in both_placements() {
        let (connector, listener) = duplex(1 << 16);
        let mut broken = Router::new();
        broken.unary(&UNENCODABLE, |request: Request<Bytes>| async {
            Ok(Response::from(request.into_message()))
        });
        broken.server_streaming(
            &COUNT,
            |_: Request<Bytes>, mut responses: MessageSender<Bytes>| async move {
                let _bomb = PanicsOnDrop;
                responses.send("armed".into()).await?;
                std::future::pending::<Result<(), Status>>().await
            },
        );
        tokio::spawn(server.add(router(&Alive::default())).add(broken).serve(listener));
        beside_another_call(&Channel::new(connector), async |channel| {
            let asked = MethodDescriptor::new(UNENCODABLE.path(), SAY.method_type(), Codec::RAW, Codec::RAW);
            invoke::unary(channel, &asked, Bytes::new().into()).await.unwrap_err();
            let mut responses = invoke::server_streaming(channel, &COUNT, Bytes::new().into()).await.unwrap();
            assert_eq!(responses.recv().await.unwrap().unwrap(), "armed");
            drop(responses);
            say(channel, "20").await.unwrap();
        })
        .await;
    }
}
