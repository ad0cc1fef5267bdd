//! The four shapes over every transport, on both runtimes, with handlers in both places.

use std::future::Future;

use wirepath::{
    Channel, Code,
    call::MethodType,
    client::invoke,
    transport::{Connector, Listener, duplex},
};

#[cfg(any(feature = "unix", feature = "tcp"))]
use wirepath::Endpoint;

use crate::echo::{CHAT, COLLECT, COUNT, Placement, SAY, drain, in_time, method, router};

/// Makes each of the four shapes, and a call of a method that is not there.
pub(crate) async fn four_shapes(channel: &Channel) {
    let said = invoke::unary(channel, &SAY, "hello".into_request()).await.unwrap();
    assert_eq!(said.message(), "hello");

    let (mut requests, responses) = invoke::client_streaming(channel, &COLLECT, ().into()).await.unwrap();
    for piece in ["a", "b", "", "c"] {
        requests.send(piece.into()).await.unwrap();
    }
    requests.finish().await.unwrap();
    assert_eq!(responses.only_message().await.unwrap().message(), "abc");

    let mut responses = invoke::server_streaming(channel, &COUNT, "xyz".into_request()).await.unwrap();
    assert_eq!(drain(&mut responses).await.unwrap(), ["x", "y", "z"]);

    let (mut requests, mut responses) = invoke::bidi_streaming(channel, &CHAT, ().into()).await.unwrap();
    for piece in ["ping", "pong"] {
        requests.send(piece.into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), piece);
    }
    requests.finish().await.unwrap();
    assert_eq!(responses.recv().await.unwrap(), None);

    let missing = method("/test.Echo/Missing", MethodType::Unary);
    let status = invoke::unary(channel, &missing, "".into_request()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
}

trait IntoRequest {
    fn into_request(self) -> wirepath::Request<bytes::Bytes>;
}

impl IntoRequest for &'static str {
    fn into_request(self) -> wirepath::Request<bytes::Bytes> {
        bytes::Bytes::from(self).into()
    }
}

/// Runs a test on a runtime of one thread and on one of several, with handlers in both places.
pub(crate) fn everywhere<F: Future<Output = ()>>(test: impl Fn(Placement) -> F) {
    let runtimes =
        [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()];
    for mut runtime in runtimes {
        for placement in Placement::BOTH {
            let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(in_time(test(placement)));
        }
    }
}

async fn serve(placement: Placement, listener: impl Listener, connector: impl Connector) {
    let server = tokio::spawn(placement.server().add(router()).serve(listener));
    four_shapes(&Channel::new(connector)).await;
    server.abort();
    let _ = server.await;
}

#[cfg(any(feature = "unix", feature = "tcp"))]
async fn over(placement: Placement, endpoint: &str) {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let listener = endpoint.listen().await.unwrap();
    let bound: Endpoint = listener.endpoint().parse().unwrap();
    serve(placement, listener, bound).await;
}

#[test]
fn over_the_in_memory_duplex() {
    everywhere(|placement| async move {
        // Also where a frame head does not fit into the transport.
        for capacity in [1, 7, 64 * 1024] {
            let (connector, listener) = duplex(capacity);
            serve(placement, listener, connector).await;
        }
    });
}

#[cfg(feature = "unix")]
#[test]
fn over_a_unix_socket_by_an_absolute_path() {
    everywhere(|placement| async move {
        let dir = tempfile::tempdir().unwrap();
        for scheme in ["unix:", "unix://"] {
            over(placement, &format!("{scheme}{}/echo: 1.sock", dir.path().display())).await;
        }
    });
}

#[cfg(feature = "unix")]
#[test]
fn over_a_unix_socket_by_a_relative_path() {
    everywhere(|placement| async move {
        let dir = tempfile::tempdir().unwrap();
        let depth = std::env::current_dir().unwrap().components().count() - 1;
        let from_here = "../".repeat(depth) + dir.path().to_str().unwrap().trim_start_matches('/');
        over(placement, &format!("unix:{from_here}/echo.sock")).await;
    });
}

#[cfg(all(feature = "unix", target_os = "linux"))]
#[test]
fn over_an_abstract_unix_socket() {
    everywhere(|placement| async move {
        let name = format!("unix-abstract:wirepath-calls-{}-{placement:?}", std::process::id());
        let endpoint: Endpoint = name.parse().unwrap();
        let options = wirepath::transport::UnixListenOptions::new();
        let own_user = wirepath::transport::Admission::own_user();
        let listener = options.admit(own_user).listen(&endpoint).await.unwrap();
        serve(placement, listener, endpoint).await;
    });
}

#[cfg(feature = "tcp")]
#[test]
fn over_tcp() {
    everywhere(|placement| async move { over(placement, "tcp:127.0.0.1:0").await });
}

#[cfg(all(feature = "inherited", target_os = "linux"))]
#[test]
fn over_an_inherited_listener() {
    use std::os::fd::AsRawFd;

    everywhere(|placement| async move {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("echo.sock");
        let opened = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let listener = Endpoint::Fd(opened.as_raw_fd()).listen().await.unwrap();
        serve(placement, listener, Endpoint::Unix(path)).await;
    });
}

#[cfg(all(feature = "inherited", target_os = "linux"))]
#[test]
fn over_inherited_connections() {
    use std::os::fd::AsRawFd;

    everywhere(|placement| async move {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let listener = Endpoint::Fd(theirs.as_raw_fd()).listen().await.unwrap();
        serve(placement, listener, Endpoint::Fd(ours.as_raw_fd())).await;
    });
}
