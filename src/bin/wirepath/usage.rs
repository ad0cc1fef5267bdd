//! Wrong usage in one line. clap explains over several; here it is `wirepath: input: reason: way out`, exit 2.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Failure;

/// Prints help or the version to stdout, or the one line to stderr; gives the exit status.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            match error.print().and_then(|()| io::stdout().flush()) {
                // A reader that closes the pipe early has seen enough.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Failure::failed("standard output", error, "make room, or print elsewhere").report()
                }
                _ => ExitCode::SUCCESS,
            }
        }
        _ => line(error).report(),
    }
}

fn line(error: &clap::Error) -> Failure {
    let argument = text(error, ContextKind::InvalidArg).unwrap_or_else(|| "arguments".to_owned());
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let choices = text(error, ContextKind::ValidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let near = text(error, ContextKind::SuggestedArg).map(|near| format!("did you mean {near}?"));
            Failure::usage(argument, "no such argument", near.as_deref().unwrap_or("see --help"))
        }
        ErrorKind::InvalidSubcommand => {
            let name = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            Failure::usage(name, "no such command", "the commands are audit and serve")
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Failure::usage("no command", "nothing to do", "try `wirepath audit` or `wirepath --help`")
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            Failure::usage(name(&argument), "needs a value", &way_out(&choices))
        }
        ErrorKind::InvalidValue => {
            Failure::usage(format!("{} {value}", name(&argument)), "no such value", &way_out(&choices))
        }
        // Values with a grammar of their own are endpoints, modes and ids; their errors name input and way out.
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(reason) => Failure::usage_explained(reason),
            None => Failure::usage(value, "no such value", "see --help"),
        },
        ErrorKind::MissingRequiredArgument if argument.contains("ENDPOINT") => {
            Failure::usage("ENDPOINT", "missing", "try `wirepath serve unix:/tmp/echo.sock`")
        }
        ErrorKind::InvalidUtf8 => {
            Failure::usage("an argument", "is not UTF-8", "write a path as unix:///%FF")
        }
        ErrorKind::MissingRequiredArgument => Failure::usage(argument, "missing", "see --help"),
        ErrorKind::ArgumentConflict => Failure::usage(name(&argument), "given twice", "give it once"),
        _ => Failure::usage(argument, error.kind(), "see --help"),
    }
}

/// `--format <FORMAT>` without the value's name.
fn name(argument: &str) -> &str {
    argument.split_once(' ').map_or(argument, |(name, _)| name)
}

fn way_out(choices: &str) -> String {
    if choices.is_empty() { "see --help".to_owned() } else { format!("choose one of {choices}") }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::Cli;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_wrong_usage_is_one_line_with_input_reason_and_way_out() {
        let table: [(&[&str], &str); 8] = [
            (&[], "no command: nothing to do: try `wirepath audit` or `wirepath --help`"),
            (&["call"], "call: no such command: the commands are audit and serve"),
            (&["audit", "--formt", "json"], "--formt: no such argument: did you mean --format?"),
            (&["audit", "--format", "xml"], "--format xml: no such value: choose one of text, json"),
            (&["audit", "--format"], "--format: needs a value: choose one of text, json"),
            (&["audit", "--out", "a", "--out", "b"], "--out: given twice: give it once"),
            (&["audit", "extra"], "extra: no such argument: see --help"),
            (&["serve"], "ENDPOINT: missing: try `wirepath serve unix:/tmp/echo.sock`"),
        ];
        for (arguments, expected) in table {
            let arguments = ["wirepath"].iter().chain(arguments);
            let error = Cli::try_parse_from(arguments).unwrap_err();
            assert_eq!(line(&error).line(), expected);
        }
    }
}
