//! The four call shapes over every transport, by the public API without generated code.

use std::time::Duration;

use bytes::Bytes;
use wirepath::{
    Channel, Code, MessageReceiver, MessageSender, Request, Response, Router, Server, Status,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
    transport::{Listener, duplex},
};

type Method = MethodDescriptor<Bytes, Bytes>;

const fn method(path: &'static str, method_type: MethodType) -> Method {
    MethodDescriptor::new(path, method_type, Codec::RAW, Codec::RAW)
}

const SAY: Method = method("/test.Echo/Say", MethodType::Unary);
const COLLECT: Method = method("/test.Echo/Collect", MethodType::ClientStreaming);
const COUNT: Method = method("/test.Echo/Count", MethodType::ServerStreaming);
const CHAT: Method = method("/test.Echo/Chat", MethodType::BidiStreaming);

async fn say(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    Ok(Response::new(request.into_message()))
}

async fn collect(requests: Request<MessageReceiver<Bytes>>) -> Result<Response<Bytes>, Status> {
    let (mut requests, mut all) = (requests.into_message(), Vec::new());
    while let Some(message) = requests.recv().await? {
        all.extend_from_slice(&message);
    }
    Ok(Response::new(all.into()))
}

async fn count(request: Request<Bytes>, mut responses: MessageSender<Bytes>) -> Result<(), Status> {
    for piece in request.into_message().chunks(1) {
        responses.send(Bytes::copy_from_slice(piece)).await?;
    }
    Ok(())
}

async fn chat(
    requests: Request<MessageReceiver<Bytes>>,
    mut responses: MessageSender<Bytes>,
) -> Result<(), Status> {
    let mut requests = requests.into_message();
    while let Some(message) = requests.recv().await? {
        responses.send(message).await?;
    }
    Ok(())
}

fn router() -> Router {
    let mut router = Router::new();
    router.unary(&SAY, say);
    router.client_streaming(&COLLECT, collect);
    router.server_streaming(&COUNT, count);
    router.bidi_streaming(&CHAT, chat);
    router
}

async fn drain<M>(responses: &mut MessageReceiver<M>) -> Result<Vec<M>, Status> {
    let mut all = Vec::new();
    while let Some(message) = responses.recv().await? {
        all.push(message);
    }
    Ok(all)
}

async fn four_shapes(channel: Channel) {
    let big = Bytes::from(vec![7; 3 << 20]);
    for message in [Bytes::new(), Bytes::from_static(b"hello"), big] {
        let response = invoke::unary(&channel, &SAY, message.clone().into()).await.unwrap();
        assert_eq!(response.into_message(), message);
    }

    let (mut requests, responses) = invoke::client_streaming(&channel, &COLLECT, ().into()).await.unwrap();
    for piece in ["a", "b", "c"] {
        requests.send(piece.into()).await.unwrap();
    }
    requests.finish().await.unwrap();
    assert_eq!(responses.only_message().await.unwrap().into_message(), "abc");

    let mut responses =
        invoke::server_streaming(&channel, &COUNT, Bytes::from_static(b"xyz").into()).await.unwrap();
    assert_eq!(drain(&mut responses).await.unwrap(), ["x", "y", "z"]);

    let (mut requests, mut responses) = invoke::bidi_streaming(&channel, &CHAT, ().into()).await.unwrap();
    for piece in ["ping", "pong"] {
        requests.send(piece.into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), piece);
    }
    requests.finish().await.unwrap();
    assert_eq!(responses.recv().await.unwrap(), None);

    let missing = method("/test.Echo/Missing", MethodType::Unary);
    let status = invoke::unary(&channel, &missing, Bytes::new().into()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
}

#[tokio::test]
async fn over_the_in_memory_duplex() {
    let (connector, listener) = duplex(64 * 1024);
    tokio::spawn(Server::new().add(router()).serve(listener));
    tokio::time::timeout(Duration::from_secs(10), four_shapes(Channel::new(connector))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_unix_socket() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint: wirepath::Endpoint = format!("unix:{}/echo.sock", dir.path().display()).parse().unwrap();
    let listener: Box<dyn Listener> = endpoint.listen().await.unwrap();
    tokio::spawn(Server::new().add(router()).serve(listener));
    tokio::time::timeout(Duration::from_secs(10), four_shapes(Channel::new(endpoint))).await.unwrap();
}
