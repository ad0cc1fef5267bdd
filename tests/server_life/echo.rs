//! A service whose handlers do as the message says, and a server of it on a Unix socket.

use std::{
    future::{Future, pending},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};
use wirepath::{
    Channel, Endpoint, MessageReceiver, MessageSender, Request, Response, Router, Server, Status,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
};

pub(crate) type Method = MethodDescriptor<Bytes, Bytes>;

pub(crate) const SAY: Method = method("/test.Echo/Say", MethodType::Unary);
pub(crate) const COLLECT: Method = method("/test.Echo/Collect", MethodType::ClientStreaming);
pub(crate) const COUNT: Method = method("/test.Echo/Count", MethodType::ServerStreaming);
pub(crate) const CHAT: Method = method("/test.Echo/Chat", MethodType::BidiStreaming);

const fn method(path: &'static str, method_type: MethodType) -> Method {
    MethodDescriptor::new(path, method_type, Codec::RAW, Codec::RAW)
}

/// How many handlers are alive.
#[derive(Clone, Default)]
pub(crate) struct Alive(Arc<AtomicUsize>);

impl Alive {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits until so many are.
    pub(crate) async fn becomes(&self, count: usize) {
        until(|| self.count() == count).await;
    }

    fn enter(&self) -> Guard {
        self.0.fetch_add(1, Ordering::SeqCst);
        Guard(Arc::clone(&self.0))
    }
}

struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until it holds, within some seconds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it comes to hold");
}

/// Bounds a test, so that a hang is told as a failure.
pub(crate) async fn in_time<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), test).await.expect("it does not hang")
}

/// "wait": never; "panic": as it says; "100": after so many milliseconds; else at once.
pub(crate) async fn obey(message: &[u8]) {
    match std::str::from_utf8(message) {
        Ok("wait") => pending().await,
        Ok("panic") => panic!("as asked"),
        Ok(text) => {
            if let Ok(millis) = text.parse() {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
        }
        Err(_) => {}
    }
}

async fn count(request: Request<Bytes>, mut responses: MessageSender<Bytes>) -> Result<(), Status> {
    let message = request.into_message();
    if &message[..] == b"for ever" {
        loop {
            responses.send(Bytes::from(vec![0; 10_000])).await?;
        }
    }
    responses.send(message.clone()).await?;
    obey(&message).await;
    responses.send(message).await
}

async fn chat(
    requests: Request<MessageReceiver<Bytes>>,
    mut responses: MessageSender<Bytes>,
) -> Result<(), Status> {
    let mut requests = requests.into_message();
    while let Some(message) = requests.recv().await? {
        obey(&message).await;
        responses.send(message).await?;
    }
    Ok(())
}

pub(crate) fn router(alive: &Alive) -> Router {
    let mut router = Router::new();
    let entered = alive.clone();
    router.unary(&SAY, move |request: Request<Bytes>| {
        let guard = entered.enter();
        async move {
            let _guard = guard;
            obey(request.message()).await;
            Ok(Response::new(request.into_message()))
        }
    });
    let entered = alive.clone();
    router.client_streaming(&COLLECT, move |requests: Request<MessageReceiver<Bytes>>| {
        let guard = entered.enter();
        async move {
            let (_guard, mut requests) = (guard, requests.into_message());
            while let Some(message) = requests.recv().await? {
                obey(&message).await;
            }
            Ok(Response::new(Bytes::new()))
        }
    });
    let entered = alive.clone();
    router.server_streaming(&COUNT, move |request, responses| {
        let guard = entered.enter();
        async move {
            let _guard = guard;
            count(request, responses).await
        }
    });
    let entered = alive.clone();
    router.bidi_streaming(&CHAT, move |requests, responses| {
        let guard = entered.enter();
        async move {
            let _guard = guard;
            chat(requests, responses).await
        }
    });
    router
}

pub(crate) async fn say(channel: &Channel, message: &'static str) -> Result<Bytes, Status> {
    invoke::unary(channel, &SAY, Bytes::from(message).into()).await.map(Response::into_message)
}

/// Where a server runs its handlers.
pub(crate) fn both_placements() -> [Server; 2] {
    [Server::new(), Server::new().task_per_call()]
}

/// A server on a Unix socket, which drains on demand.
pub(crate) struct Running {
    pub(crate) endpoint: Endpoint,
    pub(crate) alive: Alive,
    pub(crate) task: JoinHandle<std::io::Result<()>>,
    shutdown: oneshot::Sender<()>,
    _dir: TempDir,
}

impl Running {
    pub(crate) async fn start(server: Server) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::Unix(dir.path().join("life.sock"));
        let listener = endpoint.listen().await.unwrap();
        let alive = Alive::default();
        let (shutdown, told) = oneshot::channel();
        let serving = server.add(router(&alive)).serve_with_shutdown([listener], async {
            let _ = told.await;
        });
        Self { endpoint, alive, task: tokio::spawn(serving), shutdown, _dir: dir }
    }

    pub(crate) fn channel(&self) -> Channel {
        Channel::new(self.endpoint.clone())
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        let Endpoint::Unix(path) = &self.endpoint else { panic!("it is a path") };
        path
    }

    /// Begins the shutdown; the task that is given ends with it, and the directory lives as long as the guard.
    pub(crate) fn drain(self) -> (JoinHandle<std::io::Result<()>>, Endpoint, Alive, TempDir) {
        self.shutdown.send(()).unwrap();
        (self.task, self.endpoint, self.alive, self._dir)
    }
}
