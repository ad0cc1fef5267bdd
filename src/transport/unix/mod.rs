//! **Unix sockets**: `AF_UNIX`, `SOCK_STREAM`, bound to a path or to an abstract name.
//!
//! A path is whose lock file it is (`ownership`), in a directory where nobody else can replace the socket
//! (`directory`), with a mode that is never wider than asked (`access`); a successor takes it over by a rename
//! (`place`). There is no TCP option here and no TIME_WAIT; a connect completes or fails at once.
//!
//! A read ends where the peer passed a descriptor, which the kernel closes, and tokio takes a short read for the last: who
//! passes one with each small write can stop its own connection, until a deadline ends it. To read once more each time
//! would cost everybody a system call for that peer's sake.

mod access;
mod admission;
mod buffer;
mod connect;
mod connect_errors;
#[cfg(all(feature = "peer-details", target_os = "linux"))]
mod details;
mod directory;
mod identity;
mod listen;
mod listen_errors;
mod listener;
mod occupant;
mod ownership;
mod place;

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub use self::admission::Admission;
pub use self::connect::UnixConnectOptions;
pub(super) use self::connect::{connect, connect_abstract};
#[cfg(all(feature = "peer-details", target_os = "linux"))]
pub use self::details::PeerDetails;
#[cfg(all(feature = "inherited", target_os = "linux"))]
pub(super) use self::identity::peer_of;
pub use self::listen::UnixListenOptions;
pub(super) use self::listener::Reception;
#[cfg(all(feature = "inherited", target_os = "linux"))]
pub(super) use self::listener::UnixListener;
use super::{Endpoint, Listener};

/// Listens on a socket file as the defaults have it.
pub(super) async fn listen(path: &Path) -> io::Result<Box<dyn Listener>> {
    listen::listen(path, UnixListenOptions::new()).await
}

/// Refuses to listen on an abstract name, which needs an admission.
pub(super) async fn listen_abstract(name: &[u8]) -> io::Result<Box<dyn Listener>> {
    listen::listen_abstract(name, UnixListenOptions::new())
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
