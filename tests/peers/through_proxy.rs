//! What passes through a proxy between our client and our server, each on a Unix socket of its own.
//!
//! `tests/peers/run` runs these for each proxy, which WIREPATH_PROXY names by its folder, and the interop cases too. What is
//! known of them: nginx 1.22 carries one call at a time on each connection to the server, and ends a client connection
//! after 1000 calls; for a server that is not there all answer by HTTP 502 or 503, which are UNAVAILABLE, and nghttpx for
//! some time after it is back; haproxy 2.6 may crash when it has nothing left to do but to end.

use std::{
    future::{Future, pending},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::Notify,
    task::{JoinHandle, JoinSet},
};
use wirepath::{
    Channel, Code, Endpoint, MessageReceiver, MessageSender, Metadata, Request, Response, Router, Server,
    Status,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
    wire::Origin,
};

#[tokio::test]
#[ignore = "needs a proxy: tests/peers/run nginx haproxy nghttpx"]
async fn status_details_and_metadata_pass_in_trailers_only_and_in_trailers() {
    in_time(async {
        let through = Through::start().await;
        let trailers_only = through.say("refuse").await.unwrap_err();
        let (mut requests, mut responses) = through.chat().await;
        requests.send("before".into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), "before");
        requests.send("refuse".into()).await.unwrap();
        let trailers = responses.recv().await.unwrap_err();
        for status in [trailers_only, trailers] {
            let sent = refusal();
            assert_eq!(status.origin(), Origin::Remote, "{status}");
            assert_eq!((status.code(), status.message()), (sent.code(), sent.message()));
            assert_eq!(status.details(), sent.details());
            for key in ["why-bin", "also-bin"] {
                assert_eq!(status.metadata().get_bin(key), sent.metadata().get_bin(key), "{key}");
            }
            assert_eq!(status.metadata().get_all("why").collect::<Vec<_>>(), ["first", "second"]);
        }
        through.end().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a proxy: tests/peers/run nginx haproxy nghttpx"]
async fn a_deadline_reaches_the_handler_and_ends_it() {
    in_time(async {
        let through = Through::start().await;
        let request = Request::new("deadline".into()).with_timeout(Duration::from_secs(60));
        let remaining = invoke::unary(&through.channel, &SAY, request).await.unwrap().into_message();
        let remaining: u64 = std::str::from_utf8(&remaining).unwrap().parse().unwrap();
        assert!((1..=60_000).contains(&remaining), "{remaining} ms");

        let request = Request::new("wait".into()).with_timeout(Duration::from_millis(200));
        let status = invoke::unary(&through.channel, &SAY, request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        through.given_up.notified().await;
        through.end().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a proxy: tests/peers/run nginx haproxy nghttpx"]
async fn a_dropped_call_ends_the_handler() {
    in_time(async {
        let through = Through::start().await;
        let (mut requests, responses) = through.chat().await;
        requests.send("wait".into()).await.unwrap();
        through.waiting.notified().await;
        drop((requests, responses));
        through.given_up.notified().await;
        assert_eq!(through.say("still here").await.unwrap(), "still here");
        through.end().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a proxy: tests/peers/run nginx haproxy nghttpx"]
async fn large_streams_pass_both_ways_at_once() {
    const MESSAGES: usize = 512;
    in_time(async {
        let through = Through::start().await;
        let (mut requests, mut responses) = through.chat().await;
        let message = Bytes::from(vec![b'x'; 32 * 1024]);
        let sent = message.clone();
        let sending = tokio::spawn(async move {
            for _ in 0..MESSAGES {
                requests.send(sent.clone()).await?;
            }
            requests.finish().await
        });
        let mut received = 0;
        while let Some(response) = responses.recv().await.unwrap() {
            assert_eq!(response, message);
            received += 1;
        }
        assert_eq!(received, MESSAGES);
        sending.await.unwrap().unwrap();
        through.end().await;
    })
    .await;
}

/// The server's drain: what runs goes on to its end, and the next call finds the next server.
#[tokio::test]
#[ignore = "needs a proxy: tests/peers/run nginx haproxy nghttpx"]
async fn a_draining_server_finishes_its_streams_and_its_successor_serves_the_same_client() {
    in_time(async {
        let mut through = Through::start().await;
        let (mut requests, mut responses) = through.chat().await;
        requests.send("before".into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), "before");
        through.server.drain.notify_one();
        while through.path("server").exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        requests.send("after".into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), "after");
        requests.finish().await.unwrap();
        assert_eq!(responses.recv().await.unwrap(), None);
        through.server.drains().await;

        let status = through.say("nobody is here").await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("502") || status.message().contains("503"), "{status}");

        through.server = serve(through.dir.path(), &through.waiting, &through.given_up).await;
        // nghttpx leaves a server that was not there alone for a while.
        let answer = loop {
            match through.say("the next").await {
                Err(status) if status.code() == Code::Unavailable => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                answer => break answer,
            }
        };
        assert_eq!(answer.unwrap(), "the next");
        through.end().await;
    })
    .await;
}

/// The proxy's own drain, as a reload of its configuration does it.
#[tokio::test]
#[ignore = "needs a proxy: tests/peers/run nginx haproxy nghttpx"]
async fn a_draining_proxy_finishes_its_streams() {
    in_time(async {
        let mut through = Through::start().await;
        let (mut requests, mut responses) = through.chat().await;
        requests.send("before".into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), "before");
        through.proxy.signal("USR1");
        while through.path("proxy").exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        requests.send("after".into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), "after");
        requests.finish().await.unwrap();
        assert_eq!(responses.recv().await.unwrap(), None);
        assert!(through.proxy.child.wait().await.unwrap().success());
        through.server.drains().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a proxy: tests/peers/run nginx haproxy nghttpx"]
async fn no_call_is_lost_when_the_proxy_ends_the_connection() {
    in_time(async {
        let through = Through::start().await;
        let mut callers = JoinSet::new();
        for caller in 0..8 {
            let channel = through.channel.clone();
            callers.spawn(async move {
                for nth in 0..300 {
                    let text = Bytes::from(format!("{caller} {nth}"));
                    let answer = invoke::unary(&channel, &SAY, text.clone().into()).await;
                    assert_eq!(answer.expect("every call is answered").into_message(), text);
                }
            });
        }
        callers.join_all().await;
        through.end().await;
    })
    .await;
}

/// A proxy, with a client before it and a server behind it.
struct Through {
    channel: Channel,
    proxy: Proxy,
    server: Running,
    /// A handler begins to wait for ever.
    waiting: Arc<Notify>,
    /// It was dropped.
    given_up: Arc<Notify>,
    dir: TempDir,
}

struct Running {
    task: JoinHandle<std::io::Result<()>>,
    drain: Arc<Notify>,
}

/// The script that runs it; nothing of it outlives this.
struct Proxy {
    child: Child,
}

impl Through {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (waiting, given_up) = (Arc::default(), Arc::default());
        let server = serve(dir.path(), &waiting, &given_up).await;
        let proxy = Proxy::start(dir.path()).await;
        let channel = Channel::new(endpoint(dir.path(), "proxy"));
        Self { channel, proxy, server, waiting, given_up, dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    async fn say(&self, text: &'static str) -> Result<Bytes, Status> {
        let request = Bytes::from(text).into();
        invoke::unary(&self.channel, &SAY, request).await.map(Response::into_message)
    }

    async fn chat(&self) -> (MessageSender<Bytes>, MessageReceiver<Bytes>) {
        invoke::bidi_streaming(&self.channel, &CHAT, ().into()).await.unwrap()
    }

    /// Drains the server and the proxy.
    async fn end(mut self) {
        self.proxy.signal("USR1");
        drop(self.channel);
        self.server.drains().await;
        assert!(self.proxy.child.wait().await.unwrap().success());
    }
}

impl Running {
    async fn drains(&mut self) {
        self.drain.notify_one();
        (&mut self.task).await.unwrap().unwrap();
    }
}

impl Proxy {
    async fn start(dir: &Path) -> Self {
        let name = std::env::var("WIREPATH_PROXY").expect("WIREPATH_PROXY names a proxy");
        let mut command = Command::new(format!("{}/tests/peers/{name}/proxy", env!("CARGO_MANIFEST_DIR")));
        command.arg("--listen").arg(endpoint(dir, "proxy").to_string());
        command.arg("--upstream").arg(endpoint(dir, "server").to_string());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.next_line().await.unwrap().expect("it starts");
        assert!(ready.starts_with("listening on "), "{ready}");
        Self { child }
    }

    fn signal(&self, name: &str) {
        if let Some(id) = self.child.id() {
            let _ = std::process::Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.signal("TERM");
    }
}

struct TellsOfItsDrop(Arc<Notify>);

impl Drop for TellsOfItsDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

async fn serve(dir: &Path, waiting: &Arc<Notify>, given_up: &Arc<Notify>) -> Running {
    let mut router = Router::new();
    let notifies = (waiting.clone(), given_up.clone());
    router.unary(&SAY, move |request: Request<Bytes>| {
        let (waiting, given_up) = notifies.clone();
        async move {
            if request.message() == "deadline" {
                let remaining = request.deadline().expect("grpc-timeout came").remaining();
                return Ok(Response::new(remaining.as_millis().to_string().into()));
            }
            obey(request.message(), &waiting, &given_up).await?;
            Ok(Response::new(request.into_message()))
        }
    });
    let notifies = (waiting.clone(), given_up.clone());
    router.bidi_streaming(
        &CHAT,
        move |requests: Request<MessageReceiver<Bytes>>, mut responses: MessageSender<Bytes>| {
            let (waiting, given_up) = notifies.clone();
            async move {
                let mut requests = requests.into_message();
                while let Some(message) = requests.recv().await? {
                    obey(&message, &waiting, &given_up).await?;
                    responses.send(message).await?;
                }
                Ok(())
            }
        },
    );
    let listener = endpoint(dir, "server").listen().await.unwrap();
    let drain: Arc<Notify> = Arc::default();
    let drained = Arc::clone(&drain);
    let serving = Server::new()
        .add(router)
        .serve_with_shutdown(vec![listener], async move { drained.notified().await });
    Running { task: tokio::spawn(serving), drain }
}

/// "refuse": with all that a status can hold; "wait": never; else at once.
async fn obey(message: &Bytes, waiting: &Notify, given_up: &Arc<Notify>) -> Result<(), Status> {
    match &message[..] {
        b"refuse" => Err(refusal()),
        b"wait" => {
            let _tells = TellsOfItsDrop(Arc::clone(given_up));
            waiting.notify_one();
            pending().await
        }
        _ => Ok(()),
    }
}

fn refusal() -> Status {
    let mut metadata = Metadata::new();
    for value in ["first", "second"] {
        metadata.append("why", value).unwrap();
    }
    for (key, value) in [("why-bin", &[0, 0xff, 0x80][..]), ("also-bin", &[])] {
        metadata.append_bin(key, value).unwrap();
    }
    let details: Vec<u8> = (0..=255).collect();
    Status::new(Code::Aborted, "\u{263a} 100 %\r\n").with_details(details).with_metadata(metadata)
}

fn endpoint(dir: &Path, name: &str) -> Endpoint {
    format!("unix:{}", dir.join(name).display()).parse().unwrap()
}

/// Bounds a test, so that a hang is told as a failure.
async fn in_time<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), test).await.expect("it does not hang")
}

type Method = MethodDescriptor<Bytes, Bytes>;

const SAY: Method = MethodDescriptor::new("/test.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);
const CHAT: Method =
    MethodDescriptor::new("/test.Echo/Chat", MethodType::BidiStreaming, Codec::RAW, Codec::RAW);
