//! **Whose path it is**: a lock file beside the socket decides, never the socket file itself.
//!
//! `PATH.lock` is locked (`flock`) for as long as the listener lives; the kernel unlocks it however the
//! process ends. Only an empty file of mode 0600 with this one name is one. Whoever starts or ends at the path
//! first takes the turn, `PATH.turn`, for the few system calls that this takes: names are judged, made, renamed and
//! removed by one at a time, so that none is removed that has just become another's. A turn is never held across an
//! await.
//!
//! A lock file goes by its holder, still locked. Whoever opened it before and locks it after holds a file
//! without a name: it compares what it locked with what stands at the name, and starts again. After a crash
//! it stays, unlocked, for the next.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::identity::own_uid;
use super::{access, listen_errors};
use crate::transport::endpoint::MAX_PATH_LEN;

/// One socket path and the names beside it.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// As the user wrote it: what errors name.
    pub(super) given: PathBuf,
    /// Absolute, so that a later chdir leads nowhere else.
    pub(super) path: PathBuf,
    /// What is bound: the absolute path, or what was given where that is too long for an address.
    pub(super) address: PathBuf,
    /// Whose files are ours.
    pub(super) uid: u32,
    pub(super) lock: PathBuf,
    turn: PathBuf,
}

impl Site {
    /// The site of a path, seen from the working directory of now.
    pub(super) fn new(given: &Path) -> io::Result<Site> {
        let unready = |cause| listen_errors::listen(given, cause);
        let path = std::path::absolute(given).map_err(unready)?;
        let uid = own_uid().map_err(unready)?;
        let (lock, turn) = (suffixed(&path, ".lock"), suffixed(&path, ".turn"));
        let fits = path.as_os_str().as_bytes().len() <= MAX_PATH_LEN;
        let address = if fits { path.clone() } else { given.to_owned() };
        Ok(Site { given: given.to_owned(), path, address, uid, lock, turn })
    }
}

/// `path` with `suffix` appended to its last name.
pub(super) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The right to change what stands at the names of a site; dropping it gives it on.
#[derive(Debug)]
pub(super) struct Turn {
    file: LockFile,
}

impl Turn {
    /// Waits for the turn without blocking the task.
    ///
    /// # Errors
    /// `AddrInUse` if another server holds it for longer than any start takes.
    pub(super) async fn wait(site: &Site) -> io::Result<Turn> {
        if let Some(file) = LockFile::try_take(&site.turn, site)? {
            return Ok(Turn { file });
        }
        let site = site.clone();
        let waiting = tokio::task::spawn_blocking(move || Turn::take(&site));
        waiting.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Waits for the turn, and blocks.
    fn take(site: &Site) -> io::Result<Turn> {
        let patience = Instant::now() + PATIENCE;
        loop {
            if let Some(file) = LockFile::try_take(&site.turn, site)? {
                return Ok(Turn { file });
            }
            if Instant::now() >= patience {
                return Err(listen_errors::turn(&site.given, &site.turn));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.file.remove();
    }
}

/// The right to have a socket at a path; whoever drops it without `release` leaves the file, unlocked.
#[derive(Debug)]
pub(super) struct PathLock {
    file: LockFile,
}

impl PathLock {
    /// Locks the site for life; `None` where another server has it.
    ///
    /// # Errors
    /// `PermissionDenied` where the lock file is not ours.
    pub(super) fn try_take(site: &Site, _turn: &Turn) -> io::Result<Option<PathLock>> {
        Ok(LockFile::try_take(&site.lock, site)?.map(|file| PathLock { file }))
    }

    /// Takes the name from the file that a predecessor holds, and locks a new one.
    pub(super) fn succeed(site: &Site, turn: &Turn) -> io::Result<PathLock> {
        let refused = |cause| listen_errors::lock(&site.given, &site.lock, cause);
        match fs::remove_file(&site.lock) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(refused(cause)),
            _ => {}
        }
        // Nobody else makes one without the turn.
        PathLock::try_take(site, turn)?.ok_or_else(|| listen_errors::live(site))
    }

    /// Removes the lock's file and unlocks it.
    pub(super) fn release(&self, _turn: &Turn) {
        self.file.remove();
    }
}

/// A path with our socket at it; dropping it removes the socket's file, then the lock's.
#[derive(Debug)]
pub(super) struct BoundPath {
    pub(super) site: Site,
    id: FileId,
    lock: PathLock,
    /// A descriptor to close at the end, so that one is free for the turn where the process has used up all.
    spare: Option<File>,
}

impl BoundPath {
    /// The site where the socket `id` was put, and its lock.
    pub(super) fn new(site: Site, id: FileId, lock: PathLock) -> BoundPath {
        let spare = lock.file.file.try_clone().ok();
        BoundPath { site, id, lock, spare }
    }
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        self.spare = None;
        // Nobody is left to tell an error to; what stays behind is stale, and the next server replaces it.
        if let Ok(turn) = Turn::take(&self.site) {
            let _ = remove(&self.site.path, self.id);
            self.lock.release(&turn);
        }
    }
}

/// A file that is locked, and to which its name led when it was.
#[derive(Debug)]
struct LockFile {
    path: PathBuf,
    id: FileId,
    file: File,
}

impl LockFile {
    /// Opens or makes the file and locks it; `None` where another holds it.
    fn try_take(path: &Path, site: &Site) -> io::Result<Option<LockFile>> {
        let refused = |cause| listen_errors::lock(&site.given, path, cause);
        loop {
            let file = open(path, site.uid).map_err(refused)?;
            let metadata = file.metadata().map_err(refused)?;
            if !metadata.is_file() || metadata.uid() != site.uid {
                return Err(listen_errors::foreign_lock(&site.given, path, metadata.uid()));
            }
            if !is_bare(&metadata) {
                return Err(listen_errors::no_lock(&site.given, path));
            }
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(cause)) => return Err(refused(cause)),
            }
            if let Some(lock) = LockFile::of_locked(file, FileId::of(&metadata), path) {
                return Ok(Some(lock));
            }
        }
    }

    /// The lock that a locked file is; `None` if its last owner removed it between our open and our lock, and
    /// what stands at the path now, if anything, is another file.
    fn of_locked(file: File, id: FileId, path: &Path) -> Option<LockFile> {
        (FileId::at(path) == Some(id)).then(|| LockFile { path: path.to_owned(), id, file })
    }

    /// Removes the file, if the name still leads to it, and unlocks it.
    fn remove(&self) {
        let _ = remove(&self.path, self.id);
        // Not left to the close: a child between fork and exec holds the descriptor on for an instant.
        let _ = self.file.unlock();
    }
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> FileId {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }

    pub(super) fn at(path: &Path) -> Option<FileId> {
        metadata_at(path).map(|metadata| FileId::of(&metadata))
    }
}

