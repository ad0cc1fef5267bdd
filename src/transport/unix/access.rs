//! **Mode, owner and group of a socket's file**, right before anybody can connect.
//!
//! The mode is set on the descriptor: `bind` makes the file with it, cut by the umask, so it is never wider
//! than asked. What the umask cut is given back after `bind`. Owner and group do not carry over from the
//! descriptor (measured on Linux 6.18), so a socket that gets others is bound with mode 0, changed, and only
//! then opened. All of it happens before `listen`, and until then every connect is refused. The umask itself
//! belongs to the whole process and is not touched.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use tokio::net::UnixSocket;

use super::ownership::{FileId, metadata_at};

/// What a socket's file is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) mode: u32,
    pub(super) owner: Option<u32>,
    pub(super) group: Option<u32>,
}

impl Access {
    /// Whether another user than the owner may connect: on Linux that takes the right to write.
    pub(super) fn is_wider_than_the_owners(&self) -> bool {
        self.mode & 0o022 != 0
    }

    /// Before `bind`: the mode that the file begins with.
    pub(super) fn prepare(&self, socket: &UnixSocket) -> io::Result<()> {
        let changes_hands = self.owner.is_some() || self.group.is_some();
        let first = if changes_hands { 0 } else { self.mode };
        let set =
            File::from(socket.as_fd().try_clone_to_owned()?).set_permissions(Permissions::from_mode(first));
        // Elsewhere fchmod refuses sockets; there the file gets its mode between `bind` and `listen`.
        if cfg!(target_os = "linux") { set } else { Ok(()) }
    }

    /// After `bind`, before `listen`: owner, group, and last the mode.
    pub(super) fn settle(&self, path: &Path, id: FileId) -> Result<(), Unsettled> {
        if self.owner.is_some() || self.group.is_some() {
            of_file(path, id, |path| chown(path, self.owner, self.group)).map_err(Unsettled::Owner)?;
        }
        let mode = metadata_at(path).map(|metadata| metadata.permissions().mode() & 0o7777);
        if mode == Some(self.mode) {
            return Ok(());
        }
        set_mode_at(path, id, self.mode).map_err(Unsettled::Mode)
    }
}

/// Which of the changes the kernel refused.
#[derive(Debug)]
pub(super) enum Unsettled {
    Owner(io::Error),
    Mode(io::Error),
}

/// chmod of the file meant and of no other that has come to its name.
pub(super) fn set_mode_at(path: &Path, id: FileId, mode: u32) -> io::Result<()> {
    of_file(path, id, |path| fs::set_permissions(path, Permissions::from_mode(mode)))
}

/// Runs `change` on a path that leads to the file `id`, whatever is done to its name meanwhile.
#[cfg(target_os = "linux")]
fn of_file(path: &Path, id: FileId, change: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    use std::fs::OpenOptions;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;

    let flags = libc::O_PATH | libc::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if FileId::of(&file.metadata()?) != id {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    // fchmod and fchown take no O_PATH descriptor, but what /proc makes of one.
    change(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
}

#[cfg(not(target_os = "linux"))]
fn of_file(path: &Path, id: FileId, change: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    if FileId::at(path) != Some(id) {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    change(path)
}
