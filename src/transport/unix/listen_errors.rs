//! **Why a Unix socket does not listen**, and the way out.
//!
//! Beside what the kernel answers stand the listen_errors of our own: a path that is another's, a directory in
//! which others may replace the socket, an open door without anybody who checks. Each names what it found and
//! the option that accepts it, where there is one.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::access::Access;
use super::connect_errors::{kind_of, other, too_long};
use super::directory::Fault;
use super::ownership::{Site, metadata_at};
use super::{abstract_endpoint, endpoint};
use crate::transport::Endpoint;
use crate::transport::error::Explanation;

/// What bars a path and is not ours.
#[derive(Debug)]
pub(super) enum Foreign {
    /// A file that is no socket.
    NoSocket,
    /// A socket of another user.
    SocketOf(u32),
    /// A socket of ours whose server lives, where a successor would bind.
    Live,
    /// A socket of ours that did not tell whether it lives.
    Unclear(io::Error),
}

/// A socket, its `bind` or its `listen` failed.
pub(super) fn listen(path: &Path, cause: io::Error) -> io::Error {
    let explanation = match cause.raw_os_error() {
        Some(libc::EADDRINUSE) => Explanation::new(
            "another program has put a file there in this instant",
            "let one server own the path",
        )
        .errno("EADDRINUSE"),
        _ => directory(path, &cause),
    };
    explanation.of_listen(endpoint(path), cause)
}

/// A socket, its `bind` or its `listen` on an abstract name failed.
pub(super) fn listen_abstract(name: &[u8], cause: io::Error) -> io::Error {
    let explanation = match cause.raw_os_error() {
        Some(libc::EADDRINUSE) => {
            Explanation::new("another server has this name", "stop it, or choose another name")
                .errno("EADDRINUSE")
        }
        _ => other(&cause),
    };
    explanation.of_listen(abstract_endpoint(name), cause)
}

/// The lock file could not be opened or locked.
pub(super) fn lock(path: &Path, lock_path: &Path, cause: io::Error) -> io::Error {
    let explanation = match cause.raw_os_error() {
        Some(libc::ELOOP) if lock_path.is_symlink() => Explanation::new(
            format!("its lock file {} is a symlink", lock_path.display()),
            "remove the symlink, or choose a directory in which only this user writes",
        )
        .errno("ELOOP"),
        Some(libc::ENXIO) => Explanation::new(
            format!("its lock file {} is a socket or a device", lock_path.display()),
            "remove it, or choose another path",
        )
        .errno("ENXIO"),
        Some(libc::EISDIR) => Explanation::new(
            format!("its lock file {} is a directory", lock_path.display()),
            "remove the directory, or choose another path",
        )
        .errno("EISDIR"),
        Some(libc::EACCES) => match metadata_at(lock_path) {
            Some(found) => Explanation::new(
                format!(
                    "where its lock file {} goes stands {} of uid {}, and this user may not open it",
                    lock_path.display(),
                    kind_of(found.file_type()),
                    found.uid()
                ),
                "remove it, or choose a directory in which only this user writes",
            )
            .errno("EACCES"),
            None => directory(lock_path, &cause),
        },
        _ => directory(lock_path, &cause),
    };
    explanation.of_listen(endpoint(path), cause)
}

/// The lock file is another user's, or no file.
pub(super) fn foreign_lock(path: &Path, lock_path: &Path, uid: u32) -> io::Error {
    Explanation::new(
        format!("its lock file {} is no regular file of this user, but of uid {uid}", lock_path.display()),
        "remove it, run as its owner, or choose a directory in which only this user writes",
    )
    .of_listen(endpoint(path), io::ErrorKind::PermissionDenied.into())
}

/// What stands at the lock's name is a file of this user's, but not a lock.
pub(super) fn no_lock(path: &Path, lock_path: &Path) -> io::Error {
    Explanation::new(
        format!(
            "{} is where its lock file goes, and that is another program's file: not empty, not of mode 0600, or \
             with a second name",
            lock_path.display()
        ),
        "choose another path, or remove the file",
    )
    .of_listen(endpoint(path), io::ErrorKind::AlreadyExists.into())
}

