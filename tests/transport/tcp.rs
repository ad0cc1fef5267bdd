//! TCP, the transport that the socket is compared with.

use std::io;
use std::time::{Duration, Instant};

use wirepath::transport::{Connector, Endpoint, Peer};

use crate::{assert_carries, pair};

async fn port_0_of(host: &str) -> Option<(Endpoint, Box<dyn wirepath::transport::Listener>)> {
    let any_port: Endpoint = format!("tcp:{host}:0").parse().unwrap();
    match any_port.listen().await {
        Ok(listener) => Some((listener.endpoint().parse().unwrap(), listener)),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            println!("not shown here: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn port_0_takes_a_free_port_and_tells_which() {
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let Some((endpoint, mut listener)) = port_0_of(host).await else { continue };
        assert!(!listener.endpoint().ends_with(":0"), "{}", listener.endpoint());
        let (client, server) = pair(&endpoint, &mut *listener).await;
        let Peer::Tcp(address) = client.peer() else { panic!("{:?}", client.peer()) };
        assert_eq!(Endpoint::Tcp(address.to_string()), endpoint);
        assert_carries(client, server).await;
    }
}

#[tokio::test]
async fn a_taken_port_and_an_empty_one_are_told_in_words() {
    let (endpoint, _listener) = port_0_of("127.0.0.1").await.unwrap();
    let error = endpoint.listen().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("another socket listens on this port (EADDRINUSE)"), "{error}");

    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = Endpoint::Tcp(bound.local_addr().unwrap().to_string());
    let error = endpoint.connect().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let words = format!("cannot connect to {endpoint}: nobody listens on this port (ECONNREFUSED); start");
    assert!(error.to_string().starts_with(&words), "{error}");
}

#[tokio::test]
async fn a_port_can_be_bound_again_at_once() {
    let (endpoint, mut listener) = port_0_of("127.0.0.1").await.unwrap();
    let (client, server) = pair(&endpoint, &mut *listener).await;
    // The side that closes first is the one with TIME_WAIT.
    drop(server);
    drop(client);
    drop(listener);
    // Another test's child may hold the port for the instant before its exec; TIME_WAIT would for a minute.
    let patience = Instant::now() + Duration::from_secs(10);
    while let Err(error) = endpoint.listen().await {
        assert!(Instant::now() < patience, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_told_in_words() {
    let endpoint: Endpoint = "tcp:no-such-host.invalid:1".parse().unwrap();
    let error = endpoint.connect().await.unwrap_err();
    assert!(error.to_string().starts_with("cannot connect to tcp:no-such-host.invalid:1: "), "{error}");
    assert!(error.to_string().ends_with("; check the host and the port"), "{error}");
}

#[tokio::test]
async fn who_waits_at_the_end_is_given_out_and_then_nobody() {
    let mut listener = Endpoint::Tcp("127.0.0.1:0".into()).listen().await.unwrap();
    let address = listener.endpoint().strip_prefix("tcp:").unwrap().to_owned();
    let _waiting = [(); 3].map(|()| std::net::TcpStream::connect(&address).unwrap());
    for _ in 0..3 {
        listener.accept_queued().await.expect("one that waits").unwrap();
    }
    assert!(listener.accept_queued().await.is_none());
}
