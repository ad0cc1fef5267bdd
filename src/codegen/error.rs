//! Why no code was generated.

use std::path::PathBuf;
use std::{fmt, io};

/// Why no code was generated.
///
/// A build script that returns it from `main` shows it by `Debug`, so that is the readable text too.
#[non_exhaustive]
pub enum Error {
    /// A proto is not there, or not valid.
    Proto(protox::Error),
    /// The output cannot be written.
    Write {
        /// The file or the folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// No folder is set, and Cargo's `OUT_DIR` is there only in a build script.
    NoOutDir,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // protox keeps file, line and column for `Debug`.
            Self::Proto(error) => write!(f, "proto does not compile: {error:?}"),
            Self::Write { path, error } => {
                write!(f, "output cannot be written to {}: {error}", path.display())
            }
            Self::NoOutDir => f.write_str("no output folder: set one by `out_dir`, or run in a build script"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Proto(error) => Some(error),
            Self::Write { error, .. } => Some(error),
            Self::NoOutDir => None,
        }
    }
}

impl From<protox::Error> for Error {
    fn from(error: protox::Error) -> Self {
        Self::Proto(error)
    }
}
