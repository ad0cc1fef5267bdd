//! **connect**, and whose server it is that answers.
//!
//! A path can be squatted: in a directory where others write (`/tmp`) whoever comes first binds it, and an abstract
//! name belongs to nobody at all. So before the first byte the kernel is asked who called `listen` there
//! (`SO_PEERCRED`). By default that must be this process's own user or root, who could read the bytes anyhow.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;

use tokio::net::{UnixSocket, UnixStream};

use super::buffer::set_send_buffer;
use super::identity::{self, ROOT, UNMAPPED};
use super::{abstract_endpoint, abstract_path, connect_errors, endpoint};
use crate::transport::endpoint::{checked_name, checked_path};
use crate::transport::error::Explanation;
use crate::transport::{BoxFuture, Connected, Connector, Credentials, Endpoint};

/// Connects to a Unix socket on terms: whose servers are trusted, how large the send buffer is.
///
/// A plain [`Endpoint`] connects on those of [`new`](Self::new).
///
/// ```
/// use wirepath::transport::{Endpoint, UnixConnectOptions};
///
/// let endpoint: Endpoint = "unix:/run/etcd/etcd.sock".parse()?;
/// let connector = UnixConnectOptions::new(endpoint).server_uids([105]);
/// # Ok::<(), wirepath::transport::EndpointError>(())
/// ```
#[derive(Clone, Debug)]
pub struct UnixConnectOptions {
    endpoint: Endpoint,
    terms: Terms,
}

impl UnixConnectOptions {
    /// Trusts servers of this user and of root; leaves the send buffer as the kernel makes it.
    ///
    /// Another server is refused with `PermissionDenied`, and so is one that the kernel does not vouch for. A process that
    /// is 65534 in a user namespace which leaves users out trusts root alone: they all are 65534 there.
    pub fn new(endpoint: Endpoint) -> Self {
        UnixConnectOptions { endpoint, terms: Terms::default() }
    }

    /// Trusts servers of these users only: this user and root must be named too if they are meant.
    ///
    /// The id is that of the process that called `listen`, at that moment: a server that dropped root's privileges
    /// afterwards is root's, and so is one that was handed a socket by PID 1. In a user namespace all users that it
    /// does not map, the root outside among them, are 65534.
    pub fn server_uids(mut self, uids: impl IntoIterator<Item = u32>) -> Self {
        self.terms.trusted = Trusted::Uids(uids.into_iter().collect());
        self
    }

    /// Trusts whoever listens there.
    pub fn any_server(mut self) -> Self {
        self.terms.trusted = Trusted::Anyone;
        self
    }

    /// Sets SO_SNDBUF of the client's end: how much of what it sends the kernel holds. The server's end has its own.
    ///
    /// Linux doubles the number and cuts it at twice `net.core.wmem_max`, often 212,992, in silence. What it makes by
    /// itself is 212,992 after the doubling, so 64 KiB here is less than that. It counts what its buffers occupy, so small
    /// writes fill it sooner. Bytes that a socketpair took before a write had to wait (non-blocking writes of one size
    /// until EAGAIN, nobody reading, Linux 6.18, `wmem_max` 4 MiB):
    ///
    /// | `send_buffer` | by 64 B | by 4 KiB | by 64 KiB |
    /// |---|---|---|---|
    /// | as made | 17,792 | 180,224 | 233,152 |
    /// | 64 KiB | 10,944 | 110,592 | 131,072 |
    /// | 208 KiB | 35,520 | 360,448 | 429,760 |
    /// | 1 MiB | 174,784 | 1,769,472 | 2,068,160 |
    /// | 4 MiB | 699,072 | 7,065,600 | 8,228,544 |
    ///
    /// That is room, paid in kernel memory for each connection, and seldom speed. Messages a second, and in brackets the
    /// processor time of one, of client and server, as ratios to the buffer as made (`cargo bench --bench send_buffer -- 28`,
    /// both ends set, medians of 28 rounds in turns on 2 busy cores, so only what lies beyond 0.7 to 1.4 tells of speed,
    /// and beyond 0.9 to 1.1 of processor time):
    ///
    /// | `send_buffer` | unary 128 B x 64 | unary 64 KiB x 8 | stream of 1 MiB messages |
    /// |---|---|---|---|
    /// | 4 KiB | 0.92 (1.03) | 0.48 (2.16) | 0.26 (3.89) |
    /// | 16 KiB | 0.92 (1.04) | 1.03 (1.09) | 0.65 (1.63) |
    /// | 64 KiB | 1.01 (1.02) | 1.10 (0.99) | 0.95 (1.00) |
    /// | 208 KiB | 1.07 (1.02) | 0.96 (1.01) | 1.10 (0.99) |
    /// | 1 MiB | 1.16 (1.00) | 0.92 (0.94) | 1.00 (1.00) |
    /// | 4 MiB | 1.02 (0.97) | 1.05 (0.91) | 1.04 (1.02) |
    ///
    /// So less than 64 KiB costs large messages dearly, for each write is cut into pieces that wait for the reader, and more
    /// than the kernel's own gained nothing that shows but a tenth of the processor time of 64 KiB calls.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.terms.send_buffer = Some(bytes);
        self
    }

    async fn open(&self) -> io::Result<Connected> {
        match &self.endpoint {
            Endpoint::Unix(path) => self.terms.connect(checked_path(path, &self.endpoint)?).await,
            Endpoint::UnixAbstract(name) => {
                self.terms.connect_abstract(checked_name(name, &self.endpoint)?).await
            }
            // To connect unchecked where a check was asked for would be worse than not to connect.
            Endpoint::Tcp(_) | Endpoint::Fd(_) | Endpoint::Activated(_) => {
                let refused = Explanation::new(
                    "options of a Unix socket's path or name do not apply to it, nor does their check",
                    "connect to the endpoint itself",
                );
                Err(refused.of_connect(self.endpoint(), io::ErrorKind::InvalidInput.into()))
            }
        }
    }
}

