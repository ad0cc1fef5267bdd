//! One line on standard error that says what runs, where someone watches it.

use std::io::{self, IsTerminal, Write};

/// The line; it disappears with this value.
#[derive(Debug)]
pub(crate) struct Progress {
    watched: bool,
}

impl Progress {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { watched: io::stderr().is_terminal() }
    }

    /// Replaces the line.
    pub(crate) fn show(&mut self, line: &str) {
        self.write(&format!("\r\x1b[K{line}"));
    }

    // Progress that cannot be shown is no failure of the race.
    fn write(&mut self, text: &str) {
        if self.watched {
            let _ = write!(io::stderr(), "{text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.write("\r\x1b[K");
    }
}
