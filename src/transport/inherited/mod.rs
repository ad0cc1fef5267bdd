//! **fd:N**: a socket that the parent opened and left open across `exec`.
//!
//! A number is no ownership, and Rust makes a descriptor out of one only by unsafe code. So the socket is
//! duplicated through the kernel's front door (`pidfd_getfd` on this very process), and asked what it is
//! (`SO_DOMAIN`, `SO_TYPE`, `SO_ACCEPTCONN`). The duplicate is close-on-exec; number N itself stays open, so
//! a connection is ended by `shutdown`: a close of the duplicate would tell the peer nothing. A supervisor's
//! sockets (`activation`) are passed to be owned, and are. The path of an inherited listener belongs to the
//! parent and is never removed. O_NONBLOCK, set here, is shared with every process that holds the socket.

mod activation;
mod variables;

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

pub use self::activation::{NamedListener, activated_listeners};
pub(super) use self::activation::{connect_activated, listen_activated, listen_activated_as};
use super::error::Explanation;
use super::tcp::{self, TcpListener};
use super::unix::{self, Reception, UnixListener};
use super::{BoxFuture, Connected, Endpoint, Listener, Peer};

/// Takes over the connection that descriptor `fd` is; it can be had once.
pub(super) async fn connect(fd: i32) -> io::Result<Connected> {
    let refused = |Refusal { explanation, cause }| explanation.of_connect(endpoint(fd), cause);
    let socket = duplicate(fd).map_err(refused)?;
    match wrap(&Endpoint::Fd(fd), socket, Number::StaysOpen, Reception::default()).map_err(refused)? {
        Inherited::Connection(connection) => Ok(connection),
        Inherited::Listener(_) => {
            Err(refused(Refusal::new("it is a listening socket", "listen on it, or pass a connected one")))
        }
    }
}

/// Listens on the socket that descriptor `fd` is; a connection is a listener that yields it as its only one.
pub(super) async fn listen(fd: i32) -> io::Result<Box<dyn Listener>> {
    listen_as(&Endpoint::Fd(fd), fd, Reception::default())
}

/// The same for descriptor `fd` of any endpoint, and for whom this reception admits.
pub(super) fn listen_as(endpoint: &Endpoint, fd: i32, reception: Reception) -> io::Result<Box<dyn Listener>> {
    let socket = duplicate(fd).map_err(|refusal| refusal.of_listen(endpoint))?;
    listen_on(endpoint, socket, Number::StaysOpen, reception)
}

/// Listens on a socket that is ours: the original, or a duplicate of it.
fn listen_on(
    endpoint: &Endpoint,
    socket: OwnedFd,
    number: Number,
    reception: Reception,
) -> io::Result<Box<dyn Listener>> {
    match wrap(endpoint, socket, number, reception.clone()) {
        Ok(Inherited::Listener(listener)) => Ok(listener),
        Ok(Inherited::Connection(connection)) => {
            let connection = reception.admit(connection);
            Ok(Box::new(OneConnection { connection, endpoint: endpoint.to_string() }))
        }
        Err(refusal) => Err(refusal.of_listen(endpoint)),
    }
}

/// Whether the number that a socket was inherited at closes with what is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// What is made of it holds a duplicate.
    StaysOpen,
    /// What is made of it holds the original.
    Ours,
}

enum Inherited {
    Listener(Box<dyn Listener>),
    Connection(Connected),
}

/// Wraps a socket as what it is.
fn wrap(
    endpoint: &Endpoint,
    socket: OwnedFd,
    number: Number,
    reception: Reception,
) -> Result<Inherited, Refusal> {
    match judge(&socket, &reception)? {
        Kind::UnixListener => unix_listener(socket, endpoint, reception).map_err(Refusal::by_kernel),
        Kind::UnixConnection => unix_connection(socket, number),
        Kind::TcpListener => tcp_listener(socket).map_err(Refusal::by_kernel),
        Kind::TcpConnection => tcp_connection(socket, number),
    }
}

/// What can be made of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    UnixListener,
    UnixConnection,
    TcpListener,
    TcpConnection,
}

/// Asks a descriptor what it is, and whether this reception has a meaning there.
fn judge(socket: &OwnedFd, reception: &Reception) -> Result<Kind, Refusal> {
    let family = sockopt::socket_domain(socket).map_err(Refusal::by_kernel)?;
    if sockopt::socket_type(socket).map_err(Refusal::by_kernel)? != SocketType::STREAM {
        return Err(Refusal::new("it is a datagram or seqpacket socket", "pass a stream socket"));
    }
    let listening = sockopt::socket_acceptconn(socket).map_err(Refusal::by_kernel)?;
    let kind = match family {
        AddressFamily::UNIX if listening => Kind::UnixListener,
        AddressFamily::UNIX => Kind::UnixConnection,
        // TCP vouches for nobody.
        AddressFamily::INET | AddressFamily::INET6 if reception.is_asked_for() => {
            return Err(Refusal::new(
                "it is no Unix socket, and the options are those of one",
                "pass a Unix socket",
            ));
        }
        AddressFamily::INET | AddressFamily::INET6 if listening => Kind::TcpListener,
        AddressFamily::INET | AddressFamily::INET6 => Kind::TcpConnection,
        _ => {
            return Err(Refusal::new(
                "its address family is neither Unix nor IP",
                "pass a Unix or TCP socket",
            ));
        }
    };
    if !listening {
        rustix::net::getpeername(socket).map_err(|errno| Refusal::unless_connected(errno.into()))?;
    }
    Ok(kind)
}

fn duplicate(fd: i32) -> Result<OwnedFd, Refusal> {
    let this = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty());
    let this = this.map_err(Refusal::by_kernel)?;
    rustix::process::pidfd_getfd(this, fd, PidfdGetfdFlags::empty()).map_err(Refusal::by_kernel)
}

