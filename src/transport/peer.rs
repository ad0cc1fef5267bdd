//! **Peer**: who is at the other end of a connection, as the transport knows it.
//!
//! A Unix socket tells more than an address: the kernel vouches for the user behind it (`SO_PEERCRED`).
//! [`Credentials`] says what that is worth. `Display` is the peer string of gRPC's naming: `unix:/run/a.sock`,
//! `ipv4:127.0.0.1:50051`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// A process of this machine; made by [`Peer::unix`].
    #[non_exhaustive]
    Unix {
        /// At a server the name its client's socket is bound to, [`UnixAddress::Unnamed`] as a rule; at a client the path it
        /// has dialled, or the abstract name.
        address: UnixAddress,
        /// The ids that the kernel vouches for, where it has them.
        credentials: Option<Credentials>,
        /// What Linux tells beyond the ids; read by [`Peer::pidfd`], [`Peer::groups`], [`Peer::security_label`].
        #[cfg(all(feature = "peer-details", target_os = "linux"))]
        details: super::PeerDetails,
    },
    /// A host and port.
    Tcp(SocketAddr),
    /// The same process, over [`duplex`](super::duplex).
    InMemory,
    /// The peer of a transport plugged in by the user, in its words.
    Other(String),
}

impl Peer {
    /// A process of this machine, of which no more is known.
    pub fn unix(address: UnixAddress, credentials: Option<Credentials>) -> Peer {
        Peer::Unix {
            address,
            credentials,
            #[cfg(all(feature = "peer-details", target_os = "linux"))]
            details: super::PeerDetails::default(),
        }
    }

    /// The ids that the kernel vouches for; `None` where it does not, and over anything but a Unix socket.
    pub fn credentials(&self) -> Option<Credentials> {
        match self {
            Peer::Unix { credentials, .. } => *credentials,
            Peer::Tcp(_) | Peer::InMemory | Peer::Other(_) => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Unix { address, .. } => address.fmt(f),
            Peer::Tcp(address @ SocketAddr::V4(_)) => write!(f, "ipv4:{address}"),
            Peer::Tcp(address @ SocketAddr::V6(_)) => write!(f, "ipv6:{address}"),
            Peer::InMemory => f.write_str("in-memory"),
            Peer::Other(words) => f.write_str(words),
        }
    }
}

/// The name of a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnixAddress {
    /// Not bound: the usual client, or one end of a socketpair.
    Unnamed,
    /// Bound to a path, as the process wrote it that bound or dialled it: a relative one is relative to that process.
    Path(PathBuf),
    /// Bound to a name in Linux's abstract namespace, without its leading NUL.
    Abstract(Vec<u8>),
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnixAddress::Unnamed => f.write_str("unix:"),
            UnixAddress::Path(path) => write!(f, "unix:{}", path.display()),
            UnixAddress::Abstract(name) => write!(f, "unix-abstract:{}", name.escape_ascii()),
        }
    }
}

/// The user and process behind a Unix socket, translated into this process's namespaces.
///
/// They are those of one moment, and only of it:
/// - of `connect` where a server asks, of `listen` where a client asks, of `socketpair` where there was neither. A later
///   setuid changes nothing, for better and worse: a program that connects as root and drops its privileges is root;
/// - a child after `fork`, and whoever is passed the descriptor, speaks with the ids of the one that connected;
/// - a pid is given to another process once its own is gone: look nothing up by it (`Peer::pidfd` of the feature
///   `peer-details` names one process for good);
/// - a user that this user namespace does not map is 65534, whoever it is; a process outside this pid namespace has no
///   pid here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The effective user id; 65534 for one that this user namespace does not map.
    pub uid: u32,
    /// The effective group id.
    pub gid: u32,
    /// The process id, absent where the peer is outside this pid namespace or the kernel does not tell.
    pub pid: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(address: UnixAddress) -> Peer {
        Peer::unix(address, None)
    }

    #[test]
    fn displays_as_a_grpc_peer_string() {
        let table = [
            (unix(UnixAddress::Path("/run/a.sock".into())), "unix:/run/a.sock"),
            (unix(UnixAddress::Unnamed), "unix:"),
            (unix(UnixAddress::Abstract(b"a\0\xff".to_vec())), r"unix-abstract:a\x00\xff"),
            (Peer::Tcp(SocketAddr::from(([127, 0, 0, 1], 5))), "ipv4:127.0.0.1:5"),
            (Peer::Tcp(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 5))), "ipv6:[::1]:5"),
            (Peer::InMemory, "in-memory"),
            (Peer::Other("stdio of pid 7".into()), "stdio of pid 7"),
        ];
        for (peer, text) in table {
            assert_eq!(peer.to_string(), text);
        }
    }
}
