//! A handler asks who calls: over a Unix socket the kernel tells, over other transports nobody does.

use std::sync::{Arc, Mutex};

use wirepath::{
    Channel, Endpoint, Request, Response, Router, Server,
    client::invoke,
    transport::{Connector, Listener, Peer, duplex},
};

use crate::echo::SAY;

#[tokio::test]
async fn a_handler_reads_the_user_and_the_process_that_call() {
    let directory = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::Unix(directory.path().join("a.sock"));
    let peer = peer_of_a_call(endpoint.clone(), endpoint.listen().await.unwrap()).await;
    let credentials = peer.credentials().unwrap();
    assert_eq!(credentials.pid, Some(std::process::id()));
    assert_eq!(credentials.uid, own("Uid:")[0]);
    assert_eq!(credentials.gid, own("Gid:")[0]);
    #[cfg(feature = "peer-details")]
    if peer.pidfd().is_some() {
        assert_eq!(peer.groups(), Some(own("Groups:")));
    }
}

#[tokio::test]
async fn nobody_tells_a_handler_who_calls_in_memory() {
    let (connector, listener) = duplex(4096);
    let peer = peer_of_a_call(connector, listener).await;
    assert_eq!(peer.credentials(), None);
    #[cfg(feature = "peer-details")]
    assert!(peer.pidfd().is_none() && peer.groups().is_none() && peer.security_label().is_none());
}

/// Makes one call and gives whom its handler saw.
async fn peer_of_a_call(connector: impl Connector, listener: impl Listener) -> Peer {
    let seen = Arc::new(Mutex::new(None));
    let seen_by_handler = seen.clone();
    let mut router = Router::new();
    router.unary(&SAY, move |request: Request<_>| {
        *seen_by_handler.lock().unwrap() = request.peer().cloned();
        async { Ok(Response::new(request.into_message())) }
    });
    tokio::spawn(Server::new().add(router).serve(listener));
    let channel = Channel::new(connector);
    invoke::unary(&channel, &SAY, bytes::Bytes::from("who am I").into()).await.unwrap();
    let peer = seen.lock().unwrap().take();
    peer.expect("the handler was asked")
}

/// The ids of this process (real, effective, ...: all the same here), or its groups, as /proc shows them.
fn own(name: &str) -> Vec<u32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().map(|id| id.parse().unwrap()).collect()
}
