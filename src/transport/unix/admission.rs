//! **Who may connect**: decided by the kernel's word for the peer, before a byte of HTTP/2 is read.
//!
//! A file's mode says who may connect, an [`Admission`] who is served. An abstract name has no mode, so there it is
//! the only guard. A refused peer finds its connection closed, and the next one is accepted.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, OnceLock};

use super::identity::{self, ROOT};
use crate::transport::{BoxFuture, Connected, Listener, Peer};

/// Who may connect to a listener; clones share what they know.
///
/// The ids are those of the moment of `connect`, see [`Credentials`](crate::transport::Credentials) for what they
/// do not tell. A peer that the kernel does not vouch for (TCP, in memory) is refused by the two lists of users.
#[derive(Clone)]
pub struct Admission {
    rule: Rule,
}

#[derive(Clone)]
enum Rule {
    /// The user of this process as it was first asked for, or root.
    OwnUser(Arc<OnceLock<u32>>),
    Uids(Arc<BTreeSet<u32>>),
    By(Arc<dyn Fn(&Peer) -> bool + Send + Sync>),
}

impl Admission {
    /// Admits the user that this process runs as (its effective uid), and root, who could not be kept out.
    ///
    /// As 65534 in a user namespace that leaves users out it admits root alone: they all are 65534 there.
    pub fn own_user() -> Admission {
        Admission { rule: Rule::OwnUser(Arc::default()) }
    }

    /// Admits these users; root and the own one only if they are listed.
    ///
    /// In a user namespace all users that it does not map are one, 65534: list it only where that is meant.
    pub fn uids(uids: impl IntoIterator<Item = u32>) -> Admission {
        Admission { rule: Rule::Uids(Arc::new(uids.into_iter().collect())) }
    }

    /// Admits whom `rule` admits. It is called within `accept`, so it must not block; a panic in it refuses that peer.
    ///
    /// ```
    /// use wirepath::transport::{Admission, Peer};
    ///
    /// // Leave it to the mode of the socket file, which knows supplementary groups too.
    /// let by_mode_alone = Admission::by(|_| true);
    /// let by_group = Admission::by(|peer: &Peer| peer.credentials().is_some_and(|ids| ids.gid == 100));
    /// ```
    pub fn by(rule: impl Fn(&Peer) -> bool + Send + Sync + 'static) -> Admission {
        Admission { rule: Rule::By(Arc::new(rule)) }
    }

    /// Puts this admission before a listener of any transport: an inherited one, or one of your own.
    pub fn before(self, listener: impl Listener) -> Box<dyn Listener> {
        Box::new(Admitting { admission: self, listener })
    }

    /// Whether this peer may speak.
    pub(super) fn admits(&self, peer: &Peer) -> bool {
        let uid = peer.credentials().map(|credentials| credentials.uid);
        match &self.rule {
            Rule::OwnUser(own) => uid.is_some_and(|uid| uid == ROOT || is_own(uid, own)),
            Rule::Uids(uids) => uid.is_some_and(|uid| uids.contains(&uid)),
            // Whatever the closure shares and left half done is its own to care for.
            Rule::By(rule) => panic::catch_unwind(AssertUnwindSafe(|| rule(peer))).unwrap_or(false),
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::OwnUser(_) => f.write_str("Admission::own_user"),
            Rule::Uids(uids) => f.debug_tuple("Admission::uids").field(uids).finish(),
            Rule::By(_) => f.write_str("Admission::by"),
        }
    }
}

/// A listener that yields only admitted peers.
#[derive(Debug)]
struct Admitting<L> {
    admission: Admission,
    listener: L,
}

impl<L: Listener> Listener for Admitting<L> {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            loop {
                let connected = self.listener.accept().await?;
                if self.admission.admits(connected.peer()) {
                    return Ok(connected);
                }
            }
        })
    }

    fn accept_queued(&mut self) -> BoxFuture<'_, Option<io::Result<Connected>>> {
        Box::pin(async {
            loop {
                match self.listener.accept_queued().await? {
                    Ok(connected) if !self.admission.admits(connected.peer()) => {}
                    queued => return Some(queued),
                }
            }
        })
    }

    fn endpoint(&self) -> String {
        self.listener.endpoint()
    }
}

/// Asking who we are costs a socketpair, so the first answer is kept, and asked for anew before a refusal: a server
/// may have dropped its privileges since.
fn is_own(uid: u32, first_answer: &OnceLock<u32>) -> bool {
    if first_answer.get() == Some(&uid) {
        return true;
    }
    let Ok(Some(own)) = identity::own_user() else { return false };
    first_answer.get_or_init(|| own);
    uid == own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Credentials, UnixAddress};

    fn user(uid: u32) -> Peer {
        Peer::unix(UnixAddress::Unnamed, Some(Credentials { uid, gid: uid, pid: Some(7) }))
    }

    fn strangers() -> [Peer; 3] {
        let unknown = Peer::unix(UnixAddress::Unnamed, None);
        [unknown, Peer::Tcp(([127, 0, 0, 1], 5).into()), Peer::InMemory]
    }

    #[tokio::test]
    async fn own_user_is_this_one_and_root() {
        let own = identity::own_uid().unwrap();
        let admission = Admission::own_user();
        assert!(admission.admits(&user(own)) && admission.admits(&user(own)) && admission.admits(&user(0)));
        assert!(!admission.admits(&user(own + 1)) && !admission.admits(&user(65534 + own)));
    }

    #[test]
    fn a_list_admits_whom_it_names_and_nobody_else() {
        let admission = Admission::uids([1000, 65534]);
        for (uid, expected) in [(1000, true), (65534, true), (0, false), (1001, false), (u32::MAX, false)] {
            assert_eq!(admission.admits(&user(uid)), expected, "{uid}");
        }
        assert!(!Admission::uids([]).admits(&user(0)));
    }

    #[tokio::test]
    async fn whom_the_kernel_does_not_vouch_for_no_list_admits() {
        for stranger in strangers() {
            assert!(!Admission::own_user().admits(&stranger), "{stranger:?}");
            assert!(!Admission::uids([0, u32::MAX]).admits(&stranger), "{stranger:?}");
            assert!(Admission::by(|_| true).admits(&stranger), "{stranger:?}");
        }
    }

    #[test]
    fn a_closure_that_panics_refuses() {
        let admission = Admission::by(|peer| match peer.credentials() {
            Some(credentials) => credentials.uid == 7,
            None => panic!("no credentials: this panic is part of the test"),
        });
        assert!(admission.admits(&user(7)));
        assert!(strangers().iter().all(|stranger| !admission.admits(stranger)));
        assert!(admission.admits(&user(7)) && !admission.admits(&user(8)));
    }
}
