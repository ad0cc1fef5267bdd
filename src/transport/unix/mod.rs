//! **Unix sockets**: `AF_UNIX`, `SOCK_STREAM`, bound to a path or to an abstract name.
//!
//! The file of a listener has mode 0600 from its first instant: the mode is set on the descriptor, and `bind`
//! takes it over, cut by the umask. A chmod after `bind` would leave an instant in which others connect.
//! Whose path it is, `ownership` decides. There is no TCP option here and no TIME_WAIT; a connect completes
//! or fails at once.

mod admission;
mod buffer;
mod connect;
#[cfg(all(feature = "peer-details", target_os = "linux"))]
mod details;
mod identity;
mod ownership;
mod reasons;

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixSocket;

pub use self::admission::Admission;
pub use self::connect::UnixConnectOptions;
pub(super) use self::connect::{connect, connect_abstract};
#[cfg(all(feature = "peer-details", target_os = "linux"))]
pub use self::details::PeerDetails;
#[cfg(all(feature = "inherited", target_os = "linux"))]
pub(super) use self::identity::peer_of;
use self::ownership::{BoundPath, PathLock};
#[cfg(all(feature = "inherited", target_os = "linux"))]
use super::UnixAddress;
use super::{BoxFuture, Connected, Endpoint, Listener};

/// Takes the path into possession and listens on it.
pub(super) async fn listen(path: &Path) -> io::Result<Box<dyn Listener>> {
    let refused = |cause| reasons::listen(path, cause);
    let lock = PathLock::acquire(path)?;
    lock.clear(path).await?;
    let socket = UnixSocket::new_stream().map_err(refused)?;
    set_mode(&socket, MODE).map_err(refused)?;
    socket.bind(path).map_err(refused)?;
    let bound = BoundPath::new(path, lock).map_err(refused)?;
    let listener = socket.listen(BACKLOG).map_err(refused)?;
    Ok(Box::new(UnixListener { _bound: Some(bound), listener, endpoint: endpoint(path) }))
}

/// Listens on an abstract name.
pub(super) async fn listen_abstract(name: &[u8]) -> io::Result<Box<dyn Listener>> {
    let refused = |cause| reasons::listen_abstract(name, cause);
    let socket = UnixSocket::new_stream().map_err(refused)?;
    socket.bind(abstract_path(name)).map_err(refused)?;
    let listener = socket.listen(BACKLOG).map_err(refused)?;
    Ok(Box::new(UnixListener { _bound: None, listener, endpoint: abstract_endpoint(name) }))
}

/// A listening Unix socket, and the path it owns if it made one.
#[derive(Debug)]
pub(super) struct UnixListener {
    /// Before `listener`, as fields drop in order: while the socket lives its inode number is not given to
    /// another file, so the comparison before the unlink cannot err.
    _bound: Option<BoundPath>,
    listener: tokio::net::UnixListener,
    endpoint: String,
}

impl UnixListener {
    /// Wraps a listener whose path is another's; `otherwise` names it if it has none.
    #[cfg(all(feature = "inherited", target_os = "linux"))]
    pub(super) fn inherited(listener: tokio::net::UnixListener, otherwise: String) -> Self {
        let endpoint = match listener.local_addr().map(|address| identity::address_of(&address)) {
            Ok(UnixAddress::Path(path)) => endpoint(&path),
            Ok(UnixAddress::Abstract(name)) => abstract_endpoint(&name),
            Ok(UnixAddress::Unnamed) | Err(_) => otherwise,
        };
        UnixListener { _bound: None, listener, endpoint }
    }
}

impl Listener for UnixListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            let (stream, _) = self.listener.accept().await?;
            let peer = identity::peer_of(&stream);
            Ok(Connected::new(stream, peer))
        })
    }

    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }
}

/// fchmod on the socket itself: its inode's mode becomes the file's at `bind`.
fn set_mode(socket: &UnixSocket, mode: u32) -> io::Result<()> {
    File::from(socket.as_fd().try_clone_to_owned()?).set_permissions(Permissions::from_mode(mode))
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

/// Only the user that runs the server may connect.
const MODE: u32 = 0o600;

/// Connections that wait to be accepted; the kernel cuts it to `net.core.somaxconn`. A client that finds it
/// full gets EAGAIN at once and no second chance from the kernel, so it is as large as the usual cut.
const BACKLOG: u32 = 4096;
