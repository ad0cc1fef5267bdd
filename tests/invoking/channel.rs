//! The channel: one connection on first use, anew after a loss, and errors that name endpoint and cause.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use wirepath::{
    CallOptions, Channel, Code, Endpoint, Request, Router, Server, Status,
    client::invoke,
    transport::{BoxFuture, Connected, Connector, DuplexConnector, DuplexListener, duplex},
};

use crate::peer::{Peer, SAY, chat, connect, good, in_time, say, say_with};

/// Counts connections, and takes its time over each.
#[derive(Clone, Debug)]
struct Counting {
    connector: DuplexConnector,
    delay: Duration,
    count: Arc<AtomicUsize>,
}

impl Counting {
    fn new(connector: DuplexConnector, delay: Duration) -> Self {
        Self { connector, delay, count: Arc::default() }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl Connector for Counting {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            self.count.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(self.delay).await;
            self.connector.connect().await
        })
    }

    fn endpoint(&self) -> String {
        self.connector.endpoint()
    }
}

pub(crate) fn slow_to_connect(delay: Duration) -> (Channel, DuplexListener) {
    let (connector, listener) = duplex(1 << 20);
    (Channel::new(Counting::new(connector, delay)), listener)
}

async fn echo(request: Request<Bytes>) -> Result<wirepath::Response<Bytes>, Status> {
    Ok(request.into_message().into())
}

fn router() -> Router {
    let mut router = Router::new();
    router.unary(&SAY, echo);
    router
}

#[tokio::test]
async fn connects_on_first_use_and_once_for_all_clones_and_concurrent_calls() {
    let (connector, listener) = duplex(1 << 20);
    let counting = Counting::new(connector, Duration::from_millis(20));
    let channel = Channel::new(counting.clone());
    tokio::spawn(Server::new().add(router()).serve(listener));
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(counting.count(), 0);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { say(&channel, b"hi").await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    say(&channel.clone(), b"hi").await.unwrap();
    assert_eq!(counting.count(), 1);
}

#[tokio::test]
async fn its_meters_are_those_of_the_connection_of_now() {
    let (channel, listener) = connect();
    assert!(channel.meters().is_none());
    tokio::spawn(Server::new().add(router()).serve(listener));
    for _ in 0..2 {
        say(&channel, b"hi").await.unwrap();
    }
    let meters = channel.meters().unwrap();
    assert_eq!((meters.streams(), meters.open_calls()), (2, 0));
    let call = chat(&channel).await;
    assert_eq!(meters.open_calls(), 1);
    drop(call);
    assert_eq!(meters.open_calls(), 0);
}

#[tokio::test]
async fn a_caller_that_gives_up_while_connecting_does_not_stop_the_others() {
    let (connector, listener) = duplex(1 << 20);
    let counting = Counting::new(connector, Duration::from_millis(40));
    let channel = Channel::new(counting.clone());
    tokio::spawn(Server::new().add(router()).serve(listener));
    let hasty = CallOptions::new().timeout(Duration::from_millis(10));
    let patient = tokio::spawn({
        let channel = channel.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            say(&channel, b"hi").await
        }
    });
    assert_eq!(say_with(&channel, hasty).await.unwrap_err().code(), Code::DeadlineExceeded);
    patient.await.unwrap().unwrap();
    assert_eq!(counting.count(), 1);
}

#[tokio::test]
async fn connects_anew_after_a_loss() {
    let (channel, mut listener) = connect();
    for round in 0..3 {
        let asking = tokio::spawn({
            let channel = channel.clone();
            async move { say(&channel, b"hi").await }
        });
        let mut peer = Peer::accept(&mut listener).await;
        let stream = peer.request().await;
        assert_eq!(stream, 1, "round {round}");
        peer.send(&good(stream, b"yes")).await;
        asking.await.unwrap().unwrap();
        drop(peer);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn connects_anew_after_the_server_restarts_at_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint: Endpoint = format!("unix:{}/a.sock", dir.path().display()).parse().unwrap();
    let channel = Channel::new(endpoint.clone());
    for _ in 0..3 {
        let listener = endpoint.listen().await.unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(Server::new().add(router()).serve_with_shutdown([listener], async {
            let _ = stopped.await;
        }));
        say(&channel, b"hi").await.unwrap();
        stop.send(()).unwrap();
        in_time(serving).await.unwrap().unwrap();
        let status = say(&channel, b"hi").await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("a.sock"), "{status}");
    }
}

#[tokio::test]
async fn rule_68_a_missing_path_is_unavailable_and_says_what_and_why() {
    let status = say(&Channel::new(Endpoint::Unix("/nowhere/a.sock".into())), b"").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    for word in ["unix:/nowhere/a.sock", "ENOENT"] {
        assert!(status.message().contains(word), "{status}");
    }
    assert_eq!(status.message().matches("/nowhere").count(), 1, "named once: {status}");
}

