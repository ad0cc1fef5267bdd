//! **SO_PEERCRED**: whom the kernel vouches for at the other end of a Unix socket, and who we are ourselves.
//!
//! One `getsockopt` and one `getpeername` a connection. What the kernel does not tell is left out and costs no
//! connection; whoever decides by it treats the unknown as a stranger.

use std::io;

use tokio::net::UnixStream;
use tokio::net::unix::SocketAddr;

#[cfg(all(feature = "peer-details", target_os = "linux"))]
use super::details::PeerDetails;
use crate::transport::{Credentials, Peer, UnixAddress};

/// The peer as the kernel tells it.
pub(in crate::transport) fn peer_of(stream: &UnixStream) -> Peer {
    let address = stream.peer_addr().map_or(UnixAddress::Unnamed, |address| address_of(&address));
    peer(stream, address, credentials_of(stream))
}

/// The ids of the process that connected, or that called `listen`; `None` where the kernel does not tell.
pub(super) fn credentials_of(stream: &UnixStream) -> Option<Credentials> {
    let told = stream.peer_cred().ok()?;
    // The kernel's word for nobody, never a user's id (POSIX: `(uid_t)-1`).
    (told.uid() != u32::MAX).then(|| Credentials {
        uid: told.uid(),
        gid: told.gid(),
        // 0 stands for a process outside this pid namespace.
        pid: told.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid != 0),
    })
}

/// A bound or connected socket's name.
pub(super) fn address_of(address: &SocketAddr) -> UnixAddress {
    match (address.as_pathname(), abstract_name(address)) {
        (Some(path), _) => UnixAddress::Path(path.to_owned()),
        (None, Some(name)) => UnixAddress::Abstract(name.to_vec()),
        (None, None) => UnixAddress::Unnamed,
    }
}

/// The effective user of this process, now, as the kernel vouches for it to a peer: std has no safe geteuid.
pub(super) fn own_uid() -> io::Result<u32> {
    let (stream, _) = UnixStream::pair()?;
    Ok(stream.peer_cred()?.uid())
}

/// Who cannot be kept out, and reads every byte anyhow.
pub(super) const ROOT: u32 = 0;

#[cfg(not(all(feature = "peer-details", target_os = "linux")))]
fn peer(_: &UnixStream, address: UnixAddress, credentials: Option<Credentials>) -> Peer {
    Peer::unix(address, credentials)
}

#[cfg(all(feature = "peer-details", target_os = "linux"))]
fn peer(stream: &UnixStream, address: UnixAddress, credentials: Option<Credentials>) -> Peer {
    Peer::Unix { address, credentials, details: PeerDetails::of(stream) }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_name(address: &SocketAddr) -> Option<&[u8]> {
    address.as_abstract_name()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_name(_: &SocketAddr) -> Option<&[u8]> {
    None
}
