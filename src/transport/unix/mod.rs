//! **Unix sockets**: `AF_UNIX`, `SOCK_STREAM`, bound to a path or to an abstract name.
//!
//! A path is whose lock file it is (`ownership`), in a directory where nobody else can replace the socket
//! (`directory`), with a mode that is never wider than asked (`access`); a successor takes it over by a rename
//! (`place`). There is no TCP option here and no TIME_WAIT; a connect completes or fails at once.

mod access;
mod admission;
mod directory;
mod listener;
mod occupant;
mod options;
mod ownership;
mod place;
mod reasons;
mod refusals;

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;
use tokio::net::unix::SocketAddr;

pub use self::admission::Admission;
pub(super) use self::listener::Reception;
#[cfg(all(feature = "inherited", target_os = "linux"))]
pub(super) use self::listener::UnixListener;
pub use self::options::UnixListenOptions;
use super::{Connected, Credentials, Endpoint, Listener, Peer, UnixAddress};

/// Listens on a socket file as the defaults have it.
pub(super) async fn listen(path: &Path) -> io::Result<Box<dyn Listener>> {
    options::listen(path, UnixListenOptions::new()).await
}

/// Refuses to listen on an abstract name, which needs an admission.
pub(super) async fn listen_abstract(name: &[u8]) -> io::Result<Box<dyn Listener>> {
    options::listen_abstract(name, UnixListenOptions::new())
}

/// Connects to a socket file.
pub(super) async fn connect(path: &Path) -> io::Result<Connected> {
    match UnixStream::connect(path).await {
        Ok(stream) => Ok(connected(stream)),
        Err(cause) => Err(reasons::connect(path, cause)),
    }
}

/// Connects to an abstract name.
pub(super) async fn connect_abstract(name: &[u8]) -> io::Result<Connected> {
    match UnixStream::connect(abstract_path(name)).await {
        Ok(stream) => Ok(connected(stream)),
        Err(cause) => Err(reasons::connect_abstract(name, cause)),
    }
}

fn connected(stream: UnixStream) -> Connected {
    let peer = peer_of(&stream);
    Connected::new(stream, peer)
}

/// The peer as the kernel tells it; what it does not tell is left out, and costs no connection.
pub(super) fn peer_of(stream: &UnixStream) -> Peer {
    let address = stream.peer_addr().map_or(UnixAddress::Unnamed, |address| address_of(&address));
    let credentials = stream.peer_cred().ok().map(|cred| Credentials {
        uid: cred.uid(),
        gid: cred.gid(),
        // 0 stands for a process outside this pid namespace.
        pid: cred.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid != 0),
    });
    Peer::Unix { address, credentials }
}

fn address_of(address: &SocketAddr) -> UnixAddress {
    match (address.as_pathname(), address.as_abstract_name()) {
        (Some(path), _) => UnixAddress::Path(path.to_owned()),
        (None, Some(name)) => UnixAddress::Abstract(name.to_vec()),
        (None, None) => UnixAddress::Unnamed,
    }
}

/// An abstract name as tokio takes it: behind a NUL, its length counted and not ended by one.
fn abstract_path(name: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&[b"\0", name].concat()))
}

fn endpoint(path: &Path) -> String {
    Endpoint::Unix(path.to_owned()).to_string()
}

fn abstract_endpoint(name: &[u8]) -> String {
    Endpoint::UnixAbstract(name.to_vec()).to_string()
}
