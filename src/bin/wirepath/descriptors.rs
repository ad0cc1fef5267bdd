//! Room for file descriptors, asked for before anything that has no words for their lack: tokio panics where it may not
//! open the pipe for signals.

use std::fs::File;
use std::io;

use rustix::io::Errno;

use crate::failure::Failure;

/// Refuses to begin with fewer descriptors than a command needs at the least.
pub(crate) fn check() -> Result<(), Failure> {
    let opened: io::Result<Vec<File>> = (0..NEEDED).map(|_| File::open("/dev/null")).collect();
    let lack = opened.err().filter(|cause| {
        let errno = Errno::from_io_error(cause);
        errno == Some(Errno::MFILE) || errno == Some(Errno::NFILE)
    });
    match lack {
        Some(cause) => Err(Failure::failed(
            "file descriptors",
            format_args!("{NEEDED} more cannot be opened ({cause})"),
            "raise the limit (ulimit -n), or close some",
        )),
        None => Ok(()),
    }
}

/// What `serve` has open on one path while it starts, and some more.
const NEEDED: usize = 16;
