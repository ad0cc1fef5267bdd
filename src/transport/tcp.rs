//! **TCP**: the transport that the socket is compared with, and the one for other hosts.
//!
//! `TCP_NODELAY` is set on both sides: gRPC writes whole frames, and Nagle would hold the last one back. Port
//! 0 binds a free port, and the listener's endpoint tells which. A name with several addresses is tried in
//! order.

use std::io;
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

use super::error::Explanation;
use super::{BoxFuture, Connected, Endpoint, Listener, Peer};

/// Connects to the first address of `host:port` that answers.
pub(super) async fn connect(address: &str) -> io::Result<Connected> {
    match open(address).await {
        Ok((stream, peer)) => Ok(Connected::new(stream, Peer::Tcp(peer))),
        Err(cause) => Err(explain(&cause).of_connect(endpoint(address), cause)),
    }
}

/// Listens on the first address of `host:port` that can be bound.
pub(super) async fn listen(address: &str) -> io::Result<Box<dyn Listener>> {
    match bind_first(address).await {
        Ok(listener) => Ok(Box::new(listener)),
        Err(cause) => Err(explain(&cause).of_listen(endpoint(address), cause)),
    }
}

/// A listening TCP socket.
#[derive(Debug)]
pub(super) struct TcpListener {
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    queue: Queue,
}

/// Whose the connections are that wait to be accepted when the listener ends.
#[derive(Debug, PartialEq, Eq)]
enum Queue {
    /// They end with it.
    Ours,
    /// Whoever else holds the socket serves them.
    #[cfg(all(feature = "inherited", target_os = "linux"))]
    Shared,
}

impl TcpListener {
    fn new(listener: tokio::net::TcpListener, queue: Queue) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(TcpListener { listener, address, queue })
    }

    /// Wraps a listener that the parent holds as well.
    #[cfg(all(feature = "inherited", target_os = "linux"))]
    pub(super) fn inherited(listener: tokio::net::TcpListener) -> io::Result<Self> {
        TcpListener::new(listener, Queue::Shared)
    }

    /// Takes one connection from the queue, asking the kernel and not the reactor, which may lag behind.
    fn accept_now(&self) -> io::Result<Option<Connected>> {
        let socket = match SockRef::from(&self.listener).accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        socket.set_nonblocking(true)?;
        let stream = TcpStream::from_std(socket.into())?;
        set_nodelay(&stream);
        let peer = stream.peer_addr()?;
        Ok(Some(Connected::new(stream, Peer::Tcp(peer))))
    }

    async fn accept_stream(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.listener.accept().await?;
        set_nodelay(&stream);
        Ok((stream, peer))
    }
}

impl Listener for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            let (stream, peer) = self.accept_stream().await?;
            Ok(Connected::new(stream, Peer::Tcp(peer)))
        })
    }

    fn accept_queued(&mut self) -> BoxFuture<'_, Option<io::Result<Connected>>> {
        let queued = match self.queue {
            Queue::Ours => self.accept_now().transpose(),
            #[cfg(all(feature = "inherited", target_os = "linux"))]
            Queue::Shared => None,
        };
        Box::pin(std::future::ready(queued))
    }

    fn endpoint(&self) -> String {
        endpoint(&self.address.to_string())
    }
}

async fn open(address: &str) -> io::Result<(TcpStream, SocketAddr)> {
    let stream = TcpStream::connect(address).await?;
    set_nodelay(&stream);
    let peer = stream.peer_addr()?;
    Ok((stream, peer))
}

async fn bind_first(address: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host(address).await? {
        match bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Without it a restart waits for the TIME_WAIT of its own old connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    TcpListener::new(socket.listen(BACKLOG)?, Queue::Ours)
}

/// Sets TCP_NODELAY. It is for speed only: a stream without such an option (EOPNOTSUPP), or one whose peer
/// has gone, is no worse for it (rule 65).
pub(super) fn set_nodelay(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}

fn endpoint(address: &str) -> String {
    Endpoint::Tcp(address.to_owned()).to_string()
}

fn explain(cause: &io::Error) -> Explanation {
    match cause.kind() {
        io::ErrorKind::ConnectionRefused => {
            Explanation::new("nobody listens on this port", "start the server, or correct the port")
                .errno("ECONNREFUSED")
        }
        io::ErrorKind::AddrInUse => Explanation::new(
            "another socket listens on this port",
            "stop its owner, or choose another port (0 takes a free one)",
        )
        .errno("EADDRINUSE"),
        io::ErrorKind::AddrNotAvailable => {
            Explanation::new("this host does not have the address", "choose one of its own, or 0.0.0.0")
                .errno("EADDRNOTAVAIL")
        }
        io::ErrorKind::PermissionDenied => Explanation::new(
            cause.to_string(),
            "choose a port above 1023, give the program CAP_NET_BIND_SERVICE, or open the firewall",
        ),
        io::ErrorKind::TimedOut => {
            Explanation::new("the host does not answer", "check the address and the firewalls between")
                .errno("ETIMEDOUT")
        }
        io::ErrorKind::HostUnreachable => {
            Explanation::new("no route leads to the host", "check the address and the network")
                .errno("EHOSTUNREACH")
        }
        io::ErrorKind::NetworkUnreachable => {
            Explanation::new("no route leads to the network", "check the address and the network")
                .errno("ENETUNREACH")
        }
        _ => Explanation::new(cause.to_string(), "check the host and the port"),
    }
}

/// Connections that wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    fn without_tcp_options() -> io::Result<TcpStream> {
        let (socket, _) = std::os::unix::net::UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        TcpStream::from_std(OwnedFd::from(socket).into())
    }

    #[tokio::test]
    async fn both_sides_write_without_delay() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let (client, _) = open(&listener.address.to_string()).await.unwrap();
        let (server, _) = listener.accept_stream().await.unwrap();
        assert_eq!((client.nodelay().unwrap(), server.nodelay().unwrap()), (true, true));
    }

    #[tokio::test]
    async fn a_stream_without_the_option_is_kept() {
        // rule 65
        let stream = without_tcp_options().unwrap();
        assert_eq!(stream.set_nodelay(true).unwrap_err().kind(), io::ErrorKind::Unsupported, "EOPNOTSUPP");
        set_nodelay(&stream);
        assert!(stream.take_error().unwrap().is_none());
    }
}
