//! Stream sockets of both kinds behind one face, so that an experiment is written once and tried twice.
//!
//! Descriptors are raw on purpose: std and tokio set options and retry calls, and the rows are about what the kernel
//! does. Each socket gives up after [`PATIENCE`], so an experiment may fail but cannot hang.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::Mode,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
        sockopt::{self, Timeout},
    },
};

use super::bench::{Bench, Transport};

/// A listening socket and where it listens.
pub(super) struct Listening {
    fd: OwnedFd,
    address: Address,
}

/// Where a socket of either kind listens.
#[derive(Clone)]
pub(super) enum Address {
    /// An address and a port of the loopback device.
    Tcp(SocketAddrV4),
    /// A path.
    Unix(PathBuf),
}

/// The two ends of a connection.
pub(super) struct Pair {
    /// The end that connected.
    pub(super) client: OwnedFd,
    /// The end that was accepted.
    pub(super) server: OwnedFd,
}

impl Listening {
    /// Listens at a fresh address.
    pub(super) fn open(bench: &Bench<'_>, transport: Transport) -> io::Result<Self> {
        Self::open_with(bench, transport, 128, |_| Ok(()))
    }

    /// Listens at a fresh address with a backlog, on a socket that `prepare` has seen before it is bound.
    pub(super) fn open_with(
        bench: &Bench<'_>,
        transport: Transport,
        backlog: i32,
        prepare: impl FnOnce(&OwnedFd) -> io::Result<()>,
    ) -> io::Result<Self> {
        let address = match transport {
            Transport::Tcp => Address::Tcp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)),
            Transport::Unix => Address::Unix(bench.fresh_path()),
        };
        let fd = address.socket()?;
        prepare(&fd)?;
        address.bind(&fd)?;
        rustix::net::listen(&fd, backlog)?;
        let address = match address {
            Address::Tcp(_) => Address::Tcp(rustix::net::getsockname(&fd)?.try_into()?),
            unix => unix,
        };
        Ok(Self { fd, address })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Connects to it and waits until the connection stands.
    pub(super) fn connect(&self) -> io::Result<OwnedFd> {
        self.address.connect()
    }

    /// Takes the first connection that waits.
    pub(super) fn accept(&self) -> io::Result<OwnedFd> {
        let fd = rustix::net::accept_with(&self.fd, SocketFlags::CLOEXEC)?;
        be_patient(&fd)?;
        Ok(fd)
    }

    /// Connects to it and accepts.
    pub(super) fn pair(&self) -> io::Result<Pair> {
        let client = self.connect()?;
        Ok(Pair { client, server: self.accept()? })
    }
}

impl AsFd for Listening {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Address {
    /// A new socket of this kind.
    pub(super) fn socket(&self) -> io::Result<OwnedFd> {
        let family = match self {
            Self::Tcp(_) => AddressFamily::INET,
            Self::Unix(_) => AddressFamily::UNIX,
        };
        let fd = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        be_patient(&fd)?;
        Ok(fd)
    }

    /// Binds a socket here. The file of a Unix socket has mode 0600 from its first instant, because bind takes over
    /// the mode of the socket itself.
    pub(super) fn bind(&self, fd: &OwnedFd) -> io::Result<()> {
        match self {
            Self::Tcp(address) => rustix::net::bind(fd, address)?,
            Self::Unix(path) => {
                rustix::fs::fchmod(fd, Mode::RUSR | Mode::WUSR)?;
                rustix::net::bind(fd, &SocketAddrUnix::new(path)?)?;
            }
        }
        Ok(())
    }

    /// Connects a socket to whoever listens here.
    pub(super) fn connect_by(&self, fd: &OwnedFd) -> io::Result<()> {
        match self {
            Self::Tcp(address) => rustix::net::connect(fd, address)?,
            Self::Unix(path) => rustix::net::connect(fd, &SocketAddrUnix::new(path)?)?,
        }
        Ok(())
    }

    /// Connects a new socket to whoever listens here.
    pub(super) fn connect(&self) -> io::Result<OwnedFd> {
        let fd = self.socket()?;
        self.connect_by(&fd)?;
        Ok(fd)
    }

    /// The path of a Unix socket.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(path) => Some(path),
        }
    }

    /// The port of a TCP socket.
    pub(super) fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }
}

impl Pair {
    /// A connection over a listener that is gone again.
    pub(super) fn open(bench: &Bench<'_>, transport: Transport) -> io::Result<Self> {
        Listening::open(bench, transport)?.pair()
    }
}

/// Sends without SIGPIPE, and without waiting for room.
pub(super) fn send(fd: &OwnedFd, data: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(fd, data, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
}

/// Receives what is there, waiting for the first byte.
pub(super) fn recv(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::net::recv(fd, buffer, RecvFlags::empty())?.0)
}

/// Receives all of `count` bytes and drops them.
pub(super) fn drain(fd: &OwnedFd, count: usize) -> io::Result<()> {
    let mut buffer = vec![0; count.min(64 * 1024)];
    let mut left = count;
    while left > 0 {
        let room = left.min(buffer.len());
        match recv(fd, &mut buffer[..room])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => left -= len,
        }
    }
    Ok(())
}

/// Sends writes of `len` bytes to a peer that does not read, until the kernel takes no more (EAGAIN) or has taken
/// `most` bytes; says how many it took.
pub(super) fn fill(fd: &OwnedFd, len: usize, most: usize) -> io::Result<usize> {
    let data = vec![0; len];
    let mut taken = 0;
    while taken < most {
        match send(fd, &data) {
            Ok(count) => taken += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

/// What poll says of a socket within `wait`; empty when nothing of `events` happened.
pub(super) fn poll(fd: impl AsFd, events: PollFlags, wait: Duration) -> io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), events)];
    let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
    rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, Some(&wait)))?;
    Ok(fds[0].revents())
}

/// Closes a TCP socket by a reset, so that it leaves no TIME_WAIT; closes a Unix socket as ever.
pub(super) fn close_without_trace(fd: OwnedFd) -> io::Result<()> {
    Ok(sockopt::set_socket_linger(&fd, Some(Duration::ZERO))?)
}

fn be_patient(fd: &OwnedFd) -> io::Result<()> {
    sockopt::set_socket_timeout(fd, Timeout::Recv, Some(PATIENCE))?;
    Ok(sockopt::set_socket_timeout(fd, Timeout::Send, Some(PATIENCE))?)
}

/// Where filling ends on a kernel that never says EAGAIN.
pub(super) const MOST: usize = 64 << 20;

/// How long a blocking call may take before its experiment is given up.
const PATIENCE: Duration = Duration::from_secs(3);
