//! **What stands at a path**: judged under the turn, before anything is replaced.
//!
//! A socket of ours is stale if a connect finds nobody (`ECONNREFUSED`): a start binds and listens within one
//! turn, so no server is between the two. `EAGAIN` is a full backlog, so somebody. Nothing else than a socket
//! of ours is ever replaced or removed.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};

use super::access::{self, Access};
use super::listen_errors::{self, Foreign};
use super::ownership::{FileId, Site, metadata_at};

/// Who is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occupant {
    /// No file.
    Nobody,
    /// A socket of ours that nobody listens on.
    Stale(FileId),
    /// A socket of ours whose server lives.
    Live(FileId),
}

/// Where a socket stands: its file, and the address that leads there.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub(super) path: &'a Path,
    pub(super) address: &'a Path,
}

impl Site {
    /// The path itself.
    pub(super) fn at(&self) -> At<'_> {
        At { path: &self.path, address: &self.address }
    }
}

/// A socket of ours at `path`, or nothing.
///
/// # Errors
/// `AddrInUse` where a file stands there that is not ours to replace.
pub(super) fn own_socket(site: &Site, path: &Path, access: &Access) -> io::Result<Option<FileId>> {
    let Some(metadata) = metadata_at(path) else { return Ok(None) };
    if !metadata.file_type().is_socket() {
        return Err(listen_errors::occupied(&site.given, path, Foreign::NoSocket));
    }
    if !is_ours(&metadata, site, access) {
        return Err(listen_errors::occupied(&site.given, path, Foreign::SocketOf(metadata.uid())));
    }
    Ok(Some(FileId::of(&metadata)))
}

/// Asks whether anybody listens at the site's path, or at the name beside it.
pub(super) fn find(site: &Site, at: At<'_>, access: &Access) -> io::Result<Occupant> {
    let Some(id) = own_socket(site, at.path, access)? else { return Ok(Occupant::Nobody) };
    let Err(cause) = connect_despite_mode(at, id) else { return Ok(Occupant::Live(id)) };
    match cause.kind() {
        io::ErrorKind::ConnectionRefused => Ok(Occupant::Stale(id)),
        io::ErrorKind::WouldBlock => Ok(Occupant::Live(id)),
        io::ErrorKind::NotFound => Ok(Occupant::Nobody),
        _ => Err(listen_errors::occupied(&site.given, at.path, Foreign::Unclear(cause))),
    }
}

/// The owner that a socket of ours may have is this user, or the one it was to be given to.
fn is_ours(metadata: &Metadata, site: &Site, access: &Access) -> bool {
    metadata.uid() == site.uid || access.owner == Some(metadata.uid())
}

/// Connects, also where the mode shuts out its own owner: a server that was killed before its socket had the
/// mode it asked for leaves such a file. Only the owner gains by the bit, and only until the answer.
fn connect_despite_mode(at: At<'_>, id: FileId) -> io::Result<()> {
    let Err(denied) = connect(at.address) else { return Ok(()) };
    let mode = metadata_at(at.path).map_or(0, |metadata| metadata.permissions().mode() & 0o7777);
    if denied.kind() != io::ErrorKind::PermissionDenied || mode & OWNER_MAY_CONNECT != 0 {
        return Err(denied);
    }
    access::set_mode_at(at.path, id, mode | OWNER_MAY_CONNECT)?;
    let answer = connect(at.address);
    access::set_mode_at(at.path, id, mode)?;
    answer
}

/// One attempt that does not wait: a full backlog is EAGAIN at once.
fn connect(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

const OWNER_MAY_CONNECT: u32 = 0o200;
