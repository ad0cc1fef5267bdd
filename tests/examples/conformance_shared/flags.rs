//! The one flag of both programs.

use std::{env, process::ExitCode};

use clap::{Parser, ValueEnum};

/// The byte stream between the library and the suite's own program.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Via {
    /// TCP, which is all that the suite speaks.
    Tcp,
    /// A Unix socket, and a relay to TCP within this program.
    Unix,
}

/// A program under test of the conformance suite, whose runner talks to it by standard input and output.
#[derive(Debug, Parser)]
struct Flags {
    /// The byte stream under HTTP/2.
    #[arg(long, value_enum, default_value = "tcp")]
    via: Via,
}

/// What the command line asks for; `--help` is printed and ends the program.
///
/// # Errors
/// The exit status for a wrong flag, which has been printed.
pub(crate) fn via() -> Result<Via, ExitCode> {
    match Flags::try_parse_from(env::args_os()) {
        Ok(flags) => Ok(flags.via),
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => {
            eprint!("{error}");
            Err(ExitCode::from(2))
        }
    }
}