/// A server lives at the path, or would if somebody had not removed its socket.
pub(super) fn live(site: &Site) -> io::Error {
    let explanation = match metadata_at(&site.path) {
        Some(_) => Explanation::new("a live server has this path", "stop it, or choose another path"),
        None => Explanation::new(
            format!("a live process holds its lock file {}, but no socket stands there", site.lock.display()),
            "stop the server whose socket was removed, or take the path over from it",
        ),
    };
    let cause = io::Error::from_raw_os_error(libc::EADDRINUSE);
    explanation.errno("EADDRINUSE").of_listen(endpoint(&site.given), cause)
}

/// A server holds the turn for longer than a start or an end takes.
pub(super) fn turn(path: &Path, turn: &Path) -> io::Error {
    Explanation::new(
        format!("another server that starts or ends there has held {} for seconds", turn.display()),
        "see whether it is stopped, and try again",
    )
    .of_listen(endpoint(path), io::ErrorKind::AddrInUse.into())
}

/// Another server came to the path while this one waited to take it over.
pub(super) fn taken_over_meanwhile(path: &Path) -> io::Error {
    Explanation::new(
        "another server has taken this path over in this instant",
        "stop one of the two, or take over from the other by a further start",
    )
    .of_listen(endpoint(path), io::ErrorKind::AddrInUse.into())
}

/// Something that is not replaced stands at `found`, the path or a name beside it.
pub(super) fn occupied(path: &Path, found: &Path, foreign: Foreign) -> io::Error {
    let place = if found.file_name() == path.file_name() {
        "at this path".to_owned()
    } else {
        format!("at {}", found.display())
    };
    let way_out = match foreign {
        Foreign::Live => "stop that server, or choose another path",
        _ => "remove it, or choose another path",
    };
    let reason = match foreign {
        Foreign::NoSocket => match fs::symlink_metadata(found) {
            Ok(metadata) => {
                format!("{} stands {place}, and only a socket is replaced", kind_of(metadata.file_type()))
            }
            Err(_) => format!("a file that is no socket stands {place}"),
        },
        Foreign::SocketOf(uid) => {
            format!("a socket of uid {uid} stands {place}, and only this user's own is replaced")
        }
        Foreign::Live => format!("a live server's socket stands {place}, where a successor binds first"),
        Foreign::Unclear(cause) => {
            format!("a socket stands {place}, and whether it lives is unclear: {cause}")
        }
    };
    Explanation::new(reason, way_out)
        .errno("EADDRINUSE")
        .of_listen(endpoint(path), io::Error::from_raw_os_error(libc::EADDRINUSE))
}

/// Others may replace the socket in its directory.
pub(super) fn unsafe_directory(path: &Path, directory: &Path, fault: &Fault) -> io::Error {
    let directory = directory.display();
    let (reason, way_out) = match fault {
        Fault::Symlink => (
            format!("its directory {directory} is a symlink, whose owner may turn it elsewhere"),
            "name the real directory",
        ),
        Fault::OwnedBy(uid) => (
            format!("its directory {directory} belongs to uid {uid}, who may replace the socket"),
            "choose a directory of this user's or root's",
        ),
        Fault::WritableByOthers { mode, uid } => (
            format!(
                "others may write to its directory {directory} (mode {mode:04o}, uid {uid}) and replace the \
                 socket"
            ),
            "chmod go-w it, or choose another",
        ),
    };
    Explanation::new(reason, format!("{way_out}, or accept it by `accept_any_directory`"))
        .of_listen(endpoint(path), io::ErrorKind::PermissionDenied.into())
}

/// The file could not be given to another owner or group.
pub(super) fn owner(path: &Path, access: &Access, cause: io::Error) -> io::Error {
    let whom = match (access.owner, access.group) {
        (Some(uid), Some(gid)) => format!("uid {uid} and gid {gid}"),
        (Some(uid), None) => format!("uid {uid}"),
        (None, gid) => format!("gid {}", gid.unwrap_or_default()),
    };
    let explanation = match cause.raw_os_error() {
        Some(libc::EPERM) => Explanation::new(
            format!("this user may not give the socket to {whom}"),
            "run as root, or choose a group that this process is in",
        )
        .errno("EPERM"),
        _ => other(&cause),
    };
    explanation.of_listen(endpoint(path), cause)
}

/// The file could not be given its mode.
pub(super) fn mode(path: &Path, access: &Access, cause: io::Error) -> io::Error {
    Explanation::new(
        format!("the umask cut the socket's mode {:04o}, and it could not be restored: {cause}", access.mode),
        "mount /proc, or widen the umask",
    )
    .of_listen(endpoint(path), cause)
}