#[tokio::test]
async fn rule_68_a_stale_socket_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sock");
    // It never did listen: a listener that is closed lives on for an instant in a child that another test starts.
    tokio::net::UnixSocket::new_stream().unwrap().bind(&path).unwrap();
    let status = say(&Channel::new(Endpoint::Unix(path.clone())), b"").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("ECONNREFUSED"), "{status}");
    assert!(status.message().contains(path.to_str().unwrap()), "{status}");
}

#[cfg(feature = "tcp")]
#[tokio::test]
async fn rule_68_a_refused_tcp_port_says_so() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint: Endpoint = format!("tcp:127.0.0.1:{port}").parse().unwrap();
    let status = say(&Channel::new(endpoint), b"").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains(&format!("tcp:127.0.0.1:{port}")), "{status}");
}

#[tokio::test]
async fn every_call_that_waits_for_an_attempt_fails_with_its_cause() {
    let (connector, listener) = duplex(8);
    drop(listener);
    let channel = Channel::new(Counting::new(connector, Duration::from_millis(20)));
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { say(&channel, b"").await })
        })
        .collect();
    for call in calls {
        let status = call.await.unwrap().unwrap_err();
        assert!(status.message().contains("its listener was dropped"), "{status}");
    }
}

#[tokio::test]
async fn rule_68_a_call_that_waits_for_its_server_is_served_when_it_appears() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint: Endpoint = format!("unix:{}/a.sock", dir.path().display()).parse().unwrap();
    let channel = Channel::new(endpoint.clone());
    let options = CallOptions::new().wait_for_ready(true).timeout(Duration::from_secs(5));
    let waiting = tokio::spawn(async move { say_with(&channel, options).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::spawn(Server::new().add(router()).serve(endpoint.listen().await.unwrap()));
    waiting.await.unwrap().unwrap();
}

/// Paused time: the only clock is the deadline's.
#[tokio::test(start_paused = true)]
async fn rule_68_a_call_that_waits_in_vain_ends_at_its_deadline_with_the_last_cause() {
    for millis in [1, 30, 500, 7_000] {
        let (connector, listener) = duplex(8);
        drop(listener);
        let channel = Channel::new(connector);
        let options = CallOptions::new().wait_for_ready(true).timeout(Duration::from_millis(millis));
        let begun = tokio::time::Instant::now();
        let status = say_with(&channel, options).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert!(status.message().contains("its listener was dropped"), "{millis}: {status}");
        let took = begun.elapsed();
        let deadline = Duration::from_millis(millis);
        assert!(took >= deadline && took <= deadline + Duration::from_millis(5), "{took:?} of {deadline:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_68_the_last_cause_is_told_also_when_the_last_attempt_hangs() {
    /// Fails once, then hangs.
    #[derive(Debug, Default)]
    struct Worse(AtomicUsize);

    impl Connector for Worse {
        fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
            let is_first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
            Box::pin(async move {
                if is_first { Err(io::Error::other("the first cause")) } else { std::future::pending().await }
            })
        }

        fn endpoint(&self) -> String {
            "worse".to_owned()
        }
    }

    let options = CallOptions::new().wait_for_ready(true).timeout(Duration::from_secs(1));
    let status = say_with(&Channel::new(Worse::default()), options).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(status.message().contains("worse: the first cause"), "{status}");
}

#[tokio::test]
async fn a_channel_outlives_the_runtime_that_connected_it() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint: Endpoint = format!("unix:{}/a.sock", dir.path().display()).parse().unwrap();
    let _serving = tokio::spawn(Server::new().add(router()).serve(endpoint.listen().await.unwrap()));
    let channel = Channel::new(endpoint);
    for _ in 0..2 {
        let channel = channel.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(say(&channel, b"hi")).map(|response| response.into_message())
        });
        let joined = tokio::task::spawn_blocking(move || thread.join().unwrap());
        assert_eq!(in_time(joined).await.unwrap().unwrap(), "hi");
    }
}

#[tokio::test]
async fn a_path_that_is_none_is_an_error_of_the_call() {
    use wirepath::{call::MethodType, codec::Codec};
    let bad: crate::peer::Method =
        crate::peer::Method::new("no slash and spaces", MethodType::Unary, Codec::RAW, Codec::RAW);
    let (channel, _listener) = connect();
    let status = in_time(invoke::unary(&channel, &bad, Bytes::new().into())).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("no slash"), "{status}");
}

#[tokio::test]
async fn a_listener_that_is_slow_to_accept_loses_nothing() {
    let (channel, mut listener) = connect();
    let asking = tokio::spawn(async move { say(&channel, b"hi").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    peer.send(&good(stream, b"yes")).await;
    asking.await.unwrap().unwrap();
}
