//! **errno in words**: why a Unix socket did not open, and the way out.
//!
//! One errno has several causes here (ECONNREFUSED: a stale file, one that is no socket, a server before its
//! `listen`), so the file is looked at again before the words are chosen. The kind of the error is never
//! changed.

use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use super::{abstract_endpoint, endpoint};
use crate::transport::error::Explanation;

/// What bars a path to `bind`.
#[derive(Debug)]
pub(super) enum Occupant {
    /// A file that is no socket.
    NoSocket,
    /// A socket of another user.
    SocketOf(u32),
    /// A socket of ours that did not tell whether it lives.
    Unclear(io::Error),
}

/// A connect to a path failed.
pub(super) fn connect(path: &Path, cause: io::Error) -> io::Error {
    let explanation = match cause.raw_os_error() {
        Some(libc::ENOENT) => Explanation::new(
            "no file stands at this path",
            "start the server, or correct the path (a relative one starts at the working directory)",
        )
        .errno("ENOENT"),
        Some(libc::ECONNREFUSED) => refused(path),
        Some(libc::EACCES) => denied(path),
        Some(libc::ENOTDIR) => {
            Explanation::new("a part of the path is a file and no directory", "correct the path")
                .errno("ENOTDIR")
        }
        Some(libc::EPROTOTYPE) => Explanation::new(
            "the socket there is a datagram or seqpacket one, gRPC needs a stream",
            "connect to the path of a gRPC server",
        )
        .errno("EPROTOTYPE"),
        Some(libc::EAGAIN) => backlog_full(),
        Some(libc::ELOOP) => {
            Explanation::new("the path leads through too many symlinks", "connect to the real path")
                .errno("ELOOP")
        }
        Some(libc::ENAMETOOLONG) => too_long(),
        _ => other(&cause),
    };
    explanation.of_connect(endpoint(path), cause)
}

/// A connect to an abstract name failed.
pub(super) fn connect_abstract(name: &[u8], cause: io::Error) -> io::Error {
    let explanation = match cause.raw_os_error() {
        Some(libc::ECONNREFUSED) => Explanation::new(
            "nobody listens on this name",
            "start the server in this network namespace, or correct the name (every byte of it counts)",
        )
        .errno("ECONNREFUSED"),
        Some(libc::EPROTOTYPE) => Explanation::new(
            "the socket there is a datagram or seqpacket one, gRPC needs a stream",
            "connect to the name of a gRPC server",
        )
        .errno("EPROTOTYPE"),
        Some(libc::EAGAIN) => backlog_full(),
        _ => other(&cause),
    };
    explanation.of_connect(abstract_endpoint(name), cause)
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

/// A server lives at the path.
pub(super) fn live(path: &Path) -> io::Error {
    Explanation::new("a live server has this path", "stop it, or choose another path")
        .errno("EADDRINUSE")
        .of_listen(endpoint(path), io::Error::from_raw_os_error(libc::EADDRINUSE))
}

/// Something that is not removed stands at the path.
pub(super) fn occupied(path: &Path, occupant: Occupant) -> io::Error {
    let reason = match occupant {
        Occupant::NoSocket => match fs::symlink_metadata(path) {
            Ok(metadata) => format!(
                "{} stands at this path, and only a socket is replaced",
                kind_of(metadata.file_type())
            ),
            Err(_) => "a file that is no socket stands at this path".to_owned(),
        },
        Occupant::SocketOf(uid) => {
            format!("a socket of uid {uid} stands at this path, and only this user's own is replaced")
        }
        Occupant::Unclear(cause) => {
            format!("a socket stands at this path, and whether it lives is unclear: {cause}")
        }
    };
    Explanation::new(reason, "remove it, or choose another path")
        .errno("EADDRINUSE")
        .of_listen(endpoint(path), io::Error::from_raw_os_error(libc::EADDRINUSE))
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
            format!("this user may not write to the directory {parent}, or not to {}", path.display()),
            "choose a directory of this user's own, or have its owner make one",
        )
        .errno("EACCES"),
        Some(libc::EROFS) => {
            Explanation::new(format!("{parent} is on a read-only file system"), "choose another directory")
                .errno("EROFS")
        }
        Some(libc::ENAMETOOLONG) => too_long(),
        _ => other(cause),
    }
}

fn refused(path: &Path) -> Explanation {
    match fs::metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => Explanation::new(
            "the socket file is stale: its server has ended, or does not listen yet",
            "start the server, it replaces the file",
        ),
        Ok(metadata) => Explanation::new(
            format!("{} stands at this path, and no socket", kind_of(metadata.file_type())),
            "correct the path",
        ),
        Err(_) => Explanation::new("nobody listens on the socket", "start the server"),
    }
    .errno("ECONNREFUSED")
}

fn denied(path: &Path) -> Explanation {
    match fs::metadata(path) {
        Ok(metadata) => Explanation::new(
            format!("the socket is of uid {} with mode {:04o}", metadata.uid(), metadata.mode() & 0o7777),
            "connect as its owner",
        ),
        Err(_) => Explanation::new(
            "a directory of the path may not be searched by this user",
            "connect as the server's user, or have the directory opened (x)",
        ),
    }
    .errno("EACCES")
}

fn backlog_full() -> Explanation {
    Explanation::new(
        "the server lives, but its backlog of connections is full",
        "try again in a moment; if it stays so, the server accepts too slowly or hangs",
    )
    .errno("EAGAIN")
}

fn too_long() -> Explanation {
    Explanation::new("a part of the path is longer than its file system allows", "choose shorter names")
        .errno("ENAMETOOLONG")
}

fn other(cause: &io::Error) -> Explanation {
    match cause.raw_os_error() {
        Some(libc::EMFILE) => Explanation::new(
            "this process has as many files and sockets open as it may",
            "raise the limit (ulimit -n), or open fewer",
        )
        .errno("EMFILE"),
        _ => Explanation::new(cause.to_string(), "see unix(7) for the cause"),
    }
}

fn kind_of(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a directory"
    } else if file_type.is_symlink() {
        "a symlink"
    } else if file_type.is_fifo() {
        "a fifo"
    } else if file_type.is_file() {
        "a regular file"
    } else {
        "a device"
    }
}
