//! **The directory of a socket**: whoever may rename files in it can put a socket of theirs at the path.
//!
//! So it must belong to this user or to root, and nobody else may write to it unless its sticky bit keeps
//! each user's files their own (/tmp). Its last component is no symlink: the owner of a link may turn it
//! elsewhere. The directories above it are not looked at: their owner is trusted by whoever uses the path.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::identity;
use super::listen_errors;
use super::ownership::Site;

/// What makes a directory unsafe.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is reached through a symlink.
    Symlink,
    /// It belongs to another user.
    OwnedBy(u32),
    /// Others may write to it, and no sticky bit protects what is in it.
    WritableByOthers {
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        uid: u32,
    },
}

/// Refuses a directory in which others may replace the socket.
pub(super) fn check(site: &Site) -> io::Result<()> {
    let unready = |cause| listen_errors::listen(&site.given, cause);
    let directory = directory_of(&site.path);
    let metadata = fs::symlink_metadata(&directory).map_err(unready)?;
    // A symlink that leads nowhere is told as what it is.
    let behind = fs::metadata(&directory).map_err(unready)?;
    if !behind.is_dir() {
        return Err(unready(io::Error::from_raw_os_error(libc::ENOTDIR)));
    }
    let own = identity::own_user().map_err(unready)?;
    match fault(metadata.is_symlink(), metadata.uid(), metadata.mode(), own) {
        None => Ok(()),
        Some(fault) => Err(listen_errors::unsafe_directory(&site.given, &directory, &fault)),
    }
}

fn fault(is_symlink: bool, uid: u32, mode: u32, own: Option<u32>) -> Option<Fault> {
    if is_symlink {
        return Some(Fault::Symlink);
    }
    if Some(uid) != own && uid != 0 {
        return Some(Fault::OwnedBy(uid));
    }
    if mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
        return Some(Fault::WritableByOthers { mode: mode & 0o7777, uid });
    }
    None
}

/// The directory that an absolute path's file is in.
pub(super) fn directory_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}

/// Group and others; a group of one is the exception that nobody can see in a mode.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// In a directory with it, only the owner of a file renames or removes it.
const STICKY: u32 = 0o1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_directory_in_which_nobody_else_may_rename_is_safe() {
        let writable = |mode, uid| Some(Fault::WritableByOthers { mode, uid });
        let table = [
            (false, 1000, 0o40700, None),
            (false, 1000, 0o40755, None),
            (false, 0, 0o40755, None),
            (false, 0, 0o41777, None),
            (false, 1000, 0o41770, None),
            (false, 1000, 0o40775, writable(0o775, 1000)),
            (false, 0, 0o40777, writable(0o777, 0)),
            (false, 0, 0o42757, writable(0o2757, 0)),
            (false, 1001, 0o40700, Some(Fault::OwnedBy(1001))),
            (false, 1001, 0o41777, Some(Fault::OwnedBy(1001))),
            (true, 1000, 0o120777, Some(Fault::Symlink)),
        ];
        for (is_symlink, uid, mode, expected) in table {
            assert_eq!(fault(is_symlink, uid, mode, Some(1000)), expected, "{uid} {mode:o}");
        }
        assert_eq!(fault(false, 65534, 0o40700, None), Some(Fault::OwnedBy(65534)), "whoever that is");
        assert_eq!(
            fault(false, 1000, 0o40700, Some(0)),
            Some(Fault::OwnedBy(1000)),
            "root trusts nobody else"
        );
    }
}
