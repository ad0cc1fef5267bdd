//! **Admission**: who may connect, decided on what the kernel vouches for, before HTTP/2 begins.

use std::fmt;
use std::sync::Arc;

use super::ownership::own_uid;
use crate::transport::Peer;

/// Who may connect to a listener.
#[derive(Clone)]
pub struct Admission {
    rule: Arc<dyn Fn(&Peer) -> bool + Send + Sync>,
}

impl Admission {
    /// The user that runs this process, and root.
    pub fn own_user() -> Self {
        Self::by(|peer| uid_of(peer).is_some_and(|uid| uid == 0 || own_uid().is_ok_and(|own| own == uid)))
    }

    /// These users and nobody else.
    pub fn uids(uids: impl IntoIterator<Item = u32>) -> Self {
        let uids: Vec<u32> = uids.into_iter().collect();
        Self::by(move |peer| uid_of(peer).is_some_and(|uid| uids.contains(&uid)))
    }

    /// Whom this function lets in.
    pub fn by(rule: impl Fn(&Peer) -> bool + Send + Sync + 'static) -> Self {
        Admission { rule: Arc::new(rule) }
    }

    pub(super) fn admits(&self, peer: &Peer) -> bool {
        (self.rule)(peer)
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").finish_non_exhaustive()
    }
}

fn uid_of(peer: &Peer) -> Option<u32> {
    match peer {
        Peer::Unix { credentials, .. } => credentials.as_ref().map(|credentials| credentials.uid),
        _ => None,
    }
}
