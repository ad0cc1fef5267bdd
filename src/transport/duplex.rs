//! **In memory**: a connector and a listener of one process, without a socket.
//!
//! Each connection is a pair of [`tokio::io::duplex`] streams. There is no clock and no kernel in it, so
//! tests run under paused time. A connect completes before the accept, as on a socket.

use std::io;

use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use super::error::Explanation;
use super::{BoxFuture, Connected, Connector, Listener, Peer};

/// Makes both ends of an in-memory transport; `capacity` bytes fit into each direction of each connection.
///
/// # Panics
/// If `capacity` is 0: such a stream can never carry a byte.
pub fn duplex(capacity: usize) -> (DuplexConnector, DuplexListener) {
    assert!(capacity > 0, "a duplex of capacity 0 carries nothing");
    let (queue, backlog) = mpsc::channel(BACKLOG);
    (DuplexConnector { capacity, queue }, DuplexListener { backlog })
}

/// The end that connects; clones connect to the same listener.
#[derive(Clone, Debug)]
pub struct DuplexConnector {
    capacity: usize,
    queue: mpsc::Sender<DuplexStream>,
}

impl Connector for DuplexConnector {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            let (ours, theirs) = tokio::io::duplex(self.capacity);
            match self.queue.send(theirs).await {
                Ok(()) => Ok(Connected::new(ours, Peer::InMemory)),
                Err(_) => Err(listener_gone().of_connect(ENDPOINT, io::ErrorKind::ConnectionRefused.into())),
            }
        })
    }

    fn endpoint(&self) -> String {
        ENDPOINT.to_owned()
    }
}

/// The end that accepts.
///
/// When the last connector is dropped, [`accept`](Listener::accept) waits for ever, as it does on a socket to
/// which nobody connects.
#[derive(Debug)]
pub struct DuplexListener {
    backlog: mpsc::Receiver<DuplexStream>,
}

impl Listener for DuplexListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            match self.backlog.recv().await {
                Some(io) => Ok(Connected::new(io, Peer::InMemory)),
                None => std::future::pending().await,
            }
        })
    }

    fn accept_queued(&mut self) -> BoxFuture<'_, Option<io::Result<Connected>>> {
        self.backlog.close();
        Box::pin(async { self.backlog.recv().await.map(|io| Ok(Connected::new(io, Peer::InMemory))) })
    }

    fn endpoint(&self) -> String {
        ENDPOINT.to_owned()
    }
}

fn listener_gone() -> Explanation {
    Explanation::new("its listener was dropped", "keep the listener as long as its connectors")
}

const ENDPOINT: &str = "in-memory";

/// Connections that wait to be accepted; a further connect waits.
const BACKLOG: usize = 128;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn carries_bytes_both_ways() {
        let (connector, mut listener) = duplex(8);
        let (mut client, peer) = connector.connect().await.unwrap().into_parts();
        assert_eq!(peer, Peer::InMemory);
        let (mut server, _) = listener.accept().await.unwrap().into_parts();
        client.write_all(b"ask").await.unwrap();
        server.write_all(b"answer").await.unwrap();
        let (mut asked, mut answered) = ([0; 3], [0; 6]);
        server.read_exact(&mut asked).await.unwrap();
        client.read_exact(&mut answered).await.unwrap();
        assert_eq!((&asked, &answered), (b"ask", b"answer"));
    }

    #[tokio::test]
    async fn a_dropped_end_is_end_of_file_at_the_other() {
        let (connector, mut listener) = duplex(8);
        drop(connector.connect().await.unwrap());
        let (mut server, _) = listener.accept().await.unwrap().into_parts();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn connect_without_a_listener_is_refused() {
        let (connector, listener) = duplex(8);
        drop(listener);
        let error = connector.connect().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains("its listener was dropped"), "{error}");
    }

    #[tokio::test]
    async fn at_its_end_a_listener_gives_out_who_waits_and_lets_nobody_else_come() {
        let (connector, mut listener) = duplex(8);
        let _waiting = [connector.connect().await.unwrap(), connector.connect().await.unwrap()];
        for _ in 0..2 {
            assert_eq!(listener.accept_queued().await.unwrap().unwrap().peer(), &Peer::InMemory);
        }
        assert!(listener.accept_queued().await.is_none());
        let error = connector.connect().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test(start_paused = true)]
    async fn accept_waits_when_no_connector_is_left() {
        let (connector, mut listener) = duplex(8);
        drop(connector);
        let accepted = tokio::time::timeout(std::time::Duration::from_secs(60), listener.accept()).await;
        assert!(accepted.is_err());
    }
}
