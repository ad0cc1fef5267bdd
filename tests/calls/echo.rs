//! An echo service of the four shapes, and ways to serve it.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use wirepath::{
    Channel, MessageReceiver, MessageSender, Request, Response, Router, Server, Status,
    call::{MethodDescriptor, MethodType},
    codec::Codec,
    transport::duplex,
};

pub(crate) type Method = MethodDescriptor<Bytes, Bytes>;

pub(crate) const SAY: Method = method("/test.Echo/Say", MethodType::Unary);
pub(crate) const COLLECT: Method = method("/test.Echo/Collect", MethodType::ClientStreaming);
pub(crate) const COUNT: Method = method("/test.Echo/Count", MethodType::ServerStreaming);
pub(crate) const CHAT: Method = method("/test.Echo/Chat", MethodType::BidiStreaming);

pub(crate) const fn method(path: &'static str, method_type: MethodType) -> Method {
    MethodDescriptor::new(path, method_type, Codec::RAW, Codec::RAW)
}

/// The echo service: what comes in goes out, one byte a message where one becomes many.
pub(crate) fn router() -> Router {
    let mut router = Router::new();
    router.unary(&SAY, say);
    router.client_streaming(&COLLECT, collect);
    router.server_streaming(&COUNT, count);
    router.bidi_streaming(&CHAT, chat);
    router
}

pub(crate) async fn say(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    Ok(Response::new(request.into_message()))
}

async fn collect(requests: Request<MessageReceiver<Bytes>>) -> Result<Response<Bytes>, Status> {
    let all = drain(&mut requests.into_message()).await?;
    Ok(Response::new(all.concat().into()))
}

async fn count(request: Request<Bytes>, mut responses: MessageSender<Bytes>) -> Result<(), Status> {
    for piece in request.into_message().chunks(1) {
        responses.send(Bytes::copy_from_slice(piece)).await?;
    }
    Ok(())
}

pub(crate) async fn chat(
    requests: Request<MessageReceiver<Bytes>>,
    mut responses: MessageSender<Bytes>,
) -> Result<(), Status> {
    let mut requests = requests.into_message();
    while let Some(message) = requests.recv().await? {
        responses.send(message).await?;
    }
    Ok(())
}

/// Receives all messages to the end.
pub(crate) async fn drain<M>(responses: &mut MessageReceiver<M>) -> Result<Vec<M>, Status> {
    let mut all = Vec::new();
    while let Some(message) = responses.recv().await? {
        all.push(message);
    }
    Ok(all)
}

/// Where a server runs its handlers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Placement {
    OnTheConnection,
    TaskPerCall,
}

impl Placement {
    pub(crate) const BOTH: [Placement; 2] = [Placement::OnTheConnection, Placement::TaskPerCall];

    pub(crate) fn server(self) -> Server {
        match self {
            Placement::OnTheConnection => Server::new(),
            Placement::TaskPerCall => Server::new().task_per_call(),
        }
    }
}

/// Serves in memory, and gives a channel to it.
pub(crate) fn in_memory(server: Server) -> Channel {
    let (connector, listener) = duplex(64 * 1024);
    tokio::spawn(server.serve(listener));
    Channel::new(connector)
}

/// Bounds a test, so that a hang is told as a failure.
pub(crate) async fn in_time<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), test).await.expect("it does not hang")
}

/// How many handlers are alive.
#[derive(Clone, Default)]
pub(crate) struct Alive(Arc<AtomicUsize>);

impl Alive {
    /// One more until the guard is dropped.
    pub(crate) fn enter(&self) -> AliveGuard {
        self.0.fetch_add(1, Ordering::SeqCst);
        AliveGuard(Arc::clone(&self.0))
    }

    /// Waits until so many are, promptly.
    pub(crate) async fn becomes(&self, count: usize) {
        let becomes = async {
            while self.0.load(Ordering::SeqCst) != count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(5), becomes).await;
        assert!(waited.is_ok(), "{} handlers are alive, not {count}", self.0.load(Ordering::SeqCst));
    }
}

pub(crate) struct AliveGuard(Arc<AtomicUsize>);

impl Drop for AliveGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
