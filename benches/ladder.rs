//! The ladder: what a call over a Unix socket costs on the bare socket, on h2, on wirepath and on tonic.
//!
//! ```text
//! cargo bench --bench ladder
//! cargo bench --bench ladder -- --json --cell "x 64" --peer tonic
//! ```
//!
//! `load/` is what is carried and counted, the same for everyone. `race/` builds `peers/` (the other rungs, a crate of its
//! own), starts client and server as two processes and compares. `wirepath_echo` is our rung, on the public API alone: this
//! very program, started again.

mod load;
mod race;
mod wirepath_echo;

use std::env;
use std::error::Error;
use std::io;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::load::Failure;
use crate::load::part::{Part, serve_while_wanted};
use crate::race::contender::PLAY;
use crate::race::options::{HELP, Options, Wish};

fn main() -> ExitCode {
    let args: Vec<String> = env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    if let Some((PLAY, part)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return ended(play(part));
    }
    match Wish::from_args(args) {
        Ok(Wish::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Wish::Race(options)) => ended(race(&options)),
        Err(usage) => {
            eprintln!("ladder: {usage}");
            ExitCode::from(2)
        }
    }
}

/// Races until done or interrupted; either way no process and no file is left behind.
fn race(options: &Options) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        eprintln!("ladder: a debug build has no speed to measure, use cargo bench --bench ladder");
        return Ok(());
    }
    one_thread()?.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            done = race::run(options) => done,
            _ = interrupt.recv() => Err("interrupted".into()),
            _ = terminate.recv() => Err("terminated".into()),
        }
    })
}

/// wirepath's client or server, on one thread.
fn play(part: &[String]) -> Result<(), Failure> {
    let runtime = one_thread()?;
    match Part::from_args(part)? {
        Part::Server { socket } => runtime.block_on(serve_while_wanted(wirepath_echo::serve(&socket))),
        Part::Client { socket, cell, server } => {
            let client = wirepath_echo::connect(&socket);
            println!("{}", runtime.block_on(load::measure(client, cell, server))?);
            Ok(())
        }
    }
}

fn one_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A reader that has seen enough is no failure.
fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Err(failure) if !is_broken_pipe(failure.as_ref()) => {
            eprintln!("ladder: {failure}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn is_broken_pipe(failure: &(dyn Error + 'static)) -> bool {
    failure.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
