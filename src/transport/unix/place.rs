//! **A socket put at its path**, as the first there or as a successor.
//!
//! The first finds nobody, or a stale socket that it removes, and binds. A successor binds aside, at
//! `PATH.next`, listens there, and renames its socket over the predecessor's: a client that connects reaches
//! the one or the other, never nobody. Its lock takes the predecessor's place before its socket does. Killed
//! between the two, it leaves a path that leads to the predecessor, whom a plain start then finds alive; the
//! files that are left are locked by nobody, and the next server clears them away.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket};

use super::access::{Access, Unsettled};
use super::directory::directory_of;
use super::listen::Succession;
use super::listen_errors::{self, Foreign};
use super::occupant::{self, At, Occupant};
use super::ownership::{BoundPath, FileId, PathLock, Site, Turn, remove, suffixed};
use crate::transport::endpoint::MAX_PATH_LEN;

/// What a listening socket is made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) access: Access,
    pub(super) backlog: u32,
    pub(super) succession: Succession,
}

/// Waits for the turn and puts a listening socket at the site.
///
/// # Errors
/// `AddrInUse` where a server lives that is not to be succeeded, or a file stands that is not ours.
pub(super) async fn place(site: Site, plan: Plan) -> io::Result<(UnixListener, BoundPath)> {
    // Of two successors that begin at once, the second must not take the path from the first.
    let predecessor = FileId::at(&site.path);
    let turn = Turn::wait(&site).await?;
    clear_aside(&site, &plan);
    let Some(lock) = PathLock::try_take(&site, &turn)? else {
        let standing = occupant::own_socket(&site, &site.path, &plan.access)?;
        return succeed(site, &plan, &turn, None, standing.filter(|_| standing != predecessor));
    };
    let occupant = occupant::find(&site, site.at(), &plan.access).inspect_err(|_| lock.release(&turn))?;
    match occupant {
        Occupant::Live(id) => {
            succeed(site, &plan, &turn, Some(lock), Some(id).filter(|_| Some(id) != predecessor))
        }
        Occupant::Stale(id) => first(site, &plan, &turn, lock, Some(id)),
        Occupant::Nobody => first(site, &plan, &turn, lock, None),
    }
}

/// Binds at the path itself.
fn first(
    site: Site,
    plan: &Plan,
    turn: &Turn,
    lock: PathLock,
    stale: Option<FileId>,
) -> io::Result<(UnixListener, BoundPath)> {
    let cleared = stale.map_or(Ok(()), |id| remove(&site.path, id));
    let made = cleared
        .map_err(|cause| listen_errors::listen(&site.given, cause))
        .and_then(|()| listening(&site, plan, &site.address, &site.path));
    match made {
        Ok((listener, id)) => Ok((listener, BoundPath::new(site, id, lock))),
        Err(error) => {
            lock.release(turn);
            Err(error)
        }
    }
}

/// Binds aside and renames over the predecessor; `newcomer` came to the path while the turn was waited for.
fn succeed(
    site: Site,
    plan: &Plan,
    turn: &Turn,
    lock: Option<PathLock>,
    newcomer: Option<FileId>,
) -> io::Result<(UnixListener, BoundPath)> {
    let refused = match (plan.succession, newcomer) {
        (Succession::Refuse, _) => Some(listen_errors::live(&site)),
        (Succession::TakeOver, Some(_)) => Some(listen_errors::taken_over_meanwhile(&site.given)),
        (Succession::TakeOver, None) => None,
    };
    let made = match refused {
        Some(refusal) => Err(refusal),
        None => beside(&site, plan),
    };
    let (listener, id, aside) = match made {
        Ok(made) => made,
        Err(error) => {
            lock.inspect(|lock| lock.release(turn));
            return Err(error);
        }
    };
    let lock = lock.map_or_else(|| PathLock::succeed(&site, turn), Ok);
    let placed = lock.and_then(|lock| match fs::rename(&aside, &site.path) {
        Ok(()) => Ok(lock),
        Err(cause) => {
            lock.release(turn);
            Err(listen_errors::listen(&site.given, cause))
        }
    });
    match placed {
        Ok(lock) => Ok((listener, BoundPath::new(site, id, lock))),
        Err(error) => {
            let _ = remove(&aside, id);
            Err(error)
        }
    }
}

