//! `fd:N`: a child is started with a socket at a descriptor and makes it a listener or a connection.

use std::io::{IoSlice, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirepath::transport::{Connector, Endpoint, Listener, Peer};

use crate::child::{self, Running};
use crate::{assert_carries_one_way, pair, unix};

#[tokio::test]
async fn a_child_listens_on_its_parents_socket_and_leaves_its_path() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut server = with_fd_3(listener.try_clone().unwrap(), "inherited::role_serves_fd_3");
    assert_eq!(server.next_answer(), format!("unix:{}", path.display()));
    let mut stream = UnixStream::connect(&path).unwrap();
    assert_echoes(&mut stream);
    drop(stream);
    server.wait();
    assert!(path.exists(), "the path is the parent's");
    UnixStream::connect(&path).expect("its socket still listens");
}

#[tokio::test]
async fn a_child_listens_on_its_parents_tcp_port() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = with_fd_3(listener, "inherited::role_serves_fd_3");
    assert_eq!(server.next_answer(), format!("tcp:{address}"));
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    assert_echoes(&mut stream);
    drop(stream);
    server.wait();
}

#[tokio::test]
async fn a_child_serves_the_one_connection_it_inherits() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut server = with_fd_3(theirs, "inherited::role_serves_fd_3");
    assert_eq!(server.next_answer(), "fd:3");
    assert_echoes(&mut ours);
    drop(ours);
    server.wait();
}

#[tokio::test]
async fn a_connection_is_ended_by_drop_though_its_number_stays_open() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut client = with_fd_3(theirs, "inherited::role_connects_fd_3_and_drops_it");
    assert_eq!(client.next_answer(), "dropped");
    assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0, "the end of file while the child lives");
    let again = client.next_answer();
    assert!(again.starts_with("NotConnected: cannot connect to fd:3: its connection was taken"), "{again}");
}

#[tokio::test]
async fn what_is_neither_listener_nor_connection_is_refused_in_words() {
    let (datagram, _peer) = UnixDatagram::pair().unwrap();
    let idle = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let vsock = socket2::Socket::new(socket2::Domain::VSOCK, socket2::Type::STREAM, None);
    let mut table: Vec<(OwnedFd, &str)> = vec![
        (std::fs::File::open("/dev/null").unwrap().into(), "it is no socket (ENOTSOCK); pass"),
        (datagram.into(), "it is a datagram or seqpacket socket; pass a stream socket"),
        (idle.into(), "the socket neither listens nor is connected (ENOTCONN); have the parent"),
    ];
    match vsock {
        Ok(vsock) => table.push((vsock.into(), "its address family is neither Unix nor IP; pass")),
        Err(error) => println!("not shown here, a socket of another family: {error}"),
    }
    for (descriptor, words) in &table {
        let endpoint = fd_of(descriptor);
        for error in [endpoint.connect().await.unwrap_err(), endpoint.listen().await.unwrap_err()] {
            assert!(error.to_string().contains(&format!("{endpoint}: ")), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
    let error = Endpoint::Fd(i32::MAX).connect().await.unwrap_err();
    assert!(error.to_string().contains("no such descriptor is open (EBADF)"), "{error}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = fd_of(&listener).connect().await.unwrap_err();
    assert!(error.to_string().contains("it is a listening socket; listen on it"), "{error}");
}

#[tokio::test]
async fn a_socketpair_connects_two_ends_of_one_process() {
    let (client, server) = UnixStream::pair().unwrap();
    let mut listener = fd_of(&server).listen().await.unwrap();
    let (client, server) = pair(&fd_of(&client), &mut *listener).await;
    let Peer::Unix { credentials: Some(credentials), .. } = server.peer() else { panic!("{server:?}") };
    assert_eq!(credentials.pid, Some(std::process::id()));
    let (mut client, mut server) = (client.into_parts().0, server.into_parts().0);
    assert!(client.is_write_vectored() && server.is_write_vectored());
    let slices = [IoSlice::new(b"HEADERS"), IoSlice::new(b"DATA")];
    assert_eq!(client.write_vectored(&slices).await.unwrap(), 11);
    server.read_exact(&mut [0; 11]).await.unwrap();
    assert_carries_one_way(&mut server, &mut client).await;
    let second = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(second.is_err(), "nobody else comes");
}

#[tokio::test]
async fn the_duplicate_of_a_listener_is_not_inherited_on() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let parents = UnixListener::bind(&path).unwrap();
    let inherited = fd_of(&parents).listen().await.unwrap();
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    drop((parents, inherited));
    // Another test's child may hold them for the instant before its exec; this one would for a minute.
    let patience = Instant::now() + Duration::from_secs(10);
    while unix(&path).connect().await.is_ok() && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refused = unix(&path).connect().await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_serves_fd_3() {
    if child::given("FD_3").is_none() {
        return;
    }
    let mut listener: Box<dyn Listener> = Endpoint::Fd(3).listen().await.unwrap();
    child::tell(listener.endpoint());
    let (mut io, _) = listener.accept().await.unwrap().into_parts();
    let mut bytes = [0; 4];
    io.read_exact(&mut bytes).await.unwrap();
    io.write_all(&bytes).await.unwrap();
    assert_eq!(io.read(&mut bytes).await.unwrap(), 0);
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_connects_fd_3_and_drops_it() {
    if child::given("FD_3").is_none() {
        return;
    }
    drop(Endpoint::Fd(3).connect().await.unwrap());
    child::tell("dropped");
    let error = Endpoint::Fd(3).connect().await.unwrap_err();
    child::tell(format_args!("{:?}: {error}", error.kind()));
    std::future::pending::<()>().await;
}

/// Starts a child that finds the socket at descriptor 3 and nowhere else.
fn with_fd_3(socket: impl Into<OwnedFd>, role: &str) -> Running {
    let mut command = child::command_after("exec 3<&0 </dev/null", role);
    command.env("FD_3", "").stdin(Stdio::from(socket.into()));
    child::start(&mut command)
}

fn assert_echoes(stream: &mut (impl Read + Write)) {
    stream.write_all(b"echo").unwrap();
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"echo");
}

fn fd_of(socket: &impl std::os::fd::AsRawFd) -> Endpoint {
    Endpoint::Fd(socket.as_raw_fd())
}
