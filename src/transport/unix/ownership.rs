//! **Whose path it is**: a lock file beside the socket decides, never the socket file itself.
//!
//! `PATH.lock` is locked (`flock`) for as long as the listener lives; the kernel unlocks it however the
//! process ends. Only under the lock a socket file is judged: it is stale, and replaced, if it is ours and a
//! connect finds nobody (`ECONNREFUSED`). `EAGAIN` is a full backlog, so somebody. No other file is ever
//! deleted. At the end the socket file goes only if it is still the one that was bound, by device and inode.
//!
//! The lock file goes last, by its holder, still locked. Whoever opened it before and locks it after holds a
//! file without a name: it compares what it locked with what stands at the name, and starts again. So at
//! every instant at most one process holds the file that the name leads to. After a crash it stays, unlocked,
//! for the next owner.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use super::identity::own_uid;
use super::reasons::{self, Occupant};

/// The right to bind a path, held until it is dropped.
#[derive(Debug)]
pub(super) struct PathLock {
    path: PathBuf,
    id: FileId,
    /// Whose files are ours.
    uid: u32,
    /// Locked; closing it unlocks it.
    _file: File,
}

impl PathLock {
    /// Locks `socket_path` against every other server.
    ///
    /// # Errors
    /// `AddrInUse` where another one has it, `PermissionDenied` where the lock file is not ours.
    pub(super) fn acquire(socket_path: &Path) -> io::Result<PathLock> {
        let unready = |cause| reasons::listen(socket_path, cause);
        let uid = own_uid().map_err(unready)?;
        let path = lock_path(socket_path).map_err(unready)?;
        let refused = |cause| reasons::lock(socket_path, &path, cause);
        loop {
            let file = open(&path).map_err(refused)?;
            let metadata = file.metadata().map_err(refused)?;
            if !metadata.is_file() || metadata.uid() != uid {
                return Err(reasons::foreign_lock(socket_path, &path, metadata.uid()));
            }
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(reasons::live(socket_path)),
                Err(TryLockError::Error(cause)) => return Err(refused(cause)),
            }
            if let Some(lock) = PathLock::of_locked(file, FileId::of(&metadata), &path, uid) {
                return Ok(lock);
            }
        }
    }

    /// The lock that a locked file is; `None` if its last owner removed it between our open and our lock, and
    /// what stands at the path now, if anything, is another file.
    fn of_locked(file: File, id: FileId, path: &Path, uid: u32) -> Option<PathLock> {
        (FileId::at(path) == Some(id)).then(|| PathLock { path: path.to_owned(), id, uid, _file: file })
    }

    /// Makes way for `bind`: removes a stale socket of ours, refuses for anything else.
    pub(super) async fn clear(&self, socket_path: &Path) -> io::Result<()> {
        let Some(metadata) = metadata_at(socket_path) else { return Ok(()) };
        if !metadata.file_type().is_socket() {
            return Err(reasons::occupied(socket_path, Occupant::NoSocket));
        }
        if metadata.uid() != self.uid {
            return Err(reasons::occupied(socket_path, Occupant::SocketOf(metadata.uid())));
        }
        // tokio's connect does not block: a full backlog is EAGAIN at once.
        match UnixStream::connect(socket_path).await {
            Ok(_) => Err(reasons::live(socket_path)),
            Err(cause) => match cause.kind() {
                io::ErrorKind::ConnectionRefused => remove(socket_path, FileId::of(&metadata))
                    .map_err(|cause| reasons::listen(socket_path, cause)),
                io::ErrorKind::NotFound => Ok(()),
                io::ErrorKind::WouldBlock => Err(reasons::live(socket_path)),
                _ => Err(reasons::occupied(socket_path, Occupant::Unclear(cause))),
            },
        }
    }
}

impl Drop for PathLock {
    fn drop(&mut self) {
        let _ = remove(&self.path, self.id);
    }
}

/// A path with our socket at it; dropping it removes the socket's file, then the lock's.
#[derive(Debug)]
pub(super) struct BoundPath {
    /// Absolute, so that a later chdir leads nowhere else.
    path: PathBuf,
    id: FileId,
    _lock: PathLock,
}

impl BoundPath {
    /// Remembers which file `bind` made.
    pub(super) fn new(path: &Path, lock: PathLock) -> io::Result<BoundPath> {
        let path = std::path::absolute(path)?;
        let id = FileId::of(&fs::symlink_metadata(&path)?);
        Ok(BoundPath { path, id, _lock: lock })
    }
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        // Nobody is left to tell an error to; what stays behind is stale, and the next server replaces it.
        let _ = remove(&self.path, self.id);
    }
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(metadata: &Metadata) -> FileId {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }

    fn at(path: &Path) -> Option<FileId> {
        metadata_at(path).map(|metadata| FileId::of(&metadata))
    }
}

/// What stands at the path itself, a symlink not followed.
fn metadata_at(path: &Path) -> Option<Metadata> {
    fs::symlink_metadata(path).ok()
}

/// Removes the file at `path` if it is the one meant.
fn remove(path: &Path, id: FileId) -> io::Result<()> {
    match FileId::at(path) {
        Some(found) if found == id => fs::remove_file(path),
        _ => Ok(()),
    }
}

fn lock_path(socket_path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(socket_path)?.into_os_string();
    path.push(".lock");
    Ok(PathBuf::from(path))
}

/// Opens or makes the lock file: no symlink is followed, no fifo waited for, no byte of it touched; std adds
/// O_CLOEXEC, so no child holds the lock on.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_lost_its_name_before_it_was_locked_is_no_lock() {
        let directory = tempfile::tempdir().unwrap();
        let socket_path = directory.path().join("a.sock");
        let path = lock_path(&socket_path).unwrap();
        let first = PathLock::acquire(&socket_path).unwrap();
        let opened = open(&path).unwrap();
        let id = FileId::of(&opened.metadata().unwrap());
        assert_eq!(id, first.id);
        drop(first);
        opened.try_lock().expect("nobody holds it any more");
        let second = PathLock::acquire(&socket_path).expect("a lock file of its own");
        assert!(PathLock::of_locked(opened, id, &path, second.uid).is_none());
        assert_eq!(FileId::at(&path), Some(second.id));
    }
}
