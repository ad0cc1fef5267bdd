//! One line on a terminal that says what is being done; silence elsewhere.

use std::io::{self, IsTerminal, Write};

/// The line; dropping it wipes it out.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    /// Shows itself if stderr is a terminal.
    pub(crate) fn start() -> Self {
        Progress { shown: io::stderr().is_terminal() }
    }

    /// Replaces the line.
    pub(crate) fn show(&self, text: &str) {
        if self.shown {
            let _ = write!(io::stderr(), "{WIPE}{text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}

/// Wipes out the line of an audit that is given up.
pub(crate) fn wipe() {
    Progress::start().show("");
}

/// Back to the line's begin, and erase to its end.
const WIPE: &str = "\r\x1b[K";