/// What stands at the path itself, a symlink not followed.
pub(super) fn metadata_at(path: &Path) -> Option<Metadata> {
    fs::symlink_metadata(path).ok()
}

/// Removes the file at `path` if it is the one meant.
pub(super) fn remove(path: &Path, id: FileId) -> io::Result<()> {
    match FileId::at(path) {
        Some(found) if found == id => fs::remove_file(path),
        _ => Ok(()),
    }
}

/// Whether a file looks like those made here. Others end in `.lock` too (Cargo.lock), and are not to go at our end. One
/// with a second name may be a lock of this user's elsewhere, linked here by somebody else; one without any has just gone.
fn is_bare(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.len() == 0 && metadata.mode() & 0o7177 == 0 && metadata.nlink() <= 1
}

/// Opens or makes the lock file, also one that its maker's umask closed to its own owner.
fn open(path: &Path, uid: u32) -> io::Result<File> {
    let denied = match open_or_make(path) {
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => cause,
        opened => return opened,
    };
    match metadata_at(path) {
        Some(found) if found.uid() == uid && is_bare(&found) && found.mode() & LOCK_MODE != LOCK_MODE => {
            access::set_mode_at(path, FileId::of(&found), LOCK_MODE)?;
            open_or_make(path)
        }
        _ => Err(denied),
    }
}

/// No symlink is followed, no fifo waited for, no byte touched; std adds O_CLOEXEC, so no child holds the lock on.
fn open_or_make(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(LOCK_MODE)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
}

const LOCK_MODE: u32 = 0o600;

/// A start or an end takes some system calls. Who has the turn for longer is stopped, or stuck in the file
/// system.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_lost_its_name_before_it_was_locked_is_no_lock() {
        let directory = tempfile::tempdir().unwrap();
        let site = Site::new(&directory.path().join("a.sock")).unwrap();
        let turn = Turn::take(&site).unwrap();
        let first = PathLock::try_take(&site, &turn).unwrap().unwrap();
        let opened = open(&site.lock, site.uid).unwrap();
        let id = FileId::of(&opened.metadata().unwrap());
        assert_eq!(id, first.file.id);
        first.release(&turn);
        opened.try_lock().expect("nobody holds it any more");
        let second = PathLock::try_take(&site, &turn).unwrap().expect("a lock file of its own");
        assert!(LockFile::of_locked(opened, id, &site.lock).is_none());
        assert_eq!(FileId::at(&site.lock), Some(second.file.id));
    }

    #[tokio::test]
    async fn a_successors_lock_survives_the_end_of_its_predecessor() {
        let directory = tempfile::tempdir().unwrap();
        let site = Site::new(&directory.path().join("a.sock")).unwrap();
        let turn = Turn::take(&site).unwrap();
        let first = PathLock::try_take(&site, &turn).unwrap().unwrap();
        assert!(PathLock::try_take(&site, &turn).unwrap().is_none(), "it is held");
        let second = PathLock::succeed(&site, &turn).unwrap();
        first.release(&turn);
        assert_eq!(FileId::at(&site.lock), Some(second.file.id));
        assert!(PathLock::try_take(&site, &turn).unwrap().is_none(), "it is held by the second");
    }

    #[tokio::test]
    async fn whoever_keeps_the_turn_is_waited_for_and_then_named() {
        let directory = tempfile::tempdir().unwrap();
        let site = Site::new(&directory.path().join("a.sock")).unwrap();
        let stuck = Turn::take(&site).unwrap();
        let error = Turn::wait(&site).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("a.sock.turn"), "{error}");
        drop(stuck);
        Turn::wait(&site).await.expect("its turn");
        assert!(!site.turn.exists());
    }
}
