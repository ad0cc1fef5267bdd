//! **errno in words**: why a connect to a Unix socket failed, and the way out.
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

pub(super) fn too_long() -> Explanation {
    Explanation::new("a part of the path is longer than its file system allows", "choose shorter names")
        .errno("ENAMETOOLONG")
}

pub(super) fn other(cause: &io::Error) -> Explanation {
    match cause.raw_os_error() {
        Some(libc::EMFILE) => Explanation::new(
            "this process has as many files and sockets open as it may",
            "raise the limit (ulimit -n), or open fewer",
        )
        .errno("EMFILE"),
        _ => Explanation::new(cause.to_string(), "see unix(7) for the cause"),
    }
}

pub(super) fn kind_of(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a directory"
    } else if file_type.is_symlink() {
        "a symlink"
    } else if file_type.is_fifo() {
        "a fifo"
    } else if file_type.is_file() {
        "a regular file"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