impl Connector for UnixConnectOptions {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(self.open())
    }

    fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    fn is_local(&self) -> bool {
        self.endpoint.is_local()
    }
}

/// Connects to a socket file of this user or of root.
pub(in crate::transport) async fn connect(path: &Path) -> io::Result<Connected> {
    Terms::default().connect(path).await
}

/// Connects to an abstract name of this user or of root.
pub(in crate::transport) async fn connect_abstract(name: &[u8]) -> io::Result<Connected> {
    Terms::default().connect_abstract(name).await
}

/// What must hold of a connection before its first byte.
#[derive(Clone, Debug, Default)]
struct Terms {
    trusted: Trusted,
    send_buffer: Option<usize>,
}

impl Terms {
    async fn connect(&self, path: &Path) -> io::Result<Connected> {
        let stream = anew_if_refused(|| UnixStream::connect(path)).await;
        let stream = stream.map_err(|cause| connect_errors::connect(path, cause))?;
        let applied = self.apply(&stream);
        applied.map_err(|(explanation, cause)| explanation.of_connect(endpoint(path), cause))?;
        let server = identity::server_at(path, &stream);
        Ok(Connected::new(stream, server))
    }

    async fn connect_abstract(&self, name: &[u8]) -> io::Result<Connected> {
        let stream = open_abstract(name).await;
        let stream = stream.map_err(|cause| connect_errors::connect_abstract(name, cause))?;
        let applied = self.apply(&stream);
        applied.map_err(|(explanation, cause)| explanation.of_connect(abstract_endpoint(name), cause))?;
        let server = identity::peer_of(&stream);
        Ok(Connected::new(stream, server))
    }

    fn apply(&self, stream: &UnixStream) -> Result<(), (Explanation, io::Error)> {
        let server = identity::credentials_of(stream);
        let checked = self.trusted.check(server, identity::own_user);
        checked.map_err(|cause| (connect_errors::other(&cause), cause))?.map_err(|untrusted| {
            let explanation = Explanation::new(untrusted.to_string(), untrusted.way_out());
            (explanation, io::ErrorKind::PermissionDenied.into())
        })?;
        if let Some(bytes) = self.send_buffer {
            set_send_buffer(stream, bytes).map_err(|cause| {
                let reason = format!("a send buffer of {bytes} bytes cannot be set: {cause}");
                (Explanation::new(reason, "leave it as the kernel makes it"), cause)
            })?;
        }
        Ok(())
    }
}

/// Not by `UnixStream::connect`: of a name that begins with NUL that drops the last byte (mio 1.2), and leads elsewhere.
async fn open_abstract(name: &[u8]) -> io::Result<UnixStream> {
    UnixSocket::new_stream()?.connect(abstract_path(name)).await
}

/// Walks the path once more for who is refused: between its walk and its knock a successor may have taken the path over,
/// and the predecessor ended. A stale socket refuses again.
async fn anew_if_refused<F>(mut connect: impl FnMut() -> F) -> io::Result<UnixStream>
where
    F: Future<Output = io::Result<UnixStream>>,
{
    match connect().await {
        Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => connect().await,
        connected => connected,
    }
}

/// Whose servers are spoken to.
#[derive(Clone, Debug, Default)]
enum Trusted {
    #[default]
    OwnUserOrRoot,
    Uids(BTreeSet<u32>),
    Anyone,
}

impl Trusted {
    /// Judges a server; an error says that this process could not learn who it is itself.
    fn check(
        &self,
        server: Option<Credentials>,
        own_user: impl FnOnce() -> io::Result<Option<u32>>,
    ) -> io::Result<Result<(), Untrusted>> {
        let (expected, is_unmapped) = match self {
            Trusted::Anyone => return Ok(Ok(())),
            Trusted::Uids(uids) => (uids.clone(), false),
            Trusted::OwnUserOrRoot if server.is_some_and(|server| server.uid == ROOT) => return Ok(Ok(())),
            Trusted::OwnUserOrRoot => {
                // Asked anew each time: a process may change its user.
                let own = own_user()?;
                (BTreeSet::from_iter([ROOT].into_iter().chain(own)), own.is_none())
            }
        };
        Ok(match server {
            Some(server) if expected.contains(&server.uid) => Ok(()),
            found => Err(Untrusted { found, expected, is_unmapped }),
        })
    }
}

