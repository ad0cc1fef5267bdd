//! What an audit sets up and must take down: the private directory and the server's process.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::place::Place;
use super::second::{Addresses, SecondProcess};

/// The stage; clones share it, so that one thread can take down what another uses.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    directory: PathBuf,
    standing: Arc<Mutex<Standing>>,
}

#[derive(Debug)]
enum Standing {
    /// Fields drop in this order: first the server, then the directory with its socket.
    Up {
        server: Option<SecondProcess>,
        _place: Place,
    },
    Down,
}

impl Stage {
    /// Makes the private directory.
    pub(crate) fn set() -> io::Result<Self> {
        let place = Place::make()?;
        let directory = place.path().to_owned();
        Ok(Stage { directory, standing: Arc::new(Mutex::new(Standing::Up { server: None, _place: place })) })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts the server's process and waits until it listens.
    pub(crate) fn start_server(&self) -> io::Result<Addresses> {
        let lines = match &mut *self.lock() {
            Standing::Down => return Err(io::ErrorKind::Interrupted.into()),
            Standing::Up { server, .. } => {
                server.insert(SecondProcess::start(&self.directory)?).announcements()?
            }
        };
        // Not under the lock: an interrupted audit must not wait for a server that does not start.
        match lines.addresses(&self.directory) {
            Ok(addresses) => Ok(addresses),
            Err(error) => Err(match &mut *self.lock() {
                Standing::Up { server: Some(server), .. } => server.explain(error),
                _ => error,
            }),
        }
    }

    /// Takes everything down; later calls do nothing.
    pub(crate) fn strike(&self) {
        *self.lock() = Standing::Down;
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
