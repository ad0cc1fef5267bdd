//! The command line of the official interop programs: `--flag=value`, `--flag value` and Go's `-flag=value`.

use std::{ffi::OsString, os::unix::ffi::OsStrExt};

use clap::{Parser, builder::BoolishValueParser};

/// Reads the flags; `--help` is printed and ends the program.
///
/// # Errors
/// One line that names the input and what is wrong with it.
pub(crate) fn parse<F: Parser>(args: impl IntoIterator<Item = OsString>) -> Result<F, String> {
    match F::try_parse_from(args.into_iter().map(two_dashes)) {
        Ok(flags) => Ok(flags),
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => Err(one_line(&error)),
    }
}

/// A flag that is also true without a value, as Go has it.
pub(crate) fn boolean() -> BoolishValueParser {
    BoolishValueParser::new()
}

/// Nobody here speaks TLS; a peer's script that asks for it must not get plaintext instead.
///
/// # Errors
/// With `use_tls`, one line that says so.
pub(crate) fn refuse_tls(use_tls: bool) -> Result<(), String> {
    if use_tls {
        return Err("--use_tls=true: only plaintext is spoken; say --use_tls=false".to_owned());
    }
    Ok(())
}

/// `-flag` as `--flag`; one-letter flags and negative numbers stay.
fn two_dashes(arg: OsString) -> OsString {
    match arg.as_bytes() {
        [b'-', first, _, ..] if first.is_ascii_alphabetic() => {
            let mut long = OsString::from("-");
            long.push(arg);
            long
        }
        _ => arg,
    }
}

/// The error and what would be right, without the usage that clap adds.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let said = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<_> =
        said.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more")).collect();
    let said = said.join(" ");
    format!("{}; see --help", said.trim_start_matches("error: "))
}