/// A server that is not spoken to.
#[derive(Debug)]
struct Untrusted {
    found: Option<Credentials>,
    expected: BTreeSet<u32>,
    /// Whether this process itself has no id that tells it from others.
    is_unmapped: bool,
}

impl Untrusted {
    fn way_out(&self) -> &'static str {
        match self.found {
            Some(_) => {
                "serve it in a directory where only a trusted user writes, or name the server's user with \
                 UnixConnectOptions::server_uids"
            }
            None => "trust it anyhow with UnixConnectOptions::any_server",
        }
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found {
            Some(Credentials { uid, pid: Some(pid), .. }) => {
                write!(f, "uid {uid} (pid {pid}) listens there")?
            }
            Some(Credentials { uid, .. }) => write!(f, "uid {uid} listens there")?,
            None => f.write_str("the kernel does not tell who listens there")?,
        }
        f.write_str(", and trusted is only")?;
        for (i, uid) in self.expected.iter().enumerate() {
            write!(f, "{} uid {uid}", if i == 0 { "" } else { "," })?;
        }
        if self.expected.is_empty() {
            f.write_str(" nobody")?;
        }
        if self.is_unmapped {
            write!(f, " (this process is {UNMAPPED}, as all are whom its user namespace does not map)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(uid: u32) -> Option<Credentials> {
        Some(Credentials { uid, gid: 7, pid: Some(7) })
    }

    fn words(trusted: &Trusted, server: Option<Credentials>) -> String {
        let judged = trusted.check(server, || Ok(Some(1000))).unwrap();
        judged.map_or_else(|untrusted| untrusted.to_string(), |()| "ok".into())
    }

    #[test]
    fn the_listeners_uid_decides() {
        let listed = Trusted::Uids([5, 6].into());
        let nobody = Trusted::Uids([].into());
        let table = [
            (&Trusted::OwnUserOrRoot, server(1000), "ok"),
            (&Trusted::OwnUserOrRoot, server(0), "ok"),
            (
                &Trusted::OwnUserOrRoot,
                server(65534),
                "uid 65534 (pid 7) listens there, and trusted is only uid 0, uid 1000",
            ),
            (
                &Trusted::OwnUserOrRoot,
                None,
                "the kernel does not tell who listens there, and trusted is only uid 0, uid 1000",
            ),
            (&listed, server(5), "ok"),
            (&listed, server(6), "ok"),
            (&listed, server(0), "uid 0 (pid 7) listens there, and trusted is only uid 5, uid 6"),
            (&listed, server(1000), "uid 1000 (pid 7) listens there, and trusted is only uid 5, uid 6"),
            (&listed, None, "the kernel does not tell who listens there, and trusted is only uid 5, uid 6"),
            (&nobody, server(0), "uid 0 (pid 7) listens there, and trusted is only nobody"),
            (&Trusted::Anyone, server(7), "ok"),
            (&Trusted::Anyone, None, "ok"),
        ];
        for (trusted, server, expected) in table {
            assert_eq!(words(trusted, server), expected);
        }
    }

    #[tokio::test]
    async fn who_is_refused_once_is_let_in_and_who_is_refused_twice_is_told() {
        use io::ErrorKind::{ConnectionRefused, NotFound};
        let table: [(&[io::ErrorKind], Option<io::ErrorKind>, usize); 4] = [
            (&[], None, 1),
            (&[ConnectionRefused], None, 2),
            (&[ConnectionRefused; 3], Some(ConnectionRefused), 2),
            (&[NotFound], Some(NotFound), 1),
        ];
        for (failures, expected, attempts) in table {
            let mut made = 0;
            let answer = anew_if_refused(|| {
                let failure = failures.get(made).copied();
                made += 1;
                async move { failure.map_or_else(|| Ok(UnixStream::pair()?.0), |kind| Err(kind.into())) }
            });
            let answer = answer.await;
            assert_eq!((answer.err().map(|cause| cause.kind()), made), (expected, attempts), "{failures:?}");
        }
    }

    #[test]
    fn a_socket_is_local_whoever_is_trusted() {
        for endpoint in ["unix:/run/a.sock", "unix-abstract:a"] {
            let connector = UnixConnectOptions::new(endpoint.parse().unwrap());
            assert!(connector.is_local() && connector.any_server().is_local(), "{endpoint}");
        }
    }

    #[test]
    fn who_is_65534_among_many_trusts_root_only() {
        let check = |uid| Trusted::OwnUserOrRoot.check(server(uid), || Ok(None)).unwrap();
        assert!(check(0).is_ok() && check(1000).is_err());
        let untrusted = check(65534).unwrap_err().to_string();
        assert!(untrusted.contains("this process is 65534, as all are"), "{untrusted}");
    }

    #[test]
    fn a_process_that_cannot_learn_who_it_is_trusts_root_and_blames_nobody() {
        let unknown = || Err(io::Error::from_raw_os_error(libc::EMFILE));
        assert!(Trusted::OwnUserOrRoot.check(server(0), unknown).unwrap().is_ok());
        let error = Trusted::OwnUserOrRoot.check(server(1000), unknown).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
    }
}
