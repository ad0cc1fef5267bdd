//! The open connections of a server, to be looked at from outside while it runs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{http2::Meters, transport::Peer};

/// The connections of the servers that were given this list.
///
/// ```no_run
/// # async fn example(router: impl wirepath::Service) -> std::io::Result<()> {
/// # let endpoint: wirepath::Endpoint = "unix:/run/echo.sock".parse().expect("a valid endpoint");
/// let connections = wirepath::server::Connections::default();
/// let server = wirepath::Server::new().connections(&connections).add(router);
/// tokio::spawn(server.serve(endpoint.listen().await?));
/// for connection in connections.snapshot() {
///     println!("{:?}: {} streams", connection.peer(), connection.meters().streams());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Connections {
    open: Arc<Mutex<Open>>,
}

/// By the order in which they were accepted.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_number: BTreeMap<u64, OpenConnection>,
}

impl Connections {
    /// Those that are open now and have said their preface, oldest first.
    pub fn snapshot(&self) -> Vec<OpenConnection> {
        self.lock().by_number.values().cloned().collect()
    }

    /// Lists a connection until what this gives is dropped.
    pub(super) fn enter(&self, peer: Arc<Peer>, meters: Arc<Meters>) -> Listed {
        let mut open = self.lock();
        let number = open.next;
        open.next += 1;
        open.by_number.insert(number, OpenConnection { peer, meters });
        Listed { connections: self.clone(), number }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection of a server.
#[derive(Clone, Debug)]
pub struct OpenConnection {
    peer: Arc<Peer>,
    meters: Arc<Meters>,
}

impl OpenConnection {
    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What has passed, up to date whenever it is read.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }
}

/// A connection that is listed.
pub(super) struct Listed {
    connections: Connections,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.connections.lock().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_listed_until_it_ends() {
        let connections = Connections::default();
        let enter = || connections.enter(Arc::new(Peer::InMemory), Arc::default());
        let (first, second) = (enter(), enter());
        assert_eq!(connections.snapshot().len(), 2);
        drop(first);
        assert_eq!(connections.snapshot().len(), 1);
        drop(second);
        assert!(connections.snapshot().is_empty());
    }
}