/// A socket that listens beside the path, and its file.
fn beside(site: &Site, plan: &Plan) -> io::Result<(UnixListener, FileId, PathBuf)> {
    let aside = Aside::of(site)?;
    // A stale one has been cleared away, so this is the path of another server of this user.
    if let Occupant::Live(_) = occupant::find(site, aside.at(), &plan.access)? {
        return Err(listen_errors::occupied(&site.given, &aside.path, Foreign::Live));
    }
    let (listener, id) = listening(site, plan, &aside.address, &aside.path)?;
    Ok((listener, id, aside.path))
}

/// A socket bound to `address`, which is the file `path`, with its access settled, listening.
fn listening(site: &Site, plan: &Plan, address: &Path, path: &Path) -> io::Result<(UnixListener, FileId)> {
    let refused = |cause| listen_errors::listen(&site.given, cause);
    let socket = UnixSocket::new_stream().map_err(refused)?;
    plan.access.prepare(&socket).map_err(refused)?;
    socket.bind(address).map_err(refused)?;
    // Where others may write, what stands there by now may be theirs, or a hard link to what is not for them.
    let made = occupant::own_socket(site, path, &plan.access)?;
    let id = made.ok_or_else(|| refused(io::Error::from_raw_os_error(libc::ENOENT)))?;
    let settled = plan.access.settle(path, id).map_err(|unsettled| match unsettled {
        Unsettled::Owner(cause) => listen_errors::owner(&site.given, &plan.access, cause),
        Unsettled::Mode(cause) => listen_errors::mode(&site.given, &plan.access, cause),
    });
    let listening = settled.and_then(|()| socket.listen(plan.backlog).map_err(refused));
    match listening {
        Ok(listener) => Ok((listener, id)),
        Err(error) => {
            let _ = remove(path, id);
            Err(error)
        }
    }
}

/// Clears away the socket that a killed successor may have left aside: under the turn nobody else is about to use it.
/// What is not ours is left, and so is a server that lives at this name; they bar a successor's way only.
fn clear_aside(site: &Site, plan: &Plan) {
    let Ok(aside) = Aside::of(site) else { return };
    if let Ok(Occupant::Stale(id)) = occupant::find(site, aside.at(), &plan.access) {
        let _ = remove(&aside.path, id);
    }
}

/// Where a successor binds before it is renamed: a file, and the address that leads to it.
struct Aside {
    path: PathBuf,
    address: PathBuf,
    /// Kept open while the address leads through it.
    _directory: Option<File>,
}

impl Aside {
    /// `PATH.next`; where that is too long for an address, a short name reached through the open directory.
    fn of(site: &Site) -> io::Result<Aside> {
        let address = suffixed(&site.address, NEXT);
        if address.as_os_str().as_bytes().len() <= MAX_PATH_LEN {
            return Ok(Aside { path: suffixed(&site.path, NEXT), address, _directory: None });
        }
        let directory = directory_of(&site.path);
        let mut hasher = DefaultHasher::new();
        site.path.file_name().hash(&mut hasher);
        let name = format!(".{:016x}{NEXT}", hasher.finish());
        let open = File::open(&directory).map_err(|cause| listen_errors::listen(&site.given, cause))?;
        let address = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd())).join(&name);
        Ok(Aside { path: directory.join(name), address, _directory: Some(open) })
    }

    fn at(&self) -> At<'_> {
        At { path: &self.path, address: &self.address }
    }
}

/// What a successor's socket has at the end of its name until it is renamed.
const NEXT: &str = ".next";
