//! How much a server's clients may have of it together, and how many there may be.
//!
//! What one connection may hold is bounded by [`Http2Config`](crate::http2::Http2Config); here is what stands beside that
//! once there are many. A connection that is one too many is closed as soon as it is accepted, before a byte of it is read:
//! to its client that is a server that does not answer, which it asks again later and less and less often. Left waiting in
//! the listener's queue it would keep others from being seen.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{http2::Pool, transport::Peer};

/// Bounds over all connections of a server. `usize::MAX` is no bound.
///
/// ```
/// let mut bounds = wirepath::server::Bounds::default();
/// bounds.max_connections_per_user = 100;
/// let server = wirepath::Server::new().bounds(bounds);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Open connections. 10,000: some 20 KiB each while they are idle, 200 MiB in all. Most servers run out of descriptors
    /// before (`ulimit -n`); then new clients wait in the listener's queue until some come free.
    pub max_connections: usize,
    /// Open connections of one user, by the uid that the kernel vouches for on a Unix socket; root and the server's own user
    /// are users as all others, because most clients run as one of the two. 7,500, so that no user alone keeps all others
    /// out, and a storm of 5,000 clients of one user passes. Peers without a uid (TCP) count in all alone.
    pub max_connections_per_user: usize,
    /// Bytes of large requests in the hands of all connections, beyond one for each, which it has in any case. 64 MiB; others
    /// wait, as where `Http2Config::request_room` is used up.
    pub requests: usize,
    /// Bytes of large answers that clients do not take, at which a connection may have 1 MiB ready in place of
    /// `Http2Config::answer_backlog`. 64 MiB.
    pub answers: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_user: 7_500,
            requests: 64 << 20,
            answers: 64 << 20,
        }
    }
}

/// The connections of a server, counted by whose they are.
#[derive(Debug)]
pub(super) struct Census {
    bounds: Bounds,
    pub(super) pool: Pool,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_uid: HashMap<u32, usize>,
}

impl Census {
    pub(super) fn new(bounds: Bounds) -> Self {
        let pool = Pool::new(bounds.requests, bounds.answers);
        Self { bounds, pool, open: Mutex::default() }
    }

    /// Counts a connection until what this gives is dropped; `None` if it is one too many.
    pub(super) fn enter(self: &Arc<Self>, peer: &Peer) -> Option<Counted> {
        let uid = peer.credentials().map(|credentials| credentials.uid);
        let mut open = self.lock();
        let of_user = uid.and_then(|uid| open.by_uid.get(&uid).copied()).unwrap_or(0);
        if open.all >= self.bounds.max_connections || of_user >= self.bounds.max_connections_per_user {
            return None;
        }
        open.all += 1;
        if let Some(uid) = uid {
            open.by_uid.insert(uid, of_user + 1);
        }
        Some(Counted { census: Arc::clone(self), uid })
    }

    fn leave(&self, uid: Option<u32>) {
        let mut open = self.lock();
        open.all -= 1;
        let Some(uid) = uid else { return };
        let Some(of_user) = open.by_uid.get_mut(&uid) else { return };
        *of_user -= 1;
        if *of_user == 0 {
            open.by_uid.remove(&uid);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is counted.
#[derive(Debug)]
pub(super) struct Counted {
    census: Arc<Census>,
    uid: Option<u32>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.census.leave(self.uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Credentials, UnixAddress};

    fn of_user(uid: u32) -> Peer {
        Peer::unix(UnixAddress::Unnamed, Some(Credentials { uid, gid: 0, pid: None }))
    }

    #[test]
    fn a_user_that_has_too_many_keeps_nobody_else_out() {
        let bounds = Bounds { max_connections: 4, max_connections_per_user: 2, ..Bounds::default() };
        let census = Arc::new(Census::new(bounds));
        let enter = |peer: &Peer| census.enter(peer);
        let (root, other) = (of_user(0), of_user(1000));
        let mut of_root = [enter(&root), enter(&root)];
        assert!(of_root.iter().all(Option::is_some) && enter(&root).is_none());
        let _of_other = enter(&other).unwrap();
        let unknown = enter(&Peer::InMemory).unwrap();
        assert!(enter(&Peer::InMemory).is_none() && enter(&other).is_none());
        drop(unknown);
        of_root[0] = None;
        assert!(enter(&root).is_some());
        drop(of_root);
        assert_eq!(census.lock().by_uid.keys().copied().collect::<Vec<_>>(), [1000]);
    }
}
