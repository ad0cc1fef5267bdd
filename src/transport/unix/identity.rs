//! **SO_PEERCRED**: whom the kernel vouches for at the other end of a Unix socket, and who we are ourselves.
//!
//! One `getsockopt` and one `getpeername` a connection. What the kernel does not tell is left out and costs no
//! connection; whoever decides by it treats the unknown as a stranger.

use std::io;
use std::path::Path;

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

/// The server at the path that a client has dialled. The kernel would name the file that was bound, and after a handover no
/// such name stands there any more.
pub(super) fn server_at(path: &Path, stream: &UnixStream) -> Peer {
    peer(stream, UnixAddress::Path(path.to_owned()), credentials_of(stream))
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
/// The effective user of this process, if its id tells it from others: a user namespace shows everybody whom it does not
/// map as 65534, also the process itself.
pub(super) fn own_user() -> io::Result<Option<u32>> {
    let uid = own_uid()?;
    let is_told_apart = uid != UNMAPPED || maps_everybody()?;
    Ok(is_told_apart.then_some(uid))
}

/// Whether no user is unknown to this process's user namespace, as in the first one.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn maps_everybody() -> io::Result<bool> {
    match std::fs::read_to_string("/proc/self/uid_map") {
        Ok(map) => Ok(is_whole(&map)),
        // A kernel without user namespaces has no such file. Without /proc nothing is known.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            Ok(std::path::Path::new("/proc/self/status").exists())
        }
        Err(cause) => Err(cause),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn maps_everybody() -> io::Result<bool> {
    Ok(true)
}

/// Whether the lines of a `uid_map` (inside, outside, count) hold every id; the largest number is none.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_whole(map: &str) -> bool {
    let counts = map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    counts.sum::<u64>() >= u64::from(u32::MAX)
}

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

/// As `kernel.overflowuid` is unless somebody changes it.
pub(super) const UNMAPPED: u32 = 65534;

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_whole_if_it_leaves_nobody_out() {
        let table = [
            ("         0          0 4294967295\n", true),
            ("0 0 1000\n1000 1001 1\n1001 1000 1\n1002 1002 4294966293\n", true),
            ("         0       1000          1\n", false),
            ("0 100000 65536\n", false),
            ("", false),
            ("0 0 many\n", false),
        ];
        for (map, expected) in table {
            assert_eq!(is_whole(map), expected, "{map:?}");
        }
    }
}