/// The mode holds bits that no socket's file has.
pub(super) fn no_mode(path: &Path, mode: u32) -> io::Error {
    Explanation::new(format!("{mode:#o} is no mode of a socket"), "choose one from 0 to 0777")
        .of_listen(endpoint(path), io::ErrorKind::InvalidInput.into())
}

/// The mode lets others in, and nobody checks who they are.
pub(super) fn unguarded_mode(path: &Path, mode: u32) -> io::Error {
    Explanation::new(
        format!("mode {mode:04o} lets other users than the owner connect, and nothing says which"),
        "say who may connect by `admit`, or leave the mode at 0600",
    )
    .of_listen(endpoint(path), io::ErrorKind::PermissionDenied.into())
}

/// Whoever shares the network namespace could connect.
pub(super) fn unguarded_name(name: &[u8]) -> io::Error {
    Explanation::new(
        "no mode guards an abstract name: any user may connect, and nothing says which",
        "say who may connect by `UnixListenOptions::admit`, or listen on a path",
    )
    .of_listen(abstract_endpoint(name), io::ErrorKind::PermissionDenied.into())
}

/// The options of Unix sockets were given to another endpoint.
pub(in crate::transport) fn no_unix_socket(endpoint: &Endpoint) -> io::Error {
    Explanation::new(
        "it is no Unix socket, and the options are those of one",
        "listen on it by `Endpoint::listen`",
    )
    .of_listen(endpoint.to_string(), io::ErrorKind::InvalidInput.into())
}

/// The options of a file were given to a socket that makes none.
pub(super) fn no_file(endpoint: &Endpoint) -> io::Error {
    Explanation::new(
        "it makes no file, and so has no mode, owner, group, directory or handover",
        "leave those options out, or listen on unix:PATH",
    )
    .of_listen(endpoint.to_string(), io::ErrorKind::InvalidInput.into())
}

/// Why the directory did not let a file be made.
fn directory(path: &Path, cause: &io::Error) -> Explanation {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let exists = parent.exists();
    let is_here = parent == Path::new(".");
    let parent = parent.display();
    match cause.raw_os_error() {
        Some(libc::ENOENT) if is_here => {
            Explanation::new("the working directory has been removed", "start in a directory that exists")
                .errno("ENOENT")
        }
        Some(libc::ENOENT) if exists => {
            Explanation::new(format!("its directory {parent} takes no new files"), "choose another directory")
                .errno("ENOENT")
        }
        Some(libc::ENOENT) => {
            Explanation::new(format!("its directory {parent} does not exist"), "make the directory first")
                .errno("ENOENT")
        }
        Some(libc::ELOOP) => Explanation::new(
            format!("its directory {parent} leads through too many symlinks"),
            "name the real directory",
        )
        .errno("ELOOP"),
        Some(libc::ENOTDIR) => {
            Explanation::new(format!("{parent} is no directory"), "correct the path").errno("ENOTDIR")
        }
        Some(libc::EACCES) => Explanation::new(
            format!("this user may not write to the directory {parent}"),
            "choose a directory of this user's own, or have its owner make one",
        )
        .errno("EACCES"),
        Some(libc::EROFS) => {
            Explanation::new(format!("{parent} is on a read-only file system"), "choose another directory")
                .errno("EROFS")
        }
        Some(libc::EPERM) => Explanation::new(
            format!("{parent} lets no file be made or removed: it is immutable, append-only or protected"),
            "see lsattr -d, or choose another directory",
        )
        .errno("EPERM"),
        Some(libc::ENOSPC) => Explanation::new(
            format!("the file system of {parent} is full, or has no inode left"),
            "make room, or choose another directory",
        )
        .errno("ENOSPC"),
        Some(libc::EDQUOT) => Explanation::new(
            format!("this user's quota on the file system of {parent} is used up"),
            "make room, or choose another directory",
        )
        .errno("EDQUOT"),
        Some(libc::EBUSY) => {
            Explanation::new("something is mounted at this path", "unmount it, or choose another path")
                .errno("EBUSY")
        }
        Some(libc::ENAMETOOLONG) => too_long(),
        _ => other(cause),
    }
}
