//! **How a Unix socket listens**: whose it is, who may connect, how it comes to its path.

use std::io;
use std::path::Path;

use tokio::net::UnixSocket;

use super::access::Access;
use super::listener::{Reception, UnixListener};
use super::ownership::Site;
use super::place::{Plan, place};
use super::{Admission, abstract_path, directory, listen_errors};
#[cfg(not(all(feature = "inherited", target_os = "linux")))]
use crate::transport::absent::inherited;
use crate::transport::endpoint::{checked_name, checked_path};
#[cfg(all(feature = "inherited", target_os = "linux"))]
use crate::transport::inherited;
use crate::transport::{Endpoint, Listener};

/// Listens on a Unix socket; its defaults, which [`Endpoint::listen`] uses too, are the safe ones.
///
/// At a path, a lock file `PATH.lock` decides whose it is: a stale socket is replaced, a live server refused, and no file
/// is ever removed but a socket of this user's. The directory must be one in which no other user can rename files.
///
/// ```no_run
/// # async fn example(endpoint: wirepath::Endpoint) -> std::io::Result<()> {
/// use wirepath::transport::{Admission, UnixListenOptions};
///
/// // The members of group 1000 may connect, and of them these two users.
/// let options = UnixListenOptions::new().mode(0o660).group(1000).admit(Admission::uids([1000, 1001]));
/// let listener = options.listen(&endpoint).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct UnixListenOptions {
    mode: Option<u32>,
    owner: Option<u32>,
    group: Option<u32>,
    backlog: Option<u32>,
    directory: DirectoryRule,
    succession: Succession,
    reception: Reception,
}

impl UnixListenOptions {
    /// The defaults: mode 0600, a safe directory, no handover.
    pub fn new() -> Self {
        Self::default()
    }

    /// The mode of the socket's file; 0600 by default. It holds exactly, whatever the umask, and at no instant is wider.
    /// To connect takes the right to write; a mode that gives it to group or others needs [`admit`](Self::admit).
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Gives the socket's file to this user, which takes root's rights.
    pub fn owner(mut self, uid: u32) -> Self {
        self.owner = Some(uid);
        self
    }

    /// Gives the socket's file to this group: one of the process's own, or any with root's rights.
    pub fn group(mut self, gid: u32) -> Self {
        self.group = Some(gid);
        self
    }

    /// How many connections may wait to be accepted; 4096 by default, and Linux cuts it to `net.core.somaxconn`. A client
    /// that finds it full gets EAGAIN at once.
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = Some(backlog);
        self
    }

    /// Listens in a directory in which other users may replace the socket by one of theirs. Let clients check the
    /// server's uid then.
    pub fn accept_any_directory(mut self) -> Self {
        self.directory = DirectoryRule::Any;
        self
    }

    /// Takes the path over from a server that lives: binds aside and renames, so that no client finds nobody there. The
    /// predecessor keeps the connections it has and is to be shut down then; its end leaves the path alone. With nobody
    /// there this starts as usual. Of two successors that begin at once, one is refused.
    pub fn take_over(mut self) -> Self {
        self.succession = Succession::TakeOver;
        self
    }

    /// Whose connections are accepted; others are closed before HTTP/2 begins. Without it everybody is whom the file's
    /// mode lets in, and abstract names and modes wider than the owner's are refused.
    pub fn admit(mut self, admission: Admission) -> Self {
        self.reception.admission = Some(admission);
        self
    }

    /// Sets SO_SNDBUF of the accepted sockets: how much the kernel takes before a slow client holds the server up. What a
    /// number means to the kernel and to the speed, as measured:
    /// [`UnixConnectOptions::send_buffer`](super::UnixConnectOptions::send_buffer).
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.reception.send_buffer = Some(bytes);
        self
    }

    /// Listens on a Unix endpoint. On an inherited one (`fd:N`, `activated:`) the file is another's, and only
    /// [`admit`](Self::admit) and [`send_buffer`](Self::send_buffer) have a meaning.
    ///
    /// # Errors
    /// Of the kernel's kind, with a [`SocketError`](crate::transport::SocketError) or an
    /// [`EndpointError`](crate::transport::EndpointError) as payload.
    pub async fn listen(self, endpoint: &Endpoint) -> io::Result<Box<dyn Listener>> {
        match endpoint {
            Endpoint::Unix(path) => listen(checked_path(path, endpoint)?, self).await,
            Endpoint::UnixAbstract(name) => listen_abstract(checked_name(name, endpoint)?, self),
            Endpoint::Fd(fd) => inherited::listen_as(endpoint, *fd, self.without_a_path(endpoint)?),
            Endpoint::Activated(name) => {
                inherited::listen_activated_as(name.as_deref(), self.without_a_path(endpoint)?)
            }
            Endpoint::Tcp(_) => Err(listen_errors::no_unix_socket(endpoint)),
        }
    }

    /// What is left of the options where no file is made.
    fn without_a_path(self, endpoint: &Endpoint) -> io::Result<Reception> {
        let of_a_file = self.mode.is_some() || self.owner.is_some() || self.group.is_some();
        let succeeds = self.succession == Succession::TakeOver;
        if of_a_file || succeeds || self.directory == DirectoryRule::Any {
            return Err(listen_errors::no_file(endpoint));
        }
        Ok(self.reception)
    }

    fn access(&self) -> Access {
        Access { mode: self.mode.unwrap_or(MODE), owner: self.owner, group: self.group }
    }
}

/// Takes the path into possession and listens on it.
pub(in crate::transport) async fn listen(
    path: &Path,
    options: UnixListenOptions,
) -> io::Result<Box<dyn Listener>> {
    let access = options.access();
    if access.mode & !0o777 != 0 {
        return Err(listen_errors::no_mode(path, access.mode));
    }
    if access.is_wider_than_the_owners() && options.reception.admission.is_none() {
        return Err(listen_errors::unguarded_mode(path, access.mode));
    }
    let site = Site::new(path)?;
    if options.directory == DirectoryRule::Safe {
        directory::check(&site)?;
    }
    let backlog = options.backlog.unwrap_or(BACKLOG);
    let plan = Plan { access, backlog, succession: options.succession };
    let (listener, bound) = place(site, plan).await?;
    Ok(Box::new(UnixListener::at_path(listener, bound, options.reception)))
}

/// Listens on an abstract name.
pub(in crate::transport) fn listen_abstract(
    name: &[u8],
    options: UnixListenOptions,
) -> io::Result<Box<dyn Listener>> {
    if options.reception.admission.is_none() {
        return Err(listen_errors::unguarded_name(name));
    }
    let backlog = options.backlog.unwrap_or(BACKLOG);
    let reception = options.without_a_path(&Endpoint::UnixAbstract(name.to_vec()))?;
    let refused = |cause| listen_errors::listen_abstract(name, cause);
    let socket = UnixSocket::new_stream().map_err(refused)?;
    socket.bind(abstract_path(name)).map_err(refused)?;
    let listener = socket.listen(backlog).map_err(refused)?;
    Ok(Box::new(UnixListener::on_name(listener, name, reception)))
}

/// Whether the directory of a path must be safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum DirectoryRule {
    #[default]
    Safe,
    Any,
}

/// What becomes of a server that lives at the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Succession {
    /// It is left alone, and the start refused.
    #[default]
    Refuse,
    /// Its path is taken over.
    TakeOver,
}

/// Only the user that runs the server may connect.
const MODE: u32 = 0o600;

/// As large as Linux's usual `net.core.somaxconn`: a client that finds the backlog full gets no second chance from the
/// kernel.
const BACKLOG: u32 = 4096;
