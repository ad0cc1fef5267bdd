//! **SO_PEERPIDFD**, **SO_PEERSEC**, **/proc/PID/status**: what Linux tells of a peer beyond its three ids.
//!
//! The pidfd and the security label are asked for at `connect` and `accept`, as the socket is at hand there: two
//! system calls and one open descriptor a connection. `SO_PEERGROUPS`, the groups of the moment of `connect`, has
//! no safe call in any crate that we know of. So the groups are those that the process has when they are asked for,
//! read under the pidfd and only while its ids are still those of `connect`.
//!
//! `SO_PEERSEC` is read by nix's macro for socket options that nix itself does not list: the unsafe call in its
//! expansion is nix's, over a plain array of bytes.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::sys::socket::{getsockopt, sockopt};
use nix::{getsockopt_impl, sockopt_impl};
use tokio::net::UnixStream;

use crate::transport::{Credentials, Peer};

/// What the kernel tells of a peer beyond its ids; read by [`Peer::pidfd`], [`Peer::security_label`] and
/// [`Peer::groups`].
///
/// Clones share one pidfd. Two are equal if they are of one connection, or both empty.
#[derive(Clone, Default)]
pub struct PeerDetails {
    known: Option<Arc<Known>>,
}

struct Known {
    pidfd: Option<OwnedFd>,
    security_label: Option<OsString>,
}

impl PeerDetails {
    pub(super) fn of(stream: &UnixStream) -> PeerDetails {
        let known = Known {
            pidfd: getsockopt(stream, sockopt::PeerPidfd).ok(),
            security_label: getsockopt(stream, SecurityLabel).ok().filter(|label| !label.is_empty()),
        };
        let is_empty = known.pidfd.is_none() && known.security_label.is_none();
        PeerDetails { known: (!is_empty).then(|| Arc::new(known)) }
    }

    fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.known.as_ref()?.pidfd.as_ref()?.as_fd())
    }

    fn security_label(&self) -> Option<&OsStr> {
        self.known.as_ref()?.security_label.as_deref()
    }
}

impl PartialEq for PeerDetails {
    fn eq(&self, other: &Self) -> bool {
        match (&self.known, &other.known) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        }
    }
}

impl Eq for PeerDetails {}

impl fmt::Debug for PeerDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerDetails")
            .field("pidfd", &self.pidfd())
            .field("security_label", &self.security_label())
            .finish()
    }
}

impl Peer {
    /// A stable handle on the process that connected: it never names another one, as a recycled pid does.
    ///
    /// `None` over anything but a Unix socket, before Linux 6.5, without a free descriptor, and for a process that
    /// was gone when its connection was accepted (kept in 6.16 and later). The handle is of the process that called
    /// `connect`, also where a child of it or the receiver of a passed descriptor speaks now.
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.details()?.pidfd()
    }

    /// The label that a security module (SELinux, AppArmor, Smack) gave the peer's socket: a context or a profile.
    ///
    /// `None` over anything but a Unix socket, and where no security module labels sockets.
    pub fn security_label(&self) -> Option<&OsStr> {
        self.details()?.security_label()
    }

    /// The supplementary groups that the process behind [`pidfd`](Self::pidfd) has now; reads three files of /proc.
    ///
    /// They are told only while that process lives and its real, effective, saved and file system ids all are those
    /// of [`Credentials`]: one that has become another program by setuid since it connected lends its peer no group.
    /// `None` then, without a pidfd, without a visible /proc, and over anything but a Unix socket.
    pub fn groups(&self) -> Option<Vec<u32>> {
        let (pidfd, credentials) = (self.pidfd()?, self.credentials()?);
        let pid = pid_of(pidfd)?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        // A pid is given away only after its process has gone, and then the pidfd tells another number.
        (pid_of(pidfd)? == pid).then(|| groups_in(&status, credentials))?
    }

    fn details(&self) -> Option<&PeerDetails> {
        match self {
            Peer::Unix { details, .. } => Some(details),
            _ => None,
        }
    }
}

/// The pid by which this /proc knows the process; `None` once it is reaped (-1) or where it is not seen (0).
fn pid_of(pidfd: BorrowedFd<'_>) -> Option<u32> {
    let info = fs::read_to_string(format!("/proc/thread-self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    field(&info, "Pid:")?.trim().parse().ok().filter(|&pid| pid != 0)
}

/// The line `Groups:`, if the lines `Uid:` and `Gid:` are of nobody else.
fn groups_in(status: &str, credentials: Credentials) -> Option<Vec<u32>> {
    let ids = |name| -> Option<Vec<u32>> {
        field(status, name)?.split_whitespace().map(|id| id.parse().ok()).collect()
    };
    let is_unchanged = ids("Uid:")? == [credentials.uid; 4] && ids("Gid:")? == [credentials.gid; 4];
    is_unchanged.then(|| ids("Groups:"))?
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

sockopt_impl!(
    SecurityLabel,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_PEERSEC,
    OsString,
    sockopt::GetOsString<[u8; LABEL_LIMIT]>
);

/// A longer label is left out (ERANGE); SELinux keeps its contexts below a page too.
const LABEL_LIMIT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: Credentials = Credentials { uid: 1000, gid: 100, pid: Some(7) };

    fn status(uids: &str, gids: &str, groups: &str) -> String {
        format!(
            "Name:\ta\nPid:\t7\nUid:\t{uids}\nGid:\t{gids}\nFDSize:\t64\nGroups:\t{groups} \nNStgid:\t7\n"
        )
    }

    #[test]
    fn groups_are_told_while_all_ids_are_those_of_connect() {
        let (uids, gids) = ("1000\t1000\t1000\t1000", "100\t100\t100\t100");
        let table = [
            (status(uids, gids, "4 24 1001"), Some(vec![4, 24, 1001])),
            (status(uids, gids, ""), Some(vec![])),
            (status("1000\t0\t0\t0", gids, "0"), None),
            (status("0\t0\t0\t0", gids, "0"), None),
            (status("1000\t1000\t0\t1000", gids, "0"), None),
            (status(uids, "100\t42\t42\t42", "4"), None),
            (status("1000\t1000\t1000", gids, "4"), None),
            (status(uids, gids, "4 x"), None),
            ("Uid:\t1000\t1000\t1000\t1000\n".to_owned(), None),
            (String::new(), None),
        ];
        for (status, groups) in table {
            assert_eq!(groups_in(&status, BOB), groups, "{status}");
        }
    }

    #[test]
    fn other_transports_have_no_details() {
        for peer in [Peer::Tcp(([127, 0, 0, 1], 5).into()), Peer::InMemory, Peer::Other("x".into())] {
            assert!(peer.pidfd().is_none() && peer.security_label().is_none() && peer.groups().is_none());
        }
    }
}
