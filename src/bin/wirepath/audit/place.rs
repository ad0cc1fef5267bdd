//! A private directory for this run's sockets: mode 0700 from the first instant, gone at the end.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The directory; dropping it removes it with all that is in it.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
}

impl Place {
    /// Makes a fresh directory in `TMPDIR`, or in a shorter one where a socket's path would not fit there.
    pub(crate) fn make() -> io::Result<Self> {
        // Set to nothing is as good as not set.
        let is_set = std::env::var_os("TMPDIR").is_none_or(|dir| !dir.is_empty());
        if is_set { Self::make_in(&std::env::temp_dir()) } else { Self::make_in(Path::new("/tmp")) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn make_in(wanted: &Path) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for parent in [wanted, Path::new("/tmp"), Path::new("/dev/shm")] {
            // A relative TMPDIR would change its meaning with the working directory.
            let parent = std::path::absolute(parent)?;
            match Self::make_below(&parent) {
                Ok(place) => return Ok(place),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn make_below(parent: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let path = parent.join(fresh_name());
            if path.as_os_str().as_bytes().len() > MAX_LEN {
                return Err(io::Error::new(io::ErrorKind::InvalidFilename, "too long for a socket's path"));
            }
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Place { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // An experiment on another thread may be adding a file while this removes them.
        for _ in 0..ATTEMPTS {
            match fs::remove_dir_all(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                _ => return,
            }
        }
    }
}

/// `wirepath-PID-NANOSECONDS`: unlikely to be taken, and telling whose it is.
fn fresh_name() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("wirepath-{}-{:x}", std::process::id(), now.subsec_nanos())
}

/// A socket's path has 107 bytes; the experiments' names within the directory need the rest.
const MAX_LEN: usize = 80;

const ATTEMPTS: u32 = 20;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn is_private_and_gone_at_the_end() {
        let place = Place::make().unwrap();
        let path = place.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(path.join("left"), "behind").unwrap();
        drop(place);
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_too_deep_or_absent_is_not_taken() {
        for wanted in [format!("/tmp/{}", "d".repeat(100)), "/nonexistent/directory".to_owned()] {
            let place = Place::make_in(Path::new(&wanted)).unwrap();
            assert!(place.path().as_os_str().len() <= MAX_LEN);
            assert!(!place.path().starts_with(&wanted));
        }
    }
}
