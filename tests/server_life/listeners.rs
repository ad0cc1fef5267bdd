//! Several listeners of one server, and interceptors that tell their clients apart.

use std::io;

use tokio::sync::oneshot;
use wirepath::{
    Channel, Code, Endpoint, Server, Status,
    transport::{Admission, Listener, Peer, UnixListenOptions, duplex},
};

use crate::echo::{Alive, in_time, router, say};

#[tokio::test]
async fn one_server_serves_many_listeners_until_it_drains() {
    let dir = tempfile::tempdir().unwrap();
    let mut endpoints =
        vec![Endpoint::Unix(dir.path().join("first.sock")), Endpoint::Unix(dir.path().join("second.sock"))];
    if cfg!(target_os = "linux") {
        endpoints.push(Endpoint::UnixAbstract(format!("wirepath-life-{}", std::process::id()).into_bytes()));
    }
    if cfg!(feature = "tcp") {
        endpoints.push(Endpoint::Tcp("127.0.0.1:0".into()));
    }
    let (in_memory, listener) = duplex(1 << 16);
    let mut listeners: Vec<Box<dyn Listener>> = vec![Box::new(listener)];
    let mut channels = vec![Channel::new(in_memory)];
    for endpoint in endpoints {
        let listener = match endpoint {
            Endpoint::UnixAbstract(_) => {
                let options = UnixListenOptions::new().admit(Admission::own_user());
                options.listen(&endpoint).await.unwrap()
            }
            _ => endpoint.listen().await.unwrap(),
        };
        channels.push(Channel::new(listener.endpoint().parse::<Endpoint>().unwrap()));
        listeners.push(listener);
    }
    let (shutdown, told) = oneshot::channel::<()>();
    let server = Server::new().add(router(&Alive::default()));
    let serving = tokio::spawn(server.serve_with_shutdown(listeners, async {
        let _ = told.await;
    }));
    for channel in &channels {
        assert_eq!(say(channel, "here too").await.unwrap(), "here too", "{channel:?}");
    }
    shutdown.send(()).unwrap();
    in_time(serving).await.unwrap().unwrap();
    for channel in &channels {
        let status = in_time(say(channel, "gone")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{channel:?}: {status}");
    }
}

#[tokio::test]
async fn a_server_without_a_listener_says_so() {
    let error = Server::new().serve_with_shutdown([], std::future::pending()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_interceptor_refuses_by_peer() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::Unix(dir.path().join("known.sock"));
    let (in_memory, listener) = duplex(1 << 16);
    let listeners: [Box<dyn Listener>; 2] = [Box::new(listener), endpoint.listen().await.unwrap()];
    let this_process = Some(std::process::id());
    let server = Server::new().add(router(&Alive::default())).intercept(move |headers, peer| match peer {
        Peer::Unix { credentials: Some(known), .. } if known.pid == this_process => Ok(()),
        _ => Err(Status::permission_denied(format!("{peer} may not call {}", headers.path))),
    });
    tokio::spawn(server.serve_with_shutdown(listeners, std::future::pending()));
    assert_eq!(say(&Channel::new(endpoint), "it's me").await.unwrap(), "it's me");
    let status = say(&Channel::new(in_memory), "let me in").await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(status.message(), "in-memory may not call /test.Echo/Say");
}
