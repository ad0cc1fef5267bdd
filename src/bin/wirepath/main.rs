//! The `wirepath` command, written against the public API only.
//!
//! `audit` lays real gRPC calls open byte by byte and proves what a Unix socket replaces; `serve` is the echo server it
//! calls. A wrong flag, endpoint or path gets one line: `wirepath: input: reason: way out`. Exit status: 0 done, 1 failed,
//! 2 wrong usage, 3 an audit's row differs from what it claims.
#![forbid(unsafe_code)]

mod audit;
mod descriptors;
mod echo;
mod failure;
mod listening;
mod serve;
mod signals;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// gRPC over a Unix socket, laid open.
#[derive(Debug, Parser)]
#[command(name = "wirepath", version, max_term_width = 100, after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUS: &str = "\
Exit status: 0 done, 1 failed, 2 wrong usage, 3 a row of the audit differs from what it claims";

#[derive(Debug, Subcommand)]
enum Command {
    Audit(audit::Args),
    Serve(serve::Args),
    /// A process for an experiment to stop and kill.
    #[command(name = audit::HOLD, hide = true)]
    AuditHoldStdin,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::explain(&error),
    };
    let outcome = descriptors::check().and_then(|()| match cli.command {
        Command::Audit(args) => audit::run(args),
        Command::Serve(args) => serve::run(args),
        Command::AuditHoldStdin => {
            audit::hold_stdin().map(|()| ExitCode::SUCCESS).map_err(Failure::explained)
        }
    });
    outcome.unwrap_or_else(|failure| failure.report())
}
