//! How the tool fails: one line that names the input, the reason and the way out.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// What a command that could not do its work tells its user.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    line: String,
}

impl Failure {
    /// The user asked for what cannot be: exit 2.
    pub(crate) fn usage(input: impl fmt::Display, reason: impl fmt::Display, way_out: &str) -> Self {
        Failure { exit: 2, line: format!("{input}: {reason}: {way_out}") }
    }

    /// It was well asked and did not work: exit 1.
    pub(crate) fn failed(input: impl fmt::Display, reason: impl fmt::Display, way_out: &str) -> Self {
        Failure { exit: 1, line: format!("{input}: {reason}: {way_out}") }
    }

    /// The user asked for what cannot be, and the reason names the input and the way out: exit 2.
    pub(crate) fn usage_explained(reason: impl fmt::Display) -> Self {
        Failure { exit: 2, line: reason.to_string() }
    }

    /// It did not work, and the reason names its own way out: exit 1.
    pub(crate) fn explained(reason: impl fmt::Display) -> Self {
        Failure { exit: 1, line: reason.to_string() }
    }

    /// A signal ended it; the shell's exit status for that.
    pub(crate) fn interrupted(signal: Interrupt) -> Self {
        Failure { exit: signal.exit(), line: String::new() }
    }

    /// What `report` prints after the tool's name.
    #[cfg(test)]
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// Prints the line, if there is one to print, and gives the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.line.is_empty() {
            // With stderr gone there is nobody to tell.
            let _ = writeln!(io::stderr(), "wirepath: {}", one_line(&self.line));
        }
        ExitCode::from(self.exit)
    }
}

/// The text without line feeds and other control characters: a peer's or a user's bytes must not break the promise of
/// one line, nor speak to the terminal.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// The signals that end a command early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// SIGHUP, number 1: the terminal is gone.
    Hup,
    /// SIGINT, number 2.
    Int,
    /// SIGTERM, number 15.
    Term,
}

impl Interrupt {
    const fn exit(self) -> u8 {
        128 + match self {
            Interrupt::Hup => 1,
            Interrupt::Int => 2,
            Interrupt::Term => 15,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_neither_break_the_line_nor_reach_the_terminal() {
        assert_eq!(one_line("unix:/a\nb\r\x1b[7m \u{fc}\u{9b}"), "unix:/a\\nb\\r\\u{1b}[7m \u{fc}\\u{9b}");
    }
}