fn unix_listener(socket: OwnedFd, endpoint: &Endpoint, reception: Reception) -> io::Result<Inherited> {
    let listener = std::os::unix::net::UnixListener::from(socket);
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    Ok(Inherited::Listener(Box::new(UnixListener::inherited(listener, endpoint.to_string(), reception))))
}

fn tcp_listener(socket: OwnedFd) -> io::Result<Inherited> {
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    let listener = TcpListener::inherited(tokio::net::TcpListener::from_std(listener)?)?;
    Ok(Inherited::Listener(Box::new(listener)))
}

fn unix_connection(socket: OwnedFd, number: Number) -> Result<Inherited, Refusal> {
    let claim = Claim::on(&socket, number)?;
    let stream = std::os::unix::net::UnixStream::from(socket);
    stream.set_nonblocking(true).map_err(Refusal::by_kernel)?;
    let stream = UnixStream::from_std(stream).map_err(Refusal::by_kernel)?;
    let peer = unix::peer_of(&stream);
    Ok(Inherited::Connection(Connected::new(EndedByShutdown { stream, _claim: claim }, peer)))
}

fn tcp_connection(socket: OwnedFd, number: Number) -> Result<Inherited, Refusal> {
    let claim = Claim::on(&socket, number)?;
    let stream = std::net::TcpStream::from(socket);
    let peer = Peer::Tcp(stream.peer_addr().map_err(Refusal::unless_connected)?);
    stream.set_nonblocking(true).map_err(Refusal::by_kernel)?;
    let stream = TcpStream::from_std(stream).map_err(Refusal::by_kernel)?;
    tcp::set_nodelay(&stream);
    Ok(Inherited::Connection(Connected::new(EndedByShutdown { stream, _claim: claim }, peer)))
}

/// Marks a connection as taken: a second HTTP/2 session on the same bytes would ruin both.
///
/// Where the number stays open the mark does too: the socket lives on, and its inode number names no other.
#[derive(Debug)]
struct Claim {
    inode: u64,
    number: Number,
}

impl Claim {
    fn on(socket: impl AsFd, number: Number) -> Result<Claim, Refusal> {
        let inode = rustix::fs::fstat(socket).map_err(Refusal::by_kernel)?.st_ino;
        if TAKEN.lock().unwrap_or_else(PoisonError::into_inner).insert(inode) {
            return Ok(Claim { inode, number });
        }
        Err(Refusal {
            explanation: Explanation::new(
                "its connection was taken before, and an inherited one cannot be made anew",
                "have the parent pass a new one",
            ),
            cause: io::ErrorKind::NotConnected.into(),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.number == Number::Ours {
            TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.inode);
        }
    }
}

/// The inode numbers of the connections taken.
static TAKEN: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Why a descriptor is not what it is to be.
struct Refusal {
    explanation: Explanation,
    cause: io::Error,
}

impl Refusal {
    fn new(reason: &'static str, way_out: &'static str) -> Refusal {
        Refusal { explanation: Explanation::new(reason, way_out), cause: io::ErrorKind::InvalidInput.into() }
    }

    fn of_listen(self, endpoint: &Endpoint) -> io::Error {
        self.explanation.of_listen(endpoint.to_string(), self.cause)
    }

    fn by_kernel(cause: impl Into<io::Error>) -> Refusal {
        let cause = cause.into();
        let explanation = match Errno::from_io_error(&cause) {
            Some(Errno::BADF) => Explanation::new(
                "no such descriptor is open",
                "have the parent pass one without close-on-exec",
            )
            .errno("EBADF"),
            Some(Errno::NOTSOCK) => {
                Explanation::new("it is no socket", "pass a listening or a connected socket")
                    .errno("ENOTSOCK")
            }
            Some(Errno::PERM) => Explanation::new(
                "a seccomp filter or security module forbids pidfd_getfd",
                "allow this call to the program, or give it a path to listen on",
            )
            .errno("EPERM"),
            Some(Errno::NOSYS) => {
                Explanation::new("this kernel has no pidfd_getfd", "use Linux 5.6 or later").errno("ENOSYS")
            }
            _ => Explanation::new(cause.to_string(), "pass a listening or a connected socket"),
        };
        Refusal { explanation, cause }
    }

    fn unless_connected(cause: io::Error) -> Refusal {
        match cause.kind() {
            io::ErrorKind::NotConnected => Refusal {
                explanation: Explanation::new(
                    "the socket neither listens nor is connected",
                    "have the parent call listen or connect before it passes the socket",
                )
                .errno("ENOTCONN"),
                cause,
            },
            _ => Refusal::by_kernel(cause),
        }
    }
}

/// A listener that yields the one connection it was made of; after it nobody comes.
#[derive(Debug)]
struct OneConnection {
    connection: Option<Connected>,
    endpoint: String,
}

impl Listener for OneConnection {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            match self.connection.take() {
                Some(connection) => Ok(connection),
                None => std::future::pending().await,
            }
        })
    }

    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }
}

/// A stream whose end is told to the peer although other descriptors keep the socket open.
struct EndedByShutdown<S: AsFd> {
    stream: S,
    _claim: Claim,
}

impl<S: AsFd> Drop for EndedByShutdown<S> {
    fn drop(&mut self) {
        // An error means that the peer was first.
        let _ = SockRef::from(&self.stream).shutdown(Shutdown::Both);
    }
}

impl<S: AsFd + AsyncRead + Unpin> AsyncRead for EndedByShutdown<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl<S: AsFd + AsyncWrite + Unpin> AsyncWrite for EndedByShutdown<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn endpoint(fd: i32) -> String {
    Endpoint::Fd(fd).to_string()
}
